//! What happens in the folders of the library is told.

use super::{Bench, llama};
use std::{fs, time::Duration};
use tokio::{sync::watch::Receiver, time::timeout};

const PATIENCE: Duration = Duration::from_secs(20);

async fn told(changes: &mut Receiver<u64>) {
    timeout(PATIENCE, changes.changed()).await.expect("it is told").expect("the library lives");
}

#[tokio::test]
async fn what_comes_and_goes_in_any_folder_is_told_and_nothing_else_is() {
    let bench = Bench::open().await;
    bench.put("own/first.gguf", &llama(10));
    let mut changes = bench.models.changes();
    bench.models.start_watching();
    // It is known by then what is there.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!changes.has_changed().unwrap());

    bench.put("own/deep/below/second.gguf", &llama(20));
    told(&mut changes).await;
    assert_eq!(bench.all().await, ["first", "deep/below/second"]);
    fs::remove_file(bench.path("own/first.gguf")).unwrap();
    told(&mut changes).await;
    assert_eq!(bench.all().await, ["deep/below/second"]);

    // A folder that is added is followed, too.
    bench.put("other/third.gguf", &llama(30));
    let other = bench.path("other/x").parent().unwrap().display().to_string();
    bench.models.add_folder(&other, "").await.unwrap();
    told(&mut changes).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    bench.put("other/third.gguf", &llama(40));
    told(&mut changes).await;

    // What is no model, and what is on its way, is nobody's concern.
    bench.put("own/notes.txt", b"hello");
    bench.put("own/.downloads/fourth.gguf", &llama(10));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!changes.has_changed().unwrap());
}
