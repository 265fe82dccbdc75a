#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Parameter, Prior, Scale};

/// Twenty observations of a normal law with known deviation .5 and a mean of a·b: only the product is determined.
struct Product(Vec<Parameter>);

fn log_uniform(name: &str, lower: f64, upper: f64) -> Parameter {
    Parameter { name: name.into(), prior: Prior::LogUniform { lower, upper }, lower, upper, scale: Scale::Log10 }
}

impl Likelihood for Product {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        let z = (parameters[0] * parameters[1] - 2.0) / (0.5 / 20f64.sqrt());
        Ok(-0.5 * z * z)
    }
}

/// Regression y = a + b x, with its exact least-squares answer.
struct Line(Vec<Parameter>, Vec<(f64, f64)>);

impl Likelihood for Line {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn log_likelihood(&self, p: &[f64]) -> Result<f64, Failure> {
        if p[0] > 9.0 {
            return Err(Failure("out of reach".into()));
        }
        Ok(self.1.iter().map(|(x, y)| -0.5 * ((y - p[0] - p[1] * x) / 0.2).powi(2)).sum())
    }
}

fn line() -> Line {
    let flat = |name: &str| Parameter {
        name: name.into(),
        prior: Prior::Uniform { lower: -10.0, upper: 10.0 },
        lower: -10.0,
        upper: 10.0,
        scale: Scale::Lin,
    };
    let noise = [0.1, -0.2, 0.05, 0.3, -0.1, -0.15, 0.2, 0.0];
    let data = noise.iter().enumerate().map(|(i, noise)| (i as f64, 1.0 + 0.5 * i as f64 + noise)).collect();
    Line(vec![flat("a"), flat("b")], data)
}

#[test]
fn a_line_is_fitted_as_least_squares_fits_it() {
    let line = line();
    let fit = run(&line, &Settings { starts: 6, ..Settings::default() }, &mut ()).unwrap();
    let n = line.1.len() as f64;
    let (mx, my) = line.1.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
    let sxx: f64 = line.1.iter().map(|(x, _)| (x - mx).powi(2)).sum();
    let slope = line.1.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / sxx;
    assert!((fit.parameters[1] - slope).abs() < 1e-3, "{} {slope}", fit.parameters[1]);
    assert!((fit.parameters[0] - (my - slope * mx)).abs() < 1e-3);
    // All starts find the one maximum.
    assert!(fit.starts.len() == 6 && fit.starts.iter().all(|s| (s.log_likelihood - fit.log_likelihood).abs() < 1e-3));
    // Standard errors in closed form: σ/√Sxx and σ√(1/n + x̄²/Sxx). 2,000 draws: 4 standard errors of an s.d. are 6 %.
    let sd = |i: usize| crate::moments(&fit.posterior.column(i), &fit.posterior.weights).1.sqrt();
    assert!((sd(1) / (0.2 / sxx.sqrt()) - 1.0).abs() < 0.08, "{}", sd(1));
    assert!((sd(0) / (0.2 * (1.0 / n + mx * mx / sxx).sqrt()) - 1.0).abs() < 0.08, "{}", sd(0));
    assert!(fit.failures == 0 || fit.evaluations > fit.failures);
}

#[test]
fn a_direction_without_information_keeps_its_prior() {
    let product = Product(vec![log_uniform("a", 0.01, 100.0), log_uniform("b", 0.01, 100.0)]);
    let fit = run(&product, &Settings::default(), &mut ()).unwrap();
    assert!((fit.parameters[0] * fit.parameters[1] - 2.0).abs() < 1e-3);
    // Along the ridge ab = 2 the logarithm of a/b is as wide as the prior allows: variance of log10 a under the prior
    // is 16/12; given the sum of the two logarithms it is nearly half of that.
    let ratio: Vec<f64> = fit.posterior.draws.iter().map(|draw| 0.5 * (draw[0] / draw[1]).log10()).collect();
    let (_, variance) = crate::moments(&ratio, &fit.posterior.weights);
    assert!((0.4..1.1).contains(&variance), "{variance}");
    let sum: Vec<f64> = fit.posterior.draws.iter().map(|draw| draw[0] * draw[1]).collect();
    let narrow = sum.iter().filter(|product| (1.5..2.6).contains(*product)).count() as f64 / sum.len() as f64;
    assert!(narrow > 0.4, "{narrow}");
}

