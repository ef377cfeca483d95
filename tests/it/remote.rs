//! One server of ours answers for another, as any OpenAI-compatible server elsewhere does.

use crate::support::{Server, binary, command, events, model_id};
use serde_json::{Value, json};
use std::{fs, sync::Arc};

const KEY: &str = "sk-kept-between-us-0123";

fn question(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "user", "content": "Say hello to the sea."}],
        "max_tokens": 12,
        "temperature": 0,
        "logprobs": true,
        "top_logprobs": 2,
    })
}

/// Sends a form as a browser without scripting does.
pub(crate) async fn submit(server: &Server, path: &str, fields: &[(&str, &str)]) -> u16 {
    let request = server.post(path).header("accept", "text/html");
    request.header("content-type", FORM).body(encoded(fields)).send().await.unwrap().status().as_u16()
}

const FORM: &str = "application/x-www-form-urlencoded";

fn encoded(fields: &[(&str, &str)]) -> String {
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    pairs.join("&")
}

async fn add(server: &Server, name: &str, address: &str, key: &str) -> u16 {
    let fields = [
        ("form[name]", name),
        ("form[address]", address),
        ("form[key]", key),
        ("form[models]", ""),
        ("form[dialect]", "llama"),
    ];
    submit(server, "/rpc/app/pages/settings/api/save_remote", &fields).await
}

/// The tokens whose likelihood was told.
fn tokens(choice: &Value) -> Vec<&Value> {
    let tokens: Vec<_> =
        choice["logprobs"]["content"].as_array().unwrap().iter().map(|it| &it["token"]).collect();
    assert_eq!(tokens.len(), 12);
    tokens
}

async fn models(server: &Server) -> Vec<Value> {
    let list: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_server_elsewhere_answers_where_it_is_named_and_only_there() {
    let (elsewhere, here) = (Server::with_model().await, Server::start(&["--no-model"]).await);
    assert_eq!(models(&here).await, [Value::Null; 0]);
    assert_eq!(add(&here, "Den", &format!("{}/v1", elsewhere.address), KEY).await, 200);

    let id = format!("remote:Den/{}", model_id());
    let listed = models(&here).await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["leaves_this_machine"]),
        (&json!(id), &json!(true)),
        "{listed:?}"
    );
    let (status, reply) = here.ask("/v1/chat/completions", &question("default")).await;
    assert_eq!((status, &reply["error"]["code"]), (503, &json!("model_not_loaded")), "{reply}");

    let (status, there) = elsewhere.ask("/v1/chat/completions", &question(&model_id())).await;
    assert_eq!(status, 200, "{there}");
    let (status, through) = here.ask("/v1/chat/completions", &question(&id)).await;
    assert_eq!(status, 200, "{through}");
    let (said, passed_on) = (&there["choices"][0], &through["choices"][0]);
    assert_eq!(
        (&said["message"], &said["finish_reason"]),
        (&passed_on["message"], &passed_on["finish_reason"])
    );
    assert_eq!(tokens(said), tokens(passed_on));
    assert_eq!(through["usage"]["prompt_tokens"], there["usage"]["prompt_tokens"]);
    assert_eq!(through["usage"]["completion_tokens"], 12);

    let mut body = question(&id);
    body["stream"] = json!(true);
    let streamed = events(here.post("/v1/chat/completions").json(&body).send().await.unwrap()).await;
    let pieces = streamed.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let text: String = pieces
        .filter_map(|piece| Some(piece["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(json!(text), there["choices"][0]["message"]["content"]);
    here.stop().await;
    elsewhere.stop().await;
}

#[tokio::test]
async fn a_chosen_server_elsewhere_answers_chats_but_no_program_that_did_not_name_it() {
    let (elsewhere, here) = (Server::with_model().await, Server::start(&["--no-model"]).await);
    assert_eq!(add(&here, "Den", &format!("{}/v1", elsewhere.address), "").await, 200);
    let id = format!("remote:Den/{}", model_id());
    assert_eq!(submit(&here, "/rpc/app/live/api/load_model", &[("id", &id)]).await, 200);
    assert_eq!(here.health().await["model"]["id"], json!(id));
    let (status, reply) = here.ask("/v1/chat/completions", &question("default")).await;
    assert_eq!((status, &reply["error"]["param"]), (400, &json!("model")), "{reply}");

    let sent = submit(&here, "/rpc/app/pages/chat/api/send_message", &[("text", "Say hello.")]).await;
    assert_eq!(sent, 200);
    let answered = async {
        loop {
            let page = here.get("/chat/1").send().await.unwrap().text().await.unwrap();
            if page.contains("data-state=\"complete\"") && page.contains("(Den)") {
                return page;
            }
        }
    };
    let page = tokio::time::timeout(std::time::Duration::from_secs(120), answered).await.unwrap();
    assert!(page.contains("data-testid=\"elsewhere\""), "the page says where text goes");
    elsewhere.stop().await;

    let (status, reply) = here.ask("/v1/chat/completions", &question(&id)).await;
    assert_eq!((status, &reply["error"]["code"]), (502, &json!("remote_failed")), "{reply}");
    here.stop().await;
}

#[tokio::test]
async fn a_key_is_kept_for_its_address_and_shown_to_nobody() {
    let (elsewhere, here) = (Server::start(&["--no-model"]).await, Server::start(&["--no-model"]).await);
    let path = "/rpc/app/pages/settings/api/save_remote";
    let save = async |address: &str, key: &str| {
        let fields = [
            ("form[name]", "Den"),
            ("form[address]", address),
            ("form[key]", key),
            ("form[models]", "a, b"),
            ("form[dialect]", "open_ai"),
        ];
        let request = here.post(path).header("content-type", FORM).body(encoded(&fields));
        request.send().await.unwrap().status().as_u16()
    };
    let address = format!("{}/v1", elsewhere.address);
    assert_eq!(save(&address, KEY).await, 200);
    assert_eq!(models(&here).await.len(), 2);
    let page = here.get("/settings").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("••••••••0123") && !page.contains(KEY));
    assert_eq!(save(&address, "").await, 200, "it stays where it is not entered again");
    assert_eq!(save("https://other.example.com/v1", "").await, 422, "it never goes elsewhere");
    let file = here.data.path().join("remotes.json");
    assert!(std::fs::read_to_string(&file).unwrap().contains(KEY));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(submit(&here, "/rpc/app/pages/settings/api/remove_remote", &[("name", "Den")]).await, 200);
    assert_eq!(models(&here).await, [Value::Null; 0]);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(KEY));
    here.stop().await;
    elsewhere.stop().await;
}

