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
    /// Sum of the absolute differences of the summaries, each divided by its median absolute deviation, from the median
    /// of the simulations and from the observation together, so that a summary which no simulation comes near counts for
    /// little; from the median alone where more than a third of the summaries are so far (Schälte, Alamoudi & Hasenauer
    /// 2021, bioRxiv 2021.07.29.454327: L1 norm and PCMAD). For data with outliers.
    Robust,
}

/// How differences make a distance.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Norm {
    Euclidean,
    Absolute,
}

/// A distance ‖A(s − s₀)‖/√(q + 2) with A of q rows. A uniform law within distance ε then has a variance of ε² in each
/// of the q coordinates. Or the mean of the absolute values of A(s − s₀).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distance {
    norm: Norm,
    observed: Vec<f64>,
    /// Row by row.
    rows: Vec<Vec<f64>>,
}

/// Median absolute deviations by which an observation is far from the simulations, and the share of summaries that may be.
const FAR: f64 = 2.0;
const MOST_FAR: f64 = 1.0 / 3.0;

/// Simulations that a distance is learned from, at most, evenly chosen: regressions on more take memory and teach nothing.
const ENOUGH: usize = 200_000;

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
        let step = pool.simulations().len().div_ceil(ENOUGH).max(1);
        Self::learn(law, observed, &pool.simulations().step_by(step).collect::<Vec<_>>())
    }

    pub(super) fn learn(law: DistanceLaw, observed: &[f64], simulations: &[&Simulation]) -> Result<Self, Error> {
        let rows = match law {
            DistanceLaw::Learned => learned(observed, simulations),
            DistanceLaw::Euclidean => Some(scaled(&deviations(observed, simulations, false))),
            DistanceLaw::Robust => Some(scaled(&deviations(observed, simulations, true))),
        };
        let rows = rows.filter(|rows| !rows.is_empty()).ok_or(Error::NoInformation)?;
        let norm = if law == DistanceLaw::Robust { Norm::Absolute } else { Norm::Euclidean };
        Ok(Self { norm, observed: observed.to_vec(), rows })
    }

    pub fn of(&self, summaries: &[f64]) -> f64 {
        self.length(self.rows.iter().map(|row| product(row, summaries, &self.observed)))
    }

    /// Of differences in all rows, or in some.
    fn length(&self, differences: impl Iterator<Item = f64>) -> f64 {
        let rows = self.rows.len() as f64;
        match self.norm {
            Norm::Euclidean => {
                (differences.map(|difference| difference * difference).sum::<f64>() / (rows + 2.0)).sqrt()
            }
            Norm::Absolute => differences.map(f64::abs).sum::<f64>() / rows,
        }
    }

    /// What the distance is at least, of summaries that are not all known, the others NaN: what the rows say that need no
    /// others.
    pub fn at_least(&self, summaries: &[f64]) -> f64 {
        let known =
            |row: &&Vec<f64>| row.iter().zip(summaries).all(|(entry, summary)| *entry == 0.0 || !summary.is_nan());
        let part = |row: &Vec<f64>| {
            let terms = row.iter().zip(summaries.iter().zip(&self.observed)).filter(|(entry, _)| **entry != 0.0);
            terms.map(|(entry, (simulated, observed))| entry * (simulated - observed)).sum::<f64>()
        };
        let parts = self.rows.iter().filter(known).map(part);
        self.length(parts)
    }

    /// Whether parts of it may be known while others are not.
    pub fn is_of_summaries_alone(&self) -> bool {
        self.rows.iter().all(|row| row.iter().filter(|entry| **entry != 0.0).count() <= 1)
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

/// What each summary's differences are divided by; `robust` counts in how far simulations are from the observation.
fn deviations(observed: &[f64], simulations: &[&Simulation], robust: bool) -> Vec<f64> {
    let from = |column: usize, centre: f64| {
        let values: Vec<f64> =
            simulations.iter().map(|simulation| (simulation.summaries[column] - centre).abs()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // More than half of the values are equal, as among small counts.
        Some(median(values)).filter(|&spread| spread > 0.0).unwrap_or(mean)
    };
    let centre = |column| median(simulations.iter().map(|simulation| simulation.summaries[column]).collect());
    let centres: Vec<f64> = (0..observed.len()).map(centre).collect();
    let mut deviations: Vec<f64> = centres.iter().enumerate().map(|(column, &centre)| from(column, centre)).collect();
    let far = |column: &usize| (centres[*column] - observed[*column]).abs() > FAR * deviations[*column];
    if robust && (0..observed.len()).filter(far).count() as f64 <= MOST_FAR * observed.len() as f64 {
        // What does not vary teaches nothing, wherever it is.
        let varying = deviations.iter_mut().enumerate().filter(|(_, deviation)| **deviation > 0.0);
        varying.for_each(|(column, deviation)| *deviation += from(column, observed[column]));
    }
    deviations
}

/// A diagonal, a row for each usable deviation.
fn scaled(deviations: &[f64]) -> Vec<Vec<f64>> {
    let usable = |deviation: f64| deviation > 0.0 && deviation.is_finite();
    let row = |(column, &deviation): (usize, &f64)| {
        let entry = |other| if other == column { 1.0 / deviation } else { 0.0 };
        usable(deviation).then(|| (0..deviations.len()).map(entry).collect())
    };
    deviations.iter().enumerate().filter_map(row).collect()
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

    /// Three summaries −50 to 50 of deviation 25, the third observed at 1000: it counts for 1/(25 + 1000), the others for
    /// 1/(25 + 25). With two such observations of three, all count as in the Euclidean distance.
    #[test]
    fn a_robust_distance_hardly_sees_what_no_simulation_is_near() {
        let simulations: Vec<Simulation> = (-50..=50).map(|i| simulation(0.0, &[f64::from(i); 3])).collect();
        let learn = |observed: &[f64]| {
            Distance::learn(DistanceLaw::Robust, observed, &simulations.iter().collect::<Vec<_>>()).unwrap()
        };
        let distance = learn(&[0.0, 0.0, 1000.0]);
        assert!((distance.of(&[50.0, -25.0, 1000.0]) - (1.0 + 0.5) / 3.0).abs() < 1e-12);
        assert!((distance.of(&[0.0, 0.0, 1000.0 + 1025.0]) - 1.0 / 3.0).abs() < 1e-12);
        let distance = learn(&[0.0, 1000.0, 1000.0]);
        assert!((distance.of(&[25.0, 1000.0, 1050.0]) - 3.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn constant_summaries_teach_nothing() {
        let simulations = [0.1, 0.7, -1.0].map(|u| simulation(u, &[2.0]));
        for law in [DistanceLaw::Learned, DistanceLaw::Euclidean, DistanceLaw::Robust] {
            assert_eq!(
                Distance::learn(law, &[2.0], &simulations.iter().collect::<Vec<_>>()).err(),
                Some(Error::NoInformation)
            );
        }
    }
}
