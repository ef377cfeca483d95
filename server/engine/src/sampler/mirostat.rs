//! Mirostat (arXiv 2007.14966): how many candidates stay is learned from how surprising the tokens were.

/// Tokens whose likelihoods show how fast those of the vocabulary fall.
const N_SHOWN: usize = 100;

/// What was learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    /// The surprise that is allowed, in bits.
    mu: f32,
    tau: f32,
    eta: f32,
}

impl Learned {
    /// Aims at a surprise of `tau` and learns at the rate `eta`.
    pub(super) fn new(tau: f32, eta: f32) -> Self {
        Self { mu: 2.0 * tau, tau, eta }
    }

    /// The first version estimates the exponent of Zipf's law and from it how many candidates have that surprise.
    pub(super) fn n_by_exponent(self, probabilities: &[f32]) -> usize {
        let n = probabilities.len() as f32;
        let (mut products, mut squares) = (0.0, 0.0);
        for (i, pair) in probabilities.windows(2).take(N_SHOWN - 1).enumerate() {
            let t = ((i + 2) as f32 / (i + 1) as f32).ln();
            let b = (pair[0] / pair[1].max(f32::MIN_POSITIVE)).ln();
            products += t * b;
            squares += t * t;
        }
        let exponent = products / squares;
        let epsilon = exponent - 1.0;
        let k = ((epsilon * self.mu.exp2()) / (1.0 - n.powf(-epsilon))).powf(1.0 / exponent);
        // Without a second candidate, or where all are alike, nothing can be estimated.
        if k.is_finite() { k as usize } else { probabilities.len() }
    }

    /// The second version keeps what is less surprising.
    pub(super) fn n_by_surprise(self, probabilities: &[f32]) -> usize {
        probabilities.iter().take_while(|p| -p.log2() <= self.mu).count()
    }

    /// A token with this surprise among what was kept was chosen.
    pub(super) fn learn(&mut self, surprise: f32) {
        self.mu -= self.eta * (surprise - self.tau);
    }
}

#[cfg(test)]
mod tests;
