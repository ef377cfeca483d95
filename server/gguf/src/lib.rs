//! The header of a GGUF file, <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! Nothing a file claims is believed: every count and length is compared with what the file can hold, and nothing
//! is allocated for it before.

mod details;
mod header;
mod imatrix;
mod parts;
mod reader;
mod template;
mod tensors;
#[cfg(feature = "testing")]
pub mod testing;

pub use details::{Details, Value, parse_details, read_details};
pub use header::{Header, Split};
pub use imatrix::{Imatrix, parse_imatrix, read_imatrix};
pub use parts::{Part, part_of};
pub use reader::{HeaderError, parse, parse_beginning, read_header};
pub use template::TemplateFacts;
pub use tensors::{TensorSum, TensorSums};

#[cfg(test)]
mod tests;
