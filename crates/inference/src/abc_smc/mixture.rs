//! What the proposals of all generations together are drawn from.
//!
//! They are draws from the mixture of what each proposed from, n₀ from the prior and nᵢ from the kernel of generation i.
//! Weighted by prior over mixture, they stand for draws from the prior, whenever they were made (the deterministic mixture
//! of Veach & Guibas 1995, SIGGRAPH:419; adaptive multiple importance sampling: Cornuet et al. 2012, Scand. J. Stat. 39:798;
//! Lenormand, Jabot & Deffuant 2013, Comput. Stat. 28:2777, keep particles between generations of ABC likewise). The
//! prior's part bounds the weights.

use super::kernel::Kernel;
use crate::logarithms::log_sum;

/// The prior and the kernels that proposals were drawn from, with the number drawn from each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mixture {
    from_prior: u64,
    kernels: Vec<(Kernel, u64)>,
}

impl Mixture {
    /// One more generation: proposals drawn from the prior or from a kernel.
    pub fn add(&mut self, kernel: Option<Kernel>, proposals: u64) {
        match kernel {
            None => self.from_prior += proposals,
            Some(kernel) => self.kernels.push((kernel, proposals)),
        }
    }

    /// Number of the newest generation that was not drawn from the prior, from 1.
    pub fn newest(&self) -> usize {
        self.kernels.len()
    }

    /// The logarithm of prior over mixture at normal scores, up to a constant. What the kernels so far come to there is kept
    /// in `known`, for when there are more.
    pub fn log_weight(&self, scores: &[f64], known: &mut Density) -> f64 {
        for (kernel, drawn) in &self.kernels[known.kernels as usize..] {
            let terms = [known.log_sum, (*drawn as f64).ln() + kernel.log_density(scores)];
            known.log_sum = log_sum(terms.into_iter());
            known.kernels += 1;
        }
        let prior = -0.5 * scores.iter().map(|u| u * u).sum::<f64>();
        prior - log_sum([(self.from_prior as f64).ln() + prior, known.log_sum].into_iter())
    }
}

/// The density of the first kernels at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Density {
    kernels: u32,
    /// ln Σ nᵢ qᵢ.
    log_sum: f64,
}

impl Default for Density {
    fn default() -> Self {
        Self { kernels: 0, log_sum: f64::NEG_INFINITY }
    }
}
