//! LoRA adapters by name and number: what is there is listed and changes the answers that name it, what cannot be used is refused and
//! harms nobody.

use crate::support::{Server, model};
use gguf::testing::Gguf;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

/// Numbers of the test model's last layer that come in, and that go out.
const N_FF: u64 = 1536;
const N_EMBD: u64 = 576;

/// Writes an adapter of rank one for the test model's last layer, which pushes what it says far away.
fn write_adapter(path: &Path) {
    let mut gguf = Gguf::default();
    for (key, value) in
        [("general.architecture", "llama"), ("general.type", "adapter"), ("adapter.type", "lora")]
    {
        gguf.text(key, value);
    }
    gguf.f32("adapter.lora.alpha", 1.0);
    let layer = "blk.29.ffn_down.weight";
    let numbers = |n: u64| (0..n).map(|i| if i % 3 == 0 { 1.0_f32 } else { -0.5 }).collect();
    let tensors = [
        (format!("{layer}.lora_a"), vec![N_FF, 1], numbers(N_FF)),
        (format!("{layer}.lora_b"), vec![1, N_EMBD], numbers(N_EMBD)),
    ];
    gguf.write(path, &tensors).unwrap();
}

#[tokio::test]
async fn an_adapter_changes_the_answers_that_name_it_and_no_others() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let folder = data.path().join("adapters");
    fs::create_dir(&folder).unwrap();
    write_adapter(&folder.join("far-away.gguf"));
    // What is computed exactly depends on nothing else that is remembered.
    let model = model().to_string_lossy().into_owned();
    let args = ["--model", &model, "--kv-type", "f32"];
    let server = Server::start_in(data, &args).await;
    server.wait_for_model("ready").await;
    let ask = async |lora: Value| {
        let question = json!({
            "messages": [{"role": "user", "content": "Name a few colours."}],
            "max_tokens": 4,
            "temperature": 0,
            "lora": lora,
        });
        let (status, reply) = server.ask("/v1/chat/completions", &question).await;
        assert_eq!(status, 200, "{reply}");
        reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    ask(json!([])).await;
    let plain = ask(json!([])).await;
    ask(json!([{"id": 0}])).await;
    let changed = ask(json!([{"name": "far-away"}])).await;
    assert_ne!(changed, plain);
    assert_eq!(ask(json!([{"name": "far-away", "scale": 0}])).await, plain);
    assert_eq!(ask(json!([{"id": 0}])).await, changed);
    assert_eq!(ask(json!([])).await, plain);
    server.stop().await;
}

#[tokio::test]
async fn adapters_are_listed_and_those_that_do_not_fit_are_refused() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let folder = data.path().join("adapters");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("broken.gguf"), "no adapter").unwrap();
    fs::copy(model(), folder.join("whole-model.gguf")).unwrap();
    let server = Server::start_in(data, &["--model", &model().to_string_lossy()]).await;
    server.wait_for_model("ready").await;
    let list: Value = server.get("/lora-adapters").send().await.unwrap().json().await.unwrap();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|it| (&it["id"], &it["name"])).collect();
    assert_eq!(names, [(&json!(0), &json!("broken")), (&json!(1), &json!("whole-model"))]);

    let ask = async |lora: Value| {
        let question =
            json!({"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4, "lora": lora});
        let (status, reply) = server.ask("/v1/chat/completions", &question).await;
        (status, reply["error"]["code"].clone())
    };
    for lora in [json!([{"name": "broken"}]), json!([{"id": 1, "scale": 0.5}])] {
        assert_eq!(ask(lora.clone()).await, (400, json!("invalid_adapter")), "{lora}");
    }
    for lora in [json!([{"name": "nobody"}]), json!([{"id": 7}]), json!([{"id": 0, "scale": 1000}])] {
        assert_eq!(ask(lora.clone()).await.0, 400, "{lora}");
    }
    assert_eq!(ask(json!([{"name": "broken", "scale": 0}])).await.0, 200, "of no strength it is not there");
    server.stop().await;
}
