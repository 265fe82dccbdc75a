#![allow(clippy::unwrap_used)]

use metacascade_random::Key;
use rand_distr::{Distribution, Normal, Poisson};

use super::*;
use crate::{
    Failure, Law, Parameter, Prior, Progress, Proposal, Quantiles, Scale,
    reference::{self, Case},
};

/// A simulator made of a closure.
struct Model<F> {
    parameters: Vec<Parameter>,
    observed: Vec<f64>,
    laws: Vec<Law>,
    simulate: F,
}

impl<F: Fn(&Proposal) -> Result<Vec<f64>, Failure> + Sync> Simulator for Model<F> {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn observed(&self) -> &[f64] {
        &self.observed
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        proposals.iter().map(&self.simulate).collect()
    }
    fn laws(&self) -> &[Law] {
        &self.laws
    }
}

fn parameter(name: &str, prior: Prior) -> Parameter {
    let (lower, upper) = prior.support();
    Parameter { name: name.into(), prior, lower, upper, scale: Scale::Lin }
}

/// Counts 3, 8 and 5 of one Poisson rate with prior Gamma(2, scale 4): posterior Gamma(18, scale 4/13).
fn counts() -> impl Simulator {
    Model {
        parameters: vec![parameter("rate", Prior::Gamma { shape: 2.0, scale: 4.0 })],
        observed: vec![3.0, 8.0, 5.0],
        laws: (0..3).map(|at| Law::Poisson { at }).collect(),
        simulate: |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let law = Poisson::new(proposal.parameters[0]).map_err(|error| Failure(error.to_string()))?;
            Ok((0..3).map(|_| law.sample(&mut stream)).collect())
        },
    }
}

/// Means a and b, prior N(0, 3²) each, seen through a + b ± .5, a − b ± 2 and an uninformative third summary.
fn two_means(observed: [f64; 3]) -> impl Simulator {
    let prior = Prior::Normal { mean: 0.0, sd: 3.0 };
    Model {
        parameters: vec![parameter("a", prior.clone()), parameter("b", prior)],
        observed: observed.to_vec(),
        laws: Vec::new(),
        simulate: |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let mut noise = |sd: f64| Normal::new(0.0, sd).unwrap().sample(&mut stream);
            let (a, b) = (proposal.parameters[0], proposal.parameters[1]);
            Ok(vec![a + b + noise(0.5), a - b + noise(2.0), noise(30.0)])
        },
    }
}

/// 2,000 simulations of three counts each determine the rate's three coefficients to 2 % of a posterior s.d.; with 4
/// standard errors of 4,000 effective draws, quantiles are within .05 in probability (false alarm below 1e-4).
#[test]
fn a_gamma_posterior_of_counts_is_found() {
    let fit = run(&counts(), &Settings { simulations: 2000, ..Settings::default() }, &mut ()).unwrap();
    let exact = Prior::Gamma { shape: 18.0, scale: 4.0 / 13.0 };
    let quantiles = Quantiles::unweighted(&fit.posterior.column(0));
    for p in [0.05, 0.25, 0.5, 0.75, 0.95] {
        assert!((exact.cdf(quantiles.at(p)) - p).abs() < 0.05, "{p}: {}", exact.cdf(quantiles.at(p)));
    }
    assert!(fit.check.passed() && fit.check.warnings().is_empty(), "{:?}", fit.check);
    assert_eq!((fit.simulations, fit.failures), (2000, 0));
}

/// By the Gaussian synthetic likelihood, which is exact here but for its estimated coefficients: a + b and a − b are
/// independent with prior variance 18. Means within .15 s.d. and s.d. within 12 %: 4 standard errors or more of what 3,000
/// simulations leave.
#[test]
fn a_normal_posterior_is_found() {
    let observed = [2.5, -3.0, 12.0];
    let fit = run(&two_means(observed), &Settings { simulations: 3000, ..Settings::default() }, &mut ()).unwrap();
    for (sign, (y, noise)) in [1.0, -1.0].into_iter().zip([(2.5, 0.25), (-3.0, 4.0)]) {
        let variance: f64 = 1.0 / (1.0 / 18.0 + 1.0 / noise);
        let (mean, sd) = (variance * y / noise, variance.sqrt());
        let values: Vec<f64> = fit.posterior.draws.iter().map(|draw| draw[0] + sign * draw[1]).collect();
        let found = crate::moments(&values, &fit.posterior.weights);
        assert!((found.0 - mean).abs() < 0.15 * sd, "mean {} for {mean}", found.0);
        assert!((found.1.sqrt() / sd - 1.0).abs() < 0.12, "s.d. {} for {sd}", found.1.sqrt());
    }
    assert!(fit.check.passed(), "{:?}", fit.check);
}

