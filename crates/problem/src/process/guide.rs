//! How promising a particle is before it is measured.

use metacascade_engine::{Network, Outlook, Snapshot};

use crate::{
    linear_noise::{bilinear, gradient},
    measurements::Reading,
    noise::NoiseDistribution,
    observe::{Read, View},
    problem::Problem,
};

/// Foresees the next measurement of a particle.
pub(super) struct Guide<'p> {
    problem: &'p Problem,
    outlook: Outlook<'p>,
}

/// By how much the foreseen variance is widened: a guide that is too sure of itself is worse than one that is not sure enough.
const WIDER: f64 = 1.5;

/// Variance to which counts are foreseen at best: they are whole numbers.
const LEAST: f64 = 0.25;

impl<'p> Guide<'p> {
    pub fn new(problem: &'p Problem, network: &'p Network) -> Self {
        Self { problem, outlook: Outlook::new(network) }
    }

    /// About the logarithm of how likely a particle makes what is measured at a later time, by linear noise and normal
    /// approximations of the laws of noise; `None` where that says nothing. `values` are the scope's.
    ///
    /// It decides the work alone: particles are weighed by it, and later by its inverse.
    pub fn look(&mut self, particle: &Snapshot, until: f64, reads: &[Read], values: &mut [f64]) -> Option<f64> {
        let later = self.outlook.look(particle, until).ok()?;
        let state = self.outlook.values();
        values[..state.len()].copy_from_slice(state);
        let mut total = 0.0;
        for read in reads {
            let (observable, row) = (read.observable(self.problem), read.row(self.problem));
            // Parts of a multinomial sample and ranges are left to the measurement itself.
            if observable.noise == NoiseDistribution::Multinomial || row.reading != Reading::Exact {
                continue;
            }
            let mut view = View::new(values);
            let (y, sigma) = view.observe(observable, &row.overrides).ok()?;
            let mean = row.exposure * y;
            let mut slope = gradient(self.problem, observable, view.values());
            slope.iter_mut().for_each(|slope| *slope *= row.exposure);
            let noise = observable.noise.variance(y, sigma, row.exposure);
            let chance = bilinear(&slope, &later.covariance, &slope);
            let (residual, spread) = match observable.noise.is_logarithmic() {
                true => (row.value.ln() - mean.ln(), chance / (mean * mean) + noise),
                false if observable.noise.is_discrete() => (row.value - mean, (chance + noise).max(LEAST)),
                false => (row.value - mean, chance + noise),
            };
            let variance = WIDER * spread;
            total -= 0.5 * (residual * residual / variance + variance.ln());
        }
        total.is_finite().then_some(total)
    }
}
