//! Integrals over standard normal deviates by adaptive Gauss–Hermite quadrature.
//!
//! The nodes are put where the integrand is: around its peak, at its own curvature (Liu & Pierce 1994, Biometrika 81:624;
//! Pinheiro & Bates 1995, J. Comput. Graph. Stat. 4:12, for models with random effects). An integrand that is normal, as
//! it nearly is where a subject was measured often, is integrated exactly by one node.

use metacascade_inference::Failure;
use metacascade_random::{Stream, rand::RngExt};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};

/// Steps of the search for the peak at most.
const STEPS: usize = 40;
/// A step shorter than this, in standard deviations at the peak, ends the search: nodes need not be there exactly.
const NEAR: f64 = 0.03;
/// A step is tried so often, each time shorter.
const SHORTENED: usize = 12;
/// No step is longer, in deviates.
const LONGEST: f64 = 5.0;
/// A direction may not be flatter than this: where the likelihood outweighs the normal law of the deviates, a second
/// derivative says nothing of the width.
const FLATTEST: f64 = 0.2;
/// Draws among which one of the conditional law is chosen.
const CANDIDATES: usize = 24;
/// Candidates are spread a little wider than the peak, so that no part of the law is out of their reach.
const WIDER: f64 = 1.2;

/// A likelihood as a function of deviates, whose law is standard normal.
pub(super) trait Integrand {
    fn dimension(&self) -> usize;

    /// The logarithm of the likelihood.
    fn at(&mut self, deviates: &[f64]) -> Result<f64, Failure>;

    /// The same with its gradient and, roughly, its second derivatives.
    fn around(&mut self, deviates: &[f64]) -> Result<Local, Failure>;
}

/// A function about a point.
pub(super) struct Local {
    pub value: f64,
    pub gradient: DVector<f64>,
    pub curvature: DMatrix<f64>,
}

/// Where the likelihood times the law of the deviates is highest.
#[derive(Clone, Debug)]
pub(super) struct Peak {
    mode: DVector<f64>,
    /// The Cholesky factor of the covariance there.
    spread: DMatrix<f64>,
}

/// The nodes of one dimension and the logarithms of their weights under the standard normal density, times that density's
/// inverse: ∫ f(z) dz ≈ Σ exp(w) f(z).
#[derive(Clone, Debug)]
pub(super) struct Rule {
    nodes: Vec<(f64, f64)>,
}

impl Rule {
    /// The rule with so many nodes, from the eigenvectors of the recurrence of Hermite's polynomials (Golub & Welsch 1969,
    /// Math. Comput. 23:221).
    pub fn new(count: usize) -> Self {
        let jacobi =
            DMatrix::from_fn(count, count, |i, j| if i.abs_diff(j) == 1 { (i.max(j) as f64).sqrt() } else { 0.0 });
        let eigen = SymmetricEigen::new(jacobi);
        let log_density = |z: f64| -0.5 * (z * z + std::f64::consts::TAU.ln());
        let node = |index: usize| {
            let (z, first) = (eigen.eigenvalues[index], eigen.eigenvectors[(0, index)]);
            (z, 2.0 * first.abs().ln() - log_density(z))
        };
        Self { nodes: (0..count).map(node).collect() }
    }

    /// A rule fine enough for so many dimensions, whose cost is its power.
    pub fn of_dimension(dimension: usize) -> Self {
        Self::new(match dimension {
            0 | 1 => 9,
            _ => 3,
        })
    }
}

/// The unnormalised log density: likelihood times law of the deviates.
fn density(likelihood: f64, deviates: &[f64]) -> f64 {
    let squares: f64 = deviates.iter().map(|z| z * z + std::f64::consts::TAU.ln()).sum();
    likelihood - 0.5 * squares
}

