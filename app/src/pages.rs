//! One lazily loaded route per page.

pub(crate) mod chat;
pub(crate) mod documents;
pub(crate) mod not_found;
pub(crate) mod settings;
