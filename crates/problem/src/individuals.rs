//! What each group and subject is like, given its own data: parameters that vary, drawn from their law under the posterior.

use std::{collections::BTreeSet, ops::ControlFlow};

use metacascade_inference::{Failure, Posterior};
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{
    likelihood::ProblemLikelihood,
    observe::{Run, Whom},
    problem::Problem,
};

/// Draws from the posterior that are enough for the intervals of an individual.
pub const INDIVIDUAL_DRAWS: usize = 200;

/// Draws of what varies, a row for each draw, quantity and individual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Individuals {
    /// The parameter that varies, or the rule that follows from such parameters.
    pub quantity: Vec<String>,
    /// A group where all its subjects share the quantity, else empty.
    pub group: Vec<String>,
    /// The subject whose own the quantity is, else empty.
    pub subject: Vec<String>,
    /// Position among the problem's experiments, of a subject's own quantity.
    pub experiment: Vec<usize>,
    /// Number of the draw, from 0.
    pub draw: Vec<usize>,
    /// The value, in the unit of the model.
    pub value: Vec<f64>,
}

/// A quantity that is different in every individual.
struct Quantity {
    name: String,
    /// Its place among the values of all symbols.
    slot: usize,
    /// Whether the subjects of a group share it.
    shared: bool,
}

/// Draws what varies given the data, under up to [`INDIVIDUAL_DRAWS`] vectors of a posterior that is that of
/// [`ProblemLikelihood`]; `None` if nothing varies, or it cannot be computed.
#[must_use]
pub fn individuals(problem: &Problem, posterior: &Posterior, key: Key) -> Option<Individuals> {
    let likelihood = ProblemLikelihood::new(problem);
    let (effects, runs) = likelihood.effects()?;
    let quantities = quantities(problem);
    let chosen = posterior.resample(INDIVIDUAL_DRAWS, key.child(0));
    let blocks: Vec<Result<Individuals, Failure>> = chosen
        .par_iter()
        .enumerate()
        .map_init(
            || likelihood.workspace(),
            |workspace, (draw, &particle)| {
                let parameters = &posterior.draws[particle];
                let mut found = Individuals::default();
                let mut told = BTreeSet::new();
                for drawn in effects.draw(problem, runs, workspace, parameters, key.child(1).child(draw as u64))? {
                    let run = &runs[drawn.run];
                    let group = run.design.subject.and_then(|subject| problem.subjects()[subject].group);
                    let start = [problem.experiments()[run.design.experiment].start()];
                    let whom = Whom::Given(&drawn.deviates);
                    workspace.run(run.design, parameters, &start, whom, |_, view| {
                        for (index, quantity) in quantities.iter().enumerate() {
                            let group = group.filter(|_| quantity.shared);
                            if group.is_some_and(|group| !told.insert((index, group))) {
                                continue;
                            }
                            let subject = group.is_none().then(|| subject(problem, run));
                            found.quantity.push(quantity.name.clone());
                            found.group.push(group.map_or(String::new(), |group| problem.groups()[group].clone()));
                            found.subject.push(subject.unwrap_or_default());
                            found.experiment.push(run.design.experiment);
                            found.draw.push(draw);
                            found.value.push(view.values()[quantity.slot]);
                        }
                        Ok(ControlFlow::Continue(()))
                    })?;
                }
                Ok(found)
            },
        )
        .collect();
    let mut all = Individuals::default();
    for mut block in blocks.into_iter().flatten() {
        all.quantity.append(&mut block.quantity);
        all.group.append(&mut block.group);
        all.subject.append(&mut block.subject);
        all.experiment.append(&mut block.experiment);
        all.draw.append(&mut block.draw);
        all.value.append(&mut block.value);
    }
    (!all.draw.is_empty()).then_some(all)
}

/// Rules that say what an individual is like, and the varying parameters that no such rule reads. Rules that follow from
/// covariates too are none: they tell of a subject what its group does not share.
fn quantities(problem: &Problem) -> Vec<Quantity> {
    let network = problem.network();
    let varying: Vec<_> = network.varying().collect();
    let covariates: Vec<usize> = problem.covariates().iter().filter_map(|covariate| covariate.slot).collect();
    let mut rules = network.individual_rules();
    rules.retain(|(rule, _)| !covariates.iter().any(|&slot| network.rule_follows_from(*rule, slot)));
    let shared = |reads: &[usize]| reads.iter().all(|&one| !varying[one].between_subjects);
    let slot = |name: &str| network.slot(name).unwrap_or_default();
    let mut found = Vec::new();
    for (rule, reads) in &rules {
        let name = network.rules()[*rule].name.clone();
        found.push(Quantity { slot: slot(&name), name, shared: shared(reads) });
    }
    for (index, one) in varying.iter().enumerate() {
        if rules.iter().all(|(_, reads)| !reads.contains(&index)) {
            let name = network.parameters()[one.parameter].name.clone();
            found.push(Quantity { slot: slot(&name), name, shared: shared(&[index]) });
        }
    }
    found
}

/// The identifier of a run's subject, or that of its replicate.
fn subject(problem: &Problem, run: &Run) -> String {
    if let Some(subject) = run.design.subject {
        return problem.subjects()[subject].id.clone();
    }
    let first = run.reads.iter().flatten().next();
    first.map_or(String::new(), |read| {
        problem.trajectories()[problem.series()[read.series].trajectory].replicate.clone()
    })
}
