//! Vectors by candle, of models in folders of safetensors.

use super::{Encoder, Failure, Head, Ranks, Served, Tokenizer, VectorFacts};
use crate::llama::threads;
use candle::{Manifest, TextEncoder};
use protocol::LoadRequest;
use std::sync::Arc;

const RANKS_NOT: &str = "it does not say how likely texts are";

/// A model that both the tokenizing and the computing side use.
#[derive(Clone)]
pub(crate) struct Candle(Arc<TextEncoder>);

/// Loads the model in a folder. The error is a sentence.
pub(crate) fn load_folder(request: &LoadRequest) -> Result<Served<Candle, Candle>, String> {
    let encoder = TextEncoder::load(&request.path, threads(request).prefill as usize);
    let encoder = encoder.map_err(|error| error.to_string())?;
    let facts = facts(encoder.manifest(), request);
    let model = Candle(Arc::new(encoder));
    Ok(Served { encoder: model.clone(), tokenizer: model, facts })
}

fn facts(manifest: &Manifest, request: &LoadRequest) -> VectorFacts {
    let asked = request.n_ctx.map_or(usize::MAX, |n| n as usize);
    VectorFacts {
        limit: manifest.limit.min(asked),
        n_vocab: u32::try_from(manifest.n_vocab()).unwrap_or(u32::MAX),
        n_dimensions: u32::try_from(manifest.n_dimensions()).unwrap_or(u32::MAX),
        pooling: manifest.pooling,
        ranks: if manifest.ranks { Ranks::ByHead } else { Ranks::Not },
    }
}

impl Encoder for Candle {
    fn encode(&mut self, sequences: &[&[u32]], head: Head) -> Result<Vec<Vec<f32>>, Failure> {
        let results = match head {
            Head::Pooled(pooling) => self.0.encode(sequences, pooling),
            Head::Rank => {
                self.0.rank(sequences).map(|scores| scores.into_iter().map(|it| vec![it]).collect())
            }
            Head::Likelihood { .. } => return Err(Failure::Refused(RANKS_NOT.into())),
        };
        results.map_err(|error| Failure::Refused(error.to_string()))
    }
}

impl Tokenizer for Candle {
    fn text(&self, text: &str) -> Result<Vec<u32>, String> {
        self.0.tokens(text)
    }

    fn pair(&self, query: &str, document: &str) -> Result<Vec<u32>, String> {
        self.0.pair(query, document)
    }

    fn asked(&self, _: &str, _: &str) -> Result<(Vec<u32>, usize), String> {
        Err(RANKS_NOT.into())
    }
}
