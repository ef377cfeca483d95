//! Vectors by whole workers with tiny models in single precision.

use super::{BATCH_TOKENS, Inputs, LlamaEncoder, LlamaTokens, Queue, Tokenizer, vector_facts};
use crate::{
    llama::with_kv_type,
    outbox::Outbox,
    tests::{
        Worker, exactly,
        tiny_bert::{self, Made},
        tiny_llama,
    },
};
use llama_cpp_2::{
    context::params::{LlamaContextParams, LlamaPoolingType},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::LlamaModel,
    token::LlamaToken,
};
use protocol::{
    Command, EmbedInput, EmbedParams, Event, GenerateParams, Pooling, Prompt, RankRequest, RequestId,
    Speculation, Tenant, Who, read_frame,
};
use std::{
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use types::{
    kv::{KvFormat, KvType},
    sampling::Sampling,
};

const ME: Who = Who { share: Tenant(1), tenant: Tenant(1) };

/// Of different lengths, and more than one batch holds.
fn texts() -> Vec<String> {
    let words = ["a cat", "the sea is near", "q", "where is the old dog now?", "one. two. three."];
    (0..80).map(|i| format!("{} {}", words[i % words.len()], "xyz".repeat(i % 7))).collect()
}

fn inputs(texts: &[impl AsRef<str>]) -> Vec<EmbedInput> {
    texts.iter().map(|text| EmbedInput::Text(text.as_ref().to_owned())).collect()
}

fn bert(made: Made) -> Worker {
    Worker::start(None, |path| tiny_bert::write(path, 1, made))
}

fn folder() -> Worker {
    Worker::start(None, |path| tiny_bert::write_folder(path, 1))
}

fn llama() -> Worker {
    Worker::start(None, |path| tiny_llama::write(path, 1))
}

impl Worker {
    fn embed(&mut self, inputs: Vec<EmbedInput>, params: EmbedParams) -> Result<Vec<Vec<f32>>, String> {
        self.tell(&Command::Embed { id: RequestId(1), inputs, params, who: ME });
        match self.hear() {
            Event::Embedded { vectors, .. } => Ok(vectors),
            Event::Rejected { reason, .. } => Err(reason.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn rank(&mut self, query: &str, documents: &[&str], truncate: bool) -> Result<Vec<f32>, String> {
        let documents = documents.iter().map(|&document| document.to_owned()).collect();
        let request = RankRequest { query: query.to_owned(), documents, truncate, who: ME };
        self.tell(&Command::Rank { id: RequestId(1), request });
        match self.hear() {
            Event::Ranked { scores, .. } => Ok(scores),
            Event::Rejected { reason, .. } => Err(reason.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

/// llama.cpp looks GELU up in a table of half precision: what differs in its last bits may become another entry.
const TOLERANCE: f32 = 1e-3;

#[track_caller]
fn assert_near(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < TOLERANCE, "{difference}: {a:?} and {b:?}");
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|it| it * it).sum::<f32>().sqrt()
}

/// Compares texts embedded together with the same texts one by one.
#[track_caller]
fn check_together(mut worker: Worker, pooling: Option<Pooling>) {
    let params = EmbedParams { pooling, ..EmbedParams::default() };
    let texts = texts();
    let together = worker.embed(inputs(&texts), params).expect("vectors");
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        let alone = worker.embed(inputs(&[text]), params).expect("a vector");
        assert_near(&alone[0], vector);
        assert!((length(vector) - 1.0).abs() < 1e-5);
    }
    worker.end();
}

#[test]
fn together_or_alone_a_text_has_the_same_vector() {
    check_together(bert(Made::Mean), None);
    check_together(bert(Made::Cls), None);
    check_together(folder(), None);
    check_together(folder(), Some(Pooling::Cls));
    check_together(llama(), None);
    check_together(llama(), Some(Pooling::Last));
}

/// What llama.cpp gives for every token of each text, one text at a time, and their mean by hand.
fn means(path: &Path, texts: &[String]) -> Vec<Vec<f32>> {
    let backend = LlamaBackend::init().expect("nobody else has it");
    let model = LlamaModel::load_from_file(&backend, path, &Default::default()).expect("a model");
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(BATCH_TOKENS as u32))
        .with_embeddings(true)
        .with_pooling_type(LlamaPoolingType::None)
        .with_n_threads(1)
        .with_n_threads_batch(1);
    // Nothing is rounded, as in the worker.
    let params = with_kv_type(params, KvType::of(KvFormat::F32));
    let mut context = model.new_context(&backend, params).expect("a context");
    let mut mean = |text: &String| {
        let tokens = model.vocab().tokenize(text.as_bytes(), true, true);
        let mut batch = LlamaBatch::new(tokens.len(), 1);
        batch.add_sequence(&tokens, 0, true).expect("room");
        context.clear_kv_cache();
        context.decode(&mut batch).expect("vectors");
        let mut sum = vec![0.0; model.n_embd_out() as usize];
        for i in 0..tokens.len() {
            let vector = context.embeddings_ith(i as i32).expect("a vector");
            sum.iter_mut().zip(vector).for_each(|(sum, it)| *sum += it / tokens.len() as f32);
        }
        sum
    };
    texts.iter().map(&mut mean).collect()
}

/// Compares a worker's vectors with those that llama.cpp gives one by one.
#[track_caller]
fn check_means(write: impl Fn(&Path)) {
    let params = EmbedParams { normalize: false, ..EmbedParams::default() };
    let mut worker = Worker::start(None, &write);
    let vectors = worker.embed(inputs(&texts()), params).expect("vectors");
    worker.end();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    write(&path);
    for (expected, vector) in means(&path, &texts()).iter().zip(&vectors) {
        let scale = length(expected);
        let [expected, vector] =
            [expected, vector].map(|it| it.iter().map(|n| n / scale).collect::<Vec<_>>());
        assert_near(&expected, &vector);
    }
}

#[test]
fn the_mean_is_that_of_llama_cpps_own_vectors() {
    check_means(|path| tiny_bert::write(path, 2, Made::Mean));
    check_means(|path| tiny_llama::write(path, 2));
}

#[test]
fn both_engines_make_the_same_vectors() {
    let params = EmbedParams::default();
    let [by_llama, by_candle] = [bert(Made::Mean), folder()].map(|mut worker| {
        assert_eq!(worker.facts.n_ctx, tiny_bert::N_CTX);
        let vectors = worker.embed(inputs(&texts()), params).expect("vectors");
        worker.end();
        vectors
    });
    for (a, b) in by_llama.iter().zip(&by_candle) {
        let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.9999, "{cosine}");
    }
}

/// Compares a text that is too long with its beginning.
#[track_caller]
fn check_too_long(mut worker: Worker) {
    assert_eq!(worker.facts.n_ctx, tiny_bert::N_CTX);
    let letters: String = "abcdefghij".repeat(6);
    // Two more tokens stand around a text.
    let refused = worker.embed(inputs(&["a", &letters]), EmbedParams::default());
    assert_eq!(
        refused.unwrap_err(),
        "input 1 has 62 tokens, the model takes 48 at once: shorten it or let it be truncated"
    );
    let cut = EmbedParams { truncate: true, ..EmbedParams::default() };
    let vectors = worker.embed(inputs(&[&letters, &letters[..46]]), cut).expect("vectors");
    assert_near(&vectors[0], &vectors[1]);
    worker.end();
}

#[test]
fn a_text_that_is_too_long_is_refused_or_cut() {
    check_too_long(bert(Made::Mean));
    check_too_long(folder());
}

#[test]
fn the_first_numbers_are_a_vector_too() {
    let mut worker = bert(Made::Mean);
    let whole = worker.embed(inputs(&["a cat"]), EmbedParams::default()).expect("a vector");
    let short = EmbedParams { dimensions: Some(8), ..EmbedParams::default() };
    let short = worker.embed(inputs(&["a cat"]), short).expect("a vector");
    let scale = length(&whole[0][..8]);
    assert_near(&short[0], &whole[0][..8].iter().map(|it| it / scale).collect::<Vec<_>>());
    for asked in [0, tiny_bert::N_DIMENSIONS as u32 + 1] {
        let params = EmbedParams { dimensions: Some(asked), ..EmbedParams::default() };
        let refused = worker.embed(inputs(&["a cat"]), params).unwrap_err();
        assert_eq!(refused, format!("vectors of {asked} numbers were asked for, the model's have 32"));
    }
    worker.end();
}

#[test]
fn tokens_are_taken_as_they_are() {
    let mut worker = bert(Made::Mean);
    // The text's own tokens between those that begin and end a text.
    let tokens = vec![EmbedInput::Tokens(vec![2, 5, 3])];
    let by_tokens = worker.embed(tokens, EmbedParams::default()).expect("a vector");
    let by_text = worker.embed(inputs(&["a"]), EmbedParams::default()).expect("a vector");
    assert_near(&by_tokens[0], &by_text[0]);
    let unknown = vec![EmbedInput::Tokens(vec![2, 500])];
    let refused = worker.embed(unknown, EmbedParams::default()).unwrap_err();
    assert_eq!(refused, "input 0 has the token 500, the model knows 61");
    worker.end();
}

/// A ranking folder, whose parts of a text are alike unless `has_parts`.
fn ranking_folder(has_parts: bool) -> Worker {
    Worker::start(None, |path| tiny_bert::write_ranking_folder(path, 1, has_parts))
}

#[test]
fn both_engines_rank_alike_and_a_folder_knows_query_and_document_apart() {
    let (query, documents) = ("where is it?", ["a cat", "the sea [SEP] is near", "where is the dog?"]);
    let rank = |mut worker: Worker| {
        let scores = worker.rank(query, &documents, false).expect("scores");
        worker.end();
        scores
    };
    let by_llama = rank(bert(Made::Rank));
    assert_near(&by_llama, &rank(ranking_folder(false)));
    let apart = rank(ranking_folder(true));
    assert!(by_llama.iter().zip(&apart).all(|(a, b)| (a - b).abs() > 1e-3), "{by_llama:?} and {apart:?}");
}

#[test]
fn documents_are_ranked_together_as_alone() {
    check_ranking(bert(Made::Rank));
    check_ranking(ranking_folder(true));
}

#[track_caller]
fn check_ranking(mut worker: Worker) {
    let documents = ["a cat", "the sea", "where is the dog?", "one. two."];
    let scores = worker.rank("where is it?", &documents, false).expect("scores");
    for (document, score) in documents.iter().zip(&scores) {
        let alone = worker.rank("where is it?", &[document], false).expect("a score");
        assert_near(&alone, &[*score]);
        let of_another_query = worker.rank("a cat", &[document], false).expect("a score");
        assert!((of_another_query[0] - score).abs() > 1e-4, "the query makes no difference");
    }
    let long = "abcdefghij".repeat(6);
    assert!(worker.rank("where?", &[&long], false).unwrap_err().contains("69 tokens"));
    // Six tokens for the query, three around both.
    let cut = worker.rank("where?", &[&long, &long[..39]], true).expect("scores");
    assert_near(&cut[..1], &cut[1..]);
    worker.end();
}

#[test]
fn a_model_does_what_it_was_made_for() {
    let refused = "this model does not rank documents: it was not made for that";
    let mut worker = bert(Made::Mean);
    assert_eq!(worker.rank("a", &["b"], false).unwrap_err(), refused);
    worker.tell(&generate(1));
    let Event::Rejected { reason, .. } = worker.hear() else { panic!("it writes") };
    assert_eq!(reason.to_string(), "this model turns texts into vectors, it does not write");
    worker.end();
}

/// What llama.cpp says about every token of the query behind the document, one document at a time, and the mean by hand.
fn likelihoods(path: &Path, query: &str, documents: &[&str]) -> Vec<f32> {
    let backend = LlamaBackend::init().expect("nobody else has it");
    let model = LlamaModel::load_from_file(&backend, path, &Default::default()).expect("a model");
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(BATCH_TOKENS as u32))
        .with_n_threads(1)
        .with_n_threads_batch(1);
    let params = with_kv_type(params, KvType::of(KvFormat::F32));
    let mut context = model.new_context(&backend, params).expect("a context");
    let tokens = LlamaTokens::new(&model);
    let mut of = |document: &&str| {
        let (tokens, n_query) = tokens.asked(query, document).expect("tokens");
        let tokens: Vec<_> = tokens.iter().map(|token| LlamaToken(token.cast_signed())).collect();
        context.clear_kv_cache();
        let mut sum = 0.0;
        for (position, pair) in (0..).zip(tokens.windows(2)) {
            let mut batch = LlamaBatch::new(1, 1);
            batch.add(pair[0], position, &[0], true).expect("room");
            context.decode(&mut batch).expect("logits");
            let logits: Vec<f64> = context.get_logits().iter().map(|&it| f64::from(it)).collect();
            if position as usize + 1 >= tokens.len() - n_query {
                let total = logits.iter().map(|it| it.exp()).sum::<f64>().ln();
                sum += logits[pair[1].0 as usize] - total;
            }
        }
        (sum / n_query as f64) as f32
    };
    documents.iter().map(&mut of).collect()
}

#[test]
fn a_model_that_writes_ranks_by_how_likely_the_query_is_behind_a_document() {
    let (query, documents) = ("where is it?", ["a cat", "the sea", "where is the dog?", "one. two."]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 1);
    let expected = likelihoods(&path, query, &documents);
    let mut worker = llama();
    let together = worker.rank(query, &documents, false).expect("scores");
    assert_near(&expected, &together);
    for (document, score) in documents.iter().zip(&together) {
        assert_near(&worker.rank(query, &[document], false).expect("a score"), &[*score]);
    }
    let long = "abcdefghij".repeat(400);
    assert!(worker.rank(query, &[&long], false).unwrap_err().contains("shorten it"));
    let cut = worker.rank(query, &[&long, "a cat"], true).expect("scores");
    assert!(cut[0].is_finite());
    assert_near(&cut[1..], &expected[..1]);
    // Vectors come from another context, and go on to be right.
    let vectors = worker.embed(inputs(&["a cat"]), EmbedParams::default()).expect("a vector");
    assert_near(&worker.rank(query, &documents, false).expect("scores"), &expected);
    assert_eq!(worker.embed(inputs(&["a cat"]), EmbedParams::default()).expect("a vector"), vectors);
    worker.end();
}

fn generate(id: u64) -> Command {
    let params = GenerateParams {
        sampling: Sampling {
            temperature: 0.0,
            max_tokens: Some(200),
            ignore_eos: true,
            ..Sampling::default()
        },
        speculation: Speculation::Off,
        ..GenerateParams::new(Tenant(1))
    };
    Command::Generate { id: RequestId(id), prompt: Prompt::Text("a cat".into()), params: Box::new(params) }
}

/// The answer and, where texts are embedded meanwhile, how much of it was there before and after their vectors came.
fn write_beside(worker: &mut Worker, texts: &[String]) -> (String, [usize; 2]) {
    worker.tell(&generate(7));
    if !texts.is_empty() {
        let params = EmbedParams::default();
        worker.tell(&Command::Embed { id: RequestId(8), inputs: inputs(texts), params, who: ME });
    }
    let (mut text, mut before) = (String::new(), 0);
    loop {
        match worker.hear() {
            Event::Embedded { .. } => before = text.len(),
            Event::Step(deltas) => {
                for delta in deltas {
                    text += &delta.text;
                    if delta.finished.is_some() {
                        let after = text.len() - before;
                        return (text, [before, after]);
                    }
                }
            }
            Event::Accepted { .. } | Event::Line { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn vectors_and_answers_are_computed_side_by_side() {
    let mut worker = llama();
    let (alone, _) = write_beside(&mut worker, &[]);
    let (beside, [before, after]) = write_beside(&mut worker, &texts());
    assert_eq!(beside, alone);
    assert!(before > 0 && after > 0, "one waited for the other: {before} and {after} letters");
    worker.end();
}

/// A queue with a tiny model, and what it says.
fn check_queue(
    check: impl FnOnce(&Inputs<LlamaTokens<'_>>, Queue<LlamaEncoder<'_>>, &mut dyn FnMut() -> Vec<Event>),
) {
    check_queue_of(|path| tiny_bert::write(path, 1, Made::Mean), check);
}

/// Likewise with the model that `write` writes.
fn check_queue_of(
    write: impl FnOnce(&Path),
    check: impl FnOnce(&Inputs<LlamaTokens<'_>>, Queue<LlamaEncoder<'_>>, &mut dyn FnMut() -> Vec<Event>),
) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    write(&path);
    let backend = LlamaBackend::init().expect("nobody else has it");
    let model = LlamaModel::load_from_file(&backend, &path, &Default::default()).expect("a model");
    let request = exactly(&path, None);
    let facts = vector_facts(&model, &request);
    let said = Said::default();
    let queue = Queue::new(LlamaEncoder::new(&backend, &model, &request, facts), Outbox::new(said.clone()));
    let inputs = Inputs::new(LlamaTokens::new(&model), facts).expect("a tokenizer");
    check(&inputs, queue, &mut || said.take());
}

/// An output that the test reads.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn take(&self) -> Vec<Event> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let mut reader = &bytes[..];
        std::iter::from_fn(|| read_frame(&mut reader).expect("whole frames")).collect()
    }
}

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_left_is_not_computed_any_further() {
    check_queue(|inputs, mut queue, said| {
        let task = |id, n| {
            let texts = vec![EmbedInput::Text("a long text of many letters".into()); n];
            inputs.embed(RequestId(id), texts, EmbedParams::default(), ME).expect("a task")
        };
        queue.add(task(1, 100)).expect("room");
        queue.step().expect("a batch");
        queue.cancel(RequestId(1));
        assert!(queue.is_empty());
        queue.add(task(2, 1)).expect("room");
        queue.step().expect("a batch");
        let events = said();
        assert!(matches!(events[..], [Event::Embedded { id: RequestId(2), .. }]), "{events:?}");
        assert!(queue.is_empty());
    });
}

#[test]
fn what_computes_vectors_goes_when_nobody_wants_any_and_comes_back() {
    check_queue(|inputs, mut queue, said| {
        let mut vector = |queue: &mut Queue<_>| {
            let texts = vec![EmbedInput::Text("a cat".into())];
            let task = inputs.embed(RequestId(1), texts, EmbedParams::default(), ME).expect("a task");
            queue.add(task).expect("room");
            let is_open = queue.is_open();
            assert_eq!(queue.close_unused(Duration::ZERO), is_open, "closed under somebody who waits");
            queue.step().expect("a batch");
            let Some(Event::Embedded { vectors, .. }) = said().pop() else { panic!("no vector") };
            vectors
        };
        let first = vector(&mut queue);
        assert!(queue.close_unused(Duration::from_secs(600)) && queue.is_open());
        assert!(!queue.close_unused(Duration::ZERO) && !queue.is_open());
        assert_eq!(vector(&mut queue), first);
    });
}

#[test]
fn a_short_request_is_answered_before_a_long_one() {
    check_queue(|inputs, mut queue, said| {
        let task = |id, n| {
            let texts = vec![EmbedInput::Text("a long text of many letters".into()); n];
            inputs.embed(RequestId(id), texts, EmbedParams::default(), ME).expect("a task")
        };
        queue.add(task(1, 100)).expect("room");
        queue.add(task(2, 1)).expect("room");
        queue.step().expect("a batch");
        assert!(matches!(said()[..], [Event::Embedded { id: RequestId(2), .. }]));
        while !queue.is_empty() {
            queue.step().expect("a batch");
        }
        assert!(matches!(said()[..], [Event::Embedded { id: RequestId(1), .. }]));
    });
}

#[test]
fn who_asks_once_is_answered_before_all_that_another_one_asked_earlier() {
    check_queue(|inputs, mut queue, said| {
        let task = |id: u64, share| {
            let texts = vec![EmbedInput::Text("a long text of many letters".into()); 2];
            let who = Who { share: Tenant(share), tenant: Tenant(id.cast_signed()) };
            inputs.embed(RequestId(id), texts, EmbedParams::default(), who).expect("a task")
        };
        // Under another name each time, which gives no more of the time.
        for id in 1..=200 {
            queue.add(task(id, 1)).expect("room");
        }
        for (id, share) in [(201, 2), (202, 3), (203, 2)] {
            queue.add(task(id, share)).expect("room");
            queue.step().expect("a batch");
            let answers = |event: &Event| matches!(event, Event::Embedded { id: it, .. } if it.0 == id);
            assert!(said().iter().any(answers), "{id}");
        }
        assert!(!queue.is_empty());
    });
}

#[test]
fn a_context_is_not_opened_anew_for_every_batch() {
    let mut kinds = Vec::new();
    check_queue(|inputs, mut queue, said| {
        let poolings = [Pooling::Mean, Pooling::Cls];
        // By turns, each in a batch of its own.
        for (id, pooling) in (1..=16).zip(poolings.into_iter().cycle()) {
            let texts = vec![EmbedInput::Text("a long text of many letters".into()); 30];
            let params = EmbedParams { pooling: Some(pooling), ..EmbedParams::default() };
            queue.add(inputs.embed(RequestId(id), texts, params, ME).expect("a task")).expect("room");
        }
        while !queue.is_empty() {
            queue.step().expect("a batch");
            kinds.push(queue.is_open_for(Pooling::Mean));
        }
        assert_eq!(said().len(), 16);
    });
    let n_opened = 1 + kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(n_opened > 1 && 2 * n_opened < kinds.len(), "{n_opened} of {}", kinds.len());
}

/// Vectors of a text of some hundred tokens and of a short one, in steps beside answers with room for so many tokens, and how many
/// steps that took.
fn in_steps(pooling: Pooling, n_tokens: usize) -> (Vec<Vec<f32>>, usize) {
    let (mut vectors, mut n_steps) = (Vec::new(), 0);
    check_queue_of(
        |path| tiny_llama::write(path, 1),
        |inputs, mut queue, said| {
            let texts = ["the sea and the land and ".repeat(12), "a cat".to_owned()];
            let texts = texts.map(EmbedInput::Text).to_vec();
            let params = EmbedParams { pooling: Some(pooling), ..EmbedParams::default() };
            // Whoever left in the middle of its text is in nobody's way.
            queue.add(inputs.embed(RequestId(1), texts.clone(), params, ME).expect("a task")).expect("room");
            queue.step_beside(n_tokens).expect("a batch");
            queue.cancel(RequestId(1));
            said();
            queue.add(inputs.embed(RequestId(2), texts, params, ME).expect("a task")).expect("room");
            while !queue.is_empty() {
                queue.step_beside(n_tokens).expect("a batch");
                n_steps += 1;
            }
            let Some(Event::Embedded { vectors: found, .. }) = said().pop() else { panic!("no vectors") };
            vectors = found;
        },
    );
    (vectors, n_steps)
}

#[test]
fn a_long_text_comes_in_parts_where_tokens_look_at_none_behind_them() {
    for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Last] {
        let (expected, n_steps) = in_steps(pooling, 512);
        assert_eq!(n_steps, 1);
        for n_tokens in [16, 100] {
            let (vectors, n_steps) = in_steps(pooling, n_tokens);
            assert!(n_steps > 300 / n_tokens, "{n_steps}");
            vectors.iter().zip(&expected).for_each(|(it, expected)| assert_near(it, expected));
        }
    }
}

#[test]
fn a_pair_is_two_texts_between_separators() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_bert::write(&path, 1, Made::Rank);
    let backend = LlamaBackend::init().expect("nobody else has it");
    let model = LlamaModel::load_from_file(&backend, &path, &Default::default()).expect("a model");
    let tokens = LlamaTokens::new(&model);
    // Words begin with the tokens from 5 on, and go on with those from 33 on.
    assert_eq!(tokens.pair("a", "b c"), Ok(vec![2, 5, 3, 6, 7, 3]));
    // What a document says is no separator.
    let pair = tokens.pair("a", "b [SEP] c").expect("tokens");
    assert_eq!(pair.iter().filter(|&&token| token == 3).count(), 2);
}
