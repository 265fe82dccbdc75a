//! On which parameters an outcome depends.

use nalgebra::DMatrix;
use statrs::distribution::{ContinuousCDF, Normal};

/// How an outcome goes with one parameter, the others held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    /// Partial rank correlation coefficient; 0 for a parameter or an outcome that does not vary.
    pub coefficient: f64,
    /// Its 95 % interval, by Fisher's transformation.
    pub interval: (f64, f64),
}

impl Sensitivity {
    /// Whether the interval leaves out 0.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// Partial rank correlation coefficients of an outcome with each parameter over draws of equal weight: the
/// correlation of what is left of the ranks of both after a linear regression on the ranks of all other parameters
/// (Marino, Hogue, Ray & Kirschner 2008, J. Theor. Biol. 254:178). `draws` has a row per draw, a column per parameter; they are
/// worth `independent` draws, by which intervals are as wide as they are.
///
/// They hold monotone dependence, and no more: an outcome that is highest in the middle of a parameter's range has a
/// coefficient near 0. Draws from a posterior vary as far as the posterior does, so the coefficient tells which of the
/// parameters, as uncertain as they are, the outcome's uncertainty comes from.
///
/// # Panics
/// If the draws are not as many as the outcomes.
#[must_use]
pub fn partial_rank_correlations(draws: &[Vec<f64>], outcome: &[f64], independent: f64) -> Vec<Sensitivity> {
    assert_eq!(draws.len(), outcome.len(), "an outcome for each draw");
    let width = draws.first().map_or(0, Vec::len);
    let columns: Vec<Option<Vec<f64>>> =
        (0..width).map(|column| standardised(&draws.iter().map(|draw| draw[column]).collect::<Vec<f64>>())).collect();
    let nothing = Sensitivity { coefficient: 0.0, interval: (-1.0, 1.0) };
    let Some(outcome) = standardised(outcome) else { return vec![nothing; width] };
    let varying: Vec<usize> = (0..width).filter(|&column| columns[column].is_some()).collect();
    let mut all: Vec<&Vec<f64>> = columns.iter().flatten().collect();
    all.push(&outcome);
    let count = draws.len() as f64;
    let size = all.len();
    let correlation = |i: usize, j: usize| all[i].iter().zip(all[j]).map(|(a, b)| a * b).sum::<f64>() / count;
    // A trace on the diagonal lets parameters that are the same up to order be inverted; it changes no digit that counts.
    let matrix = DMatrix::from_fn(size, size, |i, j| correlation(i, j) + if i == j { 1e-9 } else { 0.0 });
    let mut found = vec![nothing; width];
    let Some(inverse) = matrix.try_inverse() else { return found };
    let freedom = independent.min(count) - 3.0 - (size as f64 - 2.0);
    for (place, &column) in varying.iter().enumerate() {
        let precision = inverse[(place, place)] * inverse[(size - 1, size - 1)];
        let coefficient = (-inverse[(place, size - 1)] / precision.sqrt()).clamp(-1.0, 1.0);
        let interval = if freedom > 0.0 {
            let half = Normal::standard().inverse_cdf(0.975) / freedom.sqrt();
            let score = coefficient.clamp(-1.0 + 1e-12, 1.0 - 1e-12).atanh();
            ((score - half).tanh(), (score + half).tanh())
        } else {
            (-1.0, 1.0)
        };
        found[column] = Sensitivity { coefficient, interval };
    }
    found
}

/// Ranks, the mean one for ties, with mean 0 and variance 1; `None` if all are tied.
fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first as f64 + 0.5 * (tied.len() as f64 - 1.0);
        tied.iter().for_each(|&index| ranks[index] = mean);
        first += tied.len();
    }
    let count = values.len() as f64;
    let mean = ranks.iter().sum::<f64>() / count;
    let sd = (ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>() / count).sqrt();
    (sd > 0.0).then(|| ranks.into_iter().map(|rank| (rank - mean) / sd).collect())
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    fn draws(count: usize, width: usize) -> Vec<Vec<f64>> {
        let mut stream = Key::new(3).stream();
        (0..count).map(|_| (0..width).map(|_| StandardNormal.sample(&mut stream)).collect()).collect()
    }

    /// Of two parameters, the partial correlation has a closed form in the three correlations.
    #[test]
    fn of_two_parameters_it_is_the_textbook_formula() {
        let rows: Vec<Vec<f64>> = draws(300, 3).into_iter().map(|z| vec![z[0], z[0] + z[1], z[2]]).collect();
        let outcome: Vec<f64> = rows.iter().map(|row| (row[0] + 0.5 * row[2]).exp()).collect();
        let inputs: Vec<Vec<f64>> = rows.iter().map(|row| row[..2].to_vec()).collect();
        let found = partial_rank_correlations(&inputs, &outcome, 300.0);
        let ranks = |values: Vec<f64>| standardised(&values).unwrap();
        let columns = [
            ranks(inputs.iter().map(|row| row[0]).collect()),
            ranks(inputs.iter().map(|row| row[1]).collect()),
            ranks(outcome),
        ];
        let r = |i: usize, j: usize| columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum::<f64>() / 300.0;
        for (index, other) in [(0, 1), (1, 0)] {
            let wanted = (r(index, 2) - r(index, other) * r(other, 2))
                / ((1.0 - r(index, other).powi(2)) * (1.0 - r(other, 2).powi(2))).sqrt();
            assert!((found[index].coefficient - wanted).abs() < 1e-6, "{index}: {found:?} for {wanted}");
        }
        // The second only goes with the first: alone it would be correlated, .7 × .9 or so.
        assert!(r(1, 2) > 0.5 && found[1].coefficient.abs() < 0.2 && found[0].is_clear(), "{found:?}");
    }

    #[test]
    fn monotone_dependence_is_one_and_constants_are_nothing() {
        let rows: Vec<Vec<f64>> = draws(50, 1).into_iter().map(|z| vec![z[0], 4.0]).collect();
        let outcome: Vec<f64> = rows.iter().map(|row| -row[0].powi(3)).collect();
        let found = partial_rank_correlations(&rows, &outcome, 50.0);
        assert!(found[0].coefficient < -0.999 && found[0].is_clear(), "{found:?}");
        assert!(found[1].coefficient == 0.0 && !found[1].is_clear());
        // Draws that are worth three tell nothing for certain.
        assert!(!partial_rank_correlations(&rows, &outcome, 3.0)[0].is_clear());
        assert!(partial_rank_correlations(&rows, &[1.0; 50], 50.0).iter().all(|one| one.coefficient == 0.0));
        assert!(partial_rank_correlations(&[], &[], 0.0).is_empty());
    }

    /// Of 40 parameters that have nothing to do with the outcome, about 2 intervals leave out 0; 8 or more do with a
    /// probability of .002.
    #[test]
    fn intervals_hold_zero_where_there_is_no_dependence() {
        let rows = draws(400, 41);
        let outcome: Vec<f64> = rows.iter().map(|row| row[40]).collect();
        let inputs: Vec<Vec<f64>> = rows.iter().map(|row| row[..40].to_vec()).collect();
        let clear = partial_rank_correlations(&inputs, &outcome, 400.0).iter().filter(|one| one.is_clear()).count();
        assert!(clear < 8, "{clear}");
    }
}
