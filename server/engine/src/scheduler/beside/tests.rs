use super::Beside::{self, Image, Prompts, Vectors};

/// What comes in six steps while these are ready.
#[track_caller]
fn check(ready: &[Beside], expected: &[Beside]) {
    let mut last = Vectors;
    let step = |_| {
        let next = last.next(|it| ready.contains(&it))?;
        last = next;
        Some(next)
    };
    let steps: Vec<_> = (0..6).map_while(step).collect();
    assert_eq!(steps, expected);
}

#[test]
fn a_step_has_one_of_them_and_each_has_its_turn() {
    check(&[Prompts, Vectors], &[Prompts, Vectors, Prompts, Vectors, Prompts, Vectors]);
    check(&[Image, Prompts], &[Prompts, Image, Prompts, Image, Prompts, Image]);
    check(&[Vectors, Image, Prompts], &[Prompts, Image, Vectors, Prompts, Image, Vectors]);
}

#[test]
fn what_is_alone_has_every_step() {
    check(&[Vectors], &[Vectors; 6]);
    check(&[Prompts], &[Prompts; 6]);
    check(&[], &[]);
}
