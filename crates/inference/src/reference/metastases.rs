//! Metastases counted per animal, in two arms.

use metacascade_random::{Key, Stream};
use rand::RngExt;
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

    fn series(&self) -> Vec<usize> {
        vec![1; 2 * ANIMALS]
    }

    /// Founders, their ages and all lines but the oldest are simulated; founders not more than there are metastases.
    fn log_weight(
        &self,
        parameters: &[f64],
        data: &[f64],
        (series, _): (usize, usize),
        stream: &mut Stream,
    ) -> Result<f64, Failure> {
        let failure = |error: &dyn std::fmt::Display| Failure(error.to_string());
        let (founders, count) = (Self::arms(parameters)[series / ANIMALS], data[series] as usize);
        let censored = count == LIMIT;
        let mut weight = 0.0;
        let lines = if censored {
            Poisson::new(founders).map_err(|error| failure(&error))?.sample(stream) as u64
        } else if count == 0 {
            return Ok(-founders);
        } else {
            // P(k)/P(0) for 1 to the count.
            let mut ratio = 1.0;
            let ratios: Vec<f64> = (1..=count)
                .map(|k| {
                    ratio *= founders / k as f64;
                    ratio
                })
                .collect();
            let total: f64 = ratios.iter().sum();
            weight = total.ln() - founders;
            let mut rest = stream.random::<f64>() * total;
            let chosen = ratios.iter().position(|&ratio| {
                rest -= ratio;
                rest < 0.0
            });
            chosen.map_or(count, |place| place + 1) as u64
        };
        let age = Exp::new(parameters[2]).map_err(|error| failure(&error))?;
        let (mut oldest, mut others) = (0.0, 0.0);
        for line in 0..lines {
            let own: f64 = age.sample(stream);
            let younger = own.min(oldest);
            oldest = own.max(oldest);
            if line > 0 {
                let law = Geometric::new((-younger).exp()).map_err(|error| failure(&error))?;
                others += 1.0 + law.sample(stream) as f64;
            }
        }
        // The oldest line has this many, or at least so many.
        let left = count as f64 - others;
        let grown = (-(-oldest).exp()).ln_1p();
        Ok(match (censored, lines) {
            (_, 0) => f64::NEG_INFINITY,
            (true, _) => (left - 1.0).max(0.0) * grown,
            (false, _) if left < 1.0 => f64::NEG_INFINITY,
            (false, _) => weight - oldest + if left > 1.0 { (left - 1.0) * grown } else { 0.0 },
        })
    }
}
