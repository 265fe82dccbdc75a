//! Metastases counted per animal, in two arms.

use metacascade_random::Key;
use rand_distr::{Distribution, Exp, Geometric, Poisson};

use super::{Reference, log_uniform, mean_and_sd};
use crate::{Failure, Law, Parameter, Prior, Scale};

/// Metastases that found further ones, counted in 20 control and 20 treated animals.
///
/// An exponentially growing primary founds m metastases on average, each of which gives rise to a Yule process of
/// further ones that grows 1/ρ times as fast as the primary: the law of Luria & Delbrück with differential growth. A
/// founder's line has k members with probability ρB(k, ρ+1), and the count is a Poisson sum of lines (Mandelbrot 1974,
/// J. Appl. Probab. 11:437). Treatment multiplies m. Counts of 100 and more are recorded as 100.
pub struct Metastases {
    parameters: Vec<Parameter>,
}

const ANIMALS: usize = 20;

/// Too many to count.
const LIMIT: usize = 100;

impl Metastases {
    /// The problem.
    #[must_use]
    pub fn new() -> Self {
        let effect = Parameter {
            name: "effect".into(),
            prior: Prior::LogNormal { log_mean: -0.5, log_sd: 0.7 },
            lower: 0.0,
            upper: f64::INFINITY,
            scale: Scale::Log10,
        };
        Self { parameters: vec![log_uniform("founders", 0.5, 20.0), effect, log_uniform("growth_ratio", 0.5, 4.0)] }
    }

    /// Probabilities of 0, 1, … and, last, of [`LIMIT`] and more, by Panjer's recursion.
    pub(super) fn probabilities(founders: f64, ratio: f64) -> Vec<f64> {
        let mut line = vec![0.0; LIMIT];
        line[1] = ratio / (ratio + 1.0);
        for k in 1..LIMIT - 1 {
            line[k + 1] = line[k] * k as f64 / (k as f64 + 1.0 + ratio);
        }
        let mut p = vec![0.0; LIMIT + 1];
        p[0] = (-founders).exp();
        for n in 1..LIMIT {
            let sum: f64 = (1..=n).map(|k| k as f64 * line[k] * p[n - k]).sum();
            p[n] = founders / n as f64 * sum;
        }
        p[LIMIT] = (1.0 - p.iter().sum::<f64>()).max(1e-300);
        p
    }

    fn arms(parameters: &[f64]) -> [f64; 2] {
        [parameters[0], parameters[0] * parameters[1]]
    }
}

impl Default for Metastases {
    fn default() -> Self {
        Self::new()
    }
}

impl Reference for Metastases {
    fn name(&self) -> &'static str {
        "metastases"
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn laws(&self) -> Vec<Law> {
        (0..2).map(|arm| Law::Exchangeable { at: (arm * ANIMALS..(arm + 1) * ANIMALS).collect() }).collect()
    }

    /// Counts of the controls, then of the treated animals.
    fn simulate(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure> {
        let failure = |error: &dyn std::fmt::Display| Failure(error.to_string());
        let mut stream = key.stream();
        let age = Exp::new(parameters[2]).map_err(|error| failure(&error))?;
        let mut data = Vec::with_capacity(2 * ANIMALS);
        for founders in Self::arms(parameters) {
            let law = Poisson::new(founders).map_err(|error| failure(&error))?;
            for _ in 0..ANIMALS {
                let mut count = 0.0f64;
                for _ in 0..law.sample(&mut stream) as u64 {
                    // The size of a Yule process of this age: geometric with e^−age.
                    let p: f64 = (-age.sample(&mut stream)).exp();
                    count += 1.0 + Geometric::new(p).map_err(|error| failure(&error))?.sample(&mut stream) as f64;
                }
                data.push(count.min(LIMIT as f64));
            }
        }
        Ok(data)
    }

    /// In each arm: the share without any, mean and standard deviation of ln(1 + count).
    fn summaries(&self, data: &[f64]) -> Vec<f64> {
        let arm = |counts: &[f64]| {
            let none = counts.iter().filter(|&&count| count == 0.0).count() as f64 / ANIMALS as f64;
            let (mean, sd) = mean_and_sd(counts.iter().map(|count| count.ln_1p()));
            [none, mean, sd]
        };
        data.chunks_exact(ANIMALS).flat_map(arm).collect()
    }

    fn log_likelihood(&self, parameters: &[f64], data: &[f64]) -> f64 {
        let mut total = 0.0;
        for (founders, counts) in Self::arms(parameters).into_iter().zip(data.chunks_exact(ANIMALS)) {
            let p = Self::probabilities(founders, parameters[2]);
            total += counts.iter().map(|&count| p[count as usize].max(1e-300).ln()).sum::<f64>();
        }
        total
    }
}
