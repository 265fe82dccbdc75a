#![allow(clippy::unwrap_used)]

use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::{Prior, Scale, reference};

/// xₜ = φxₜ₋₁ + N(0, 1) from 0, seen as yₜ = xₜ + N(0, s²); the one parameter is φ. Two series.
struct Autoregression {
    parameters: [Parameter; 1],
    data: [Vec<f64>; 2],
    noise: f64,
    /// Steps above this fail.
    most: f64,
}

impl Autoregression {
    fn new(noise: f64) -> Self {
        let (lower, upper) = (-1.0, 1.0);
        let prior = Prior::Uniform { lower, upper };
        let parameters = [Parameter { name: "memory".into(), prior, lower, upper, scale: Scale::Lin }];
        let series = |series: u64| {
            let mut stream = Key::new(3).child(series).stream();
            let mut normal = || -> f64 { StandardNormal.sample(&mut stream) };
            let mut x = 0.0;
            (0..12)
                .map(|_| {
                    x = 0.7 * x + normal();
                    x + noise * normal()
                })
                .collect()
        };
        Self { parameters, data: [series(0), series(1)], noise, most: f64::INFINITY }
    }

    /// By the filter of Kalman (1960, J. Basic Eng. 82:35).
    fn exact(&self, memory: f64) -> f64 {
        let of_series = |data: &Vec<f64>| {
            let (mut mean, mut variance, mut total) = (0.0, 0.0, 0.0);
            for y in data {
                (mean, variance) = (memory * mean, memory * memory * variance + 1.0);
                let spread = variance + self.noise * self.noise;
                total -= 0.5 * ((std::f64::consts::TAU * spread).ln() + (y - mean) * (y - mean) / spread);
                let gain = variance / spread;
                (mean, variance) = (mean + gain * (y - mean), variance * (1.0 - gain));
            }
            total
        };
        self.data.iter().map(of_series).sum()
    }
}

impl Process for Autoregression {
    type Particle = f64;
    type Workspace = (usize, f64);

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn observations(&self) -> Vec<usize> {
        self.data.iter().map(Vec::len).collect()
    }
    fn workspace(&self, series: usize, parameters: &[f64]) -> Result<(usize, f64), Failure> {
        Ok((series, parameters[0]))
    }
    fn start(&self, _: &mut (usize, f64), _: Key) -> Result<f64, Failure> {
        Ok(0.0)
    }
    fn advance(
        &self,
        &mut (series, memory): &mut (usize, f64),
        observation: usize,
        x: &mut f64,
        key: Key,
    ) -> Result<f64, Failure> {
        let normal: f64 = StandardNormal.sample(&mut key.stream());
        *x = memory * *x + normal;
        if normal > self.most {
            return Err(Failure("too far".to_owned()));
        }
        let z = (self.data[series][observation] - *x) / self.noise;
        Ok(-0.5 * z * z - (self.noise * std::f64::consts::TAU.sqrt()).ln())
    }
}

/// The mean of exp(estimate − exact) and its standard error.
fn mean_ratio(
    estimator: &impl Estimator,
    point: &[f64],
    exact: f64,
    (particles, estimates): (usize, u64),
) -> (f64, f64) {
    let one = |index| (estimator.log_likelihood(point, particles, Key::new(9).child(index)).unwrap() - exact).exp();
    let ratios: Vec<f64> = (0..estimates).into_par_iter().map(one).collect();
    let (mean, variance) = crate::moments(&ratios, &vec![1.0 / estimates as f64; estimates as usize]);
    (mean, (variance / estimates as f64).sqrt())
}

/// Right on average, whatever the number of particles, also where nearly all of them die. 4 standard errors of 2,000
/// estimates: false alarm 6e-5 for each of six, if means were normal.
#[test]
fn estimates_are_unbiased() {
    let process = Autoregression::new(0.8);
    for memory in [-0.2, 0.7] {
        for particles in [10, 40, 150] {
            let (mean, error) = mean_ratio(&Filter(&process), &[memory], process.exact(memory), (particles, 2000));
            assert!(error < 0.3 && (mean - 1.0).abs() < 4.0 * error, "{memory}, {particles}: {mean} ± {error}");
        }
    }
}

/// The variance of the log-likelihood falls as one over the number of particles.
#[test]
fn more_particles_are_more_precise() {
    let process = Autoregression::new(0.8);
    let variance = |particles| {
        let one = |index| Filter(&process).log_likelihood(&[0.6], particles, Key::new(4).child(index)).unwrap();
        let values: Vec<f64> = (0..400).map(one).collect();
        crate::moments(&values, &[1.0 / 400.0; 400]).1
    };
    // Each variance is known to 7 %: 4 standard errors of the ratio are 40 %.
    let ratio = variance(100) / variance(400);
    assert!((2.6..5.8).contains(&ratio), "{ratio}");
}

/// The estimates of the reference problems, at the truth: 4 standard errors of 300 estimates.
#[test]
fn weights_of_the_reference_problems_are_unbiased() {
    for (index, problem) in reference::all().iter().enumerate() {
        let case = reference::Case::draw(&**problem, Key::new(60 + index as u64)).unwrap();
        let exact = problem.log_likelihood(&case.truth, &case.data);
        let (mean, error) = mean_ratio(&Filter(&case), &case.truth, exact, (150, 300));
        let name = problem.name();
        assert!(error < 0.2 && (mean - 1.0).abs() < 4.0 * error + 1e-9, "{name}: {mean} ± {error}");
    }
}

#[test]
fn threads_change_nothing_and_what_fails_is_told() {
    let process = Autoregression::new(0.8);
    let estimate = |process: &Autoregression, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Filter(process).log_likelihood(&[0.6], 300, Key::new(1)))
    };
    assert_eq!(estimate(&process, 1), estimate(&process, 3));
    // What no particle is near to has a likelihood of 0.
    assert_eq!(estimate(&Autoregression { noise: 1e-200, ..Autoregression::new(1.0) }, 1), Ok(f64::NEG_INFINITY));
    // Where particles fail the others go on, until none is left.
    let failing = |most| estimate(&Autoregression { most, ..Autoregression::new(0.8) }, 2);
    assert!(failing(1.5).unwrap().is_finite());
    assert_eq!(failing(f64::NEG_INFINITY), Err(Failure("too far".to_owned())));
}
