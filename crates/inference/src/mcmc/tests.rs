#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Parameter, Prior, Quantiles, Scale,
    reference::{self, Case},
};

/// Counts 3, 8 and 5 of one Poisson rate with prior Gamma(2, scale 4): posterior Gamma(18, scale 4/13).
struct Counts([Parameter; 1]);

impl Likelihood for Counts {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        Ok(16.0 * parameters[0].ln() - 3.0 * parameters[0])
    }
}

fn counts() -> Counts {
    let prior = Prior::Gamma { shape: 2.0, scale: 4.0 };
    Counts([Parameter { name: "rate".into(), prior, lower: 0.0, upper: f64::INFINITY, scale: Scale::Lin }])
}

/// 4 binomial standard errors at the effective sample size: false alarm 6e-5 for each of five quantiles.
#[test]
fn a_gamma_posterior_is_found() {
    let fit = run(&counts(), &Settings::default(), &mut ()).unwrap();
    let exact = Prior::Gamma { shape: 18.0, scale: 4.0 / 13.0 };
    let quantiles = Quantiles::unweighted(&fit.posterior.column(0));
    assert!(fit.convergence[0].effective_sample_size >= 4000.0 && fit.warnings(&Settings::default()).is_empty());
    for p in [0.05, 0.25, 0.5, 0.75, 0.95] {
        let found = exact.cdf(quantiles.at(p));
        assert!((found - p).abs() < 4.0 * (p * (1.0 - p) / 4000.0).sqrt(), "{p}: {found}");
    }
}

/// A whole number from 1 to 20, measured five times as 7.3 on average with an s.d. of 2: its probabilities are those of the
/// normal law at whole numbers. 4 binomial standard errors at the effective sample size: false alarm 6e-5 for each of six.
#[test]
fn whole_numbers_have_their_probabilities() {
    struct Measured([Parameter; 1]);
    impl Likelihood for Measured {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
            assert_eq!(parameters[0].fract(), 0.0);
            Ok(-0.5 * 5.0 * ((7.3 - parameters[0]) / 2.0).powi(2))
        }
    }
    let prior = Prior::Whole(Box::new(Prior::Uniform { lower: 0.5, upper: 20.5 }));
    let number = Parameter { name: "n".into(), prior, lower: 1.0, upper: 20.0, scale: Scale::Lin };
    let fit = run(&Measured([number]), &Settings::default(), &mut ()).unwrap();
    let weight = |k: i32| (-0.5 * 5.0 * ((7.3 - f64::from(k)) / 2.0).powi(2)).exp();
    let total: f64 = (1..=20).map(weight).sum();
    let draws = fit.posterior.column(0);
    for k in 5..=10 {
        let exact = weight(k) / total;
        let found = draws.iter().filter(|&&draw| draw == f64::from(k)).count() as f64 / draws.len() as f64;
        assert!((found - exact).abs() < 4.0 * (exact * (1.0 - exact) / 4000.0).sqrt(), "{k}: {found} for {exact}");
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            run(&counts(), &Settings { min_effective_sample_size: 500.0, ..Settings::default() }, &mut ()).unwrap()
        })
    };
    assert_eq!(fit(1), fit(3));
}

/// Settings as they come score .04 at most against longer chains, on every reference problem. An effective sample size of
/// 4,000 scores .02 ± .005: the false-alarm rate is below 1e-3 for each.
#[test]
fn reference_posteriors_are_found() {
    for (index, problem) in reference::all().iter().enumerate() {
        let case = Case::draw(&**problem, Key::new(40 + index as u64)).unwrap();
        let exact = reference::exact_posterior(&case, 15_000.0, 1).unwrap();
        assert!(exact.convergence.iter().all(|found| found.r_hat < 1.01), "{:?}", exact.convergence);
        let fit = run(&case, &Settings { seed: 2, ..Settings::default() }, &mut ()).unwrap();
        let error = reference::error(problem.parameters(), &fit.posterior, &exact.posterior);
        assert!(error < 0.04, "{}: {error}", problem.name());
        assert!(fit.warnings(&Settings::default()).is_empty());
    }
}

/// Means and standard deviations against sums over a grid of 41³ points. At an effective sample size of 15,000, 5 standard
/// errors are .04 s.d. and 3 %: false alarm below 1e-5.
#[test]
fn chains_agree_with_quadrature() {
    let problem = reference::Metastases::new();
    let case = Case::draw(&problem, Key::new(3)).unwrap();
    let chains = reference::exact_posterior(&case, 15_000.0, 1).unwrap().posterior;
    let parameters = Likelihood::parameters(&case);
    let scores = |index: usize| -> Vec<f64> {
        chains.draws.iter().map(|draw| parameters[index].to_score(draw[index])).collect()
    };
    let moments: Vec<(f64, f64)> = (0..3).map(|index| crate::moments(&scores(index), &chains.weights)).collect();
    let axis = |(mean, variance): &(f64, f64)| -> Vec<f64> {
        (-20..=20).map(|step| mean + 0.3 * f64::from(step) * variance.sqrt()).collect()
    };
    let axes: Vec<Vec<f64>> = moments.iter().map(axis).collect();
    let mut cells = Vec::new();
    for &a in &axes[0] {
        for &b in &axes[1] {
            for &c in &axes[2] {
                let value = case.log_likelihood(&from_scores(parameters, &[a, b, c])).unwrap();
                cells.push(([a, b, c], value - 0.5 * (a * a + b * b + c * c)));
            }
        }
    }
    let highest = cells.iter().map(|cell| cell.1).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = cells.iter().map(|cell| (cell.1 - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    for (index, found) in moments.iter().enumerate() {
        let values: Vec<f64> = cells.iter().map(|cell| cell.0[index]).collect();
        let exact = crate::moments(&values, &weights);
        assert!((found.0 - exact.0).abs() < 0.04 * exact.1.sqrt(), "{index}: mean {} for {}", found.0, exact.0);
        assert!((found.1 / exact.1 - 1.0).abs() < 0.06, "{index}: variance {} for {}", found.1, exact.1);
    }
}

#[test]
fn settings_and_failures_are_told() {
    struct Never([Parameter; 1]);
    impl Likelihood for Never {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, _: &[f64]) -> Result<f64, Failure> {
            Err(Failure("no solution at t = 3".into()))
        }
    }
    let error = run(&Never(counts().0), &Settings::default(), &mut ()).unwrap_err();
    assert!(error.to_string().ends_with("the first failure: no solution at t = 3"), "{error}");
    let error = run(&counts(), &Settings { chains: 1, ..Settings::default() }, &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "chains must be at least 2");
}