/// One data set of each reference problem, so of each law, with 2,500 simulations. Measured errors are .03 to .2; none may
/// be beyond .3 unless the fit says so.
#[test]
fn reference_posteriors_are_found() {
    for (index, problem) in reference::all().iter().enumerate() {
        let case = Case::draw(&**problem, Key::new(50 + index as u64)).unwrap();
        let exact = reference::exact_posterior(&case, 5000.0, 1).unwrap();
        let fit = run(&case, &Settings { simulations: 2500, ..Settings::default() }, &mut ()).unwrap();
        let error = reference::error(problem.parameters(), &fit.posterior, &exact.posterior);
        assert!(error < 0.3 || !fit.check.warnings().is_empty(), "{}: {error}, {:?}", problem.name(), fit.check);
        assert!(error < 0.5, "{}: {error}", problem.name());
    }
}

/// A line measured at twelve times with unknown noise in each of two units, which scatter as a whole.
struct Lines {
    parameters: Vec<Parameter>,
    observed: Vec<f64>,
    laws: Vec<Law>,
    scatter: f64,
}

const TIMES: usize = 12;

#[derive(Debug)]
struct Scattered;

impl crate::Noise for Scattered {
    fn log_density(&self, unit: usize, place: usize, data: &[f64], value: f64, log_scale: f64) -> f64 {
        -0.5 * ((data[TIMES * unit + place] - value) * (-log_scale).exp()).powi(2) - log_scale
    }
}

impl Lines {
    fn new(scatter: f64, sigma: Prior, truth: f64) -> Self {
        let normal = Prior::Normal { mean: 0.0, sd: 3.0 };
        let parameters =
            vec![parameter("level", normal.clone()), parameter("slope", normal), parameter("sigma", sigma)];
        let values = |unit: usize| (0..TIMES).map(|time| 2 * TIMES + 2 * (TIMES * unit + time)).collect::<Vec<usize>>();
        let law = crate::Measured {
            values: vec![values(0), values(1)],
            log_scales: vec![values(0).iter().map(|at| at + 1).collect(), values(1).iter().map(|at| at + 1).collect()],
            data: (0..2 * TIMES).collect(),
            random: scatter > 0.0,
            noise: std::sync::Arc::new(Scattered),
        };
        let mut lines = Self { parameters, observed: Vec::new(), laws: vec![Law::Measured(law)], scatter };
        let truth = Proposal { parameters: vec![1.0, -2.0, truth], key: Key::new(3) };
        lines.observed = lines.simulate(&[truth])[0].clone().unwrap();
        lines
    }

    fn line(parameters: &[f64], time: usize) -> f64 {
        parameters[0] + parameters[1] * (time as f64 / TIMES as f64 - 0.5)
    }
}

impl Simulator for Lines {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn observed(&self) -> &[f64] {
        &self.observed
    }
    fn laws(&self) -> &[Law] {
        &self.laws
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        let one = |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let sigma = proposal.parameters[2];
            let (mut data, mut model) = (Vec::new(), Vec::new());
            for _ in 0..2 {
                let shift = Normal::new(0.0, self.scatter).unwrap().sample(&mut stream);
                for time in 0..TIMES {
                    let value = Self::line(&proposal.parameters, time) + shift;
                    data.push(value + Normal::new(0.0, sigma).unwrap().sample(&mut stream));
                    model.extend([value, sigma.ln()]);
                }
            }
            Ok([data, model].concat())
        };
        proposals.iter().map(one).collect()
    }
}

/// The exact likelihood: in each unit the covariance is that of the scatter, in all entries, + σ²I.
impl crate::Likelihood for Lines {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        let (n, variance, scatter) = (TIMES as f64, parameters[2].powi(2), self.scatter.powi(2));
        let of_unit = |data: &[f64]| {
            let residuals: Vec<f64> =
                data.iter().enumerate().map(|(time, y)| y - Self::line(parameters, time)).collect();
            let (sum, squares) = residuals.iter().fold((0.0, 0.0), |(sum, squares), r| (sum + r, squares + r * r));
            let common = variance + n * scatter;
            -0.5 * ((squares - sum * sum * scatter / common) / variance + (n - 1.0) * variance.ln() + common.ln())
        };
        Ok(self.observed[..2 * TIMES].chunks_exact(TIMES).map(of_unit).sum())
    }
}

/// Noise that is estimated, correlated scatter that is not noise: the error is within .1 s.d. of the exact posterior, of
/// which the draws of both make some .03.
#[test]
fn noise_is_told_from_scatter() {
    let lines = Lines::new(0.3, Prior::LogUniform { lower: 0.01, upper: 10.0 }, 0.5);
    let fit = run(&lines, &Settings { simulations: 2000, ..Settings::default() }, &mut ()).unwrap();
    let exact = crate::mcmc::run(&lines, &crate::mcmc::Settings::default(), &mut ()).unwrap();
    let error = reference::error(&lines.parameters, &fit.posterior, &exact.posterior);
    assert!(error < 0.1, "{error}");
    assert!(fit.check.passed() && fit.check.warnings().is_empty(), "{:?}", fit.check);
}

