//! What happens in the folders of the library is told.

use super::{Bench, llama};
use std::{fs, time::Duration};
use tokio::{
    sync::watch::Receiver,
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than it is waited until nothing moves.
const QUIET: Duration = Duration::from_millis(1500);

async fn told(changes: &mut Receiver<u64>) {
    timeout(PATIENCE, changes.changed()).await.expect("it is told").expect("the library lives");
}

/// Writes a model again and again until that is told: nobody says when a folder begins to be followed.
async fn told_of(bench: &Bench, changes: &mut Receiver<u64>, place: &str) {
    for n in 1..60 {
        bench.put(place, &llama(n));
        if timeout(QUIET, changes.changed()).await.is_ok() {
            return;
        }
    }
    panic!("nothing was told of {place}");
}

#[tokio::test]
async fn what_comes_and_goes_in_any_folder_is_told_and_nothing_else_is() {
    let bench = Bench::open().await;
    bench.put("own/first.gguf", &llama(10));
    let mut changes = bench.models.changes();
    bench.models.start_watching();
    told_of(&bench, &mut changes, "own/deep/below/second.gguf").await;
    assert_eq!(bench.all().await, ["first", "deep/below/second"]);
    fs::remove_file(bench.path("own/first.gguf")).unwrap();
    told(&mut changes).await;
    assert_eq!(bench.all().await, ["deep/below/second"]);

    // A folder that is added is followed, too.
    bench.put("other/third.gguf", &llama(30));
    let other = bench.path("other/x").parent().unwrap().display().to_string();
    bench.models.add_folder(&other, "").await.unwrap();
    told(&mut changes).await;
    told_of(&bench, &mut changes, "other/third.gguf").await;

    // What is no model, and what is on its way, is nobody's concern.
    while timeout(QUIET * 2, changes.changed()).await.is_ok() {}
    bench.put("own/notes.txt", b"hello");
    bench.put("own/.downloads/fourth.gguf", &llama(10));
    sleep(QUIET).await;
    assert!(!changes.has_changed().unwrap());
}

#[tokio::test]
async fn what_comes_while_a_folder_begins_to_be_followed_is_told_too() {
    let bench = Bench::open().await;
    let mut changes = bench.models.changes();
    bench.models.start_watching();
    told_of(&bench, &mut changes, "own/first.gguf").await;
    for name in ["a", "b", "c", "d"] {
        bench.put(&format!("{name}/first.gguf"), &llama(10));
        bench.models.add_folder(&format!("~/{name}"), "").await.unwrap();
        told(&mut changes).await;
        bench.put(&format!("{name}/second.gguf"), &llama(20));
        told(&mut changes).await;
    }
}

#[tokio::test]
async fn a_folder_that_was_not_there_is_followed_once_it_is() {
    let mut bench = Bench::open().await;
    bench.models.watching = bench.models.watching.clone().looking_every(Duration::from_millis(50));
    bench.put("disk/first.gguf", &llama(10));
    bench.models.add_folder("~/disk", "").await.unwrap();
    fs::rename(bench.home.path().join("disk"), bench.home.path().join("unplugged")).unwrap();
    let mut changes = bench.models.changes();
    bench.models.start_watching();
    assert!(bench.all().await.is_empty());
    fs::rename(bench.home.path().join("unplugged"), bench.home.path().join("disk")).unwrap();
    told_of(&bench, &mut changes, "disk/second.gguf").await;
    assert_eq!(bench.all().await, ["disk/first", "disk/second"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_links_lead_to_is_followed_too() {
    let mut bench = Bench::open().await;
    bench.models.watching = bench.models.watching.clone().looking_every(Duration::from_millis(50));
    bench.put("elsewhere/first.gguf", &llama(10));
    std::os::unix::fs::symlink(bench.home.path().join("elsewhere"), bench.path("own/linked")).unwrap();
    let mut changes = bench.models.changes();
    bench.models.start_watching();
    told_of(&bench, &mut changes, "elsewhere/second.gguf").await;
    assert_eq!(bench.all().await, ["linked/first", "linked/second"]);
}
