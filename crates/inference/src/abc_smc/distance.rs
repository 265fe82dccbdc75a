//! Distances between simulated and observed summaries, adapted to the simulations at hand.

use nalgebra::Cholesky;
use serde::{Deserialize, Serialize};

use super::{Error, pool::Pool};
use crate::ridge::Ridge;

/// How distances are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistanceLaw {
    /// Distance between posterior means, as a linear regression of the parameters on the summaries predicts them
    /// (semi-automatic summaries: Fearnhead & Prangle 2012, J. R. Stat. Soc. B 74:419), in units of the regression's
    /// residual covariance, that is of posterior standard deviations. The regression is ridge regression, its penalty
    /// chosen for each parameter by generalised cross-validation (Golub, Heath & Wahba 1979, Technometrics 21:215), and
    /// local: fitted again and again to the nearer half of the simulations, while there are enough.
    #[default]
    Learned,
    /// Euclidean distance of the summaries, each divided by its median absolute deviation (Prangle 2017, Bayesian
    /// Anal. 12:289).
    Euclidean,
}

/// A distance ‖A(s − s₀)‖/√(q + 2) with A of q rows. A uniform law within distance ε then has a variance of ε² in each
/// of the q coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distance {
    observed: Vec<f64>,
    /// Row by row.
    rows: Vec<Vec<f64>>,
}

/// Simulations a local regression keeps at least, and for each summary.
const LOCAL: usize = 1000;
const LOCAL_PER_SUMMARY: usize = 20;

/// Added to the residual variances of normal scores, whose prior variance is 1: a parameter that is known exactly would
/// otherwise make the distance infinite.
const RESIDUAL_FLOOR: f64 = 1e-10;

/// A simulation as a distance learns from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Simulation {
    /// Normal scores of the parameters.
    pub scores: Vec<f64>,
    pub summaries: Vec<f64>,
}

impl Distance {
    /// A distance fitted to simulations: normal scores of the parameters, and summaries.
    pub fn fit(law: DistanceLaw, observed: &[f64], pool: &Pool) -> Result<Self, Error> {
        Self::learn(law, observed, &pool.simulations().collect::<Vec<_>>())
    }

    fn learn(law: DistanceLaw, observed: &[f64], simulations: &[&Simulation]) -> Result<Self, Error> {
        let rows = match law {
            DistanceLaw::Learned => learned(observed, simulations),
            DistanceLaw::Euclidean => euclidean(observed.len(), simulations),
        };
        let rows = rows.filter(|rows| !rows.is_empty()).ok_or(Error::NoInformation)?;
        Ok(Self { observed: observed.to_vec(), rows })
    }

    pub fn of(&self, summaries: &[f64]) -> f64 {
        (square(&self.rows, summaries, &self.observed) / (self.rows.len() + 2) as f64).sqrt()
    }

    /// A(s − s₀), whose length is the distance up to a factor.
    pub fn difference(&self, summaries: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| product(row, summaries, &self.observed)).collect()
    }
}

fn square(rows: &[Vec<f64>], summaries: &[f64], observed: &[f64]) -> f64 {
    rows.iter().map(|row| product(row, summaries, observed).powi(2)).sum()
}

fn product(row: &[f64], summaries: &[f64], observed: &[f64]) -> f64 {
    let terms = row.iter().zip(summaries.iter().zip(observed));
    terms.map(|(coefficient, (simulated, observed))| coefficient * (simulated - observed)).sum()
}

