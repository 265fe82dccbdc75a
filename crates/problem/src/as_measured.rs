//! A problem as what a learned likelihood needs: data as measured, the model's values behind them, and the laws that tie
//! the two.
//!
//! * Measurements scatter around the model's values by the noise law of their observable, which is known
//!   ([`metacascade_inference::Measured`]): a simulation gives the values, on a scale on which they are near to normal, and
//!   the logarithm of the noise's scale. Counts of a multinomial sample are, one after the other, binomial shares of what
//!   the ones before have left.
//! * Trajectories are independent, those of a group where parameters vary between groups excepted; those of one design
//!   teach the same law.
//! * Times to events of subjects who do not differ are draws from one law ([`metacascade_inference::Law::Survival`]).

use std::{collections::BTreeMap, sync::Arc};

use metacascade_engine::Method;
use metacascade_inference::{Failure, Law, Measured, Noise, Parameter, Proposal, Simulator};
use rayon::prelude::*;

use crate::{
    dataset::DataSets,
    measurements::Reading,
    noise::NoiseDistribution,
    observables::{Kind, Observable},
    observe::{Read, Run, data_len, measured, survival_start},
    problem::Problem,
    simulator::resolve,
    summaries::typical,
    survival::Curves,
};

/// Kinds of subjects whose times to events have laws of their own, at most: more are better compared by curves.
const KINDS: usize = 12;

/// Measurements of a data set, at most: a fit keeps thousands of simulated ones.
const LARGEST: usize = 5000;

/// Probabilities of the model are kept this far from 0 and 1, and means of counts from 0.
const SMALLEST: f64 = 1e-9;

/// Simulates data sets as measured, with the model's values: in this order the data in the layout of
/// [`crate::ProblemSimulator::data`]; for each measurement the model's value and the logarithm of the noise's scale; for
/// each row of survival the time, or the end of the longest follow-up if that comes first.
#[derive(Debug)]
pub struct AsMeasured<'s> {
    problem: &'s Problem,
    sets: &'s DataSets<'s>,
    terms: Vec<Term>,
    observed: Vec<f64>,
    laws: Vec<Law>,
}

/// A measurement, and how the model's values tell it.
#[derive(Clone, Debug)]
struct Term {
    noise: NoiseDistribution,
    reading: Reading,
    value: f64,
    exposure: f64,
    limits: [Option<f64>; 2],
    scale: Scale,
    /// Its position among the data, and then those that follow it in a multinomial sample.
    positions: Vec<usize>,
    spread: Option<usize>,
}

/// The scale of the model's values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Identity,
    Logarithm,
    /// asinh(y/s).
    Asinh(f64),
    /// ln(p/(1 − p)).
    Logit,
}

impl Scale {
    fn apply(self, y: f64) -> f64 {
        match self {
            Self::Identity => y,
            Self::Logarithm => y.max(1e-300).ln(),
            Self::Asinh(scale) => (y / scale).asinh(),
            Self::Logit => {
                let p = y.clamp(SMALLEST, 1.0 - SMALLEST);
                (p / (1.0 - p)).ln()
            }
        }
    }

    fn invert(self, z: f64) -> f64 {
        match self {
            Self::Identity => z,
            Self::Logarithm => z.clamp(-690.0, 690.0).exp(),
            Self::Asinh(scale) => scale * z.clamp(-690.0, 690.0).sinh(),
            Self::Logit => 1.0 / (1.0 + (-z).exp()),
        }
    }
}

impl Term {
    fn new(problem: &Problem, read: &Read, positions: Vec<usize>, typical: f64) -> Self {
        let (observable, row) = (read.observable(problem), read.row(problem));
        let counted = matches!(observable.noise, NoiseDistribution::Poisson | NoiseDistribution::NegativeBinomial);
        let scale = match observable.noise {
            NoiseDistribution::LogNormal | NoiseDistribution::LogLaplace => Scale::Logarithm,
            noise if noise.is_discrete() && !counted => Scale::Logit,
            _ if counted => Scale::Asinh((0.05 * typical).max(1.0) / row.exposure),
            _ if matches!(observable.kind, Kind::Cells | Kind::Amount) => {
                Scale::Asinh(row.noise.unwrap_or(0.05 * typical) / row.exposure)
            }
            _ => Scale::Identity,
        };
        Self {
            noise: observable.noise,
            reading: row.reading,
            value: row.value,
            exposure: row.exposure,
            limits: [observable.lower_limit, observable.upper_limit],
            scale,
            positions,
            spread: read.spread,
        }
    }

