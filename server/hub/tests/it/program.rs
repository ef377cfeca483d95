//! The program `pretend-hub`.

use crate::support::{REPO, hub_at, repo};
use hub::{HubError, Revision, Search};
use std::{fs, path::Path};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn the_program_serves_a_folder_and_takes_faults() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join(REPO);
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::write(inside.join("README.md"), "# Hello").unwrap();
    fs::write(inside.join("sub/x.gguf"), vec![5; 100_000]).unwrap();
    fs::write(inside.join(".hub.json"), r#"{"downloads": 12, "tags": ["gguf"], "library": "gguf"}"#).unwrap();
    let mut command = system::process::command(Path::new(env!("CARGO_BIN_EXE_pretend-hub")));
    let mut child = command.arg(folder.path()).arg("--while-input").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let endpoint = lines.next_line().await.unwrap().unwrap();

    let hub = hub_at(&endpoint, None);
    let found = hub.search(&Search { n: 10, ..Search::default() }, None).await.unwrap();
    assert_eq!((found.repositories.len(), found.repositories[0].downloads), (1, 12));
    let repository = hub.repository(&repo(REPO), &Revision::default()).await.unwrap();
    let files: Vec<_> = repository.files.iter().map(|it| (it.path.as_str(), it.size)).collect();
    assert_eq!(files, [("README.md", 7), ("sub/x.gguf", 100_000)]);
    assert_eq!(hub.card(&repo(REPO), &Revision::default()).await.unwrap().unwrap().text, "# Hello");

    let faults = serde_json::json!([{"repo": REPO, "path": "README.md", "faults": [{"kind": "status", "status": 429, "retry_after": 9, "times": 1}]}]);
    let told = hub.client().post(format!("{endpoint}/-/faults")).json(&faults).send().await.unwrap();
    assert!(told.status().is_success());
    let refused = hub.card(&repo(REPO), &Revision::default()).await;
    assert_eq!(refused, Err(HubError::RateLimited { seconds: 9 }));

    drop(child.stdin.take());
    assert!(child.wait().await.unwrap().success());
}
