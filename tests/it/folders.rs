//! A model that writes in a folder of safetensors, beside one in a GGUF file.

use crate::support::{Server, events, model_id, safetensors};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

const CHAT: &str = "/v1/chat/completions";

const NAME: &str = "tiny-folder";

const WIDTH: usize = 32;
const N_WORDS: usize = 258;

/// Writes a network of one layer that says nothing of meaning, with all bytes and two special tokens as its words.
fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let put = |name: &str, json: Value| fs::write(folder.join(name), json.to_string()).unwrap();
    put("config.json", config());
    put("tokenizer.json", tokenizer());
    put("tokenizer_config.json", json!({"eos_token": "<|im_end|>"}));
    let template = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    fs::write(folder.join("chat_template.jinja"), template).unwrap();
    fs::write(folder.join("model.safetensors"), weights()).unwrap();
}

fn config() -> Value {
    json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": N_WORDS,
        "max_position_embeddings": 4096, "num_hidden_layers": 1, "hidden_size": WIDTH, "intermediate_size": WIDTH,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": true,
    })
}

fn tokenizer() -> Value {
    let printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut n_others = 0;
    let mut word = |byte: u8| {
        let number = if printable(byte) { u32::from(byte) } else { 0x100 + n_others };
        n_others += u32::from(!printable(byte));
        char::from_u32(number).unwrap().to_string()
    };
    let words: Map<_, _> = (0..=255).map(|byte| (word(byte), json!(byte))).collect();
    let special = |id: u32, text: &str| {
        json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        })
    };
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true});
    json!({
        "version": "1.0", "added_tokens": [special(256, "<|im_start|>"), special(257, "<|im_end|>")],
        "normalizer": null, "pre_tokenizer": bytes, "post_processor": bytes, "decoder": bytes,
        "model": {"type": "BPE", "vocab": words, "merges": []},
    })
}

fn weights() -> Vec<u8> {
    let layer = |name: &str| format!("model.layers.0.{name}.weight");
    let tensors = [
        ("model.embed_tokens.weight".to_owned(), vec![N_WORDS, WIDTH]),
        ("model.norm.weight".to_owned(), vec![WIDTH]),
        (layer("input_layernorm"), vec![WIDTH]),
        (layer("post_attention_layernorm"), vec![WIDTH]),
        (layer("self_attn.q_proj"), vec![32, WIDTH]),
        (layer("self_attn.k_proj"), vec![16, WIDTH]),
        (layer("self_attn.v_proj"), vec![16, WIDTH]),
        (layer("self_attn.o_proj"), vec![WIDTH, 32]),
        (layer("self_attn.q_norm"), vec![16]),
        (layer("self_attn.k_norm"), vec![16]),
        (layer("mlp.gate_proj"), vec![WIDTH, WIDTH]),
        (layer("mlp.up_proj"), vec![WIDTH, WIDTH]),
        (layer("mlp.down_proj"), vec![WIDTH, WIDTH]),
    ];
    safetensors(&tensors)
}

/// A server with both models in its library.
async fn with_folder() -> Server {
    let server = Server::with_model().await;
    write(&server.data.path().join("models").join(NAME));
    server
}

fn question(model: &str, text: &str, extra: Value) -> Value {
    let mut body = json!({
        "model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 20, "temperature": 0,
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_folder_of_safetensors_answers_beside_a_gguf_file() {
    let server = with_folder().await;
    let models: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let listed = models["data"].as_array().unwrap().iter().find(|it| it["id"] == NAME);
    assert_eq!(listed.unwrap()["purpose"], "writing", "{models}");
    let ask = async |model: &str, extra: Value| {
        let (status, answer) = server.ask(CHAT, &question(model, "Say something.", extra)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let [first, file] = [ask(NAME, json!({"ignore_eos": true})).await, ask(&model_id(), json!({})).await];
    assert_eq!(first["usage"]["completion_tokens"], 20, "{first}");
    assert_eq!(file["model"], model_id());
    let again = ask(NAME, json!({"ignore_eos": true})).await;
    assert_eq!(again["choices"], first["choices"]);
    let n_prompt = first["usage"]["prompt_tokens"].as_u64().unwrap();
    assert_eq!(again["usage"]["prompt_tokens_details"]["cached_tokens"], n_prompt - 1, "{again}");
    let held = ask(NAME, json!({"regex": "(yes|no)"})).await;
    let said = held["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(said == "yes" || said == "no", "{held}");
    server.stop().await;
}

#[tokio::test]
async fn answers_of_a_folder_stream_and_are_stopped_by_leaving() {
    let server = with_folder().await;
    let body = question(NAME, "Say something.", json!({"stream": true, "ignore_eos": true}));
    let reply = server.post(CHAT).json(&body).send().await.unwrap();
    let events = events(reply).await;
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"), "{events:?}");
    let long = question(NAME, "Say a lot.", json!({"stream": true, "ignore_eos": true, "max_tokens": 4000}));
    let reply = server.post(CHAT).json(&long).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    drop(reply);
    let (status, answer) = server.ask(CHAT, &question(NAME, "And now?", json!({"ignore_eos": true}))).await;
    assert_eq!((status, &answer["usage"]["completion_tokens"]), (200, &json!(20)), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_whole_says_what_is_missing() {
    let server = with_folder().await;
    let folder = server.data.path().join("models").join(NAME);
    let index = json!({"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}});
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    let (status, answer) = server.ask(CHAT, &question(NAME, "Say something.", json!({}))).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        status >= 400 && message.contains("parts are missing: model-00002-of-00002.safetensors"),
        "{status} {message}"
    );
    server.stop().await;
}
