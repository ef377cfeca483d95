use super::*;
use crate::tests::tiny_llama::{self, N_EMBD};
use protocol::{GenerateParams, Prompt, Tenant, write_frame};
use std::{
    cell::RefCell,
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

impl Shared {
    /// Everything that was said whole so far.
    fn events(&self) -> Vec<Event> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reader = &bytes[..];
        std::iter::from_fn(|| read_frame(&mut reader).ok().flatten()).collect()
    }
}

/// One end of a pipe in which nothing moves until the test drops its own.
struct Still(Receiver<()>);

impl Read for Still {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        _ = self.0.recv();
        Ok(0)
    }
}

impl Write for Still {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        _ = self.0.recv();
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
    let mut events: Vec<_> = output.events().iter().map(|event| format!("{event:?}")).collect();
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

/// What is said of how the process ends where a thread that computes does `run` while the one beside it waits for a command
/// that does not come.
#[track_caller]
fn check_end(run: impl FnOnce() -> Result<(), WorkerError> + Send + 'static, expected: &str) {
    let (ended, endings) = channel();
    let (command, commands) = channel::<()>();
    let both = thread::spawn(move || {
        let beside = move || {
            let _ = commands.recv();
            Ok(())
        };
        side_by_side(&ended, beside, run);
    });
    let said = match endings.recv() {
        Ok(Ended::Owner(result)) => format!("{result:?}"),
        Ok(Ended::Input(result)) => format!("the input: {result:?}"),
        Err(_) => "nothing".to_owned(),
    };
    assert_eq!(said, expected);
    drop(command);
    both.join().expect("no panic");
}

#[test]
fn who_fails_ends_the_process_whatever_the_other_waits_for() {
    check_end(|| Err(WorkerError::Threads("x".into())), "Err(Threads(\"x\"))");
    check_end(|| panic!("a bug"), "Err(Panicked)");
}

/// What a reader says to `commands` whose owner works, or rests, and is looked at without any patience.
fn read(owner: fn(&Pulse), commands: &[Command]) -> (Result<(), String>, usize, Cancels) {
    let [pulse, beside] = [Pulse::leaked(), Pulse::leaked()];
    owner(pulse);
    let (arrivals, queue) = sync_channel(MAX_COMMANDS);
    let (output, cancels) = (Shared::default(), Cancels::default());
    let outbox = Outbox::new(output.clone());
    let watches = [beside, pulse].map(|pulse| Watch::new(pulse, Duration::ZERO));
    let mut reader = CommandReader { arrivals, outbox, cancels: cancels.clone(), watches };
    let mut input = Vec::new();
    commands.iter().for_each(|command| write_frame(&mut input, command).expect("a vector takes everything"));
    let result = reader.read_all(io::Cursor::new(input)).map_err(|error| error.to_string());
    drop(reader);
    let n_pongs = output.0.lock().unwrap_or_else(PoisonError::into_inner).len();
    assert_eq!(queue.iter().count(), commands.iter().filter(|it| !matches!(it, Command::Ping(_))).count());
    (result, n_pongs, cancels)
}

#[test]
fn an_owner_that_hangs_ends_the_process() {
    let pings = [Command::Ping(0), Command::Ping(0)];
    let (result, n_bytes, _) = read(Pulse::rests, &pings);
    assert_eq!(result, Ok(()));
    let (result, n_less, _) = read(Pulse::works, &pings);
    assert_eq!(result, Err("there was no sign of life for 15 minutes or longer".into()));
    assert_eq!(n_less * 2, n_bytes);
}

#[test]
fn an_owner_that_hangs_before_its_model_is_loaded_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 7);
    let (release, still) = channel();
    let [pulse, desk_pulse] = [Pulse::leaked(), Pulse::leaked()];
    let process = Process {
        outbox: Outbox::new(Still(still)),
        stop: Arc::default(),
        ended: channel().0,
        cancels: Cancels::default(),
        pulse,
        desk_pulse,
    };
    let (arrivals, commands) = sync_channel(1);
    let command = Command::Load(LoadRequest::new(path));
    arrivals.send(Arrival { command, at: Instant::now() }).expect("room");
    let owner = thread::spawn(move || own(commands, &process));
    let (mut watch, begun) = (Watch::new(pulse, Duration::from_millis(300)), Instant::now());
    while !watch.hangs(Instant::now()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it rests");
        thread::sleep(Duration::from_millis(10));
    }
    drop((release, arrivals));
    owner.join().expect("no panic").expect("ends with its input");
}

