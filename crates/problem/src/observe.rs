//! From parameters to trajectories to what would have been measured.

use std::ops::ControlFlow;

use metacascade_engine::{Method, Simulator};
use metacascade_inference::Failure;
use metacascade_random::Key;

use crate::{
    experiments::Target,
    measurements::Override,
    observables::{Observable, is_positive},
    problem::Problem,
    steady::{self, Settling},
};

/// A trajectory to be simulated, and what is read off it.
#[derive(Debug)]
pub(crate) struct Run {
    pub experiment: usize,
    /// Ascending, each once.
    pub times: Vec<f64>,
    /// For each time, what is measured then: series, measurement in it, position among all data.
    pub reads: Vec<Vec<Read>>,
}

/// One measurement and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub series: usize,
    pub measurement: usize,
    /// Position among all data: series after series, each in order of time.
    pub position: usize,
}

/// The trajectories a problem needs: one for each subject, or, where `shared` (all subjects of an experiment are the
/// same without stochasticity), one for each experiment.
pub(crate) fn runs(problem: &Problem, shared: bool) -> Vec<Run> {
    let count = if shared { problem.experiments().len() } else { problem.trajectories().len() };
    let mut reads: Vec<Vec<(f64, Read)>> = vec![Vec::new(); count];
    let mut position = 0;
    for (index, series) in problem.series().iter().enumerate() {
        let run = if shared { series.experiment } else { series.trajectory };
        for (measurement, row) in series.measurements.iter().enumerate() {
            reads[run].push((row.time, Read { series: index, measurement, position }));
            position += 1;
        }
    }
    let experiment = |run: usize| if shared { run } else { problem.trajectories()[run].experiment };
    let runs = reads.into_iter().enumerate().filter(|(_, reads)| !reads.is_empty());
    runs.map(|(index, reads)| assemble(experiment(index), reads)).collect()
}

fn assemble(experiment: usize, mut found: Vec<(f64, Read)>) -> Run {
    // A stable sort: reads of one time keep their order.
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut run = Run { experiment, times: Vec::new(), reads: Vec::new() };
    for (time, read) in found {
        if run.times.last() != Some(&time) {
            run.times.push(time);
            run.reads.push(Vec::new());
        }
        if let Some(reads) = run.reads.last_mut() {
            reads.push(read);
        }
    }
    run
}

/// A reusable workspace: the engine's simulators and the values of all symbols.
pub(crate) struct Workspace<'p> {
    problem: &'p Problem,
    method: Method,
    /// Of the model as it is, and then of each experiment that changes it as it runs; made when first needed.
    simulators: Vec<Option<Simulator<'p>>>,
    /// The scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    values: Vec<f64>,
}

impl<'p> Workspace<'p> {
    pub fn new(problem: &'p Problem, method: &Method) -> Self {
        let placeholders = problem.observables().iter().map(|observable| observable.placeholder_slots().len()).max();
        let values = vec![0.0; problem.scope_slots + 1 + placeholders.unwrap_or(0)];
        let simulators = std::iter::repeat_with(|| None).take(1 + problem.experiments().len()).collect();
        Self { problem, method: *method, simulators, values }
    }

