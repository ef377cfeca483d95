//! Folders of models that see images: written as GGUF files with what they see by, loaded by llama.cpp, and shown pictures.

use crate::support::{Server, safetensors};
use serde_json::{Map, Value, json};
use std::{fs, path::Path, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use types::{
    ids::ModelId,
    shelf::{Rewrite, ShelfAct, ShelfReply},
};

const PATIENCE: Duration = Duration::from_secs(60);
const CHAT: &str = "/v1/chat/completions";
const N_ANSWERED: u64 = 8;

/// Pictures of 2 × 2 pixels: red and white, and blue and green on black.
const PICTURES: [&str; 2] = [
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8Dw//9/EAayADnUB/lhNvl4AAAAAElFTkSuQmCC",
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mNgYPjPAAX/GQANAQH/VELbKwAAAABJRU5ErkJggg==",
];

/// A tiny model with which the converter is tested, and what the models of its kind have that are published.
struct Family {
    name: &'static str,
    /// Words that llama.cpp puts around images, by the number of the first one.
    words: (u64, &'static [&'static str]),
    /// How much longer a prompt is by one of the pictures.
    n_seen: u64,
}

impl Family {
    /// Writes its folder, with weights that mean nothing.
    fn write(&self, folder: &Path) {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/convert/tests/parity/models");
        fs::create_dir_all(folder).unwrap();
        for entry in fs::read_dir(models.join(self.name)).unwrap().flatten() {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let list = json_of(&folder.join("tensors.json"));
        let tensors = list["tensors"].as_array().unwrap().iter().map(|tensor| {
            let shape = tensor[2].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize);
            (tensor[0].as_str().unwrap().to_owned(), shape.collect())
        });
        fs::write(folder.join("model.safetensors"), safetensors(&tensors.collect::<Vec<_>>())).unwrap();
        self.add_words(folder);
    }

    /// Puts the words where the folder's kind of tokenizer has those that were added to it.
    fn add_words(&self, folder: &Path) {
        let words = (self.words.0..).zip(self.words.1);
        let path = folder.join("tokenizer.json");
        if path.is_file() {
            let mut tokenizer = json_of(&path);
            let words = words.map(|(id, word)| json!({"id": id, "content": word, "special": true}));
            tokenizer["added_tokens"].as_array_mut().unwrap().extend(words);
            return fs::write(path, tokenizer.to_string()).unwrap();
        }
        let path = folder.join("tokenizer_config.json");
        let mut settings = json_of(&path);
        let words: Map<_, _> =
            words.map(|(id, word)| (id.to_string(), json!({"content": word, "special": true}))).collect();
        settings["added_tokens_decoder"].as_object_mut().unwrap().extend(words);
        fs::write(path, settings.to_string()).unwrap();
    }
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

async fn act(server: &Server, act: ShelfAct) -> Result<ShelfReply, String> {
    let request = server
        .post("/rpc/app/pages/models/api/library")
        .header("content-type", "application/x-postcard")
        .body(postcard::to_allocvec(&act).unwrap());
    let reply = request.send().await.unwrap();
    let status = reply.status();
    let bytes = reply.bytes().await.unwrap();
    if status != 200 {
        return Err(format!("{status} {}", String::from_utf8_lossy(&bytes)));
    }
    Ok(postcard::from_bytes(&bytes).unwrap())
}

/// Writes a folder as a GGUF file, as a person has it done, and gives what the file is called.
async fn convert(server: &Server, name: &str) -> String {
    let rewrite = ShelfAct::Rewrite { id: ModelId(name.into()), to: Rewrite::F16, imatrix: String::new() };
    act(server, rewrite).await.unwrap();
    let written = format!("converted/{name}-F16");
    let waiting = async {
        loop {
            // Where it came from is noted once all of it is there.
            let described = act(server, ShelfAct::Describe { id: ModelId(written.clone()) }).await;
            match described {
                Ok(ShelfReply::Details(it)) if it.written.is_some() => return,
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
    written
}

/// How far apart answers are: by how likely the token is that both begin with.
fn distance(one: &Value, other: &Value) -> f64 {
    let begin = |answer: &Value| {
        let first = &answer["choices"][0]["logprobs"]["content"][0];
        (first["token"].clone(), first["logprob"].as_f64().unwrap())
    };
    let (one, other) = (begin(one), begin(other));
    if one.0 == other.0 { (one.1 - other.1).abs() } else { f64::INFINITY }
}

async fn check(family: Family) {
    let data = Arc::new(tempfile::tempdir().unwrap());
    family.write(&data.path().join("models").join(family.name));
    let server = Server::start_in(data, &["--no-model", "--context", "1024"]).await;
    let model = convert(&server, family.name).await;
    let ask = async |content: Value| {
        let body = json!({
            "model": model, "messages": [{"role": "user", "content": content}], "max_tokens": N_ANSWERED,
            "ignore_eos": true, "temperature": 0, "logprobs": true,
        });
        let (status, answer) = server.ask(CHAT, &body).await;
        assert_eq!((status, &answer["usage"]["completion_tokens"]), (200, &json!(N_ANSWERED)), "{answer}");
        answer
    };
    let about = async |picture: &str| {
        let image = json!({"url": format!("data:image/png;base64,{picture}")});
        ask(json!([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": image}]))
            .await
    };
    let n_prompt = |answer: &Value| answer["usage"]["prompt_tokens"].as_u64().unwrap();
    let blind = ask(json!("What is this?")).await;
    let [first, second] = [about(PICTURES[0]).await, about(PICTURES[1]).await];
    for seen in [&first, &second] {
        assert_eq!(n_prompt(seen), n_prompt(&blind) + family.n_seen, "{} {seen}", family.name);
    }
    // What it sees is what it is shown: sums in another order, as what was computed before gives them, make far less of a
    // difference than another picture.
    let again = about(PICTURES[0]).await;
    let [by_picture, by_order] = [distance(&first, &second), distance(&first, &again)];
    assert!(by_picture > 10.0 * by_order, "{}: {by_picture} and {by_order}", family.name);
    server.stop().await;
}

#[tokio::test]
async fn gemma_3_sees_by_what_was_written_beside_it() {
    // Sixteen patches become four, between two words.
    check(Family {
        name: "gemma3-vision",
        words: (320, &["<start_of_image>", "<end_of_image>"]),
        n_seen: 4 + 2,
    })
    .await;
}

#[tokio::test]
async fn smolvlm_sees_by_what_was_written_beside_it() {
    // A picture is cut into four, each behind two words and a line's end between the rows; all of it stands between four.
    const WORDS: &[&str] = &[
        "\n\n",
        "<fake_token_around_image>",
        "<global-img>",
        "<row_1_col_1>",
        "<row_1_col_2>",
        "<row_2_col_1>",
        "<row_2_col_2>",
    ];
    check(Family { name: "smolvlm", words: (303, WORDS), n_seen: 4 * 3 + 1 + 5 }).await;
}

#[tokio::test]
async fn qwen_vl_sees_by_what_was_written_beside_it() {
    // The smallest picture has three rows of three, which take as many positions as one of them, between two words.
    for name in ["qwen2vl", "qwen25vl", "qwen3vl"] {
        check(Family { name, words: (304, &["<|vision_start|>", "<|vision_end|>"]), n_seen: 3 + 2 }).await;
    }
}
