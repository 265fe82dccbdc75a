//! The likelihood where parameters vary between groups and subjects: what each of them deviates by is not seen, and is
//! integrated out; afterwards it can be drawn given the data.
//!
//! A trajectory is a subject, and shares with its group what varies between groups. Within a subject, measurements scatter
//! around its own mean field.

mod quadrature;

use std::collections::BTreeMap;

use metacascade_engine::Deviates;
use metacascade_inference::Failure;
use metacascade_random::Key;
use nalgebra::{DMatrix, DVector};

use crate::{
    likelihood::{Predicted, log_likelihood, predict},
    observe::{Run, Whom, Workspace},
    problem::Problem,
};
use quadrature::{Integrand, Local, Rule};

/// Step over which the mean field is differentiated along a deviate.
const STEP: f64 = 0.01;

/// What varies and between whom.
#[derive(Debug)]
pub(crate) struct Effects {
    /// Positions among [`metacascade_engine::Network::varying`].
    between_groups: Vec<usize>,
    between_subjects: Vec<usize>,
    varying: usize,
    units: Vec<Unit>,
    group_rule: Rule,
    subject_rule: Rule,
}

/// Trajectories that are independent of all others.
#[derive(Debug)]
struct Unit {
    /// Positions among the runs.
    runs: Vec<usize>,
}

/// Deviates of one trajectory, drawn given the data.
pub(crate) struct Drawn {
    /// Position among the runs.
    pub run: usize,
    pub deviates: Deviates,
}

impl Effects {
    pub fn new(problem: &Problem, runs: &[Run]) -> Self {
        let all: Vec<_> = problem.network().varying().collect();
        let chosen = |is: fn(&metacascade_engine::Varying) -> bool| -> Vec<usize> {
            all.iter().enumerate().filter(|(_, one)| is(one)).map(|(index, _)| index).collect()
        };
        let (between_groups, between_subjects) = (chosen(|one| one.between_groups), chosen(|one| one.between_subjects));
        let mut units: BTreeMap<(Option<usize>, usize), Vec<usize>> = BTreeMap::new();
        for (index, run) in runs.iter().enumerate() {
            let group = run.design.subject.and_then(|subject| problem.subjects()[subject].group);
            let group = group.filter(|_| !between_groups.is_empty());
            units.entry((group, if group.is_some() { 0 } else { index })).or_default().push(index);
        }
        Self {
            group_rule: Rule::of_dimension(between_groups.len()),
            subject_rule: Rule::of_dimension(between_subjects.len()),
            varying: all.len(),
            between_groups,
            between_subjects,
            units: units.into_values().map(|runs| Unit { runs }).collect(),
        }
    }

    /// The log-likelihood of all measurements, whatever the subjects deviate by.
    pub fn log_likelihood<'p>(
        &self,
        problem: &'p Problem,
        runs: &[Run],
        workspace: &mut Workspace<'p>,
        parameters: &[f64],
    ) -> Result<f64, Failure> {
        let mut total = 0.0;
        for unit in &self.units {
            let mut groups = self.groups(problem, runs, workspace, parameters, unit);
            if self.between_groups.is_empty() {
                total += groups.at(&[])?;
                continue;
            }
            let peak = quadrature::peak(&mut groups)?;
            total += quadrature::log_integral(&mut groups, &peak, &self.group_rule);
        }
        Ok(total)
    }

    /// Deviates of every trajectory, drawn given its data and parameters.
    pub fn draw<'p>(
        &self,
        problem: &'p Problem,
        runs: &[Run],
        workspace: &mut Workspace<'p>,
        parameters: &[f64],
        key: Key,
    ) -> Result<Vec<Drawn>, Failure> {
        let mut all = Vec::with_capacity(runs.len());
        for (index, unit) in self.units.iter().enumerate() {
            let mut random = key.child(index as u64).stream();
            let mut groups = self.groups(problem, runs, workspace, parameters, unit);
            let shared = if self.between_groups.is_empty() {
                Vec::new()
            } else {
                let peak = quadrature::peak(&mut groups)?;
                quadrature::draw(&mut groups, &peak, &mut random)
            };
            groups.set(&shared);
            for &run in &unit.runs {
                let mut rows = groups.rows(run);
                let own = if self.between_subjects.is_empty() {
                    Vec::new()
                } else {
                    let peak = quadrature::peak(&mut rows)?;
                    quadrature::draw(&mut rows, &peak, &mut random)
                };
                rows.set(&own);
                all.push(Drawn { run, deviates: rows.deviates.clone() });
            }
        }
        all.sort_by_key(|drawn| drawn.run);
        Ok(all)
    }

    fn groups<'a, 'p>(
        &'a self,
        problem: &'p Problem,
        runs: &'a [Run],
        workspace: &'a mut Workspace<'p>,
        parameters: &'a [f64],
        unit: &'a Unit,
    ) -> Groups<'a, 'p> {
        let deviates = Deviates { groups: vec![0.0; self.varying], subjects: vec![0.0; self.varying] };
        Groups { effects: self, problem, runs, workspace, parameters, unit, deviates }
    }
}

