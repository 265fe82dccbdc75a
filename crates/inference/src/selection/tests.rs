#![allow(clippy::unwrap_used)]

use metacascade_random::Key;
use nalgebra::{DMatrix, DVector};
use rand_distr::{Distribution, Geometric, Poisson, StandardNormal};
use rayon::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::*;
use crate::{
    Failure, Likelihood, Parameter, Posterior, Prior, Proposal, Scale, Simulator,
    logarithms::log_sum,
    mcmc, moments,
    parameter::from_scores,
    pseudo_marginal::Estimator,
    reference::{self, Case, Reference},
};

fn parameter(name: &str, prior: Prior) -> Parameter {
    let (lower, upper) = prior.support();
    Parameter { name: name.into(), prior, lower, upper, scale: Scale::Lin }
}

/// Draws of equal weight.
fn posterior(draws: Vec<Vec<f64>>) -> Posterior {
    let (weights, distances) = (vec![1.0 / draws.len() as f64; draws.len()], vec![0.0; draws.len()]);
    Posterior { names: draws[0].iter().map(|_| String::new()).collect(), draws, weights, distances }
}

/// Regression with known noise and normal priors of the coefficients: y ~ N(0, τ²XXᵀ + σ²I).
struct Line {
    parameters: Vec<Parameter>,
    x: DMatrix<f64>,
    y: DVector<f64>,
}

const NOISE: f64 = 0.5;
const TAU: f64 = 3.0;

impl Likelihood for Line {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        let residual = &self.y - &self.x * DVector::from_column_slice(parameters);
        let count = self.y.len() as f64;
        Ok(-0.5 * residual.norm_squared() / (NOISE * NOISE) - count * (NOISE.ln() + 0.5 * std::f64::consts::TAU.ln()))
    }
}

impl Line {
    fn new(degree: usize) -> Self {
        let mut stream = Key::new(8).stream();
        let x = DMatrix::from_fn(15, degree + 1, |row, power| (row as f64 / 7.0 - 1.0).powi(power as i32));
        let noise = DVector::from_fn(15, |_, _| NOISE * Distribution::<f64>::sample(&StandardNormal, &mut stream));
        let y = DVector::from_fn(15, |row, _| 1.0 + 0.7 * (row as f64 / 7.0 - 1.0)) + noise;
        let prior = Prior::Normal { mean: 0.0, sd: TAU };
        Self { parameters: (0..=degree).map(|power| parameter(&format!("b{power}"), prior.clone())).collect(), x, y }
    }

    fn log_evidence(&self) -> f64 {
        let covariance = TAU * TAU * &self.x * self.x.transpose() + NOISE * NOISE * DMatrix::identity(15, 15);
        let factor = covariance.cholesky().unwrap();
        let log_determinant = 2.0 * factor.l().diagonal().iter().map(|entry| entry.ln()).sum::<f64>();
        -0.5 * (self.y.dot(&factor.solve(&self.y)) + log_determinant + 15.0 * std::f64::consts::TAU.ln())
    }

    /// Exact draws.
    fn posterior(&self, count: usize, key: Key) -> Posterior {
        let precision =
            self.x.tr_mul(&self.x) / (NOISE * NOISE) + DMatrix::identity(self.x.ncols(), self.x.ncols()) / (TAU * TAU);
        let covariance = precision.try_inverse().unwrap();
        let mean = &covariance * self.x.tr_mul(&self.y) / (NOISE * NOISE);
        let lower = covariance.cholesky().unwrap().l();
        let mut stream = key.stream();
        let draw = |_| {
            let steps = DVector::from_fn(mean.len(), |_, _| StandardNormal.sample(&mut stream));
            (&mean + &lower * steps).iter().copied().collect()
        };
        posterior((0..count).map(draw).collect())
    }
}

