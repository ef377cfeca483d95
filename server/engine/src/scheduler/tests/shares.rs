//! Who starts next, and what becomes of what is saved.

use super::{Ask, ask};
use crate::tests::{Worker, exactly, tiny_llama};
use protocol::{Command, Event, LoadRequest, RequestId};
use std::collections::BTreeSet;

/// Two generations at a time.
fn start() -> Worker {
    Worker::start_loading(|path| {
        tiny_llama::write(path, 3);
        LoadRequest { n_sequences: 2, ..exactly(path, Some(1024)) }
    })
}

/// Sends the requests of these tenants with their numbers.
fn send(worker: &mut Worker, asks: &[(u64, i64)]) {
    for &(id, tenant) in asks {
        // Those that run first take long enough for the others to come.
        let n_tokens = if id <= 2 { 900 } else { 3 };
        let prompt = format!("{} is at it", ["one", "two", "three", "four", "five", "six"][id as usize - 1]);
        worker.send(RequestId(id), &Ask { tenant, n_tokens, ..ask(&prompt) });
    }
}

/// In which order the requests of these tenants say something, and in which order they were told that they wait once all were
/// accepted. The first two run when the others come.
fn order(tenants: &[i64]) -> (Vec<u64>, Vec<u64>) {
    let mut worker = start();
    let asks: Vec<_> = (1..).zip(tenants.iter().copied()).collect();
    let (first, mut others) = asks.split_at(2);
    send(&mut worker, first);
    let (mut began, mut line, mut n_accepted, mut n_ended) = (Vec::new(), Vec::new(), 0, 0);
    while n_ended < tenants.len() {
        match worker.hear() {
            Event::Accepted { .. } => n_accepted += 1,
            Event::Line { waiting } if n_accepted == tenants.len() && line.is_empty() => {
                line = waiting.into_iter().map(|id| id.0).collect();
            }
            Event::Step(deltas) => {
                for delta in deltas {
                    if !began.contains(&delta.id.0) {
                        began.push(delta.id.0);
                    }
                    n_ended += usize::from(delta.finished.is_some());
                }
                if began.len() == 2 {
                    send(&mut worker, std::mem::take(&mut others));
                }
            }
            _ => {}
        }
    }
    worker.end();
    (began, line)
}

#[test]
fn who_has_fewer_answers_running_starts_before_who_came_earlier() {
    let (began, line) = order(&[1, 1, 1, 1, 1, 2]);
    assert_eq!(line, [6, 3, 4, 5]);
    let place = |id: u64| began.iter().position(|it| *it == id);
    assert_eq!(began.iter().collect::<BTreeSet<_>>().len(), 6);
    assert!(place(6) < place(4) && place(6) < place(5), "{began:?}");
    // Alone with oneself, whoever came first is first.
    assert_eq!(order(&[1, 1, 1, 1, 1, 1]).1, [3, 4, 5, 6]);
}

#[test]
fn what_is_saved_is_told_and_goes_when_it_may_take_less() {
    // Half a thousand tokens of two layers, four heads of 16 numbers and two of keys and values: 1 kB a token and more.
    let long = |i: usize| Ask {
        n_tokens: 4,
        ..ask(&format!("{} ", "abcdefgh".chars().nth(i).unwrap_or('z')).repeat(450))
    };
    let mut worker = start();
    let asks: Vec<_> = (0..8).map(long).collect();
    asks.iter().for_each(|ask| drop(worker.answer(std::slice::from_ref(ask))));
    let again = worker.answer(&asks[..1]);
    assert!(again[0].1.n_cached_tokens > 400, "{again:?}");
    worker.tell(&Command::SetSavedBytes { saved_bytes: 0 });
    let others = worker.answer(&asks[1..2]);
    assert!(others[0].1.n_cached_tokens < 400, "{others:?}");
    worker.end();
}

/// Who ends first when a short question comes while one of five long ones has given its cells back.
#[test]
fn a_newcomer_that_fits_starts_while_somebody_waits_for_room() {
    let mut worker = Worker::start_loading(|path| {
        tiny_llama::write(path, 3);
        exactly(path, Some(1024))
    });
    // Four contexts of 1024 cells; each of these fills one, so that there is room for four and a little more.
    let letters = ["a", "b", "c", "d", "e"];
    for (id, letter) in (1..).zip(letters) {
        worker.send(RequestId(id), &Ask { n_tokens: 990, ..ask(&format!("{letter} is at it")) });
    }
    let short = RequestId(6);
    let (mut is_sent, mut ended) = (false, Vec::new());
    while ended.len() < 6 {
        match worker.hear() {
            Event::Line { waiting } if waiting == [RequestId(5)] && !is_sent => {
                worker.send(short, &Ask { n_tokens: 3, ..ask("one more") });
                is_sent = true;
            }
            Event::Step(deltas) => {
                ended.extend(deltas.into_iter().filter(|it| it.finished.is_some()).map(|it| it.id));
            }
            _ => {}
        }
    }
    worker.end();
    assert_eq!(ended[0], short, "{ended:?}");
}
