//! What passes through each step of a cascade under the posterior.

use metacascade_problem::{Run, fluxes};
use metacascade_random::Key;

use super::parts::arm;
use crate::{
    content::{Cascade, CascadeStep, Predicted},
    diagram::{Step, steps},
    from_forecast::predicted,
};

/// Cells that are followed.
const CELLS: f64 = 1e6;

/// The cascade in the first experiment that has one; none if the model has fewer than two steps, or cannot be simulated.
pub fn cascade(run: &Run) -> Option<Cascade> {
    let problem = &run.problem;
    let network = problem.network();
    let steps = steps(network);
    let first = steps.first()?;
    let experiment = problem.trajectories().first().map(|trajectory| trajectory.experiment)?;
    let found = fluxes(problem, experiment, &run.posterior, Key::new(run.settings.seed))?;
    let through = |step: &Step, draw: usize| -> f64 { step.reactions.iter().map(|&r| found.events[draw][r]).sum() };
    let initial = |draw: usize| -> f64 {
        let states = first.from.iter().filter_map(|name| network.species_index(name));
        states.map(|species| found.initial[draw][species]).sum()
    };
    let draws = 0..found.events.len();
    // Where cells are only lost from where they begin, those there at the start enter; elsewhere those of the first step.
    let from_start = first.drains && draws.clone().all(|draw| initial(draw) > 0.0);
    let entering: Vec<f64> =
        draws.clone().map(|draw| if from_start { initial(draw) } else { through(first, draw) }).collect();
    let mut before = entering.clone();
    let mut all = Vec::new();
    for step in &steps {
        let here: Vec<f64> = draws.clone().map(|draw| through(step, draw)).collect();
        let alone = steps.iter().filter(|other| other.stage == step.stage).count() == 1;
        all.push(CascadeStep {
            name: if alone { step.stage.clone() } else { format!("{}: {}", step.stage, step.to.join(", ")) },
            from: step.from.join(", "),
            to: step.to.join(", "),
            reach: ratios(&here, &entering, CELLS),
            share: ratios(&here, &before, 1.0),
        });
        before = here;
    }
    // Lesions that grow go on as what they are.
    let kinds: Vec<(usize, &str)> = network.lesions().enumerate().collect();
    let grown: Vec<(usize, &str)> = kinds.into_iter().filter(|(kind, _)| !found.detected[0][*kind].is_nan()).collect();
    if !grown.is_empty() {
        let here: Vec<f64> =
            draws.map(|draw| grown.iter().map(|(kind, _)| found.detected[draw][*kind]).sum()).collect();
        let names: Vec<&str> = grown.iter().map(|(_, name)| *name).collect();
        all.push(CascadeStep {
            name: "growth to detection".to_owned(),
            from: names.join(", "),
            to: "lesions that can be found".to_owned(),
            reach: ratios(&here, &entering, CELLS),
            share: ratios(&here, &before, 1.0),
        });
    }
    let choice = usize::from(!from_start)..all.len();
    let share = |step: usize| -> f64 {
        let step: &CascadeStep = &all[step];
        step.share.median
    };
    let bottleneck = match choice.len() {
        0 | 1 => None,
        _ => choice.min_by(|&a, &b| share(a).total_cmp(&share(b))),
    };
    Some(Cascade {
        arm: if problem.experiments().len() > 1 { arm(problem, experiment) } else { String::new() },
        entering: match from_start {
            true => format!("cells that begin as {}", first.from.join(", ")),
            false => format!("cells that go through {}", first.stage),
        },
        bottleneck,
        chance: found.chance,
        steps: all,
    })
}

/// What is here, for each of what is there.
fn ratios(here: &[f64], to: &[f64], factor: f64) -> Predicted {
    let known = here.iter().zip(to).filter(|(_, to)| **to > 0.0);
    predicted(&known.map(|(here, to)| factor * here / to).collect::<Vec<f64>>())
}