/// The likelihood of a unit as a function of what its subjects share.
struct Groups<'a, 'p> {
    effects: &'a Effects,
    problem: &'p Problem,
    runs: &'a [Run],
    workspace: &'a mut Workspace<'p>,
    parameters: &'a [f64],
    unit: &'a Unit,
    deviates: Deviates,
}

impl<'a, 'p> Groups<'a, 'p> {
    fn set(&mut self, shared: &[f64]) {
        self.effects.between_groups.iter().zip(shared).for_each(|(&place, &z)| self.deviates.groups[place] = z);
    }

    /// One trajectory as a function of what is its own.
    fn rows(&mut self, run: usize) -> Rows<'_, 'p> {
        Rows {
            problem: self.problem,
            runs: vec![&self.runs[run]],
            workspace: self.workspace,
            parameters: self.parameters,
            places: &self.effects.between_subjects,
            shared: false,
            deviates: self.deviates.clone(),
            known: None,
        }
    }

    /// All trajectories as a function of what they share, where nothing is their own.
    fn together(&mut self) -> Rows<'_, 'p> {
        Rows {
            problem: self.problem,
            runs: self.unit.runs.iter().map(|&run| &self.runs[run]).collect(),
            workspace: self.workspace,
            parameters: self.parameters,
            places: &self.effects.between_groups,
            shared: true,
            deviates: self.deviates.clone(),
            known: None,
        }
    }
}

impl Integrand for Groups<'_, '_> {
    fn dimension(&self) -> usize {
        self.effects.between_groups.len()
    }

    fn at(&mut self, shared: &[f64]) -> Result<f64, Failure> {
        if self.effects.between_subjects.is_empty() {
            return self.together().at(shared);
        }
        self.set(shared);
        let mut total = 0.0;
        for index in 0..self.unit.runs.len() {
            let rule = &self.effects.subject_rule;
            let mut rows = self.rows(self.unit.runs[index]);
            let peak = quadrature::peak(&mut rows)?;
            total += quadrature::log_integral(&mut rows, &peak, rule);
        }
        Ok(total)
    }

    fn around(&mut self, shared: &[f64]) -> Result<Local, Failure> {
        if self.effects.between_subjects.is_empty() {
            return self.together().around(shared);
        }
        let value = self.at(shared)?;
        // Wider than for one trajectory: integrals within have errors of their own.
        let (gradient, curvature) = differences(shared.len(), 10.0 * STEP, value, |step| {
            let point: Vec<f64> = shared.iter().zip(step).map(|(z, step)| z + step).collect();
            self.at(&point).unwrap_or(f64::NAN)
        });
        Ok(Local { value, gradient, curvature })
    }
}

/// The likelihood of trajectories as a function of deviates, all else being known.
struct Rows<'a, 'p> {
    problem: &'p Problem,
    runs: Vec<&'a Run>,
    workspace: &'a mut Workspace<'p>,
    parameters: &'a [f64],
    /// Which deviates.
    places: &'a [usize],
    /// Whether they are the groups'.
    shared: bool,
    deviates: Deviates,
    /// The last point and the mean field there.
    known: Option<(Vec<f64>, Vec<Predicted>)>,
}

