//! What was deleted goes for good after its day, also where the server runs for weeks.

use state::AppState;
use std::{fmt::Display, time::Duration};
use tokio::time::sleep;

/// How often it is looked for what was deleted long ago.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Removes what was deleted long ago, again and again. Opening the layers has done so, so that it begins with a pause.
pub(crate) async fn again_and_again(state: AppState) {
    loop {
        sleep(EVERY).await;
        tell(state.chat.purge().await, "chats");
        tell(state.compare.purge().await, "comparisons");
        tell(state.prompts.purge().await, "prompts");
        // After the chats, whose files are needed no longer then.
        tell(state.documents.purge().await, "documents");
    }
}

fn tell<E: Display>(purged: Result<(), E>, what: &str) {
    if let Err(err) = purged {
        tracing::warn!(error = %err, what, "what was deleted long ago could not be removed");
    }
}
