//! Whoever guesses, the answer is the one without guesses, and so is how often each answer comes.

use super::{Ask, PROMPTS, ask, guessed, plainly};
use crate::tests::{
    Worker, exactly,
    tiny_llama::{self, Blocks},
};
use protocol::{DraftModel, LoadRequest, Speculation};
use std::{collections::BTreeMap, path::Path};
use types::chat::{Guesser, Usage};

/// A worker with the model of `seed` and a draft model that `write_draft` writes.
fn start_with_draft(seed: u64, n_ctx: u32, write_draft: impl FnOnce(&Path)) -> Worker {
    Worker::start_loading(|path| load_with_draft(seed, n_ctx, path, write_draft))
}

fn load_with_draft(seed: u64, n_ctx: u32, path: &Path, write_draft: impl FnOnce(&Path)) -> LoadRequest {
    let draft = path.with_file_name("draft.gguf");
    tiny_llama::write(path, seed);
    write_draft(&draft);
    let draft_model = Some(DraftModel { path: draft, is_required: true });
    LoadRequest { draft_model, ..exactly(path, Some(n_ctx)) }
}

/// How a draft model of a kind is written for the model of `seed`.
type WriteDraft = fn(&Path, u64);

/// One that nearly always guesses right, one that often does, one that knows nothing, and the model itself.
const DRAFTS: [WriteDraft; 4] = [
    |path, seed| tiny_llama::write_relative(path, seed, 0.002),
    |path, seed| tiny_llama::write_relative(path, seed, 0.05),
    |path, seed| tiny_llama::write(path, seed + 50),
    tiny_llama::write,
];

const BY_DRAFT_MODEL: Speculation = Speculation::Only(Guesser::DraftModel);
const BY_BLOCKS: Speculation = Speculation::Only(Guesser::Dflash);
const BY_DRAFT_TREE: Speculation = Speculation::Only(Guesser::DraftTree);

fn split(answers: Vec<(String, Usage)>) -> (Vec<String>, Vec<Usage>) {
    answers.into_iter().unzip()
}

#[test]
fn a_draft_model_changes_nothing_but_the_number_of_steps() {
    for (seed, temperature) in [(31, 0.0), (32, 0.0), (31, 0.9)] {
        let asks = guessed(BY_DRAFT_MODEL, temperature);
        let expected = plainly(seed, &asks);
        for write_draft in DRAFTS {
            let mut worker = start_with_draft(seed, 1024, |path| write_draft(path, seed));
            let (texts, usages) = split(worker.answer(&asks));
            worker.end();
            assert_eq!(texts, expected, "seed {seed}, temperature {temperature}");
            for usage in usages {
                assert_eq!(usage.guesser, Guesser::DraftModel);
                assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
                assert!(usage.n_drafted_tokens >= usage.n_accepted_tokens);
            }
        }
    }
}

#[test]
fn a_text_with_tokens_that_the_draft_model_lacks_is_answered_without_it() {
    // Both bytes of the letter are among the last hundred.
    let asks = ["é is no letter of theirs", PROMPTS[0]]
        .map(|prompt| Ask { speculation: BY_DRAFT_MODEL, ..ask(prompt) });
    let expected = plainly(33, &asks);
    let mut worker = start_with_draft(33, 1024, |path| tiny_llama::write_with_fewer_tokens(path, 33, 100));
    let (texts, usages) = split(worker.answer(&asks));
    worker.end();
    assert_eq!(texts, expected);
    let n_drafted: Vec<_> = usages.iter().map(|usage| usage.n_drafted_tokens).collect();
    assert!(n_drafted[0] == 0 && n_drafted[1] > 0, "{n_drafted:?}");
}

#[test]
fn a_tree_of_guesses_changes_nothing_but_the_number_of_steps() {
    for (seed, temperature) in [(41, 0.0), (42, 0.0), (43, 0.0), (41, 0.9)] {
        let asks = guessed(BY_DRAFT_TREE, temperature);
        let expected = plainly(seed, &asks);
        for write_draft in DRAFTS {
            let mut worker = start_with_draft(seed, 1024, |path| write_draft(path, seed));
            let (texts, usages) = split(worker.answer(&asks));
            worker.end();
            assert_eq!(texts, expected, "seed {seed}, temperature {temperature}");
            for usage in usages {
                assert_eq!(usage.guesser, Guesser::DraftTree);
                assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
            }
        }
    }
}

