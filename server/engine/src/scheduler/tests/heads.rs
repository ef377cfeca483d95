//! What a model's own head or a drafter of EAGLE-3 guesses changes nothing but the number of steps.

use super::{Ask, PROMPTS, ask, guessed, guesses};
use crate::tests::{
    Worker, exactly,
    tiny_heads::{self, Knows, MIXING},
    tiny_llama,
};
use protocol::{Command, DraftModel, Event, LoadRequest, RequestId, Speculation};
use std::path::Path;
use types::chat::{FinishReason, Guesser, Usage};

/// Who guesses, and a model for which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Head,
    Eagle,
}

const KINDS: [Kind; 2] = [Kind::Head, Kind::Eagle];

impl Kind {
    fn guesser(self) -> Guesser {
        match self {
            Self::Head => Guesser::Mtp,
            Self::Eagle => Guesser::Eagle3,
        }
    }

    /// By this one alone, whatever it costs.
    fn alone(self) -> Speculation {
        Speculation::Only(self.guesser())
    }

    fn write(self, path: &Path, seed: u64, knows: Knows) -> LoadRequest {
        let plain = exactly(path, Some(1024));
        match self {
            Self::Head => {
                tiny_heads::write(path, seed, knows, 1);
                plain
            }
            Self::Eagle => {
                let draft = path.with_file_name("draft.gguf");
                tiny_llama::write_forgetful(path, seed, MIXING);
                tiny_heads::write_eagle(&draft, seed + 100, knows, &[0, 1, 1]);
                LoadRequest { draft_model: Some(DraftModel { path: draft, is_required: true }), ..plain }
            }
        }
    }

    fn start(self, seed: u64, knows: Knows, n_ctx: u32) -> Worker {
        Worker::start_loading(|path| LoadRequest { n_ctx: Some(n_ctx), ..self.write(path, seed, knows) })
    }

    /// What `asks` answer one by one in a worker of their own, without guesses.
    fn plainly(self, seed: u64, knows: Knows, asks: &[Ask]) -> Vec<String> {
        let mut texts = Vec::new();
        for ask in asks {
            let mut worker = Worker::start_loading(|path| LoadRequest {
                draft_model: None,
                ..self.write(path, seed, knows)
            });
            let answers = worker.answer(&[Ask { speculation: Speculation::Off, ..ask.clone() }]);
            assert!(answers[0].1.n_drafted_tokens == 0);
            texts.extend(answers.into_iter().map(|(text, _)| text));
            worker.end();
        }
        texts
    }
}

fn split(answers: Vec<(String, Usage)>) -> (Vec<String>, Vec<Usage>) {
    answers.into_iter().unzip()
}

/// The share of guesses that came true.
fn acceptance(usages: &[Usage]) -> f32 {
    let sum = |count: fn(&Usage) -> u32| usages.iter().map(count).sum::<u32>() as f32;
    sum(|it| it.n_accepted_tokens) / sum(|it| it.n_drafted_tokens)
}

#[test]
fn heads_change_nothing_but_the_number_of_steps() {
    for kind in KINDS {
        for knows in [Knows::Much, Knows::Nothing] {
            for (seed, temperature) in [(61, 0.0), (62, 0.0), (61, 0.9)] {
                let asks = guessed(kind.alone(), temperature);
                let expected = kind.plainly(seed, knows, &asks);
                let mut worker = kind.start(seed, knows, 1024);
                // The second time all of it is in the cache.
                for round in 0..2 {
                    let (texts, usages) = split(worker.answer(&asks));
                    assert_eq!(texts, expected, "{kind:?}, {knows:?}, seed {seed}, {temperature}, {round}");
                    for usage in usages {
                        assert_eq!(usage.guesser, kind.guesser());
                        assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
                        // As far as it may in every step but the first and the last ones.
                        assert!(usage.n_drafted_tokens + 60 > 8 * usage.n_steps, "{usage:?}");
                    }
                }
                worker.end();
            }
        }
    }
}

#[test]
fn what_heads_know_saves_steps_and_what_they_do_not_know_is_taken_back() {
    for kind in KINDS {
        let [much, nothing] = [Knows::Much, Knows::Nothing].map(|knows| {
            let mut worker = kind.start(63, knows, 1024);
            let (_, usages) = split(worker.answer(&guessed(kind.alone(), 0.0)));
            worker.end();
            acceptance(&usages)
        });
        assert!(much > 0.3 && nothing < 0.1, "{kind:?}: {much} and {nothing}");
    }
}

