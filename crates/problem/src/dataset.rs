//! Data sets as large as the one measured, simulated at given parameters.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
};

use metacascade_engine::{Method, Subject};
use metacascade_inference::Failure;
use metacascade_random::{Key, Stream};

use crate::{
    measurements::Reading,
    observe::{Read, Run, Whom, Workspace, data_len, measure, runs, survival_start},
    problem::Problem,
    survival::{Answers, Curves},
};

/// The child of a data set's key that names the streams of its groups; those of its trajectories are counted from 0.
const GROUPS: u64 = 0x6772_6f75_7073_0000;

/// Simulates data sets of a problem: every subject at its own times, with the noise of what is measured.
#[derive(Debug)]
pub(crate) struct DataSets<'p> {
    pub problem: &'p Problem,
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
        let mut measured = Measured::new(self.problem);
        let mut event_times = vec![f64::INFINITY; self.problem.survival().len()];
        for (index, run) in self.runs.iter().enumerate() {
            for individual in self.individuals(index, key) {
                let Individual { number, key, subject } = individual;
                let mut noise = individual.noise();
                let mut answers = Answers::new(&run.questions);
                workspace.run(run.design, parameters, &run.times, Whom::Drawn(subject), |time, view| {
                    let flow = answers.look(self.problem, view)?;
                    measure(self.problem, &run.reads[time], view, &mut noise, |read, value, model| {
                        measured.take(self.problem, read, number, value, model);
                    })?;
                    Ok(if flow.is_break() && run.is_read(time) { flow } else { ControlFlow::Continue(()) })
                })?;
                if number == 0 {
                    let mut follow_up = key.child(3).stream();
                    for (question, &time) in run.questions.iter().zip(&answers.times) {
                        event_times[question.row] = time;
                        let (time, event) = self.curves.observe(self.problem, question.row, time, &mut follow_up);
                        let at = survival_start(self.problem) + 2 * question.row;
                        (measured.data[at], measured.data[at + 1]) = (time, f64::from(u8::from(event)));
                    }
                }
            }
        }
        self.runs.iter().flat_map(|run| &run.reads).for_each(|reads| measured.finish(self.problem, reads));
        // Once a data set, so that threads do not wait for each other.
        self.events.fetch_add(std::mem::take(&mut workspace.events), Ordering::Relaxed);
        Ok(DataSet { data: measured.data, model: measured.model, event_times })
    }

    /// Those whose trajectories make up a run, in a data set of this key.
    pub fn individuals(&self, run: usize, key: Key) -> impl Iterator<Item = Individual> {
        let Run { design, count, .. } = self.runs[run];
        let group = design.subject.and_then(|subject| self.problem.subjects()[subject].group);
        let shared = group.map(|group| key.child(GROUPS).child(group as u64));
        let key = key.child(run as u64);
        (0..count).map(move |number| {
            let key = if number == 0 { key } else { key.child(2).child(number as u64) };
            let own = key.child(0);
            Individual { number, key, subject: Subject { key: own, group: shared.unwrap_or(own) } }
        })
    }
}

/// Whose trajectory is simulated.
pub(crate) struct Individual {
    /// Among those whose mean is measured.
    pub number: usize,
    pub key: Key,
    pub subject: Subject,
}

impl Individual {
    /// The stream of what is measured of it.
    pub fn noise(&self) -> Stream {
        self.key.child(1).stream()
    }
}

/// Measurements as they are made; NaN until then.
pub(crate) struct Measured {
    pub data: Vec<f64>,
    pub model: Vec<[f64; 2]>,
}

impl Measured {
    pub fn new(problem: &Problem) -> Self {
        Self { data: vec![f64::NAN; data_len(problem)], model: vec![[f64::NAN; 2]; problem.measurement_count()] }
    }

    /// Takes in what was read of an individual, those before it being in.
    pub fn take(&mut self, problem: &Problem, read: &Read, individual: usize, value: f64, [y, scale]: [f64; 2]) {
        let Self { data, model } = self;
        match read.row(problem).reading {
            Reading::Mean { n, .. } if individual < n as usize => {
                average(data, read.position, read.spread, individual, value);
                let [mean, own] = &mut model[read.position];
                *mean = if individual == 0 { y } else { *mean + (y - *mean) / (individual + 1) as f64 };
                *own = scale;
            }
            _ if individual == 0 => (data[read.position], model[read.position]) = (value, [y, scale]),
            _ => {}
        }
    }

    /// Standard deviations from sums of squares, where all are in.
    pub fn finish(&mut self, problem: &Problem, reads: &[Read]) {
        for read in reads {
            if let (Some(spread), Reading::Mean { n, .. }) = (read.spread, read.row(problem).reading) {
                self.data[spread] = (self.data[spread] / (n - 1.0)).sqrt();
            }
        }
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