/// Finds the peak by Newton's method with shortened steps, from the middle of the law, or from nearby where the likelihood is
/// 0 there.
pub(super) fn peak(integrand: &mut impl Integrand) -> Result<Peak, Failure> {
    let mut mode = DVector::zeros(integrand.dimension());
    let mut local = integrand.around(mode.as_slice())?;
    if !local.value.is_finite() {
        let elsewhere = (0..mode.len()).flat_map(|index| [-2.0, 2.0, -4.0, 4.0].map(|z| (index, z)));
        let mut best = f64::NEG_INFINITY;
        for (index, z) in elsewhere {
            let mut point = DVector::zeros(mode.len());
            point[index] = z;
            let value = integrand.at(point.as_slice()).map_or(f64::NAN, |value| density(value, point.as_slice()));
            if value > best {
                (best, mode) = (value, point);
            }
        }
        local = integrand.around(mode.as_slice())?;
    }
    for _ in 0..STEPS {
        let (mut step, factor) = newton(&local, &mode);
        let length = |step: &DVector<f64>| (factor.transpose() * step).norm();
        let here = density(local.value, mode.as_slice());
        let mut moved = None;
        for _ in 0..SHORTENED {
            // Not more, and not if it is no number.
            if length(&step) <= NEAR || !step.norm().is_finite() {
                break;
            }
            let there = &mode + &step;
            match integrand.at(there.as_slice()) {
                Ok(value) if density(value, there.as_slice()) >= here => {
                    moved = Some(there);
                    break;
                }
                _ => step *= 0.4,
            }
        }
        let Some(there) = moved else { break };
        mode = there;
        local = integrand.around(mode.as_slice())?;
    }
    let (step, factor) = newton(&local, &mode);
    // The last step is too short to be tried.
    if (factor.transpose() * &step).norm() <= NEAR {
        mode += step;
    }
    let inverse = factor.try_inverse().unwrap_or_else(|| DMatrix::identity(mode.len(), mode.len()));
    // Of the covariance (F Fᵀ)⁻¹ = F⁻ᵀ F⁻¹ any root will do.
    Ok(Peak { mode, spread: inverse.transpose() })
}

/// Newton's step, and a root of the negative second derivatives.
fn newton(local: &Local, mode: &DVector<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let size = mode.len();
    let gradient = &local.gradient - mode;
    let negative = DMatrix::identity(size, size) - &local.curvature;
    if negative.iter().chain(gradient.iter()).any(|entry| !entry.is_finite()) {
        // Nothing is known of the likelihood's shape: that of the law alone.
        return (DVector::zeros(size), DMatrix::identity(size, size));
    }
    let eigen = SymmetricEigen::new(negative);
    let values = eigen.eigenvalues.map(|value| value.max(FLATTEST));
    let along = eigen.eigenvectors.transpose() * gradient;
    let mut step = &eigen.eigenvectors * along.component_div(&values);
    let length = step.norm();
    if length > LONGEST {
        step *= LONGEST / length;
    }
    let root = &eigen.eigenvectors * DMatrix::from_diagonal(&values.map(f64::sqrt));
    (step, root)
}

impl Peak {
    /// The point that is so many standard deviations from the mode.
    fn point(&self, z: &DVector<f64>) -> DVector<f64> {
        &self.mode + &self.spread * z
    }
}

/// ln ∫ likelihood × law of the deviates.
pub(super) fn log_integral(integrand: &mut impl Integrand, peak: &Peak, rule: &Rule) -> f64 {
    let dimension = peak.mode.len();
    let mut terms = Vec::with_capacity(rule.nodes.len().pow(dimension as u32));
    let mut index = vec![0; dimension];
    loop {
        let z = DVector::from_iterator(dimension, index.iter().map(|&node| rule.nodes[node].0));
        let weight: f64 = index.iter().map(|&node| rule.nodes[node].1).sum();
        let point = peak.point(&z);
        // What cannot be solved far from the peak is taken as impossible.
        if let Ok(value) = integrand.at(point.as_slice()) {
            terms.push(weight + density(value, point.as_slice()));
        }
        let Some(place) = index.iter().position(|&node| node + 1 < rule.nodes.len()) else { break };
        index[..place].fill(0);
        index[place] += 1;
    }
    let scale: f64 = peak.spread.determinant().abs().ln();
    scale + log_sum(&terms)
}

