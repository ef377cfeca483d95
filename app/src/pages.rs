//! One lazily loaded route per page.

pub(crate) mod chat;
pub(crate) mod chats;
pub(crate) mod compare;
pub(crate) mod discover;
pub(crate) mod documents;
mod failed;
pub(crate) mod models;
pub(crate) mod not_found;
pub(crate) mod probabilities;
pub(crate) mod prompts;
pub(crate) mod rest;
pub(crate) mod saw;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod tools;
pub(crate) mod tree;
