//! How a fit doubts itself, from what it has at its end.
//!
//! It sees whether the posterior given the summaries has been reached. What the summaries lose of the data it cannot see.

use serde::{Deserialize, Serialize};

use super::{
    Adjustment, Generation, adjust,
    distance::{Distance, Simulation},
};
use crate::diagnostics::{displacement, pareto_smoothed};

/// What the fit found. Displacements are means over parameters, in posterior standard deviations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// How far regression adjustment moved the particles; 0 without adjustment.
    pub adjustment: f64,
    /// How far the posterior moved since half of the simulations were done; 0 if there was but one generation.
    pub movement: f64,
    /// How far the posterior of the nearer half of the particles is from that of all.
    pub halving: f64,
    /// Effective sample size.
    pub effective_sample_size: f64,
    /// Of stochastic acceptance.
    pub stochastic: Option<Stochastic>,
}

/// What stochastic acceptance came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stochastic {
    /// The last temperature: 1 for the exact posterior.
    pub temperature: f64,
    /// Pareto's shape of the weights, k̂ ([`pareto_smoothed`]), at temperature 1.
    pub pareto_shape: f64,
}

/// Fewer effective particles make intervals rough.
const FEWEST: f64 = 100.0;

/// Displacements beyond these come with errors of .3 standard deviations and more.
const ADJUSTED: f64 = 0.3;
const MOVED: f64 = 0.3;
const HALVED: f64 = 0.3;

/// Up to this k̂, weights are reliable.
const RELIABLE: f64 = 0.7;

impl Check {
    /// Particles and weights, and what the regression makes of them; `earlier` is the posterior after half of the
    /// simulations.
    pub(super) fn new(
        particles: &[Simulation],
        weights: &[f64],
        distance: &Distance,
        (law, adjusted): (Adjustment, Option<&[Vec<f64>]>),
        earlier: Option<&(Vec<Vec<f64>>, Vec<f64>)>,
    ) -> Self {
        let raw: Vec<Vec<f64>> = particles.iter().map(|particle| particle.scores.clone()).collect();
        let last = adjusted.unwrap_or(&raw);
        // Particles are in the order of their distances.
        let half = particles.len().div_ceil(2);
        let total: f64 = weights[..half].iter().sum();
        let near: Vec<f64> = weights[..half].iter().map(|weight| weight / total).collect();
        let nearest =
            adjust::adjusted(law, &particles[..half], distance, &near).unwrap_or_else(|| raw[..half].to_vec());
        Self {
            adjustment: displacement((last, weights), (&raw, weights)),
            movement: earlier.map_or(0.0, |(scores, own)| displacement((last, weights), (scores, own))),
            halving: displacement((last, weights), (&nearest, &near)),
            effective_sample_size: 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>(),
            stochastic: None,
        }
    }

    /// Of simulations that were weighted with the law of the noise.
    pub(super) fn weighted(log_weights: &[f64], last: &Generation) -> Self {
        Self {
            adjustment: 0.0,
            movement: 0.0,
            halving: 0.0,
            effective_sample_size: last.effective_sample_size,
            stochastic: Some(Stochastic { temperature: last.threshold, pareto_shape: pareto_smoothed(log_weights).1 }),
        }
    }

    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.effective_sample_size < FEWEST {
            warnings.push(format!(
                "The effective sample size is {:.0} only: intervals are rough. Raise --population.",
                self.effective_sample_size
            ));
        }
        if let Some(Stochastic { temperature, pareto_shape }) = self.stochastic {
            if temperature > 1.0 {
                warnings.push(format!(
                    "Simulations were weighted as if the noise were {:.1} times as large as it is (temperature \
                     {temperature:.3}): the posterior is too wide. More simulations make it better; pmmh needs fewer where \
                     much is measured.",
                    temperature.sqrt()
                ));
            } else if pareto_shape > RELIABLE {
                warnings.push(format!(
                    "A few simulations carry much of the weight (Pareto k̂ {pareto_shape:.2}, reliable up to {RELIABLE}). \
                     More simulations make it better."
                ));
            }
        }
        let Self { adjustment, movement, halving, .. } = *self;
        if adjustment > ADJUSTED || movement > MOVED || halving > HALVED {
            warnings.push(format!(
                "The posterior may be off by more than .3 of its standard deviations: regression adjustment moved it by \
                 {adjustment:.2}, the second half of the simulations by {movement:.2}, and the nearer half of the particles \
                 is {halving:.2} away. More simulations make it better."
            ));
        }
        warnings
    }
}
