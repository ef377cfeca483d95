//! Whole workers that look at images.

use super::{Ask, ask};
use crate::{
    llama::{EncodedPiece, ImagePart, N_BATCH, Projector},
    pixels::pixels,
    tests::{Worker, exactly, tiny_sight::Family},
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use llama_cpp_2::{
    context::params::LlamaContextParams, llama_backend::LlamaBackend, llama_batch::LlamaBatch,
    model::LlamaModel, token::LlamaToken,
};
use protocol::{
    Command, Event, GenerateParams, KvFiles, LoadRequest, Prompt, Rejection, RequestId, Speculation, Tenant,
};
use std::{collections::BTreeMap, io::Cursor, num::NonZeroU32, path::Path};
use types::{
    chat::{ChatTurn, FinishReason, Role, Usage},
    image::{ImageFile, TurnImage},
    sampling::Sampling,
};

const SEED: u64 = 3;
const N_TOKENS: u32 = 40;

/// A picture that nobody would confuse with another one.
fn picture(number: u32) -> ImageFile {
    let mut random = fastrand::Rng::with_seed(number.into());
    let image = RgbImage::from_fn(32, 32, |_, _| Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    ImageFile::new(bytes.into_inner())
}

/// A question with pictures between its words, where a `#` stands.
fn question(text: &str, pictures: &[u32]) -> ChatTurn {
    let mut content = String::new();
    let mut images = Vec::new();
    let mut pictures = pictures.iter();
    for letter in text.chars() {
        match letter {
            '#' => {
                let file = picture(*pictures.next().unwrap());
                images.push(TurnImage { at: content.len(), file });
            }
            letter => content.push(letter),
        }
    }
    ChatTurn { images, ..ChatTurn::new(Role::User, content) }
}

/// One generation about pictures.
#[derive(Clone)]
struct Look {
    turns: Vec<ChatTurn>,
    tenant: i64,
    n_tokens: u32,
    speculation: Speculation,
}

fn look(text: &str, pictures: &[u32]) -> Look {
    Look {
        turns: vec![question(text, pictures)],
        tenant: 1,
        n_tokens: N_TOKENS,
        speculation: Speculation::Off,
    }
}

fn load(family: Family, path: &Path, n_ctx: u32) -> LoadRequest {
    let projector = path.with_file_name("mmproj.gguf");
    family.write_model(path, SEED);
    family.write_projector(&projector, SEED);
    LoadRequest { projector: Some(projector), ..exactly(path, Some(n_ctx)) }
}

fn start(family: Family, n_ctx: u32) -> Worker {
    Worker::start_loading(|path| load(family, path, n_ctx))
}

impl Worker {
    fn show(&mut self, id: RequestId, look: &Look) {
        let sampling = Sampling {
            temperature: 0.0,
            repeat_penalty: 1.0,
            max_tokens: Some(look.n_tokens),
            ignore_eos: true,
            ..Sampling::default()
        };
        let params = GenerateParams {
            sampling,
            speculation: look.speculation,
            ..GenerateParams::new(Tenant(look.tenant))
        };
        let prompt = Prompt::Chat(look.turns.clone());
        self.tell(&Command::Generate { id, prompt, params: Box::new(params) });
    }

    /// Text, cost and end of all that was sent.
    fn collect(&mut self, n: usize) -> Vec<(String, Usage, Result<FinishReason, String>)> {
        let mut texts = BTreeMap::<RequestId, String>::new();
        let mut ended = BTreeMap::new();
        while ended.len() < n {
            match self.hear() {
                Event::Step(deltas) => {
                    for delta in deltas {
                        texts.entry(delta.id).or_default().push_str(&delta.text);
                        if let Some(end) = delta.finished {
                            ended.insert(delta.id, (delta.usage, end));
                        }
                    }
                }
                Event::Accepted { .. } | Event::Line { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        ended
            .into_iter()
            .map(|(id, (usage, end))| (texts.remove(&id).unwrap_or_default(), usage, end))
            .collect()
    }

    /// Looks at all of them side by side.
    fn see(&mut self, looks: &[Look]) -> Vec<(String, Usage)> {
        for (id, look) in (1..).map(RequestId).zip(looks) {
            self.show(id, look);
        }
        let ended = |(text, usage, end): (_, _, Result<_, String>)| {
            end.expect("an answer that ends well");
            (text, usage)
        };
        self.collect(looks.len()).into_iter().map(ended).collect()
    }

    fn sees_nothing_of(&mut self, look: &Look) -> Rejection {
        self.show(RequestId(1), look);
        match self.hear() {
            Event::Rejected { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// What is said where nobody else looks.
fn alone(family: Family, look: &Look) -> String {
    let mut worker = start(family, 512);
    let text = worker.see(std::slice::from_ref(look)).remove(0).0;
    worker.end();
    text
}

/// What the model says about one picture between two texts, computed step by step in a context of its own, without any
/// scheduler.
fn by_hand(family: Family, before: &str, number: u32, behind: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let request = load(family, &path, 512);
    let backend = LlamaBackend::init().unwrap();
    let model = LlamaModel::load_from_file(&backend, &path, &Default::default()).unwrap();
    let params = LlamaContextParams::default().with_n_ctx(NonZeroU32::new(512));
    let params = crate::llama::with_kv_type(params, request.kv_type).with_n_threads(1);
    let mut context = model.new_context(&backend, params.with_n_threads_batch(1)).unwrap();
    let projector = Projector::open(&model, &request.projector.unwrap(), 1, false, N_BATCH).unwrap();
    let vocab = model.vocab();

    let mut position = 0;
    let decode = |context: &mut llama_cpp_2::context::LlamaContext<'_>, tokens: &[LlamaToken], at: i32| {
        let mut batch = LlamaBatch::new(512, 1);
        for (i, token) in tokens.iter().enumerate() {
            batch.add(*token, at + i as i32, &[0], i + 1 == tokens.len()).unwrap();
        }
        context.decode(&mut batch).unwrap();
        at + tokens.len() as i32
    };
    let mut tokens = vec![vocab.bos()];
    tokens.extend(vocab.tokenize(format!("User: {before}").as_bytes(), false, true));
    let image = pixels(&picture(number)).unwrap();
    let image = projector.cut(image.as_raw(), image.width(), image.height()).unwrap();
    for (part, it) in projector.parts(&image).into_iter().enumerate() {
        match it {
            ImagePart::Text(text) => tokens.extend(text),
            ImagePart::Piece(size) => {
                position = decode(&mut context, &std::mem::take(&mut tokens), position);
                let rows = projector.encode(&image, part, size).unwrap();
                let piece = EncodedPiece { image: &image, part, size, rows: &rows };
                projector.decode(&mut context, &piece, 0..size.n_rows, position, 0).unwrap();
                assert_eq!((size.n_rows, size.n_positions), (Family::N_ROWS, family.n_positions()));
                position += size.n_positions as i32;
            }
        }
    }
    tokens.extend(vocab.tokenize(format!("{behind}\nAssistant:").as_bytes(), false, true));
    let mut text = Vec::new();
    for _ in 0..N_TOKENS {
        let n = tokens.len() as i32;
        position = decode(&mut context, &std::mem::take(&mut tokens), position);
        let logits = context.get_logits_ith(n - 1);
        let best =
            (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a))).unwrap();
        let token = LlamaToken(best as i32);
        text.extend(vocab.token_to_piece(token, false, None));
        tokens.push(token);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn what_is_said_about_a_picture_is_what_the_model_says_by_hand() {
    for family in Family::ALL {
        let mut worker = start(family, 512);
        assert!(worker.facts.sees);
        let answers = worker.see(&[look("what is #this", &[1]), look("what is #this", &[2])]);
        worker.end();
        assert_eq!(answers[0].0, by_hand(family, "what is ", 1, "this"), "{family:?}");
        assert_eq!(answers[1].0, by_hand(family, "what is ", 2, "this"), "{family:?}");
        assert_ne!(answers[0].0, answers[1].0, "{family:?}: pictures make no difference");
    }
}

/// Texts beside pictures, several pictures in one prompt, the same picture twice.
fn looks() -> Vec<Look> {
    vec![
        look("what is #this", &[1]),
        look("what is # and what is #", &[1, 2]),
        look("tell me about the sea and the cat and the dog and the sea", &[]),
        look("##", &[3, 3]),
        look("# what is that", &[4]),
    ]
}

#[test]
fn many_look_side_by_side_as_each_would_alone() {
    for family in Family::ALL {
        let alone: Vec<_> = looks().iter().map(|look| alone(family, look)).collect();
        let mut worker = start(family, 512);
        for round in 0..3 {
            let together: Vec<_> = worker.see(&looks()).into_iter().map(|(text, _)| text).collect();
            assert_eq!(together, alone, "{family:?}, round {round}");
        }
        worker.end();
    }
}

#[test]
fn a_picture_is_looked_at_once_by_each_person() {
    for family in Family::ALL {
        let mut worker = start(family, 512);
        let first = worker.see(&[look("what is #this", &[1])]).remove(0);
        let again = worker.see(&[look("what is #this and that", &[1])]).remove(0);
        let other = worker.see(&[look("what is #this", &[2])]).remove(0);
        let stranger = worker.see(&[Look { tenant: 2, ..look("what is #this", &[1]) }]).remove(0);
        let restarted = worker.see(&[look("what is #this", &[1])]).remove(0);
        worker.end();
        let n_before = first.1.n_prompt_tokens - "this\nAssistant:".len() as u32;
        assert_eq!(first.1.n_cached_tokens, 0);
        assert!(again.1.n_cached_tokens >= n_before, "{family:?}: {:?}", again.1);
        assert!(
            other.1.n_cached_tokens <= n_before - family.n_positions() as u32,
            "{family:?}: {:?}",
            other.1
        );
        assert_eq!(stranger.1.n_cached_tokens, 0, "{family:?}");
        assert_eq!((stranger.0, restarted.0), (first.0.clone(), first.0), "{family:?}");
    }
}

#[test]
fn a_conversation_goes_on_behind_a_picture() {
    for family in Family::ALL {
        let mut worker = start(family, 512);
        let mut turns = vec![question("what is #this", &[1])];
        let mut said = Vec::new();
        for text in ["and now", "and #", "and then"] {
            let look = Look { n_tokens: 12, turns: turns.clone(), ..look("", &[]) };
            let (answer, usage) = worker.see(std::slice::from_ref(&look)).remove(0);
            assert_eq!(usage.n_cached_tokens > 0, turns.len() > 1, "{family:?}: {text}");
            turns.push(ChatTurn::new(Role::Assistant, answer.as_str()));
            turns.push(question(text, if text.contains('#') { &[2] } else { &[] }));
            said.push((look, answer));
        }
        worker.end();
        for (look, answer) in said {
            assert_eq!(alone(family, &look), answer, "{family:?}, {} turns", look.turns.len());
        }
    }
}

#[test]
fn where_memory_is_short_looks_wait_and_lose_nothing() {
    for family in Family::ALL {
        let looks: Vec<_> =
            (1..=8).map(|number| Look { n_tokens: 150, ..look("what is #this", &[number]) }).collect();
        let alone: Vec<_> = looks.iter().map(|look| alone(family, look)).collect();
        // Room for four of them.
        let mut worker = start(family, 256);
        let together: Vec<_> = worker.see(&looks).into_iter().map(|(text, _)| text).collect();
        worker.end();
        assert_eq!(together, alone, "{family:?}");
    }
}

#[test]
fn guesses_about_pictures_change_nothing() {
    for family in Family::ALL {
        let looks = looks().into_iter().map(|look| Look { n_tokens: 120, ..look });
        let plain: Vec<_> = looks.clone().map(|look| alone(family, &look)).collect();
        let mut worker = start(family, 512);
        let forced: Vec<_> = looks.map(|look| Look { speculation: Speculation::Always, ..look }).collect();
        let guessed = worker.see(&forced);
        worker.end();
        let texts: Vec<_> = guessed.iter().map(|(text, _)| text.clone()).collect();
        assert_eq!(texts, plain, "{family:?}");
        assert!(guessed.iter().any(|(_, usage)| usage.n_drafted_tokens > 0), "{family:?}: nobody guessed");
    }
}

#[test]
fn what_was_seen_outlives_a_restart() {
    for family in Family::ALL {
        let files = tempfile::tempdir().unwrap();
        let restart = || {
            Worker::start_loading(|path| {
                let folder = files.path().to_owned();
                let kv_files = Some(KvFiles { folder, max_bytes: 1 << 30 });
                LoadRequest { kv_files, ..load(family, path, 512) }
            })
        };
        let long = "tell me all that there is to tell about the sea and the cat and the dog and the tree and the sun";
        let look = look(&format!("{long} and this # or {long}"), &[1]);
        let mut worker = restart();
        let before = worker.see(std::slice::from_ref(&look)).remove(0);
        worker.end();
        let mut worker = restart();
        let after = worker.see(std::slice::from_ref(&look)).remove(0);
        worker.end();
        assert_eq!(after.0, before.0, "{family:?}");
        let n_seen = (long.len() + family.n_positions()) as u32;
        assert!(after.1.n_cached_tokens > n_seen, "{family:?}: {:?}", after.1);
    }
}

#[test]
fn whoever_leaves_while_looking_disturbs_nobody() {
    for family in Family::ALL {
        let mut worker = start(family, 512);
        let expected = worker.see(&[look("what is #this", &[1])]).remove(0).0;
        for round in 0..20 {
            let leaving = Look { n_tokens: 400, ..look("now look at #", &[10 + round]) };
            worker.show(RequestId(1), &leaving);
            worker.show(RequestId(2), &look("what is #this", &[1]));
            worker.tell(&Command::Cancel { id: RequestId(1) });
            let ended = worker.collect(2);
            assert_eq!(ended[0].2, Ok(FinishReason::Cancelled), "{family:?}, round {round}");
            assert_eq!(ended[1].0, expected, "{family:?}, round {round}");
        }
        worker.end();
    }
}

#[test]
fn a_model_without_a_projector_says_that_it_sees_nothing() {
    let mut worker = super::start(SEED, 512);
    assert!(!worker.facts.sees);
    assert_eq!(worker.sees_nothing_of(&look("what is #this", &[1])), Rejection::SeesNothing);
    assert_eq!(worker.answer(&[Ask { n_tokens: 3, ..ask("the sea") }]).len(), 1);
    worker.end();
}

#[test]
fn an_image_that_cannot_be_read_is_named() {
    let mut worker = start(Family::Rows, 512);
    let mut look = look("# and #", &[1, 2]);
    look.turns[0].images[1].file = ImageFile::new(&b"\x89PNG\r\n\x1a\nnothing"[..]);
    let reason = "the file is damaged".to_owned();
    assert_eq!(worker.sees_nothing_of(&look), Rejection::Image { index: 2, reason });
    worker.end();
}

#[test]
fn images_that_do_not_fit_the_context_are_counted() {
    for family in Family::ALL {
        let mut worker = start(family, 256);
        let pictures: Vec<_> = (0..20).collect();
        let rejection = worker.sees_nothing_of(&look(&"#".repeat(20), &pictures));
        let Rejection::TooLong { n_tokens, n_ctx: 256 } = rejection else { panic!("{rejection:?}") };
        assert!(n_tokens as usize > 20 * Family::N_ROWS, "{family:?}: {n_tokens}");
        worker.end();
    }
}

#[test]
fn a_model_whose_projector_does_not_fit_is_loaded_without_it_and_says_why() {
    let check = |write: &dyn Fn(&Path), expected: &str| {
        let mut worker = Worker::start_loading(|path| {
            let request = load(Family::Rows, path, 512);
            write(request.projector.as_deref().unwrap());
            request
        });
        assert!(!worker.facts.sees);
        let problem = worker.facts.projector_problem.clone().unwrap_or_default();
        assert!(problem.contains(expected), "{problem:?} does not say {expected:?}");
        assert_eq!(worker.sees_nothing_of(&look("what is #this", &[1])), Rejection::SeesNothing);
        worker.end();
    };
    check(&|path| std::fs::remove_file(path).unwrap(), "there is no such file");
    check(&|path| std::fs::write(path, "GGUF").unwrap(), "");
    check(&|path| Family::Rows.write_model(path, 1), "does not look at images");
    check(
        &|path| {
            let whole = std::fs::read(path).unwrap();
            std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
        },
        "",
    );
}
