//! Makes what tests need and the product does not make by itself.
//!
//! `seed DATA_DIR ANSWER_FILE [THOUGHT_FILE]` puts a chat with a given answer into a database, for tests that need a model to have
//! said exactly that, and prints the number of the chat it made. The thought took 2.4 seconds.
//!
//! `seed runs DATA_DIR N` puts so many compared runs into a database, which are called “Question 1” and so on and have ended.
//!
//! `seed projector FILE N_EMBD` writes what lets a model look at images whose tokens have vectors of so many numbers.
//!
//! `seed hybrid FILE` and `seed recurrent FILE` write models that keep states instead of keys and values, in some layers or in all.

mod memories;
mod projector;
mod tensors;

use std::{env, error::Error, fs, path::Path};
use store::{ContestantRow, NewRun, NewTurn, Outcome, SlotRow, Store, ThoughtRow};
use system::DataDir;
use types::{
    chat::MessageState,
    ids::{ModelId, UserId},
    overrides::Overrides,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [what, path, n_embd] = args.as_slice()
        && what == "projector"
    {
        return Ok(projector::write(Path::new(path), n_embd.parse()?)?);
    }
    if let [what, data_dir, n] = args.as_slice()
        && what == "runs"
    {
        let n = n.parse()?;
        return add_runs(&open(data_dir).await?, n).await;
    }
    if let [kind, path] = args.as_slice()
        && let Some(kind) = memories::Kind::of(kind)
    {
        return Ok(memories::write(Path::new(path), kind)?);
    }
    let [data_dir, answer_file, thought_file @ ..] = args.as_slice() else {
        return Err("usage: seed DATA_DIR ANSWER_FILE [THOUGHT_FILE]".into());
    };
    let thought = thought_file.first().map(fs::read_to_string).transpose()?;
    let thought = thought.map(|text| ThoughtRow { text, ms: Some(2_400) });
    let answer = fs::read_to_string(answer_file)?;
    let store = open(data_dir).await?;
    let session = store.create_session(UserId::LOCAL, 0).await?;
    let turn = NewTurn {
        parent: None,
        text: Some("What would you say?"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 0,
    };
    let ids = store.add_turn(UserId::LOCAL, session, turn).await?;
    let outcome = Outcome {
        body: &answer,
        thought: thought.as_ref(),
        state: MessageState::Complete,
        error: None,
        usage: None,
        kv: None,
        probabilities: &[],
    };
    store.finish_message(ids.reply, outcome).await?;
    store.close().await;
    tell(&session.to_string());
    Ok(())
}

async fn open(data_dir: &str) -> Result<Store, Box<dyn Error>> {
    let paths = DataDir::open(Some(Path::new(data_dir)))?;
    Ok(Store::open(&paths.database()).await?)
}

async fn add_runs(store: &Store, n: i64) -> Result<(), Box<dyn Error>> {
    let contestant = |model: &str| ContestantRow {
        model: ModelId(model.to_owned()),
        system_prompt: None,
        effort: None,
        sampling: Overrides::default(),
    };
    let contestants = [contestant("first"), contestant("second")];
    for n in 1..=n {
        let prompt = &format!("Question {n}");
        let (system_prompt, is_blind, in_turn) = ("", false, false);
        let run = NewRun { prompt, system_prompt, is_blind, in_turn, contestants: &contestants, now_ms: n };
        let run = store.create_run(UserId::LOCAL, run).await?;
        for (position, contestant) in (0..).zip(&contestants) {
            let (body, state) = (format!("Answer {n}"), MessageState::Complete);
            let slot = SlotRow { body, state, ..SlotRow::begun(contestant.clone()) };
            store.finish_slot(run, position, &slot).await?;
        }
    }
    store.close().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the number is this program's answer")]
fn tell(text: &str) {
    println!("{text}");
}
