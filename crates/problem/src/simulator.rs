//! A problem as what approximate Bayesian computation needs: parameters in, summaries out.

use std::sync::{OnceLock, atomic::Ordering};

use metacascade_engine::Method;
use metacascade_inference::{Failure, Parameter, Proposal, Simulator, optimise};
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{
    as_measured::AsMeasured,
    dataset::DataSets,
    in_parts::Stops,
    likelihood::ProblemLikelihood,
    observe::{Design, data_len, measured, survival_start},
    problem::Problem,
    start::{Treatment, prepare},
    summaries::{Change, Summaries},
    survival::Curves,
};

/// Starts of the search for the reference of the summaries.
const REFERENCE_STARTS: usize = 6;

/// Step in normal scores over which the reference's dependence on the parameters is measured.
const REFERENCE_STEP: f64 = 0.02;

/// Simulates whole data sets of a problem, in the layout of its measurements, and summarises them.
///
/// Each subject ([`crate::Trajectory`]) is one trajectory of its experiment, observed at the times of its
/// measurements with noise drawn from the observable's law. Subjects of one group share what varies between groups.
/// Streams are keyed by proposal, group and subject: batches and threads change nothing.
#[derive(Debug)]
pub struct ProblemSimulator<'p> {
    problem: &'p Problem,
    sets: DataSets<'p>,
    reason: String,
    summaries: Summaries,
    observed: Vec<f64>,
    /// Where data sets may be simulated from time to time; found when first asked for, since most fits never do.
    stops: OnceLock<Option<Stops>>,
}

impl<'p> ProblemSimulator<'p> {
    /// A simulator by a method; [`Method::Auto`] is resolved at the nominal parameters. Where noise is to be estimated,
    /// the mean field is fitted first, as the reference of a summary.
    #[must_use]
    pub fn new(problem: &'p Problem, method: &Method) -> Self {
        let (method, reason) = resolve(problem, method);
        let mut summaries = Summaries::new(problem);
        if summaries.wants_reference()
            && let Some((reference, changes)) = reference(problem)
        {
            summaries.set_reference(&reference, &changes);
        }
        let sets = DataSets::new(problem, method, Curves::new(problem));
        let observed = all_summaries(problem, &summaries, &sets.curves, &measured(problem));
        Self { problem, sets, reason, summaries, observed, stops: OnceLock::new() }
    }

    pub(crate) fn problem(&self) -> &'p Problem {
        self.problem
    }

    pub(crate) fn sets(&self) -> &DataSets<'p> {
        &self.sets
    }

    /// The method in use and why.
    #[must_use]
    pub fn method(&self) -> (&Method, &str) {
        (&self.sets.method, &self.reason)
    }

    /// Reactions fired so far, in all data sets that were simulated; none by the mean field.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.sets.events.load(Ordering::Relaxed)
    }

    /// The same data sets as measured, with what is known of their law; `None` where too little is.
    #[must_use]
    pub fn as_measured(&self) -> Option<AsMeasured<'_>> {
        AsMeasured::new(self.problem, &self.sets)
    }

    /// The summaries of a data set that begins as [`ProblemSimulator::data`] gives it.
    #[must_use]
    pub fn summaries(&self, data: &[f64]) -> Vec<f64> {
        all_summaries(self.problem, &self.summaries, &self.sets.curves, &data[..data_len(self.problem)])
    }

    /// What each summary is, in the order of [`Simulator::observed`].
    #[must_use]
    pub fn summary_names(&self) -> Vec<String> {
        let mut names = self.summaries.names(self.problem);
        names.extend(self.sets.curves.names());
        names
    }

    /// A simulated data set: one value for each measurement, series after series, each in order of time; then the
    /// standard deviations of the measurements that are means, in the same order; then for each row of survival the time
    /// and 1 for an event, 0 for none.
    ///
    /// Where a mean of n subjects was measured, n are simulated. Values beyond an assay's limits are the limit.
    ///
    /// # Errors
    /// Why the parameters cannot be simulated.
    pub fn data(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure> {
        Ok(self.sets.simulate(&mut self.sets.workspace(), parameters, key)?.data)
    }
}

fn finite(summaries: Vec<f64>) -> Result<Vec<f64>, Failure> {
    match summaries.iter().position(|summary| !summary.is_finite()) {
        Some(index) => Err(Failure(format!("summary {index} is not finite"))),
        None => Ok(summaries),
    }
}

