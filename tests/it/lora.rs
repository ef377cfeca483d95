//! LoRA adapters by name and number: what is there is listed, what cannot be used is refused and harms nobody.

use crate::support::{Server, model};
use serde_json::{Value, json};
use std::{fs, sync::Arc};

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
