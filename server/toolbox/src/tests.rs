mod scripted;
mod servers;

use super::*;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tools::{Answer, Arguments, Asker, Failure};
use types::{
    secret::Secret,
    toolbox::{Effect, ImageService, ImageServiceView},
};

const ME: UserId = UserId::LOCAL;

/// With a database of its own; the folder goes with it.
async fn open() -> (TempDir, Store, Toolbox) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
    let toolbox = open_again(&folder, &store).await;
    (folder, store, toolbox)
}

async fn open_again(folder: &TempDir, store: &Store) -> Toolbox {
    Toolbox::open_with_keys(store.clone(), Vec::new(), keys_file(folder)).await.unwrap()
}

fn keys_file(folder: &TempDir) -> PathBuf {
    folder.path().join("tool-keys.json")
}

fn names(toolbox: &Toolbox) -> Vec<String> {
    toolbox.registry().list().map(|(it, _)| it.name.clone()).collect()
}

async fn view(toolbox: &Toolbox, tool: &str) -> ToolView {
    toolbox.list(ME).await.unwrap().into_iter().find(|it| it.name == tool).unwrap()
}

/// Chooses for a tool as it is now.
async fn allow(toolbox: &Toolbox, tool: &str, permission: Permission) {
    let seen = view(toolbox, tool).await.fingerprint;
    toolbox.allow(ME, tool, permission, &seen).await.unwrap();
}

/// A tool that another layer brings.
struct Brought(&'static str);

impl Tool for Brought {
    fn describe(&self) -> Description {
        let schema = serde_json::json!({"type": "object"});
        Description::builtin(self.0, "does", schema, Effect::None)
    }

    fn run<'a>(&'a self, _: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async { Ok(Answer::new("done", "done")) })
    }
}

#[tokio::test]
async fn own_tools_and_those_of_other_layers_are_there_and_nobody_searches_the_web() {
    let (_folder, store, toolbox) = open().await;
    assert_eq!(names(&toolbox), ["calculator", "clock", "fetch_page"]);
    // One that would take another's name is left out.
    let more: Vec<Arc<dyn Tool>> = vec![Arc::new(Brought("search_documents")), Arc::new(Brought("Clock"))];
    let toolbox = Toolbox::open(store, more).await.unwrap();
    assert_eq!(names(&toolbox), ["calculator", "clock", "fetch_page", "search_documents"]);
    for it in toolbox.list(ME).await.unwrap() {
        let expected = if it.name == "fetch_page" { Permission::Ask } else { Permission::Always };
        assert_eq!((it.permission, it.has_changed, it.in_new_chats), (expected, false, false), "{}", it.name);
    }
}

#[tokio::test]
async fn what_is_chosen_holds_for_who_chose_it() {
    let (_folder, _store, toolbox) = open().await;
    allow(&toolbox, "fetch_page", Permission::Always).await;
    allow(&toolbox, "clock", Permission::Never).await;
    toolbox.set_in_new_chats(ME, "calculator", true).await.unwrap();
    assert_eq!(view(&toolbox, "fetch_page").await.permission, Permission::Always);
    assert_eq!(view(&toolbox, "clock").await.permission, Permission::Never);
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), ["calculator"]);
    let other = UserId(2);
    assert_eq!(toolbox.standing(other).await.unwrap(), []);
    assert_eq!(toolbox.in_new_chats(other).await.unwrap(), Vec::<String>::new());
    toolbox.set_in_new_chats(ME, "calculator", false).await.unwrap();
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_tool_that_is_another_now_asks_again_until_it_is_allowed_anew() {
    let (_folder, store, toolbox) = open().await;
    let fingerprint = Fingerprint("of then".to_owned());
    let then = Standing { tool: "clock".to_owned(), fingerprint, permission: Permission::Always };
    store.set_tool_permission(ME, &then, None).await.unwrap();
    let changed = view(&toolbox, "clock").await;
    assert_eq!((changed.permission, changed.has_changed), (Permission::Ask, true));
    allow(&toolbox, "clock", Permission::Always).await;
    let allowed = view(&toolbox, "clock").await;
    assert_eq!((allowed.permission, allowed.has_changed), (Permission::Always, false));
    // A never holds whatever the tool becomes.
    store.set_tool_permission(ME, &Standing { permission: Permission::Never, ..then }, None).await.unwrap();
    let never = view(&toolbox, "clock").await;
    assert_eq!((never.permission, never.has_changed), (Permission::Never, false));
}

