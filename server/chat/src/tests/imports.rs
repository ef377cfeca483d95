//! Files that are taken over as jobs: what a crash breaks off goes on, what is stopped stays, and what is not whole changes nothing.

use super::{Bench, LONG_AGO, ME, OTHER};
use crate::{ChatError, ImportError, Imports};
use futures::stream;
use jobs::Jobs;
use std::{path::PathBuf, time::Duration};
use store::ImportCounts;
use system::arriving::ArrivalError;
use types::{
    filing::{Filter, ImportState, ImportView, MAX_TOOLS_OFF},
    ids::ImportId,
    job::JobState,
};

impl Bench {
    fn imports_folder(&self) -> PathBuf {
        self.folder.path().join("imports")
    }

    async fn imports(&self) -> (Imports, Jobs) {
        let jobs = Jobs::open(self.store.clone()).await.unwrap();
        let imports = Imports::open(self.chat.clone(), jobs.clone(), self.imports_folder()).await.unwrap();
        (imports, jobs)
    }

    async fn titles(&self) -> Vec<String> {
        let mut titles = Vec::new();
        for id in self.chat.all_sessions(ME).await.unwrap() {
            titles.push(self.chat.transcript(ME, id).await.unwrap().title);
        }
        titles
    }

    fn n_files(&self) -> usize {
        std::fs::read_dir(self.imports_folder()).unwrap().count()
    }
}

fn chat(title: &str) -> serde_json::Value {
    serde_json::json!({"title": title, "turns": [{"role": "user", "text": "Which?"}]})
}

/// One whose answers may call these tools.
fn calling(title: &str, tools: &[String]) -> serde_json::Value {
    let turns = serde_json::json!([{"role": "user", "text": title}]);
    serde_json::json!({"title": title, "setup": {"tools": tools}, "turns": turns})
}

fn file(chats: Vec<serde_json::Value>) -> String {
    serde_json::json!({"format": "chaosengine-chats", "version": 1, "chats": chats}).to_string()
}

async fn add(imports: &Imports, file: &str) -> ImportId {
    imports.add(ME, "chats.json", stream::iter([Ok::<_, ()>(file.to_owned())])).await.unwrap()
}

fn counts(view: &ImportView) -> (ImportState, u32, u32) {
    (view.state, view.n_taken, view.n_skipped)
}

#[tokio::test]
async fn what_a_crash_broke_off_goes_on_and_nothing_is_there_twice() {
    let bench = Bench::open([]).await;
    // As a crash leaves it: two entries are behind it, one of them no chat, and the next was never committed.
    std::fs::create_dir_all(bench.imports_folder()).unwrap();
    let entries = vec![chat("one"), serde_json::json!(7), chat("two"), chat("three")];
    std::fs::write(bench.imports_folder().join("a.json"), file(entries)).unwrap();
    std::fs::write(bench.imports_folder().join("of-nobody.json"), "[").unwrap();
    let id = bench.store.add_import(ME, "chats.json", "a.json", 1).await.unwrap();
    let work = bench.store.waiting_import().await.unwrap().unwrap();
    let first = transcripts::Transcript { title: "one".to_owned(), ..Default::default() };
    let imported = bench.chat.imported(ME, &first).await.unwrap();
    let session = store::ImportedSession { messages: vec![], ..imported.session };
    let behind = ImportCounts { n_entries: 2, n_taken: 1, n_skipped: 1, ..ImportCounts::default() };
    bench.store.import_session(&work, behind, &[], &session).await.unwrap();

    let (imports, jobs) = bench.imports().await;
    let view = imports.ended(ME, id, LONG_AGO).await.unwrap();
    assert_eq!(counts(&view), (ImportState::Done, 3, 1));
    assert_eq!(bench.titles().await, ["two", "three"], "the first has no turn here, and no second was made");
    assert_eq!(bench.n_files(), 0);
    // Its end is told before that of its job.
    while jobs.list(ME).await.unwrap()[0].state != JobState::Done {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(imports.ended(OTHER, id, LONG_AGO).await, Err(ChatError::NotFound)));
    // What has ended takes nothing more.
    let late = bench.store.import_session(&work, behind, &[], &session).await;
    assert!(matches!(late, Err(store::StoreError::NotFound)), "{late:?}");
}

