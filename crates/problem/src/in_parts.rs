//! Data sets simulated from time to time, all subjects side by side, so that one that is far from the data already need
//! not be finished.

use std::sync::atomic::Ordering;

use metacascade_engine::{Method, Propagator, Snapshot};
use metacascade_inference::Failure;
use metacascade_random::{Key, Stream};

use crate::{
    dataset::{DataSets, Individual, Measured},
    observe::{View, measure},
    problem::Problem,
    start::{Start, Treatment, start},
};

/// What time after time is drawn from, among the children of an individual's key.
const PARTS: u64 = 4;

/// Measurements of a time: positions among the runs and among the times of each.
#[derive(Debug)]
struct Stop {
    time: f64,
    of: Vec<(usize, usize)>,
}

/// The times at which something is measured, ascending.
#[derive(Debug)]
pub(crate) struct Stops(Vec<Stop>);

impl Stops {
    /// Those of data sets whose trajectories can be left and taken up again and are known when the last time is reached;
    /// `None` of others: where events or steady states are waited for, there are lesions, or the method keeps more than a
    /// state, and of the mean field, which costs too little.
    pub fn of(problem: &Problem, sets: &DataSets<'_>) -> Option<Self> {
        let mean_field = matches!(sets.method, Method::Ode { .. });
        if mean_field || problem.is_steady() || !problem.survival().is_empty() {
            return None;
        }
        let own = problem.experiments().iter().filter_map(|experiment| experiment.network.as_ref());
        let mut networks = own.chain(std::iter::once(problem.network()));
        if !networks.all(|network| Propagator::new(network, &sets.method).is_ok()) {
            return None;
        }
        let times = |(run, own): (usize, &crate::observe::Run)| {
            own.times.iter().enumerate().map(move |(at, &time)| (time, (run, at))).collect::<Vec<_>>()
        };
        let mut all: Vec<(f64, (usize, usize))> = sets.runs.iter().enumerate().flat_map(times).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let of_one = |chunk: &[(f64, (usize, usize))]| Stop {
            time: chunk[0].0,
            of: chunk.iter().map(|(_, place)| *place).collect(),
        };
        Some(Self(all.chunk_by(|a, b| a.0 == b.0).map(of_one).collect()))
    }
}

/// What trajectories move in; one serves many data sets.
pub(crate) struct Workspace<'p> {
    propagators: Propagators<'p>,
    /// Of each run, the scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    values: Vec<Vec<f64>>,
}

/// Of the model as it is, and then of each experiment that changes it as it runs; made when first needed.
struct Propagators<'p>(Vec<Option<Propagator<'p>>>);

impl<'p> Propagators<'p> {
    fn of(&mut self, problem: &'p Problem, method: &Method, experiment: usize) -> Result<&mut Propagator<'p>, Failure> {
        let own = problem.experiments()[experiment].network.as_ref();
        let place = &mut self.0[if own.is_some() { 1 + experiment } else { 0 }];
        if place.is_none() {
            let network = own.unwrap_or_else(|| problem.network());
            *place = Some(Propagator::new(network, method).map_err(|error| Failure(error.to_string()))?);
        }
        place.as_mut().ok_or_else(|| Failure("the trajectory cannot be taken up again".to_owned()))
    }
}

/// One of the individuals of a run: where it stands, and the streams of its own.
struct Underway {
    individual: Individual,
    snapshot: Snapshot,
    noise: Stream,
}

impl<'p> DataSets<'p> {
    /// What [`DataSets::simulate_while`] happens in.
    pub fn parts_workspace(&self) -> Workspace<'p> {
        let propagators = std::iter::repeat_with(|| None).take(1 + self.problem.experiments().len()).collect();
        Workspace { propagators: Propagators(propagators), values: vec![self.problem.blank_values(); self.runs.len()] }
    }

    /// As [`DataSets::simulate`], with other numbers of the same law; `None` where `near` is false of the data so far, in
    /// the places of all others NaN.
    pub fn simulate_while(
        &self,
        stops: &Stops,
        workspace: &mut Workspace<'p>,
        (parameters, key): (&[f64], Key),
        near: impl Fn(&[f64]) -> bool,
    ) -> Result<Option<Vec<f64>>, Failure> {
        let mut events = 0;
        let data = self.walk(stops, workspace, (parameters, key), near, &mut events);
        self.events.fetch_add(events, Ordering::Relaxed);
        data
    }

    fn walk(
        &self,
        stops: &Stops,
        Workspace { propagators, values }: &mut Workspace<'p>,
        (parameters, key): (&[f64], Key),
        near: impl Fn(&[f64]) -> bool,
        events: &mut u64,
    ) -> Result<Option<Vec<f64>>, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure(error.to_string());
        let problem = self.problem;
        let mut measured = Measured::new(problem);
        let mut underway: Vec<Vec<Underway>> = Vec::with_capacity(self.runs.len());
        for (index, run) in self.runs.iter().enumerate() {
            let treatment = Treatment::default();
            let Start { parameters: own, initial } =
                start(problem, &self.method, &mut values[index], run.design, parameters, &treatment)?;
            let propagator = propagators.of(problem, &self.method, run.design.experiment)?;
            let begin = |individual: Individual| {
                let snapshot = propagator.begin(&own, &initial, individual.subject).map_err(|error| failed(&error))?;
                Ok(Underway { snapshot, noise: individual.noise(), individual })
            };
            underway.push(self.individuals(index, key).map(begin).collect::<Result<_, Failure>>()?);
        }
        for (number, stop) in stops.0.iter().enumerate() {
            for &(index, time) in &stop.of {
                let run = &self.runs[index];
                let propagator = propagators.of(problem, &self.method, run.design.experiment)?;
                for one in &mut underway[index] {
                    let part = one.individual.key.child(PARTS).child(time as u64);
                    let stats = propagator.advance(&mut one.snapshot, stop.time, part);
                    *events += stats.map_err(|error| failed(&error))?.events;
                    let (state, values) = (one.snapshot.values(), &mut values[index]);
                    values[..state.len()].copy_from_slice(state);
                    measure(
                        problem,
                        &run.reads[time],
                        &mut View::new(values),
                        &mut one.noise,
                        |read, value, model| {
                            measured.take(problem, read, one.individual.number, value, model);
                        },
                    )?;
                }
                measured.finish(problem, &run.reads[time]);
            }
            if number + 1 < stops.0.len() && !near(&measured.data) {
                return Ok(None);
            }
        }
        Ok(Some(measured.data))
    }
}