#[test]
fn a_tree_finds_more_than_a_chain_where_the_draft_model_is_not_sure() {
    let n_steps = |speculation| {
        let mut worker = start_with_draft(44, 1024, |path| tiny_llama::write_relative(path, 44, 0.05));
        let (_, usages) = split(worker.answer(&guessed(speculation, 0.0)));
        worker.end();
        usages.iter().map(|usage| usage.n_steps).sum::<u32>()
    };
    let (chain, tree) = (n_steps(BY_DRAFT_MODEL), n_steps(BY_DRAFT_TREE));
    assert!(tree < chain, "{tree} steps with trees, {chain} with chains");
}

#[test]
fn more_trees_than_there_are_numbers_for_are_cut() {
    let asks: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .map(|name| Ask { speculation: BY_DRAFT_TREE, ..ask(&format!("{name} says again and again")) })
        .into();
    let expected = plainly(45, &asks);
    let mut worker = start_with_draft(45, 1024, |path| tiny_llama::write_relative(path, 45, 0.05));
    let (texts, usages) = split(worker.answer(&asks));
    worker.end();
    assert_eq!(texts, expected);
    assert!(usages.iter().all(|usage| usage.n_accepted_tokens > 0), "{usages:?}");
}

/// One that looks at both layers of the model.
fn block_drafter(path: &Path) {
    tiny_llama::write_block_drafter(path, 7, &[0, 1]);
}

#[test]
fn blocks_of_guesses_change_nothing_but_the_number_of_steps() {
    for (seed, temperature) in [(51, 0.0), (52, 0.0), (53, 0.0), (51, 0.9)] {
        let asks = guessed(BY_BLOCKS, temperature);
        let expected = plainly(seed, &asks);
        let mut worker = start_with_draft(seed, 1024, block_drafter);
        for round in 0..2 {
            let (texts, usages) = split(worker.answer(&asks));
            assert_eq!(texts, expected, "seed {seed}, temperature {temperature}, round {round}");
            for usage in usages {
                assert_eq!(usage.guesser, Guesser::Dflash);
                assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
                assert!(usage.n_drafted_tokens > 4 * usage.n_steps - 20, "{usage:?}");
            }
        }
        worker.end();
    }
}

#[test]
fn blocks_whose_places_are_chosen_together_change_nothing_either() {
    for blocks in [Blocks::Paths, Blocks::Chained] {
        for (seed, temperature) in [(57, 0.0), (58, 0.0), (57, 0.9)] {
            let asks = guessed(BY_BLOCKS, temperature);
            let expected = plainly(seed, &asks);
            let mut worker = start_with_draft(seed, 1024, |path| {
                tiny_llama::write_drafter_of(path, 7, &[0, 1], blocks);
            });
            for round in 0..2 {
                let (texts, usages) = split(worker.answer(&asks));
                assert_eq!(texts, expected, "{blocks:?}, seed {seed}, temperature {temperature}, {round}");
                let has_guessed = |usage: &Usage| usage.n_drafted_tokens > 4 * usage.n_steps - 20;
                assert!(usages.iter().all(has_guessed), "{usages:?}");
            }
            worker.end();
        }
    }
}

#[test]
fn trees_of_a_block_drafters_choices_change_nothing_either() {
    for (seed, temperature) in [(55, 0.0), (56, 0.0), (55, 0.9)] {
        let asks = guessed(BY_DRAFT_TREE, temperature);
        let expected = plainly(seed, &asks);
        let mut worker = start_with_draft(seed, 1024, block_drafter);
        for round in 0..2 {
            let (texts, usages) = split(worker.answer(&asks));
            assert_eq!(texts, expected, "seed {seed}, temperature {temperature}, round {round}");
            assert!(usages.iter().all(|usage| usage.n_steps == 120 - usage.n_accepted_tokens));
            // Where the drafter is sure, a tree is a chain.
            assert!(usages.iter().any(|usage| usage.guesser == Guesser::DraftTree), "{usages:?}");
            assert!(usages.iter().all(|usage| usage.n_accepted_tokens > 0), "{usages:?}");
        }
        worker.end();
    }
}

