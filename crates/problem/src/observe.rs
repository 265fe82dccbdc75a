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

/// A reusable workspace: an engine's simulator and the values of all symbols.
pub(crate) struct Workspace<'p> {
    problem: &'p Problem,
    simulator: Simulator<'p>,
    /// The scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    values: Vec<f64>,
}

impl<'p> Workspace<'p> {
    pub fn new(problem: &'p Problem, method: &Method) -> Self {
        let placeholders = problem.observables().iter().map(|observable| observable.placeholder_slots().len()).max();
        let values = vec![0.0; problem.scope_slots + 1 + placeholders.unwrap_or(0)];
        Self { problem, simulator: Simulator::new(problem.network(), method), values }
    }

    /// Simulates one experiment under values of the estimated parameters; `visit` is shown a [`View`] at each time.
    pub fn run(
        &mut self,
        experiment: usize,
        estimated: &[f64],
        times: &[f64],
        key: Key,
        mut visit: impl FnMut(usize, &mut View<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Self { problem, simulator, values } = self;
        let (parameters, initial) = prepare(problem, values, experiment, estimated);
        let mut failure = None;
        let mut record = |index: usize, state: &[f64]| {
            values[..state.len()].copy_from_slice(state);
            match visit(index, &mut View { values }) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let finished = simulator.run_from(&parameters, &initial, times, key, &mut record);
        match (failure, finished) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) => Err(Failure(error.to_string())),
            (None, Ok(_)) => Ok(()),
        }
    }
}

/// The network's parameters and the initial counts that an experiment sets, under values of the estimated parameters.
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
    values[slots.clone()].copy_from_slice(&parameters);
    for (row, &slot) in problem.parameters().iter().zip(&problem.slots) {
        values[slot] = row.nominal.unwrap_or_default();
    }
    for (&position, &value) in problem.estimated_positions.iter().zip(estimated) {
        values[problem.slots[position]] = value;
    }
    parameters.copy_from_slice(&values[slots]);
    let mut initial = Vec::new();
    // All values are computed before any is set: a condition's order does not matter.
    for change in &problem.experiments()[experiment].changes {
        let value = change.value.evaluate(values);
        match change.target {
            Target::Parameter(index) => parameters[index] = value,
            Target::Species(index) => initial.push((index, value)),
        }
    }
    (parameters, initial)
}

/// The values of all symbols at one time.
pub(crate) struct View<'v> {
    values: &'v mut [f64],
}

impl View<'_> {
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
