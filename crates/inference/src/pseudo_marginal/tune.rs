//! How much effort an estimate of the likelihood is worth.

use metacascade_random::Key;
use rayon::prelude::*;

/// What is aimed at.
pub(super) struct Aim {
    /// Variance of the log-likelihood's estimate, and the range that is near enough.
    pub variance: f64,
    pub between: (f64, f64),
    /// Efforts that are tried, and the largest of them.
    pub attempts: usize,
    pub most: usize,
}

/// Where chains start, far from there, and learn from estimates that are drawn anew.
pub(super) const START: Aim = Aim { variance: 3.0, between: (1.0, 6.0), attempts: 5, most: 2048 };

/// Where the posterior is: the time that chains need is least between .85 and 2.8, the less the better the chains
/// would do without noise (Doucet et al. 2015, section 3.5), and flat there.
pub(super) const SETTLED: Aim = Aim { variance: 1.2, between: (0.7, 1.6), attempts: 8, most: 1 << 15 };

/// Estimates at the first point: the standard error of their variance is 18 %.
const AT_FIRST: usize = 64;

/// Estimates at each other point.
const AT_OTHERS: usize = 16;

/// What was found.
pub(super) struct Tuned {
    pub effort: usize,
    /// The variance with this effort: at three quarters of the points it is no more. Infinite where some estimates are 0.
    pub variance: f64,
    /// The logarithm of the mean estimate at the first point.
    pub log_density: f64,
    pub evaluations: u64,
}

/// Finds the effort at which the estimates at some points have the variance aimed at, or less at three quarters of them; it is
/// about inverse to the effort. Where a smaller effort has proved too noisy, such as by estimates of 0, one that is too precise
/// is kept.
pub(super) fn tune<D: Fn(&[f64], Key) -> f64 + Sync>(
    log_density: &impl Fn(usize) -> D,
    points: &[Vec<f64>],
    first: usize,
    aim: &Aim,
    least: usize,
    key: Key,
) -> Tuned {
    let (mut effort, mut evaluations) = (first, 0);
    let (mut too_noisy, mut precise): (usize, Option<Tuned>) = (0, None);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (key, density) = (key.child(attempt as u64), log_density(effort));
        let values: Vec<f64> = (0..AT_FIRST + AT_OTHERS * (points.len() - 1))
            .into_par_iter()
            .map(|estimate| {
                let point = (estimate + AT_OTHERS).saturating_sub(AT_FIRST) / AT_OTHERS;
                density(&points[point], key.child(estimate as u64))
            })
            .collect();
        evaluations += values.len() as u64;
        let (at_first, others) = values.split_at(AT_FIRST);
        let (variance, log_density) = variance_and_mean(at_first);
        let others = others.chunks_exact(AT_OTHERS).map(|values| variance_and_mean(values).0);
        let mut variances: Vec<f64> = std::iter::once(variance).chain(others).collect();
        variances.sort_by(f64::total_cmp);
        let variance = variances[(3 * points.len() - 1) / 4];
        let found = Tuned { effort, variance, log_density, evaluations };
        let factor = (variance / aim.variance).clamp(0.125, 8.0);
        let next = ((effort as f64 * factor).ceil() as usize).clamp(least, aim.most.max(first));
        if (aim.between.0..=aim.between.1).contains(&variance) || attempt >= aim.attempts {
            return found;
        }
        if variance < aim.variance {
            let next = next.max(2 * too_noisy);
            if next >= effort {
                return found;
            }
            (effort, precise) = (next, Some(found));
        } else {
            if let Some(precise) = precise {
                return Tuned { evaluations, ..precise };
            }
            if next <= effort {
                return found;
            }
            (effort, too_noisy) = (next, effort);
        }
    }
}

/// The variance of logarithms, and the logarithm of the mean of what they are of.
fn variance_and_mean(logarithms: &[f64]) -> (f64, f64) {
    let count = logarithms.len() as f64;
    let highest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return (f64::INFINITY, highest);
    }
    let mean = highest + (logarithms.iter().map(|value| (value - highest).exp()).sum::<f64>() / count).ln();
    let middle = logarithms.iter().sum::<f64>() / count;
    let variance = logarithms.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>() / (count - 1.0);
    // Where some are −∞ the differences are not numbers.
    (if variance.is_nan() { f64::INFINITY } else { variance }, mean)
}
