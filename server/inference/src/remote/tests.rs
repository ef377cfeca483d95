use super::*;
use crate::{Engine, GenerateEvent, Prompt, Target, Tenant};
use futures::StreamExt;
use misbehaving::{Act, Misbehaving};
use types::{chat::FinishReason, launch::LaunchProfile};

mod misbehaving;

const KEY: &str = "sk-0123456789abcdefgh";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const COUNTS: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// More than any machine needs where an answer is to come.
fn patience() -> Patience {
    let long = Duration::from_secs(20);
    Patience { connect: long, first: long, idle: long, last: long }
}

/// Where silence is to be noticed.
fn short() -> Patience {
    Patience {
        first: Duration::from_millis(400),
        idle: Duration::from_millis(400),
        last: Duration::from_millis(200),
        ..patience()
    }
}

fn request() -> GenerateRequest {
    GenerateRequest::new(Prompt::Text("Say hello.".into()), Tenant(1))
}

fn spec(address: &str) -> RemoteSpec {
    RemoteSpec {
        name: "There".into(),
        address: BaseUrl::parse(address).unwrap(),
        key: Some(Secret::new(KEY)),
        models: vec!["m".into()],
        dialect: Dialect::OpenAi,
    }
}

fn id() -> ModelId {
    ModelId::remote("There", "m")
}

fn remotes(server: &Misbehaving) -> Remotes {
    remotes_with(patience(), server)
}

fn remotes_with(patience: Patience, server: &Misbehaving) -> Remotes {
    let remotes = Remotes::with_patience(patience);
    remotes.replace(vec![spec(&server.address)]).unwrap();
    remotes
}

/// The text, and how it ended.
async fn ask(remotes: &Remotes) -> (String, Result<FinishReason, EngineError>) {
    let mut text = String::new();
    let mut stream = match remotes.generate(&id(), &request()).await {
        Ok(stream) => stream,
        Err(err) => return (text, Err(err)),
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(GenerateEvent::Text { text: piece, .. }) => text.push_str(&piece),
            Ok(GenerateEvent::Finished { reason, .. }) => return (text, Ok(reason)),
            Ok(GenerateEvent::Queued(_) | GenerateEvent::Warned(_)) => {}
            Err(err) => return (text, Err(err)),
        }
    }
    panic!("the stream ended without an end");
}

/// What comes of a server that does these things, one list for each connection: text, end or the problem's sentence, and
/// how many requests it took.
#[track_caller]
fn check(
    connections: Vec<Vec<Act>>,
    text: &str,
    end: Result<FinishReason, &str>,
    n_requests: usize,
) -> impl Future<Output = ()> {
    check_with(patience(), connections, text, end, n_requests)
}

/// Likewise, where is waited for so long.
#[track_caller]
fn check_with(
    patience: Patience,
    connections: Vec<Vec<Act>>,
    text: &str,
    end: Result<FinishReason, &str>,
    n_requests: usize,
) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let server = Misbehaving::start(connections).await;
        let remotes = remotes_with(patience, &server);
        let asked = tokio::time::timeout(Duration::from_secs(30), ask(&remotes)).await;
        let (said, ended) = asked.unwrap_or_else(|_| panic!("no end, at {at}"));
        let ended = ended.map_err(|err| err.to_string());
        let expected = end.map_err(|problem| format!("the server “There” {problem}"));
        assert_eq!((said.as_str(), ended), (text, expected), "at {at}");
        assert_eq!(server.requests().len(), n_requests, "at {at}");
    }
}

fn say(text: &str) -> Act {
    Act::Write(text.to_owned())
}

fn refusal(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    vec![Act::Write(head + body)]
}

#[tokio::test]
async fn an_answer_arrives_with_its_counts_and_the_key_goes_in_the_header_only() {
    let server =
        Misbehaving::start(vec![vec![say(HEAD), say(HELLO), say(STOP), say(COUNTS), say(DONE)]]).await;
    let events: Vec<_> = remotes(&server).generate(&id(), &request()).await.unwrap().collect().await;
    let Some(Ok(GenerateEvent::Finished { reason, usage })) = events.last() else { panic!("{events:?}") };
    assert_eq!((*reason, usage.n_prompt_tokens, usage.n_generated_tokens), (FinishReason::Stop, 3, 2));
    let asked = server.requests().pop().unwrap();
    assert!(asked.starts_with("POST /v1/completions HTTP/1.1\r\n"), "{asked}");
    assert_eq!(asked.matches(KEY).count(), 1);
    assert!(
        asked.contains(&format!("authorization: Bearer {KEY}\r\n"))
            && asked.contains("\"prompt\":\"Say hello.\"")
    );
}

#[tokio::test]
async fn an_answer_is_whole_without_an_end_mark() {
    check(vec![vec![say(HEAD), say(HELLO), say(STOP)]], "Hello", Ok(FinishReason::Stop), 1).await;
    let stalls = vec![say(HEAD), say(HELLO), say(STOP), Act::Stall];
    check_with(short(), vec![stalls], "Hello", Ok(FinishReason::Stop), 1).await;
}

