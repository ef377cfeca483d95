//! The crate against a hub of its own, over real connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod kill;
mod program;
mod support;
mod transfer;
