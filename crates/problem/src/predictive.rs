//! The posterior predictive: what the fitted model says would be seen, and measured, over time.

use std::ops::ControlFlow;

use metacascade_engine::Method;
use metacascade_inference::{Failure, Posterior};
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{
    measurements::Override,
    observe::{Design, Workspace},
    problem::Problem,
    simulator::resolve,
};

/// Draws from the posterior that are enough for bands of 95 %.
pub const DRAWS: usize = 1000;

/// Evenly spaced times between the start and the last measurement of an experiment.
const GRID: usize = 60;

/// Simulations from the posterior, a row for each draw, experiment, time and observable measured in that experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictive {
    /// Position among the problem's observables.
    pub observable: Vec<usize>,
    /// Position among the problem's experiments.
    pub experiment: Vec<usize>,
    /// Time, in the model's unit.
    pub time: Vec<f64>,
    /// Number of the draw, from 0.
    pub draw: Vec<usize>,
    /// The model's value of the observable.
    pub simulation: Vec<f64>,
    /// The same with measurement noise, on the scale of the model's value (counts over their exposure).
    pub prediction: Vec<f64>,
    /// Draws that could not be simulated, and are left out.
    pub failures: usize,
}

/// Times at which an experiment is predicted, and the placeholders of each observable measured in it.
struct Plan {
    experiment: usize,
    /// The subjects measured in it; each draw sets the covariates of the next one.
    subjects: Vec<Option<usize>>,
    times: Vec<f64>,
    observed: Vec<Observed>,
}

/// An observable, and its placeholders' values and exposure at each time.
pub(crate) type Observed = (usize, Vec<Box<[Override]>>, Vec<f64>);

/// The key of a fit's predictions, by the fit's seed.
#[must_use]
pub fn predictive_key(seed: u64) -> Key {
    Key::new(seed).child(u64::MAX)
}

/// For each draw of [`predictive()`] under a key, the position of its parameter vector in the posterior.
#[must_use]
pub fn predicted_particles(posterior: &Posterior, draws: usize, key: Key) -> Vec<usize> {
    posterior.resample(draws, key.child(0))
}

/// Simulates every experiment under up to `draws` parameter vectors of a posterior.
///
/// If the posterior has more particles than that, or weights that are not equal, parameter vectors are drawn by
/// systematic resampling (Kitagawa 1996, J. Comput. Graph. Stat. 5:1). Times are 60 even ones joined with those of the
/// measurements. Where a placeholder (such as a standard deviation) is given row by row, its value between measured
/// times is interpolated on the logarithmic scale if both neighbours are positive, and linearly otherwise; a parameter
/// as placeholder is taken from the nearest measured time. Outside the measured times the nearest value holds.
/// Where subjects have covariates, draws take turns among those of the experiment. Streams are keyed by draw and
/// experiment.
#[must_use]
pub fn predictive(problem: &Problem, method: &Method, posterior: &Posterior, draws: usize, key: Key) -> Predictive {
    let (method, _) = resolve(problem, method);
    let plans: Vec<Plan> = (0..problem.experiments().len()).filter_map(|index| plan(problem, index)).collect();
    let chosen = predicted_particles(posterior, draws, key);
    let blocks: Vec<Result<Predictive, Failure>> = chosen
        .par_iter()
        .enumerate()
        .map_init(
            || Workspace::new(problem, &method),
            |workspace, (draw, &particle)| {
                let key = key.child(1).child(draw as u64);
                predict(problem, workspace, &plans, &posterior.draws[particle], draw, key)
            },
        )
        .collect();
    let mut all = Predictive::default();
    for block in blocks {
        match block {
            Ok(block) => all.append(block),
            Err(_) => all.failures += 1,
        }
    }
    all
}

impl Predictive {
    fn append(&mut self, mut other: Self) {
        self.observable.append(&mut other.observable);
        self.experiment.append(&mut other.experiment);
        self.time.append(&mut other.time);
        self.draw.append(&mut other.draw);
        self.simulation.append(&mut other.simulation);
        self.prediction.append(&mut other.prediction);
    }
}