#[tokio::test]
async fn what_was_taken_over_before_it_is_stopped_stays() {
    let bench = Bench::open([]).await;
    let (imports, jobs) = bench.imports().await;
    const N: usize = 5_000;
    let id = add(&imports, &file((0..N).map(|n| chat(&format!("chat {n}"))).collect())).await;
    while imports.ended(ME, id, Duration::ZERO).await.unwrap().n_taken < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let job = jobs.list(ME).await.unwrap().remove(0);
    jobs.cancel(ME, job.id).await.unwrap();
    let view = imports.ended(ME, id, LONG_AGO).await.unwrap();
    assert_eq!(view.state, ImportState::Cancelled);
    let n = bench.titles().await.len();
    assert!((3..N).contains(&n) && n == view.n_taken as usize, "{n} are there, {} were told", view.n_taken);
    assert_eq!(bench.n_files(), 0);
    // The next file is taken over all the same.
    let next = add(&imports, &file(vec![chat("next")])).await;
    assert_eq!(counts(&imports.ended(ME, next, LONG_AGO).await.unwrap()), (ImportState::Done, 1, 0));
    let filter = Filter { import: Some(next), ..Filter::default() };
    assert_eq!(bench.chat.filed_sessions(ME, &filter).await.unwrap().import.unwrap().n_taken, 1);
    assert_eq!(bench.chat.filed_sessions(OTHER, &filter).await.unwrap().import, None);
}

#[tokio::test]
async fn a_file_that_is_not_whole_changes_nothing() {
    let bench = Bench::open([]).await;
    let (imports, _) = bench.imports().await;
    let whole = file(vec![chat("one"), chat("two")]);
    for (text, problem) in
        [(&whole[..whole.len() - 2], "json"), ("PK\u{3}\u{4}", "archive"), ("[1, {}]", "unknown")]
    {
        let id = add(&imports, text).await;
        let view = imports.ended(ME, id, LONG_AGO).await.unwrap();
        assert_eq!((view.state, view.problem.as_str()), (ImportState::Failed, problem), "{text}");
    }
    assert_eq!(bench.titles().await, [""; 0]);
    let broken = stream::iter([Ok(whole), Err(())]);
    assert!(matches!(imports.add(ME, "x", broken).await, Err(ImportError::Arrival(ArrivalError::BrokeOff))));
    let nothing = stream::iter([Ok::<_, ()>("")]);
    assert!(matches!(imports.add(ME, "x", nothing).await, Err(ImportError::Arrival(ArrivalError::Empty))));
    assert_eq!(bench.n_files(), 0);
}

#[tokio::test]
async fn a_file_that_comes_again_brings_what_is_not_here() {
    let bench = Bench::open([]).await;
    let (imports, _) = bench.imports().await;
    let told = |view: ImportView| (view.state, view.n_taken, view.n_known);
    let mut chats: Vec<_> = ["one", "two", "three"].map(|title| {
        serde_json::json!({"title": title, "created_ms": 5, "turns": [{"role": "user", "text": title}]})
    }).into();

    // As a full disk leaves it: only a part was taken over.
    let first = add(&imports, &file(chats[..2].to_vec())).await;
    assert_eq!(told(imports.ended(ME, first, LONG_AGO).await.unwrap()), (ImportState::Done, 2, 0));
    let whole = add(&imports, &file(chats.clone())).await;
    assert_eq!(told(imports.ended(ME, whole, LONG_AGO).await.unwrap()), (ImportState::Done, 1, 2));
    assert_eq!(bench.titles().await, ["one", "two", "three"]);

    // Nothing new is no failure; another name is nothing new, another word is.
    chats[0]["title"] = "first".into();
    let again = add(&imports, &file(chats.clone())).await;
    assert_eq!(told(imports.ended(ME, again, LONG_AGO).await.unwrap()), (ImportState::Done, 0, 3));
    chats[1]["turns"][0]["text"] = "two and a half".into();
    let later = add(&imports, &file(chats.clone())).await;
    assert_eq!(told(imports.ended(ME, later, LONG_AGO).await.unwrap()), (ImportState::Done, 1, 2));

    // What was deleted comes again when it is asked for.
    let one = bench.chat.all_sessions(ME).await.unwrap()[0];
    bench.chat.delete_session(ME, one).await.unwrap();
    let asked = add(&imports, &file(chats)).await;
    assert_eq!(told(imports.ended(ME, asked, LONG_AGO).await.unwrap()), (ImportState::Done, 1, 2));
}

