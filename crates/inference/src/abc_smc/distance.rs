//! Distances between simulated and observed summaries, adapted to the simulations at hand.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::Error;

/// How distances are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistanceLaw {
    /// Distance between posterior means, as a linear regression of the parameters on the summaries predicts them
    /// (semi-automatic summaries: Fearnhead & Prangle 2012, J. R. Stat. Soc. B 74:419), in units of the regression's
    /// residual covariance, that is of posterior standard deviations. The regression is ridge regression, its penalty
    /// chosen for each parameter by generalised cross-validation (Golub, Heath & Wahba 1979, Technometrics 21:215).
    #[default]
    Learned,
    /// Euclidean distance of the summaries, each divided by its median absolute deviation (Prangle 2017, Bayesian
    /// Anal. 12:289).
    Euclidean,
}

/// A distance ‖A(s − s₀)‖/√(q + 2) with A of q rows. A uniform law within distance ε then has a variance of ε² in each
/// of the q coordinates.
pub(super) struct Distance {
    observed: Vec<f64>,
    /// Row by row.
    rows: Vec<Vec<f64>>,
}

/// Relative penalties tried: this share of the number of simulations.
const PENALTIES: std::ops::RangeInclusive<i32> = -8..=1;

/// Added to the residual variances of normal scores, whose prior variance is 1: a parameter that is known exactly would
/// otherwise make the distance infinite.
const RESIDUAL_FLOOR: f64 = 1e-10;

impl Distance {
    /// A distance fitted to simulations: normal scores of the parameters, and summaries.
    pub fn fit(law: DistanceLaw, observed: &[f64], simulations: &[(Vec<f64>, Vec<f64>)]) -> Result<Self, Error> {
        let rows = match law {
            DistanceLaw::Learned => learned(simulations),
            DistanceLaw::Euclidean => euclidean(observed.len(), simulations),
        };
        let rows = rows.filter(|rows| !rows.is_empty()).ok_or(Error::NoInformation)?;
        Ok(Self { observed: observed.to_vec(), rows })
    }

    pub fn of(&self, summaries: &[f64]) -> f64 {
        let squares = self.rows.iter().map(|row| {
            let terms = row.iter().zip(summaries.iter().zip(&self.observed));
            terms.map(|(coefficient, (simulated, observed))| coefficient * (simulated - observed)).sum::<f64>().powi(2)
        });
        (squares.sum::<f64>() / (self.rows.len() + 2) as f64).sqrt()
    }
}

