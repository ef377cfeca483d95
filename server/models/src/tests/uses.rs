//! What is told before a model is deleted.

use super::{Bench, ME, gguf, llama};
use crate::library::walk::Found;
use store::{Added, Indexed, NewDocument, NewPassage, Reading};
use types::{
    document::{DocumentKind, DocumentState},
    ids::ModelId,
    shelf::{Bringing, ModelUses},
};

impl Bench {
    async fn uses(&self, id: &str) -> ModelUses {
        self.models.describe(&ModelId(id.into()), true).await.unwrap().uses
    }

    fn found(&self, id: &str) -> Found {
        self.models.library.find(&ModelId(id.into())).unwrap()
    }
}

fn ids(ids: &[&str]) -> Vec<ModelId> {
    ids.iter().map(|id| ModelId((*id).to_owned())).collect()
}

#[tokio::test]
async fn documents_whose_vectors_a_model_made_are_counted() {
    let bench = Bench::open().await;
    bench.put("own/vectors.gguf", &llama(10));
    let store = &bench.models.store;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    for (hash, embedder) in
        [("1", Some("vectors")), ("2", Some("another")), ("3", None), ("4", Some("vectors"))]
    {
        let document = NewDocument { name: hash, hash, n_bytes: 3, now_ms: 0 };
        let Added::New(id) = store.add_document(ME, books, document).await.unwrap() else {
            panic!("it is new")
        };
        store.take_waiting_document().await.unwrap();
        let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader: 1 };
        let passage = NewPassage { body: "text".to_owned(), ..NewPassage::default() };
        store.replace_passages(id, reading, &[passage]).await.unwrap();
        let n_vectors = u32::from(embedder.is_some());
        let end = Indexed { state: DocumentState::Ready, error: None, embedder, n_vectors };
        store.end_indexing(id, end).await.unwrap();
        if hash == "4" {
            store.delete_document(ME, id, 1).await.unwrap();
        }
    }
    assert_eq!(bench.uses("vectors").await.n_documents, 1);
}

#[tokio::test]
async fn models_that_look_at_images_by_a_projector_are_named() {
    let bench = Bench::open().await;
    let writer = [("general.architecture", "llama")];
    bench.put("own/g/gemma-q4.gguf", &gguf(&writer, &[("llama.embedding_length", 64)], 10));
    bench.put("own/g/other-q4.gguf", &gguf(&writer, &[("llama.embedding_length", 32)], 10));
    let width = [("clip.vision.projection_dim", 64)];
    bench.put("own/g/mmproj-f16.gguf", &gguf(&[("general.architecture", "clip")], &width, 10));
    assert_eq!(bench.uses("g/mmproj-f16").await.sees_for, ids(&["g/gemma-q4"]));
    assert_eq!(bench.uses("g/gemma-q4").await, ModelUses::default());
}

#[cfg(unix)]
#[tokio::test]
async fn links_that_would_lead_nowhere_are_named() {
    let bench = Bench::open().await;
    bench.put("other/a.gguf", &llama(10));
    for name in ["config.json", "model.safetensors", "b.gguf"] {
        bench.put(&format!("other/folder/{name}"), b"{}");
    }
    bench.models.add_folder("~/other", "").await.unwrap();
    for id in ["other/a", "other/folder"] {
        bench.models.adopt(ME, &ModelId(id.into()), Bringing::Link).await.unwrap();
        bench.jobs_ended().await;
    }
    assert_eq!(bench.uses("other/a").await.links, ids(&["a"]));
    assert_eq!(bench.uses("other/folder").await.links, ids(&["folder", "folder/b"]));
    // A link takes nothing along.
    assert_eq!(bench.uses("a").await.links, []);
    assert_eq!(bench.uses("folder").await.links, []);
    // What goes is what is told of.
    let told = bench.found("other/a");
    bench.delete("other/a").await.unwrap();
    assert!(!told.path.exists() && !bench.found("a").path.exists());
}

#[tokio::test]
async fn models_that_lie_in_a_folder_go_with_it_and_are_told_of() {
    let bench = Bench::open().await;
    bench.put("own/folder/config.json", b"{}");
    bench.put("own/folder/model.safetensors", b"");
    bench.put("own/folder/b.gguf", &llama(10));
    bench.put("own/folder-too.gguf", &llama(10));
    assert_eq!(bench.uses("folder").await.inside, ids(&["folder/b"]));
    assert_eq!(bench.uses("folder/b").await.inside, []);
    bench.delete("folder").await.unwrap();
    assert_eq!(bench.engine.unloads(), ids(&["folder", "folder/b"]));
    assert_eq!(bench.all().await, ["folder-too"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_lies_behind_a_link_to_a_folder_stays_where_it_is() {
    let bench = Bench::open().await;
    for name in ["config.json", "model.safetensors"] {
        bench.put(&format!("other/folder/{name}"), b"{}");
    }
    let theirs = bench.put("other/folder/b.gguf", &llama(10));
    std::os::unix::fs::symlink(theirs.parent().unwrap(), bench.path("own/folder")).unwrap();
    let id = ModelId("folder/b".into());
    let kept_by = bench.models.describe(&id, true).await.unwrap().kept_by;
    assert_eq!(kept_by.as_deref(), Some("linked"));
    let refused = bench.delete("folder/b").await.unwrap_err().to_string();
    assert!(refused.contains("delete the link"), "{refused}");
    // Of a link the link goes.
    bench.delete("folder").await.unwrap();
    assert!(theirs.is_file() && !bench.path("own/folder").exists());
}

#[tokio::test]
async fn a_whole_folder_that_was_added_is_not_deleted() {
    let bench = Bench::open().await;
    let weights = bench.put("mine/model.safetensors", b"");
    bench.put("mine/config.json", b"{}");
    bench.models.add_folder("~/mine", "").await.unwrap();
    assert_eq!(bench.all().await, ["mine"]);
    let refused = bench.delete("mine").await.unwrap_err().to_string();
    assert!(refused.contains("whole folder") && weights.is_file(), "{refused}");
}