#[test]
fn results_do_not_depend_on_threads() {
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&line(), &Settings { starts: 5, ..Settings::default() }, &mut ()).unwrap())
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn failures_are_told() {
    struct Never(Vec<Parameter>);
    impl Likelihood for Never {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, _: &[f64]) -> Result<f64, Failure> {
            Err(Failure("no solution at t = 3".into()))
        }
    }
    let error = run(&Never(vec![log_uniform("k", 0.1, 1.0)]), &Settings::default(), &mut ()).unwrap_err();
    assert_eq!(error, Error::Failures { starts: 20, first: "no solution at t = 3".into() });
    assert_eq!(run(&Never(Vec::new()), &Settings::default(), &mut ()), Err(Error::NoParameters));
}

#[test]
fn a_latin_hypercube_has_a_point_in_every_stratum() {
    use statrs::distribution::{ContinuousCDF, Normal};
    let points = latin_hypercube(10, 3, Key::new(4));
    for coordinate in 0..3 {
        let mut strata: Vec<usize> =
            points.iter().map(|point| (Normal::standard().cdf(point[coordinate]) * 10.0) as usize).collect();
        strata.sort_unstable();
        assert_eq!(strata, (0..10).collect::<Vec<_>>());
    }
}

#[test]
fn profiles_of_a_line_are_those_of_least_squares() {
    let line = line();
    let fit = run(&line, &Settings { starts: 4, ..Settings::default() }, &mut ()).unwrap();
    let found = profiles(&line, &fit).unwrap();
    let n = line.1.len() as f64;
    let mx = line.1.iter().map(|(x, _)| x / n).sum::<f64>();
    let sxx: f64 = line.1.iter().map(|(x, _)| (x - mx).powi(2)).sum();
    let errors = [0.2 * (1.0 / n + mx * mx / sxx).sqrt(), 0.2 / sxx.sqrt()];
    for ((profile, error), best) in found.iter().zip(errors).zip(&fit.parameters) {
        assert!(profile.values.is_sorted() && profile.values.len() > 6, "{profile:?}");
        for (level, z) in [(0.95, 1.959_964), (0.5, 0.674_490)] {
            let (lower, upper) = profile.interval(level);
            assert!(((lower.unwrap() - best) / error + z).abs() < 0.01, "{level}: {lower:?} {best} {error}");
            assert!(((upper.unwrap() - best) / error - z).abs() < 0.01, "{level}: {upper:?} {best} {error}");
        }
    }
}

#[test]
fn the_profile_of_a_rate_is_lopsided_as_it_should_be() {
    /// Five events within a time at risk of 10: log-likelihood 5 ln λ − 10 λ.
    struct Rate(Vec<Parameter>);
    impl Likelihood for Rate {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
            Ok(5.0 * parameters[0].ln() - 10.0 * parameters[0])
        }
    }
    let rate = Rate(vec![log_uniform("rate", 1e-3, 1e2)]);
    let fit = run(&rate, &Settings { starts: 3, ..Settings::default() }, &mut ()).unwrap();
    assert!((fit.parameters[0] - 0.5).abs() < 1e-4);
    let (lower, upper) = profiles(&rate, &fit).unwrap()[0].interval(0.95);
    // Both ends solve 5 ln(λ/.5) − 10 (λ − .5) = −1.92073.
    for (end, known) in [(lower.unwrap(), 0.179_301), (upper.unwrap(), 1.074_639)] {
        assert!((end / known - 1.0).abs() < 0.01, "{end} {known}");
        assert!((5.0 * (known / 0.5f64).ln() - 10.0 * (known - 0.5) + 1.920_73).abs() < 1e-3, "{known}");
    }
}

#[test]
fn a_profile_without_bound_says_so() {
    let product = Product(vec![log_uniform("a", 0.01, 100.0), log_uniform("b", 0.01, 100.0)]);
    let fit = run(&product, &Settings { starts: 4, ..Settings::default() }, &mut ()).unwrap();
    for profile in profiles(&product, &fit).unwrap() {
        let (lower, upper) = profile.interval(0.95);
        // The other may be 100 at most.
        assert!(lower.is_none_or(|lower| lower < 0.03) && upper.is_none_or(|upper| upper > 50.0), "{profile:?}");
        let (low, high) = (profile.values[0], profile.values[profile.values.len() - 1]);
        assert!(low < 0.03 && high > 50.0, "{low} {high}");
    }
}
