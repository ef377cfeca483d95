//! What samplers have that others have not.

use super::{Knob, Overrides, usual_of};
use crate::sampling::Sampling;

impl Overrides {
    /// What makes `sampling` of any of `others`: all that is not the same in each of them. A bound that is missing in it cannot
    /// be told.
    pub fn apart(sampling: &Sampling, others: &[&Sampling]) -> Self {
        let said = |knob: Knob| {
            let text = usual_of(knob, sampling);
            let is_apart = others.iter().any(|other| usual_of(knob, other) != text);
            is_apart.then(|| (knob.name().to_owned(), text))
        };
        let numbers: Vec<_> = Knob::ALL.into_iter().filter_map(said).collect();
        // What was written from numbers can be read as such.
        Self::read(&numbers).unwrap_or_default()
    }

    /// Names and numbers, as [`Overrides::read`] takes them.
    pub fn numbers(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(knob, value)| (knob.name().to_owned(), value.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::{Mirostat, Step};

    fn check(sampling: &Sampling, others: &[&Sampling], expected: &str) {
        let apart = Overrides::apart(sampling, others);
        assert_eq!(apart.words().join("; "), expected);
        assert_eq!(Overrides::read(&apart.numbers()), Ok(apart));
    }

    #[test]
    fn what_differs_from_any_of_the_others_is_said() {
        let usual = Sampling::default();
        check(&usual, &[&usual], "");
        let hot = Sampling { temperature: 1.1, seed: Some(u32::MAX), ..usual.clone() };
        check(&hot, &[&usual], "temperature 1.1; seed 4294967295");
        check(&usual, &[&usual, &hot], "temperature 0.7");
        check(&hot, &[&hot], "");
    }

    #[test]
    fn what_is_said_makes_the_same_of_another() {
        let sampling = Sampling {
            top_k: 7,
            dry_sequence_breakers: vec![" ".to_owned(), "\n".to_owned(), "\\".to_owned()],
            mirostat: Mirostat::V2,
            samplers: vec![Step::Typical, Step::Temperature],
            logit_bias: vec![(7, -0.1), (9, 2.5)],
            ignore_eos: true,
            max_tokens: Some(9),
            xtc_probability: 1e-7,
            ..Sampling::default()
        };
        let other = Sampling { temperature: 2.0, min_tokens: 3, ..Sampling::default() };
        for other in [other, Sampling::default()] {
            let apart = Overrides::apart(&sampling, &[&other]);
            assert_eq!(apart.over(other), Ok(sampling.clone()));
        }
    }
}
