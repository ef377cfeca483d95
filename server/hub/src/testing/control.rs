//! What tests ask of the pretend hub from another process.

use super::{FileFaults, Seen, State, lock};
use axum::{Json, extract};
use std::sync::Arc;

/// Sets what goes wrong with files, for each instead of what went wrong before.
pub(super) async fn set_faults(
    extract::State(state): extract::State<Arc<State>>,
    Json(all): Json<Vec<FileFaults>>,
) {
    let mut faults = lock(&state.faults);
    all.into_iter().for_each(|it| faults.set(it));
}

/// What was asked so far.
pub(super) async fn seen(extract::State(state): extract::State<Arc<State>>) -> Json<Seen> {
    Json(state.seen())
}
