//! How many events each reaction has in the mean field, and so what passes through each step of a cascade.

use std::ops::ControlFlow;

use metacascade_engine::Program;
use metacascade_inference::{Failure, Posterior};
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{
    forecast::{horizon, subjects_of},
    observe::{Design, Whom, Workspace},
    problem::Problem,
};

/// Draws of the posterior that are enough for intervals of shares.
const DRAWS: usize = 200;

/// Intervals of time over which propensities are integrated by the trapezoidal rule.
const INTERVALS: usize = 600;

/// Events of each reaction until the end of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Fluxes {
    /// For each draw, the number of each species at the start.
    pub initial: Vec<Vec<f64>>,
    /// For each draw, the expected events of each reaction: the integral of its propensity along the mean field.
    pub events: Vec<Vec<f64>>,
}

/// Integrates the propensities of all reactions under draws of a posterior, for a typical subject; `None` if the model has no
/// mean field (such as one of lesions as individuals), or it cannot be solved.
#[must_use]
pub fn fluxes(problem: &Problem, experiment: usize, posterior: &Posterior, key: Key) -> Option<Fluxes> {
    let network = problem.network();
    if network.lesions().len() > 0 {
        return None;
    }
    let compile = |rate: &str| network.compile(rate, &[]).ok();
    let programs: Vec<Program> =
        network.reactions().iter().map(|reaction| compile(&reaction.rate)).collect::<Option<_>>()?;
    let start = problem.experiments()[experiment].start();
    let end = horizon(problem, experiment).filter(|end| *end > start)?;
    let step = (end - start) / INTERVALS as f64;
    let times: Vec<f64> = (0..=INTERVALS).map(|index| start + step * index as f64).collect();
    let method = problem.simulation().mean_field();
    let subject = subjects_of(problem, experiment).first().copied();
    let one = |workspace: &mut Workspace<'_>, parameters: &[f64]| -> Result<(Vec<f64>, Vec<f64>), Failure> {
        let (mut initial, mut events) = (Vec::new(), vec![0.0; programs.len()]);
        workspace.run(Design { experiment, subject }, parameters, &times, Whom::Typical, |index, view| {
            if index == 0 {
                initial.extend_from_slice(&view.values()[1..=network.species().len()]);
            }
            let weight = if index == 0 || index == INTERVALS { 0.5 * step } else { step };
            for (program, events) in programs.iter().zip(&mut events) {
                *events += weight * program.evaluate(view.values());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((initial, events))
    };
    let found: Vec<_> = posterior
        .resample(DRAWS, key)
        .par_iter()
        .map_init(|| Workspace::new(problem, &method), |workspace, &draw| one(workspace, &posterior.draws[draw]))
        .collect();
    let (initial, events): (Vec<_>, Vec<_>) = found.into_iter().flatten().unzip();
    (!events.is_empty()).then_some(Fluxes { initial, events })
}
