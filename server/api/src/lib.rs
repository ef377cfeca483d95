//! The HTTP surface for other programs: OpenAI's chat and text completions, embeddings, reranking,
//! models, health.
//!
//! Another product's JSON exists in this crate only. A client that leaves cancels what it asked for. Every error,
//! also of a wrong address or broken JSON, has OpenAI's shape.

mod caller;
mod error;
mod generate;
mod keep_alive;
mod lenient;
mod request;
mod response;
mod routes;
mod shape;
mod vectors;
mod waiting;

pub use routes::{ApiRoute, ROUTES, unknown_route};
pub use shape::shape_errors;
