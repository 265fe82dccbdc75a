//! The equations between jumps: values that are integrated, and behind them the total hazard of all jumps.

use super::partition::{Kind, Partition};
use crate::methods::ode::System;
use crate::network::{Derivatives, Network, TIME};
use crate::state::State;

pub(super) struct Flow<'a, 'n> {
    pub state: &'a mut State<'n>,
    pub partition: &'a Partition,
    /// Total propensity of the jumps that do not vary.
    pub steady: f64,
    pub tolerance: f64,
    pub linear: &'a mut Linear,
}

impl Flow<'_, '_> {
    /// Puts the values that are integrated, and the rules that follow, into the state.
    pub fn place(&mut self, time: f64, y: &[f64]) {
        self.state.set_time(time);
        for (&species, value) in self.partition.active.iter().zip(y) {
            self.state.values[Network::species_slot(species)] = *value;
        }
        let network = self.state.network;
        for &rule in &self.partition.rules {
            self.state.values[network.rule_slot(rule)] = network.rules[rule].program.evaluate(&self.state.values);
        }
    }
}

impl System for Flow<'_, '_> {
    fn drift(&mut self, time: f64, y: &[f64], out: &mut [f64]) {
        self.place(time, y);
        let Partition { active, places, flows, varying, kinds, .. } = self.partition;
        let network = self.state.network;
        out.fill(0.0);
        for &reaction in flows {
            let propensity = self.state.law(reaction);
            for &(species, change) in &network.reactions[reaction].changes {
                out[places[species]] += change * propensity;
            }
        }
        let mut hazard = self.steady;
        for &reaction in varying {
            let propensity = self.state.law(reaction);
            hazard += propensity.max(0.0);
            // Cells that leave a queue leave its mean all the time, not when they are seen to.
            for &(species, change) in &network.reactions[reaction].changes {
                if kinds[species] == Kind::Queue {
                    out[places[species]] += change * propensity;
                }
            }
        }
        for (&species, out) in active.iter().zip(&mut *out) {
            if let Some(rate) = &network.species[species].rate {
                *out = rate.evaluate(&self.state.values);
            }
        }
        out[active.len()] = hazard;
    }

    fn linearise(&mut self, time: f64, y: &[f64], by_time: &mut [f64]) {
        self.place(time, y);
        let Partition { active, places, kinds, jumps, .. } = self.partition;
        let (network, size) = (self.state.network, by_time.len());
        let Linear { derivatives, jacobian, .. } = &mut *self.linear;
        jacobian.clear();
        jacobian.resize(size * size, 0.0);
        by_time.fill(0.0);
        let columns = active.iter().map(|&species| Network::species_slot(species)).chain([TIME]);
        for (column, slot) in columns.enumerate() {
            let derivatives = derivatives.get_or_insert_with(|| Derivatives::new(network));
            let (tangents, dependents) = derivatives.by(network, &self.state.values, slot);
            let mut add = |row: usize, slope: f64| {
                // An infinite derivative, as that of a square root at 0, is left out: the error estimate guards the step.
                if slope.is_finite() {
                    match slot {
                        TIME => by_time[row] += slope,
                        _ => jacobian[row * size + column] += slope,
                    }
                }
            };
            for &reaction in &dependents.reactions {
                let slope = self.state.law_derivative(reaction, tangents);
                if jumps[reaction] {
                    add(active.len(), slope);
                }
                for &(species, change) in &network.reactions[reaction].changes {
                    if !jumps[reaction] || kinds[species] == Kind::Queue {
                        add(places[species], change * slope);
                    }
                }
            }
            for &variable in dependents.variables.iter().filter(|&&variable| places[variable] < active.len()) {
                add(places[variable], self.state.rate_derivative(variable, tangents));
            }
        }
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.linear.factor(shift)
    }

    fn solve(&mut self, b: &mut [f64]) {
        self.linear.solve(b);
    }

    fn norm(&self, scale: &[f64]) -> f64 {
        let rows = self.linear.jacobian.chunks_exact(scale.len()).zip(scale);
        rows.map(|(row, own)| row.iter().zip(scale).map(|(entry, other)| entry.abs() * other).sum::<f64>() / own)
            .fold(0.0, f64::max)
    }
}

/// A Jacobian J, and (shift − J) in factors: Gaussian elimination with partial pivoting, in place.
#[derive(Default)]
pub(super) struct Linear {
    /// Made when first needed.
    derivatives: Option<Derivatives>,
    /// Row by row, as the factors.
    jacobian: Vec<f64>,
    factors: Vec<f64>,
    /// The row that was exchanged with each.
    pivots: Vec<usize>,
}

impl Linear {
    fn factor(&mut self, shift: f64) -> bool {
        let size = self.jacobian.len().isqrt();
        let factors = &mut self.factors;
        factors.clear();
        factors.extend(self.jacobian.iter().map(|entry| -entry));
        (0..size).for_each(|index| factors[index * size + index] += shift);
        self.pivots.clear();
        for column in 0..size {
            let modulus = |row: &usize| factors[row * size + column].abs();
            let pivot = (column..size).max_by(|a, b| modulus(a).total_cmp(&modulus(b))).unwrap_or(column);
            self.pivots.push(pivot);
            if pivot != column {
                (0..size).for_each(|other| factors.swap(pivot * size + other, column * size + other));
            }
            let (above, below) = factors.split_at_mut((column + 1) * size);
            let top = &above[column * size..];
            if top[column] == 0.0 || !top[column].is_finite() {
                return false;
            }
            for row in below.chunks_exact_mut(size) {
                if row[column] != 0.0 {
                    row[column] /= top[column];
                    let part = row[column];
                    row[column + 1..].iter_mut().zip(&top[column + 1..]).for_each(|(row, top)| *row -= part * top);
                }
            }
        }
        true
    }

    fn solve(&self, b: &mut [f64]) {
        let size = b.len();
        for (row, &pivot) in self.pivots.iter().enumerate() {
            b.swap(row, pivot);
        }
        for row in 0..size {
            let known = self.factors[row * size..].iter().zip(&*b).take(row);
            b[row] -= known.map(|(factor, b)| factor * b).sum::<f64>();
        }
        for row in (0..size).rev() {
            let factors = &self.factors[row * size..(row + 1) * size];
            let known = factors[row + 1..].iter().zip(&b[row + 1..]);
            b[row] = (b[row] - known.map(|(factor, b)| factor * b).sum::<f64>()) / factors[row];
        }
    }
}
