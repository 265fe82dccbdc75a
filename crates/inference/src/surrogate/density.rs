//! The learned likelihood: a part for each law, all as polynomials of the parameters.

use rayon::prelude::*;

use super::{
    basis::{Basis, dot},
    bins::{Binomial, Categories},
    branching::{self, Branching},
    gaussian::Gaussian,
    regression::{Family, Rows},
};
use crate::Law;

/// A simulation: normal scores of the parameters, and data.
#[derive(Clone, Debug)]
pub(super) struct Simulated {
    pub scores: Vec<f64>,
    pub data: Vec<f64>,
}

/// A part of the likelihood.
#[derive(Clone, Debug)]
enum Part {
    Binomial(Binomial),
    Poisson { coefficients: Vec<f64>, observed: f64 },
    Branching(Branching),
    Gaussian(Gaussian),
}

/// A likelihood learned from simulations.
#[derive(Clone, Debug)]
pub(super) struct Surrogate {
    pub basis: Basis,
    parts: Vec<Part>,
    /// Distance from the middle of the simulations, in their standard deviations, up to which polynomials are trusted.
    reach: f64,
}

/// Beyond the reach the log density falls by this times the square of the distance.
const FALL: f64 = 5.0;

impl Surrogate {
    /// Fits all parts to simulations of some weight. `None` if the data teach nothing.
    pub fn fit(
        simulated: &[Simulated],
        weights: &[f64],
        degree: usize,
        laws: &[Law],
        observed: &[f64],
    ) -> Option<Self> {
        let kept: Vec<usize> = (0..simulated.len()).filter(|&index| weights[index] > 1e-4).collect();
        let weights: Vec<f64> = kept.iter().map(|&index| weights[index]).collect();
        let scores: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].scores.as_slice()).collect();
        let data: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].data.as_slice()).collect();
        let basis = Basis::new(&scores, &weights, degree);
        let rows = Rows::new(scores.par_iter().map(|scores| basis.of(scores)).collect(), weights);
        let mut parts = Vec::new();
        let mut free: Vec<bool> = vec![true; observed.len()];
        for law in laws {
            let at: Vec<usize> = match law {
                Law::Poisson { at } => {
                    let response: Vec<f64> = data.iter().map(|row| row[*at]).collect();
                    let ones = vec![1.0; response.len()];
                    let coefficients = rows.generalised(Family::Poisson, rows.width(), &response, &ones);
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
                        parts.push(Part::Branching(Branching::fit(&rows, &steps, of(observed))));
                    }
                    series.concat()
                }
                Law::Multinomial { at } | Law::Exchangeable { at } | Law::Survival { at, .. } => {
                    if let Some(categories) = Categories::new(law, &data, &rows.weights) {
                        parts.extend(categories.fit(&rows, &data, observed).into_iter().map(Part::Binomial));
                    }
                    at.clone()
                }
            };
            at.into_iter().for_each(|position| free[position] = false);
        }
        let free: Vec<usize> = (0..free.len()).filter(|&position| free[position]).collect();
        if !free.is_empty() {
            let dimension = scores.first()?.len();
            let sizes = (dimension + 1, Basis::size(dimension, 2));
            parts.extend(Gaussian::fit(free, &rows, sizes, &scores, &data, observed).map(Part::Gaussian));
        }
        let dimension = scores.first()?.len() as f64;
        (!parts.is_empty()).then_some(Self { basis, parts, reach: dimension.sqrt() + 2.0 })
    }

    /// The learned log-likelihood at normal scores.
    pub fn log_likelihood(&self, scores: &[f64]) -> f64 {
        let white = self.basis.whiten(scores);
        let beyond = (white.iter().map(|z| z * z).sum::<f64>().sqrt() - self.reach).max(0.0);
        let features = self.basis.of_white(&white);
        let terms = self.parts.iter().map(|part| match part {
            Part::Binomial(part) => part.log_likelihood(&features),
            Part::Poisson { coefficients, observed } => {
                Family::Poisson.log_likelihood(dot(coefficients, &features), *observed, 1.0)
            }
            Part::Branching(part) => part.log_likelihood(&features),
            Part::Gaussian(part) => part.log_likelihood(&features),
        });
        terms.sum::<f64>() - FALL * beyond * beyond
    }

    /// Whether a point is so far from the simulations that polynomials are not trusted.
    pub fn is_beyond(&self, scores: &[f64]) -> bool {
        self.basis.whiten(scores).iter().map(|z| z * z).sum::<f64>().sqrt() > self.reach
    }

    /// Standardised residuals of data under the Gaussian part, if there is one.
    pub fn residuals(&self, simulated: &Simulated) -> Option<Vec<f64>> {
        let part = self.parts.iter().find_map(|part| match part {
            Part::Gaussian(part) => Some(part),
            _ => None,
        })?;
        Some(part.residuals(&self.basis.of(&simulated.scores), &simulated.data))
    }
}
