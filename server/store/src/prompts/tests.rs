use crate::{Store, StoreError, tests::open};
use types::{
    ids::{PromptId, UserId},
    prompt::{MAX_VERSIONS, PromptDraft, PromptSummary, Variable, VariableKind},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

fn draft(name: &str, body: &str) -> PromptDraft {
    PromptDraft { name: name.into(), body: body.into(), ..PromptDraft::default() }
}

async fn create(store: &Store, draft: &PromptDraft) -> PromptId {
    store.create_prompts(ME, std::slice::from_ref(draft), 1).await.unwrap()[0]
}

fn names(list: &[PromptSummary]) -> Vec<&str> {
    list.iter().map(|prompt| prompt.name.as_str()).collect()
}

#[tokio::test]
async fn a_prompt_comes_back_as_it_was_written() {
    let (_folder, store) = open().await;
    let choices = vec!["kind".to_owned(), "strict".to_owned()];
    let written = PromptDraft {
        about: "about".into(),
        folder: "Work".into(),
        tags: vec!["b".into(), "a".into()],
        variables: vec![
            Variable::text("x"),
            Variable { name: "tone".into(), kind: VariableKind::Choice, default: "kind".into(), choices },
        ],
        ..draft("one", "{{x}} {{tone}}")
    };
    let id = create(&store, &written).await;
    create(&store, &PromptDraft { tags: vec!["c".into()], ..draft("two", "x") }).await;
    let summary = store.find_prompt(ME, id).await.unwrap().unwrap();
    let version = store.find_prompt_version(ME, id, None).await.unwrap().unwrap();
    let read = PromptDraft {
        name: summary.name.clone(),
        about: summary.about.clone(),
        folder: summary.folder.clone(),
        tags: summary.tags.clone(),
        body: version.body,
        variables: version.variables,
    };
    assert_eq!(read, written);
    let list = store.list_prompts(ME, 10).await.unwrap();
    assert_eq!(list[0], summary);
    assert_eq!(list[1].tags, ["c"]);
}

#[tokio::test]
async fn names_are_given_once_for_each_person_and_free_after_deleting() {
    let (_folder, store) = open().await;
    let id = create(&store, &draft("one", "1")).await;
    let again = store.create_prompts(ME, &[draft("two", "2"), draft("one", "3")], 2).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    assert_eq!(names(&store.list_prompts(ME, 10).await.unwrap()), ["one"], "all or none");
    store.delete_prompt(ME, id, 3).await.unwrap();
    create(&store, &draft("one", "3")).await;
    assert!(matches!(store.restore_prompt(ME, id).await, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn a_changed_text_is_a_new_version_and_a_changed_folder_is_none() {
    let (_folder, store) = open().await;
    let id = create(&store, &draft("one", "first")).await;
    store
        .update_prompt(ME, id, &PromptDraft { folder: "Work".into(), ..draft("uno", "first") }, 2)
        .await
        .unwrap();
    assert_eq!(store.list_prompt_versions(id).await.unwrap().len(), 1);
    store.update_prompt(ME, id, &draft("uno", "second"), 3).await.unwrap();
    let versions = store.list_prompt_versions(id).await.unwrap();
    assert_eq!(versions.iter().map(|it| it.created_at_ms).collect::<Vec<_>>(), [3, 1]);
    let body = async |version| store.find_prompt_version(ME, id, version).await.unwrap().unwrap().body;
    assert_eq!(body(None).await, "second");
    assert_eq!(body(Some(versions[1].id)).await, "first");
    // What only the variables say differs, too.
    let variables = vec![Variable { default: "x".into(), ..Variable::text("a") }];
    store.update_prompt(ME, id, &PromptDraft { variables, ..draft("uno", "second") }, 4).await.unwrap();
    assert_eq!(store.list_prompt_versions(id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_oldest_versions_go() {
    let (_folder, store) = open().await;
    let id = create(&store, &draft("one", "0")).await;
    for n in 1..=MAX_VERSIONS {
        store.update_prompt(ME, id, &draft("one", &n.to_string()), n as i64).await.unwrap();
    }
    let versions = store.list_prompt_versions(id).await.unwrap();
    assert_eq!(versions.len(), MAX_VERSIONS);
    assert_eq!(versions.last().unwrap().created_at_ms, 1);
}

#[tokio::test]
async fn search_finds_beginnings_of_words_in_everything_a_prompt_says_now() {
    let (_folder, store) = open().await;
    let written = PromptDraft {
        about: "Erklärt Code".into(),
        folder: "Arbeit".into(),
        tags: vec!["rust".into()],
        ..draft("explain-code", "line by line")
    };
    let id = create(&store, &written).await;
    create(&store, &draft("other", "nothing of it")).await;
    let search = async |query: &str| names(&store.search_prompts(ME, query, 10).await.unwrap()).join(" ");
    for query in ["expl", "erklär", "arbeit", "rust", "line", "explain line", "LINE"] {
        assert_eq!(search(query).await, "explain-code", "{query}");
    }
    for query in ["missing", "line missing", "\"", "*", "a OR", ""] {
        assert_eq!(search(query).await, "", "{query}");
    }
    store.update_prompt(ME, id, &draft("explain-code", "word by word"), 2).await.unwrap();
    assert_eq!(search("line").await, "");
    assert_eq!(search("word").await, "explain-code");
    store.delete_prompt(ME, id, 3).await.unwrap();
    assert_eq!(search("word").await, "");
    store.restore_prompt(ME, id).await.unwrap();
    assert_eq!(search("word").await, "explain-code");
}

#[tokio::test]
async fn search_finds_words_within_sentences_without_spaces() {
    let (_folder, store) = open().await;
    create(
        &store,
        &PromptDraft {
            about: "翻译成英文".into(), ..draft("translate", "请把 Rust 文档翻译成英文")
        },
    )
    .await;
    create(&store, &draft("other", "天气")).await;
    let search = async |query: &str| names(&store.search_prompts(ME, query, 10).await.unwrap()).join(" ");
    for query in ["英文", "文", "rust 翻译", "translate 英文"] {
        assert_eq!(search(query).await, "translate", "{query}");
    }
    assert_eq!(search("英文 天气").await, "");
}

#[tokio::test]
async fn what_is_purged_leaves_nothing() {
    let (_folder, store) = open().await;
    let id = create(&store, &draft("one", "{{x}}")).await;
    store.delete_prompt(ME, id, 5).await.unwrap();
    assert_eq!(store.purge_prompts(5).await.unwrap(), 0);
    assert_eq!(store.purge_prompts(6).await.unwrap(), 1);
    assert!(matches!(store.restore_prompt(ME, id).await, Err(StoreError::NotFound)));
    assert!(store.list_prompt_versions(id).await.unwrap().is_empty());
}

#[tokio::test]
async fn starters_are_given_once() {
    let (_folder, store) = open().await;
    create(&store, &draft("one", "mine")).await;
    store.give_prompts(ME, &[draft("one", "given"), draft("two", "given")], 2).await.unwrap();
    let list = store.list_prompts(ME, 10).await.unwrap();
    assert_eq!(names(&list), ["one", "two"]);
    assert_eq!(store.find_prompt_version(ME, list[0].id, None).await.unwrap().unwrap().body, "mine");
    store.delete_prompt(ME, list[1].id, 3).await.unwrap();
    store.give_prompts(ME, &[draft("two", "given")], 4).await.unwrap();
    assert_eq!(store.count_prompts(ME).await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_sees_or_changes_the_prompts_of_others() {
    let (_folder, store) = open().await;
    let id = create(&store, &draft("one", "mine")).await;
    let version = store.list_prompt_versions(id).await.unwrap()[0].id;
    assert!(store.list_prompts(OTHER, 10).await.unwrap().is_empty());
    assert!(store.search_prompts(OTHER, "mine", 10).await.unwrap().is_empty());
    assert_eq!(store.count_prompts(OTHER).await.unwrap(), 0);
    assert!(store.find_prompt(OTHER, id).await.unwrap().is_none());
    assert!(store.find_prompt_version(OTHER, id, None).await.unwrap().is_none());
    assert!(store.find_prompt_version(OTHER, id, Some(version)).await.unwrap().is_none());
    assert!(matches!(store.update_prompt(OTHER, id, &draft("x", "x"), 2).await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_prompt(OTHER, id, 2).await, Err(StoreError::NotFound)));
    store.delete_prompt(ME, id, 2).await.unwrap();
    assert!(matches!(store.restore_prompt(OTHER, id).await, Err(StoreError::NotFound)));
}
