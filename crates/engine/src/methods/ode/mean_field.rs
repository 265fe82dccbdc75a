//! The mean field: dx/dt = Σ ν·a(x) for counts, and the rates of change of continuous variables.

use metacascade_random::Stream;
use nalgebra::{DMatrix, DVectorViewMut, Dyn, LU};

use super::{Solver, System, Tolerance};
use crate::network::{Derivatives, Network, TIME};
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// The method `ode`.
pub(crate) struct MeanField {
    solver: Solver,
    linear: Option<Linear>,
    counts: Vec<f64>,
}

impl MeanField {
    pub fn new(network: &Network, relative_tolerance: f64, absolute_tolerance: f64) -> Self {
        let size = network.species.len();
        let tolerance = Tolerance { relative: relative_tolerance, absolute: absolute_tolerance };
        Self { solver: Solver::new(size, tolerance), linear: None, counts: vec![0.0; size] }
    }
}

impl Stepper for MeanField {
    fn whole(&self) -> bool {
        false
    }

    fn individuals(&self) -> bool {
        false
    }

    fn jumped(&mut self, _: &mut State) -> Result<(), SimulationError> {
        self.solver.jumped();
        Ok(())
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        _: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        let (time, size) = (state.time(), self.counts.len());
        if size == 0 && state.network.events.is_empty() {
            // Rules alone: nothing is integrated.
            place(state, until, &[]);
            return Ok(());
        }
        self.counts.copy_from_slice(&state.values[1..=size]);
        let mut system = Drift { state, linear: &mut self.linear };
        let reached = self.solver.advance(&mut system, &mut self.counts, time, until, stats)?;
        place(state, reached, &self.counts);
        Ok(())
    }
}

/// Puts a state at a time and counts, rules up to date.
pub(crate) fn place(state: &mut State, time: f64, counts: &[f64]) {
    state.set_time(time);
    state.values[1..=counts.len()].copy_from_slice(counts);
    state.update_moving_rules();
}

/// Writes the drift of the counts at the present state.
pub(crate) fn drift(state: &State, drift: &mut [f64]) {
    drift.fill(0.0);
    for (index, reaction) in state.network.reactions.iter().enumerate() {
        let propensity = state.law(index);
        for &(species, change) in &reaction.changes {
            drift[species] += change * propensity;
        }
    }
    for (drift, species) in drift.iter_mut().zip(&state.network.species) {
        if let Some(rate) = &species.rate {
            *drift += rate.evaluate(&state.values);
        }
    }
}

struct Drift<'s, 'n> {
    state: &'s mut State<'n>,
    /// Made when first needed.
    linear: &'s mut Option<Linear>,
}

impl System for Drift<'_, '_> {
    fn drift(&mut self, time: f64, y: &[f64], out: &mut [f64]) {
        place(self.state, time, y);
        drift(self.state, out);
    }

    fn linearise(&mut self, time: f64, y: &[f64], by_time: &mut [f64]) {
        place(self.state, time, y);
        let linear = self.linear.get_or_insert_with(|| Linear::new(self.state.network));
        linear.linearise(self.state, by_time);
        // An infinite derivative, as that of a square root at 0, is left out: the error estimate guards the step.
        let entries = linear.jacobian.iter_mut().chain(by_time);
        entries.filter(|entry| !entry.is_finite()).for_each(|entry| *entry = 0.0);
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.linear.as_mut().is_some_and(|linear| linear.factor(shift))
    }

    fn solve(&mut self, b: &mut [f64]) {
        if let Some(linear) = self.linear {
            linear.solve(b);
        }
    }

    fn turned(&mut self, time: f64, y: &[f64]) -> bool {
        if self.state.network.events.is_empty() {
            return false;
        }
        place(self.state, time, y);
        self.state.turned()
    }

    fn norm(&self, scale: &[f64]) -> f64 {
        self.linear.as_ref().map_or(0.0, |linear| linear.norm(scale))
    }
}

/// The Jacobian of the drift, and (shift − J) in factors.
pub(crate) struct Linear {
    pub derivatives: Derivatives,
    pub jacobian: DMatrix<f64>,
    factors: Option<LU<f64, Dyn, Dyn>>,
}

impl Linear {
    pub fn new(network: &Network) -> Self {
        let size = network.species.len();
        Self { derivatives: Derivatives::new(network), jacobian: DMatrix::zeros(size, size), factors: None }
    }

    /// Computes the Jacobian at the present state, and the drift's derivative by time.
    pub fn linearise(&mut self, state: &State, by_time: &mut [f64]) {
        self.jacobian.fill(0.0);
        by_time.fill(0.0);
        for slot in TIME..=by_time.len() {
            let (tangents, dependents) = self.derivatives.by(state.network, &state.values, slot);
            let mut add = |species: usize, slope: f64| match slot {
                TIME => by_time[species] += slope,
                _ => self.jacobian[(species, slot - 1)] += slope,
            };
            for &reaction in &dependents.reactions {
                let slope = state.law_derivative(reaction, tangents);
                let changes = &state.network.reactions[reaction].changes;
                changes.iter().for_each(|&(species, change)| add(species, change * slope));
            }
            for &variable in &dependents.variables {
                add(variable, state.rate_derivative(variable, tangents));
            }
        }
    }

    pub fn factor(&mut self, shift: f64) -> bool {
        let mut matrix = -&self.jacobian;
        (0..matrix.nrows()).for_each(|index| matrix[(index, index)] += shift);
        let factors = matrix.lu();
        let invertible = factors.is_invertible();
        self.factors = Some(factors).filter(|_| invertible);
        invertible
    }

    pub fn solve(&self, b: &mut [f64]) {
        if let Some(factors) = &self.factors {
            let size = b.len();
            factors.solve_mut(&mut DVectorViewMut::from_slice(b, size));
        }
    }

    /// Largest sum of a row's moduli, with lengths measured in `scale`.
    pub fn norm(&self, scale: &[f64]) -> f64 {
        let rows = self.jacobian.row_iter().zip(scale);
        rows.map(|(row, own)| row.iter().zip(scale).map(|(entry, other)| entry.abs() * other).sum::<f64>() / own)
            .fold(0.0, f64::max)
    }
}