#[tokio::test]
async fn what_was_said_before_a_cut_is_kept() {
    let cut = "ended the connection in the middle of the answer";
    check(vec![vec![say(HEAD), say(HELLO)]], "Hello", Err(cut), 1).await;
    check(vec![vec![say(HEAD), say(HELLO), say(&HELLO[..20])]], "Hello", Err(cut), 1).await;
}

#[tokio::test]
async fn garbage_is_told() {
    let garbage = "sent what is no answer: “<html>oops</html>”";
    check(vec![vec![say(HEAD), say("data: <html>oops</html>\n\n")]], "", Err(garbage), 1).await;
    let broke_off = "broke off: out of memory";
    check(
        vec![vec![say(HEAD), say("data: {\"error\":{\"message\":\"out of memory\"}}\n\n")]],
        "",
        Err(broke_off),
        1,
    )
    .await;
}

#[tokio::test]
async fn silence_is_not_waited_for_for_ever() {
    let silent = "has said nothing for 0 seconds";
    check_with(short(), vec![vec![Act::Stall]], "", Err(silent), 1).await;
    check_with(short(), vec![vec![say(HEAD), Act::Stall]], "", Err(silent), 1).await;
    check_with(short(), vec![vec![say(HEAD), say(HELLO), Act::Stall]], "Hello", Err(silent), 1).await;
}

#[tokio::test]
async fn signs_of_life_put_off_neither_text_nor_the_end() {
    let silent = "has said nothing for 0 seconds";
    for alive in [": working\n\n", "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"] {
        let repeat = || Act::Repeat(alive);
        check_with(short(), vec![vec![say(HEAD), repeat()]], "", Err(silent), 1).await;
        check_with(short(), vec![vec![say(HEAD), say(HELLO), repeat()]], "Hello", Err(silent), 1).await;
        let ended = vec![say(HEAD), say(HELLO), say(STOP), repeat()];
        check_with(short(), vec![ended], "Hello", Ok(FinishReason::Stop), 1).await;
    }
}

#[tokio::test]
async fn whoever_reads_slowly_misses_nothing() {
    let server =
        Misbehaving::start(vec![vec![say(HEAD), say(HELLO), say(HELLO), say(STOP), say(DONE)]]).await;
    let patience = Patience { idle: patience().idle, ..short() };
    let mut stream = remotes_with(patience, &server).generate(&id(), &request()).await.unwrap();
    let mut n_texts = 0;
    while let Some(event) = stream.next().await {
        n_texts += usize::from(matches!(event.unwrap(), GenerateEvent::Text { .. }));
        tokio::time::sleep(patience.first + patience.last).await;
    }
    assert_eq!(n_texts, 2);
}

#[tokio::test]
async fn one_who_asks_for_much_leaves_others_a_place() {
    let server = Misbehaving::start((0..40).map(|_| vec![say(HEAD), say(HELLO), Act::Stall]).collect()).await;
    let remotes = remotes(&server);
    let ask = async |share| {
        let request = GenerateRequest { share: Tenant(share), ..request() };
        remotes.generate(&id(), &request).await
    };
    let mut streams = Vec::new();
    let full = loop {
        match ask(1).await {
            Ok(stream) => streams.push(stream),
            Err(err) => break err,
        }
    };
    assert!(matches!(full, EngineError::Overloaded { n: 32, .. }), "{full:?}");
    assert!(ask(2).await.is_ok());
    drop(streams);
    assert!(ask(1).await.is_ok());
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again() {
    let answer = vec![say(HEAD), say(HELLO), say(DONE)];
    let busy = || refusal("429 Too Many Requests", "retry-after: 0\r\n", "{}");
    check(vec![busy(), busy(), answer], "Hello", Ok(FinishReason::Stop), 3).await;
    let words = r#"{"error":{"message":"Slow down."}}"#;
    let busy = || refusal("429 Too Many Requests", "retry-after: 0\r\n", words);
    check(vec![busy(), busy(), busy(), busy(), busy()], "", Err("is busy: Slow down"), 4).await;
    let later = refusal("503 Service Unavailable", "retry-after: 3600\r\n", words);
    check(vec![later], "", Err("is busy: Slow down"), 1).await;
}

#[tokio::test]
async fn what_may_have_been_taken_is_not() {
    check(vec![refusal("500 Oops", "", "no")], "", Err("failed (500): no"), 1).await;
    check(vec![refusal("502 Bad Gateway", "", "no")], "", Err("failed (502): no"), 1).await;
    check(vec![refusal("504 Gateway Timeout", "", "no")], "", Err("failed (504): no"), 1).await;
    let words = r#"{"error":{"message":"the model is unknown"}}"#;
    check(
        vec![refusal("404 Not Found", "", words)],
        "",
        Err("refused the request (404): the model is unknown"),
        1,
    )
    .await;
    check(vec![refusal("401 No", "", "bad key")], "", Err("does not accept the key (401): bad key"), 1).await;
    check(vec![vec![]], "", Err("ended the connection in the middle of the answer"), 1).await;
}

#[tokio::test]
async fn nothing_is_sent_to_another_address() {
    let other = Misbehaving::start(vec![vec![say(HEAD), say(HELLO), say(DONE)]]).await;
    let elsewhere = format!("location: {}/completions\r\n", other.address);
    let redirect = "wants the request sent to another address, which is not done";
    check(vec![refusal("307 Temporary Redirect", &elsewhere, "")], "", Err(redirect), 1).await;
    assert_eq!(other.requests(), [""; 0]);
    let near = refusal("307 Temporary Redirect", "location: /v1/other\r\n", "");
    check(vec![near, vec![say(HEAD), say(HELLO), say(DONE)]], "Hello", Ok(FinishReason::Stop), 2).await;
}

#[tokio::test]
async fn dropping_the_answer_closes_the_connection() {
    let server = Misbehaving::start(vec![vec![say(HEAD), say(HELLO), Act::Stall]]).await;
    let mut stream = remotes(&server).generate(&id(), &request()).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(GenerateEvent::Text { .. }))));
    drop(stream);
    server.closed().await;
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone() {
    let server = Misbehaving::start((0..9).map(|_| refusal("500 Oops", "", "no")).collect()).await;
    let remotes = remotes(&server);
    for _ in 0..5 {
        assert!(ask(&remotes).await.1.is_err());
    }
    let err = ask(&remotes).await.1.unwrap_err();
    assert!(matches!(err, EngineError::Remote { problem: RemoteProblem::LeftAlone(_), .. }), "{err:?}");
    assert_eq!(server.requests().len(), 5);
    assert!(remotes.choose(&id()));
    assert!(matches!(remotes.chosen_status().unwrap().state, ModelState::Crashed { .. }));
    // Whoever enters it anew believes that it is well again.
    remotes.replace(vec![RemoteSpec { key: None, ..spec(&server.address) }]).unwrap();
    assert_eq!(remotes.chosen_status().unwrap().state, ModelState::Ready);
}

