//! A problem as what particle filters need: trajectories that go from one measurement to the next, and how likely each
//! makes what was measured there.
//!
//! Where measurements are nearly exact, most particles miss them. Then particles can be looked at between measurements, and
//! those that are on the way to the next one multiplied (Del Moral & Murray 2015, SIAM/ASA J. Uncertain. Quantif. 3:969):
//! particles are weighed by a guess of how likely each will make it, and by its inverse when the next guess, or the
//! measurement itself, takes its place. So estimates stay right on average, whatever is guessed, by any way of simulating;
//! proposals by conditioned hazards (Golightly & Wilkinson 2015) would need exact methods and rates that change by
//! reactions alone.

mod guide;

use guide::Guide;
use metacascade_engine::{Method, Propagator, SimulationError, Snapshot, Subject};
use metacascade_inference::{Failure, Parameter, particle::Process};
use metacascade_random::Key;

use crate::{
    exact,
    observe::{Run, View, runs},
    problem::Problem,
    simulator::resolve,
    start::{Start, Treatment, start},
};

/// The model's own likelihood of a problem's measurements, trajectory by trajectory.
///
/// Each subject ([`crate::Trajectory`]) is a series of its own. Particles are the model's trajectories; parameters that vary
/// between subjects are drawn for each. A measurement weighs them by its law of noise around the particle's value, as it
/// weighs the mean field in [`crate::ProblemLikelihood`], or the states of the master equation.
#[derive(Debug)]
pub struct ProblemProcess<'p> {
    problem: &'p Problem,
    method: Method,
    reason: String,
    runs: Vec<Run>,
    /// Of each run, where particles stop.
    stops: Vec<Vec<Stop>>,
}

/// A time at which particles are weighed.
#[derive(Clone, Copy, Debug)]
struct Stop {
    time: f64,
    /// Position of the next measurements among the run's times.
    next: usize,
    /// Whether they are made here.
    here: bool,
}

/// After so many halvings hardly any time is left.
const MOST_LOOKS: usize = 20;

/// The measurements of a run, and before each of them so many looks ahead, each after half of the time that is left: the last
/// ones are so near that few reactions lie between.
fn stops(problem: &Problem, run: &Run, looks: usize) -> Vec<Stop> {
    let mut stops = Vec::new();
    let mut before = problem.experiments()[run.design.experiment].start();
    for (next, &time) in run.times.iter().enumerate() {
        if time > before {
            let at = |look: usize| time - (time - before) * 0.5f64.powi(look as i32);
            stops.extend((1..=looks.min(MOST_LOOKS)).map(|look| Stop { time: at(look), next, here: false }));
        }
        stops.push(Stop { time, next, here: true });
        before = time;
    }
    stops
}

impl<'p> ProblemProcess<'p> {
    /// The process by a method; [`Method::Auto`] is resolved at the nominal parameters to one that can be left and taken up
    /// again.
    ///
    /// # Errors
    /// Why the measurements are none of trajectories that are independent, known to be in some state at some time, and
    /// simulated by such a method: means of several subjects, times to events, steady states, lesions, parameters that vary
    /// between groups.
    pub fn new(problem: &'p Problem, method: &Method) -> Result<Self, Failure> {
        let refuse = |what: &str| Err(Failure(format!("{what}; approximate Bayesian computation (abc-smc) fits them")));
        if !problem.survival().is_empty() {
            return refuse("times to events cannot be weighed at a time");
        }
        if problem.is_steady() {
            return Err(Failure("steady states are those of the mean field; use mle or mcmc".to_owned()));
        }
        if problem.network().varying().any(|varying| varying.between_groups) {
            return refuse("parameters that vary between groups make their subjects depend on each other");
        }
        let (mut resolved, mut reason) = resolve(problem, method);
        if *method == Method::Auto && matches!(resolved, Method::Hybrid { .. }) {
            resolved = Method::tau_leap();
            reason += ", by leaps short enough for that";
        }
        let runs = runs(problem, false, None);
        for run in &runs {
            exact::check_means(problem, run)?;
        }
        let stops = runs.iter().map(|run| stops(problem, run, 0)).collect();
        let process = Self { problem, method: resolved, reason, runs, stops };
        // What no parameters can change is told at once.
        for series in 0..process.runs.len() {
            let mut workspace = process.workspace(series, &problem.nominal())?;
            let begun = workspace.begin(Key::new(0));
            if let Err(error @ (SimulationError::Continuous { .. } | SimulationError::TimeDependent { .. })) = begun {
                return Err(Failure(error.to_string()));
            }
        }
        Ok(process)
    }