    /// Simulates one experiment under values of the estimated parameters; `visit` is shown a [`View`] at each time.
    /// The last of the times may be infinite, for the steady state.
    pub fn run(
        &mut self,
        experiment: usize,
        estimated: &[f64],
        times: &[f64],
        key: Key,
        mut visit: impl FnMut(usize, &mut View<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Self { problem, method, simulators, values } = self;
        let Start { parameters, initial } = start(problem, method, values, experiment, estimated)?;
        let network = problem.experiments()[experiment].network.as_ref();
        let place = if network.is_some() { 1 + experiment } else { 0 };
        let network = network.unwrap_or_else(|| problem.network());
        let simulator = simulators[place].get_or_insert_with(|| Simulator::new(network, method));
        let finite = times.iter().take_while(|time| time.is_finite()).count();
        let mut all = times[..finite].to_vec();
        if finite < times.len() {
            steady::check(method)?;
            let last = all.last().copied().unwrap_or(network.start());
            all.extend(steady::times(last.max(network.start())));
        }
        let mut settling = Settling::default();
        let mut failure = None;
        let mut record = |index: usize, state: &[f64]| {
            let index = if index < finite {
                index
            } else if settling.is_steady(&state[1..=network.species().len()]) {
                finite
            } else {
                return ControlFlow::Continue(());
            };
            values[..state.len()].copy_from_slice(state);
            match visit(index, &mut View { values }) {
                Ok(()) if index < finite => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let finished = simulator.run_from(&parameters, &initial, &all, key, &mut record);
        match (failure, finished) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) => Err(Failure(error.to_string())),
            (None, Ok(_)) if finite < times.len() && !settling.done => Err(steady::never()),
            (None, Ok(_)) => Ok(()),
        }
    }
}

/// From where an experiment is simulated: the network's parameters and initial values of species.
pub(crate) struct Start {
    pub parameters: Vec<f64>,
    pub initial: Vec<(usize, f64)>,
}

/// The start of an experiment, after the steady state that may come before it.
///
/// `values` holds the scope's values; those of parameters are set.
pub(crate) fn start(
    problem: &Problem,
    method: &Method,
    values: &mut [f64],
    experiment: usize,
    estimated: &[f64],
) -> Result<Start, Failure> {
    let (parameters, initial) = prepare(problem, values, experiment, estimated);
    let definition = &problem.experiments()[experiment];
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
    let parameters = values[crate::experiments::parameter_slots(network)].to_vec();
    let initial = (0..network.species().len()).map(|index| (index, values[1 + index])).collect();
    Ok(Start { parameters, initial })
}

/// The network's parameters and the initial counts that an experiment sets before it begins, under values of the
/// estimated parameters.
///
/// `values` holds the scope's values; those of parameters are set.
pub(crate) fn prepare(
    problem: &Problem,
    values: &mut [f64],
    experiment: usize,
    estimated: &[f64],
) -> (Vec<f64>, Vec<(usize, f64)>) {
    let network = problem.network();
    let mut parameters = network.default_parameters();
    let slots = crate::experiments::parameter_slots(network);
    values[0] = problem.experiments()[experiment].start();
    values[slots.clone()].copy_from_slice(&parameters);
    for (row, &slot) in problem.parameters().iter().zip(&problem.slots) {
        values[slot] = row.nominal.unwrap_or_default();
    }
    for (&position, &value) in problem.estimated_positions.iter().zip(estimated) {
        values[problem.slots[position]] = value;
    }
    parameters.copy_from_slice(&values[slots.clone()]);
    // A parameter may be a variable of the network that keeps its initial value.
    let variables = problem.slots.iter().filter(|&&slot| slot < slots.start);
    let mut initial: Vec<(usize, f64)> = variables.map(|&slot| (slot - 1, values[slot])).collect();
    let changes = problem.experiments()[experiment].first_changes();
    // All values are computed before any is set: a condition's order does not matter.
    for change in changes {
        if let Target::Parameter(index) = change.target {
            parameters[index] = change.value.evaluate(values);
        }
    }
    for change in changes {
        if let Target::Species(index) = change.target {
            let size = change.per.as_ref().and_then(|name| network.parameter_index(name));
            let size = size.map_or(1.0, |compartment| parameters[compartment]);
            initial.push((index, change.value.evaluate(values) * size));
        }
    }
    (parameters, initial)
}

/// The values of all symbols at one time.
pub(crate) struct View<'v> {
    values: &'v mut [f64],
}

impl View<'_> {
    pub fn values(&self) -> &[f64] {
        self.values
    }

    /// The model's value of an observable, and the standard deviation or scale of its noise.
    ///
    /// Fails if either is not finite, or the noise is not positive.
    pub fn observe(&mut self, observable: &Observable, overrides: &[Override]) -> Result<(f64, f64), Failure> {
        for (slot, value) in observable.placeholder_slots().zip(overrides) {
            self.values[slot] = value.value(self.values);
        }
        let y = observable.formula_program.evaluate(self.values);
        self.values[observable.own_slot] = y;
        let sigma = observable.noise_program.evaluate(self.values);
        let time = self.values[0];
        if !y.is_finite() {
            return Err(Failure(format!("the observable `{}` is {y} at time {time}", observable.id)));
        }
        if !is_positive(sigma) {
            let message = format!("the noise of `{}` is {sigma}, not positive, at time {time}", observable.id);
            return Err(Failure(message));
        }
        Ok((y, sigma))
    }
}
