use crate::{ServerRow, Store, StoreError};
use tempfile::TempDir;
use types::{
    ids::UserId,
    secret::Secret,
    toolbox::{Fingerprint, McpPlace, McpServer, Permission, SearchService, Standing},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

/// With another person, who has chosen differently.
async fn open() -> (TempDir, Store) {
    let (folder, store) = crate::tests::open().await;
    sqlx::raw_sql("insert into user (id, name, created_ms) values (2, 'other', 0)")
        .execute(&store.write)
        .await
        .unwrap();
    store.set_tool_permission(OTHER, &standing("clock", Permission::Never), None).await.unwrap();
    store.add_default_tool(OTHER, "clock", None).await.unwrap();
    (folder, store)
}

fn standing(tool: &str, permission: Permission) -> Standing {
    Standing { tool: tool.to_owned(), fingerprint: Fingerprint(format!("{tool} then")), permission }
}

fn program(name: &str, key: &str) -> McpServer {
    let place = McpPlace::Program {
        program: "npx".to_owned(),
        arguments: vec!["-y".to_owned(), String::new(), "-y".to_owned()],
        environment: ["B", "A"].map(|name| (name.to_owned(), Secret::new(key))).into(),
    };
    McpServer { name: name.to_owned(), place }
}

fn address(name: &str, key: Option<&str>) -> McpServer {
    let place = McpPlace::Address { url: "http://nas:8080/mcp".to_owned(), key: key.map(Secret::new) };
    McpServer { name: name.to_owned(), place }
}

#[tokio::test]
async fn what_is_chosen_for_a_tool_is_replaced_and_is_ones_own() {
    let (_folder, store) = open().await;
    for permission in [Permission::Always, Permission::Ask, Permission::Never, Permission::Always] {
        store.set_tool_permission(ME, &standing("clock", permission), None).await.unwrap();
        assert_eq!(store.tool_permissions(ME).await.unwrap(), [standing("clock", permission)]);
    }
    assert_eq!(store.tool_permissions(OTHER).await.unwrap(), [standing("clock", Permission::Never)]);
}

#[tokio::test]
async fn new_chats_begin_with_ones_own_tools() {
    let (_folder, store) = open().await;
    for tool in ["fetch_page", "clock", "clock"] {
        store.add_default_tool(ME, tool, None).await.unwrap();
    }
    assert_eq!(store.default_tools(ME).await.unwrap(), ["clock", "fetch_page"]);
    store.remove_default_tool(ME, "clock").await.unwrap();
    store.remove_default_tool(ME, "no such").await.unwrap();
    assert_eq!(store.default_tools(ME).await.unwrap(), ["fetch_page"]);
    assert_eq!(store.default_tools(OTHER).await.unwrap(), ["clock"]);
}

#[tokio::test]
async fn one_service_searches_the_web_or_none() {
    let (_folder, store) = open().await;
    let services = [
        SearchService::SearXng { address: "http://localhost:8888".to_owned() },
        SearchService::Brave { key: Secret::default() },
        SearchService::DuckDuckGo,
    ];
    assert_eq!(store.search_service().await.unwrap(), None);
    for service in services {
        store.set_search_service(Some(&service)).await.unwrap();
        assert_eq!(store.search_service().await.unwrap(), Some(service));
    }
    store.set_search_service(None).await.unwrap();
    assert_eq!(store.search_service().await.unwrap(), None);
}

#[tokio::test]
async fn a_server_comes_back_as_it_was_added_without_its_keys() {
    let (_folder, store) = open().await;
    for server in [address("far", Some("key")), program("files", "key"), address("open", None)] {
        store.add_mcp_server(&server).await.unwrap();
    }
    let servers = [address("far", Some("")), program("files", ""), address("open", None)];
    store.set_mcp_server_enabled("files", false).await.unwrap();
    let is_enabled = |server: &McpServer| server.name != "files";
    let expected: Vec<_> =
        servers.into_iter().map(|server| ServerRow { is_enabled: is_enabled(&server), server }).collect();
    assert_eq!(store.list_mcp_servers().await.unwrap(), expected);
}

#[tokio::test]
async fn a_taken_name_and_a_server_that_is_not_there_are_refused() {
    let (_folder, store) = open().await;
    store.add_mcp_server(&program("files", "")).await.unwrap();
    let again = store.add_mcp_server(&address("files", None)).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    assert!(matches!(store.remove_mcp_server("far").await, Err(StoreError::NotFound)));
    assert!(matches!(store.set_mcp_server_enabled("far", true).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn with_a_server_goes_what_was_chosen_for_its_tools() {
    let (_folder, store) = open().await;
    store.add_mcp_server(&program("files", "")).await.unwrap();
    for (tool, server) in [("files_read", Some("files")), ("clock", None)] {
        store.set_tool_permission(ME, &standing(tool, Permission::Always), server).await.unwrap();
        store.add_default_tool(ME, tool, server).await.unwrap();
    }
    store.remove_mcp_server("files").await.unwrap();
    assert_eq!(store.tool_permissions(ME).await.unwrap(), [standing("clock", Permission::Always)]);
    assert_eq!(store.default_tools(ME).await.unwrap(), ["clock"]);
    // Nothing of it is left for another of its name.
    store.add_mcp_server(&program("files", "")).await.unwrap();
    assert_eq!(store.list_mcp_servers().await.unwrap()[0].server, program("files", ""));
}
