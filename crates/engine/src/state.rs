//! The state of one trajectory, and what every method does to it.

use std::ops::ControlFlow;

use crate::lesions::Lesion;
use crate::network::{Firing, Network, RateLaw, TIME, Trigger};
use crate::simulator::SimulationError;
use crate::subject::Subject;

/// Values of all symbols, and the propensities that follow from them.
#[derive(Clone)]
pub(crate) struct State<'n> {
    pub network: &'n Network,
    /// Time, species, parameters, rules, and the constant 1.
    pub values: Vec<f64>,
    /// The constant of each product rate law under the present parameters.
    pub constants: Vec<f64>,
    /// Of each reaction. The exact methods keep those of groups of reactions instead.
    pub propensities: Vec<f64>,
    /// Whether the condition of each event held when last looked at.
    pub holds: Vec<bool>,
    /// The length of the leap that led here, somewhere within which reactions fired; 0 where their times are known.
    pub leaped: f64,
}

/// Counts beyond this are no longer exact in `f64`.
pub(crate) const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

impl<'n> State<'n> {
    pub fn new(network: &'n Network) -> Self {
        let mut values = vec![0.0; network.slots() + 1];
        values[network.one_slot() as usize] = 1.0;
        Self {
            network,
            values,
            constants: vec![0.0; network.reactions.len()],
            propensities: vec![0.0; network.reactions.len()],
            holds: vec![false; network.events.len()],
            leaped: 0.0,
        }
    }

    pub fn time(&self) -> f64 {
        self.values[TIME]
    }

    pub fn set_time(&mut self, time: f64) {
        self.values[TIME] = time;
    }

    /// What a recorder is shown.
    pub fn shown(&self) -> &[f64] {
        &self.values[..self.network.slots()]
    }

    /// The state at the start: initial counts are rounded to whole numbers where `whole`. Parameters that vary between
    /// groups and subjects are those of `subject`; without one, they are as given.
    pub fn initialise(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        whole: bool,
        subject: Option<Subject>,
    ) -> Result<(), SimulationError> {
        let network = self.network;
        let (species, first_rule) = (network.species.len(), network.rule_slot(0));
        self.values[..network.slots()].fill(0.0);
        self.values[TIME] = network.start;
        self.leaped = 0.0;
        self.values[1 + species..first_rule].copy_from_slice(parameters);
        if let Some(subject) = subject.filter(|_| !network.variations.is_empty()) {
            subject.draw(network, &mut self.values);
        }
        for &slot in &network.initial_order {
            self.values[slot] = match slot.checked_sub(first_rule) {
                Some(rule) => network.rules[rule].program.evaluate(&self.values),
                None => match initial.iter().find(|(index, _)| *index == slot - 1) {
                    Some((_, value)) => *value,
                    None => network.species[slot - 1].initial.evaluate(&self.values),
                },
            };
        }
        self.check_counts(whole)?;
        self.refresh()
    }

