//! From where experiments are simulated: parameters, and initial values that replace the model's.

use metacascade_engine::{Method, Program};
use metacascade_inference::Failure;

use crate::{
    experiments::{Target, parameter_slots},
    observe::Design,
    problem::Problem,
    steady,
};

/// From where an experiment is simulated: the network's parameters and initial values of species.
pub(crate) struct Start {
    pub parameters: Vec<f64>,
    pub initial: Vec<(usize, f64)>,
}

/// What an arm sets beside the experiment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Treatment {
    /// Slots of parameters, and their values.
    pub assumed: Vec<(usize, f64)>,
    /// Slots of parameters, and what they are set to, computed from the parameters without the arm.
    pub set: Vec<(usize, Program)>,
}

/// The start of an experiment, after the steady state that may come before it.
///
/// `values` holds the scope's values; those of parameters are set.
pub(crate) fn start(
    problem: &Problem,
    method: &Method,
    values: &mut [f64],
    design: Design,
    estimated: &[f64],
    treatment: &Treatment,
) -> Result<Start, Failure> {
    let (parameters, initial) = prepare(problem, values, design, estimated, treatment);
    if let Some((slot, _)) = treatment.set.iter().find(|(slot, _)| !values[*slot].is_finite()) {
        let name = problem.network().symbols().nth(*slot).unwrap_or_default();
        return Err(Failure(format!("the arm sets `{name}` to {}", values[*slot])));
    }
    let definition = &problem.experiments()[design.experiment];
    if !definition.begins_steady() {
        return Ok(Start { parameters, initial });
    }
    steady::check(method)?;
    let network = problem.network();
    let state = steady::find(network, method, &parameters, &initial)?;
    values[..state.len()].copy_from_slice(&state);
    values[0] = definition.start();
    let set = definition.after_steady_state().map_or(&[][..], |period| &period.set);
    // All values are computed before any is set.
    let changed: Vec<(usize, f64)> = set.iter().map(|(slot, program)| (*slot, program.evaluate(values))).collect();
    changed.iter().for_each(|&(slot, value)| values[slot] = value);
    let parameters = values[parameter_slots(network)].to_vec();
    let initial = (0..network.species().len()).map(|index| (index, values[1 + index])).collect();
    Ok(Start { parameters, initial })
}

/// The network's parameters and the initial counts that an experiment sets before it begins, under values of the
/// estimated parameters and a subject's covariates; what a treatment sets goes before both.
///
/// `values` holds the scope's values; those of parameters are set.
pub(crate) fn prepare(
    problem: &Problem,
    values: &mut [f64],
    design: Design,
    estimated: &[f64],
    treatment: &Treatment,
) -> (Vec<f64>, Vec<(usize, f64)>) {
    let network = problem.network();
    let mut parameters = network.default_parameters();
    let slots = parameter_slots(network);
    values[0] = problem.experiments()[design.experiment].start();
    values[slots.clone()].copy_from_slice(&parameters);
    for (row, &slot) in problem.parameters().iter().zip(&problem.slots) {
        values[slot] = row.nominal.unwrap_or_default();
    }
    for (&position, &value) in problem.estimated_positions.iter().zip(estimated) {
        values[problem.slots[position]] = value;
    }
    if let Some(subject) = design.subject {
        problem.subjects.set(subject, values);
    }
    treatment.assumed.iter().for_each(|&(slot, value)| values[slot] = value);
    let treated: Vec<(usize, f64)> =
        treatment.set.iter().map(|(slot, program)| (*slot, program.evaluate(values))).collect();
    treated.iter().for_each(|&(slot, value)| values[slot] = value);
    parameters.copy_from_slice(&values[slots.clone()]);
    // A parameter may be a variable of the network that keeps its initial value.
    let variables = problem.slots.iter().filter(|&&slot| slot < slots.start);
    let mut initial: Vec<(usize, f64)> = variables.map(|&slot| (slot - 1, values[slot])).collect();
    let changes = problem.experiments()[design.experiment].first_changes();
    // All values are computed before any is set: a condition's order does not matter.
    for change in changes {
        if let Target::Parameter(index) = change.target {
            parameters[index] = change.value.evaluate(values);
        }
    }
    treated.iter().for_each(|&(slot, value)| parameters[slot - slots.start] = value);
    for change in changes {
        if let Target::Species(index) = change.target {
            let size = change.per.as_ref().and_then(|name| network.parameter_index(name));
            let size = size.map_or(1.0, |compartment| parameters[compartment]);
            initial.push((index, change.value.evaluate(values) * size));
        }
    }
    (parameters, initial)
}