#[test]
fn loading_tells_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 7);
    let mut input = Vec::new();
    write_frame(&mut input, &Command::Load(LoadRequest::new(path))).expect("a vector takes everything");
    let (release, still) = channel();
    let (input, output) = (io::Cursor::new(input).chain(Still(still)), Shared::default());
    let said = output.clone();
    let worker = thread::spawn(move || run_worker(input, output));
    let is_over = |event: &Event| matches!(event, Event::Loaded(_) | Event::LoadFailed { .. });
    while !said.events().iter().any(is_over) {
        assert!(!worker.is_finished());
        thread::sleep(Duration::from_millis(10));
    }
    drop(release);
    worker.join().expect("no panic").expect("ends with its input");
    let progress = said.events().into_iter().filter_map(|event| match event {
        Event::LoadProgress(progress) => Some((progress.step, progress.fraction)),
        _ => None,
    });
    let progress: Vec<_> = progress.collect();
    assert!(progress.len() > 4 && progress.is_sorted_by(|a, b| a.1 <= b.1), "{progress:?}");
    assert!(progress.iter().any(|it| (0.1..0.8).contains(&it.1)), "{progress:?}");
    let mut steps: Vec<_> = progress.iter().map(|it| it.0).collect();
    steps.dedup();
    assert_eq!(steps, [JobStep::LoadingWeights, JobStep::PreparingContext]);
}

#[test]
fn a_cancel_is_known_as_soon_as_it_is_read() {
    let (_, _, cancels) = read(Pulse::works, &[Command::Cancel { id: RequestId(4) }]);
    assert!(cancels.has(RequestId(4)));
}

#[test]
fn as_many_commands_as_a_server_has_under_way_hold_nothing_up() {
    let commands: Vec<_> = (0..MAX_COMMANDS as u64).map(|id| Command::Cancel { id: RequestId(id) }).collect();
    assert_eq!(read(Pulse::works, &commands).0, Ok(()));
}

#[test]
fn who_writes_what_would_be_lost_is_given_more_time() {
    let check = |act: fn(&Pulse), ends: bool, expected: &[Duration]| {
        let (pulse, waited) = (Pulse::leaked(), RefCell::new(Vec::new()));
        act(pulse);
        wait_for_owner(pulse, |patience| {
            waited.borrow_mut().push(patience);
            ends
        });
        assert_eq!(waited.into_inner(), expected);
    };
    check(Pulse::works, false, &[FAREWELL]);
    check(Pulse::writes, true, &[FAREWELL]);
    check(Pulse::writes, false, &[FAREWELL, WRITING]);
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

#[test]
fn the_smallest_types_are_written_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source.gguf");
    tiny_llama::write(&source, 7);
    for (tensor_type, expected) in [
        (TensorType::Q2KS, "Q2_K_S"),
        (TensorType::Iq3S, "IQ3_S"),
        (TensorType::Iq3Xs, "IQ3_XS"),
        (TensorType::Iq2S, "IQ2_S"),
        (TensorType::Iq2Xs, "IQ2_XS"),
        (TensorType::Iq1S, "IQ1_S"),
        (TensorType::Tq2_0, "TQ2_0"),
        (TensorType::Tq1_0, "TQ1_0"),
        (TensorType::Mxfp4Moe, "MXFP4"),
    ] {
        let target = folder.path().join(expected);
        quantize(&source, &target, tensor_type, None).expect("a file");
        let written = gguf::read_header(&target).expect("a header");
        assert_eq!(written.quantisation().as_deref(), Some(expected));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_model_that_cannot_be_written_for_lack_of_room_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("tiny.gguf");
    tiny_llama::write(&source, 1);
    llama::capture_log();
    let check = |target: &Path, expected: Result<(), &str>| {
        let written = quantize(&source, target, TensorType::F16, None);
        assert_eq!(written.as_ref().copied().map_err(String::as_str), expected);
    };
    check(&folder.path().join("written.gguf"), Ok(()));
    let full = "its file could not be written, because the disk is full or was taken away";
    check(Path::new("/dev/full"), Err(full));
}