    /// After an event: counts are whole again, everything else follows.
    pub fn check_counts(&mut self, whole: bool) -> Result<(), SimulationError> {
        for (species, value) in self.network.species.iter().zip(&mut self.values[1..]) {
            let possible = if species.is_continuous() {
                value.is_finite() || (!value.is_nan() && !species.moves())
            } else {
                if whole {
                    *value = value.round();
                }
                (0.0..=LARGEST_COUNT).contains(value)
            };
            if !possible {
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
        self.update_in_order(&self.network.rule_order);
    }

    /// [`State::update_rules`] after a change of time and counts only: what parameters alone say holds still.
    pub fn update_moving_rules(&mut self) {
        self.update_in_order(&self.network.moving_rules);
    }

    fn update_in_order(&mut self, rules: &[usize]) {
        let first = self.network.rule_slot(0);
        for &rule in rules {
            self.values[first + rule] = self.network.rules[rule].program.evaluate(&self.values);
        }
    }

    /// All propensities from the present values; rules must be up to date.
    pub fn update_propensities(&mut self) -> Result<(), SimulationError> {
        for index in 0..self.propensities.len() {
            let propensity = self.law(index);
            // Also catches NaN.
            if !(0.0..f64::INFINITY).contains(&propensity) {
                return Err(self.bad_propensity(index, propensity));
            }
            self.propensities[index] = propensity;
        }
        Ok(())
    }

    /// One firing of the reaction with this plan: counts, and the rules that follow.
    #[inline]
    pub fn fire(&mut self, firing: &Firing, reaction: u32) -> Result<(), SimulationError> {
        let plan = &self.network.plan;
        for &(slot, change) in &plan.changes[firing.changes.0 as usize..firing.changes.1 as usize] {
            let count = &mut self.values[slot as usize];
            *count += change;
            if !(0.0..=LARGEST_COUNT).contains(count) {
                return Err(self.impossible(reaction as usize, slot as usize));
            }
        }
        if firing.rules.0 < firing.rules.1 {
            self.follow(firing);
        }
        Ok(())
    }

    /// Rules after a firing.
    fn follow(&mut self, firing: &Firing) {
        let (network, first) = (self.network, self.network.rule_slot(0));
        for &rule in &network.plan.rules[firing.rules.0 as usize..firing.rules.1 as usize] {
            self.values[first + rule as usize] = network.rules[rule as usize].program.evaluate(&self.values);
        }
    }

    /// Whether an event must be looked at: its condition has turned, or the time at which it will has changed.
    pub fn tripped(&self) -> bool {
        self.network.events.iter().any(|event| event.is_moving()) || self.turned()
    }

    /// Whether a condition has turned since events were last looked at. Rules must be up to date.
    pub fn turned(&self) -> bool {
        self.network.events.iter().zip(&self.holds).any(|(event, held)| match &event.trigger {
            Trigger::At { .. } => false,
            Trigger::When { condition, .. } => (condition.evaluate(&self.values) != 0.0) != *held,
        })
    }

    #[cold]
    fn impossible(&self, reaction: usize, slot: usize) -> SimulationError {
        let value = self.values[slot];
        let name = self.network.species[slot - 1].name.clone();
        if value < 0.0 {
            let reaction = self.network.reactions[reaction].name.clone();
            SimulationError::UsedUp { reaction, species: name, time: self.time() }
        } else {
            SimulationError::Count { species: name, value }
        }
    }

    /// Why a state that a firing of `reaction` led to is impossible.
    pub fn why_impossible(&self, reaction: usize) -> SimulationError {
        let changes = &self.network.reactions[reaction].changes;
        let slots = changes.iter().map(|(species, _)| Network::species_slot(*species));
        let counts = self.network.species.iter().enumerate().filter(|(_, species)| !species.is_continuous());
        let mut slots = slots.chain(counts.map(|(index, _)| Network::species_slot(index)));
        if let Some(slot) = slots.find(|slot| !(0.0..=LARGEST_COUNT).contains(&self.values[*slot])) {
            return self.impossible(reaction, slot);
        }
        let mut laws = (0..self.network.reactions.len()).map(|index| (index, self.law(index)));
        let bad = laws.find(|(_, value)| !(0.0..f64::INFINITY).contains(value));
        let (index, value) = bad.unwrap_or((reaction, self.law(reaction)));
        self.bad_propensity(index, value)
    }

    /// An exact method between events cannot have propensities that change with time by themselves.
    pub fn check_autonomous(&self) -> Result<(), SimulationError> {
        match self.network.first_not_autonomous() {
            Some(index) => Err(SimulationError::TimeDependent { reaction: self.network.reactions[index].name.clone() }),
            None => self.check_still(),
        }
    }

    /// Only methods that integrate know what continuous variables do.
    pub fn check_still(&self) -> Result<(), SimulationError> {
        match self.network.species.iter().find(|species| species.moves()) {
            Some(species) => Err(SimulationError::Continuous { species: species.name.clone() }),
            None => Ok(()),
        }
    }

    #[cold]
    pub fn bad_propensity(&self, index: usize, value: f64) -> SimulationError {
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

    /// That of the rate of change of a continuous variable; 0 of a count.
    pub fn rate_derivative(&self, species: usize, tangents: &[f64]) -> f64 {
        self.network.species[species].rate.as_ref().map_or(0.0, |rate| rate.derivative(&self.values, tangents))
    }
}

/// What is shown of a trajectory as it runs.
///
/// Called once for each requested time, in order, with the values of all symbols (see
/// [`Network::slot`](crate::Network::slot)). Breaking stops the trajectory. A closure is a recorder that sees values alone;
/// for the sizes of all lesions, write one:
///
/// ```
/// use metacascade_engine::{Lesion, Lesions, Method, Network, Recorder, Simulator};
/// use metacascade_random::Key;
/// use std::ops::ControlFlow;
///
/// struct Largest(f64);
///
/// impl Recorder for Largest {
///     fn record(&mut self, _index: usize, _values: &[f64]) -> ControlFlow<()> {
///         ControlFlow::Continue(())
///     }
///
///     fn lesions(&mut self, _index: usize, lesions: &mut dyn Iterator<Item = Lesion<'_>>) {
///         self.0 = lesions.map(|lesion| lesion.size).fold(0.0, f64::max);
///     }
/// }
///
/// let network = Network::builder("lung").lesions(Lesions::new("lung", "0.5", "0.1").initial("100")).build()?;
/// let mut largest = Largest(0.0);
/// Simulator::new(&network, &Method::Direct).run(&[], &[5.0], Key::new(1), &mut largest)?;
/// assert!(largest.0 > 10.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Recorder {
    /// Sees the values at the requested time with this index.
    fn record(&mut self, index: usize, values: &[f64]) -> ControlFlow<()>;

    /// Sees the lesions of that time, just before; of a network without lesions it is not called. Whoever does not ask
    /// for the next lesion pays nothing.
    fn lesions(&mut self, _index: usize, _lesions: &mut dyn Iterator<Item = Lesion<'_>>) {}
}

impl<F: FnMut(usize, &[f64]) -> ControlFlow<()>> Recorder for F {
    fn record(&mut self, index: usize, values: &[f64]) -> ControlFlow<()> {
        self(index, values)
    }
}