fn predict(
    problem: &Problem,
    workspace: &mut Workspace<'_>,
    plans: &[Plan],
    parameters: &[f64],
    draw: usize,
    key: Key,
) -> Result<Predictive, Failure> {
    let mut rows = Predictive::default();
    for plan in plans {
        let key = key.child(plan.experiment as u64);
        let subject = plan.subjects.get(draw % plan.subjects.len().max(1)).copied().flatten();
        let mut noise = key.child(1).stream();
        workspace.run(
            Design { experiment: plan.experiment, subject },
            parameters,
            &plan.times,
            key.child(0).into(),
            |index, view| {
                for (position, overrides, exposures) in &plan.observed {
                    let observable = &problem.observables()[*position];
                    let exposure = exposures[index];
                    let (y, sigma) = view.observe(observable, &overrides[index])?;
                    rows.observable.push(*position);
                    rows.experiment.push(plan.experiment);
                    rows.time.push(plan.times[index]);
                    rows.draw.push(draw);
                    rows.simulation.push(y);
                    rows.prediction.push(observable.noise.sample(y, sigma, exposure, &mut noise) / exposure);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
    }
    Ok(rows)
}

fn plan(problem: &Problem, experiment: usize) -> Option<Plan> {
    let series = || problem.series().iter().filter(move |series| series.experiment == experiment);
    let measured = series().flat_map(|series| &series.measurements).map(|row| row.time);
    let measured: Vec<f64> = measured.filter(|time| time.is_finite()).collect();
    let start = problem.experiments()[experiment].start();
    let end = measured.iter().copied().reduce(f64::max)?;
    let mut times: Vec<f64> = (0..GRID).map(|index| start + (end - start) * index as f64 / (GRID - 1) as f64).collect();
    times.extend(measured);
    times.sort_by(f64::total_cmp);
    times.dedup();
    let observed = observed(problem, experiment, &times);
    Some(Plan { experiment, subjects: subjects(problem, experiment), times, observed })
}

/// The observables measured in an experiment, with placeholders and exposures at any times.
pub(crate) fn observed(problem: &Problem, experiment: usize, times: &[f64]) -> Vec<Observed> {
    let series = || problem.series().iter().filter(move |series| series.experiment == experiment);
    let mut observables: Vec<usize> = series().map(|series| series.observable).collect();
    observables.dedup();
    let all = observables.into_iter().map(|observable| {
        let rows = series().filter(|series| series.observable == observable).flat_map(|series| &series.measurements);
        let mut known: Vec<(f64, &[Override])> = rows.map(|row| (row.time, row.overrides.as_ref())).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let overrides = times.iter().map(|&time| interpolate(&known, time)).collect();
        let rows = series().filter(|series| series.observable == observable).flat_map(|series| &series.measurements);
        let mut exposures: Vec<(f64, f64)> = rows.map(|row| (row.time, row.exposure)).collect();
        exposures.sort_by(|a, b| a.0.total_cmp(&b.0));
        (observable, overrides, times.iter().map(|&time| nearest(&exposures, time)).collect())
    });
    all.collect()
}

/// The subjects measured in an experiment, each once; none where the subjects have no table.
fn subjects(problem: &Problem, experiment: usize) -> Vec<Option<usize>> {
    let series = problem.series().iter().filter(|series| series.experiment == experiment);
    let mut subjects: Vec<Option<usize>> =
        series.map(|series| problem.trajectories()[series.trajectory].subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// The value at the nearest of ascending times.
fn nearest(known: &[(f64, f64)], time: f64) -> f64 {
    let at = known.partition_point(|(earlier, _)| *earlier < time);
    let around = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|index| known.get(index));
    around.min_by(|a, b| (a.0 - time).abs().total_cmp(&(b.0 - time).abs())).map_or(1.0, |&(_, value)| value)
}

/// Placeholders at a time from those at measured times (ascending, at least one). At a measured time with several
/// rows, the mean of the rows.
fn interpolate(known: &[(f64, &[Override])], time: f64) -> Box<[Override]> {
    let at = known.partition_point(|(earlier, _)| *earlier < time);
    let rows_at = |time: f64| known.iter().skip_while(move |row| row.0 < time).take_while(move |row| row.0 == time);
    let (before, after) = match (at.checked_sub(1).map(|i| known[i].0), known.get(at).map(|row| row.0)) {
        (_, Some(after)) if after == time => (after, after),
        (Some(before), Some(after)) => (before, after),
        (Some(only), None) | (None, Some(only)) => (only, only),
        (None, None) => return Box::default(),
    };
    let share = if after > before { (time - before) / (after - before) } else { 0.0 };
    let width = known.first().map_or(0, |row| row.1.len());
    (0..width)
        .map(|index| {
            let first = mean(rows_at(before).map(|row| row.1[index]));
            let second = mean(rows_at(after).map(|row| row.1[index]));
            match (first, second) {
                (Override::Number(a), Override::Number(b)) => Override::Number(blend(a, b, share)),
                (first, second) => {
                    if share < 0.5 {
                        first
                    } else {
                        second
                    }
                }
            }
        })
        .collect()
}

fn blend(a: f64, b: f64, share: f64) -> f64 {
    if share == 0.0 {
        return a;
    }
    if a > 0.0 && b > 0.0 { (a.ln() * (1.0 - share) + b.ln() * share).exp() } else { a * (1.0 - share) + b * share }
}

/// The mean of numbers, on the logarithmic scale if all are positive; the first value if it is a parameter.
fn mean(mut values: impl Iterator<Item = Override>) -> Override {
    let Some(first) = values.next() else { return Override::Number(f64::NAN) };
    let (mut result, mut count) = (first, 1.0);
    for value in values {
        count += 1.0;
        if let (Override::Number(a), Override::Number(b)) = (result, value) {
            result = Override::Number(blend(a, b, 1.0 / count));
        }
    }
    result
}

#[cfg(test)]
mod tests;
