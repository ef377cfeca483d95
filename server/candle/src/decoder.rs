//! Models that write, of Llama's and Qwen's kind.
//!
//! Computes likelihoods and nothing else: which word is chosen, and when an answer ends, is decided elsewhere.

mod cache;
mod config;
mod matrix;
mod network;
mod weights;

pub use cache::{CellShape, KvCache, Window};
pub use network::Run;

use crate::folder::FolderError;
use cache::Plain;
use candle_core::Error;
use config::Shape;
use network::Network;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::{Path, PathBuf};
use weights::Weights;

/// A model that writes, by the description of its network alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderManifest {
    folder: PathBuf,
    shape: Shape,
}

impl DecoderManifest {
    /// Reads and checks the description in `folder`.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        Ok(Self { folder: folder.to_owned(), shape: Shape::read(folder)? })
    }

    /// Words that the network knows, used or not.
    pub fn n_vocab(&self) -> usize {
        self.shape.n_vocab
    }

    /// The longest context it was made for, in tokens.
    pub fn n_ctx_train(&self) -> usize {
        self.shape.n_positions
    }

    /// What a token leaves in every layer.
    pub fn cells(&self) -> CellShape {
        let Shape { n_layers, n_kv_heads, head_width, .. } = self.shape;
        CellShape { n_layers, n_heads: n_kv_heads, head_width }
    }
}

/// A network, and the threads that compute.
pub struct TextDecoder {
    network: Network,
    cells: CellShape,
    threads: ThreadPool,
}

impl TextDecoder {
    /// Loads the network for contexts of up to `n_ctx` tokens, to be computed in single precision by `n_threads`
    /// threads. `progress` hears how much is done, 0 to 1, and says whether to go on.
    pub fn load(
        manifest: &DecoderManifest,
        n_ctx: usize,
        n_threads: usize,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, FolderError> {
        let weights = Weights::open(&manifest.folder)?;
        let network = Network::load(manifest.shape.clone(), &weights, n_ctx, progress)?;
        let threads = ThreadPoolBuilder::new().num_threads(n_threads).build()?;
        Ok(Self { network, cells: manifest.cells(), threads })
    }

    /// Computes with so many threads from now on. Where they cannot be started, it stays as it is.
    pub fn set_threads(&mut self, n_threads: usize) -> Result<(), FolderError> {
        self.threads = ThreadPoolBuilder::new().num_threads(n_threads).build()?;
        Ok(())
    }

    /// A cache of a sequence that has not begun, which keeps everything.
    pub fn new_cache(&self) -> Box<dyn KvCache> {
        Box::new(Plain::new(self.cells))
    }

    /// Computes all runs together, and how likely each word comes next for those that want it, in their order: logits.
    /// Caches must have fewer tokens than the context.
    pub fn forward(&self, runs: &mut [Run<'_>]) -> Result<Vec<Vec<f32>>, Error> {
        self.threads.install(|| self.network.forward(runs))
    }
}
