//! Files and folders of weights as others publish them: headers of safetensors files, sets of such files, and what
//! kind of model is in them.
//!
//! Nothing a file claims is believed: every length, shape and offset is compared with what the file can hold, and
//! what is kept of it is bounded. No tensor is read, and no other kind of file is opened.

mod bounded;
mod dtype;
pub mod folders;
mod header;
pub mod recognise;
mod shards;

pub use dtype::Dtype;
pub use header::{Header, HeaderError, MAX_HEADER_BYTES, MAX_TENSORS, Tensor, parse, read_header};
pub use shards::{ShardError, sharded, sharded_as};
