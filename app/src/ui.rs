//! Primitives without product words: their labels come from outside.

pub(crate) mod error_state;
pub(crate) mod field;
pub(crate) mod icon;
pub(crate) mod modal;
pub(crate) mod popover;
pub(crate) mod progress;
pub(crate) mod toast;
