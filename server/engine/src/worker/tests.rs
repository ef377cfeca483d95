use super::*;
use protocol::{GenerateParams, Prompt, RequestId, Tenant, write_frame};
use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// An output that the test reads afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives a worker these commands and then the end of its input.
fn check(commands: &[Command], expected: &[&str]) {
    let mut input = Vec::new();
    for command in commands {
        write_frame(&mut input, command).expect("a vector takes everything");
    }
    let output = Shared::default();
    run_worker(io::Cursor::new(input), output.clone()).expect("ends with its input");
    let bytes = output.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut reader = &bytes[..];
    let mut events: Vec<String> = Vec::new();
    while let Some(event) = read_frame::<Event>(&mut reader).expect("whole frames") {
        events.push(format!("{event:?}"));
    }
    events.sort();
    assert_eq!(events, expected);
}

#[test]
fn a_worker_ends_with_its_input() {
    check(&[], &[]);
}

#[test]
fn pings_are_answered() {
    check(&[Command::Ping(1), Command::Ping(2)], &["Pong(1)", "Pong(2)"]);
}

#[test]
fn without_a_model_there_is_no_answer() {
    let params = GenerateParams::new(Tenant(1));
    let prompt = Prompt::Text("hello".into());
    check(
        &[
            Command::Cancel { id: RequestId(1) },
            Command::Generate { id: RequestId(1), prompt: prompt.clone(), params: Box::new(params) },
            Command::CountTokens { id: RequestId(2), prompt },
        ],
        &[
            "Rejected { id: RequestId(1), reason: Engine(\"no model is loaded\") }",
            "Rejected { id: RequestId(2), reason: Engine(\"no model is loaded\") }",
        ],
    );
}

#[test]
fn a_missing_file_is_not_loaded() {
    let path = PathBuf::from("no such folder").join("no such model.gguf");
    check(&[Command::Load(LoadRequest::new(path))], &["LoadFailed { reason: \"there is no such file\" }"]);
}
