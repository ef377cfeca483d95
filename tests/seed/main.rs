//! Puts a chat with a given answer into a database, for tests that need a model to have said exactly that.
//!
//! `seed DATA_DIR ANSWER_FILE` prints the number of the chat it made.

use std::{env, error::Error, fs, path::Path};
use store::{NewTurn, Outcome, Store};
use system::DataDir;
use types::{chat::MessageState, ids::UserId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [data_dir, answer_file] = args.as_slice() else {
        return Err("usage: seed DATA_DIR ANSWER_FILE".into());
    };
    let answer = fs::read_to_string(answer_file)?;
    let paths = DataDir::open(Some(Path::new(data_dir)))?;
    let store = Store::open(&paths.database()).await?;
    let session = store.create_session(UserId::LOCAL, 0).await?;
    let turn = NewTurn { parent: None, text: Some("What would you say?"), model: None, now_ms: 0 };
    let ids = store.add_turn(UserId::LOCAL, session, turn).await?;
    let outcome = Outcome { body: &answer, state: MessageState::Complete, error: None, usage: None };
    store.finish_message(ids.reply, outcome).await?;
    store.close().await;
    tell(&session.to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the number is this program's answer")]
fn tell(text: &str) {
    println!("{text}");
}
