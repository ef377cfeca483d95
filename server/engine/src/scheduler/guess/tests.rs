use super::*;

#[test]
fn where_wrong_guesses_are_computed_again_their_rows_count_twice() {
    let mut cost = StepCost::default();
    for (n_rows, ms) in [(1, 10.0), (2, 12.0), (3, 15.0)] {
        cost.learn(n_rows, 0, ms);
    }
    let undo = Undo::default();
    let check = |n_decoding: usize, n_rows: usize, expected: f64| {
        assert_eq!(step_ms(&cost, Some(&undo), n_decoding)(n_rows), Some(expected), "{n_decoding}, {n_rows}");
    };
    check(1, 1, 10.0);
    check(1, 2, 14.0);
    check(1, 3, 20.0);
    check(2, 2, 12.0);
    check(2, 3, 18.0);
}
