//! Regression adjustment of the last generation.

use serde::{Deserialize, Serialize};

use super::distance::{Distance, Simulation};
use crate::ridge::Ridge;

/// Whether the particles of the last generation are corrected for their distance from the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adjustment {
    /// Local-linear regression of the normal scores on the differences between simulated and observed summaries;
    /// particles move along it to a difference of 0 (Beaumont, Zhang & Balding 2002, Genetics 162:2025, equation 4).
    #[default]
    Linear,
    /// None.
    None,
}

/// Particles' normal scores, moved to a difference of 0.
pub(super) fn linear(particles: &[Simulation], distance: &Distance, weights: &[f64]) -> Vec<Vec<f64>> {
    let differences: Vec<Vec<f64>> =
        particles.iter().map(|particle| distance.difference(&particle.summaries)).collect();
    let predictors: Vec<&[f64]> = differences.iter().map(Vec::as_slice).collect();
    let responses: Vec<&[f64]> = particles.iter().map(|particle| particle.scores.as_slice()).collect();
    let Some(ridge) = Ridge::fit(&predictors, &responses, weights) else {
        // All particles are equally far from the data.
        return particles.iter().map(|particle| particle.scores.clone()).collect();
    };
    let moved = |(particle, difference): (&Simulation, &Vec<f64>)| {
        let shift = |response: usize| -> f64 {
            difference.iter().enumerate().map(|(place, value)| value * ridge.coefficients[(place, response)]).sum()
        };
        particle.scores.iter().enumerate().map(|(response, score)| score - shift(response)).collect()
    };
    particles.iter().zip(&differences).map(moved).collect()
}