    /// Looks so many times ahead of each measurement, at most 20: for those that are nearly exact or unlikely, which most
    /// particles would miss; 6 is a good number then. It costs as much as some tens of reactions for each particle and look.
    #[must_use]
    pub fn looking_ahead(mut self, looks: usize) -> Self {
        self.stops = self.runs.iter().map(|run| stops(self.problem, run, looks)).collect();
        self
    }

    /// The method in use and why.
    #[must_use]
    pub fn method(&self) -> (&Method, &str) {
        (&self.method, &self.reason)
    }
}

/// What trajectories of one subject run in, under one set of parameters.
pub struct Moving<'p> {
    run: usize,
    propagator: Propagator<'p>,
    guide: Option<Guide<'p>>,
    start: Start,
    /// Whether the subject's parameters are drawn here, as the mean field does not.
    varies: bool,
    /// The scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    values: Vec<f64>,
}

impl Moving<'_> {
    fn begin(&mut self, key: Key) -> Result<Snapshot, SimulationError> {
        let Start { parameters, initial } = &self.start;
        if !self.varies {
            return self.propagator.begin(parameters, initial, key);
        }
        let (mut own, network) = (parameters.clone(), self.propagator.network());
        network.individualise(&mut own, &Subject::from(key).deviates(network));
        self.propagator.begin(&own, initial, key)
    }
}

/// A particle, and the logarithm of the weight that was given in advance for what was not measured yet.
#[derive(Clone)]
pub struct Path {
    snapshot: Snapshot,
    advance: f64,
}

impl<'p> Process for ProblemProcess<'p> {
    type Particle = Path;
    type Workspace = Moving<'p>;

    fn parameters(&self) -> &[Parameter] {
        self.problem.estimated()
    }

    fn observations(&self) -> Vec<usize> {
        self.stops.iter().map(Vec::len).collect()
    }

    fn workspace(&self, series: usize, parameters: &[f64]) -> Result<Moving<'p>, Failure> {
        let problem = self.problem;
        let design = self.runs[series].design;
        let mut values = problem.blank_values();
        let start = start(problem, &self.method, &mut values, design, parameters, &Treatment::default())?;
        let network = problem.experiments()[design.experiment].network.as_ref().unwrap_or_else(|| problem.network());
        let propagator = Propagator::new(network, &self.method).map_err(|error| Failure(error.to_string()))?;
        let varies = network.varies() && matches!(self.method, Method::Ode { .. });
        let looks = self.stops[series].iter().any(|stop| !stop.here);
        let guide = looks.then(|| Guide::new(problem, network));
        Ok(Moving { run: series, propagator, guide, start, varies, values })
    }

    fn start(&self, workspace: &mut Moving<'p>, key: Key) -> Result<Path, Failure> {
        let snapshot = workspace.begin(key).map_err(|error| Failure(error.to_string()))?;
        Ok(Path { snapshot, advance: 0.0 })
    }

    fn advance(
        &self,
        workspace: &mut Moving<'p>,
        observation: usize,
        particle: &mut Path,
        key: Key,
    ) -> Result<f64, Failure> {
        let Moving { run, propagator, guide, values, .. } = workspace;
        let (run, stop) = (&self.runs[*run], self.stops[*run][observation]);
        let moved = propagator.advance(&mut particle.snapshot, stop.time, key);
        moved.map_err(|error| Failure(error.to_string()))?;
        let reads = &run.reads[stop.next];
        let weight = if stop.here {
            let state = particle.snapshot.values();
            values[..state.len()].copy_from_slice(state);
            let weight = exact::all(self.problem, reads, &mut View::new(values))?;
            weight - std::mem::take(&mut particle.advance)
        } else {
            let guide = guide.as_mut();
            let found = guide.and_then(|one| one.look(&particle.snapshot, run.times[stop.next], reads, values));
            let guess = found.unwrap_or(particle.advance);
            guess - std::mem::replace(&mut particle.advance, guess)
        };
        Ok(weight)
    }
}
