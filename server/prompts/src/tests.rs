use crate::{Prompts, PromptsError, file, starters};
use store::Store;
use tempfile::TempDir;
use types::{
    ids::UserId,
    prompt::{
        Imported, MAX_IMPORT_BYTES, MAX_PROMPT_BYTES, MAX_PROMPTS, MAX_VARIABLE_BYTES, MAX_VARIABLES,
        PromptDraft, Variable, VariableKind,
    },
};

const ME: UserId = UserId::LOCAL;

async fn open() -> (TempDir, Prompts) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
    (folder, Prompts::open(store).await.unwrap())
}

fn draft(name: &str, body: &str) -> PromptDraft {
    PromptDraft { name: name.into(), body: body.into(), ..PromptDraft::default() }
}

async fn names(prompts: &Prompts) -> Vec<String> {
    prompts.list(ME, "", "en").await.unwrap().into_iter().map(|prompt| prompt.name).collect()
}

/// Without those to begin with.
async fn emptied() -> (TempDir, Prompts) {
    let (folder, prompts) = open().await;
    for prompt in prompts.list(ME, "", "en").await.unwrap() {
        prompts.delete(ME, prompt.id).await.unwrap();
    }
    (folder, prompts)
}

#[test]
fn starters_can_be_used_in_both_languages() {
    let (english, german) = (starters::in_language("en").unwrap(), starters::in_language("de").unwrap());
    assert_eq!(english.len(), german.len());
    assert_eq!(starters::in_language("fr").unwrap(), english);
    for (english, german) in english.iter().zip(&german) {
        let kinds = |draft: &PromptDraft| draft.variables.iter().map(|it| it.kind).collect::<Vec<_>>();
        assert_eq!(kinds(english), kinds(german), "{} and {}", english.name, german.name);
        assert!(!english.about.is_empty() && !english.folder.is_empty() && !english.tags.is_empty());
        assert!(!german.about.is_empty() && !german.folder.is_empty() && !german.tags.is_empty());
    }
}