    /// The value of the model on its scale, from those of all measurements.
    fn simulated(&self, model: &[[f64; 2]]) -> f64 {
        let y = model[self.positions[0]][0];
        if self.noise != NoiseDistribution::Multinomial {
            return self.scale.apply(y);
        }
        let left: f64 = self.positions.iter().map(|&position| model[position][0]).sum();
        self.scale.apply(if left > 0.0 { y / left } else { 0.5 })
    }

    /// What a value of a data set says: censored ones stand at their limits, where others may not.
    fn reading(&self, value: f64, data: &[f64]) -> Reading {
        match self.reading {
            Reading::Mean { n, .. } => Reading::Mean { n, sd: self.spread.map(|spread| data[spread]) },
            reading => reading.of(self.value, self.limits, value),
        }
    }

    fn log_density(&self, data: &[f64], value: f64, log_scale: f64) -> f64 {
        let found = data[self.positions[0]];
        let y = self.scale.invert(value);
        if self.noise == NoiseDistribution::Multinomial {
            let left = self.positions.iter().map(|&position| data[position]).sum();
            return NoiseDistribution::Binomial.log_density(found, y, 1.0, left);
        }
        let y = if self.noise.is_discrete() { y.max(SMALLEST) } else { y };
        let reading = self.reading(found, data);
        reading.log_likelihood(found, self.noise, y, log_scale.clamp(-690.0, 690.0).exp(), self.exposure)
    }
}

/// The noise of units of one design: a term for each unit and place.
#[derive(Debug)]
struct Terms(Vec<Vec<Term>>);

impl Noise for Terms {
    fn log_density(&self, unit: usize, place: usize, data: &[f64], value: f64, log_scale: f64) -> f64 {
        self.0[unit][place].log_density(data, value, log_scale)
    }
}

/// What tells whether trajectories are of one design: experiment and kind of subject, and what is measured when.
type Likeness = Vec<(usize, Option<usize>, Vec<(usize, u64, String)>)>;

impl<'s> AsMeasured<'s> {
    /// `None` where data are too many to keep what is simulated, or laws are not known: where means come with standard deviations of subjects who differ, where times to
    /// events are of many kinds of subjects, known by intervals, or seen of those of whom something else was measured.
    pub(crate) fn new(problem: &'s Problem, sets: &'s DataSets<'s>) -> Option<Self> {
        let random = !matches!(sets.method, Method::Ode { .. }) || problem.network().varies();
        let spreads = survival_start(problem) - problem.measurement_count();
        if (random && spreads > 0) || problem.measurement_count() > LARGEST {
            return None;
        }
        let shares_groups = problem.network().varying().any(|varying| varying.between_groups);
        let mut units: BTreeMap<(bool, usize), Vec<&Run>> = BTreeMap::new();
        for (index, run) in
            sets.runs.iter().enumerate().filter(|(_, run)| run.reads.iter().any(|reads| !reads.is_empty()))
        {
            if !run.questions.is_empty() {
                return None;
            }
            let group = run.design.subject.and_then(|subject| problem.subjects()[subject].group);
            let unit = group.filter(|_| shares_groups).map_or((false, index), |group| (true, group));
            units.entry(unit).or_default().push(run);
        }
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); problem.observables().len()];
        for series in problem.series() {
            values[series.observable].extend(series.measurements.iter().map(|row| row.value));
        }
        let typicals: Vec<f64> = values.into_iter().map(|values| typical(values.into_iter())).collect();
        let mut designs: BTreeMap<Likeness, Vec<Vec<Term>>> = BTreeMap::new();
        for runs in units.into_values() {
            let likeness = runs.iter().map(|run| likeness(problem, run)).collect();
            designs
                .entry(likeness)
                .or_default()
                .push(runs.into_iter().flat_map(|run| terms(problem, run, &typicals)).collect());
        }
        let mut all: Vec<Term> = Vec::new();
        let mut laws = Vec::new();
        let start = data_len(problem);
        for units in designs.into_values() {
            let (mut values, mut data) = (Vec::new(), Vec::new());
            for unit in &units {
                values.push((all.len()..all.len() + unit.len()).map(|term| start + 2 * term).collect::<Vec<usize>>());
                data.extend(unit.iter().flat_map(|term| term.positions.iter().copied().chain(term.spread)));
                all.extend(unit.iter().cloned());
            }
            let log_scales = values.iter().map(|unit| unit.iter().map(|at| at + 1).collect()).collect();
            laws.push(Law::Measured(Measured { values, log_scales, data, random, noise: Arc::new(Terms(units)) }));
        }
        laws.extend(survival(problem, sets, start + 2 * all.len())?);
        let mut observed = measured(problem);
        observed.extend(std::iter::repeat_n(0.0, 2 * all.len()));
        observed.extend(problem.survival().iter().map(|row| row.time));
        (!laws.is_empty()).then_some(Self { problem, sets, terms: all, observed, laws })
    }
}

