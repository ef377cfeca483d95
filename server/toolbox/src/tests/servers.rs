use super::{
    scripted::{ALONE_AT, DOWN_WHILE, KEY, launcher, program},
    *,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tools::{Decision, Limits, Registry, run};
use types::{
    toolbox::{McpPlace, PlaceView, ServerState},
    tools::ToolCall,
};

/// With a server in this role, as soon as it is ready or has failed.
async fn with_server(role: &str) -> (TempDir, Store, Toolbox) {
    let (folder, store, toolbox) = open().await;
    toolbox.start_servers(launcher()).await;
    toolbox.add_server(program("files", role)).await.unwrap();
    assert_eq!(server(&toolbox).state, ServerState::Connecting);
    until(&toolbox, |it| it.state != ServerState::Connecting).await;
    (folder, store, toolbox)
}

fn server(toolbox: &Toolbox) -> ServerView {
    toolbox.servers().into_iter().find(|it| it.name == "files").unwrap()
}

/// Waits for what happens in the background.
async fn until(toolbox: &Toolbox, is_so: impl Fn(&ServerView) -> bool) -> ServerView {
    let begun = Instant::now();
    loop {
        let view = server(toolbox);
        if is_so(&view) {
            return view;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{view:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn is_failed(view: &ServerView) -> bool {
    matches!(view.state, ServerState::Failed(_))
}

/// What comes of calling a tool that was allowed.
async fn called(registry: &Registry, toolbox: &Toolbox, tool: &str) -> String {
    allow(toolbox, tool, Permission::Always).await;
    let mut approvals = Approvals::new(toolbox.standing(ME).await.unwrap());
    let call = ToolCall { id: "1".to_owned(), name: tool.to_owned(), arguments: "{}".to_owned() };
    let limits = Limits::default();
    let prepared = registry.prepare(call, &limits).map_err(|it| it.text).unwrap();
    match approvals.decide(prepared, 0) {
        Decision::Run(approved) => run(vec![approved], Asker::local(), &limits).all().await.remove(0).text,
        Decision::Ask(_) => "asks".to_owned(),
        Decision::Refuse(outcome) => outcome.text,
    }
}

#[tokio::test]
async fn a_servers_tools_are_there_as_long_as_it_is_switched_on() {
    let (_folder, _store, toolbox) = with_server("plain").await;
    let view = server(&toolbox);
    assert_eq!((&view.state, &view.refused), (&ServerState::Ready, &Vec::new()));
    assert_eq!(view.tools, ["files_read", "files_die", "files_change"]);
    let before = toolbox.registry();
    assert!(called(&before, &toolbox, "files_read").await.contains(KEY));
    toolbox.set_in_new_chats(ME, "files_read", true).await.unwrap();

    let mut changed = toolbox.changed();
    toolbox.set_server_enabled("files", false).await.unwrap();
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    assert_eq!(server(&toolbox).state, ServerState::Off);
    assert_eq!(names(&toolbox), ["calculator", "clock", "fetch_page"]);
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), Vec::<String>::new());
    assert!(matches!(toolbox.reconnect("files").await, Err(ToolboxError::Off)));

    toolbox.set_server_enabled("files", true).await.unwrap();
    until(&toolbox, |it| it.state == ServerState::Ready).await;
    changed.changed().await.unwrap();
    // Who holds on to what was switched off does not start it again.
    assert!(called(&before, &toolbox, "files_read").await.contains("switched off"));
    assert!(called(&toolbox.registry(), &toolbox, "files_read").await.contains(KEY));
    assert_eq!(toolbox.in_new_chats(ME).await.unwrap(), ["files_read"]);
}

#[tokio::test]
async fn a_server_begins_after_the_one_whose_place_it_takes_has_ended() {
    let place = tempfile::tempdir().unwrap();
    let role = format!("{ALONE_AT}{}", place.path().join("lock").display());
    let (_folder, _store, toolbox) = with_server(&role).await;
    toolbox.set_server_enabled("files", false).await.unwrap();
    toolbox.set_server_enabled("files", true).await.unwrap();
    let again = until(&toolbox, |it| it.state != ServerState::Connecting).await;
    assert_eq!(again.state, ServerState::Ready);
    toolbox.remove_server("files").await.unwrap();
    toolbox.add_server(program("files", &role)).await.unwrap();
    let other = until(&toolbox, |it| it.state != ServerState::Connecting).await;
    assert_eq!(other.state, ServerState::Ready);
}

#[tokio::test]
async fn a_removed_server_leaves_nothing_for_another_of_its_name() {
    let (_folder, store, toolbox) = with_server("plain").await;
    allow(&toolbox, "files_read", Permission::Always).await;
    allow(&toolbox, "clock", Permission::Never).await;
    toolbox.remove_server("files").await.unwrap();
    assert_eq!(toolbox.servers(), []);
    assert!(matches!(toolbox.remove_server("files").await, Err(ToolboxError::NotFound)));
    let chosen = toolbox.standing(ME).await.unwrap();
    assert_eq!(chosen.iter().map(|it| it.tool.as_str()).collect::<Vec<_>>(), ["clock"]);
    assert_eq!(store.list_mcp_servers().await.unwrap(), []);
}

#[tokio::test]
async fn a_server_that_dies_is_shown_and_comes_back_with_its_next_call() {
    let (_folder, _store, toolbox) = with_server("plain").await;
    let registry = toolbox.registry();
    assert!(called(&registry, &toolbox, "files_die").await.contains("ended during the call"));
    let ended = until(&toolbox, is_failed).await;
    assert_eq!(ended.tools.len(), 3, "its tools can still be called");
    assert!(called(&registry, &toolbox, "files_read").await.contains(KEY));
    until(&toolbox, |it| it.state == ServerState::Ready).await;
    called(&registry, &toolbox, "files_die").await;
    until(&toolbox, is_failed).await;
    toolbox.reconnect("files").await.unwrap();
    until(&toolbox, |it| it.state == ServerState::Ready).await;
}

#[tokio::test]
async fn a_server_that_was_down_when_it_was_reconnected_is_watched_again_from_its_next_call() {
    let place = tempfile::tempdir().unwrap();
    let down = place.path().join("down");
    let (_folder, _store, toolbox) = with_server(&format!("{DOWN_WHILE}{}", down.display())).await;
    let registry = toolbox.registry();
    std::fs::write(&down, "").unwrap();
    toolbox.reconnect("files").await.unwrap();
    let failed = until(&toolbox, is_failed).await;
    assert_eq!(failed.tools.len(), 3, "its tools can still be called");
    std::fs::remove_file(&down).unwrap();
    let begun = Instant::now();
    // It is left alone for some seconds.
    while !called(&registry, &toolbox, "files_read").await.contains(KEY) {
        assert!(begun.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(200)).await;
    }
    until(&toolbox, |it| it.state == ServerState::Ready).await;
    called(&toolbox.registry(), &toolbox, "files_change").await;
    until(&toolbox, |it| it.tools == ["files_read", "files_new"]).await;
}

#[tokio::test]
async fn tools_that_change_are_listed_anew_and_ask_again() {
    let (_folder, _store, toolbox) = with_server("plain").await;
    let mut changed = toolbox.changed();
    allow(&toolbox, "files_read", Permission::Always).await;
    called(&toolbox.registry(), &toolbox, "files_change").await;
    changed.changed().await.unwrap();
    assert_eq!(server(&toolbox).tools, ["files_read", "files_new"]);
    let read = view(&toolbox, "files_read").await;
    assert_eq!((read.permission, read.has_changed), (Permission::Ask, true));
    assert_eq!(read.origin, Origin::Mcp("files".to_owned()));
}

#[tokio::test]
async fn tools_that_cannot_be_taken_are_told_with_the_reason() {
    let (_folder, _store, toolbox) = with_server("same").await;
    let view = server(&toolbox);
    assert_eq!(view.tools, ["files_read"]);
    assert_eq!(view.refused.len(), 1);
    assert!(view.refused[0].reason.contains("already a tool"), "{view:?}");
}

#[tokio::test]
async fn a_server_that_fails_is_told_with_its_last_words() {
    let (_folder, _store, toolbox) = with_server("broken").await;
    let view = server(&toolbox);
    assert!(is_failed(&view), "{view:?}");
    assert!(until(&toolbox, |it| !it.last_words.is_empty()).await.last_words.contains("misses its file"));
    assert_eq!(names(&toolbox), ["calculator", "clock", "fetch_page"]);
}

#[tokio::test]
async fn servers_are_kept_and_started_only_once_that_is_wanted() {
    let (folder, store, toolbox) = with_server("plain").await;
    toolbox.add_server(program("off", "plain")).await.unwrap();
    toolbox.set_server_enabled("off", false).await.unwrap();
    toolbox.shutdown().await;
    let again = open_again(&folder, &store).await;
    assert_eq!(server(&again).state, ServerState::Off);
    assert_eq!(names(&again), ["calculator", "clock", "fetch_page"]);
    again.start_servers(launcher()).await;
    until(&again, |it| it.state == ServerState::Ready).await;
    let states: Vec<_> = again.servers().into_iter().map(|it| (it.name, it.state)).collect();
    assert_eq!(states[1], ("off".to_owned(), ServerState::Off));
    assert!(called(&again.registry(), &again, "files_read").await.contains(KEY));
}

#[tokio::test]
async fn keys_are_not_shown_and_not_in_the_database() {
    let (folder, store, toolbox) = with_server("plain").await;
    let url = "http://127.0.0.1:1/mcp".to_owned();
    let place = McpPlace::Address { url: url.clone(), key: Some(Secret::new(KEY)) };
    toolbox.add_server(McpServer { name: "far".to_owned(), place }).await.unwrap();
    let shown = serde_json::to_string(&toolbox.servers()).unwrap();
    assert!(!shown.contains(KEY) && shown.contains("\"KEY\""), "{shown}");
    let far = toolbox.servers().into_iter().find(|it| it.name == "far").unwrap();
    assert_eq!(far.place, PlaceView::Address { url, key_hint: Some(Secret::new(KEY).hint()) });
    toolbox.shutdown().await;
    store.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let has_key = bytes.windows(KEY.len()).any(|it| it == KEY.as_bytes());
        assert_eq!(has_key, path == keys_file(&folder), "{}", path.display());
    }
}

#[tokio::test]
async fn a_server_whose_keys_are_gone_is_not_started_without_them() {
    let (folder, store, toolbox) = with_server("plain").await;
    toolbox.shutdown().await;
    std::fs::write(keys_file(&folder), "{\"servers\": {\"files\"").unwrap();
    let again = open_again(&folder, &store).await;
    again.start_servers(launcher()).await;
    let failed = server(&again);
    assert!(matches!(&failed.state, ServerState::Failed(why) if why.contains("file of keys")), "{failed:?}");
    // What cannot be read may be of use to somebody: it is not written over.
    let refused = again.add_server(program("other", "plain")).await;
    assert!(matches!(refused, Err(ToolboxError::Keys { .. })), "{refused:?}");
    assert!(std::fs::read_to_string(keys_file(&folder)).unwrap().ends_with("\"files\""));
}

#[tokio::test]
async fn keys_go_with_their_server() {
    let (folder, store, toolbox) = with_server("plain").await;
    let keys = || std::fs::read_to_string(keys_file(&folder)).unwrap();
    assert!(keys().contains(KEY));
    // As if this process had ended in the middle of removing it.
    store.remove_mcp_server("files").await.unwrap();
    toolbox.shutdown().await;
    open_again(&folder, &store).await;
    assert!(!keys().contains(KEY));
}

async fn check_refused(toolbox: &Toolbox, server: McpServer, expected: &str) {
    let n_before = toolbox.servers().len();
    let said = toolbox.add_server(server).await.unwrap_err().to_string();
    assert!(said.contains(expected), "{said}");
    assert_eq!(toolbox.servers().len(), n_before);
}

#[tokio::test]
async fn a_server_that_cannot_be_kept_is_refused_with_the_reason() {
    let (_folder, _store, toolbox) = open().await;
    let at = |name: &str, url: &str, key: Option<&str>| McpServer {
        name: name.to_owned(),
        place: McpPlace::Address { url: url.to_owned(), key: key.map(Secret::new) },
    };
    toolbox.add_server(at("far", "http://10.0.0.1/mcp", None)).await.unwrap();
    check_refused(&toolbox, at("Far", "http://10.0.0.1/mcp", None), "choose another name").await;
    check_refused(&toolbox, at("a b", "http://10.0.0.1/mcp", None), "is no name of a server").await;
    check_refused(&toolbox, at("x", "ftp://10.0.0.1", None), "is no address").await;
    check_refused(&toolbox, at("x", "http://10.0.0.1", Some("a\nb")), "characters").await;
    let place = McpPlace::Program { program: " ".to_owned(), arguments: vec![], environment: vec![] };
    check_refused(&toolbox, McpServer { name: "x".to_owned(), place }, "names no program").await;
    for n in 1..MAX_SERVERS {
        toolbox.add_server(at(&format!("far{n}"), "http://10.0.0.1/mcp", None)).await.unwrap();
    }
    check_refused(&toolbox, at("x", "http://10.0.0.1/mcp", None), "already 16 servers").await;
    assert!(matches!(toolbox.set_server_enabled("no", true).await, Err(ToolboxError::NotFound)));
    assert!(matches!(toolbox.reconnect("no").await, Err(ToolboxError::NotFound)));
}
