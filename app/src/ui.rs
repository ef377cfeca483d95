//! Primitives without product words: their labels come from outside.

pub(crate) mod choice;
pub(crate) mod diff;
pub(crate) mod error_state;
pub(crate) mod field;
pub(crate) mod focus;
#[cfg(all(feature = "ssr", debug_assertions))]
pub(crate) mod gallery;
pub(crate) mod icon;
pub(crate) mod key_hint;
pub(crate) mod leaving;
pub(crate) mod list;
pub(crate) mod markdown;
pub(crate) mod modal;
pub(crate) mod moment;
pub(crate) mod popover;
pub(crate) mod progress;
pub(crate) mod toast;
pub(crate) mod when;