#[test]
fn a_block_drafter_that_does_not_fit_is_refused_with_a_sentence() {
    let refused = |layers: &[i32]| {
        let write_draft = |path: &Path| tiny_llama::write_block_drafter(path, 7, layers);
        let loaded = Worker::try_loading(|path| load_with_draft(54, 1024, path, write_draft));
        loaded.map(Worker::end).expect_err("a refusal")
    };
    assert_eq!(
        refused(&[0, 2]),
        "the draft model cannot be used: it looks at layers that the model does not have"
    );
}

#[test]
fn what_a_draft_model_knows_saves_steps_and_what_it_does_not_know_is_taken_back() {
    let accepted = DRAFTS.map(|write_draft| {
        let mut worker = start_with_draft(33, 1024, |path| write_draft(path, 33));
        let (_, usages) = split(worker.answer(&guessed(BY_DRAFT_MODEL, 0.0)));
        worker.end();
        usages.iter().filter_map(Usage::acceptance).sum::<f32>() / usages.len() as f32
    });
    let [near, far, stranger, same] = accepted;
    assert!(same > 0.99 && near > 0.8 && near > far && far > stranger && stranger < 0.3, "{accepted:?}");
}

#[test]
fn who_guesses_is_chosen_for_each_request_and_changes_no_answer() {
    for speculation in [Speculation::Auto, Speculation::Always] {
        for write_draft in [DRAFTS[1], DRAFTS[2], |path, _| block_drafter(path)] {
            let asks = guessed(speculation, 0.0);
            let expected = plainly(34, &asks);
            let mut worker = start_with_draft(34, 1024, |path| write_draft(path, 34));
            // The second time everything was said before, by the same person.
            for _ in 0..2 {
                assert_eq!(split(worker.answer(&asks)).0, expected);
            }
            worker.end();
        }
    }
}

#[test]
fn a_draft_model_that_knows_nothing_and_costs_as_much_as_the_model_is_hardly_heard() {
    let asks = [Ask { n_tokens: 800, temperature: 1.0, speculation: Speculation::Auto, ..ask(PROMPTS[3]) }];
    let expected = plainly(47, &asks);
    let mut worker = start_with_draft(47, 1024, |path| tiny_llama::write(path, 97));
    let (texts, usages) = split(worker.answer(&asks));
    worker.end();
    assert_eq!(texts, expected);
    assert!(usages[0].n_drafted_tokens < 200, "{usages:?}");
}

#[test]
fn a_request_says_who_may_guess() {
    let mut worker = start_with_draft(35, 1024, |path| tiny_llama::write(path, 35));
    for (speculation, expected) in [
        (Speculation::Off, Guesser::Nobody),
        (Speculation::Only(Guesser::Ngrams), Guesser::Ngrams),
        (BY_DRAFT_MODEL, Guesser::DraftModel),
    ] {
        let (_, usages) = split(worker.answer(&guessed(speculation, 0.0)));
        assert!(usages.iter().all(|usage| usage.guesser == expected), "{usages:?}");
    }
    worker.end();
}

/// A draft model of the right kind for `speculation`, and the model of `seed`.
fn start_drafting(seed: u64, n_ctx: u32, speculation: Speculation) -> Worker {
    start_with_draft(seed, n_ctx, |path| match speculation {
        BY_BLOCKS => block_drafter(path),
        _ => tiny_llama::write_relative(path, seed, 0.01),
    })
}

#[test]
fn who_waits_for_room_is_drafted_for_as_well() {
    for speculation in [BY_DRAFT_MODEL, BY_DRAFT_TREE, BY_BLOCKS] {
        let asks: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|name| Ask { n_tokens: 200, speculation, ..ask(&format!("{name} says again")) })
            .into();
        let expected = plainly(36, &asks);
        let mut worker = start_drafting(36, 256, speculation);
        let (texts, usages) = split(worker.answer(&asks));
        worker.end();
        assert_eq!(texts, expected, "{speculation:?}");
        assert!(usages.iter().all(|usage| usage.n_drafted_tokens > 0), "{usages:?}");
    }
}

