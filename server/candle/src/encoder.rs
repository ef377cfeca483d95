//! Encoders of BERT's kind: the whole text is looked at, and becomes one vector, or a query and a document one number.

use crate::folder::{FolderError, Manifest};
use candle_core::{DType, Device, Error, Module, Tensor};
use candle_nn::{Linear, VarBuilder, linear};
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
    head: Option<RankHead>,
    threads: ThreadPool,
}

/// What makes one number of a pair's first vector.
struct RankHead {
    pooler: Linear,
    classifier: Linear,
    /// Takes what texts say for no special token.
    pairs: Tokenizer,
    /// The token behind the query.
    separator: u32,
}

impl RankHead {
    fn load(weights: &VarBuilder<'_>, width: usize, tokenizer: &Tokenizer) -> Result<Self, Error> {
        let separator = tokenizer.token_to_id("[SEP]");
        let separator = separator.ok_or_else(|| Error::Msg("its tokenizer has no [SEP]".to_owned()))?;
        let mut pairs = tokenizer.clone();
        pairs.set_encode_special_tokens(true);
        let pooler = linear(width, width, weights.pp("bert.pooler.dense"))?;
        Ok(Self { pooler, classifier: linear(width, 1, weights.pp("classifier"))?, pairs, separator })
    }
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
        let head = manifest.ranks.then(|| RankHead::load(&weights, manifest.config.hidden_size, &tokenizer));
        let head = head.transpose()?;
        let model = BertModel::load(weights, &manifest.config)?;
        let threads = ThreadPoolBuilder::new().num_threads(n_threads).build()?;
        Ok(Self { manifest, model, tokenizer, head, threads })
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

    /// A query and a document as a model that ranks was trained on them; nothing that they say is a special token. The error is a
    /// sentence.
    pub fn pair(&self, query: &str, document: &str) -> Result<Vec<u32>, String> {
        let head = self.head.as_ref().ok_or("it has no head that ranks")?;
        let encoding = head.pairs.encode_fast((query, document), true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// A vector for every sequence of tokens, in their order, not normalised. Every token has to be one of the
    /// vocabulary, every sequence has to have one and at most as many as the manifest says.
    pub fn encode(&self, sequences: &[&[u32]], pooling: Pooling) -> Result<Vec<Vec<f32>>, Error> {
        self.threads.install(|| {
            let vectors = self.vectors(sequences, |_| 0)?;
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

    /// How well the document of each pair answers its query, in their order, larger is better. What [`Self::encode`] wants of
    /// sequences is wanted of pairs.
    pub fn rank(&self, pairs: &[&[u32]]) -> Result<Vec<f32>, Error> {
        let head = self.head.as_ref().ok_or_else(|| Error::Msg("it has no head that ranks".to_owned()))?;
        self.threads.install(|| {
            // The query with its separator is the first part.
            let n_first = |pair: &[u32]| pair.iter().position(|&token| token == head.separator);
            let vectors =
                self.vectors(pairs, |pair| pair.len() - n_first(pair).map_or(pair.len(), |n| n + 1))?;
            let first = vectors.narrow(1, 0, 1)?.squeeze(1)?;
            head.classifier.forward(&head.pooler.forward(&first)?.tanh()?)?.squeeze(1)?.to_vec1()
        })
    }

    /// A vector for every token, `[sequences, longest, width]`. `n_second` is how many tokens at the end of a sequence belong to its
    /// second part.
    fn vectors(&self, sequences: &[&[u32]], n_second: impl Fn(&[u32]) -> usize) -> Result<Tensor, Error> {
        let longest = sequences.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let padding = u32::try_from(self.manifest.config.pad_token_id).unwrap_or(0);
        let rows = |padding: u32, row: &dyn Fn(&[u32]) -> Vec<u32>| {
            let row = |tokens: &&[u32]| {
                let mut row = row(tokens);
                row.resize(longest, padding);
                row
            };
            let numbers: Vec<u32> = sequences.iter().flat_map(row).collect();
            Tensor::from_vec(numbers, (sequences.len(), longest), &Device::Cpu)
        };
        let ids = rows(padding, &|tokens| tokens.to_vec())?;
        let mask = rows(0, &|tokens| vec![1; tokens.len()])?;
        let parts = rows(0, &|tokens| {
            let n_second = n_second(tokens);
            let first = vec![0; tokens.len() - n_second];
            first.into_iter().chain(vec![1; n_second]).collect()
        })?;
        self.model.forward(&ids, &parts, Some(&mask))
    }
}

#[cfg(test)]
mod tests;
