use super::{EmbeddingsRequest, Encoding, RerankRequest};
use crate::caller::Caller;
use inference::{Tenant, Who};
use serde_json::{Value, json};

const ME: Who = Who { share: Tenant(1), tenant: Tenant(1) };

/// What is asked of the engine for a request.
#[track_caller]
fn check(request: Value, expected: &str) {
    let found = match serde_json::from_value::<EmbeddingsRequest>(request) {
        Ok(request) => format!("{:?}", request.work(ME)),
        Err(err) => err.to_string(),
    };
    assert!(found.contains(expected), "{found}");
}

#[test]
fn an_input_has_four_forms() {
    check(json!({"input": "a"}), "inputs: [Text(\"a\")]");
    check(json!({"input": ["a", "b"]}), "inputs: [Text(\"a\"), Text(\"b\")]");
    check(json!({"input": [1, 2]}), "inputs: [Tokens([1, 2])]");
    check(json!({"input": [[1, 2], [3]]}), "inputs: [Tokens([1, 2]), Tokens([3])]");
    check(json!({"input": {"text": "a"}}), "did not match");
    check(json!({"input": [-1]}), "did not match");
    check(json!({"model": "m"}), "missing field `input`");
}

#[test]
fn what_changes_the_vectors_is_passed_on() {
    check(
        json!({"input": "a", "user": "x", "model": "m", "encoding_format": "base64"}),
        "EmbedParams { pooling: None, dimensions: None, normalize: true, truncate: false }",
    );
    check(
        json!({"input": "a", "dimensions": 8, "pooling": "last", "normalize": false, "truncate": true}),
        "EmbedParams { pooling: Some(Last), dimensions: Some(8), normalize: false, truncate: true }",
    );
    check(json!({"input": "a", "pooling": "max"}), "unknown variant `max`");
    check(json!({"input": "a", "encoding_format": "hex"}), "unknown variant `hex`");
}

#[test]
fn null_is_no_value() {
    let names = ["model", "keep_alive", "dimensions", "encoding_format", "pooling", "normalize", "truncate"];
    for name in names {
        check(
            json!({"input": "a", name: null}),
            "EmbedParams { pooling: None, dimensions: None, normalize: true, truncate: false }",
        );
    }
    for name in ["model", "keep_alive", "top_n", "return_documents", "truncate"] {
        let request = json!({"query": "q", "documents": ["a"], name: null});
        assert!(serde_json::from_value::<RerankRequest>(request).is_ok(), "{name}");
    }
}

#[test]
fn documents_are_texts_or_objects_with_one() {
    let request = json!({"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1});
    let request: RerankRequest = serde_json::from_value(request).unwrap();
    assert_eq!(request.work(ME).documents, ["a", "b"]);
}

#[test]
fn whom_a_program_speaks_for_is_known() {
    let caller = Caller::default();
    let embeddings = |names: Value| {
        let mut body = json!({"input": "a"});
        body.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
        let request: EmbeddingsRequest = serde_json::from_value(body).unwrap();
        caller.who(&request.names)
    };
    let own = embeddings(json!({}));
    assert_eq!(own, ME);
    let anna = embeddings(json!({"user": "anna"}));
    let ben = embeddings(json!({"safety_identifier": "ben", "user": "anna"}));
    assert!(anna.tenant != ben.tenant && anna.share == ben.share && anna.share != own.share);
    let ranking = json!({"query": "q", "documents": ["a"], "prompt_cache_key": "anna"});
    let ranking: RerankRequest = serde_json::from_value(ranking).unwrap();
    assert_eq!(caller.who(&ranking.names), anna);
}

#[test]
fn base64_holds_the_same_numbers() {
    let vector = [1.0, -0.5, 3e-8];
    // 1.0 is 0x3F800000, in little-endian 00 00 80 3F.
    assert_eq!(Encoding::Base64.write(&vector[..1]), json!("AACAPw=="));
    assert_eq!(Encoding::Float.write(&vector), json!(vector));
}