#[test]
fn a_conversation_that_goes_on_and_one_of_somebody_else_are_drafted_from_their_own_text() {
    for speculation in [BY_DRAFT_MODEL, BY_DRAFT_TREE, BY_BLOCKS] {
        let beginning = "a long beginning that everybody shares. ".repeat(5);
        let asks: Vec<_> = [(1, "one"), (1, "two"), (2, "one"), (2, "three")]
            .map(|(tenant, end)| Ask { tenant, speculation, ..ask(&format!("{beginning}{end}")) })
            .into();
        let expected = plainly(37, &asks);
        let mut worker = start_drafting(37, 1024, speculation);
        for round in 0..3 {
            let (texts, usages) = split(worker.answer(&asks));
            assert_eq!(texts, expected, "{speculation:?}, round {round}");
            assert!(usages.iter().all(|usage| usage.n_drafted_tokens > 0), "{usages:?}");
            worker.forget(2);
        }
        worker.end();
    }
}

#[test]
fn who_may_be_guessed_for_and_who_may_not_are_answered_side_by_side() {
    for guesses in [BY_DRAFT_MODEL, BY_DRAFT_TREE, BY_BLOCKS] {
        let kinds = [guesses, Speculation::Off, Speculation::Only(Guesser::Ngrams), Speculation::Auto];
        let asks: Vec<_> = kinds
            .into_iter()
            .zip(PROMPTS)
            .map(|(speculation, prompt)| Ask { speculation, ..ask(prompt) })
            .collect();
        let expected = plainly(46, &asks);
        let mut worker = start_drafting(46, 1024, guesses);
        for _ in 0..2 {
            assert_eq!(split(worker.answer(&asks)).0, expected, "{guesses:?}");
        }
        worker.end();
    }
}

#[test]
fn a_draft_model_that_does_not_fit_is_refused_with_a_sentence() {
    let manners = tiny_llama::Manners { template: "", special: &["<a>", "<b>"] };
    let with = |write_draft: &dyn Fn(&Path)| {
        Worker::try_loading(|path| load_with_draft(38, 1024, path, write_draft)).map(Worker::end).err()
    };
    let refused = |write_draft: &dyn Fn(&Path)| with(write_draft).expect("a refusal");
    assert_eq!(with(&|path| tiny_llama::write_with(path, 39, &manners)), None, "two more tokens do no harm");
    assert_eq!(refused(&|_| ()), "the draft model draft.gguf cannot be used: there is no such file");
    assert_eq!(
        refused(&|path| tiny_llama::write_spelling(path, "▁bacdefghijklmnopqrstuvwxyz.")),
        "the draft model draft.gguf cannot be used: its vocabulary is another one: token 4 is “b” there and “a” in the model"
    );
}

#[test]
fn a_model_is_loaded_without_a_draft_model_that_does_not_fit_and_is_not_required() {
    let asks = guessed(Speculation::Auto, 0.0);
    let expected = plainly(39, &asks);
    let misfits: [fn(&Path); 2] = [
        |path| tiny_llama::write_block_drafter(path, 7, &[0, 2]),
        |path| tiny_llama::write_spelling(path, "▁bacdefghijklmnopqrstuvwxyz."),
    ];
    for write_draft in misfits {
        let mut worker = Worker::start_loading(|path| {
            let request = load_with_draft(39, 1024, path, write_draft);
            let draft_model = request.draft_model.map(|it| DraftModel { is_required: false, ..it });
            LoadRequest { draft_model, ..request }
        });
        let problem = worker.facts.draft_problem.clone().expect("a reason");
        assert!(problem.contains("cannot be used"), "{problem}");
        assert_eq!(split(worker.answer(&asks)).0, expected);
        worker.end();
    }
}

/// How often each answer to the same prompt came, by what `key` takes of it.
type Counts = BTreeMap<String, (u32, u32)>;

/// Whether two samples of the same size come from one distribution: the G statistic of the two rows, with rare answers put together, stays below
/// a bound that it passes by chance less than once in a million times (Laurent and Massart, Annals of Statistics 28
/// (2000), lemma 1: P(χ²ₖ ≥ k + 2√(kx) + 2x) ≤ e⁻ˣ).
fn are_alike(counts: &Counts) -> Result<(), String> {
    let is_common = |(a, b): &(u32, u32)| a + b >= 20;
    let rare =
        counts.values().filter(|row| !is_common(row)).fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let common = counts.values().copied().filter(is_common);
    let cells: Vec<_> = common.chain([rare]).filter(|(a, b)| a + b > 0).collect();
    let term =
        |n: u32, expected: f64| if n == 0 { 0.0 } else { f64::from(n) * (f64::from(n) / expected).ln() };
    let g: f64 = cells
        .iter()
        .map(|&(a, b)| {
            let expected = f64::from(a + b) / 2.0;
            2.0 * (term(a, expected) + term(b, expected))
        })
        .sum();
    let (k, x) = ((cells.len() - 1) as f64, 1e6_f64.ln());
    let bound = k + 2.0 * (k * x).sqrt() + 2.0 * x;
    if cells.len() > 1 && g < bound {
        Ok(())
    } else {
        Err(format!("G is {g:.1}, the bound {bound:.1}: {counts:?}"))
    }
}

