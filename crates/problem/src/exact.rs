//! The exact probability of measurements, by the master equation.
//!
//! Each trajectory is followed as a hidden Markov process: the probabilities of its states go from one measurement to the
//! next by the master equation, and are there multiplied by how likely each state makes what was measured. Nothing is
//! approximated but for states of negligible probability, which are counted.

use metacascade_engine::MasterEquation;
use metacascade_inference::Failure;

use crate::{
    measurements::Reading,
    noise::{NoiseDistribution, multinomial},
    observe::{Read, Run, View, runs},
    problem::Problem,
    start::{Start, Treatment, start},
};

/// Probability that may be lost in all.
const MOST_LOST: f64 = 1e-6;

/// The log-likelihood of all measurements.
pub(crate) fn log_likelihood(problem: &Problem, parameters: &[f64]) -> Result<f64, Failure> {
    if problem.is_steady() {
        return Err(Failure("steady states are those of the mean field; use the method ode".to_owned()));
    }
    if problem.network().varies() {
        let message = "some parameters vary between subjects, over which no exact method can integrate";
        return Err(Failure(message.to_owned()));
    }
    let failed = |error: metacascade_engine::SimulationError| Failure(error.to_string());
    let method = problem.simulation().mean_field();
    let mut values = problem.blank_values();
    let (mut total, mut lost) = (0.0, 0.0);
    for run in runs(problem, false, None) {
        check_means(problem, &run)?;
        let Start { parameters, initial } =
            start(problem, &method, &mut values, run.design, parameters, &Treatment::default())?;
        let network = problem.experiments()[run.design.experiment].network.as_ref();
        let network = network.unwrap_or_else(|| problem.network());
        let mut master = MasterEquation::new(network, &parameters, &initial).map_err(failed)?;
        for (&time, reads) in run.times.iter().zip(&run.reads) {
            master.advance(time).map_err(failed)?;
            total += master.observe(|state| {
                values[..state.len()].copy_from_slice(state);
                all(problem, reads, &mut View::new(&mut values))
            })?;
            if total == f64::NEG_INFINITY {
                return Ok(total);
            }
        }
        lost += master.lost();
    }
    match lost < MOST_LOST {
        true => Ok(total),
        false => Err(Failure(format!("states of the probability {lost:.1e} had to be left out; there are too many"))),
    }
}

/// Refuses means of several subjects.
pub(crate) fn check_means(problem: &Problem, run: &Run) -> Result<(), Failure> {
    let is_mean = |read: &Read| matches!(read.row(problem).reading, Reading::Mean { .. });
    if run.reads.iter().flatten().any(is_mean) {
        let message = "some measurements are means of several subjects, whose own paths are not known";
        return Err(Failure(message.to_owned()));
    }
    Ok(())
}

/// How likely a state makes what was measured at one time.
pub(crate) fn all(problem: &Problem, reads: &[Read], view: &mut View<'_>) -> Result<f64, Failure> {
    let mut total = 0.0;
    let (mut counts, mut weights) = (Vec::new(), Vec::new());
    for read in reads {
        let (observable, row) = (read.observable(problem), read.row(problem));
        let (y, sigma) = view.observe(observable, &row.overrides)?;
        if observable.noise != NoiseDistribution::Multinomial {
            total += row.log_likelihood(observable.noise, y, sigma);
            continue;
        }
        counts.push(row.value);
        weights.push(y);
        if read.sample.is_some() {
            total += multinomial::log_density(&counts, &weights);
            counts.clear();
            weights.clear();
        }
    }
    Ok(total)
}