fn euclidean(width: usize, simulations: &[(Vec<f64>, Vec<f64>)]) -> Option<Vec<Vec<f64>>> {
    let deviation = |column: usize| {
        let values: Vec<f64> = simulations.iter().map(|(_, summaries)| summaries[column]).collect();
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

fn learned(simulations: &[(Vec<f64>, Vec<f64>)]) -> Option<Vec<Vec<f64>>> {
    let (scores, summaries) = simulations.first()?;
    let (count, width, parameters) = (simulations.len(), summaries.len(), scores.len());
    let mut scale = Vec::with_capacity(width);
    let mut columns = Vec::new();
    let mut data = Vec::new();
    for column in 0..width {
        let mean = simulations.iter().map(|(_, summaries)| summaries[column]).sum::<f64>() / count as f64;
        let centred: Vec<f64> = simulations.iter().map(|(_, summaries)| summaries[column] - mean).collect();
        let sd = (centred.iter().map(|value| value * value).sum::<f64>() / count as f64).sqrt();
        // Rounding leaves a constant summary a spread of this order.
        if sd > 1e-12 * mean.abs() && sd.is_finite() {
            columns.push(column);
            scale.push(sd);
            data.extend(centred.iter().map(|value| value / sd));
        }
    }
    if columns.is_empty() {
        return None;
    }
    let x = DMatrix::from_vec(count, columns.len(), data);
    let mut y = DMatrix::from_fn(count, parameters, |row, column| simulations[row].0[column]);
    for mut column in y.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let eigen = SymmetricEigen::new(x.tr_mul(&x));
    let projected = eigen.eigenvectors.tr_mul(&x.tr_mul(&y));
    let values: Vec<f64> = eigen.eigenvalues.iter().map(|value| value.max(0.0)).collect();
    let mut shrunk = projected.clone();
    let mut freedom = 0.0f64;
    for parameter in 0..parameters {
        let total = y.column(parameter).norm_squared();
        let (penalty, used) = penalty(&values, projected.column(parameter).as_slice(), total, count as f64);
        freedom = freedom.max(used);
        for (value, entry) in values.iter().zip(shrunk.column_mut(parameter).iter_mut()) {
            *entry /= value + penalty;
        }
    }
    let coefficients = &eigen.eigenvectors * shrunk;
    let residuals = &y - &x * &coefficients;
    let mut covariance = residuals.tr_mul(&residuals) / (count as f64 - freedom).max(1.0);
    for parameter in 0..parameters {
        covariance[(parameter, parameter)] += RESIDUAL_FLOOR;
    }
    // A = L⁻¹Bᵀ with the residual covariance LLᵀ.
    let whitened = Cholesky::new(covariance)?.l().solve_lower_triangular(&coefficients.transpose())?;
    let mut rows = vec![vec![0.0; width]; parameters];
    for (row, target) in rows.iter_mut().enumerate() {
        for (place, &column) in columns.iter().enumerate() {
            target[column] = whitened[(row, place)] / scale[place];
        }
    }
    Some(rows)
}

/// The penalty with the least generalised cross-validation score, and the degrees of freedom it leaves the regression.
/// `projected` is the target in the eigenvectors' coordinates, `total` its sum of squares.
fn penalty(values: &[f64], projected: &[f64], total: f64, count: f64) -> (f64, f64) {
    let mut best = (f64::INFINITY, count, 0.0);
    for exponent in PENALTIES {
        let penalty = count * 10f64.powi(exponent);
        let mut freedom = 1.0;
        let mut residual = total;
        for (&value, &entry) in values.iter().zip(projected) {
            let share = value / (value + penalty);
            freedom += share;
            residual += entry * entry / (value + penalty) * (share - 2.0);
        }
        let left = (count - freedom).max(1e-9 * count);
        let score = residual.max(0.0) / (left * left);
        if score < best.0 {
            best = (score, penalty, freedom);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use metacascade_random::Key;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// u ~ N(0, 1), s₁ = 3u + N(0, .6²), s₂ and s₃ pure noise of any size, s₄ constant. The posterior mean is
    /// 3 s₁/(9 + .36), the posterior variance 1/(1 + 9/.36).
    #[test]
    fn a_learned_distance_is_in_posterior_standard_deviations() {
        let mut stream = Key::new(5).stream();
        let mut normal = || -> f64 { StandardNormal.sample(&mut stream) };
        let simulations: Vec<(Vec<f64>, Vec<f64>)> = (0..4000)
            .map(|_| {
                let u = normal();
                (vec![u], vec![3.0 * u + 0.6 * normal(), 1e6 * normal(), normal(), 7.0])
            })
            .collect();
        let distance = Distance::fit(DistanceLaw::Learned, &[0.0, 0.0, 0.0, 7.0], &simulations).unwrap();
        let exact = 3.0 / 9.36 / (1.0f64 / 26.0).sqrt() / 3f64.sqrt();
        let found = distance.of(&[1.0, 0.0, 0.0, 7.0]);
        assert!((found / exact - 1.0).abs() < 0.05, "{found} {exact}");
        // Noise moves the predicted mean by a few percent of a standard deviation only.
        assert!(distance.of(&[0.0, 1e6, 1.0, 9.0]) < 0.1 * exact);
    }

    #[test]
    fn a_euclidean_distance_is_scaled_by_median_deviations() {
        let simulations: Vec<(Vec<f64>, Vec<f64>)> =
            (0..101).map(|i| (vec![0.0], vec![f64::from(i), 1000.0 * f64::from(i), 3.0])).collect();
        let distance = Distance::fit(DistanceLaw::Euclidean, &[0.0, 0.0, 3.0], &simulations).unwrap();
        assert!((distance.of(&[25.0, 0.0, 3.0]) - 0.5).abs() < 1e-12);
        assert!((distance.of(&[0.0, 25_000.0, 8.0]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn constant_summaries_teach_nothing() {
        let simulations = vec![(vec![0.1], vec![2.0]), (vec![0.7], vec![2.0]), (vec![-1.0], vec![2.0])];
        for law in [DistanceLaw::Learned, DistanceLaw::Euclidean] {
            assert_eq!(Distance::fit(law, &[2.0], &simulations).err(), Some(Error::NoInformation));
        }
    }
}
