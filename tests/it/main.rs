//! The whole product from outside: the real binary with a real model, spoken to as its users' programs do.
//!
//! `cargo xtask test` builds the binary, fetches the model and names both in the environment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod bad_files;
mod conversations;
mod converted;
mod crash;
mod documents;
mod drafts;
mod folders;
#[cfg(unix)]
mod full_disk;
mod guards;
mod images;
mod kv;
mod lora;
mod openai_client;
mod pages;
mod remote;
mod residency;
mod scheduling;
mod security;
mod soak;
mod start;
mod structure;
mod support;
mod thinking;
mod tidy;
mod toolbox;
mod tools;
mod vectors;
mod worker_kill;
