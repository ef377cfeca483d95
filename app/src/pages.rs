//! One lazily loaded route per page.

pub(crate) mod chat;
pub(crate) mod compare;
pub(crate) mod not_found;
pub(crate) mod prompts;
pub(crate) mod settings;
