//! Data sets as large as the one measured, simulated at given parameters.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
};

use metacascade_engine::{Method, Subject};
use metacascade_inference::Failure;
use metacascade_random::Key;

use crate::{
    measurements::Reading,
    observe::{Run, Whom, Workspace, data_len, measure, runs, survival_start},
    problem::Problem,
    survival::{Answers, Curves},
};

/// The child of a data set's key that names the streams of its groups; those of its trajectories are counted from 0.
const GROUPS: u64 = 0x6772_6f75_7073_0000;

/// Simulates data sets of a problem: every subject at its own times, with the noise of what is measured.
#[derive(Debug)]
pub(crate) struct DataSets<'p> {
    problem: &'p Problem,
    pub method: Method,
    pub curves: Curves,
    pub runs: Vec<Run>,
    /// Reactions fired so far.
    pub events: AtomicU64,
}

/// One simulated data set.
pub(crate) struct DataSet {
    /// In the layout of [`data_len`].
    pub data: Vec<f64>,
    /// For each measurement the model's value, the mean over subjects where a mean was measured, and the scale of the noise.
    pub model: Vec<[f64; 2]>,
    /// For each row of survival when the event happened, whether followed until then or not; infinite where it had not
    /// by the end of the simulation.
    pub event_times: Vec<f64>,
}

impl<'p> DataSets<'p> {
    /// By a method that is not [`Method::Auto`].
    pub fn new(problem: &'p Problem, method: Method, curves: Curves) -> Self {
        // Without chance and variation, subjects with the same covariates are the same.
        let shared = matches!(method, Method::Ode { .. }) && !problem.network().varies();
        let runs = runs(problem, shared, Some(&curves));
        Self { problem, method, curves, runs, events: AtomicU64::new(0) }
    }

    /// What simulations happen in; one serves many, one after the other.
    pub fn workspace(&self) -> Workspace<'p> {
        Workspace::new(self.problem, &self.method)
    }

    /// Simulates one under values of the estimated parameters.
    pub fn simulate(&self, workspace: &mut Workspace<'_>, parameters: &[f64], key: Key) -> Result<DataSet, Failure> {
        let mut data = vec![f64::NAN; data_len(self.problem)];
        let mut model = vec![[f64::NAN; 2]; self.problem.measurement_count()];
        let mut event_times = vec![f64::INFINITY; self.problem.survival().len()];
        let groups = key.child(GROUPS);
        for (index, run) in self.runs.iter().enumerate() {
            let key = key.child(index as u64);
            let group = run.design.subject.and_then(|subject| self.problem.subjects()[subject].group);
            for subject in 0..run.count {
                let key = if subject == 0 { key } else { key.child(2).child(subject as u64) };
                let mut noise = key.child(1).stream();
                let mut answers = Answers::new(&run.questions);
                let own = key.child(0);
                let whom = Subject { key: own, group: group.map_or(own, |group| groups.child(group as u64)) };
                workspace.run(run.design, parameters, &run.times, Whom::Drawn(whom), |time, view| {
                    let flow = answers.look(self.problem, view)?;
                    measure(self.problem, &run.reads[time], view, &mut noise, |read, value, [y, scale]| {
                        let spread = read.spread;
                        match read.row(self.problem).reading {
                            Reading::Mean { n, .. } if subject < n as usize => {
                                average(&mut data, read.position, spread, subject, value);
                                let [mean, own] = &mut model[read.position];
                                *mean = if subject == 0 { y } else { *mean + (y - *mean) / (subject + 1) as f64 };
                                *own = scale;
                            }
                            _ if subject == 0 => (data[read.position], model[read.position]) = (value, [y, scale]),
                            _ => {}
                        }
                    })?;
                    Ok(if flow.is_break() && run.is_read(time) { flow } else { ControlFlow::Continue(()) })
                })?;
                if subject == 0 {
                    let mut follow_up = key.child(3).stream();
                    for (question, &time) in run.questions.iter().zip(&answers.times) {
                        event_times[question.row] = time;
                        let (time, event) = self.curves.observe(self.problem, question.row, time, &mut follow_up);
                        let at = survival_start(self.problem) + 2 * question.row;
                        (data[at], data[at + 1]) = (time, f64::from(u8::from(event)));
                    }
                }
            }
        }
        for read in self.runs.iter().flat_map(|run| run.reads.iter().flatten()) {
            if let (Some(spread), Reading::Mean { n, .. }) = (read.spread, read.row(self.problem).reading) {
                data[spread] = (data[spread] / (n - 1.0)).sqrt();
            }
        }
        // Once a data set, so that threads do not wait for each other.
        self.events.fetch_add(std::mem::take(&mut workspace.events), Ordering::Relaxed);
        Ok(DataSet { data, model, event_times })
    }
}

/// Takes one more value into a mean and the sum of squared deviations from it (Welford 1962, Technometrics 4:419).
fn average(data: &mut [f64], mean: usize, squares: Option<usize>, before: usize, value: f64) {
    if before == 0 {
        data[mean] = 0.0;
        squares.into_iter().for_each(|squares| data[squares] = 0.0);
    }
    let difference = value - data[mean];
    data[mean] += difference / (before + 1) as f64;
    if let Some(squares) = squares {
        data[squares] += difference * (value - data[mean]);
    }
}