/// 25 seeds: each within 4.5 of its errors (false alarm 7e-6 each), and the mean square of error over told error within
/// .3 and 2.3 (χ² of 25 degrees of freedom, over 25: outside with probability 3e-4).
#[test]
fn evidence_of_a_line_is_that_in_closed_form_and_its_error_is_right() {
    let line = Line::new(3);
    let exact = line.log_evidence();
    let mut squares = 0.0;
    for seed in 0..25 {
        let settings = Settings { draws: 1000, adaptive_draws: 500, seed, ..Settings::default() };
        let found = evidence_of_likelihood(&line, &line.posterior(1000, Key::new(seed)), &settings, &mut ()).unwrap();
        let z = (found.log_evidence - exact) / found.standard_error;
        assert!(z.abs() < 4.5 && found.standard_error < 0.06, "{found:?}, exact {exact}");
        assert!(found.warnings().is_empty() && found.failures == 0, "{:?}", found.warnings());
        squares += z * z / 25.0;
    }
    assert!((0.3..2.3).contains(&squares), "{squares}");
}

/// Even where all that is known of the posterior is the prior, or some draws far from it.
#[test]
fn bad_draws_make_the_error_larger_and_not_wrong() {
    let line = Line::new(2);
    for (seed, centre) in [(1, 0.0), (2, 6.0)] {
        let mut stream = Key::new(seed).stream();
        let draw = |_| (0..3).map(|_| centre + Distribution::<f64>::sample(&StandardNormal, &mut stream)).collect();
        let draws = posterior((0..500).map(draw).collect());
        let settings = Settings { seed, ..Settings::default() };
        let found = evidence_of_likelihood(&line, &draws, &settings, &mut ()).unwrap();
        let z = (found.log_evidence - line.log_evidence()) / found.standard_error;
        assert!(z.abs() < 4.5 && found.standard_error < 0.3, "{found:?} {}", line.log_evidence());
    }
}

/// Counts of a Poisson law whose rate has a gamma prior; the likelihood is multiplied by log-normal noise of mean 1.
struct Counts {
    parameters: [Parameter; 1],
    data: Vec<f64>,
    variance: f64,
}

const SHAPE: f64 = 2.0;
const SCALE: f64 = 4.0;

fn counts(data: &[f64], variance: f64) -> Counts {
    let rate = parameter("rate", Prior::Gamma { shape: SHAPE, scale: SCALE });
    Counts { parameters: [rate], data: data.to_vec(), variance }
}

impl Counts {
    /// Γ(a + Σk) b^−a / (Γ(a) (n + 1/b)^(a + Σk) Π k!).
    fn log_evidence(&self) -> f64 {
        let (n, sum) = (self.data.len() as f64, self.data.iter().sum::<f64>());
        ln_gamma(SHAPE + sum)
            - ln_gamma(SHAPE)
            - SHAPE * SCALE.ln()
            - (SHAPE + sum) * (n + 1.0 / SCALE).ln()
            - self.data.iter().map(|k| ln_gamma(k + 1.0)).sum::<f64>()
    }
}

impl Estimator for Counts {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn log_likelihood(&self, parameters: &[f64], effort: usize, key: Key) -> Result<f64, Failure> {
        let rate = parameters[0];
        let exact: f64 = self.data.iter().map(|k| k * rate.ln() - rate - ln_gamma(k + 1.0)).sum();
        let variance = self.variance / effort as f64;
        let noise: f64 = StandardNormal.sample(&mut key.stream());
        Ok(exact + variance.sqrt() * noise - 0.5 * variance)
    }
}

