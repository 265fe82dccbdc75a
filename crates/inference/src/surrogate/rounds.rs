//! The loop over rounds.

use metacascade_random::Key;
use rand::{RngExt, seq::SliceRandom};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{
    Error, Fit, Settings,
    basis::Basis,
    check::{self, Check},
    density::{Simulated, Surrogate, Task},
};
use crate::{
    Law, Observer, Posterior, Progress, Proposal, Simulator,
    diagnostics::Convergence,
    mcmc::{self, Wanted, chain},
    parameter::from_scores,
};

/// Chains that draw from a learned posterior.
const CHAINS: usize = 4;

/// Powers of the likelihood by which the designs of later rounds are flattened; the last one serves all that follow.
const POWERS: [f64; 2] = [0.15, 0.25];

/// Rounds that search for the posterior, and how many simulations each has, relative to an even share.
const SEARCHING: u64 = 2;
const SEARCH: f64 = 0.6;

/// Scores of proposals are kept within this: of the prior, 1 in 2,000 lies beyond.
const CAP: f64 = 3.5;

/// Simulations are weighted by a normal law this much wider than the posterior …
const WIDTH: f64 = 4.0;

/// … or wider still, until their effective number is this times the number of a quadratic's features.
const EFFECTIVE: f64 = 8.0;

/// Effective simulations for each feature that make a cubic worth its terms.
const CUBIC: f64 = 25.0;

/// Simulations that are kept for the end, to check the posterior at some of its draws, and their share of all at most.
const FRESH: u64 = 200;
const FRESH_SHARE: u64 = 20;

/// Simulations asked for at once: few enough to hear of a cancellation soon.
const BATCH: usize = 256;

/// Children of the key.
const DESIGN: u64 = 0;
const SIMULATE: u64 = 1;
const CHAIN: u64 = 2;

/// What is known of a posterior: where its draws are.
pub(super) struct Place(Basis);

impl Place {
    pub fn new(draws: &[&[f64]]) -> Self {
        Self(Basis::new(draws, &vec![1.0; draws.len()], 1))
    }

    /// Weights of simulations by nearness, 1 at most, of an effective number that feeds so many features.
    pub fn weights(&self, simulated: &[Simulated], features: usize) -> Vec<f64> {
        let squares: Vec<f64> =
            simulated.iter().map(|simulation| self.0.whiten(&simulation.scores).iter().map(|z| z * z).sum()).collect();
        let wanted = (EFFECTIVE * features as f64).min(0.5 * simulated.len() as f64);
        let mut width = WIDTH;
        loop {
            let weights: Vec<f64> = squares.iter().map(|square| (-0.5 * square / (width * width)).exp()).collect();
            if effective(&weights) >= wanted || width > 1e3 {
                return weights;
            }
            width *= 1.15;
        }
    }
}

pub(super) fn effective(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|weight| weight * weight).sum::<f64>().max(1e-300)
}

pub(super) struct Rounds<'a, S, O> {
    simulator: &'a S,
    settings: &'a Settings,
    observer: &'a mut O,
    key: Key,
    simulated: Vec<Simulated>,
    simulations: u64,
    failures: u64,
    first_failure: Option<String>,
    /// Log-likelihood of the best draw so far, as learned in the last round.
    highest: f64,
    task: Task<'a>,
}

