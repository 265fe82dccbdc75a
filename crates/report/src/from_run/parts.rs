//! Parts of the data that are told apart: by arm, group or thirds of a covariate.

use metacascade_problem::{Measurement, Problem, Values, thirds};

use crate::number::significant;

/// Items (rows of a table, by position) with a name.
pub type Part = (String, Vec<usize>);

/// A measurement and what it belongs to.
#[derive(Clone, Copy)]
pub struct Row<'p> {
    /// Position among the problem's observables.
    pub observable: usize,
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// Position among the problem's subjects.
    pub subject: Option<usize>,
    pub measurement: &'p Measurement,
}

/// All measurements, in the order of [`metacascade_problem::Replicates::measurements`].
pub fn rows(problem: &Problem) -> Vec<Row<'_>> {
    let series = problem.series().iter();
    series
        .flat_map(|series| {
            let subject = problem.trajectories()[series.trajectory].subject;
            series.measurements.iter().map(move |measurement| Row {
                observable: series.observable,
                experiment: series.experiment,
                subject,
                measurement,
            })
        })
        .collect()
}

/// The name of an experiment for readers.
pub fn arm(problem: &Problem, experiment: usize) -> String {
    let experiment = &problem.experiments()[experiment];
    if experiment.name.is_empty() { experiment.id.clone() } else { experiment.name.clone() }
}

/// The items of each arm, in the order of the problem.
pub fn by_arm(problem: &Problem, items: &[usize], experiment: impl Fn(usize) -> usize) -> Vec<Part> {
    let part = |arm_: usize| {
        let own: Vec<usize> = items.iter().copied().filter(|&item| experiment(item) == arm_).collect();
        (!own.is_empty()).then(|| (arm(problem, arm_), own))
    };
    (0..problem.experiments().len()).filter_map(part).collect()
}

/// The items of each group of subjects, in the order of the problem; those in none are left out.
pub fn by_group(problem: &Problem, items: &[usize], subject: impl Fn(usize) -> Option<usize>) -> Vec<Part> {
    let group = |item: usize| problem.subjects()[subject(item)?].group;
    let part = |(index, name): (usize, &String)| {
        let own: Vec<usize> = items.iter().copied().filter(|&item| group(item) == Some(index)).collect();
        (!own.is_empty()).then(|| (name.clone(), own))
    };
    problem.groups().iter().enumerate().filter_map(part).collect()
}

/// The thirds of each covariate that sets a parameter, named by the values they span, with the covariate's name.
pub fn by_thirds(
    problem: &Problem,
    items: &[usize],
    subject: impl Fn(usize) -> Option<usize>,
) -> Vec<(String, Vec<Part>)> {
    let found = thirds(problem, items.iter().map(|&item| (item, subject(item))));
    let named = |(name, thirds): (String, Vec<Vec<usize>>)| {
        let covariate = problem.covariates().iter().find(|covariate| covariate.name == name)?;
        let Values::Numbers(numbers) = &covariate.values else { return None };
        let part = |(third, items): (&str, Vec<usize>)| {
            let values = items.iter().filter_map(|&item| Some(numbers[subject(item)?]));
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
            // A number does not break at the end of a line.
            let [low, high] = [low, high].map(|end| significant(end, 3).replace(' ', "\u{a0}"));
            (format!("{third} third, {low} to {high}"), items)
        };
        let parts = ["lowest", "middle", "highest"].into_iter().zip(thirds).map(part).collect();
        Some((format!("thirds of {name}"), parts))
    };
    found.into_iter().filter_map(named).collect()
}
