//! The state of one trajectory, and what every method does to it.

use std::ops::ControlFlow;

use crate::network::{Network, RateLaw, TIME};
use crate::simulator::SimulationError;

/// Values of all symbols, and the propensities that follow from them.
pub(crate) struct State<'n> {
    pub network: &'n Network,
    /// Time, species, parameters, rules.
    pub values: Vec<f64>,
    pub propensities: Vec<f64>,
    /// The constant of each product rate law under the present parameters.
    constants: Vec<f64>,
}

/// Counts beyond this are no longer exact in `f64`.
pub(crate) const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

impl<'n> State<'n> {
    pub fn new(network: &'n Network) -> Self {
        Self {
            network,
            values: vec![0.0; network.slots()],
            propensities: vec![0.0; network.reactions.len()],
            constants: vec![0.0; network.reactions.len()],
        }
    }

    pub fn time(&self) -> f64 {
        self.values[TIME]
    }

    pub fn set_time(&mut self, time: f64) {
        self.values[TIME] = time;
    }

    /// The state at time 0: initial counts are rounded to whole numbers where `whole`.
    pub fn initialise(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        whole: bool,
    ) -> Result<(), SimulationError> {
        let species = self.network.species.len();
        self.values.fill(0.0);
        self.values[1 + species..1 + species + parameters.len()].copy_from_slice(parameters);
        for (index, species) in self.network.species.iter().enumerate() {
            self.values[1 + index] = species.initial.evaluate(&self.values);
        }
        for &(index, value) in initial {
            self.values[1 + index] = value;
        }
        self.check_counts(whole)?;
        self.refresh()
    }

    /// After an event: counts are whole again, everything else follows.
    pub fn check_counts(&mut self, whole: bool) -> Result<(), SimulationError> {
        for (species, value) in self.network.species.iter().zip(&mut self.values[1..]) {
            if whole {
                *value = value.round();
            }
            if !(0.0..=LARGEST_COUNT).contains(value) {
                let (species, value) = (species.name.clone(), *value);
                return Err(SimulationError::Count { species, value });
            }
        }
        Ok(())
    }

    /// Computes rules, constants and propensities anew.
    pub fn refresh(&mut self) -> Result<(), SimulationError> {
        self.update_rules();
        for (reaction, constant) in self.network.reactions.iter().zip(&mut self.constants) {
            if let RateLaw::Product { constant: program, .. } = &reaction.law {
                *constant = program.evaluate(&self.values);
            }
        }
        self.update_propensities()
    }

    pub fn update_rules(&mut self) {
        let first = self.network.rule_slot(0);
        for &rule in &self.network.rule_order {
            self.values[first + rule] = self.network.rules[rule].program.evaluate(&self.values);
        }
    }

    /// All propensities from the present values; rules must be up to date.
    pub fn update_propensities(&mut self) -> Result<(), SimulationError> {
        for index in 0..self.propensities.len() {
            self.update_propensity(index)?;
        }
        Ok(())
    }

    /// One propensity; gives its change.
    #[inline]
    pub fn update_propensity(&mut self, index: usize) -> Result<f64, SimulationError> {
        let propensity = self.network.reactions[index].law.evaluate(self.constants[index], &self.values);
        // Also catches NaN.
        if !(0.0..f64::INFINITY).contains(&propensity) {
            return Err(self.bad_propensity(index, propensity));
        }
        let change = propensity - self.propensities[index];
        self.propensities[index] = propensity;
        Ok(change)
    }

    /// One firing of a reaction: counts, and the rules that follow. The propensities that it changes, those of
    /// [`Dependents::reactions`](crate::network::Dependents::reactions), are left to the caller.
    #[inline]
    pub fn fire(&mut self, reaction: usize) -> Result<(), SimulationError> {
        let network = self.network;
        for &(species, change) in &network.reactions[reaction].changes {
            let count = &mut self.values[Network::species_slot(species)];
            *count += change;
            if !(0.0..=LARGEST_COUNT).contains(count) {
                return Err(self.impossible(reaction, species));
            }
        }
        let first_rule = network.rule_slot(0);
        for &rule in &network.dependents[reaction].rules {
            self.values[first_rule + rule] = network.rules[rule].program.evaluate(&self.values);
        }
        Ok(())
    }

    #[cold]
    fn impossible(&self, reaction: usize, species: usize) -> SimulationError {
        let value = self.values[Network::species_slot(species)];
        let name = self.network.species[species].name.clone();
        if value < 0.0 {
            let reaction = self.network.reactions[reaction].name.clone();
            SimulationError::UsedUp { reaction, species: name, time: self.time() }
        } else {
            SimulationError::Count { species: name, value }
        }
    }

    /// An exact method between events cannot have propensities that change with time by themselves.
    pub fn check_autonomous(&self) -> Result<(), SimulationError> {
        match self.network.reads.iter().position(|reads| reads.contains(&TIME)) {
            Some(index) => Err(SimulationError::TimeDependent { reaction: self.network.reactions[index].name.clone() }),
            None => Ok(()),
        }
    }

    #[cold]
    fn bad_propensity(&self, index: usize, value: f64) -> SimulationError {
        let reaction = self.network.reactions[index].name.clone();
        SimulationError::Propensity { reaction, value, time: self.time() }
    }

    /// Propensity of a reaction as the mean field has it, without a check of its sign.
    pub fn law(&self, index: usize) -> f64 {
        self.network.reactions[index].law.evaluate(self.constants[index], &self.values)
    }

    /// Its derivative along a direction in the values of all symbols, see [`Derivatives`](crate::network::Derivatives).
    pub fn law_derivative(&self, index: usize, tangents: &[f64]) -> f64 {
        self.network.reactions[index].law.derivative(self.constants[index], &self.values, tangents)
    }
}

/// What is shown of a trajectory as it runs.
///
/// Called once for each requested time, in order, with the values of all symbols (see
/// [`Network::slot`](crate::Network::slot)). Breaking stops the trajectory.
pub trait Recorder {
    /// Sees the values at the requested time with this index.
    fn record(&mut self, index: usize, values: &[f64]) -> ControlFlow<()>;
}

impl<F: FnMut(usize, &[f64]) -> ControlFlow<()>> Recorder for F {
    fn record(&mut self, index: usize, values: &[f64]) -> ControlFlow<()> {
        self(index, values)
    }
}