/// Summaries of measurements, then of times to events.
fn all_summaries(problem: &Problem, summaries: &Summaries, curves: &Curves, data: &[f64]) -> Vec<f64> {
    let mut all = summaries.of(data);
    let seen: Vec<(f64, bool)> =
        data[survival_start(problem)..].chunks_exact(2).map(|pair| (pair[0], pair[1] > 0.5)).collect();
    all.extend(curves.summaries(&seen));
    all
}

/// The mean field where it fits the data best, and how it changes with each parameter;
/// `None` if it cannot be solved.
fn reference(problem: &Problem) -> Option<(Vec<f64>, Vec<Change>)> {
    let likelihood = ProblemLikelihood::new(problem);
    let settings = optimise::Settings { starts: REFERENCE_STARTS, draws: 1, ..optimise::Settings::default() };
    let best = optimise::run(&likelihood, &settings, &mut ()).ok()?.parameters;
    let moved = |index: usize, step: f64| {
        let mut point = best.clone();
        let parameter = &problem.estimated()[index];
        point[index] = parameter.from_score(parameter.to_score(point[index]) + step);
        likelihood.mean_field(&point)
    };
    let change = |index| Some((moved(index, -REFERENCE_STEP).ok()?, moved(index, REFERENCE_STEP).ok()?));
    Some((likelihood.mean_field(&best).ok()?, (0..best.len()).map(change).collect::<Option<_>>()?))
}

/// A concrete method and why: exact only if it suits every experiment at the nominal parameters.
pub(crate) fn resolve(problem: &Problem, method: &Method) -> (Method, String) {
    let end = |experiment: usize| {
        let series = problem.series().iter().filter(move |series| series.experiment == experiment);
        let times = series.flat_map(|series| &series.measurements).map(|row| row.time);
        let of = |row: &&crate::Survival| problem.trajectories()[row.trajectory].experiment == experiment;
        let followed = problem.survival().iter().filter(of).map(|row| row.time);
        times.filter(|time| time.is_finite()).chain(followed).reduce(f64::max)
    };
    let mut values = vec![0.0; problem.scope_slots];
    let mut exact = None;
    for (experiment, definition) in problem.experiments().iter().enumerate() {
        let Some(end) = end(experiment) else { continue };
        let subject = problem.trajectories().iter().find(|trajectory| trajectory.experiment == experiment);
        let subject = subject.and_then(|trajectory| trajectory.subject);
        let design = Design { experiment, subject };
        let (parameters, initial) = prepare(problem, &mut values, design, &problem.nominal(), &Treatment::default());
        if *method == Method::Auto && !initial.is_empty() {
            // The engine judges by the model's own initial counts, which are not the ones simulated.
            let reason = format!(
                "`{}` sets initial counts; leaps fall back to exact steps where numbers are small",
                definition.id
            );
            return (Method::tau_leap(), reason);
        }
        let network = definition.network.as_ref().unwrap_or_else(|| problem.network());
        let resolved = method.resolve(network, &parameters, end, 1);
        if !resolved.0.is_exact() {
            return resolved;
        }
        exact.get_or_insert(resolved);
    }
    exact.unwrap_or_else(|| (Method::tau_leap(), "nothing was measured".to_owned()))
}

impl Simulator for ProblemSimulator<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.problem.estimated()
    }

    fn observed(&self) -> &[f64] {
        &self.observed
    }

    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        proposals
            .par_iter()
            .map_init(
                || self.sets.workspace(),
                |workspace, proposal| {
                    let data = self.sets.simulate(workspace, &proposal.parameters, proposal.key)?.data;
                    finite(all_summaries(self.problem, &self.summaries, &self.sets.curves, &data))
                },
            )
            .collect()
    }

    /// Subjects go from one time of measurement to the next side by side; where they cannot, data sets are finished.
    fn simulate_near(
        &self,
        proposals: &[Proposal],
        near: &(dyn Fn(&[f64]) -> bool + Sync),
    ) -> Vec<Result<Option<Vec<f64>>, Failure>> {
        let Some(stops) = self.stops.get_or_init(|| Stops::of(self.problem, &self.sets)) else {
            return self.simulate(proposals).into_iter().map(|simulated| simulated.map(Some)).collect();
        };
        let summaries = |data: &[f64]| all_summaries(self.problem, &self.summaries, &self.sets.curves, data);
        proposals
            .par_iter()
            .map_init(
                || self.sets.parts_workspace(),
                |workspace, Proposal { parameters, key }| {
                    let near = |data: &[f64]| near(&summaries(data));
                    let data = self.sets.simulate_while(stops, workspace, (parameters, *key), near)?;
                    data.map(|data| finite(summaries(&data))).transpose()
                },
            )
            .collect()
    }
}