/// ln Σ exp.
fn log_sum(terms: &[f64]) -> f64 {
    let highest = terms.iter().copied().filter(|term| !term.is_nan()).fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return highest;
    }
    highest + terms.iter().filter(|term| !term.is_nan()).map(|term| (term - highest).exp()).sum::<f64>().ln()
}

/// Deviates from their law given the data: one of several candidates about the peak, chosen by its weight (Rubin 1988,
/// Bayesian Statistics 3:395, sampling–importance resampling).
pub(super) fn draw(integrand: &mut impl Integrand, peak: &Peak, random: &mut Stream) -> Vec<f64> {
    let dimension = peak.mode.len();
    let mut candidates: Vec<(f64, DVector<f64>)> = Vec::with_capacity(CANDIDATES);
    for _ in 0..CANDIDATES {
        let z = DVector::from_fn(dimension, |_, _| WIDER * Distribution::<f64>::sample(&StandardNormal, random));
        let point = peak.point(&z);
        if let Ok(value) = integrand.at(point.as_slice()) {
            let proposed = -0.5 * z.norm_squared() / (WIDER * WIDER);
            candidates.push((density(value, point.as_slice()) - proposed, point));
        }
    }
    let total = log_sum(&candidates.iter().map(|candidate| candidate.0).collect::<Vec<f64>>());
    let mut level: f64 = random.random();
    for (weight, point) in &candidates {
        level -= (weight - total).exp();
        if level <= 0.0 {
            return point.as_slice().to_vec();
        }
    }
    peak.mode.as_slice().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Poisson count whose mean is exp(a + b·z), of one deviate.
    struct Count {
        evaluations: usize,
    }

    impl Integrand for Count {
        fn dimension(&self) -> usize {
            1
        }
        fn at(&mut self, z: &[f64]) -> Result<f64, Failure> {
            self.evaluations += 1;
            let mean = (1.0 + 0.8 * z[0]).exp();
            Ok(3.0 * mean.ln() - mean)
        }
        fn around(&mut self, z: &[f64]) -> Result<Local, Failure> {
            let mean = (1.0 + 0.8 * z[0]).exp();
            Ok(Local {
                value: self.at(z)?,
                gradient: DVector::from_element(1, 0.8 * (3.0 - mean)),
                curvature: DMatrix::from_element(1, 1, -0.64 * mean),
            })
        }
    }

    #[test]
    fn an_integral_is_that_of_a_fine_sum() {
        let mut count = Count { evaluations: 0 };
        let found = peak(&mut count).unwrap();
        let integral = log_integral(&mut count, &found, &Rule::of_dimension(1));
        let fine: f64 = (-100_000..=100_000)
            .map(|i| {
                let z = f64::from(i) * 1e-4;
                1e-4 * density(count.at(&[z]).unwrap(), &[z]).exp()
            })
            .sum();
        // The nodes stand about the mode to within NEAR: what nine of them miss there is 4e-6.
        assert!((integral - fine.ln()).abs() < 1e-5, "{integral} for {}", fine.ln());
    }

    #[test]
    fn draws_follow_the_law_given_the_data() {
        let mut count = Count { evaluations: 0 };
        let found = peak(&mut count).unwrap();
        let key = metacascade_random::Key::new(3);
        let draws: Vec<f64> =
            (0..4000).map(|index| draw(&mut count, &found, &mut key.child(index).stream())[0]).collect();
        let (mut weight, mut mean) = (0.0, 0.0);
        for i in -60_000..=60_000 {
            let z = f64::from(i) * 1e-4;
            let share = density(count.at(&[z]).unwrap(), &[z]).exp();
            weight += share;
            mean += share * z;
        }
        let drawn = draws.iter().sum::<f64>() / 4000.0;
        // The law's standard deviation is .44: the error of the mean is .007, and 4 of them are exceeded once in 16,000.
        assert!((drawn - mean / weight).abs() < 0.028, "{drawn} for {}", mean / weight);
    }
}