#[tokio::test]
async fn a_key_is_in_no_log_whatever_is_logged() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut logged = command(binary());
    logged.stderr(log.reopen().unwrap());
    let args = ["--no-model", "--log", "trace"];
    let here = Server::start_by(logged, Arc::new(tempfile::tempdir().unwrap()), &args).await;
    let elsewhere = Server::with_model().await;
    assert_eq!(add(&here, "Den", &format!("{}/v1", elsewhere.address), KEY).await, 200);
    let id = format!("remote:Den/{}", model_id());
    let (status, reply) = here.ask("/v1/chat/completions", &question(&id)).await;
    assert_eq!(status, 200, "{reply}");
    elsewhere.stop().await;
    // Nor where it is not reached.
    let (status, reply) = here.ask("/v1/chat/completions", &question(&id)).await;
    assert_eq!(status, 502, "{reply}");
    assert!(!reply.to_string().contains(KEY), "{reply}");
    let (_, printed) = here.stop().await;
    let logged = fs::read_to_string(log.path()).unwrap();
    assert!(logged.contains("TRACE"), "everything is logged");
    for (n, line) in logged.lines().chain(printed.lines()).enumerate() {
        assert!(!line.contains(KEY), "line {n}: {line}");
    }
}

#[tokio::test]
async fn functions_are_called_through_a_server_elsewhere_and_hear_what_came_of_it() {
    let (elsewhere, here) = (Server::with_model().await, Server::start(&["--no-model"]).await);
    assert_eq!(add(&here, "Den", &format!("{}/v1", elsewhere.address), "").await, 200);
    let city = json!({
        "type": "object",
        "properties": {"city": {"enum": ["Bonn", "Kiel"]}},
        "required": ["city"],
        "additionalProperties": false,
    });
    let mut body = json!({
        "model": format!("remote:Den/{}", model_id()),
        "messages": [{"role": "user", "content": "What will the weather in Bonn be like?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": city}}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "temperature": 0,
        "max_tokens": 200,
    });
    let (status, whole) = here.ask("/v1/chat/completions", &body).await;
    assert_eq!((status, &whole["choices"][0]["finish_reason"]), (200, &json!("tool_calls")), "{whole}");
    let message = &whole["choices"][0]["message"];
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_weather", "{whole}");
    let arguments = call["function"]["arguments"].as_str().unwrap();
    let city = serde_json::from_str::<Value>(arguments).unwrap()["city"].clone();
    assert!(["Bonn", "Kiel"].map(Value::from).contains(&city), "{arguments}");

    body["stream"] = json!(true);
    let streamed = events(here.post("/v1/chat/completions").json(&body).send().await.unwrap()).await;
    let pieces = streamed.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let pieces = pieces.filter_map(|piece| {
        let call = &piece["choices"][0]["delta"]["tool_calls"][0];
        Some(call["function"]["arguments"].as_str()?.to_owned())
    });
    assert_eq!(pieces.collect::<String>(), arguments);

    // Without a choice functions are no part of a prompt, and what came of one is.
    (body["stream"], body["tool_choice"], body["max_tokens"]) = (json!(false), json!("none"), json!(4));
    let n_prompt_tokens = async |body: &Value| {
        let (status, reply) = here.ask("/v1/chat/completions", body).await;
        assert_eq!(status, 200, "{reply}");
        reply["usage"]["prompt_tokens"].as_u64().unwrap()
    };
    let n_before = n_prompt_tokens(&body).await;
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(message.clone());
    turns.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "Rain."}));
    assert!(n_prompt_tokens(&body).await > n_before);
    here.stop().await;
    elsewhere.stop().await;
}