/// Answers of a few tokens to one prompt, with these seeds.
fn samples(
    worker: &mut Worker,
    speculation: Speculation,
    seeds: std::ops::Range<u32>,
) -> Vec<(String, Usage)> {
    let asks: Vec<_> = seeds
        .map(|seed| Ask {
            seed,
            temperature: 1.0,
            n_tokens: 6,
            speculation,
            ..ask("the sea the sea the sea")
        })
        .collect();
    asks.chunks(32).flat_map(|asks| worker.answer(asks)).collect()
}

const N_SAMPLES: u32 = 800;

/// So many guesses are right where whoever guesses knows something.
pub(super) const RIGHT: u32 = N_SAMPLES / 10;

/// Whether the worker's answers come as often with guesses as without, where enough of them are wrong and more than `least` right.
pub(super) fn check_distribution(mut worker: Worker, speculation: Speculation, least: u32) {
    let plain = samples(&mut worker, Speculation::Off, 0..N_SAMPLES);
    let (guessed, usages) = split(samples(&mut worker, speculation, N_SAMPLES..2 * N_SAMPLES));
    worker.end();
    let total = |count: fn(&Usage) -> u32| usages.iter().map(count).sum::<u32>();
    let (n_drafted, n_accepted) = (total(|it| it.n_drafted_tokens), total(|it| it.n_accepted_tokens));
    assert!(n_accepted > least && n_drafted - n_accepted > N_SAMPLES / 10, "{n_accepted} of {n_drafted}");
    let letters = |text: &str, range: std::ops::Range<usize>| -> String {
        text.chars().skip(range.start).take(range.len()).collect()
    };
    for range in [0..1, 1..2, 2..3, 3..4, 4..5, 5..6, 1..3] {
        let mut counts = Counts::new();
        for (text, _) in &plain {
            counts.entry(letters(text, range.clone())).or_default().0 += 1;
        }
        for text in &guessed {
            counts.entry(letters(text, range.clone())).or_default().1 += 1;
        }
        are_alike(&counts).unwrap_or_else(|reason| panic!("letters {range:?}: {reason}"));
    }
}

/// With a draft model that often guesses right.
fn start_near() -> Worker {
    start_with_draft(40, 1024, |path| tiny_llama::write_relative(path, 40, 0.05))
}

#[test]
fn what_n_grams_guess_leaves_the_distribution_as_it_is() {
    check_distribution(start_near(), Speculation::Only(Guesser::Ngrams), RIGHT);
}

#[test]
fn what_a_draft_model_guesses_leaves_the_distribution_as_it_is() {
    check_distribution(start_near(), BY_DRAFT_MODEL, RIGHT);
}

#[test]
fn what_a_block_drafter_guesses_leaves_the_distribution_as_it_is() {
    // With random weights few are right.
    check_distribution(start_with_draft(40, 1024, block_drafter), BY_BLOCKS, 20);
}

#[test]
fn the_test_of_distributions_sees_a_small_difference() {
    let counts = |rows: &[(u32, u32)]| -> Counts {
        rows.iter().enumerate().map(|(i, &row)| (i.to_string(), row)).collect()
    };
    assert!(are_alike(&counts(&[(500, 520), (300, 280), (200, 200)])).is_ok());
    assert!(
        are_alike(&counts(&[(500, 600), (300, 250), (200, 150)])).is_ok(),
        "a thousand do not show it yet"
    );
    assert!(are_alike(&counts(&[(1000, 1200), (600, 500), (400, 300)])).is_err());
}

#[test]
fn what_a_tree_guesses_leaves_the_distribution_as_it_is() {
    check_distribution(start_near(), BY_DRAFT_TREE, RIGHT);
}
