use super::*;
use crate::tests::tiny_llama::{self, N_EMBD};
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

/// Writes an importance matrix of one tensor, as a list.
fn write_imatrix(path: &Path, tensor: &str, values: &[f32]) {
    let numbers = [1, tensor.len() as u32].map(u32::to_le_bytes).concat();
    let calls = [1, values.len() as u32].map(u32::to_le_bytes).concat();
    let values: Vec<u8> = values.iter().flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(path, [&numbers, tensor.as_bytes(), &calls, &values].concat()).expect("a file");
}

#[test]
fn an_importance_matrix_says_what_is_rounded_less() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, plain, weighed, matrix] =
        ["source.gguf", "plain.gguf", "weighed.gguf", "imatrix.dat"].map(|name| folder.path().join(name));
    tiny_llama::write(&source, 7);
    quantize(&source, &plain, TensorType::Q4_0, None).expect("a file");
    let matters: Vec<f32> = (0..N_EMBD).map(|n| if n % 32 < 16 { 1000.0 } else { 1.0 }).collect();
    write_imatrix(&matrix, "blk.0.attn_q.weight", &matters);
    quantize(&source, &weighed, TensorType::Q4_0, Some(&matrix)).expect("a file");
    let [plain, again] = [&plain, &weighed].map(|path| std::fs::read(path).expect("a file"));
    assert_eq!(plain.len(), again.len());
    assert_ne!(plain, again);
    // One that was made for another model.
    write_imatrix(&matrix, "blk.0.attn_q.weight", &matters[..3]);
    assert!(quantize(&source, &weighed, TensorType::Q4_0, Some(&matrix)).is_err());
    std::fs::write(&matrix, "no matrix").expect("a file");
    let refused = quantize(&source, &weighed, TensorType::Q4_0, Some(&matrix)).unwrap_err();
    assert!(refused.contains("importance matrix"), "{refused}");
}
