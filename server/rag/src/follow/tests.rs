use crate::{
    RagError,
    tests::bench::{Bench, ME},
};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use types::{document::DocumentsView, ids::CollectionId};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the page shows what `is_so` wants.
async fn shown(bench: &Bench, id: CollectionId, is_so: impl Fn(&DocumentsView) -> bool) -> DocumentsView {
    let mut last = None;
    let waiting = async {
        loop {
            let view = bench.rag.look(ME, Some(id), "", 100).await.unwrap();
            if is_so(&view) {
                return view;
            }
            last = Some(view);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(view) => view,
        Err(_) => panic!("it never was so: {last:?}"),
    }
}

fn names(view: &DocumentsView) -> Vec<&str> {
    let mut names: Vec<_> = view.documents.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    names
}

async fn has(bench: &Bench, id: CollectionId, expected: &[&str]) -> DocumentsView {
    shown(bench, id, |view| names(view) == expected).await
}

async fn follow(bench: &Bench, folder: &Path) -> CollectionId {
    let id = bench.rag.add_collection(ME, "Notes").await.unwrap();
    bench.rag.follow(ME, id, folder.to_str().unwrap()).await.unwrap();
    id
}

#[tokio::test]
async fn a_collection_has_what_is_in_its_folder() {
    let bench = Bench::open().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.md"), "one").unwrap();
    fs::create_dir(path("sub")).unwrap();
    fs::write(path("sub/b.txt"), "two").unwrap();
    let id = follow(&bench, folder.path()).await;
    let view = has(&bench, id, &["a.md", "sub/b.txt"]).await;
    let before: Vec<_> = view.documents.iter().map(|it| (it.name.clone(), it.id)).collect();

    // New, changed, the same once more, and moved.
    fs::write(path("c.md"), "three").unwrap();
    fs::write(path("a.md"), "one and a half").unwrap();
    fs::write(path("copy of b.txt"), "two").unwrap();
    fs::rename(path("sub/b.txt"), path("sub/d.txt")).unwrap();
    // A look that is under way has some of it, so that all is waited for.
    let is_so = |view: &DocumentsView, n_files: u32, n_documents: usize| {
        view.followed.as_ref().is_some_and(|it| it.n_files == n_files) && view.documents.len() == n_documents
    };
    let one = before.iter().find(|it| it.0 == "a.md").unwrap().1;
    let changed = |view: &DocumentsView| view.documents.iter().any(|it| it.name == "a.md" && it.id != one);
    let view = shown(&bench, id, |view| is_so(view, 4, 3) && changed(view)).await;
    let two = before.iter().find(|it| it.0 == "sub/b.txt").unwrap().1;
    assert!(view.documents.iter().any(|it| it.id == two));

    // What is gone leaves; the copy still is that document.
    fs::remove_file(path("c.md")).unwrap();
    fs::remove_file(path("sub/d.txt")).unwrap();
    let view = shown(&bench, id, |view| is_so(view, 2, 2)).await;
    assert!(view.documents.iter().any(|it| it.id == two), "{view:?}");
}

#[tokio::test]
async fn a_folder_that_is_gone_says_so_and_takes_nothing_with_it() {
    let bench = Bench::open().await;
    let folder = tempfile::tempdir().unwrap();
    let (root, away) = (folder.path().join("notes"), folder.path().join("away"));
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.md"), "one").unwrap();
    let id = follow(&bench, &root).await;
    has(&bench, id, &["a.md"]).await;
    fs::rename(&root, &away).unwrap();
    bench.rag.moved().tell(id);
    let problem = |view: &DocumentsView| view.followed.as_ref().and_then(|it| it.problem.clone());
    let view = shown(&bench, id, |view| problem(view).is_some()).await;
    assert!(problem(&view).unwrap().contains("not there") && names(&view) == ["a.md"], "{view:?}");
    fs::rename(&away, &root).unwrap();
    bench.rag.moved().tell(id);
    shown(&bench, id, |view| problem(view).is_none() && names(view) == ["a.md"]).await;
}

#[tokio::test]
async fn what_a_person_deleted_or_added_stays_so() {
    let bench = Bench::open().await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.md", "b.md"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let id = bench.rag.add_collection(ME, "Notes").await.unwrap();
    let bytes = futures::stream::iter([Ok::<_, std::io::Error>("b.md")]);
    bench.rag.add_file(ME, id, "mine.md", bytes).await.unwrap();
    bench.rag.follow(ME, id, folder.path().to_str().unwrap()).await.unwrap();
    let view = has(&bench, id, &["a.md", "mine.md"]).await;
    let of_folder = view.documents.iter().find(|it| it.name == "a.md").unwrap().id;
    bench.rag.delete_document(ME, of_folder).await.unwrap();
    fs::remove_file(folder.path().join("b.md")).unwrap();
    fs::write(folder.path().join("c.md"), "c").unwrap();
    has(&bench, id, &["c.md", "mine.md"]).await;

    bench.rag.unfollow(ME, id).await.unwrap();
    fs::remove_file(folder.path().join("c.md")).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let view = has(&bench, id, &["c.md", "mine.md"]).await;
    assert_eq!(view.followed, None);
}

#[tokio::test]
async fn only_a_folder_that_is_there_is_followed() {
    let bench = Bench::open().await;
    let id = bench.rag.add_collection(ME, "Notes").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.md");
    fs::write(&file, "one").unwrap();
    for path in ["", "notes", "..", file.to_str().unwrap(), folder.path().join("gone").to_str().unwrap()] {
        let refused = bench.rag.follow(ME, id, path).await;
        assert!(matches!(refused, Err(RagError::NoFolder)), "{path}: {refused:?}");
    }
    let whole = folder.path().to_str().unwrap();
    let not_there = bench.rag.follow(ME, CollectionId(99), whole).await;
    assert!(matches!(not_there, Err(RagError::NotFound)), "{not_there:?}");
}

/// Each run is ended without being told, in the midst of whatever it does.
#[test]
fn following_goes_on_after_runs_that_were_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..40 {
        fs::write(folder.path().join(format!("{n}.md")), format!("number {n}")).unwrap();
    }
    let mut data = tempfile::tempdir().unwrap();
    let mut id = None;
    for millis in [0, 20, 60, 1_100, 1_200] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        data = runtime.block_on(cut_off(data, folder.path(), &mut id, millis));
        runtime.shutdown_background();
    }
    fs::remove_file(folder.path().join("7.md")).unwrap();
    fs::write(folder.path().join("8.md"), "changed while nobody looked").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bench = Bench::open_in(data).await;
        let view =
            shown(&bench, id.unwrap(), |view| view.documents.len() == 39 && !names(view).contains(&"7.md"))
                .await;
        assert_eq!(view.followed.unwrap().n_files, 39);
    });
}

async fn cut_off(data: TempDir, folder: &Path, id: &mut Option<CollectionId>, millis: u64) -> TempDir {
    let bench = Bench::open_in(data).await;
    if id.is_none() {
        *id = Some(follow(&bench, folder).await);
    }
    tokio::time::sleep(Duration::from_millis(millis)).await;
    bench.folder
}
