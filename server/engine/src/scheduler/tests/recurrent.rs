//! Models that cannot forget single tokens: what was guessed wrongly leaves no trace.

use super::{Ask, PROMPTS, ask, guessed};
use crate::tests::{
    Worker, exactly,
    tiny_heads::{self, Knows},
    tiny_llama, tiny_recurrent,
};
use protocol::{DraftModel, LoadRequest, Speculation};
use std::path::Path;
use types::chat::{Guesser, Usage};

/// How a model is written.
type Write = fn(&Path, u64);

/// One of recurrent layers only, and hybrid ones whose heads know much and nothing; the last has experts.
const WRITES: [Write; 4] = [
    tiny_recurrent::write_mamba,
    |path, seed| tiny_recurrent::write_hybrid(path, seed, Knows::Much),
    |path, seed| tiny_recurrent::write_hybrid(path, seed, Knows::Nothing),
    |path, seed| tiny_recurrent::write_hybrid_of_experts(path, seed, Knows::Much),
];

fn start(write: Write, seed: u64, n_ctx: u32) -> Worker {
    Worker::start_loading(|path| {
        write(path, seed);
        exactly(path, Some(n_ctx))
    })
}

fn plainly(write: Write, seed: u64, asks: &[Ask]) -> Vec<String> {
    let plain = |ask: &Ask| {
        let mut worker = start(write, seed, 1024);
        let (texts, _) = split(worker.answer(&[Ask { speculation: Speculation::Off, ..ask.clone() }]));
        worker.end();
        texts.concat()
    };
    asks.iter().map(plain).collect()
}

fn split(answers: Vec<(String, Usage)>) -> (Vec<String>, Vec<Usage>) {
    answers.into_iter().unzip()
}

#[test]
fn n_grams_change_nothing_but_the_number_of_steps() {
    for write in [WRITES[0], WRITES[1]] {
        for (seed, temperature) in [(81, 0.0), (82, 0.0), (81, 0.8)] {
            let asks = guessed(Speculation::Only(Guesser::Ngrams), temperature);
            let expected = plainly(write, seed, &asks);
            let mut worker = start(write, seed, 1024);
            // The second time everything was said before, by the same person.
            for round in 0..2 {
                let (texts, usages) = split(worker.answer(&asks));
                assert_eq!(texts, expected, "seed {seed}, temperature {temperature}, round {round}");
                assert!(usages.iter().all(|usage| usage.n_steps == 120 - usage.n_accepted_tokens));
                let sum = |count: fn(&Usage) -> u32| usages.iter().map(count).sum::<u32>();
                let (n_drafted, n_accepted) = (sum(|it| it.n_drafted_tokens), sum(|it| it.n_accepted_tokens));
                assert!(n_drafted > 0, "{usages:?}");
                assert!(round == 0 || n_accepted > 100, "{usages:?}");
            }
            worker.end();
        }
    }
}

#[test]
fn heads_change_nothing_but_the_number_of_steps() {
    for (write, knows_much) in [(WRITES[1], true), (WRITES[2], false), (WRITES[3], true)] {
        let mut n_accepted = 0;
        for (seed, temperature) in [(83, 0.0), (84, 0.0), (83, 0.9)] {
            let asks = guessed(Speculation::Only(Guesser::Mtp), temperature);
            let expected = plainly(write, seed, &asks);
            let mut worker = start(write, seed, 1024);
            for round in 0..2 {
                let (texts, usages) = split(worker.answer(&asks));
                assert_eq!(texts, expected, "seed {seed}, temperature {temperature}, round {round}");
                for usage in &usages {
                    assert_eq!(usage.guesser, Guesser::Mtp);
                    assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
                }
                n_accepted += usages.iter().map(|usage| usage.n_accepted_tokens).sum::<u32>();
            }
            worker.end();
        }
        assert_eq!(n_accepted > 100, knows_much, "{n_accepted} came true");
    }
}

#[test]
fn a_draft_model_guesses_for_a_recurrent_model_as_well() {
    let asks = guessed(Speculation::Only(Guesser::DraftModel), 0.0);
    let expected = plainly(WRITES[0], 85, &asks);
    let mut worker = Worker::start_loading(|path| {
        let draft = path.with_file_name("draft.gguf");
        tiny_recurrent::write_mamba(path, 85);
        tiny_llama::write(&draft, 85);
        let draft_model = Some(DraftModel { path: draft, is_required: true });
        LoadRequest { draft_model, ..exactly(path, Some(1024)) }
    });
    let (texts, usages) = split(worker.answer(&asks));
    worker.end();
    assert_eq!(texts, expected);
    assert!(usages.iter().all(|usage| usage.guesser == Guesser::DraftModel), "{usages:?}");
}

/// How a draft model is written.
type WriteDraft = fn(&Path);

#[test]
fn drafters_that_look_at_layers_follow_what_is_computed_again() {
    let drafters: [(Guesser, WriteDraft); 2] = [
        (Guesser::Dflash, |path| tiny_llama::write_block_drafter(path, 7, &[0, 1])),
        (Guesser::Eagle3, |path| tiny_heads::write_eagle(path, 7, Knows::Much, &[0, 1, 1])),
    ];
    for write in [WRITES[1], WRITES[3]] {
        for (guesser, write_draft) in drafters {
            for temperature in [0.0, 0.9] {
                let asks = guessed(Speculation::Only(guesser), temperature);
                let expected = plainly(write, 88, &asks);
                let mut worker = Worker::start_loading(|path| {
                    let draft = path.with_file_name("draft.gguf");
                    write(path, 88);
                    write_draft(&draft);
                    let draft_model = Some(DraftModel { path: draft, is_required: true });
                    LoadRequest { draft_model, ..exactly(path, Some(1024)) }
                });
                for round in 0..2 {
                    let (texts, usages) = split(worker.answer(&asks));
                    assert_eq!(texts, expected, "{guesser:?}, temperature {temperature}, round {round}");
                    for usage in usages {
                        assert_eq!(usage.guesser, guesser);
                        assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
                        // In every other step at the least: behind a wrong guess it is not asked.
                        assert!(usage.n_drafted_tokens + 40 > 2 * usage.n_steps, "{usage:?}");
                    }
                }
                worker.end();
            }
        }
    }
}

#[test]
fn who_waits_for_room_and_who_goes_on_answer_the_same() {
    for write in [WRITES[0], WRITES[1]] {
        let asks: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|name| Ask {
                n_tokens: 200,
                speculation: Speculation::Always,
                ..ask(&format!("{name} says again"))
            })
            .into();
        let expected = plainly(write, 86, &asks);
        let mut worker = start(write, 86, 256);
        for round in 0..2 {
            let (texts, usages) = split(worker.answer(&asks));
            assert_eq!(texts, expected, "round {round}");
            assert!(usages.iter().any(|usage| usage.n_accepted_tokens > 0), "{usages:?}");
        }
        worker.end();
    }
}

#[test]
fn who_may_be_guessed_for_and_who_may_not_are_answered_side_by_side() {
    for write in WRITES {
        let ways =
            [Speculation::Always, Speculation::Off, Speculation::Auto, Speculation::Only(Guesser::DraftTree)];
        let with = |(speculation, prompt): (Speculation, &str)| Ask { speculation, ..ask(prompt) };
        let asks: Vec<_> = ways.into_iter().zip(PROMPTS).map(with).collect();
        let expected = plainly(write, 87, &asks);
        let mut worker = start(write, 87, 1024);
        for round in 0..3 {
            assert_eq!(split(worker.answer(&asks)).0, expected, "round {round}");
        }
        worker.end();
    }
}
