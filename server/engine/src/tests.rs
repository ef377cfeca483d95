//! What tests of several modules need: a worker in a thread, and models of a few thousand weights in single precision.
//! What those say is nonsense, but it is the same nonsense every time, and nothing is rounded away: two ways of computing
//! can be compared.

mod safetensors;
pub(crate) mod tiny_bert;
pub(crate) mod tiny_heads;
pub(crate) mod tiny_llama;
pub(crate) mod tiny_memories;
pub(crate) mod tiny_recurrent;
pub(crate) mod tiny_sight;
pub(crate) mod tiny_twins;

use crate::run_worker;
use protocol::{Command, Event, KvFiles, LoadRequest, LoadedModel, read_frame, write_frame};
use std::{
    io::{PipeReader, PipeWriter},
    path::Path,
    thread::JoinHandle,
};
use tempfile::TempDir;
use types::kv::{KvFormat, KvType};

/// A worker in a thread, with its model loaded.
pub(crate) struct Worker {
    commands: PipeWriter,
    events: PipeReader,
    thread: JoinHandle<()>,
    pub(crate) facts: LoadedModel,
    _folder: TempDir,
}

/// How a model in `path` is loaded: with one thread and without any rounding that depends on what else is computed.
pub(crate) fn exactly(path: &Path, n_ctx: Option<u32>) -> LoadRequest {
    LoadRequest {
        n_ctx,
        n_sequences: 8,
        n_threads: Some(1),
        kv_type: KvType::of(KvFormat::F32),
        ..LoadRequest::new(path.to_owned())
    }
}

impl Worker {
    /// With the model that `write` writes.
    pub(crate) fn start(n_ctx: Option<u32>, write: impl FnOnce(&Path)) -> Self {
        Self::start_with_files(n_ctx, None, write)
    }

    /// Likewise, with files of an earlier worker.
    pub(crate) fn start_with_files(
        n_ctx: Option<u32>,
        kv_files: Option<KvFiles>,
        write: impl FnOnce(&Path),
    ) -> Self {
        Self::start_loading(|path| {
            write(path);
            LoadRequest { kv_files, ..exactly(path, n_ctx) }
        })
    }

    /// With what `write` writes at the path it is given, or beside it, and says how to load.
    pub(crate) fn start_loading(write: impl FnOnce(&Path) -> LoadRequest) -> Self {
        Self::try_loading(write).expect("a model that loads")
    }

    /// Likewise, or why it does not load.
    pub(crate) fn try_loading(write: impl FnOnce(&Path) -> LoadRequest) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let load = write(&folder.path().join("tiny.gguf"));
        let (input, mut commands) = std::io::pipe().expect("a pipe");
        let (mut events, output) = std::io::pipe().expect("a pipe");
        let thread = std::thread::spawn(move || run_worker(input, output).expect("ends with its input"));
        write_frame(&mut commands, &Command::Load(load)).expect("a worker that reads");
        let facts = loop {
            match read_frame(&mut events).expect("whole frames").expect("an answer") {
                Event::Loaded(facts) => break facts,
                Event::LoadProgress(_) => {}
                Event::LoadFailed { reason } => {
                    drop(commands);
                    thread.join().expect("no panic");
                    return Err(reason);
                }
                other => panic!("{other:?}"),
            }
        };
        Ok(Self { commands, events, thread, facts, _folder: folder })
    }

    pub(crate) fn tell(&mut self, command: &Command) {
        write_frame(&mut self.commands, command).expect("a worker that reads");
    }

    pub(crate) fn hear(&mut self) -> Event {
        read_frame(&mut self.events).expect("whole frames").expect("an answer")
    }

    /// Ends it while it is at something, and hears it out.
    pub(crate) fn break_off(mut self) {
        drop(self.commands);
        while let Ok(Some(_)) = read_frame::<Event>(&mut self.events) {}
        self.thread.join().expect("no panic");
    }

    pub(crate) fn end(self) {
        drop(self.commands);
        drop(self.events);
        self.thread.join().expect("no panic");
    }
}