/// 20 seeds, the likelihood's logarithm with a variance of 1: within 4.5 errors, mean square between .3 and 2.5 (χ² of 20
/// degrees of freedom over 20: outside with probability 1e-3; log-normal weights make the told error vary a little).
#[test]
fn noise_in_the_likelihood_leaves_the_evidence_right() {
    let counts = counts(&[3.0, 8.0, 5.0], 4.0);
    let exact = counts.log_evidence();
    let mut squares = 0.0;
    for seed in 0..20 {
        let settings = pseudo_marginal_settings(seed);
        let fit = crate::pseudo_marginal::run(&counts, &settings, &mut ()).unwrap();
        let settings = Settings { draws: 4000, adaptive_draws: 1000, seed, ..Settings::default() };
        let found = evidence_of_estimator(&counts, 4, &fit.posterior, &settings, &mut ()).unwrap();
        let z = (found.log_evidence - exact) / found.standard_error;
        assert!(z.abs() < 4.5 && (0.015..0.05).contains(&found.standard_error), "{found:?} {exact}");
        squares += z * z / 20.0;
    }
    assert!((0.3..2.5).contains(&squares), "{squares}");
}

fn pseudo_marginal_settings(seed: u64) -> crate::pseudo_marginal::Settings {
    crate::pseudo_marginal::Settings { effort: 4, min_effective_sample_size: 300.0, seed, ..Default::default() }
}

/// A reference problem with one parameter fixed.
struct Fixed<'c> {
    case: &'c Case<'c>,
    index: usize,
    value: f64,
    parameters: Vec<Parameter>,
}

impl<'c> Fixed<'c> {
    fn new(case: &'c Case<'c>, index: usize, value: f64) -> Self {
        let mut parameters = case.reference.parameters().to_vec();
        parameters.remove(index);
        Self { case, index, value, parameters }
    }
}

impl Likelihood for Fixed<'_> {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        let mut whole = parameters.to_vec();
        whole.insert(self.index, self.value);
        Likelihood::log_likelihood(self.case, &whole)
    }
}

/// The evidence by the trapezoidal rule over ±5.5 posterior standard deviations of each normal score, a third of one apart: an
/// independent computation.
fn by_quadrature(likelihood: &impl Likelihood, posterior: &Posterior) -> f64 {
    const POINTS: usize = 34;
    let parameters = likelihood.parameters();
    let axes: Vec<(f64, f64)> = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| {
            let scores: Vec<f64> = posterior.column(index).iter().map(|&x| parameter.to_score(x)).collect();
            let (mean, variance) = moments(&scores, &posterior.weights);
            (mean - 5.5 * variance.sqrt(), variance.sqrt() / 3.0)
        })
        .collect();
    let volume: f64 = axes.iter().map(|(_, step)| step).product();
    let terms: Vec<f64> = (0..POINTS.pow(axes.len() as u32))
        .into_par_iter()
        .map(|index| {
            let place = |axis: usize| (index / POINTS.pow(axis as u32) % POINTS) as f64;
            let scores: Vec<f64> =
                axes.iter().enumerate().map(|(axis, (start, step))| start + step * place(axis)).collect();
            let value = likelihood.log_likelihood(&from_scores(parameters, &scores)).unwrap();
            value + mixture::log_prior(&scores)
        })
        .collect();
    log_sum(terms.iter().copied()) + volume.ln()
}

fn found(likelihood: &impl Likelihood, seed: u64) -> (Evidence, Posterior) {
    let settings = mcmc::Settings { min_effective_sample_size: 1000.0, seed, ..mcmc::Settings::default() };
    let fit = mcmc::run(likelihood, &settings, &mut ()).unwrap();
    let settings = Settings { seed, ..Settings::default() };
    (evidence_of_likelihood(likelihood, &fit.posterior, &settings, &mut ()).unwrap(), fit.posterior)
}

