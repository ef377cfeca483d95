use super::*;

/// What is said of a worker that takes three seconds to write what would be lost after its input ended.
async fn check(haste: Haste, expected: &str) {
    let script = "cat; sleep 3; exit 5";
    let mut config = LlamaConfig { args: vec!["-c".into(), script.into()], ..LlamaConfig::new("/bin/sh") };
    let Link { input, end, .. } = config.launch().expect("a shell");
    drop(input);
    let said = end(haste).await;
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn who_still_writes_is_waited_for_unless_it_must_end_now() {
    check(Haste::Wait, "exit status: 5").await;
    check(Haste::Kill, "signal: 9").await;
}
