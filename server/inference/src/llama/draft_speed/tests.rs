use super::*;
use crate::llama::Link;
use protocol::{Delta, LoadedModel, PREFIX_BYTES, Rejection, body_len, decode, encode};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use system::process::MemoryUse;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use types::chat::FinishReason;

/// A worker played by the test. Dropping it is its death.
struct Worker {
    commands: DuplexStream,
    events: DuplexStream,
}

impl Worker {
    fn start() -> (Self, Connection) {
        let (input, commands) = duplex(1 << 20);
        let (events, output) = duplex(1 << 20);
        let link = Link {
            output: Box::new(output),
            input: Box::new(input),
            end: Box::new(|_| Box::pin(async { "exit status: 3\nlast words".to_owned() })),
            memory: Arc::new(|| None::<MemoryUse>),
        };
        (Self { commands, events }, Connection::new(link))
    }

    async fn command(&mut self) -> Command {
        let mut prefix = [0; PREFIX_BYTES];
        self.commands.read_exact(&mut prefix).await.expect("a command");
        let mut body = vec![0; body_len(prefix).expect("small")];
        self.commands.read_exact(&mut body).await.expect("a whole command");
        decode(&body).expect("a command")
    }

    async fn say(&mut self, event: Event) {
        self.events.write_all(&encode(&event).expect("small")).await.expect("somebody listens");
    }

    async fn load(&mut self) {
        let Command::Load(request) = self.command().await else { panic!("not a load") };
        assert!(request.draft_model.is_some_and(|it| it.is_required));
        let facts = LoadedModel {
            n_ctx: 1024,
            n_sequences: 1,
            n_vocab: 9,
            n_threads: 1,
            has_chat_template: true,
            thinks: false,
            draft_problem: None,
            sees: false,
            projector_problem: None,
            kv_type: None,
        };
        self.say(Event::Loaded(facts)).await;
    }

    /// Answers a question in so many milliseconds behind the first token, and says how it was to guess and for whom.
    async fn answer(&mut self, ms: impl Fn(Speculation) -> u32) -> (Speculation, i64) {
        let Command::Generate { id, params, .. } = self.command().await else { panic!("no question") };
        let usage = Usage { n_generated_tokens: 97, decode_ms: ms(params.speculation), ..Usage::default() };
        let delta = Delta {
            id,
            text: String::new(),
            reasoning: String::new(),
            calls: vec![],
            logprobs: vec![],
            usage,
            finished: None,
        };
        self.say(Event::Step(vec![delta.clone()])).await;
        self.say(Event::Step(vec![Delta { finished: Some(Ok(FinishReason::Length)), ..delta }])).await;
        (params.speculation, params.tenant.0)
    }
}

fn request() -> LoadRequest {
    let draft_model = Some(DraftModel { path: PathBuf::from("small.gguf"), is_required: true });
    LoadRequest { draft_model, ..LoadRequest::new(PathBuf::from("large.gguf")) }
}

#[tokio::test]
async fn answers_with_guesses_take_turns_with_answers_without() {
    let (mut worker, mut connection) = Worker::start();
    let playing = async {
        worker.load().await;
        // The first one is slow, and does not count.
        let first = worker.answer(|_| 96_000).await;
        let ms = |speculation: Speculation| if speculation == Speculation::Off { 9_600 } else { 4_800 };
        let mut asked = vec![first];
        for _ in 0..2 * QUESTIONS.len() {
            asked.push(worker.answer(ms).await);
        }
        asked
    };
    let (measured, asked) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Ok(DraftSpeed { guessed: 20.0, alone: 10.0 }));
    let turns: Vec<_> = asked.iter().skip(1).map(|(speculation, _)| *speculation).collect();
    assert_eq!(turns, [Speculation::Off, Speculation::Auto].repeat(QUESTIONS.len()));
    let tenants: BTreeSet<_> = asked.iter().map(|(_, tenant)| *tenant).collect();
    assert_eq!(tenants.len(), asked.len(), "nobody's answer is looked up for another one");
}

#[tokio::test]
async fn why_it_could_not_be_measured_is_said() {
    let (mut worker, mut connection) = Worker::start();
    let playing = async {
        worker.command().await;
        worker.say(Event::LoadFailed { reason: "its vocabulary is another one".to_owned() }).await;
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Err("its vocabulary is another one".to_owned()));

    let (mut worker, mut connection) = Worker::start();
    let playing = async {
        worker.load().await;
        let Command::Generate { id, .. } = worker.command().await else { panic!("no question") };
        worker.say(Event::Rejected { id, reason: Rejection::EmptyPrompt }).await;
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Err("the prompt is empty".to_owned()));

    let (mut worker, mut connection) = Worker::start();
    let playing = async {
        worker.load().await;
        worker.command().await;
        drop(worker);
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert!(measured.is_err_and(|reason| reason.contains("last words")));
}