#[tokio::test]
async fn a_machine_that_is_not_there_is_told() {
    // A port that nobody else gets meanwhile, and at which nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let remotes = Remotes::with_patience(patience());
    remotes.replace(vec![spec(&address)]).unwrap();
    let err = ask(&remotes).await.1.unwrap_err();
    assert!(matches!(err, EngineError::Remote { problem: RemoteProblem::Unreachable(_), .. }), "{err:?}");
}

#[tokio::test]
async fn the_key_is_in_no_error_and_in_no_debug_text() {
    let server = Misbehaving::start(vec![refusal("401 No", "", &format!("bad key {KEY}"))]).await;
    let remotes = remotes(&server);
    let err = ask(&remotes).await.1.unwrap_err();
    let texts = [format!("{:?}", spec(&server.address)), err.to_string(), format!("{err:?}")];
    assert!(texts.iter().all(|text| !text.contains(KEY)), "{texts:?}");
}

#[tokio::test]
async fn models_are_listed_by_the_server() {
    let body = r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c"}]}"#;
    let server = Misbehaving::start(vec![refusal("200 OK", "", body)]).await;
    let listed = Remotes::default().list_models(spec(&server.address)).await.unwrap();
    assert_eq!(listed, ["a", "b/c"]);
    assert!(server.requests()[0].starts_with("GET /v1/models "));
}

#[tokio::test]
async fn engines_ask_a_server_elsewhere_only_where_it_was_chosen_or_named() {
    let server = Misbehaving::start((0..2).map(|_| vec![say(HEAD), say(HELLO), say(DONE)]).collect()).await;
    let remotes = remotes(&server);
    let local = crate::ScriptedEngine::new([crate::Script::say(["local"])]);
    let engines = crate::Engines::new(std::sync::Arc::new(local.clone()), remotes.clone());
    let ask = async |model: Option<ModelId>| {
        let target = Target { model, keep_alive: None };
        let events: Vec<_> = engines.generate(target, request()).await.unwrap().collect().await;
        match events.first() {
            Some(Ok(GenerateEvent::Text { text, .. })) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(None).await, "local");
    assert_eq!(ask(Some(id())).await, "Hello");
    assert_eq!(ask(None).await, "local", "what a request names is not chosen");
    assert!(remotes.choose(&id()));
    assert_eq!(engines.status().borrow().chosen.id, Some(id()));
    assert_eq!(ask(None).await, "Hello");
    let loaded = crate::ModelSpec {
        id: ModelId("other".into()),
        name: "other".into(),
        path: "other.gguf".into(),
        profile: LaunchProfile::default(),
        purpose: types::model::Purpose::Writing,
        footprint: crate::Footprint::default(),
        draft_model: None,
        projector: None,
        adapters: Vec::new(),
    };
    engines.load(loaded, crate::Intent::Choose).await.unwrap();
    assert_eq!(engines.status().borrow().chosen.id, Some(ModelId("other".into())));
    assert_eq!(ask(None).await, "local");
    remotes.choose(&id());
    remotes.replace(vec![]).unwrap();
    assert_eq!(ask(None).await, "local", "a server that was removed is asked nothing");
    assert!(engines.hold(id()).await.is_none());
    assert_eq!(server.requests().len(), 2);
}