/// Noise near the lower bound of a uniform prior, in units that do not scatter: the error is within .15 s.d.
#[test]
fn exact_likelihoods_are_asked_where_nothing_scatters() {
    let lines = Lines::new(0.0, Prior::Uniform { lower: 0.001, upper: 5.0 }, 0.15);
    let fit = run(&lines, &Settings { simulations: 2000, ..Settings::default() }, &mut ()).unwrap();
    let exact = crate::mcmc::run(&lines, &crate::mcmc::Settings::default(), &mut ()).unwrap();
    let error = reference::error(&lines.parameters, &fit.posterior, &exact.posterior);
    assert!(error < 0.15 && fit.check.resimulated < 0.15, "{error}, {:?}", fit.check);
    assert!(fit.check.resimulated > 0.0 && fit.simulations == 2000, "{:?}", fit.check);
}

/// Twenty values of a normal law of unknown mean, of which the last is nine standard deviations out.
#[test]
fn outliers_are_told() {
    let settings = Settings { simulations: 1000, draws: 1000, ..Settings::default() };
    for (last, outliers) in [(0.3, 0), (9.0, 1)] {
        let mut observed: Vec<f64> = (0..20).map(|index| f64::from(index) / 5.0 - 2.0).collect();
        observed[19] = last;
        let model = Model {
            parameters: vec![parameter("mean", Prior::Normal { mean: 0.0, sd: 3.0 })],
            laws: vec![Law::Exchangeable { at: (0..observed.len()).collect() }],
            observed,
            simulate: |proposal: &Proposal| {
                let mut stream = proposal.key.stream();
                let law = Normal::new(proposal.parameters[0], 1.0).unwrap();
                Ok((0..20).map(|_| law.sample(&mut stream)).collect())
            },
        };
        let check = run(&model, &settings, &mut ()).unwrap().check;
        assert_eq!(check.outliers, outliers, "{check:?}");
        assert_eq!(check.warnings().iter().any(|warning| warning.contains("extrapolated")), outliers > 0);
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let settings = Settings { simulations: 400, rounds: 2, draws: 500, ..Settings::default() };
        pool.install(|| {
            let metastases = reference::Metastases::new();
            let case = Case::draw(&metastases, Key::new(9)).unwrap();
            let counted = run(&case, &settings, &mut ()).unwrap();
            (counted, run(&two_means([1.0, 1.0, 1.0]), &settings, &mut ()).unwrap())
        })
    };
    assert_eq!(fit(1), fit(3));
}

/// Cancels after a number of rounds.
struct Watcher(usize, usize);

impl Observer for Watcher {
    fn progress(&mut self, progress: &Progress) {
        if let Progress::Rounds { round, simulations, target, .. } = *progress {
            assert!(simulations <= target);
            self.1 = self.1.max(round);
        }
    }
    fn cancelled(&self) -> bool {
        self.1 >= self.0
    }
}

#[test]
fn failures_and_interruptions_are_told() {
    let model = |share: f64| Model {
        parameters: vec![parameter("k", Prior::Uniform { lower: 0.0, upper: 1.0 })],
        observed: vec![0.5],
        laws: Vec::new(),
        simulate: move |proposal: &Proposal| {
            let k = proposal.parameters[0];
            if k < share {
                return Err(Failure("negative propensity of `E -> H`".into()));
            }
            Ok(vec![k + Normal::new(0.0, 0.05).unwrap().sample(&mut proposal.key.stream())])
        },
    };
    let settings = Settings { simulations: 1000, ..Settings::default() };
    let fit = run(&model(0.2), &settings, &mut ()).unwrap();
    assert!(fit.failures > 20 && fit.first_failure.unwrap().contains("E -> H"));
    let error = run(&model(2.0), &settings, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Failures { failures: 120, simulations: 120, .. }), "{error}");
    let fit = run(&two_means([1.0, 1.0, 1.0]), &settings, &mut Watcher(2, 0)).unwrap();
    assert!(fit.cancelled && fit.simulations < 1000, "{}", fit.simulations);
    assert_eq!(run(&two_means([1.0, 1.0, 1.0]), &settings, &mut Watcher(0, 0)), Err(Error::Cancelled));
    let error = run(&counts(), &Settings { rounds: 1, ..settings }, &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "rounds is 1, but must be at least 2");
    let Model { parameters, observed, laws, .. } = model(0.0);
    let constant = Model { parameters, observed, laws, simulate: |_: &Proposal| Ok(vec![1.0]) };
    assert_eq!(run(&constant, &Settings::default(), &mut ()), Err(Error::NoInformation));
}
