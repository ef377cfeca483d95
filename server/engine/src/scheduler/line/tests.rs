use super::*;
use proptest::prelude::*;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Whether one that waits for cells for so many seconds, or a newcomer, that needs 50 cells may start where 60 are spare and whoever
/// waits longest does for so many seconds, and where 40 are.
fn check(room: Room, own: Option<u64>, longest: Option<u64>, expected: [bool; 2]) {
    let may_start = [60, 40].map(|n_spare| {
        let room = Room { longest: longest.map(seconds), n_spare, ..room };
        room.is_for(own.map(seconds)) && room.has(50)
    });
    assert_eq!(may_start, expected, "{room:?}, {own:?}, {longest:?}");
}

#[test]
fn who_waits_for_cells_is_passed_for_a_while_and_starts_where_it_fits() {
    let room = Room { longest: None, is_empty: false, may_go_on: true, n_spare: 0 };
    check(room, None, None, [true, true]);
    check(room, None, Some(9), [true, false]);
    check(room, None, Some(10), [false, false]);
    check(room, Some(9), Some(9), [true, false]);
    check(room, Some(11), Some(11), [true, false]);
    check(room, Some(9), Some(11), [false, false]);
    let room = Room { may_go_on: false, ..room };
    check(room, None, Some(9), [true, false]);
    check(room, Some(9), Some(9), [false, false]);
    // Alone it has all cells.
    let room = Room { is_empty: true, ..room };
    check(room, Some(9), Some(9), [true, true]);
    check(room, Some(11), Some(11), [true, true]);
    check(room, None, Some(11), [false, false]);
}

proptest! {
    /// A hundred cells. Every second those end whose time is over, and somebody new is always there.
    #[test]
    fn whoever_gave_its_cells_back_goes_on_however_many_come(
        newcomers in prop::collection::vec((1usize..60, 1u64..30), 1..50),
        n_cells in 1usize..=100,
        finds_too_few in prop::collection::vec(any::<bool>(), 100),
    ) {
        let mut newcomers = newcomers.iter().cycle();
        let mut running: Vec<(usize, u64)> = vec![(60, 25)];
        let mut may_go_on = false;
        for second in 0..100 {
            let n_before = running.len();
            running.retain(|(_, end)| *end > second);
            may_go_on |= running.len() < n_before;
            loop {
                let n_spare = 100 - running.iter().map(|(n, _)| n).sum::<usize>();
                let waits_for = Some(seconds(second));
                let room = Room { longest: waits_for, is_empty: running.is_empty(), may_go_on, n_spare };
                if room.is_for(waits_for) && room.has(n_cells) {
                    // Cells may be lacking although the numbers say that there are enough.
                    may_go_on = false;
                    if running.is_empty() || !finds_too_few[second as usize] {
                        prop_assert!(second <= 10 + 30, "only after {} seconds", second);
                        return Ok(());
                    }
                }
                let Some((n_cells, life)) = newcomers.next().filter(|(n, _)| room.is_for(None) && room.has(*n))
                else {
                    break;
                };
                running.push((*n_cells, second + life));
            }
        }
        prop_assert!(false, "never");
    }
}
