//! Encoders of BERT's kind: the whole text is looked at, and becomes one vector.

use crate::folder::{FolderError, Manifest};
use candle_core::{DType, Device, Error, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use protocol::Pooling;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{fs, path::Path};
use tokenizers::Tokenizer;

/// A model, its tokenizer, and the threads that compute.
pub struct TextEncoder {
    manifest: Manifest,
    model: BertModel,
    tokenizer: Tokenizer,
    threads: ThreadPool,
}

impl TextEncoder {
    /// Loads the model in `folder`, to be computed in single precision by `n_threads` threads.
    pub fn load(folder: &Path, n_threads: usize) -> Result<Self, FolderError> {
        let manifest = Manifest::read(folder)?;
        let path = folder.join("tokenizer.json");
        let malformed = |error: tokenizers::Error| FolderError::Malformed {
            path: path.clone(),
            reason: error.to_string(),
        };
        let mut tokenizer = Tokenizer::from_file(&path).map_err(malformed)?;
        // What it was trained with is no limit of the model.
        tokenizer.with_truncation(None).map_err(malformed)?.with_padding(None);
        let path = folder.join("model.safetensors");
        let weights = fs::read(&path).map_err(|source| FolderError::Unreadable { path, source })?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        let model = BertModel::load(weights, &manifest.config)?;
        let threads = ThreadPoolBuilder::new().num_threads(n_threads).build()?;
        Ok(Self { manifest, model, tokenizer, threads })
    }

    /// What its folder says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A text's tokens with those that stand around it. The error is a sentence.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// A vector for every sequence of tokens, in their order, not normalised. Every token has to be one of the
    /// vocabulary, every sequence has to have one and at most as many as the manifest says.
    pub fn encode(&self, sequences: &[&[u32]], pooling: Pooling) -> Result<Vec<Vec<f32>>, Error> {
        self.threads.install(|| {
            let longest = sequences.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
            let shape = (sequences.len(), longest);
            let pad = u32::try_from(self.manifest.config.pad_token_id).unwrap_or(0);
            let padded = |tokens: &&[u32], fill: u32| {
                let mut row = tokens.to_vec();
                row.resize(longest, fill);
                row
            };
            let ids: Vec<_> = sequences.iter().flat_map(|tokens| padded(tokens, pad)).collect();
            let mask: Vec<_> =
                sequences.iter().flat_map(|tokens| padded(&&vec![1; tokens.len()][..], 0)).collect();
            let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
            let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
            let vectors = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
            let pooled = sequences.iter().enumerate().map(|(i, tokens)| {
                let vectors = vectors.get(i)?.narrow(0, 0, tokens.len())?;
                match pooling {
                    Pooling::Mean => vectors.mean(0)?,
                    Pooling::Cls => vectors.get(0)?,
                    Pooling::Last => vectors.get(tokens.len() - 1)?,
                }
                .to_vec1()
            });
            pooled.collect()
        })
    }
}

#[cfg(test)]
mod tests;
