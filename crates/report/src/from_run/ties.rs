//! Parameters that the data know together only.

use metacascade_inference::{self as inference, Scale, moments};
use metacascade_problem::{Run, run::ParameterSummary};

use crate::content::{Combination, Tie, Verdict};

/// Correlation beyond which two parameters may be known together only.
const CORRELATED: f64 = 0.9;

/// A combination is fixed if its standard deviation is below this share of that of either parameter.
const NARROW: f64 = 0.5;

/// For each estimated parameter that is not determined by itself, the one of the same sort that it is most correlated with
/// on the scales they are shown on, if their combination is known far better.
pub fn ties(run: &Run, summaries: &[ParameterSummary]) -> Vec<Option<Tie>> {
    let parameters = run.problem.estimated();
    let weights = &run.posterior.weights;
    let scaled: Vec<Vec<f64>> = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| run.posterior.draws.iter().map(|draw| parameter.to_scale(draw[index])).collect())
        .collect();
    let spread: Vec<(f64, f64)> = scaled.iter().map(|values| moments(values, weights)).collect();
    let is_wide = |summary: &ParameterSummary| Verdict::of(summary.contraction, summary.overlap) != Verdict::Determined;
    let wide: Vec<bool> = summaries.iter().map(is_wide).collect();
    let tie = |index: usize| {
        let parameter: &inference::Parameter = &parameters[index];
        if !wide[index] {
            return None;
        }
        let correlation = |other: usize| {
            let ((mean, variance), (other_mean, other_variance)) = (spread[index], spread[other]);
            let products = scaled[index].iter().zip(&scaled[other]).zip(weights);
            let covariance: f64 = products.map(|((a, b), weight)| weight * (a - mean) * (b - other_mean)).sum();
            covariance / (variance * other_variance).sqrt()
        };
        let others = (0..parameters.len())
            .filter(|&other| other != index && wide[other])
            .map(|other| (other, correlation(other)));
        let (other, correlation) = others
            .filter(|(_, correlation)| correlation.abs() > CORRELATED)
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        let sign = -correlation.signum();
        let both = scaled[index].iter().zip(&scaled[other]);
        let combined: Vec<f64> = both.map(|(a, b)| a + sign * b).collect();
        let narrow = moments(&combined, weights).1.sqrt() < NARROW * spread[index].1.min(spread[other].1).sqrt();
        let of = match (narrow, parameter.scale, parameters[other].scale, sign > 0.0) {
            (true, Scale::Log10, Scale::Log10, true) => Combination::Product,
            (true, Scale::Log10, Scale::Log10, false) => Combination::Ratio,
            (true, Scale::Lin, Scale::Lin, true) => Combination::Sum,
            (true, Scale::Lin, Scale::Lin, false) => Combination::Difference,
            // A line with another slope, or a curve.
            _ => Combination::Curve,
        };
        Some(Tie { with: parameters[other].name.clone(), of })
    };
    (0..parameters.len()).map(tie).collect()
}
