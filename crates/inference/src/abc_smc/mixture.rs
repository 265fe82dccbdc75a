//! What the proposals of all generations together are drawn from.
//!
//! They are draws from the mixture of what each proposed from, n₀ from the prior and nᵢ from the kernel of generation i.
//! Weighted by prior over mixture, they stand for draws from the prior, whenever they were made (the deterministic mixture
//! of Veach & Guibas 1995, SIGGRAPH:419; adaptive multiple importance sampling: Cornuet et al. 2012, Scand. J. Stat. 39:798;
//! Lenormand, Jabot & Deffuant 2013, Comput. Stat. 28:2777, keep particles between generations of ABC likewise). The
//! prior's part bounds the weights.

use super::kernel::Kernel;

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

    /// The logarithm of prior over mixture at normal scores, up to a constant. The densities under the kernels are kept
    /// in `densities`, which holds those that were asked for before.
    pub fn log_weight(&self, scores: &[f64], densities: &mut Vec<f64>) -> f64 {
        for (kernel, _) in &self.kernels[densities.len()..] {
            densities.push(kernel.log_density(scores));
        }
        let prior = -0.5 * scores.iter().map(|u| u * u).sum::<f64>();
        let terms = self.kernels.iter().zip(&*densities).map(|((_, drawn), density)| (*drawn as f64).ln() + density);
        prior - log_sum(std::iter::once((self.from_prior as f64).ln() + prior).chain(terms))
    }
}

/// Weights that sum to 1, from their logarithms.
pub(super) fn normalised(logarithms: &[f64]) -> Vec<f64> {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = logarithms.iter().map(|value| (value - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

/// ln Σ exp, without overflow.
pub(super) fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        largest
    } else {
        largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}
