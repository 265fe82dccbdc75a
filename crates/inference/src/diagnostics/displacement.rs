//! How far two sets of draws are apart.

use crate::{Quantiles, moments};

/// Quantiles that are compared, with equal weights.
const LEVELS: u32 = 40;

/// The mean over coordinates of the distance between two weighted sets of draws, in standard deviations of the first: the
/// mean difference of quantiles, an approximation of the Wasserstein-1 distance. Weights sum to 1; infinite where there
/// are no draws.
#[must_use]
pub fn displacement(a: (&[Vec<f64>], &[f64]), b: (&[Vec<f64>], &[f64])) -> f64 {
    if a.0.is_empty() || b.0.is_empty() {
        return f64::INFINITY;
    }
    let dimension = a.0[0].len();
    let of_coordinate = |coordinate: usize| {
        let values = |draws: &[Vec<f64>]| -> Vec<f64> { draws.iter().map(|draw| draw[coordinate]).collect() };
        let (own, other) = (values(a.0), values(b.0));
        let (qa, qb) = (Quantiles::new(&own, a.1), Quantiles::new(&other, b.1));
        let levels = (0..LEVELS).map(|level| (f64::from(level) + 0.5) / f64::from(LEVELS));
        let mean = levels.map(|level| (qa.at(level) - qb.at(level)).abs()).sum::<f64>() / f64::from(LEVELS);
        mean / moments(&own, a.1).1.max(1e-300).sqrt()
    };
    (0..dimension).map(of_coordinate).sum::<f64>() / dimension as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shift by half a standard deviation in one of two coordinates is a mean displacement of a quarter.
    #[test]
    fn shifts_are_told_in_standard_deviations() {
        let draws: Vec<Vec<f64>> = (0..1001).map(|i| vec![f64::from(i), f64::from(i % 7)]).collect();
        let weights = vec![1.0 / 1001.0; 1001];
        let sd = moments(&draws.iter().map(|draw| draw[0]).collect::<Vec<f64>>(), &weights).1.sqrt();
        let moved: Vec<Vec<f64>> = draws.iter().map(|draw| vec![draw[0] + 0.5 * sd, draw[1]]).collect();
        assert!((displacement((&draws, &weights), (&moved, &weights)) - 0.25).abs() < 1e-9);
        assert_eq!(displacement((&draws, &weights), (&draws, &weights)), 0.0);
        assert_eq!(displacement((&draws, &weights), (&[], &[])), f64::INFINITY);
    }
}
