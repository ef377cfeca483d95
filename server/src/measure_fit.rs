//! `chaosengine measure fit`: what loading a model was foretold to take, beside what it took.

use crate::{
    config::Config,
    exit::Exit,
    measure::{failed, print},
    serve,
};
use futures::StreamExt;
use inference::{GenerateRequest, Prompt, Target, Tenant};
use state::AppState;
use std::time::Duration;
use system::DataDir;
use types::{
    chat::{ChatTurn, Role},
    ids::{ModelId, UserId},
    image::{ImageFile, TurnImage},
    kv::{KvFormat, KvType},
    launch::LaunchProfile,
    model::ModelState,
    sampling::Sampling,
};

const CONTEXTS: [u32; 4] = [1024, 2048, 4096, 8192];
const FORMATS: [KvFormat; 3] = [KvFormat::F16, KvFormat::Q8, KvFormat::Q4];
/// Enough that all weights, and everything that computing needs, were touched.
const WORDS: usize = 700;
/// The memory of a worker is looked at so often, and once more behind it is certainly current.
const LOOK: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(120);

/// Pixels of an image's side, a multiple of four, and bytes before the first one.
const SIDE: u32 = 512;
const HEADERS: u32 = 54;

const HEAD: &str = "context  keys/values  foretold MB  taken MB  error";

/// Loads `model` in several ways, one after the other, and prints a row for each. A context or a kind of keys and values that was
/// given is the only one.
pub(crate) async fn measure_fit(config: &Config, model: &str) -> Result<(), Exit> {
    let contexts = config.context.map_or(CONTEXTS.to_vec(), |n| vec![n]);
    let kv_types = config.kv_type.map_or(FORMATS.map(KvType::of).to_vec(), |kv_type| vec![kv_type]);
    let paths = DataDir::open(config.data_dir.as_deref()).map_err(failed)?;
    let config = Config { model: Some(model.to_owned()), ..config.clone() };
    let (state, wanted) = serve::open_layers(&config, paths).await?;
    let id = wanted.ok_or_else(|| Exit::Failed(format!("there is no model “{model}”")))?;
    let panel = state.models.launch_panel(&id).await.map_err(failed)?;
    let most = panel.n_ctx_train.unwrap_or(u32::MAX);
    print(HEAD)?;
    for n_ctx in contexts.into_iter().filter(|n| *n <= most) {
        for &kv_type in &kv_types {
            let profile =
                LaunchProfile { n_ctx: Some(n_ctx), kv_type: Some(kv_type), ..LaunchProfile::default() };
            let (foretold, taken) = measure(&state, &id, profile).await?;
            print(&row(n_ctx, kv_type, foretold, taken))?;
        }
    }
    state.engine.unload_all().await;
    Ok(())
}

async fn measure(state: &AppState, id: &ModelId, profile: LaunchProfile) -> Result<(u64, u64), Exit> {
    state.engine.unload_all().await;
    let forecast = state.models.forecast(id, profile.clone()).await.map_err(failed)?;
    let foretold = forecast.ok_or_else(|| Exit::Failed("its file does not say what it takes".to_owned()))?;
    state.models.load_as(UserId::LOCAL, id.clone(), profile).await.map_err(failed)?;
    tokio::time::timeout(PATIENCE, ready(state, id)).await.map_err(failed)??;
    let sees = state.engine.status().borrow().find(id).is_some_and(|it| it.status.sees);
    let prompt = prompt(sees);
    let sampling = Sampling { max_tokens: Some(8), ..Sampling::default() };
    let request = GenerateRequest { sampling, ..GenerateRequest::new(prompt, Tenant(UserId::LOCAL.0)) };
    let mut answer = state.engine.generate(Target::default(), request).await.map_err(failed)?;
    while let Some(event) = answer.next().await {
        event.map_err(failed)?;
    }
    tokio::time::sleep(LOOK).await;
    let residents = state.engine.status().borrow().clone();
    let resident = residents.find(id).filter(|it| it.is_measured);
    let resident = resident.ok_or_else(|| Exit::Failed("its memory could not be measured".to_owned()))?;
    Ok((foretold.parts.total(), resident.memory_bytes))
}

/// Many words, and an image where the model looks at some.
fn prompt(sees: bool) -> Prompt {
    let words = "one two three four five six seven ".repeat(WORDS / 7);
    if !sees {
        return Prompt::Text(words);
    }
    let mut turn = ChatTurn::new(Role::User, words);
    turn.images.push(TurnImage { at: 0, file: ImageFile::new(picture()) });
    Prompt::Chat(vec![turn])
}

/// A grey square as a file of BMP: two headers, then rows of three bytes a pixel.
fn picture() -> Vec<u8> {
    let n_pixels = SIDE * SIDE;
    let mut file = b"BM".to_vec();
    for n in [HEADERS + 3 * n_pixels, 0, HEADERS, 40, SIDE, SIDE] {
        file.extend(n.to_le_bytes());
    }
    for n in [1_u16, 24] {
        file.extend(n.to_le_bytes());
    }
    for n in [0, 3 * n_pixels, 2835, 2835, 0, 0] {
        file.extend(n.to_le_bytes());
    }
    file.resize((HEADERS + 3 * n_pixels) as usize, 128);
    file
}

async fn ready(state: &AppState, id: &ModelId) -> Result<(), Exit> {
    let mut status = state.engine.status();
    loop {
        match status.borrow_and_update().find(id).map(|it| it.status.state.clone()) {
            Some(ModelState::Ready) => return Ok(()),
            Some(ModelState::Failed { reason }) => return Err(Exit::Failed(reason)),
            _ => {}
        }
        status.changed().await.map_err(failed)?;
    }
}

fn row(n_ctx: u32, kv_type: KvType, foretold: u64, taken: u64) -> String {
    let mb = |n: u64| n as f64 / 1e6;
    let error = (foretold as f64 / taken.max(1) as f64 - 1.0) * 100.0;
    format!(
        "{n_ctx:>7}  {:<11}  {:>11.1}  {:>8.1}  {error:>+4.0}%",
        kv_type.to_string(),
        mb(foretold),
        mb(taken)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_below_their_heads() {
        let line = row(4096, KvType::default(), 110_000_000, 100_000_000);
        assert_eq!(line, "   4096  f16                110.0     100.0   +10%");
        assert_eq!(line.chars().count(), HEAD.chars().count());
    }
}
