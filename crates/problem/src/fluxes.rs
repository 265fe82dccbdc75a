//! How many events each reaction has, and so what passes through each step of a cascade: in the mean field, or, where a model
//! has lesions as individuals and no mean field, in single trajectories.

use std::ops::ControlFlow;

use metacascade_engine::Program;
use metacascade_inference::{Failure, Posterior};
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{
    forecast::{horizon, subjects_of},
    observe::{Design, Whom, Workspace},
    problem::Problem,
    simulator::resolve,
};

/// Draws of the posterior that are enough for intervals of shares, and fewer where each is a trajectory with lesions.
const DRAWS: usize = 200;
const TRAJECTORIES: usize = 100;

/// Intervals of time over which propensities are integrated by the trapezoidal rule.
const INTERVALS: usize = 600;

/// Events of each reaction until the end of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Fluxes {
    /// For each draw, the number of each species at the start.
    pub initial: Vec<Vec<f64>>,
    /// For each draw, the expected events of each reaction: the integral of its propensity along the mean field or trajectory.
    pub events: Vec<Vec<f64>>,
    /// For each draw, the lesions of each kind that are of the size of detection at the end; NaN where a kind has none.
    pub detected: Vec<Vec<f64>>,
    /// Whether they are of trajectories, which chance has a part in, and not of the mean field.
    pub chance: bool,
}

/// Integrates the propensities of all reactions under draws of a posterior: for a typical subject in the mean field, or, where
/// there are lesions, for one whose parameters are drawn; `None` if it cannot be simulated.
#[must_use]
pub fn fluxes(problem: &Problem, experiment: usize, posterior: &Posterior, key: Key) -> Option<Fluxes> {
    let network = problem.network();
    let chance = network.lesions().len() > 0;
    let detected: Vec<Option<usize>> =
        network.lesions().map(|kind| network.slot(&format!("{kind}_detected"))).collect();
    let compile = |rate: &str| network.compile(rate, &[]).ok();
    let programs: Vec<Program> =
        network.reactions().iter().map(|reaction| compile(&reaction.rate)).collect::<Option<_>>()?;
    let start = problem.experiments()[experiment].start();
    let end = horizon(problem, experiment).filter(|end| *end > start)?;
    let step = (end - start) / INTERVALS as f64;
    let times: Vec<f64> = (0..=INTERVALS).map(|index| start + step * index as f64).collect();
    let method =
        if chance { resolve(problem, &problem.simulation().method()).0 } else { problem.simulation().mean_field() };
    let subject = subjects_of(problem, experiment).first().copied();
    let one = |workspace: &mut Workspace<'_>, (parameters, key): (&[f64], Key)| -> Result<_, Failure> {
        let (mut initial, mut events) = (Vec::new(), vec![0.0; programs.len()]);
        let mut found = Vec::new();
        let whom = if chance { Whom::from(key) } else { Whom::Typical };
        workspace.run(Design { experiment, subject }, parameters, &times, whom, |index, view| {
            if index == 0 {
                initial.extend_from_slice(&view.values()[1..=network.species().len()]);
            }
            let weight = if index == 0 || index == INTERVALS { 0.5 * step } else { step };
            for (program, events) in programs.iter().zip(&mut events) {
                *events += weight * program.evaluate(view.values());
            }
            if index == INTERVALS {
                found = detected.iter().map(|slot| slot.map_or(f64::NAN, |slot| view.values()[slot])).collect();
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((initial, (events, found)))
    };
    let found: Vec<_> = posterior
        .resample(if chance { TRAJECTORIES } else { DRAWS }, key)
        .par_iter()
        .enumerate()
        .map_init(
            || Workspace::new(problem, &method),
            |workspace, (index, &draw)| one(workspace, (&posterior.draws[draw], key.child(index as u64))),
        )
        .collect();
    let (initial, (events, detected)): (Vec<_>, (Vec<_>, Vec<_>)) = found.into_iter().flatten().unzip();
    (!events.is_empty()).then_some(Fluxes { initial, events, detected, chance })
}