/// Whether the law of a problem's data is known, so that a likelihood can be learned from data as measured
/// ([`crate::ProblemSimulator::as_measured`]).
#[must_use]
pub fn laws_are_known(problem: &Problem) -> bool {
    let (method, _) = resolve(problem, &problem.simulation().method());
    AsMeasured::new(problem, &DataSets::new(problem, method, Curves::new(problem))).is_some()
}

fn likeness(problem: &Problem, run: &Run) -> (usize, Option<usize>, Vec<(usize, u64, String)>) {
    let class = run.design.subject.map(|subject| problem.subjects()[subject].class);
    let reads = run.times.iter().zip(&run.reads).flat_map(|(time, reads)| reads.iter().map(move |read| (time, read)));
    let of = |(time, read): (&f64, &Read)| {
        let overrides = &read.row(problem).overrides;
        (problem.series()[read.series].observable, time.to_bits(), format!("{overrides:?}"))
    };
    (run.design.experiment, class, reads.map(of).collect())
}

/// A term for each measurement of a run, but for the last of each multinomial sample.
fn terms(problem: &Problem, run: &Run, typicals: &[f64]) -> Vec<Term> {
    let mut terms = Vec::new();
    for reads in &run.reads {
        for (index, read) in reads.iter().enumerate() {
            let observable: &Observable = read.observable(problem);
            let typical = typicals[problem.series()[read.series].observable];
            if observable.noise != NoiseDistribution::Multinomial {
                terms.push(Term::new(problem, read, vec![read.position], typical));
                continue;
            }
            // Those of the sample from this one on: the last one of a sample knows where it begins.
            let later = reads[index..].iter().position(|read| read.sample.is_some()).unwrap_or(0);
            if later > 0 {
                let positions = reads[index..=index + later].iter().map(|read| read.position).collect();
                terms.push(Term::new(problem, read, positions, typical));
            }
        }
    }
    terms
}

/// The laws of times to events, which stand from a position on.
fn survival(problem: &Problem, sets: &DataSets<'_>, start: usize) -> Option<Vec<Law>> {
    let rows = problem.survival();
    let mut kinds: BTreeMap<(usize, usize, Option<usize>), Vec<usize>> = BTreeMap::new();
    let mut trajectories = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let trajectory = &problem.trajectories()[row.trajectory];
        let class = trajectory.subject.map(|subject| problem.subjects()[subject].class);
        kinds.entry((trajectory.experiment, row.endpoint, class)).or_default().push(index);
        trajectories.push(row.trajectory);
    }
    trajectories.sort_unstable();
    let alone = trajectories.windows(2).all(|pair| pair[0] != pair[1]);
    let shares_groups = problem.network().varying().any(|varying| varying.between_groups);
    let intervals = rows.iter().any(|row| row.interval.is_some());
    if !rows.is_empty() && (!alone || shares_groups || intervals || kinds.len() > KINDS) {
        return None;
    }
    let law = |rows: Vec<usize>| Law::Survival {
        limits: rows.iter().map(|&row| sets.curves.end(row)).collect(),
        at: rows.into_iter().map(|row| start + row).collect(),
    };
    Some(kinds.into_values().map(law).collect())
}

impl Simulator for AsMeasured<'_> {
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
                    let set = self.sets.simulate(workspace, &proposal.parameters, proposal.key)?;
                    let mut all = set.data;
                    for term in &self.terms {
                        let scale = set.model[term.positions[0]][1];
                        all.extend([term.simulated(&set.model), scale.max(1e-300).ln()]);
                    }
                    let times = set.event_times.iter().enumerate();
                    all.extend(times.map(|(row, time)| time.min(self.sets.curves.end(row))));
                    Ok(all)
                },
            )
            .collect()
    }

    fn laws(&self) -> &[Law] {
        &self.laws
    }
}
