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
    /// The same, and the scatter about the regression is scaled to what it is at the data: its logarithm is another
    /// regression on the differences (Blum & François 2010, Stat. Comput. 20:63, section 3, with linear regressions).
    Heteroscedastic,
    /// None.
    None,
}

/// The logarithm of a squared residual is taken of no less than this share of their mean: a residual that happens to be 0
/// says little.
const LEAST_SQUARE: f64 = 1e-4;

/// Scatter is scaled by no more than this, or the inverse.
const MOST_SCALED: f64 = 3.0;

/// Particles' normal scores as the law asks; `None` if it asks for nothing.
pub(super) fn adjusted(
    law: Adjustment,
    particles: &[Simulation],
    distance: &Distance,
    weights: &[f64],
) -> Option<Vec<Vec<f64>>> {
    match law {
        Adjustment::None => None,
        Adjustment::Linear => Some(linear(particles, distance, weights)),
        Adjustment::Heteroscedastic => Some(heteroscedastic(particles, distance, weights)),
    }
}

/// Particles' normal scores, moved to a difference of 0.
fn linear(particles: &[Simulation], distance: &Distance, weights: &[f64]) -> Vec<Vec<f64>> {
    moved(particles, &differences(particles, distance), weights)
}

fn differences(particles: &[Simulation], distance: &Distance) -> Vec<Vec<f64>> {
    particles.iter().map(|particle| distance.difference(&particle.summaries)).collect()
}

/// What a regression on the differences says of each row beyond what it says of a difference of 0.
fn slopes(differences: &[Vec<f64>], responses: &[&[f64]], weights: &[f64]) -> Option<Vec<Vec<f64>>> {
    let predictors: Vec<&[f64]> = differences.iter().map(Vec::as_slice).collect();
    // There is none where all particles are equally far from the data.
    let ridge = Ridge::fit(&predictors, responses, weights)?;
    let of = |difference: &Vec<f64>| {
        let shift = |response: usize| -> f64 {
            difference.iter().enumerate().map(|(place, value)| value * ridge.coefficients[(place, response)]).sum()
        };
        (0..ridge.coefficients.ncols()).map(shift).collect()
    };
    Some(differences.iter().map(of).collect())
}

fn moved(particles: &[Simulation], differences: &[Vec<f64>], weights: &[f64]) -> Vec<Vec<f64>> {
    let responses: Vec<&[f64]> = particles.iter().map(|particle| particle.scores.as_slice()).collect();
    let Some(shifts) = slopes(differences, &responses, weights) else {
        return particles.iter().map(|particle| particle.scores.clone()).collect();
    };
    let less = |(scores, shift): (&&[f64], Vec<f64>)| scores.iter().zip(shift).map(|(score, by)| score - by).collect();
    responses.iter().zip(shifts).map(less).collect()
}

fn heteroscedastic(particles: &[Simulation], distance: &Distance, weights: &[f64]) -> Vec<Vec<f64>> {
    let differences = differences(particles, distance);
    let mut moved = moved(particles, &differences, weights);
    let dimension = moved.first().map_or(0, Vec::len);
    let mean = |values: &dyn Fn(usize) -> f64| weights.iter().enumerate().map(|(i, weight)| weight * values(i)).sum();
    let centres: Vec<f64> = (0..dimension).map(|column| mean(&|row| moved[row][column])).collect();
    let squares: Vec<f64> =
        (0..dimension).map(|column| mean(&|row| (moved[row][column] - centres[column]).powi(2))).collect();
    let logarithms: Vec<Vec<f64>> = moved
        .iter()
        .map(|scores| {
            let columns = scores.iter().zip(&centres).zip(&squares);
            columns
                .map(|((score, centre), square)| ((score - centre).powi(2) / square).max(LEAST_SQUARE).ln())
                .collect()
        })
        .collect();
    let responses: Vec<&[f64]> = logarithms.iter().map(Vec::as_slice).collect();
    let Some(wider) = slopes(&differences, &responses, weights) else { return moved };
    for (scores, wider) in moved.iter_mut().zip(wider) {
        for ((score, centre), wider) in scores.iter_mut().zip(&centres).zip(wider) {
            let scale = (-0.5 * wider).exp().clamp(1.0 / MOST_SCALED, MOST_SCALED);
            *score = centre + scale * (*score - centre);
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use metacascade_random::Key;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::{abc_smc::DistanceLaw, moments};

    /// Scores 1 + 2d + N(0, e^{d}²) at differences d of −1 to 1: at the data N(1, 1). Of 4,000, four standard errors are
    /// .063 of the mean and .045 of the standard deviation; the linear adjustment keeps the scatter of all, whose s.d.
    /// is √(sinh(2)/2) = 1.35.
    #[test]
    fn scatter_becomes_what_it_is_at_the_data() {
        let mut stream = Key::new(12).stream();
        let particles: Vec<Simulation> = (0..4000)
            .map(|_| {
                let d = 2.0 * stream.random::<f64>() - 1.0;
                let noise: f64 = StandardNormal.sample(&mut stream);
                Simulation { scores: vec![1.0 + 2.0 * d + d.exp() * noise], summaries: vec![d] }
            })
            .collect();
        let distance = Distance::learn(DistanceLaw::Euclidean, &[0.0], &particles.iter().collect::<Vec<_>>()).unwrap();
        let weights = vec![1.0 / 4000.0; 4000];
        let found = |law: Adjustment| {
            let adjusted = adjusted(law, &particles, &distance, &weights).unwrap();
            let (mean, variance) = moments(&adjusted.iter().map(|scores| scores[0]).collect::<Vec<f64>>(), &weights);
            (mean, variance.sqrt())
        };
        let (linear, heteroscedastic) = (found(Adjustment::Linear), found(Adjustment::Heteroscedastic));
        assert!((heteroscedastic.0 - 1.0).abs() < 0.1, "{heteroscedastic:?}");
        assert!((heteroscedastic.1 - 1.0).abs() < 0.06, "{heteroscedastic:?}");
        assert!((linear.1 - 1.347).abs() < 0.1, "{linear:?}");
    }
}