/// Metastases with an effect of the treatment and without: both evidences are those by quadrature (false alarm 7e-6 each,
/// with .005 for the quadrature).
#[test]
fn evidences_of_metastases_are_those_by_quadrature() {
    let problem = reference::Metastases::new();
    let case = Case::draw(&problem, Key::new(17)).unwrap();
    let (whole, draws) = found(&case, 1);
    let exact = by_quadrature(&case, &draws);
    assert!((whole.log_evidence - exact).abs() < 4.5 * whole.standard_error + 0.005, "{whole:?} {exact}");
    let nested = Fixed::new(&case, 1, 1.0);
    let (part, draws) = found(&nested, 2);
    let exact = by_quadrature(&nested, &draws);
    assert!((part.log_evidence - exact).abs() < 4.5 * part.standard_error + 0.005, "{part:?} {exact}");
    assert!(whole.standard_error < 0.02 && part.standard_error < 0.02);
}

/// Switching with the rate back from M fixed, against the whole model: the Bayes factor is posterior over prior density of
/// the fixed rate where it is fixed (Dickey 1971, Ann. Math. Stat. 42:204), here, in the middle of the posterior, from the
/// chains by a normal kernel in normal scores. 1,000 effective draws and a window of .3 standard deviations tell that density
/// to .05, and .04 too low: .25 is four errors and the bias.
#[test]
fn a_nested_model_of_switching_has_dickeys_bayes_factor() {
    let problem = reference::Switching::new();
    let case = Case::draw(&problem, Key::new(18)).unwrap();
    let (whole, draws) = found(&case, 3);
    let fixed = draws.quantiles(3).at(0.5);
    let parameter = &problem.parameters()[3];
    let scores: Vec<f64> = draws.column(3).iter().map(|&x| parameter.to_score(x)).collect();
    let (_, variance) = moments(&scores, &draws.weights);
    let (width, at) = (0.3 * variance.sqrt(), parameter.to_score(fixed));
    let kernel = |u: &f64| (-0.5 * ((u - at) / width).powi(2)).exp() / width;
    let density = scores.iter().map(kernel).sum::<f64>() / scores.len() as f64;
    // Factors of √2π cancel.
    let expected = density.ln() + 0.5 * at * at;
    let nested = Fixed::new(&case, 3, fixed);
    let (part, of_nested) = found(&nested, 4);
    let exact = by_quadrature(&nested, &of_nested);
    assert!((part.log_evidence - exact).abs() < 4.5 * part.standard_error + 0.005, "{part:?} {exact}");
    let log_factor = part.log_evidence - whole.log_evidence;
    assert!((log_factor - expected).abs() < 0.25, "{log_factor} {expected}");
}

#[test]
fn evidence_does_not_depend_on_threads_and_failures_are_told() {
    let line = Line::new(1);
    let draws = line.posterior(300, Key::new(1));
    let settings = Settings { draws: 700, adaptive_draws: 300, ..Settings::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evidence_of_likelihood(&line, &draws, &settings, &mut ()).unwrap())
    };
    assert_eq!(run(1), run(3));
    struct Never([Parameter; 1]);
    impl Likelihood for Never {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, _: &[f64]) -> Result<f64, Failure> {
            Err(Failure("no solution".into()))
        }
    }
    let never = Never([parameter("k", Prior::Uniform { lower: 0.0, upper: 1.0 })]);
    let error = evidence_of_likelihood(&never, &posterior(vec![vec![0.5]; 50]), &settings, &mut ()).unwrap_err();
    assert!(error.to_string().ends_with("the first failure: no solution"), "{error}");
    let error = evidence_of_likelihood(&line, &draws, &Settings { prior_share: 0.0, ..settings }, &mut ());
    assert_eq!(error, Err(Error::Setting("the prior's share of the proposal", "between 0 and 1")));
}

/// Twelve counts, of a Poisson or a geometric law.
struct Law {
    parameters: [Parameter; 1],
    geometric: bool,
    observed: Vec<f64>,
}

const SIZE: usize = 12;

/// The sum, and Σ ln k!: sufficient for both laws and for the choice (Robert et al. 2011).
fn sufficient(data: &[f64]) -> Vec<f64> {
    let factorials: f64 = data.iter().map(|k| ln_gamma(k + 1.0)).sum();
    vec![data.iter().sum::<f64>().sqrt(), (factorials + 1.0).ln()]
}

