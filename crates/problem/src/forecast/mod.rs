//! Predictions under arms: the posterior's parameters, the same subjects and random numbers, and what arms set.
//!
//! Every arm is simulated under the same draws of the posterior, the same draws of what is assumed, and the same streams for
//! each subject (common random numbers: Glasserman & Yao 1992, Manage. Sci. 38:884): two arms that set the same differ by
//! nothing, and differences between arms have less noise than the arms themselves.

mod outcomes;

use std::ops::ControlFlow;

use metacascade_engine::{Method, Subject, suggestion};
use metacascade_inference::{Failure, Posterior};
use metacascade_random::{Key, rand::RngExt as _};
use rayon::prelude::*;

pub use outcomes::hazard_ratio;

use crate::{
    arms::{Arms, Assumed},
    observe::{Design, View, Whom, Workspace},
    predictive::{Observed, observed},
    problem::Problem,
    simulator::resolve,
    start::Treatment,
    survival::{Endpoint, LOOKS},
};

/// Draws of the posterior that are enough for intervals of differences.
pub const FORECAST_DRAWS: usize = 200;

/// Subjects simulated for each draw and arm where events are waited for, unless there are more in the data.
pub const FORECAST_SUBJECTS: usize = 200;

/// More values than this would fill the memory of a small machine.
const MOST_VALUES: usize = 1 << 27;

/// The child of a draw's key that names the streams of groups; those of subjects are counted from 0.
const GROUPS: u64 = 0x6772_6f75_7073_0000;

/// What is to be predicted.
#[derive(Clone, Debug)]
pub struct ForecastSettings {
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// Ascending times at which observables are told; the last is the horizon of events.
    pub times: Vec<f64>,
    /// Events that are waited for.
    pub endpoints: Vec<Endpoint>,
    /// Draws of the posterior.
    pub draws: usize,
    /// Subjects for each draw and arm: those of the experiment, again and again.
    pub subjects: usize,
    /// How trajectories are simulated.
    pub method: Method,
}

/// What each arm comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Names of the arms.
    pub arms: Vec<String>,
    /// Positions of observables among those of the problem.
    pub observables: Vec<usize>,
    /// Conditions of events, as written.
    pub endpoints: Vec<String>,
    /// Times at which observables are told.
    pub times: Vec<f64>,
    /// When times without an event begin to count: at 0, or when the experiment begins if that is later.
    pub origin: f64,
    /// Identifiers of the subjects; of those that stand in no table, their numbers.
    pub subjects: Vec<String>,
    /// Names of the parameters: those estimated, then those assumed.
    pub parameters: Vec<String>,
    /// For each draw, their values.
    pub draws: Vec<Vec<f64>>,
    /// Of observables, `[arm][draw][subject][time][observable]`.
    pub values: Vec<f64>,
    /// Times of events, infinite where they do not come by the horizon, `[arm][draw][subject][endpoint]`.
    pub events: Vec<f64>,
    /// Draws that could not be simulated under every arm, and are left out.
    pub failures: usize,
    /// Why the first of them could not.
    pub first_failure: Option<String>,
}

/// What one draw comes to under all arms.
struct Block {
    parameters: Vec<f64>,
    /// For each arm.
    values: Vec<Vec<f64>>,
    events: Vec<Vec<f64>>,
}

/// The events of interest of a problem: those of its survival tables, or else the first detected lesion of each kind.
#[must_use]
pub fn endpoints_of(problem: &Problem) -> Vec<Endpoint> {
    if !problem.endpoints().is_empty() {
        return problem.endpoints().to_vec();
    }
    let kinds = problem.network().lesions().map(|kind| format!("{kind}_first_detected"));
    kinds.filter_map(|symbol| Endpoint::new(problem, &symbol).ok()).collect()
}

impl Endpoint {
    /// An event: a condition of the model, or a symbol that ends in `_first_detected`.
    ///
    /// # Errors
    /// What is wrong with the expression, and what may help.
    pub fn new(problem: &Problem, formula: &str) -> Result<Self, (String, Option<String>)> {
        let program =
            problem.network().compile(formula, &[]).map_err(|error| (error.message.clone(), error.help.clone()))?;
        Ok(Self::of(formula, program))
    }
}

