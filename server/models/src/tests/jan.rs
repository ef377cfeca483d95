//! Models that Jan keeps: what Jan says of them is taken over, and what people said of them stays.

use super::{Bench, gguf};
use inference::Outlook;
use types::{
    ids::ModelId,
    launch::{Fate, LaunchProfile},
};

const MODELS: &str = ".local/share/Jan/data/llamacpp/models";
const MB: u64 = 1_000_000;

impl Bench {
    /// A model in Jan's folder, made for 16,384 tokens, of which each takes 16 kB.
    async fn with_jan() -> Self {
        let bench = Self::open().await;
        let numbers = [
            ("llama.context_length", 16_384),
            ("llama.block_count", 8),
            ("llama.embedding_length", 512),
            ("llama.attention.head_count", 8),
        ];
        let file = gguf(&[("general.architecture", "llama")], &numbers, 1000);
        bench.put(&format!("{MODELS}/Tiny/model.gguf"), &file);
        let folder = bench.path(MODELS).display().to_string();
        bench.models.add_folder(&folder, "jan").await.unwrap();
        bench
    }

    async fn describe_as(&self, lines: &str) {
        let text = format!("model_path: llamacpp/models/Tiny/model.gguf\n{lines}");
        self.put(&format!("{MODELS}/Tiny/model.yml"), text.as_bytes());
        self.models.follow_names().await;
    }

    async fn note(&self, id: &str) -> String {
        self.models.describe(&ModelId(id.into()), true).await.unwrap().note
    }
}

#[tokio::test]
async fn what_was_noted_of_a_model_stays_when_jan_calls_it_otherwise() {
    let bench = Bench::with_jan().await;
    bench.models.save_note(&ModelId("jan/Tiny/model".into()), "mine", &[]).await.unwrap();
    bench.describe_as("name: Tiny 1B\n").await;
    assert_eq!(
        (bench.all().await, bench.note("jan/Tiny 1B").await),
        (vec!["jan/Tiny 1B".into()], "mine".into())
    );
    bench.describe_as("name: My Tiny\n").await;
    assert_eq!(bench.note("jan/My Tiny").await, "mine");
    // What is said of a name that another model has now is about that one.
    bench.put(&format!("{MODELS}/My Tiny.gguf"), &gguf(&[("general.architecture", "llama")], &[], 10));
    bench.describe_as("name: Tiny again\n").await;
    assert_eq!(
        (bench.note("jan/Tiny again").await, bench.note("jan/My Tiny").await),
        (String::new(), "mine".into())
    );
}

#[tokio::test]
async fn a_model_of_jan_is_loaded_as_jan_does_until_a_person_chooses() {
    let bench = Bench::with_jan().await;
    let id = ModelId("jan/Tiny 1B".into());
    let outlook = |fate: Fate, room_mb: u64| Outlook {
        fate,
        budget_bytes: room_mb * MB,
        room_bytes: room_mb * MB,
        left_bytes: room_mb * MB,
        machine_bytes: 1 << 40,
    };
    let check = async |lines: &str, outlook: Outlook, expected: Option<u32>, from: Option<&str>| {
        bench.describe_as(&format!("name: Tiny 1B\n{lines}")).await;
        bench.engine.set_outlook(outlook);
        let panel = bench.models.launch_panel(&id).await.unwrap();
        assert_eq!((panel.profile.n_ctx, panel.from.as_deref()), (expected, from), "{lines}");
    };
    let fits = || outlook(Fate::Loads { unloads: vec![] }, 10_000);
    check("ctx_len: 8192\n", fits(), Some(8192), Some("Jan")).await;
    check("ctx_len: 99999\n", fits(), Some(16_384), Some("Jan")).await;
    check("", fits(), None, None).await;
    check("ctx_len: 100\n", fits(), None, None).await;
    // It is as long as there is room for now.
    let missing = || Fate::DoesNotFit { missing_bytes: MB, in_the_way: vec![] };
    bench.describe_as("name: Tiny 1B\nctx_len: 16384\n").await;
    bench.engine.set_outlook(outlook(missing(), 200));
    let panel = bench.models.launch_panel(&id).await.unwrap();
    assert!(panel.profile.n_ctx.is_some_and(|n| (1024..16_384).contains(&n)), "{:?}", panel.profile);
    // Loading it is no choice, saving is.
    bench.engine.set_outlook(fits());
    bench.models.load(super::ME, id.clone()).await.unwrap();
    bench.jobs_ended().await;
    assert_eq!(bench.engine.loads().last().and_then(|it| it.profile.n_ctx), Some(16_384));
    bench.models.save_launch_profile(&id, LaunchProfile::default()).await.unwrap();
    check("ctx_len: 8192\n", fits(), None, None).await;
}
