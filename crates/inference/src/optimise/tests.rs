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

#[test]
fn cma_es_finds_the_same_line_on_any_number_of_threads() {
    let line = line();
    let settings = Settings { starts: 3, optimiser: Optimiser::CmaEs, ..Settings::default() };
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&line, &settings, &mut ()).unwrap())
    };
    let found = fit(1);
    assert_eq!(found, fit(3));
    let known = run(&line, &Settings { starts: 3, ..Settings::default() }, &mut ()).unwrap();
    let away = found.parameters.iter().zip(&known.parameters).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(away < 1e-4 && (found.log_likelihood - known.log_likelihood).abs() < 1e-5, "{away}");
}

/// Two hills along a, of heights 0 and 5, with a valley of 1.1 between them; b follows a.
struct Hills(Vec<Parameter>);

impl Likelihood for Hills {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn log_likelihood(&self, p: &[f64]) -> Result<f64, Failure> {
        let hill = |height: f64, centre: f64| height - (p[0] - centre).powi(2) / 1.28;
        let (low, high) = (hill(0.0, -2.0), hill(5.0, 2.0));
        let whole = low.max(high) + (-(low - high).abs()).exp().ln_1p();
        Ok(whole - 2.0 * (p[1] - p[0]).powi(2))
    }
}

#[test]
fn a_better_maximum_that_a_profile_meets_is_adopted() {
    let hills = Hills(line().0);
    let settings = Settings { draws: 100, ..Settings::default() };
    let counter = Counter::default();
    let value = |scores: &[f64]| counter.count(hills.log_likelihood(&from_scores(&hills.0, scores)));
    let low = maximise(&value, &to_scores(&hills.0, &[-2.0, -2.0]), 200).unwrap();
    assert!(low.value.abs() < 0.01, "{low:?}");
    let start = Start { parameters: from_scores(&hills.0, &low.point), log_likelihood: low.value };
    let optimum = around(&hills.0, &value, vec![start], &settings, &counter, false).unwrap();
    let before = optimum.evaluations;
    let found = profiled(&hills, &settings, optimum, &mut ()).unwrap();
    assert!((found.optimum.log_likelihood - 5.0).abs() < 1e-3, "{}", found.optimum.log_likelihood);
    assert!((found.optimum.parameters[0] - 2.0).abs() < 1e-3 && found.optimum.starts.len() == 2);
    assert!(found.settled && found.left.len() == 1 && found.left[0].abs() < 0.01, "{:?}", found.left);
    // Evaluations of both rounds of profiles are counted.
    assert!(found.optimum.evaluations > before + 100, "{before} {}", found.optimum.evaluations);
    for profile in &found.profiles {
        let peak = profile.peak().unwrap();
        assert!((profile.log_likelihoods[peak] - found.optimum.log_likelihood).abs() < 1e-4, "{profile:?}");
    }
    // Where there is nothing better, nothing changes but the count.
    let line = line();
    let fit = run(&line, &Settings { starts: 2, ..settings.clone() }, &mut ()).unwrap();
    let again = profiled(&line, &settings, fit.clone(), &mut ()).unwrap();
    assert!(again.left.is_empty() && again.settled && again.optimum.evaluations > fit.evaluations);
    assert_eq!(again.optimum.parameters, fit.parameters);
}

/// Estimates by particle filters, with fresh numbers and with common ones: where they are highest the exact log-likelihood is
/// within .5 of its maximum, that is within one standard deviation in one direction.
#[test]
fn the_maximum_of_an_estimated_likelihood_is_near_the_exact_one() {
    use crate::{particle::Filter, reference};
    let problem = reference::Metastases::new();
    let case = reference::Case::draw(&problem, Key::new(41)).unwrap();
    let exact = run(&case, &Settings { starts: 5, ..Settings::default() }, &mut ()).unwrap();
    for numbers in [Numbers::Fresh, Numbers::Common] {
        // Common numbers have no other remedy against their own chance than effort.
        let effort = if numbers == Numbers::Common { 256 } else { 32 };
        let settings =
            NoisySettings { starts: 2, generations: 60, effort, max_effort: 256, numbers, ..NoisySettings::default() };
        let found = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| maximise_noisy(&Filter(&case), &settings, &mut ()).unwrap())
        };
        let one = found(1);
        let there = Likelihood::log_likelihood(&case, &one.parameters).unwrap();
        assert!(there > exact.log_likelihood - 0.5, "{numbers:?}: {there} for {}, {one:?}", exact.log_likelihood);
        assert!((one.log_likelihood - there).abs() < 5.0 * one.standard_error + 0.05, "{one:?} {there}");
        if numbers == Numbers::Common {
            assert_eq!(one, found(3));
        }
    }
}

/// A parabola with noise of a standard deviation that falls as the root of the effort: fresh numbers make it grow.
#[test]
fn effort_grows_where_noise_changes_ranks() {
    struct Noisy(Vec<Parameter>, f64);
    impl crate::pseudo_marginal::Estimator for Noisy {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn log_likelihood(&self, p: &[f64], effort: usize, key: Key) -> Result<f64, Failure> {
            use rand_distr::{Distribution, StandardNormal};
            let noise: f64 = StandardNormal.sample(&mut key.stream());
            Ok(-0.5 * ((p[0] - 1.0).powi(2) + (p[1] + 2.0).powi(2)) + noise * self.1 / (effort as f64).sqrt())
        }
    }
    let settings = NoisySettings { starts: 1, effort: 4, max_effort: 4096, ..NoisySettings::default() };
    let noisy = maximise_noisy(&Noisy(line().0, 2.0), &settings, &mut ()).unwrap();
    assert!(noisy.effort > 100, "{noisy:?}");
    assert!((noisy.parameters[0] - 1.0).abs() < 0.3 && (noisy.parameters[1] + 2.0).abs() < 0.3, "{noisy:?}");
    // Not so long that points are as near to each other as the noise.
    let short = NoisySettings { generations: 30, ..settings.clone() };
    let quiet = maximise_noisy(&Noisy(line().0, 1e-12), &short, &mut ()).unwrap();
    assert!(quiet.effort <= 16 && (quiet.parameters[0] - 1.0).abs() < 0.1, "{quiet:?}");
    let none = NoisySettings { generations: 0, ..settings };
    assert_eq!(maximise_noisy(&Noisy(line().0, 1.0), &none, &mut ()), Err(Error::Setting("generations")));
}