impl Rows<'_, '_> {
    fn set(&mut self, point: &[f64]) {
        let target = if self.shared { &mut self.deviates.groups } else { &mut self.deviates.subjects };
        self.places.iter().zip(point).for_each(|(&place, &z)| target[place] = z);
    }

    fn predict(&mut self, point: &[f64]) -> Result<Vec<Predicted>, Failure> {
        if let Some((known, predicted)) = &self.known
            && known == point
        {
            return Ok(predicted.clone());
        }
        self.set(point);
        let whom = Whom::Given(&self.deviates);
        let mut all = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            all.push(predict(self.problem, self.workspace, run, self.parameters, whom)?);
        }
        self.known = Some((point.to_vec(), all.clone()));
        Ok(all)
    }

    fn score(&self, predicted: &[Predicted]) -> f64 {
        self.runs.iter().zip(predicted).map(|(run, predicted)| log_likelihood(self.problem, run, predicted)).sum()
    }
}

impl Integrand for Rows<'_, '_> {
    fn dimension(&self) -> usize {
        self.places.len()
    }

    fn at(&mut self, point: &[f64]) -> Result<f64, Failure> {
        let predicted = self.predict(point)?;
        Ok(self.score(&predicted))
    }

    /// The second derivatives are those of the law of the measurements, the mean field taken as linear: the mean field is
    /// solved once for each deviate, whatever the law.
    fn around(&mut self, point: &[f64]) -> Result<Local, Failure> {
        let base = self.predict(point)?;
        let value = self.score(&base);
        let mut slopes = Vec::with_capacity(point.len());
        for index in 0..point.len() {
            let mut moved = point.to_vec();
            moved[index] += STEP;
            let there = self.predict(&moved)?;
            let slope = |(there, base): (&[f64; 2], &[f64; 2])| [0, 1].map(|part| (there[part] - base[part]) / STEP);
            let slope = |(there, base): (&Predicted, &Predicted)| there.iter().zip(base).map(slope).collect();
            slopes.push(there.iter().zip(&base).map(slope).collect::<Vec<Predicted>>());
        }
        self.known = Some((point.to_vec(), base.clone()));
        let linear = |step: &[f64]| {
            let mut moved = base.clone();
            for (slope, step) in slopes.iter().zip(step) {
                for (row, slope) in moved.iter_mut().flatten().zip(slope.iter().flatten()) {
                    row[0] += step * slope[0];
                    row[1] += step * slope[1];
                }
            }
            self.score(&moved)
        };
        let (gradient, curvature) = differences(point.len(), STEP, value, linear);
        Ok(Local { value, gradient, curvature })
    }
}

/// Gradient and second derivatives by central differences.
fn differences(
    dimension: usize,
    step: f64,
    value: f64,
    mut at: impl FnMut(&[f64]) -> f64,
) -> (DVector<f64>, DMatrix<f64>) {
    let mut along = |moves: &[(usize, f64)]| {
        let mut point = vec![0.0; dimension];
        moves.iter().for_each(|&(index, sign)| point[index] = sign * step);
        at(&point)
    };
    let (mut gradient, mut curvature) = (DVector::zeros(dimension), DMatrix::zeros(dimension, dimension));
    for i in 0..dimension {
        let (up, down) = (along(&[(i, 1.0)]), along(&[(i, -1.0)]));
        gradient[i] = (up - down) / (2.0 * step);
        curvature[(i, i)] = (up - 2.0 * value + down) / (step * step);
        for j in 0..i {
            let mixed = [(1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)].map(|(a, b)| along(&[(i, a), (j, b)]));
            let second = (mixed[0] + mixed[1] - mixed[2] - mixed[3]) / (4.0 * step * step);
            curvature[(i, j)] = second;
            curvature[(j, i)] = second;
        }
    }
    (gradient, curvature)
}