impl Law {
    fn new(geometric: bool, data: &[f64]) -> Self {
        Self { parameters: counts(&[], 0.0).parameters, geometric, observed: sufficient(data) }
    }

    fn data(&self, rate: f64, key: Key) -> Vec<f64> {
        let mut stream = key.stream();
        (0..SIZE)
            .map(|_| match self.geometric {
                true => Geometric::new(1.0 / (1.0 + rate)).unwrap().sample(&mut stream) as f64,
                false => Poisson::new(rate.max(1e-9)).unwrap().sample(&mut stream),
            })
            .collect()
    }

    fn log_likelihood(&self, rate: f64, data: &[f64]) -> f64 {
        let of = |k: &f64| match self.geometric {
            true => k * (rate / (1.0 + rate)).ln() - rate.ln_1p(),
            false => k * rate.ln() - rate - ln_gamma(k + 1.0),
        };
        data.iter().map(of).sum()
    }

    /// By the midpoint rule over quantiles of the prior.
    fn log_evidence(&self, data: &[f64]) -> f64 {
        let points = 4000;
        let rate = |point: i32| self.parameters[0].quantile((f64::from(point) + 0.5) / f64::from(points));
        let terms: Vec<f64> = (0..points).map(|point| self.log_likelihood(rate(point), data)).collect();
        log_sum(terms.iter().copied()) - f64::from(points).ln()
    }
}

impl Simulator for Law {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn observed(&self) -> &[f64] {
        &self.observed
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        let simulate = |proposal: &Proposal| Ok(sufficient(&self.data(proposal.parameters[0], proposal.key)));
        proposals.par_iter().map(simulate).collect()
    }
}

/// 40 data sets, each from a model and a rate drawn from the prior. Against the exact probabilities: a mean error of .03 at
/// most, four errors at most of any (that is four times what is told, and .02 for regression's own bias). Calibration: the sum
/// of probabilities is that of the truths, within 4 standard deviations of a sum of so many independent truths (false alarm
/// 6e-5); the same of the lower half of the probabilities.
#[test]
fn probabilities_by_simulation_are_exact_for_sufficient_summaries_and_calibrated() {
    let mut told = Vec::new();
    let (mut away, mut squares) = (0.0, 0.0);
    for set in 0..40 {
        let key = Key::new(99).child(set);
        let geometric = set % 2 == 1;
        let truth = Law::new(geometric, &[]);
        let rate = truth.parameters[0].sample(&mut key.child(0).stream());
        let data = truth.data(rate, key.child(1));
        let models = [false, true].map(|geometric| Law::new(geometric, &data));
        let logs = [models[0].log_evidence(&data), models[1].log_evidence(&data)];
        let exact = probabilities(&logs, &[0.0; 2], &[1.0; 2])[1].probability;
        let settings = JointSettings { simulations: 8000, accepted: 500, seed: set };
        let found = by_simulation(&[&models[0], &models[1]], &[1.0; 2], &settings, &mut ()).unwrap();
        let Choice { probability, probability_error, .. } = found.choices[1];
        let difference = (probability - exact).abs();
        assert!(difference < 4.0 * probability_error + 0.04, "{set}: {found:?} for {exact}");
        away += difference / 40.0;
        squares += (difference / (probability_error + 0.01)).powi(2) / 40.0;
        told.push((probability, f64::from(u8::from(geometric))));
    }
    assert!(away < 0.03 && squares < 2.0, "{away} {squares}");
    for limit in [2.0, 0.5] {
        let chosen = || told.iter().filter(|(p, _)| *p < limit);
        let excess: f64 = chosen().map(|(p, truth)| p - truth).sum();
        let variance: f64 = chosen().map(|(p, _)| p * (1.0 - p)).sum();
        assert!(excess.abs() < 4.0 * variance.sqrt(), "{limit}: {excess} {variance}");
    }
}