/// The position of an experiment; that of the first unless one is named.
///
/// # Errors
/// What may help, if there is none of this name.
pub fn experiment(problem: &Problem, name: Option<&str>) -> Result<usize, String> {
    let Some(name) = name else { return Ok(0) };
    let ids = || problem.experiments().iter().map(|experiment| experiment.id.as_str());
    ids().position(|id| id == name).ok_or_else(|| {
        suggestion(name, ids()).unwrap_or_else(|| format!("the experiments: {}", ids().collect::<Vec<_>>().join(", ")))
    })
}

/// The subjects of an experiment that stand in the subject table, in its order; empty if there are none.
#[must_use]
pub fn subjects_of(problem: &Problem, experiment: usize) -> Vec<usize> {
    let of = problem.trajectories().iter().filter(|trajectory| trajectory.experiment == experiment);
    let mut subjects: Vec<usize> = of.filter_map(|trajectory| trajectory.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// The last time of anything measured or followed in an experiment, or in any if nothing was in this one.
#[must_use]
pub fn horizon(problem: &Problem, experiment: usize) -> Option<f64> {
    let last = |all: bool| {
        let series = problem.series().iter().filter(|series| all || series.experiment == experiment);
        let times = series.flat_map(|series| &series.measurements).map(|row| row.time).filter(|time| time.is_finite());
        let of = |row: &&crate::Survival| all || problem.trajectories()[row.trajectory].experiment == experiment;
        times.chain(problem.survival().iter().filter(of).map(|row| row.time)).reduce(f64::max)
    };
    last(false).or_else(|| last(true))
}

/// Simulates all arms under draws of a posterior.
///
/// A draw is left out if any of its subjects cannot be simulated under any arm. Streams are keyed by draw and subject, never
/// by arm; what is assumed by draw and parameter.
///
/// # Errors
/// If times are none or not ascending, or there would be more values than fit in memory.
pub fn forecast(
    problem: &Problem,
    posterior: &Posterior,
    arms: &Arms,
    settings: &ForecastSettings,
    key: Key,
) -> Result<Forecast, String> {
    let ForecastSettings { experiment, times, endpoints, .. } = settings;
    if times.is_empty() || times.windows(2).any(|pair| pair[0] >= pair[1]) || !times.iter().all(|t| t.is_finite()) {
        return Err("the times to predict must be finite and ascending".to_owned());
    }
    let observed = observed(problem, *experiment, times);
    let chosen = posterior.resample(settings.draws, key.child(0));
    let each = times.len() * observed.len() + endpoints.len();
    let all = [arms.arms.len(), chosen.len(), settings.subjects, each].into_iter().fold(1, usize::saturating_mul);
    if all > MOST_VALUES {
        return Err("so many draws, subjects and times do not fit in memory; ask for fewer".to_owned());
    }
    let (method, _) = resolve(problem, &settings.method);
    let table = subjects_of(problem, *experiment);
    let plan = Plan { problem, arms, settings, observed, looks: looks(problem, settings), table };
    let blocks: Vec<Result<Block, Failure>> = chosen
        .par_iter()
        .enumerate()
        .map_init(
            || Workspace::new(problem, &method),
            |workspace, (draw, &particle)| {
                plan.simulate(workspace, &posterior.draws[particle], key.child(1).child(draw as u64))
            },
        )
        .collect();
    let names = problem.estimated().iter().map(|parameter| parameter.name.clone());
    let mut found = Forecast {
        arms: arms.arms.iter().map(|arm| arm.name.clone()).collect(),
        observables: plan.observed.iter().map(|(observable, ..)| *observable).collect(),
        endpoints: endpoints.iter().map(|endpoint| endpoint.formula.clone()).collect(),
        times: times.clone(),
        origin: problem.experiments()[*experiment].start().max(0.0),
        subjects: (0..settings.subjects).map(|subject| plan.name(subject)).collect(),
        parameters: names.chain(arms.assumed.iter().map(|assumed| assumed.name.clone())).collect(),
        draws: Vec::new(),
        values: Vec::new(),
        events: Vec::new(),
        failures: 0,
        first_failure: None,
    };
    let mut whole = Vec::new();
    for block in blocks {
        match block {
            Ok(block) => whole.push(block),
            Err(failure) => {
                found.failures += 1;
                found.first_failure.get_or_insert(failure.0);
            }
        }
    }
    for arm in 0..arms.arms.len() {
        for block in &mut whole {
            found.values.append(&mut block.values[arm]);
            found.events.append(&mut block.events[arm]);
        }
    }
    found.draws = whole.into_iter().map(|block| block.parameters).collect();
    Ok(found)
}

/// All times at which a trajectory is looked at: those asked for, and those at which conditions may have come true.
fn looks(problem: &Problem, settings: &ForecastSettings) -> Vec<f64> {
    let mut looks = settings.times.clone();
    let end = looks.last().copied().unwrap_or_default();
    let start = problem.experiments()[settings.experiment].start();
    if settings.endpoints.iter().any(|endpoint| !endpoint.is_time) && end > start {
        looks.extend((0..=LOOKS).map(|look| start + (end - start) * look as f64 / LOOKS as f64));
        looks.sort_by(f64::total_cmp);
        looks.dedup();
    }
    looks
}

struct Plan<'p> {
    problem: &'p Problem,
    arms: &'p Arms,
    settings: &'p ForecastSettings,
    observed: Vec<Observed>,
    looks: Vec<f64>,
    /// Subjects of the table, which take turns; none if it has none.
    table: Vec<usize>,
}

impl Plan<'_> {
    fn name(&self, subject: usize) -> String {
        match self.table.len() {
            0 => (subject + 1).to_string(),
            length => {
                let id = &self.problem.subjects()[self.table[subject % length]].id;
                // Those after the first turn are others of the same covariates.
                if subject < length { id.clone() } else { format!("{id} ({})", subject / length + 1) }
            }
        }
    }

    fn simulate(&self, workspace: &mut Workspace<'_>, estimated: &[f64], key: Key) -> Result<Block, Failure> {
        let assumed = |one: &Assumed| {
            let name = one.name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                // FNV-1a: the stream belongs to the parameter's name, whatever else is assumed.
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            one.prior.quantile(key.child(2).child(name).stream().random())
        };
        let assumed: Vec<f64> = self.arms.assumed.iter().map(assumed).collect();
        let mut block = Block {
            parameters: estimated.iter().chain(&assumed).copied().collect(),
            values: Vec::new(),
            events: Vec::new(),
        };
        let slots = self.arms.assumed.iter().map(|one| one.slot);
        let treatment = Treatment { assumed: slots.zip(assumed).collect(), set: Vec::new() };
        for arm in &self.arms.arms {
            let set = arm.set.iter().map(|setting| (setting.slot, setting.program.clone())).collect();
            workspace.treatment = Treatment { set, ..treatment.clone() };
            let (mut values, mut events) = (Vec::new(), Vec::new());
            for subject in 0..self.settings.subjects {
                self.subject(workspace, estimated, subject, key, &mut values, &mut events)?;
            }
            block.values.push(values);
            block.events.push(events);
        }
        Ok(block)
    }

    /// Simulates one subject, and adds its values and times of events.
    fn subject(
        &self,
        workspace: &mut Workspace<'_>,
        estimated: &[f64],
        subject: usize,
        key: Key,
        values: &mut Vec<f64>,
        events: &mut Vec<f64>,
    ) -> Result<(), Failure> {
        let own = key.child(0).child(subject as u64);
        let length = self.table.len().max(1);
        let position = self.table.get(subject % length).copied();
        let group = position.and_then(|position| self.problem.subjects()[position].group);
        let groups = key.child(GROUPS).child((subject / length) as u64);
        let whom = Subject { key: own, group: group.map_or(own, |group| groups.child(group as u64)) };
        let design = Design { experiment: self.settings.experiment, subject: position };
        let endpoints = &self.settings.endpoints;
        let horizon = self.settings.times.last().copied().unwrap_or_default();
        let first = events.len();
        events.resize(first + endpoints.len(), f64::INFINITY);
        let mut next = 0;
        workspace.run(design, estimated, &self.looks, Whom::Drawn(whom), |look, view: &mut View<'_>| {
            for (endpoint, found) in endpoints.iter().zip(&mut events[first..]) {
                if found.is_infinite() {
                    *found = endpoint.look(view)?;
                }
            }
            if self.settings.times.get(next) == Some(&self.looks[look]) {
                for (position, overrides, _) in &self.observed {
                    let observable = &self.problem.observables()[*position];
                    values.push(view.observe(observable, &overrides[next])?.0);
                }
                next += 1;
            }
            // Where no observable is told, all is known once all events have come.
            let done = self.observed.is_empty() && events[first..].iter().all(|time| time.is_finite());
            Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        for time in &mut events[first..] {
            if *time > horizon {
                *time = f64::INFINITY;
            }
        }
        Ok(())
    }
}
