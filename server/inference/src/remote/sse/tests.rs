use super::{Events, MAX_EVENT_BYTES, TooLong};
use proptest::{collection::vec, prelude::*};

fn read(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<String> {
    let mut events = Events::default();
    pieces.into_iter().flat_map(|piece| events.feed(piece.as_ref()).unwrap()).collect()
}

#[track_caller]
fn check(stream: &str, expected: &[&str]) {
    assert_eq!(read([stream]), expected);
}

#[test]
fn events_end_with_an_empty_line() {
    check("data: one\n\ndata: two\n\ndata: never ended\n", &["one", "two"]);
}

#[test]
fn all_three_line_ends_count() {
    check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &["a", "b", "c"]);
}

#[test]
fn lines_of_one_event_are_joined() {
    check("data: a\ndata:b\ndata\n\n", &["a\nb\n"]);
}

#[test]
fn what_is_no_data_is_left_out() {
    check("\u{feff}: hello\n\nevent: x\nid: 7\nretry: 5\ndata: a\ndatabase: b\n\n\n\n", &["a"]);
}

#[test]
fn only_one_space_belongs_to_the_field() {
    check("data:  a\n\ndata:a\n\n", &[" a", "a"]);
}

#[test]
fn an_endless_event_is_refused() {
    let mut events = Events::default();
    assert_eq!(events.feed(&vec![b'x'; MAX_EVENT_BYTES + 1]), Err(TooLong));
    let mut events = Events::default();
    let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
    assert!((0..2000).any(|_| events.feed(&line).is_err()));
}

proptest! {
    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut(
        data in vec("[^\r\n]{0,20}", 0..8),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        cuts in vec(1usize..9, 1..40),
    ) {
        let stream: String = data.iter().map(|it| format!(": {it}{line_end}data: {it}{line_end}{line_end}")).collect();
        let mut rest = stream.as_bytes();
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(read(&pieces), data.clone());
        prop_assert_eq!(read([stream.as_bytes()]), data);
    }

    #[test]
    fn no_bytes_make_it_panic(pieces in vec(vec(any::<u8>(), 0..50), 0..20)) {
        let mut events = Events::default();
        for piece in pieces {
            _ = events.feed(&piece);
        }
    }
}