/// As above by importance sampling: evidences in closed form for the Poisson law, by quadrature for the geometric one.
#[test]
fn probabilities_by_evidence_are_calibrated() {
    struct Seen(Law, Vec<f64>);
    impl Likelihood for Seen {
        fn parameters(&self) -> &[Parameter] {
            &self.0.parameters
        }
        fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
            Ok(self.0.log_likelihood(parameters[0], &self.1))
        }
    }
    let (mut excess, mut variance) = (0.0, 0.0);
    for set in 0..24 {
        let key = Key::new(7).child(set);
        let geometric = set % 2 == 1;
        let truth = Law::new(geometric, &[]);
        let rate = truth.parameters[0].sample(&mut key.child(0).stream());
        let data = truth.data(rate, key.child(1));
        let found = [false, true].map(|geometric| {
            let seen = Seen(Law::new(geometric, &data), data.clone());
            let settings =
                mcmc::Settings { min_effective_sample_size: 400.0, draws: 1000, seed: set, ..Default::default() };
            let fit = mcmc::run(&seen, &settings, &mut ()).unwrap();
            let settings = Settings { draws: 2000, adaptive_draws: 500, seed: set, ..Settings::default() };
            let found = evidence_of_likelihood(&seen, &fit.posterior, &settings, &mut ()).unwrap();
            let exact = if geometric { seen.0.log_evidence(&data) } else { counts(&data, 0.0).log_evidence() };
            assert!((found.log_evidence - exact).abs() < 4.5 * found.standard_error + 0.003, "{found:?} {exact}");
            found
        });
        let logs = [found[0].log_evidence, found[1].log_evidence];
        let errors = [found[0].standard_error, found[1].standard_error];
        let choice = probabilities(&logs, &errors, &[1.0; 2])[1].clone();
        excess += choice.probability - f64::from(u8::from(geometric));
        variance += choice.probability * (1.0 - choice.probability);
    }
    assert!(excess.abs() < 4.0 * f64::sqrt(variance), "{excess} {variance}");
}

#[test]
fn joint_simulation_does_not_depend_on_threads_and_tells_what_is_wrong() {
    let data = [3.0, 0.0, 1.0, 2.0, 2.0, 5.0, 1.0, 0.0, 1.0, 3.0, 2.0, 1.0];
    let models = [false, true].map(|geometric| Law::new(geometric, &data));
    let settings = JointSettings { simulations: 3000, accepted: 200, seed: 5 };
    let both: [&Law; 2] = [&models[0], &models[1]];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| by_simulation(&both, &[1.0, 3.0], &settings, &mut ()).unwrap())
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert!((one.choices[1].prior - 0.75).abs() < 1e-12 && one.likeness > 0.05 && one.warnings().len() == 1);
    assert!(one.warnings()[0].contains("summaries"));
    // Data that neither gives: half of the counts are enormous.
    let strange: Vec<f64> = (0..SIZE).map(|index| if index == 0 { 4000.0 } else { 0.0 }).collect();
    let models = [false, true].map(|geometric| Law::new(geometric, &strange));
    let found = by_simulation(&[&models[0], &models[1]], &[1.0; 2], &settings, &mut ()).unwrap();
    assert!(found.likeness < 0.01 && found.warnings()[1].contains("No model"), "{found:?}");
    let other = Law::new(false, &data);
    let error = by_simulation(&[&models[0], &other], &[1.0; 2], &settings, &mut ()).unwrap_err();
    assert_eq!(error, JointError::Summaries);
    assert!(by_simulation(&both, &[1.0], &settings, &mut ()).is_err());
    assert!(by_simulation(&both[..1], &[1.0], &settings, &mut ()).is_err());
    let few = JointSettings { accepted: 5000, ..settings };
    assert!(matches!(by_simulation(&both, &[1.0; 2], &few, &mut ()), Err(JointError::Few { found: 6000, .. })));
}
