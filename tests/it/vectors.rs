//! Vectors of texts, made by a real chat model and by one that was made for it.

use crate::support::{Server, encoder, model_id};
use serde_json::{Value, json};
use std::{fs, path::Path};

const TEXTS: [&str; 5] = [
    "The cat sleeps on the sofa.",
    "A kitten is napping on the couch.",
    "Le chat dort sur le canapé. 猫がソファで寝ている。 😺",
    "The central bank raised interest rates by half a percent.",
    "x",
];

async fn embed(server: &Server, body: Value) -> Vec<Vec<f64>> {
    let (status, reply) = server.ask("/v1/embeddings", &body).await;
    assert_eq!(status, 200, "{reply}");
    let data = reply["data"].as_array().unwrap();
    let numbers = |item: &Value| {
        item["embedding"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect::<Vec<_>>()
    };
    data.iter().map(numbers).collect()
}

/// Of vectors that are one long.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Compares texts embedded together with the same texts one by one.
async fn check(server: &Server, pooling: &str) {
    let body = |input: Value| json!({"model": model_id(), "input": input, "pooling": pooling});
    let together = embed(server, body(json!(TEXTS))).await;
    assert_eq!(together.len(), TEXTS.len());
    for (text, vector) in TEXTS.iter().zip(&together) {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text}");
        let alone = embed(server, body(json!(text))).await;
        assert!(cosine(&alone[0], vector) > 0.9999, "{text}: {}", cosine(&alone[0], vector));
    }
}

#[tokio::test]
async fn a_chat_model_makes_vectors_that_do_not_depend_on_the_batch() {
    let server = Server::with_model().await;
    check(&server, "mean").await;
    check(&server, "last").await;
    let vectors = embed(&server, json!({"model": model_id(), "input": TEXTS})).await;
    let (alike, unlike) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[3]));
    assert!(alike > unlike, "{alike} and {unlike}");
    server.stop().await;
}

#[tokio::test]
async fn a_chat_model_ranks_by_which_document_the_question_is_likely_behind() {
    let server = Server::with_model().await;
    let documents = [
        "The night train to Hamburg leaves from platform nine at half past ten.",
        "Black tea has to draw for four minutes, green tea for two.",
        "A grown walrus weighs as much as a small car.",
    ];
    let check = async |query: &str, expected: u64| {
        let body = json!({"query": query, "documents": documents, "top_n": 2});
        let (status, reply) = server.ask("/v1/rerank", &body).await;
        assert_eq!(status, 200, "{reply}");
        let results = reply["results"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{reply}");
        assert_eq!(results[0]["index"], expected, "{query}: {reply}");
        assert!(
            results[0]["relevance_score"].as_f64().unwrap() < 0.0,
            "a logarithm of a likelihood: {reply}"
        );
    };
    check("When does the train to Hamburg leave?", 0).await;
    check("How long does green tea have to draw?", 1).await;
    check("How heavy is a walrus?", 2).await;
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_embedded_or_ranked_is_said() {
    let server = Server::with_model().await;
    let check = async |path: &str, body: Value, word: &str| {
        let (status, reply) = server.ask(path, &body).await;
        assert_eq!(status, 400, "{reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    };
    let embeddings = "/v1/embeddings";
    check(embeddings, json!({"input": []}), "there is no input").await;
    check(embeddings, json!({"input": ["a", "word ".repeat(9000)]}), "input 1 has 9").await;
    check(embeddings, json!({"input": vec!["a"; 2049]}), "at most 2048 are taken").await;
    check(embeddings, json!({"input": [4_000_000]}), "the token 4000000").await;
    check(embeddings, json!({"input": "a", "dimensions": 9999}), "9999 numbers").await;
    check("/v1/rerank", json!({"query": "", "documents": ["b"]}), "the query is empty").await;
    server.stop().await;
}

/// A server with a model of safetensors in its library, loaded by nobody yet.
async fn with_encoder() -> (Server, String) {
    let server = Server::with_model().await;
    let name = "all-MiniLM-L6-v2";
    let there = server.data.path().join("models").join(name);
    copy_folder(&encoder(), &there);
    (server, name.to_owned())
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else if fs::hard_link(entry.path(), &to).is_err() {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_folder_of_safetensors_makes_vectors_beside_a_chat_model() {
    let (server, name) = with_encoder().await;
    let list: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let entry = list["data"].as_array().unwrap().iter().find(|entry| entry["id"] == name).unwrap();
    assert_eq!((&entry["purpose"], &entry["state"]), (&json!("embedding"), &json!("unloaded")));

    let vectors = embed(&server, json!({"model": name, "input": TEXTS})).await;
    assert_eq!(vectors[0].len(), 384);
    let (alike, unlike) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[3]));
    assert!(alike > 0.5 && unlike < 0.2, "{alike} and {unlike}");
    let long = json!({"model": name, "input": "word ".repeat(300)});
    let (status, reply) = server.ask("/v1/embeddings", &long).await;
    assert!(status == 400 && reply.to_string().contains("302 tokens, the model takes 256"), "{reply}");

    // It is loaded beside the chat model, which still answers where no model is named.
    let body = json!({"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!((status, &reply["model"]), (200, &json!(model_id())), "{reply}");
    let body = json!({"model": name, "messages": [{"role": "user", "content": "Hello?"}]});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert!(status == 400 && reply.to_string().contains("it does not write"), "{reply}");
    server.stop().await;
}