impl<'a, S: Simulator, O: Observer> Rounds<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Self {
        let key = Key::new(settings.seed);
        let simulated = Vec::new();
        Self {
            simulator,
            settings,
            observer,
            key,
            simulated,
            simulations: 0,
            failures: 0,
            first_failure: None,
            highest: f64::NEG_INFINITY,
            task: Task::new(simulator),
        }
    }

    pub fn run(mut self) -> Result<Fit, Error> {
        let rounds = self.settings.rounds;
        let dimension = self.simulator.parameters().len();
        let mut place: Option<Place> = None;
        let mut learned: Option<Surrogate> = None;
        let mut design = latin_hypercube(self.count(0), dimension, self.key.child(DESIGN));
        let mut cancelled = false;
        for round in 0..rounds {
            let key = self.key.child(round as u64);
            if !self.simulate(round, &design, key.child(SIMULATE)) {
                if learned.is_none() {
                    return Err(Error::Cancelled);
                }
                cancelled = true;
                break;
            }
            if self.simulated.len() < 2 * Basis::size(dimension, 2) {
                let first = self.first_failure.clone().unwrap_or_default();
                return Err(Error::Failures { failures: self.failures, simulations: self.simulations, first });
            }
            let surrogate = self.learn(place.as_ref(), learned.as_ref())?;
            let last = round + 1 == rounds;
            let (power, count) = if last { (1.0, 1000) } else { (power(round + 1), self.count(round + 1)) };
            let (draws, _) = self.chains(&surrogate, power, (0.5 * count as f64).max(500.0), key.child(CHAIN))?;
            place = Some(Place::new(&points(&draws)));
            let values = points(&draws).into_par_iter().map(|point| surrogate.log_likelihood(point));
            self.highest = values.reduce(|| f64::NEG_INFINITY, f64::max);
            learned = Some(surrogate);
            let capped = |state: &chain::State| state.point.iter().map(|u| u.clamp(-CAP, CAP)).collect();
            design = mcmc::thin(&draws, count).into_iter().map(capped).collect();
        }
        // Now that it is known where the posterior is, both degrees compete there.
        let weights = self.weights(place.as_ref());
        let fit = |degree: usize, previous: Option<&Surrogate>, again: bool| {
            Surrogate::fit(&self.simulated, &weights, degree, &self.task, previous, again)
        };
        let quadratic = fit(2, learned.as_ref(), false);
        let cubic = fit(3, quadratic.as_ref(), true);
        let enough = effective(&weights) >= CUBIC * Basis::size(dimension, 3) as f64;
        let (surrogate, other) = match (quadratic, cubic) {
            (Some(quadratic), Some(cubic))
                if enough && cubic.information_criterion < quadratic.information_criterion =>
            {
                (cubic, Some(quadratic))
            }
            (Some(quadratic), cubic) => (quadratic, cubic),
            (None, _) => return Err(Error::NoInformation),
        };
        self.finish(&surrogate, other.as_ref(), &weights, cancelled)
    }

    /// Simulations to check the posterior with, where they can.
    fn fresh(&self) -> u64 {
        let fixed = |law: &Law| matches!(law, Law::Measured(law) if !law.random);
        let laws = self.simulator.laws();
        let all = !laws.is_empty() && laws.iter().all(fixed);
        if all { FRESH.min(self.settings.simulations / FRESH_SHARE) } else { 0 }
    }

    /// Simulations of a round; the last one takes what is left. The first ones only show where the posterior is.
    fn count(&self, round: usize) -> usize {
        let all = self.settings.simulations - self.fresh();
        let rounds = self.settings.rounds as u64;
        let search = SEARCHING.min(rounds - 1);
        let first = (SEARCH * all as f64 / rounds as f64) as u64;
        let each = (all - search * first) / (rounds - search);
        let round = round as u64;
        (if round < search {
            first
        } else if round + 1 == rounds {
            all - search * first - each * (rounds - search - 1)
        } else {
            each
        }) as usize
    }

    /// A first or intermediate likelihood, with quadratic polynomials.
    fn learn(&self, place: Option<&Place>, previous: Option<&Surrogate>) -> Result<Surrogate, Error> {
        Surrogate::fit(&self.simulated, &self.weights(place), 2, &self.task, previous, false)
            .ok_or(Error::NoInformation)
    }

    fn weights(&self, place: Option<&Place>) -> Vec<f64> {
        let features = Basis::size(self.simulator.parameters().len(), 2);
        place.map_or_else(|| vec![1.0; self.simulated.len()], |place| place.weights(&self.simulated, features))
    }

    /// Draws from a learned posterior with a flattened likelihood.
    fn chains(
        &self,
        surrogate: &Surrogate,
        power: f64,
        wanted: f64,
        key: Key,
    ) -> Result<(chain::Draws, Vec<Convergence>), Error> {
        let log_density = |scores: &[f64], _: Key| {
            if scores.iter().any(|u| u.abs() > 7.0) {
                return f64::NEG_INFINITY;
            }
            power * surrogate.log_likelihood(scores) - 0.5 * scores.iter().map(|u| u * u).sum::<f64>()
        };
        let dimension = self.simulator.parameters().len();
        let warm = chain::warm_up(dimension, CHAINS, &log_density, key.child(0)).ok_or(Error::Nowhere)?;
        let evaluations = 60_000.max((15.0 * wanted) as u64);
        let wanted = Wanted { effective: wanted, evaluations, segment: mcmc::SEGMENT };
        let sampled = mcmc::sample(warm, dimension, &wanted, &log_density, key.child(1), &mut ());
        Ok((sampled.draws, sampled.convergence))
    }

    /// Simulates a design; `false` if the observer ends it.
    fn simulate(&mut self, round: usize, design: &[Vec<f64>], key: Key) -> bool {
        let parameters = self.simulator.parameters();
        for (batch, points) in design.chunks(BATCH).enumerate() {
            if self.observer.cancelled() {
                return false;
            }
            let proposal = |(index, scores): (usize, &Vec<f64>)| Proposal {
                parameters: from_scores(parameters, scores),
                key: key.child((batch * BATCH + index) as u64),
            };
            let proposals: Vec<Proposal> = points.par_iter().enumerate().map(proposal).collect();
            for (scores, result) in points.iter().zip(self.simulator.simulate(&proposals)) {
                self.simulations += 1;
                match result {
                    Ok(data) if data.iter().all(|value| value.is_finite()) => {
                        let coordinates = self.task.coordinates.of(scores);
                        self.simulated.push(Simulated { scores: scores.clone(), coordinates, data });
                    }
                    other => {
                        let reason =
                            other.err().map_or_else(|| "a value is not finite".to_owned(), |failure| failure.0);
                        self.failures += 1;
                        self.first_failure.get_or_insert(reason);
                    }
                }
            }
            self.observer.progress(&Progress::Rounds {
                round,
                rounds: self.settings.rounds,
                simulations: self.simulations,
                target: self.settings.simulations,
                log_likelihood: self.highest,
            });
        }
        true
    }

    fn finish(
        mut self,
        surrogate: &Surrogate,
        other: Option<&Surrogate>,
        weights: &[f64],
        cancelled: bool,
    ) -> Result<Fit, Error> {
        let parameters = self.simulator.parameters();
        let wanted = 0.4 * self.settings.draws as f64;
        let key = self.key.child(self.settings.rounds as u64);
        let (draws, convergence) = self.chains(surrogate, 1.0, wanted, key)?;
        let kept = mcmc::thin(&draws, self.settings.draws);
        let scores: Vec<&[f64]> = kept.iter().map(|state| state.point.as_slice()).collect();
        let values: Vec<f64> = scores.par_iter().map(|scores| surrogate.log_likelihood(scores)).collect();
        // The newest simulations are no part of what was learned.
        let learned = self.simulated.len();
        let fresh = self.fresh() as usize;
        if fresh > 0 && !cancelled {
            let design: Vec<Vec<f64>> = (0..fresh).map(|index| scores[index * scores.len() / fresh].to_vec()).collect();
            self.simulate(self.settings.rounds - 1, &design, key.child(SIMULATE));
        }
        let fresh = self.simulated.split_off(learned);
        let check: Check = check::check(
            &check::Fitted { surrogate, other, simulated: &self.simulated, weights, task: &self.task, fresh: &fresh },
            &scores,
            &values,
        );
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let posterior = Posterior {
            names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
            draws: scores.iter().map(|scores| from_scores(parameters, scores)).collect(),
            weights: vec![1.0 / scores.len() as f64; scores.len()],
            distances: values.iter().map(|value| highest - value).collect(),
        };
        let Self { simulations, failures, first_failure, .. } = self;
        Ok(Fit { posterior, convergence, check, simulations, failures, first_failure, cancelled })
    }
}

fn power(round: usize) -> f64 {
    POWERS[(round - 1).min(POWERS.len() - 1)]
}

fn points(draws: &chain::Draws) -> Vec<&[f64]> {
    draws.iter().flatten().map(|state| state.point.as_slice()).collect()
}

/// Points in normal scores: in each coordinate one in every `count`-th part of the prior.
fn latin_hypercube(count: usize, dimension: usize, key: Key) -> Vec<Vec<f64>> {
    let normal = Normal::standard();
    let mut points = vec![vec![0.0; dimension]; count];
    for coordinate in 0..dimension {
        let mut stream = key.child(coordinate as u64).stream();
        let mut strata: Vec<usize> = (0..count).collect();
        strata.shuffle(&mut stream);
        for (point, stratum) in points.iter_mut().zip(strata) {
            let within: f64 = stream.random();
            point[coordinate] = normal.inverse_cdf((stratum as f64 + within) / count as f64).clamp(-CAP, CAP);
        }
    }
    points
}
