//! Folders of safetensors whose models look at images, written anew.

use super::Bench;
use std::fs;
use types::{
    ids::ModelId,
    shelf::{Capability, Rewrite},
};

#[tokio::test]
async fn what_a_folder_looks_at_images_by_is_written_beside_its_model() {
    let bench = Bench::open().await;
    bench.put_folder("smolvlm");
    assert_eq!(bench.written("smolvlm", Rewrite::Q8_0).await, None);
    assert!(bench.path("own/converted/mmproj-smolvlm-Q8_0-F16.gguf").is_file());
    let id = ModelId("converted/smolvlm-Q8_0".into());
    let details = bench.models.describe(&id, true).await.unwrap();
    assert!(details.model.capabilities.contains(&Capability::Sees));
}

#[tokio::test]
async fn where_that_cannot_be_the_model_is_written_and_says_so() {
    let bench = Bench::open().await;
    bench.put_folder("smolvlm");
    for name in ["preprocessor_config.json", "processor_config.json"] {
        fs::remove_file(bench.path("own/smolvlm/x").with_file_name(name)).unwrap();
    }
    let problem = bench.written("smolvlm", Rewrite::F16).await.unwrap();
    assert!(problem.starts_with("it is written, but what lets it look at images"), "{problem}");
    assert!(problem.contains("preprocessor_config.json is missing"), "{problem}");
    let written = fs::read_dir(bench.path("own/converted/x").parent().unwrap()).unwrap();
    let written: Vec<_> = written.map(|entry| entry.unwrap().file_name()).collect();
    assert!(written.contains(&"smolvlm-F16.gguf".into()), "{written:?}");
    assert!(!written.iter().any(|name| name.to_string_lossy().contains("mmproj")), "{written:?}");
}
