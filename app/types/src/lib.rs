//! The vocabulary that the browser, the server's layers and the workers share.
//!
//! Plain data with serde and the rules that belong to the data itself. No input or output, no clock,
//! no randomness, no environment: whatever is in here means the same in wasm and in a worker.

pub mod called;
pub mod chat;
pub mod compare;
pub mod constraint;
pub mod discover;
pub mod document;
pub mod filing;
pub mod guard;
pub mod ids;
pub mod image;
pub mod job;
pub mod kv;
pub mod launch;
pub mod literal;
pub mod live;
pub mod model;
pub mod overrides;
pub mod prompt;
pub mod quant;
pub mod reasoning;
pub mod remote;
pub mod sampling;
pub mod secret;
pub mod seen;
pub mod settings;
pub mod shelf;
pub mod speed;
pub mod system;
pub mod toolbox;
pub mod tools;
