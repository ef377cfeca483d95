use super::*;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// What every program here can use: the second piece is written to output as it stands at 1024.
const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $folder (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environment (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $arguments (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "elsewhere" "anything" (func $anything))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\04\00\00\05\00\00\00")
    (data (i32.const 1024) "hello")
    (func $say (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
    (func $deep (call $deep))
"#;

/// More time than any of these programs needs.
fn bounds() -> Bounds {
    Bounds { time: Duration::from_secs(30), memory_bytes: 1 << 20, output_bytes: 1000, ..Bounds::default() }
}

fn program(body: &str) -> Program {
    let text = format!("(module {PRELUDE} (func (export \"_start\") {body}))");
    Program::compile(&program::engine().unwrap(), text.as_bytes()).unwrap()
}

fn ran(body: &str, bounds: &Bounds) -> Ran {
    program(body).run(&["a".to_owned(), "bcd".to_owned()], bounds, &Cancelled::default()).unwrap()
}

#[track_caller]
fn check(body: &str, output: &str, end: End) {
    let ran = ran(body, &bounds());
    assert_eq!((ran.output.as_str(), ran.end), (output, end), "{body}");
}

/// A program that ends with the value of `expression` as its status.
#[track_caller]
fn check_value(expression: &str, expected: i32) {
    check(&format!("(call $exit {expression})"), "", End::Exited(expected));
}

#[test]
fn a_program_writes_and_ends() {
    check("(call $say)", "hello", End::Exited(0));
    check("(call $say) (call $exit (i32.const 3)) (call $say)", "hello", End::Exited(3));
}

#[test]
fn what_goes_on_for_ever_is_stopped() {
    let short = Bounds { time: Duration::from_millis(500), ..bounds() };
    let started = Instant::now();
    let silent = ran("(loop $again (br $again))", &short);
    assert_eq!((silent.output.as_str(), silent.end), ("", End::TimedOut));
    let flood = ran("(loop $again (call $say) (br $again))", &short);
    assert_eq!((flood.output.len(), flood.is_cut, flood.end), (1000, true, End::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_reaches_too_far_breaks() {
    check("(call $say) (unreachable)", "hello", End::Broke);
    check("(call $deep)", "", End::Broke);
    check("(drop (i32.load (i32.const -4)))", "", End::Broke);
    check("(call $anything)", "", End::Broke);
}

#[test]
fn memory_has_an_end() {
    // 15 pages of 64 KiB are what is left of a megabyte.
    check_value("(memory.grow (i32.const 15))", 1);
    check_value("(memory.grow (i32.const 16))", -1);
    let text = "(module (memory (export \"memory\") 1000) (func (export \"_start\")))";
    let large = Program::compile(&program::engine().unwrap(), text.as_bytes()).unwrap();
    assert_eq!(large.run(&[], &bounds(), &Cancelled::default()).unwrap().end, End::Broke);
}

#[test]
fn there_is_nothing_outside() {
    let zeros = |n: usize| "(i32.const 0)".repeat(n);
    check_value(&format!("(call $open {} (i64.const 0) (i64.const 0) {})", zeros(5), zeros(2)), 76);
    check_value(&format!("(call $send {})", zeros(5)), 76);
    for file in 0..8 {
        check_value(&format!("(call $folder (i32.const {file}) (i32.const 64))"), 8);
    }
    check_value("(call $read (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 64))", 8);
    check_value("(call $write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 64))", 8);
    check_value(
        "(drop (call $environment (i32.const 64) (i32.const 68))) (i32.add (i32.load (i32.const 64)) (i32.load (i32.const 68)))",
        0,
    );
}

#[test]
fn addresses_that_are_none_are_refused() {
    check_value("(call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 64))", 21);
    check_value("(call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 64))", 28);
    check_value("(call $arguments (i32.const 65534) (i32.const 64))", 21);
    check_value("(call $random (i32.const 0) (i32.const -1))", 21);
    check_value("(call $poll (i32.const 65530) (i32.const 0) (i32.const 1) (i32.const 0))", 21);
    check_value("(call $time (i32.const 0) (i64.const 0) (i32.const 65532))", 21);
}

#[test]
fn arguments_arrive() {
    let sizes = "(drop (call $sizes (i32.const 64) (i32.const 68)))";
    check_value(
        &format!(
            "{sizes} (i32.add (i32.mul (i32.load (i32.const 64)) (i32.const 10)) (i32.load (i32.const 68)))"
        ),
        26,
    );
    check_value(
        "(drop (call $arguments (i32.const 64) (i32.const 128))) (i32.load8_u (i32.load (i32.const 68)))",
        'b' as i32,
    );
}

#[test]
fn sleeping_takes_no_time_but_the_programs_own() {
    // A clock for an hour; then the second clock, in nanoseconds.
    let slept =
        "(i64.store (i32.const 216) (i64.const 1)) (i64.store (i32.const 224) (i64.const 3600000000000))
        (drop (call $poll (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)))
        (drop (call $time (i32.const 1) (i64.const 0) (i32.const 408)))
        (call $exit (i64.ge_u (i64.load (i32.const 408)) (i64.const 3600000000000)))";
    check(slept, "", End::Exited(1));
}

#[test]
fn a_run_begins_from_nothing() {
    let counts = program(
        "(i32.store (i32.const 500) (i32.add (i32.load (i32.const 500)) (i32.const 1))) (call $exit (i32.load (i32.const 500)))",
    );
    for _ in 0..2 {
        assert_eq!(counts.run(&[], &bounds(), &Cancelled::default()).unwrap().end, End::Exited(1));
    }
}

#[test]
fn who_leaves_ends_the_run() {
    let cancelled = Cancelled::default();
    drop(cancelled.on_drop());
    let bounds = Bounds { time: Duration::from_secs(60), ..bounds() };
    let ran = program("(loop $again (br $again))").run(&[], &bounds, &cancelled).unwrap();
    assert_eq!(ran.end, End::Cancelled);
}

async fn run_from(folder: &Path, language: Language, code: &str) -> String {
    let sandbox = Sandbox::open(folder.to_owned()).unwrap();
    let bounds = Bounds { code_bytes: 100, ..Bounds::default() };
    match sandbox.run(language, code.to_owned(), bounds).await {
        Ok(ran) => format!("{}{}{:?}", ran.output, ran.errors, ran.end),
        Err(err) => err.to_string(),
    }
}

#[tokio::test]
async fn only_a_file_that_is_known_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run_from(folder.path(), Language::Python, "1").await;
    assert_eq!(missing, "there is no interpreter for Python; an administrator can install one");
    std::fs::write(folder.path().join("python-3.12.0.wasm"), b"(module (func (export \"_start\")))").unwrap();
    let other = run_from(folder.path(), Language::Python, "1").await;
    assert_eq!(
        other,
        "the interpreter’s file python-3.12.0.wasm is not the one that is known, so it is not run"
    );
    let long = run_from(folder.path(), Language::Python, &"1".repeat(101)).await;
    assert_eq!(long, "the program has 101 bytes, 100 are allowed");
    let sandbox = Sandbox::open(folder.path().to_owned()).unwrap();
    let names: Vec<String> =
        RunCode::tools(&sandbox, &Bounds::default()).iter().map(|it| it.describe().name).collect();
    assert_eq!(names, ["run_python"]);
}

/// `cargo xtask test` fetches the one of JavaScript; that of Python takes half a minute to make ready, and is tried where it is
/// in the same folder.
#[tokio::test]
async fn interpreters_that_are_there_compute_and_have_no_way_out() {
    let folder = std::env::var_os("CHAOSENGINE_TEST_INTERPRETERS");
    let folder =
        folder.expect("CHAOSENGINE_TEST_INTERPRETERS is not set: run the tests with `cargo xtask test`");
    let sandbox = Sandbox::open(PathBuf::from(folder)).unwrap();
    assert!(!sandbox.installed().is_empty());
    for Installed { interpreter } in sandbox.installed() {
        sandbox.make_ready(interpreter.language).await.unwrap();
        let cases: &[(&str, &str)] = match interpreter.language {
            Language::Python => PYTHON,
            Language::JavaScript => JAVASCRIPT,
        };
        for (code, expected) in cases {
            // Only what goes on for ever is to be stopped.
            let seconds = if *expected == "TimedOut" { 5 } else { 60 };
            let bounds = Bounds { time: Duration::from_secs(seconds), ..Bounds::default() };
            let ran = sandbox.run(interpreter.language, (*code).to_owned(), bounds).await.unwrap();
            let told = format!("{}{}{:?}", ran.output, ran.errors, ran.end);
            assert!(told.contains(expected), "{}: {code}: {told}", interpreter.name);
        }
    }
}

const PYTHON: &[(&str, &str)] = &[
    ("print(sum(range(10)))", "45\nExited(0)"),
    ("import json, math\nprint(json.dumps({'a': math.sqrt(16)}))", "{\"a\": 4.0}"),
    ("1 / 0", "ZeroDivisionError"),
    ("print('ä' * 3)", "äää"),
    ("while True: pass", "TimedOut"),
    ("x = []\nwhile True: x.append(bytearray(1 << 20))", "MemoryError"),
    ("def f(): f()\nf()", "Recursion"),
    ("open('/etc/passwd').read()", "Error"),
    ("import os\nprint(os.listdir('/'))", ""),
    ("import sys\nsys.exit(3)", "Exited(3)"),
];

const JAVASCRIPT: &[(&str, &str)] = &[
    ("console.log([1, 2, 3].map(x => x * x).join())", "1,4,9\nExited(0)"),
    ("throw new Error('no')", "Error: no"),
    ("console.log('ä'.repeat(3))", "äää"),
    ("for (;;);", "TimedOut"),
    ("const f = () => f(); f()", "Exited(1)"),
    ("let a = []; for (;;) a.push(new Uint8Array(1 << 20))", "Exited(1)"),
    ("Promise.resolve(5).then(x => console.log(x + 1))", "6"),
    ("const f = async () => { await null; return 7 }; console.log(await f()) // done", "7"),
    ("console.log(typeof require, typeof fetch, typeof process)", "undefined undefined undefined"),
];