#[tokio::test]
async fn an_always_holds_for_the_tool_that_was_seen_only() {
    let (_folder, _store, toolbox) = open().await;
    let now = view(&toolbox, "fetch_page").await.fingerprint;
    let then = Fingerprint("of then".to_owned());
    let refused = toolbox.allow(ME, "fetch_page", Permission::Always, &then).await;
    assert!(matches!(refused, Err(ToolboxError::Changed(name)) if name == "fetch_page"));
    assert_eq!(view(&toolbox, "fetch_page").await.permission, Permission::Ask);
    // A no needs no second look.
    toolbox.allow(ME, "fetch_page", Permission::Never, &then).await.unwrap();
    assert_eq!(view(&toolbox, "fetch_page").await.permission, Permission::Never);
    toolbox.allow(ME, "fetch_page", Permission::Always, &now).await.unwrap();
    assert_eq!(view(&toolbox, "fetch_page").await.permission, Permission::Always);
}

#[tokio::test]
async fn nothing_is_chosen_for_a_tool_that_is_not_there() {
    let (_folder, store, toolbox) = open().await;
    let refused = toolbox.allow(ME, "web_search", Permission::Always, &Fingerprint(String::new())).await;
    assert!(matches!(refused, Err(ToolboxError::NoSuchTool(name)) if name == "web_search"));
    let refused = toolbox.set_in_new_chats(ME, &"x".repeat(1 << 20), true).await;
    assert!(matches!(refused, Err(ToolboxError::NoSuchTool(name)) if name.len() == 64));
    // One that was there once is kept for when it comes back.
    store.add_default_tool(ME, "web_search", None).await.unwrap();
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), Vec::<String>::new());
    toolbox.set_search_service(Some(SearchService::DuckDuckGo)).await.unwrap();
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), ["web_search"]);
}

async fn check_search(toolbox: &Toolbox, service: Option<SearchService>, expected: Result<SearchView, &str>) {
    let before = toolbox.search_service().await.unwrap();
    let done = toolbox.set_search_service(service).await;
    let now = toolbox.search_service().await.unwrap();
    assert_eq!(names(toolbox).contains(&"web_search".to_owned()), now != SearchView::Off);
    check_kept(done, before, now, expected);
}

/// What is kept now is what was wanted, or what was there before and a reason.
#[track_caller]
fn check_kept<V: PartialEq + std::fmt::Debug>(
    done: Result<(), ToolboxError>,
    before: V,
    now: V,
    expected: Result<V, &str>,
) {
    match expected {
        Ok(expected) => {
            done.unwrap();
            assert_eq!(now, expected);
        }
        Err(reason) => {
            let said = done.unwrap_err().to_string();
            assert!(said.contains(reason), "{said}");
            assert_eq!(now, before, "what was chosen before stays");
        }
    }
}