#[tokio::test]
async fn starters_are_there_once_and_can_be_deleted_for_good() {
    let (_folder, prompts) = open().await;
    assert!(names(&prompts).await.contains(&"summarise".to_owned()));
    for prompt in prompts.list(ME, "", "en").await.unwrap() {
        prompts.delete(ME, prompt.id).await.unwrap();
    }
    assert!(prompts.list(ME, "", "de").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_taken_name_is_refused_by_name() {
    let (_folder, prompts) = emptied().await;
    let id = prompts.save(ME, None, draft("One", "1")).await.unwrap();
    let err = prompts.save(ME, None, draft("/one", "2")).await.unwrap_err();
    assert!(err.to_string().contains("“one”"), "{err}");
    let other = prompts.save(ME, None, draft("two", "2")).await.unwrap();
    assert!(matches!(
        prompts.save(ME, Some(other), draft("one", "2")).await,
        Err(PromptsError::NameTaken(_))
    ));
    prompts.save(ME, Some(id), draft("one", "again")).await.unwrap();
    prompts.delete(ME, id).await.unwrap();
    prompts.save(ME, Some(other), draft("one", "2")).await.unwrap();
    assert!(matches!(prompts.restore(ME, id).await, Err(PromptsError::NameTakenMeanwhile)));
}

#[tokio::test]
async fn an_earlier_text_comes_back_as_the_newest_version() {
    let (_folder, prompts) = emptied().await;
    let first = PromptDraft { folder: "Work".into(), ..draft("one", "first {{x}}") };
    let id = prompts.save(ME, None, first.clone()).await.unwrap();
    prompts
        .save(ME, Some(id), PromptDraft { folder: "Home".into(), ..draft("one", "second") })
        .await
        .unwrap();
    let versions = prompts.find(ME, id).await.unwrap().versions;
    let oldest = versions.last().unwrap().id;
    assert_eq!(prompts.look(ME, id, Some(oldest)).await.unwrap().body, "first {{x}}");
    prompts.return_to(ME, id, oldest).await.unwrap();
    let view = prompts.find(ME, id).await.unwrap();
    assert_eq!((view.current.body.as_str(), view.summary.folder.as_str()), ("first {{x}}", "Home"));
    assert_eq!(view.current.variables, [Variable::text("x")]);
    assert_eq!(view.versions.len(), 3);
    // A version of another prompt is none of this one's.
    let other = prompts.save(ME, None, draft("two", "2")).await.unwrap();
    assert!(matches!(prompts.return_to(ME, other, oldest).await, Err(PromptsError::NotFound)));
}

#[tokio::test]
async fn what_was_exported_is_imported_as_it_was() {
    let (_folder, prompts) = open().await;
    let list = prompts.list(ME, "", "en").await.unwrap();
    let written = prompts.export(ME).await.unwrap();
    let same = prompts.import(ME, written.clone()).await.unwrap();
    assert_eq!(same, Imported { n_same: list.len() as u32, ..Imported::default() });
    let (_other_folder, others) = emptied().await;
    let added = others.import(ME, written.clone()).await.unwrap();
    assert_eq!(added, Imported { n_added: list.len() as u32, ..Imported::default() });
    assert_eq!(others.export(ME).await.unwrap(), written);
}

#[tokio::test]
async fn an_imported_prompt_does_not_take_the_name_of_another() {
    let (_folder, prompts) = emptied().await;
    prompts.save(ME, None, draft("one", "mine")).await.unwrap();
    let file = file::write(vec![draft("one", "theirs"), draft("one", "third"), draft("new", "x")]).unwrap();
    let imported = prompts.import(ME, file).await.unwrap();
    assert_eq!(imported, Imported { n_added: 3, n_renamed: 2, n_same: 0 });
    assert_eq!(names(&prompts).await, ["new", "one", "one-2", "one-3"]);
    let long = "x".repeat(40);
    prompts.save(ME, None, draft(&long, "mine")).await.unwrap();
    let file = file::write(vec![draft(&long, "theirs")]).unwrap();
    prompts.import(ME, file).await.unwrap();
    assert!(names(&prompts).await.contains(&format!("{}-2", "x".repeat(38))));
}

#[tokio::test]
async fn a_copy_has_a_name_of_its_own() {
    let (_folder, prompts) = emptied().await;
    let written = PromptDraft { folder: "Work".into(), ..draft("one", "say {{what}}") };
    let id = prompts.save(ME, None, written.clone()).await.unwrap();
    let copy = prompts.duplicate(ME, id).await.unwrap();
    let copied = prompts.find(ME, copy).await.unwrap().draft();
    assert_eq!(copied, PromptDraft { name: "one-2".into(), variables: copied.variables.clone(), ..written });
}

async fn check_refused(file: &str, expected: &str) {
    let (_folder, prompts) = emptied().await;
    let sentence = prompts.import(ME, file.to_owned()).await.unwrap_err().to_string();
    assert!(sentence.contains(expected), "{sentence:?} does not say {expected:?}");
    assert!(!sentence.contains('\n') && sentence.len() < 400, "{sentence:?}");
    assert!(names(&prompts).await.is_empty(), "something was imported");
}

#[tokio::test]
async fn a_foreign_or_broken_file_is_refused_in_one_sentence() {
    let head = r#""format": "chaosengine-prompts", "version": 1"#;
    check_refused("", "no JSON").await;
    check_refused("{\"format\": \"chaos", "no JSON").await;
    check_refused("\u{0}\u{1}PK", "no JSON").await;
    check_refused("[]", "not one that this program exported").await;
    check_refused(r#"[{"command": "/x", "content": "y"}]"#, "not one that this program exported").await;
    check_refused(r#"{"format": "chaosengine-prompts", "version": 2}"#, "newer version").await;
    check_refused(&format!("{{{head}}}"), "prompts").await;
    check_refused(&format!("{{{head}, \"prompts\": []}}"), "no prompt in the file").await;
    check_refused(&format!("{{{head}, \"prompts\": [{{\"name\": \"x\"}}]}}"), "body").await;
    check_refused(&("[".repeat(100_000)), "no JSON").await;
}

#[tokio::test]
async fn what_a_full_library_exports_is_imported() {
    let variables: Vec<_> = (0..MAX_VARIABLES).map(|n| format!("{{{{v{n}}}}}")).collect();
    let body = variables.concat() + &"\"".repeat(MAX_PROMPT_BYTES - variables.concat().len());
    let variable = |n| Variable {
        kind: VariableKind::Multiline,
        default: "\n".repeat(MAX_VARIABLE_BYTES / MAX_VARIABLES),
        ..Variable::text(format!("v{n}"))
    };
    let longest = |n: usize| PromptDraft {
        variables: (0..MAX_VARIABLES).map(variable).collect(),
        ..draft(&format!("p{n}"), &body)
    };
    let one = file::write(vec![longest(0)]).unwrap().len();
    assert!(one * MAX_PROMPTS <= MAX_IMPORT_BYTES, "{one} bytes each");
    assert!(file::check_size(MAX_IMPORT_BYTES).is_ok() && file::check_size(MAX_IMPORT_BYTES + 1).is_err());
    let (_folder, prompts) = emptied().await;
    let file = file::write((0..20).map(longest).collect()).unwrap();
    assert_eq!(prompts.import(ME, file).await.unwrap().n_added, 20);
}

#[tokio::test]
async fn one_bad_prompt_in_a_file_keeps_all_of_it_out() {
    let file = file::write(vec![draft("good", "x"), draft("not good", "x")]).unwrap();
    check_refused(&file, "prompt 2 of the file, “not good”, cannot be kept").await;
    let bad = Variable { kind: VariableKind::Choice, ..Variable::text("v") };
    let file = file::write(vec![PromptDraft { variables: vec![bad], ..draft("v", "{{v}}") }]).unwrap();
    check_refused(&file, "nothing to choose from").await;
}

#[tokio::test]
async fn there_are_at_most_so_many_prompts() {
    let (_folder, prompts) = emptied().await;
    let many = |from: usize, to: usize| (from..to).map(|n| draft(&format!("p{n}"), "x")).collect();
    prompts.import(ME, file::write(many(0, MAX_PROMPTS)).unwrap()).await.unwrap();
    let err = prompts.save(ME, None, draft("one-more", "x")).await.unwrap_err();
    assert!(err.to_string().contains("at most 1000"), "{err}");
    let err = prompts.import(ME, file::write(many(MAX_PROMPTS, MAX_PROMPTS + 1)).unwrap()).await.unwrap_err();
    assert!(err.to_string().contains("1001 prompts"), "{err}");
}

#[tokio::test]
async fn prompts_by_name_have_their_text_and_variables() {
    let (_folder, prompts) = emptied().await;
    prompts.save(ME, None, draft("one", "say {{what}}")).await.unwrap();
    let named = prompts.named(ME, "en").await.unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].name.as_str(), named[0].body.as_str()), ("one", "say {{what}}"));
    assert_eq!(named[0].variables, [Variable::text("what")]);
}