#[tokio::test]
async fn tools_that_stay_off_are_named_once_and_not_without_end() {
    let bench = Bench::open([]).await;
    let (imports, _) = bench.imports().await;
    let few = ["seeks", "adds", "two\nlines"].map(str::to_owned);
    let chats = vec![calling("one", &few), calling("two", &few[..1]), chat("three")];
    let first = add(&imports, &file(chats.clone())).await;
    let view = imports.ended(ME, first, LONG_AGO).await.unwrap();
    assert_eq!((view.state, view.problem.as_str()), (ImportState::Done, ""));
    assert_eq!(view.tools_off, ["adds", "seeks", "twolines"]);
    // What is here already brings nothing that could be switched on.
    let again = add(&imports, &file(chats)).await;
    assert_eq!(imports.ended(ME, again, LONG_AGO).await.unwrap().tools_off, [""; 0]);

    let many: Vec<String> = (0..2 * MAX_TOOLS_OFF).map(|n| format!("tool{n:03}")).collect();
    let flood = add(&imports, &file(vec![calling("four", &many)])).await;
    let told = imports.ended(ME, flood, LONG_AGO).await.unwrap().tools_off;
    assert_eq!((told.len(), told[0].as_str()), (MAX_TOOLS_OFF + 1, "tool000"));
    assert_eq!(told[MAX_TOOLS_OFF], "…");
}

/// What is told behind a crash: one session was written, for which `before` was told, and the one that names `later` was not.
async fn told_behind_a_crash(before: &[String], later: &[String]) -> Vec<String> {
    let bench = Bench::open([]).await;
    std::fs::create_dir_all(bench.imports_folder()).unwrap();
    let entries = vec![calling("one", before), calling("two", later)];
    std::fs::write(bench.imports_folder().join("a.json"), file(entries)).unwrap();
    let id = bench.store.add_import(ME, "chats.json", "a.json", 1).await.unwrap();
    let work = bench.store.waiting_import().await.unwrap().unwrap();
    let first = transcripts::Transcript { title: "one".to_owned(), ..Default::default() };
    let imported = bench.chat.imported(ME, &first).await.unwrap();
    let session = store::ImportedSession { messages: vec![], ..imported.session };
    let behind = ImportCounts { n_entries: 1, n_taken: 1, ..ImportCounts::default() };
    bench.store.import_session(&work, behind, before, &session).await.unwrap();
    let (imports, _) = bench.imports().await;
    imports.ended(ME, id, LONG_AGO).await.unwrap().tools_off
}

#[tokio::test]
async fn tools_that_stay_off_are_named_after_a_crash_too() {
    let [adds, seeks] = ["adds", "seeks"].map(str::to_owned);
    let told = told_behind_a_crash(std::slice::from_ref(&adds), &[seeks, adds.clone()]).await;
    assert_eq!(told, ["adds", "seeks"]);

    // That there are more is told once, and last, in whatever letters the names are.
    let mut many: Vec<String> = (0..MAX_TOOLS_OFF).map(|n| format!("工具{n:03}")).collect();
    many.push("…".to_owned());
    assert_eq!(told_behind_a_crash(&many, &[adds]).await, many);
}

#[tokio::test]
async fn tools_that_stay_off_are_kept_with_each_session() {
    let bench = Bench::open([]).await;
    let (imports, _) = bench.imports().await;
    let tools = ["seeks".to_owned()];
    let chats = (0..200).map(|n| calling(&format!("chat {n}"), &tools)).collect();
    let id = add(&imports, &file(chats)).await;
    let view = loop {
        let view = imports.ended(ME, id, Duration::ZERO).await.unwrap();
        if view.n_taken > 0 {
            break view;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(view.tools_off, ["seeks"], "{:?}", view.state);
    assert_eq!(imports.ended(ME, id, LONG_AGO).await.unwrap().tools_off, ["seeks"]);
}
