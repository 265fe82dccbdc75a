//! What a table can and cannot tell of the parameters, before any fit.
//!
//! The mean field of every measurement is differentiated along every estimated parameter, at the nominal values, each
//! measurement in units of its noise, each parameter in normal scores, that is in prior standard deviations. The
//! singular values of this matrix say by how many noises the data set as a whole moves when the parameters move by one
//! prior standard deviation along each of its directions: a direction with less than 1 is one of which the table says
//! less than the prior does. This is local, and of means only: what scatter between subjects tells is not in it
//! (Chis, Banga & Balsa-Canto 2011, PLoS ONE 6:e27755, compares such methods).

use metacascade_inference::Failure;
use nalgebra::DMatrix;
use serde::Serialize;

use crate::{likelihood::ProblemLikelihood, problem::Problem};

/// Step in normal scores over which slopes are taken.
const STEP: f64 = 0.01;
const WHOLE_STEP: f64 = 0.5;

/// Share of a direction's length below which a parameter is not part of it.
const PART: f64 = 0.3;

/// What the means of the measurements say of the estimated parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identifiability {
    /// From the best told direction to the worst, in noises of the whole table for one prior standard deviation.
    pub singular_values: Vec<f64>,
    /// How many of them are 1 or more: directions of which the table says more than the prior.
    pub told: usize,
    /// The directions that are not, in words.
    pub weak: Vec<String>,
    /// Parameters that move no mean, such as the noise's.
    pub silent: Vec<String>,
}

/// What the means of a problem's measurements say of its parameters at the nominal values.
///
/// # Errors
/// Why the mean field cannot be solved there, as with lesions that are individuals.
pub fn identifiability(problem: &Problem) -> Result<Identifiability, Failure> {
    let likelihood = ProblemLikelihood::new(problem);
    let nominal = problem.nominal();
    let mut noises = vec![1.0; problem.measurement_count()];
    likelihood.visit(&nominal, |read, row, y, sigma| {
        let noise = read.observable(problem).noise;
        // In units of the model's value; laws of the logarithm are relative.
        let scale = match noise {
            noise if noise.is_discrete() => noise.variance(y, sigma, row.exposure).max(1e-12).sqrt() / row.exposure,
            noise if noise.is_logarithmic() => sigma * y.abs().max(f64::MIN_POSITIVE),
            _ => sigma / row.exposure,
        };
        let n = if let crate::Reading::Mean { n, .. } = row.reading { n } else { 1.0 };
        noises[read.position] = scale / n.sqrt();
    })?;
    let mut slopes = DMatrix::zeros(noises.len(), nominal.len());
    for (column, parameter) in problem.estimated().iter().enumerate() {
        let score = parameter.to_score(nominal[column]).clamp(-3.0, 3.0);
        // Whole numbers do not move within a small step.
        let size = if parameter.prior.is_whole() { WHOLE_STEP } else { STEP };
        let moved = |step: f64| {
            let mut point = nominal.clone();
            point[column] = parameter.from_score(score + step);
            likelihood.mean_field(&point)
        };
        let (down, up) = (moved(-size)?, moved(size)?);
        for (row, noise) in noises.iter().enumerate() {
            let slope = (up[row] - down[row]) / (2.0 * size * noise);
            slopes[(row, column)] = if slope.is_finite() { slope } else { 0.0 };
        }
    }
    Ok(judge(problem, &slopes))
}

fn judge(problem: &Problem, slopes: &DMatrix<f64>) -> Identifiability {
    let names: Vec<&str> = problem.estimated().iter().map(|parameter| parameter.name.as_str()).collect();
    let largest = slopes.amax();
    let (moving, silent): (Vec<usize>, Vec<usize>) =
        (0..names.len()).partition(|&column| slopes.column(column).amax() > 1e-6 * largest);
    let silent = silent.into_iter().map(|column| names[column].to_owned()).collect();
    // As many rows as columns at least, so that every direction comes out.
    let rows = slopes.nrows().max(moving.len());
    let matrix =
        DMatrix::from_fn(
            rows,
            moving.len(),
            |row, column| {
                if row < slopes.nrows() { slopes[(row, moving[column])] } else { 0.0 }
            },
        );
    if moving.is_empty() {
        return Identifiability { singular_values: Vec::new(), told: 0, weak: Vec::new(), silent };
    }
    let svd = matrix.svd(false, true);
    let mut order: Vec<usize> = (0..moving.len()).collect();
    order.sort_by(|&a, &b| svd.singular_values[b].total_cmp(&svd.singular_values[a]));
    let singular_values: Vec<f64> = order.iter().map(|&index| svd.singular_values[index]).collect();
    let told = singular_values.iter().filter(|&&value| value >= 1.0).count();
    let directions = svd.v_t.iter().flat_map(|directions| order[told..].iter().map(|&row| directions.row(row)));
    let weak = directions.zip(&singular_values[told..]).map(|(direction, &value)| {
        let parts: Vec<(&str, f64)> =
            moving.iter().map(|&column| names[column]).zip(direction.iter().copied()).collect();
        in_words(&parts, value)
    });
    Identifiability { weak: weak.collect(), told, singular_values, silent }
}

/// A direction of which little is known, in words.
fn in_words(direction: &[(&str, f64)], value: f64) -> String {
    let mut parts: Vec<(&str, f64)> = direction.iter().copied().filter(|(_, share)| share.abs() >= PART).collect();
    parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let list = |sign: f64| {
        let names = parts.iter().filter(|(_, share)| share * sign > 0.0).map(|(name, _)| format!("`{name}`"));
        names.collect::<Vec<_>>().join(", ")
    };
    let first = parts.first().map_or(1.0, |(_, share)| share.signum());
    let (with, against) = (list(first), list(-first));
    let how = if value < 0.01 { "nothing" } else { "less than the prior" };
    match (parts.len(), against.is_empty()) {
        (0 | 1, _) => format!("the table says {how} of {with}"),
        (_, true) => format!("the table says {how} of {with} rising together"),
        (_, false) => format!("the table says {how} of {with} rising while {against} falls, only of both rising"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_told_in_words() {
        let words = in_words(&[("a", 0.7), ("b", -0.69), ("c", 0.1)], 0.001);
        assert_eq!(words, "the table says nothing of `a` rising while `b` falls, only of both rising");
        assert_eq!(in_words(&[("a", 0.1), ("b", -0.99)], 0.5), "the table says less than the prior of `b`");
    }
}
