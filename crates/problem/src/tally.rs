//! Measurements that share the model's value and noise, reduced to what their likelihood depends on.
//!
//! Replicates of an observable at one time have the same mean field. Under normal noise, of the value or of its logarithm,
//! only their number, mean and sum of squares matter (sufficient statistics); equal counts are equally likely. So the
//! likelihood of a hundred thousand subjects takes as long as that of a few.

use std::collections::HashMap;

use metacascade_inference::Failure;

use crate::{
    exact,
    measurements::{Measurement, Reading},
    noise::NoiseDistribution,
    observe::{Read, View},
    problem::Problem,
};

/// What is read at one time.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    shared: Vec<Shared>,
    /// What is read one by one: rows with placeholders of their own, and multinomial samples, one after the other.
    single: Vec<Read>,
}

/// Rows of one observable and exposure without placeholders of their own.
#[derive(Debug)]
struct Shared {
    /// Any of them.
    read: Read,
    normal: Option<Normal>,
    /// Rows, and how many are like each.
    rows: Vec<(Read, f64)>,
}

/// Values, or logarithms of values where the noise is that of the logarithm.
#[derive(Clone, Copy, Debug, Default)]
struct Normal {
    count: f64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    /// Σ ln m, where the noise is that of the logarithm.
    jacobian: f64,
}

/// What rows have in common that share a [`Shared`], and those of it that are alike.
type Common = (usize, u64);
type Alike = (Common, u64, Option<(u64, u64)>);

impl Tallies {
    pub fn new(problem: &Problem, reads: &[Read]) -> Self {
        let mut tallies = Self::default();
        let mut known: HashMap<Common, usize> = HashMap::new();
        let mut alike: HashMap<Alike, usize> = HashMap::new();
        for read in reads {
            let (noise, row) = (read.observable(problem).noise, read.row(problem));
            if noise == NoiseDistribution::Multinomial || !row.overrides.is_empty() {
                tallies.single.push(*read);
                continue;
            }
            let common = (problem.series()[read.series].observable, row.exposure.to_bits());
            let place = *known.entry(common).or_insert(tallies.shared.len());
            if place == tallies.shared.len() {
                tallies.shared.push(Shared { read: *read, normal: None, rows: Vec::new() });
            }
            let shared = &mut tallies.shared[place];
            if is_normal(noise, row) {
                shared.normal.get_or_insert_default().take(noise, row.value);
                continue;
            }
            let seat = *alike.entry((common, row.value.to_bits(), bits(row.reading))).or_insert(shared.rows.len());
            match shared.rows.get_mut(seat) {
                Some((_, count)) => *count += 1.0,
                None => shared.rows.push((*read, 1.0)),
            }
        }
        tallies
    }

    /// The log-likelihood of all that is read, given the model's values.
    pub fn log_likelihood(&self, problem: &Problem, view: &mut View<'_>) -> Result<f64, Failure> {
        let mut total = exact::all(problem, &self.single, view)?;
        for Shared { read, normal, rows } in &self.shared {
            let (observable, row) = (read.observable(problem), read.row(problem));
            let (y, sigma) = view.observe(observable, &[])?;
            total += normal.map_or(0.0, |normal| normal.log_likelihood(observable.noise, row.exposure * y, sigma));
            let each =
                |(read, count): &(Read, f64)| count * read.row(problem).log_likelihood(observable.noise, y, sigma);
            total += rows.iter().map(each).sum::<f64>();
        }
        Ok(total)
    }
}

/// Whether a row is one of the numbers whose sums are enough. A value that the law cannot have is not.
fn is_normal(noise: NoiseDistribution, row: &Measurement) -> bool {
    let possible = match noise {
        NoiseDistribution::Normal => true,
        NoiseDistribution::LogNormal => row.value > 0.0,
        _ => false,
    };
    possible && row.reading == Reading::Exact
}

/// What tells readings apart, besides the value; `None` of an exact one.
fn bits(reading: Reading) -> Option<(u64, u64)> {
    match reading {
        Reading::Exact => None,
        Reading::Below => Some((0, 0)),
        Reading::Above => Some((1, 0)),
        Reading::UpTo(end) => Some((2, end.to_bits())),
        Reading::Mean { n, sd: None } => Some((n.to_bits(), u64::MAX)),
        Reading::Mean { n, sd: Some(sd) } => Some((n.to_bits(), sd.to_bits())),
    }
}

impl Normal {
    /// One more value (Welford 1962, Technometrics 4:419).
    fn take(&mut self, noise: NoiseDistribution, value: f64) {
        let value = if noise.is_logarithmic() { value.ln() } else { value };
        self.count += 1.0;
        let difference = value - self.mean;
        self.mean += difference / self.count;
        self.squares += difference * (value - self.mean);
        self.jacobian += if noise.is_logarithmic() { value } else { 0.0 };
    }

    /// −n ln(σ√2π) − (n(m̄ − μ)² + Σ(m − m̄)²)/2σ² − Σ ln m, the last where m are logarithms and μ that of the mean.
    fn log_likelihood(&self, noise: NoiseDistribution, mean: f64, sigma: f64) -> f64 {
        if noise.is_logarithmic() && mean <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let residual = self.mean - if noise.is_logarithmic() { mean.ln() } else { mean };
        let squares = self.count * residual * residual + self.squares;
        -self.count * (sigma.ln() + 0.5 * std::f64::consts::TAU.ln()) - 0.5 * squares / (sigma * sigma) - self.jacobian
    }
}