#[test]
fn what_heads_guess_leaves_the_distribution_as_it_is() {
    for kind in KINDS {
        guesses::check_distribution(kind.start(73, Knows::Much, 1024), kind.alone(), guesses::RIGHT);
    }
}

#[test]
fn trees_of_what_heads_guess_change_nothing_either() {
    for kind in KINDS {
        for temperature in [0.0, 0.9] {
            let asks = guessed(Speculation::Only(Guesser::DraftTree), temperature);
            let expected = kind.plainly(64, Knows::Much, &asks);
            let mut worker = kind.start(64, Knows::Much, 1024);
            let (texts, usages) = split(worker.answer(&asks));
            worker.end();
            assert_eq!(texts, expected, "{kind:?}, {temperature}");
            assert!(usages.iter().any(|usage| usage.guesser == Guesser::DraftTree), "{usages:?}");
            assert!(usages.iter().all(|usage| usage.n_accepted_tokens > 0), "{usages:?}");
        }
    }
}

#[test]
fn who_waits_for_room_is_guessed_for_by_heads_as_well() {
    for kind in KINDS {
        let asks: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|name| Ask {
                n_tokens: 200,
                speculation: kind.alone(),
                ..ask(&format!("{name} says again"))
            })
            .into();
        let expected = kind.plainly(65, Knows::Much, &asks);
        let mut worker = kind.start(65, Knows::Much, 256);
        let (texts, usages) = split(worker.answer(&asks));
        worker.end();
        assert_eq!(texts, expected, "{kind:?}");
        assert!(usages.iter().all(|usage| usage.n_accepted_tokens > 0), "{usages:?}");
    }
}

#[test]
fn a_conversation_that_goes_on_and_one_of_somebody_else_are_followed_by_heads() {
    for kind in KINDS {
        let beginning = "a long beginning that everybody shares. ".repeat(5);
        let asks: Vec<_> = [(1, "one"), (1, "two"), (2, "one"), (2, "three")]
            .map(|(tenant, end)| Ask {
                tenant,
                speculation: kind.alone(),
                ..ask(&format!("{beginning}{end}"))
            })
            .into();
        let expected = kind.plainly(66, Knows::Much, &asks);
        let mut worker = kind.start(66, Knows::Much, 1024);
        for round in 0..3 {
            let (texts, usages) = split(worker.answer(&asks));
            assert_eq!(texts, expected, "{kind:?}, round {round}");
            assert!(acceptance(&usages) > 0.3, "{usages:?}");
            worker.forget(2);
        }
        worker.end();
    }
}

#[test]
fn a_prompt_of_several_batches_is_followed_by_heads() {
    for kind in KINDS {
        let asks = [Ask { speculation: kind.alone(), ..ask(&"far away and long ago. ".repeat(35)) }];
        let expected = kind.plainly(67, Knows::Much, &asks);
        let mut worker = kind.start(67, Knows::Much, 1024);
        let (texts, usages) = split(worker.answer(&asks));
        worker.end();
        assert_eq!(texts, expected, "{kind:?}");
        assert!(acceptance(&usages) > 0.3, "{usages:?}");
    }
}

#[test]
fn who_may_be_guessed_for_by_heads_and_who_may_not_are_answered_side_by_side() {
    for kind in KINDS {
        let ways = [kind.alone(), Speculation::Off, Speculation::Only(Guesser::Ngrams), Speculation::Auto];
        let with = |(speculation, prompt): (Speculation, &str)| Ask { speculation, ..ask(prompt) };
        let asks: Vec<_> = ways.into_iter().zip(PROMPTS).map(with).collect();
        let expected = kind.plainly(68, Knows::Much, &asks);
        let mut worker = kind.start(68, Knows::Much, 1024);
        for _ in 0..2 {
            assert_eq!(split(worker.answer(&asks)).0, expected, "{kind:?}");
        }
        worker.end();
    }
}

#[test]
fn heads_or_n_grams_are_chosen_for_each_request_and_change_no_answer() {
    for kind in KINDS {
        for speculation in [Speculation::Auto, Speculation::Always] {
            let asks = guessed(speculation, 0.0);
            let expected = kind.plainly(69, Knows::Much, &asks);
            let mut worker = kind.start(69, Knows::Much, 1024);
            for _ in 0..2 {
                assert_eq!(split(worker.answer(&asks)).0, expected, "{kind:?}, {speculation:?}");
            }
            worker.end();
        }
    }
}

