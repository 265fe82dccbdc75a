//! The learned likelihood: a part for each law, all as polynomials of the parameters.

use rayon::prelude::*;

use super::{
    basis::{Basis, dot},
    bins::{Categories, Shares},
    branching::{self, Branching},
    gaussian::Gaussian,
    hazards::Search,
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
    Shares(Shares),
    Poisson { coefficients: Vec<f64>, observed: f64 },
    Branching(Branching),
    Gaussian(Gaussian),
}

/// A likelihood learned from simulations.
#[derive(Clone, Debug)]
pub(super) struct Surrogate {
    pub basis: Basis,
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
        laws: &[Law],
        observed: &[f64],
        previous: Option<&Self>,
        again: bool,
    ) -> Option<Self> {
        let kept: Vec<usize> = (0..simulated.len()).filter(|&index| weights[index] > 1e-4).collect();
        let weights: Vec<f64> = kept.iter().map(|&index| weights[index]).collect();
        let scores: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].scores.as_slice()).collect();
        let data: Vec<&[f64]> = kept.iter().map(|&index| simulated[index].data.as_slice()).collect();
        let basis = Basis::new(&scores, &weights, degree);
        let rows = Rows::new(scores.par_iter().map(|scores| basis.of(scores)).collect(), weights);
        let mut parts = Vec::new();
        let mut information_criterion = 0.0;
        let mut add = |(reached, size): (f64, usize)| information_criterion += 2.0 * (size as f64 - reached);
        let mut free: Vec<bool> = vec![true; observed.len()];
        for law in laws {
            let at: Vec<usize> = match law {
                Law::Poisson { at } => {
                    let response: Vec<f64> = data.iter().map(|row| row[*at]).collect();
                    let ones = vec![1.0; response.len()];
                    let (coefficients, reached) = rows.maximum(Family::Poisson, rows.width(), &response, &ones);
                    add((reached, rows.width()));
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
                            let of = |scores: &&[f64]| part.predictors(&basis.of(scores));
                            scores.par_iter().map(of).collect::<Vec<_>>()
                        });
                        let part = Branching::fit(&rows, &steps, of(observed), before);
                        add(part.quality);
                        parts.push(Part::Branching(part));
                    }
                    series.concat()
                }
                Law::Multinomial { at } | Law::Exchangeable { at } | Law::Survival { at, .. } => {
                    if let Some(categories) = Categories::new(law, &data, &rows.weights) {
                        let order = previous.and_then(|previous| previous.order(parts.len()));
                        let search = match order {
                            None => Search::default(),
                            Some(order) if again => Search::Exactly(order),
                            Some(order) => Search::From(order),
                        };
                        let shares = categories.fit(&rows, &data, observed, search);
                        add(shares.quality);
                        parts.push(Part::Shares(shares));
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
            if let Some(part) = Gaussian::fit(free, &rows, sizes, &data, observed) {
                add(part.quality);
                parts.push(Part::Gaussian(part));
            }
        }
        let dimension = scores.first()?.len() as f64;
        (!parts.is_empty()).then_some(Self {
            basis,
            degree,
            parts,
            information_criterion,
            reach: dimension.sqrt() + 2.0,
        })
    }

    fn order(&self, part: usize) -> Option<usize> {
        match self.parts.get(part) {
            Some(Part::Shares(part)) => part.order(),
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
        let white = self.basis.whiten(scores);
        let beyond = (white.iter().map(|z| z * z).sum::<f64>().sqrt() - self.reach).max(0.0);
        let features = self.basis.of_white(&white);
        let terms = self.parts.iter().map(|part| match part {
            Part::Shares(part) => part.log_likelihood(&features),
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