fn euclidean(width: usize, simulations: &[&Simulation]) -> Option<Vec<Vec<f64>>> {
    let deviation = |column: usize| {
        let values: Vec<f64> = simulations.iter().map(|simulation| simulation.summaries[column]).collect();
        let centre = median(values.clone());
        let spread = median(values.iter().map(|value| (value - centre).abs()).collect());
        if spread > 0.0 {
            return spread;
        }
        // More than half of the values are equal, as among small counts.
        values.iter().map(|value| (value - centre).abs()).sum::<f64>() / values.len() as f64
    };
    let rows = (0..width).filter_map(|column| {
        let deviation = deviation(column);
        let usable = deviation > 0.0 && deviation.is_finite();
        usable.then(|| (0..width).map(|other| if other == column { 1.0 / deviation } else { 0.0 }).collect())
    });
    Some(rows.collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Rows of A: the coefficients of a local regression, whitened by its residual covariance.
fn learned(observed: &[f64], simulations: &[&Simulation]) -> Option<Vec<Vec<f64>>> {
    let fewest = LOCAL.max(LOCAL_PER_SUMMARY * observed.len());
    let mut nearest: Vec<&Simulation> = simulations.to_vec();
    let mut rows = whitened(nearest.iter().copied())?;
    while nearest.len() / 2 >= fewest {
        let mut ranked: Vec<(f64, &Simulation)> = nearest
            .into_iter()
            .map(|simulation| (square(&rows, &simulation.summaries, observed), simulation))
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked.truncate(ranked.len() / 2);
        nearest = ranked.into_iter().map(|(_, simulation)| simulation).collect();
        rows = whitened(nearest.iter().copied())?;
    }
    Some(rows)
}

fn whitened<'s>(simulations: impl IntoIterator<Item = &'s Simulation>) -> Option<Vec<Vec<f64>>> {
    let (summaries, scores): (Vec<&[f64]>, Vec<&[f64]>) =
        simulations.into_iter().map(|simulation| (&simulation.summaries[..], &simulation.scores[..])).unzip();
    let equal = vec![1.0 / scores.len() as f64; scores.len()];
    let Ridge { coefficients, mut residual_covariance } = Ridge::fit(&summaries, &scores, &equal)?;
    for parameter in 0..residual_covariance.nrows() {
        residual_covariance[(parameter, parameter)] += RESIDUAL_FLOOR;
    }
    // A = L⁻¹Bᵀ with the residual covariance LLᵀ.
    let rows = Cholesky::new(residual_covariance)?.l().solve_lower_triangular(&coefficients.transpose())?;
    Some(rows.row_iter().map(|row| row.iter().copied().collect()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use metacascade_random::Key;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    fn simulation(score: f64, summaries: &[f64]) -> Simulation {
        Simulation { scores: vec![score], summaries: summaries.to_vec() }
    }

    /// u ~ N(0, 1), s₁ = 3u + N(0, .6²), s₂ and s₃ pure noise of any size, s₄ constant. The posterior mean is
    /// 3 s₁/(9 + .36), the posterior variance 1/(1 + 9/.36).
    #[test]
    fn a_learned_distance_is_in_posterior_standard_deviations() {
        let mut stream = Key::new(5).stream();
        let mut normal = || -> f64 { StandardNormal.sample(&mut stream) };
        let simulations: Vec<Simulation> = (0..4000)
            .map(|_| {
                let u = normal();
                simulation(u, &[3.0 * u + 0.6 * normal(), 1e6 * normal(), normal(), 7.0])
            })
            .collect();
        let distance =
            Distance::learn(DistanceLaw::Learned, &[0.0, 0.0, 0.0, 7.0], &simulations.iter().collect::<Vec<_>>())
                .unwrap();
        let exact = 3.0 / 9.36 / (1.0f64 / 26.0).sqrt() / 3f64.sqrt();
        let found = distance.of(&[1.0, 0.0, 0.0, 7.0]);
        assert!((found / exact - 1.0).abs() < 0.05, "{found} {exact}");
        // Noise moves the predicted mean by a few percent of a standard deviation only.
        assert!(distance.of(&[0.0, 1e6, 1.0, 9.0]) < 0.1 * exact);
    }

    #[test]
    fn a_euclidean_distance_is_scaled_by_median_deviations() {
        let simulations: Vec<Simulation> =
            (0..101).map(|i| simulation(0.0, &[f64::from(i), 1000.0 * f64::from(i), 3.0])).collect();
        let distance =
            Distance::learn(DistanceLaw::Euclidean, &[0.0, 0.0, 3.0], &simulations.iter().collect::<Vec<_>>()).unwrap();
        assert!((distance.of(&[25.0, 0.0, 3.0]) - 0.5).abs() < 1e-12);
        assert!((distance.of(&[0.0, 25_000.0, 8.0]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn constant_summaries_teach_nothing() {
        let simulations = [0.1, 0.7, -1.0].map(|u| simulation(u, &[2.0]));
        for law in [DistanceLaw::Learned, DistanceLaw::Euclidean] {
            assert_eq!(
                Distance::learn(law, &[2.0], &simulations.iter().collect::<Vec<_>>()).err(),
                Some(Error::NoInformation)
            );
        }
    }
}