#[test]
fn who_leaves_takes_nothing_from_the_others_that_heads_guess_for() {
    for kind in KINDS {
        let asks = guessed(kind.alone(), 0.0);
        let expected = kind.plainly(70, Knows::Much, &asks);
        let mut worker = kind.start(70, Knows::Much, 1024);
        let endless = Ask { n_tokens: 900, ..asks[0].clone() };
        worker.send(RequestId(1), &endless);
        worker.send(RequestId(2), &asks[1]);
        let mut text = String::new();
        let (mut is_cancelled, mut n_ended) = (false, 0);
        while n_ended < 2 {
            let Event::Step(deltas) = worker.hear() else { continue };
            for delta in deltas {
                if delta.id == RequestId(2) {
                    text.push_str(&delta.text);
                } else if !is_cancelled {
                    worker.tell(&Command::Cancel { id: RequestId(1) });
                    is_cancelled = true;
                }
                if let Some(ended) = delta.finished {
                    let expected = [FinishReason::Cancelled, FinishReason::Length];
                    assert_eq!(ended, Ok(expected[delta.id.0 as usize - 1]));
                    n_ended += 1;
                }
            }
        }
        assert_eq!(text, expected[1], "{kind:?}");
        assert_eq!(split(worker.answer(&asks)).0, expected, "{kind:?}");
        worker.end();
    }
}

#[test]
fn a_model_whose_heads_cannot_be_asked_is_loaded_without_them() {
    type Write = fn(&Path);
    let writes: [(Write, &str); 3] = [
        (|path| tiny_heads::write(path, 71, Knows::Much, 2), "there is more than one of them"),
        (
            |path| tiny_heads::write_lacking(path, 71, Knows::Much, 1, "nextn.eh_proj.weight"),
            "the file lacks blk.2.nextn.eh_proj.weight",
        ),
        (|path| tiny_heads::write(path, 71, Knows::Much, 0), ""),
    ];
    for (write, reason) in writes {
        let mut worker = Worker::start_loading(|path| {
            write(path);
            exactly(path, Some(1024))
        });
        let expected =
            (!reason.is_empty()).then(|| format!("the model's own heads cannot be used: {reason}"));
        assert_eq!(worker.facts.draft_problem, expected);
        let (_, usages) = split(worker.answer(&guessed(Speculation::Only(Guesser::Mtp), 0.0)));
        assert!(usages.iter().all(|usage| usage.guesser == Guesser::Nobody), "{usages:?}");
        worker.end();
    }
}

/// Loads a drafter that knows these tokens, or all.
fn try_eagle(layers: &[i32], tokens: Option<&[i64]>) -> Result<Worker, String> {
    Worker::try_loading(|path| {
        let request = Kind::Eagle.write(path, 72, Knows::Nothing);
        let draft = path.with_file_name("draft.gguf");
        tiny_heads::write_eagle_for(&draft, 72, Knows::Nothing, layers, tokens);
        request
    })
}

#[test]
fn a_drafter_that_knows_some_of_the_tokens_changes_no_answer() {
    let asks = guessed(Kind::Eagle.alone(), 0.0);
    let expected = Kind::Eagle.plainly(72, Knows::Nothing, &asks);
    let letters: Vec<i64> = (3..31).rev().collect();
    let mut worker = try_eagle(&[0, 1, 1], Some(&letters)).expect("a worker");
    let (texts, usages) = split(worker.answer(&asks));
    worker.end();
    assert_eq!(texts, expected);
    assert!(usages.iter().all(|usage| usage.n_drafted_tokens > 100), "{usages:?}");
}

#[test]
fn a_drafter_that_does_not_fit_is_refused_with_a_sentence() {
    let check = |layers: &[i32], tokens: Option<&[i64]>, reason: &str| {
        let refused = try_eagle(layers, tokens).map(Worker::end).expect_err("a refusal");
        assert_eq!(refused, format!("the draft model draft.gguf cannot be used: {reason}"));
    };
    check(&[0, 1, 2], None, "it looks at layers that the model does not have");
    check(&[0, 1, 1], Some(&[3, 4, 5000]), "its tokens are not those of the model");
    check(&[0, 1, 1], Some(&[3, -4, 5]), "its tokens are not those of the model");
}
