//! The learned likelihood: a part for each law, all as polynomials of the parameters.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{
    basis::{Basis, dot},
    bins::{Categories, Shares},
    branching::{self, Branching},
    gaussian::Gaussian,
    measured::Measured,
    regression::{Family, Rows},
};
use crate::{Law, Parameter, Prior, Simulator};

/// A simulation: normal scores of the parameters, their coordinates, and data.
#[derive(Clone, Debug)]
pub(super) struct Simulated {
    pub scores: Vec<f64>,
    pub coordinates: Vec<f64>,
    pub data: Vec<f64>,
}

/// What is learned about: the data, what is known of their law, and the coordinates in which it is learned.
pub(super) struct Task<'t> {
    pub laws: &'t [Law],
    pub observed: &'t [f64],
    pub coordinates: Coordinates,
}

impl<'t> Task<'t> {
    pub fn new(simulator: &'t impl Simulator) -> Self {
        let coordinates = Coordinates::new(simulator.parameters());
        Self { laws: simulator.laws(), observed: simulator.observed(), coordinates }
    }
}

/// The coordinates that polynomials are made of: under log-uniform priors the logarithms, up to a linear map, since models
/// are simpler functions of them than of normal scores; under others the scores, which near a bound of a uniform prior
/// behave as logarithms do.
#[derive(Clone, Debug)]
pub(super) struct Coordinates {
    uniform: Vec<bool>,
}

impl Coordinates {
    fn new(parameters: &[Parameter]) -> Self {
        let uniform = |law: &Parameter| matches!(law.prior, Prior::LogUniform { .. });
        Self { uniform: parameters.iter().map(uniform).collect() }
    }

    pub fn of(&self, scores: &[f64]) -> Vec<f64> {
        let normal = Normal::standard();
        let of = |(&score, &uniform): (&f64, &bool)| if uniform { normal.cdf(score) } else { score };
        scores.iter().zip(&self.uniform).map(of).collect()
    }
}

/// A part of the likelihood.
#[derive(Clone, Debug)]
enum Part {
    Shares(Shares),
    Poisson { coefficients: Vec<f64>, observed: f64 },
    Branching(Branching),
    Measured(Measured),
    Gaussian(Gaussian),
}

/// A likelihood learned from simulations.
#[derive(Clone, Debug)]
pub(super) struct Surrogate {
    basis: Basis,
    coordinates: Coordinates,
    /// Of the polynomials.
    pub degree: usize,
    /// Akaike's: of likelihoods learned from the same simulations, the smaller one predicts others better.
    pub information_criterion: f64,
    parts: Vec<Part>,
    /// Distance from the middle of the simulations, in their standard deviations, up to which polynomials are trusted.
    reach: f64,
}

/// Beyond the reach the log density falls by this times the square of the distance.
const FALL: f64 = 5.0;