#[tokio::test]
async fn a_service_that_can_be_used_searches_the_web_and_its_key_stays_here() {
    let (folder, store, toolbox) = open().await;
    let searxng = |address: &str| Some(SearchService::SearXng { address: address.to_owned() });
    let brave = |key: &str| Some(SearchService::Brave { key: Secret::new(key) });
    let home = "http://127.0.0.1:8888".to_owned();
    check_search(&toolbox, searxng(&home), Ok(SearchView::SearXng { address: home })).await;
    check_search(&toolbox, searxng("file:///etc/passwd"), Err("is no address")).await;
    check_search(&toolbox, searxng("http://me:word@host"), Err("no name or password")).await;
    check_search(&toolbox, brave(""), Err("wants a key")).await;
    check_search(&toolbox, brave("a b"), Err("characters")).await;
    let key_hint = Secret::new("a-long-key-of-brave-1234").hint();
    let hidden = SearchView::Brave { key_hint };
    check_search(&toolbox, brave("a-long-key-of-brave-1234"), Ok(hidden.clone())).await;
    check_search(&toolbox, brave(""), Ok(hidden.clone())).await;
    let again = open_again(&folder, &store).await;
    assert_eq!(again.search_service().await.unwrap(), hidden);
    assert!(names(&again).contains(&"web_search".to_owned()));
    // A copy of the database has no key, so nobody searches there.
    let copy = Toolbox::open(store, Vec::new()).await.unwrap();
    assert_eq!(copy.search_service().await.unwrap(), SearchView::Brave { key_hint: String::new() });
    assert!(!names(&copy).contains(&"web_search".to_owned()));
    check_search(&toolbox, Some(SearchService::DuckDuckGo), Ok(SearchView::DuckDuckGo)).await;
    check_search(&toolbox, None, Ok(SearchView::Off)).await;
    assert!(!std::fs::read_to_string(keys_file(&folder)).unwrap().contains("1234"), "the key is forgotten");
}

async fn check_images(
    toolbox: &Toolbox,
    service: Option<ImageService>,
    expected: Result<ImageServiceView, &str>,
) {
    let before = toolbox.image_service().await.unwrap();
    let done = toolbox.set_image_service(service).await;
    let now = toolbox.image_service().await.unwrap();
    assert_eq!(names(toolbox).contains(&"generate_image".to_owned()), now != ImageServiceView::Off);
    check_kept(done, before, now, expected);
}

#[tokio::test]
async fn a_service_that_can_be_used_makes_images_and_its_key_goes_to_no_other_address() {
    let (folder, store, toolbox) = open().await;
    let a1111 = |address: &str, side| Some(ImageService::A1111 { address: address.to_owned(), side });
    let openai = |address: &str, key: &str| {
        let (address, model) = (address.to_owned(), "sd".to_owned());
        Some(ImageService::OpenAi { address, model, key: Secret::new(key), side: 512 })
    };
    let view = |address: &str, key: &str| {
        let key_hint = if key.is_empty() { String::new() } else { Secret::new(key).hint() };
        Ok(ImageServiceView::OpenAi {
            address: address.to_owned(),
            model: "sd".to_owned(),
            key_hint,
            side: 512,
        })
    };
    let (here, there, key) =
        ("http://127.0.0.1:1234/v1", "http://127.0.0.1:9/v1", "a-long-key-of-images-1234");
    let home = ImageServiceView::A1111 { address: "http://127.0.0.1:7860".to_owned(), side: 768 };
    check_images(&toolbox, a1111("http://127.0.0.1:7860", 768), Ok(home)).await;
    check_images(&toolbox, a1111("file:///etc/passwd", 768), Err("is no address")).await;
    check_images(&toolbox, a1111("http://127.0.0.1:7860", 7), Err("512, 768, 1024 pixels")).await;
    check_images(&toolbox, openai(here, "a b"), Err("characters")).await;
    check_images(&toolbox, openai(here, ""), view(here, "")).await;
    check_images(&toolbox, openai(here, key), view(here, key)).await;
    check_images(&toolbox, openai(here, ""), view(here, key)).await;
    let again = open_again(&folder, &store).await;
    assert_eq!(again.image_service().await.unwrap(), view(here, key).unwrap());
    assert!(names(&again).contains(&"generate_image".to_owned()));
    check_images(&toolbox, openai(there, ""), view(there, "")).await;
    assert!(!std::fs::read_to_string(keys_file(&folder)).unwrap().contains("1234"), "the key is forgotten");
    check_images(&toolbox, None, Ok(ImageServiceView::Off)).await;
}
