//! The whole product from outside: the real binary with a real model, spoken to as its users' programs do.
//!
//! `cargo xtask test` builds the binary, fetches the model and names both in the environment.

mod api;
mod support;
mod worker_kill;