impl Surrogate {
    /// Fits all parts to simulations of some weight. `None` if the data teach nothing.
    /// What was learned before is where the search begins; with `again`, its form is kept.
    pub fn fit(
        simulated: &[Simulated],
        weights: &[f64],
        degree: usize,
        task: &Task<'_>,
        previous: Option<&Self>,
        again: bool,
    ) -> Option<Self> {
        let &Task { laws, observed, .. } = task;
        let kept: Vec<usize> = (0..simulated.len()).filter(|&index| weights[index] > 1e-4).collect();
        let weights: Vec<f64> = kept.iter().map(|&index| weights[index]).collect();
        let points: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].coordinates.as_slice()).collect();
        let data: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].data.as_slice()).collect();
        let basis = Basis::new(&points, &weights, degree);
        let rows = Rows::new(points.par_iter().map(|point| basis.of(point)).collect(), basis.degrees(), weights);
        let mut parts = Vec::new();
        let mut information_criterion = 0.0;
        let mut add = |(reached, size): (f64, f64)| information_criterion += 2.0 * (size - reached);
        let mut free: Vec<bool> = vec![true; observed.len()];
        for law in laws {
            let at: Vec<usize> = match law {
                Law::Poisson { at } => {
                    let response: Vec<f64> = data.iter().map(|row| row[*at]).collect();
                    let ones = vec![1.0; response.len()];
                    let (coefficients, reached) = rows.maximum(Family::Poisson, rows.width(), &response, &ones);
                    add((reached, rows.width() as f64));
                    parts.push(Part::Poisson { coefficients, observed: observed[*at] });
                    vec![*at]
                }
                Law::Branching { series, start, gaps } => {
                    let mut different = gaps.clone();
                    different.sort_by(f64::total_cmp);
                    different.dedup_by(|a, b| (*a - *b).abs() < 1e-9 * b.abs());
                    for gap in different {
                        let chosen: Vec<usize> =
                            (0..gaps.len()).filter(|&place| (gaps[place] - gap).abs() < 1e-9 * gap.abs()).collect();
                        let of = |row: &[f64]| branching::steps(series, *start, &chosen, row);
                        let steps: Vec<_> = data.iter().map(|row| of(row)).collect();
                        let before = previous.and_then(|previous| previous.branching(parts.len()));
                        let before = before.map(|part| {
                            let basis = &previous.map_or(&basis, |previous| &previous.basis);
                            let of = |point: &&[f64]| part.predictors(&basis.of(point));
                            points.par_iter().map(of).collect::<Vec<_>>()
                        });
                        let part = Branching::fit(&rows, &steps, of(observed), before);
                        add((part.quality.0, part.quality.1 as f64));
                        parts.push(Part::Branching(part));
                    }
                    series.concat()
                }
                Law::Multinomial { at } | Law::Exchangeable { at } | Law::Survival { at, .. } => {
                    if let Some(categories) = Categories::new(law, &data, &rows.weights, observed) {
                        let before = previous.and_then(|previous| previous.shares(parts.len()));
                        let shares = categories.fit(&rows, &data, observed, before, again);
                        add(shares.quality);
                        parts.push(Part::Shares(shares));
                    }
                    at.clone()
                }
                Law::Measured(law) => {
                    let width = Basis::size(points.first()?.len(), 2).min(rows.width());
                    let part = Measured::fit(law, &rows, width, &data, observed)?;
                    add((part.quality.0, part.quality.1 as f64));
                    parts.push(Part::Measured(part));
                    [&law.values, &law.log_scales].into_iter().flatten().flatten().chain(&law.data).copied().collect()
                }
            };
            at.into_iter().for_each(|position| free[position] = false);
        }
        let free: Vec<usize> = (0..free.len()).filter(|&position| free[position]).collect();
        if !free.is_empty() {
            let dimension = points.first()?.len();
            let sizes = (dimension + 1, Basis::size(dimension, 2));
            if let Some(part) = Gaussian::fit(free, &rows, sizes, &data, observed) {
                add((part.quality.0, part.quality.1 as f64));
                parts.push(Part::Gaussian(part));
            }
        }
        let dimension = points.first()?.len() as f64;
        (!parts.is_empty()).then_some(Self {
            basis,
            coordinates: task.coordinates.clone(),
            degree,
            parts,
            information_criterion,
            reach: dimension.sqrt() + 2.0,
        })
    }

    fn shares(&self, part: usize) -> Option<&Shares> {
        match self.parts.get(part) {
            Some(Part::Shares(part)) => Some(part),
            _ => None,
        }
    }

    fn branching(&self, part: usize) -> Option<&Branching> {
        match self.parts.get(part) {
            Some(Part::Branching(part)) => Some(part),
            _ => None,
        }
    }

    /// The learned log-likelihood at normal scores.
    pub fn log_likelihood(&self, scores: &[f64]) -> f64 {
        let white = self.basis.whiten(&self.coordinates.of(scores));
        let beyond = (white.iter().map(|z| z * z).sum::<f64>().sqrt() - self.reach).max(0.0);
        let features = self.basis.of_white(&white);
        let terms = self.parts.iter().map(|part| match part {
            Part::Shares(part) => part.log_likelihood(&features),
            Part::Poisson { coefficients, observed } => {
                Family::Poisson.log_likelihood(dot(coefficients, &features), *observed, 1.0)
            }
            Part::Branching(part) => part.log_likelihood(&features),
            Part::Measured(part) => part.log_likelihood(&features),
            Part::Gaussian(part) => part.log_likelihood(&features),
        });
        terms.sum::<f64>() - FALL * beyond * beyond
    }

    /// The log-likelihood of the observations given the values of a simulation, where these are all that is not known: an
    /// exact value at the parameters of the simulation. `None` where anything scatters.
    pub fn exact(&self, simulated: &[f64], laws: &[Law]) -> Option<f64> {
        let of = |(part, law): (&Part, &Law)| match (part, law) {
            (Part::Measured(part), Law::Measured(law)) if !law.random => Some(part.exact(law, simulated)),
            _ => None,
        };
        if self.parts.len() != laws.len() {
            return None;
        }
        self.parts.iter().zip(laws).map(of).sum()
    }

    /// Observed values that are so far out among the simulated ones that their likelihood is extrapolated.
    pub fn outliers(&self) -> usize {
        let of = |part: &Part| if let Part::Shares(part) = part { part.outliers } else { 0 };
        self.parts.iter().map(of).sum()
    }

    /// Whether a point is so far from the simulations that polynomials are not trusted.
    pub fn is_beyond(&self, scores: &[f64]) -> bool {
        self.basis.whiten(&self.coordinates.of(scores)).iter().map(|z| z * z).sum::<f64>().sqrt() > self.reach
    }

    /// Standardised residuals of simulated data where a law is taken to be normal, and for each how much of what the data
    /// tell rests on it, at most 1.
    pub fn residuals(&self, simulated: &Simulated) -> Vec<(f64, f64)> {
        let features = self.basis.of(&simulated.coordinates);
        let of = |part: &Part| match part {
            Part::Gaussian(part) => {
                part.residuals(&features, &simulated.data).into_iter().map(|residual| (residual, 1.0)).collect()
            }
            Part::Measured(part) => part.residuals(&features, &simulated.data),
            _ => Vec::new(),
        };
        self.parts.iter().flat_map(of).collect()
    }
}
