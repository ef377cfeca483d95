//! Tools from the outside: who may set up what, and that no key comes back.

use crate::support::Server;
use types::{
    secret::Secret,
    toolbox::{
        Fingerprint, McpPlace, McpServer, Permission, SearchService, SearchView, ServerState, ToolAct,
        ToolReply,
    },
};

const KEY: &str = "a-key-that-does-not-come-back";

/// What is answered, and the reply where it is one. `more` are headers.
async fn act(server: &Server, act: ToolAct, more: &[(&str, &str)]) -> (u16, Option<ToolReply>) {
    let mut request = server
        .post("/rpc/app/pages/tools/api/tools")
        .header("content-type", "application/x-postcard")
        .body(postcard::to_allocvec(&act).unwrap());
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    let bytes = reply.bytes().await.unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains(KEY));
    (status, (status == 200).then(|| postcard::from_bytes(&bytes).unwrap()))
}

fn unreachable_server() -> ToolAct {
    let place = McpPlace::Address { url: "http://127.0.0.1:9/mcp".to_owned(), key: Some(Secret::new(KEY)) };
    ToolAct::AddServer(McpServer { name: "far".to_owned(), place })
}

#[tokio::test]
async fn who_sits_at_the_machine_sets_up_what_holds_for_everybody() {
    let server = Server::start(&["--no-model"]).await;
    let search = ToolAct::Search(Some(SearchService::Brave { key: Secret::new(KEY) }));
    let (_, reply) = act(&server, search, &[]).await;
    let reply = reply.unwrap();
    assert!(reply.tools.iter().any(|it| it.name == "web_search"));
    assert!(matches!(reply.managed.unwrap().search, SearchView::Brave { .. }));
    let (_, reply) = act(&server, unreachable_server(), &[]).await;
    let servers = reply.unwrap().managed.unwrap().servers;
    assert!(matches!(servers[0].state, ServerState::Connecting | ServerState::Failed(_)), "{servers:?}");
    let (status, _) = act(&server, unreachable_server(), &[]).await;
    assert_eq!(status, 422, "its name is taken");
    server.stop().await;
}

#[tokio::test]
async fn whom_a_proxy_speaks_for_chooses_for_themselves_only() {
    let server = Server::start(&["--no-model"]).await;
    let forwarded = [("x-forwarded-for", "10.0.0.9")];
    let seen = Fingerprint(String::new());
    let never = ToolAct::Allow { tool: "clock".to_owned(), seen, permission: Permission::Never };
    let (_, reply) = act(&server, never, &forwarded).await;
    let reply = reply.unwrap();
    assert_eq!(reply.managed, None);
    let clock = reply.tools.into_iter().find(|it| it.name == "clock").unwrap();
    assert_eq!(clock.permission, Permission::Never);
    let name = || "far".to_owned();
    let managing = [
        unreachable_server(),
        ToolAct::Search(None),
        ToolAct::Images(None),
        ToolAct::RemoveServer { name: name() },
        ToolAct::EnableServer { name: name(), is_on: true },
        ToolAct::Reconnect { name: name() },
    ];
    for managing in managing {
        let (status, _) = act(&server, managing.clone(), &forwarded).await;
        assert_eq!(status, 403, "{managing:?}");
    }
    let (_, reply) = act(&server, ToolAct::Look, &[]).await;
    assert_eq!(reply.unwrap().managed.unwrap().servers, []);
    server.stop().await;
}
