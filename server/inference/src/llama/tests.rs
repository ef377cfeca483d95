//! Workers that tests play: they read what the server says, and say what a worker would.

use super::Link;
use protocol::{
    Command, Delta, Event, LoadRequest, LoadedModel, PREFIX_BYTES, RequestId, body_len, decode, encode,
};
use std::sync::Arc;
use system::process::MemoryUse;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
};
use types::chat::{FinishReason, Usage};

/// The test's end of a worker. Dropping it is its death.
pub(crate) struct Worker {
    pub(crate) commands: DuplexStream,
    pub(crate) events: DuplexStream,
    /// While this is `false`, its process takes its time to end.
    pub(crate) may_end: watch::Sender<bool>,
}

impl Worker {
    /// One that takes so much memory, and the server's end of it.
    pub(crate) fn start(last_words: &'static str, memory: Option<MemoryUse>) -> (Self, Link) {
        let (input, commands) = duplex(1 << 20);
        let (events, output) = duplex(1 << 20);
        let (may_end, mut ends) = watch::channel(true);
        let end = async move {
            _ = ends.wait_for(|may_end| *may_end).await;
            last_words.to_owned()
        };
        let link = Link {
            output: Box::new(output),
            input: Box::new(input),
            end: Box::new(move |_| Box::pin(end)),
            memory: Arc::new(move || memory),
        };
        (Self { commands, events, may_end }, link)
    }

    /// The next command that is not a heartbeat; `None` when it is to end.
    pub(crate) async fn find_command(&mut self) -> Option<Command> {
        loop {
            let mut prefix = [0; PREFIX_BYTES];
            self.commands.read_exact(&mut prefix).await.ok()?;
            let mut body = vec![0; body_len(prefix).expect("small")];
            self.commands.read_exact(&mut body).await.ok()?;
            match decode(&body).expect("a command") {
                // The server may have gone after the ping.
                Command::Ping(n) => {
                    _ = self.events.write_all(&encode(&Event::Pong(n)).expect("small")).await;
                }
                command => return Some(command),
            }
        }
    }

    /// Likewise where there must be one.
    pub(crate) async fn command(&mut self) -> Command {
        self.find_command().await.expect("a command")
    }

    pub(crate) async fn say(&mut self, event: Event) {
        self.events.write_all(&encode(&event).expect("small")).await.expect("somebody listens");
    }

    /// Loads what it is told to, and says what that was.
    pub(crate) async fn load(&mut self) -> LoadRequest {
        let Command::Load(request) = self.command().await else { panic!("not a load") };
        self.loaded().await;
        request
    }

    pub(crate) async fn loaded(&mut self) {
        let facts = LoadedModel {
            n_ctx: 64,
            n_sequences: 2,
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

    /// Takes a generation and accepts it.
    pub(crate) async fn accept(&mut self) -> RequestId {
        let Command::Generate { id, .. } = self.command().await else { panic!("not a generation") };
        self.say(Event::Accepted { id, n_prompt_tokens: 1 }).await;
        id
    }

    /// Gives a piece of an answer.
    pub(crate) async fn write(
        &mut self,
        id: RequestId,
        text: &str,
        usage: Usage,
        finished: Option<FinishReason>,
    ) {
        let delta = Delta {
            id,
            text: text.into(),
            reasoning: String::new(),
            calls: vec![],
            logprobs: vec![],
            usage,
            finished: finished.map(Ok),
        };
        self.say(Event::Step(vec![delta])).await;
    }
}
