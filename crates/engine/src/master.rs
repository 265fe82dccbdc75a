//! The master equation: the probability of every state, without any trajectory.
//!
//! Solved by uniformisation with a set of states that grows and shrinks with the probability (fast adaptive uniformisation:
//! Didier, Henzinger, Mateescu & Wolf 2009, Proc HiBi, p. 118). What leaves the set is lost and accounted for, so that the
//! error is known.

use std::collections::HashMap;

use crate::methods::scheduled;
use crate::network::{Event, Network};
use crate::simulator::SimulationError;
use crate::state::State;

/// States after which the equation is given up.
const MOST_STATES: usize = 200_000;

/// Products of probabilities and rates after which it is given up.
const MOST_WORK: u64 = 5_000_000_000;

/// Expected events in one step of uniformisation.
const EVENTS: f64 = 30.0;

/// Probability below which a state is left out of a step.
const NEGLIGIBLE: f64 = 1e-17;

/// The probabilities of the states of a network of counts.
///
/// ```
/// use metacascade_engine::{MasterEquation, Network};
///
/// let network = Network::builder("decay").species("X", "10").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let mut master = MasterEquation::new(&network, &network.default_parameters(), &[])?;
/// master.advance(5.0)?;
/// let mut all = 0.0;
/// master.visit(|values, probability| if values[1] == 10.0 { all += probability });
/// assert!((all - (-0.1_f64 * 5.0 * 10.0).exp()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MasterEquation<'n> {
    state: State<'n>,
    events: Vec<(f64, &'n Event)>,
    /// Counts of all species in each state that was met.
    counts: Vec<Box<[f64]>>,
    index: HashMap<Box<[u64]>, u32>,
    /// The rate at which each state is left, and to which others; none until it is asked for.
    exits: Vec<Option<Exits>>,
    probability: Vec<f64>,
    work: u64,
    lost: f64,
}

struct Exits {
    total: f64,
    to: Vec<(u32, f64)>,
}

impl<'n> MasterEquation<'n> {
    /// At the start, where one state has all probability; `initial` replaces the model's counts: (species, count).
    ///
    /// # Errors
    /// As [`Simulator::run`](crate::Simulator::run) of an exact method; also where events wait for conditions, lesions
    /// are individuals, or counts are no whole numbers.
    ///
    /// # Panics
    /// If `parameters` has the wrong length.
    pub fn new(network: &'n Network, parameters: &[f64], initial: &[(usize, f64)]) -> Result<Self, SimulationError> {
        assert_eq!(parameters.len(), network.parameters().len(), "one value for each parameter");
        if let Some(kind) = network.lesions.first() {
            return Err(SimulationError::Individuals { kind: kind.name.clone() });
        }
        let mut state = State::new(network);
        state.check_autonomous()?;
        state.initialise(parameters, initial, true, None)?;
        let events = scheduled(&state)?;
        let mut master = Self {
            state,
            events,
            counts: Vec::new(),
            index: HashMap::new(),
            exits: Vec::new(),
            probability: Vec::new(),
            work: 0,
            lost: 0.0,
        };
        let first = master.state.values[1..=network.species().len()].to_vec();
        let first = master.position(&first)?;
        master.probability[first as usize] = 1.0;
        Ok(master)
    }

    /// Probability that was left out so far; the error of all probabilities together.
    #[must_use]
    pub fn lost(&self) -> f64 {
        self.lost
    }

    /// The time that has been reached.
    #[must_use]
    pub fn time(&self) -> f64 {
        self.state.time()
    }

    /// Goes on to a time, events included.
    ///
    /// # Errors
    /// As [`MasterEquation::new`]; also where there are too many states.
    pub fn advance(&mut self, until: f64) -> Result<(), SimulationError> {
        loop {
            let rank = |(time, event): &(f64, &Event), state: &State| {
                let priority = event.priority.as_ref().map_or(0.0, |priority| priority.evaluate(&state.values));
                (*time, if event.imposed { f64::INFINITY } else { priority })
            };
            let due = self.events.iter().enumerate().filter(|(_, (time, _))| *time <= until);
            let first = due.min_by(|(_, a), (_, b)| {
                let (a, b) = (rank(a, &self.state), rank(b, &self.state));
                a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1))
            });
            let Some((place, &(time, event))) = first else { break };
            self.flow(time)?;
            self.events.remove(place);
            self.fire(event)?;
        }
        self.flow(until)
    }

    /// Shows the values of all symbols in each state, and its probability.
    pub fn visit(&mut self, mut show: impl FnMut(&[f64], f64)) {
        for at in 0..self.counts.len() {
            let probability = self.probability[at];
            if probability > 0.0 {
                self.enter(at);
                show(self.state.shown(), probability);
            }
        }
    }

    /// Conditions the probabilities on an observation: each state's is multiplied by a likelihood, whose logarithm
    /// `log_likelihood` gives from the values of all symbols, and all are scaled to sum to 1 again. The logarithm of the
    /// probability (or density) of the observation.
    ///
    /// # Errors
    /// Those of `log_likelihood`.
    pub fn observe<E>(&mut self, mut log_likelihood: impl FnMut(&[f64]) -> Result<f64, E>) -> Result<f64, E> {
        let mut logarithms = vec![f64::NEG_INFINITY; self.counts.len()];
        for (at, logarithm) in logarithms.iter_mut().enumerate() {
            if self.probability[at] > 0.0 {
                self.enter(at);
                *logarithm = log_likelihood(self.state.shown())?;
            }
        }
        let joint = logarithms.iter().zip(&self.probability).map(|(logarithm, p)| logarithm + p.ln());
        let most = joint.fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return Ok(most);
        }
        let mut total = 0.0;
        for (p, logarithm) in self.probability.iter_mut().zip(&logarithms) {
            *p = if *p > 0.0 { (logarithm + p.ln() - most).exp() } else { 0.0 };
            total += *p;
        }
        self.probability.iter_mut().for_each(|p| *p /= total);
        Ok(most + total.ln())
    }

    /// Puts a state into the workspace, with its rules.
    fn enter(&mut self, at: usize) {
        let counts = &self.counts[at];
        self.state.values[1..=counts.len()].copy_from_slice(counts);
        self.state.update_rules();
    }

    /// The place of a state, which may be new.
    fn position(&mut self, counts: &[f64]) -> Result<u32, SimulationError> {
        let key: Box<[u64]> = counts.iter().map(|count| (count + 0.0).to_bits()).collect();
        if let Some(&at) = self.index.get(&key) {
            return Ok(at);
        }
        let at = self.counts.len();
        if at >= MOST_STATES {
            return Err(SimulationError::TooManyStates { most: MOST_STATES, time: self.state.time() });
        }
        self.index.insert(key, at as u32);
        self.counts.push(counts.into());
        self.exits.push(None);
        self.probability.push(0.0);
        Ok(at as u32)
    }

    /// Finds where a state leads.
    fn expand(&mut self, at: usize) -> Result<(), SimulationError> {
        if self.exits[at].is_some() {
            return Ok(());
        }
        self.enter(at);
        self.state.update_propensities()?;
        let network = self.state.network;
        let mut exits = Exits { total: 0.0, to: Vec::new() };
        for (reaction, rate) in self.state.propensities.clone().into_iter().enumerate() {
            if rate == 0.0 {
                continue;
            }
            let mut counts = self.counts[at].clone();
            for &(species, change) in &network.reactions()[reaction].changes {
                counts[species] += change;
                if counts[species] < 0.0 {
                    let (reaction, species) = (&network.reactions()[reaction].name, &network.species()[species].name);
                    let (reaction, species) = (reaction.clone(), species.clone());
                    return Err(SimulationError::UsedUp { reaction, species, time: self.state.time() });
                }
            }
            let to = self.position(&counts)?;
            if to as usize != at {
                exits.total += rate;
                exits.to.push((to, rate));
            }
        }
        self.exits[at] = Some(exits);
        Ok(())
    }

    fn exit(&self, at: usize) -> f64 {
        self.exits[at].as_ref().map_or(0.0, |exits| exits.total)
    }

    /// Follows the reactions until a time.
    fn flow(&mut self, until: f64) -> Result<(), SimulationError> {
        let mut slack = 1.05;
        while self.state.time() < until {
            let active: Vec<u32> =
                (0..self.counts.len() as u32).filter(|&at| self.probability[at as usize] > 0.0).collect();
            let mut fastest: f64 = 0.0;
            for &at in &active {
                self.expand(at as usize)?;
                fastest = fastest.max(self.exit(at as usize));
            }
            if fastest == 0.0 {
                self.state.set_time(until);
                break;
            }
            let rate = fastest * slack;
            let left = until - self.state.time();
            let step = left.min(EVENTS / rate);
            match self.step(&active, rate, step)? {
                // A state that is left faster was reached.
                false => slack *= 1.5,
                true => {
                    slack = (slack * 0.9).max(1.05);
                    let now = self.state.time();
                    self.state.set_time(if step == left { until } else { now + step });
                }
            }
        }
        Ok(())
    }

    /// One step of uniformisation: the number of events is Poisson with mean `rate` times `length`. Whether no state was
    /// met that is left faster than that; if one was, nothing has changed.
    fn step(&mut self, active: &[u32], rate: f64, length: f64) -> Result<bool, SimulationError> {
        let mean = rate * length;
        let mut now: Vec<(u32, f64)> = active.iter().map(|&at| (at, self.probability[at as usize])).collect();
        let before: f64 = now.iter().map(|(_, p)| p).sum();
        let mut sum = vec![0.0; self.counts.len()];
        let mut weight = (-mean).exp();
        let mut passed = 0.0;
        let most = (mean + 10.0 * mean.sqrt() + 30.0) as usize;
        let mut next = vec![0.0; self.counts.len()];
        for count in 0..=most {
            sum.resize(self.counts.len(), 0.0);
            now.iter().for_each(|&(at, p)| sum[at as usize] += weight * p);
            passed += weight;
            if count == most || 1.0 - passed < 1e-16 {
                break;
            }
            weight *= mean / (count + 1) as f64;
            let mut touched: Vec<u32> = Vec::with_capacity(now.len() + 8);
            for &(at, p) in &now {
                if p < NEGLIGIBLE {
                    continue;
                }
                self.expand(at as usize)?;
                next.resize(self.counts.len(), 0.0);
                let Some(exits) = &self.exits[at as usize] else { continue };
                if exits.total > rate {
                    return Ok(false);
                }
                self.work += 1 + exits.to.len() as u64;
                let mut add = |to: u32, p: f64| {
                    let slot = &mut next[to as usize];
                    if *slot == 0.0 && p > 0.0 {
                        touched.push(to);
                    }
                    *slot += p;
                };
                add(at, p * (1.0 - exits.total / rate));
                exits.to.iter().for_each(|&(to, exit)| add(to, p * exit / rate));
            }
            touched.sort_unstable();
            touched.dedup();
            now = touched.into_iter().map(|at| (at, std::mem::take(&mut next[at as usize]))).collect();
            if self.work > MOST_WORK {
                return Err(SimulationError::TooManySteps { time: self.state.time() });
            }
        }
        for (slot, p) in self.probability.iter_mut().zip(sum) {
            *slot = if p > NEGLIGIBLE { p } else { 0.0 };
        }
        let after: f64 = self.probability.iter().sum();
        self.lost += (before - after).max(0.0);
        Ok(true)
    }

    /// Carries out an event in every state.
    fn fire(&mut self, event: &Event) -> Result<(), SimulationError> {
        let species = self.state.network.species().len();
        let mut parameters: Vec<(usize, f64)> = Vec::new();
        let mut moved: Vec<(Vec<f64>, f64)> = Vec::new();
        for at in 0..self.counts.len() {
            let probability = self.probability[at];
            if probability == 0.0 {
                continue;
            }
            self.enter(at);
            let values: Vec<(usize, f64)> =
                event.assignments.iter().map(|(slot, program)| (*slot, program.evaluate(&self.state.values))).collect();
            let own: Vec<(usize, f64)> = values.iter().copied().filter(|(slot, _)| *slot > species).collect();
            match moved.is_empty() {
                true => parameters = own,
                false if parameters == own => {}
                false => {
                    let slot = own.first().map_or(0, |(slot, _)| *slot);
                    let parameter = self.state.network.symbols().nth(slot).unwrap_or_default().to_owned();
                    return Err(SimulationError::RandomParameter { parameter, time: self.state.time() });
                }
            }
            values
                .iter()
                .filter(|(slot, _)| *slot <= species)
                .for_each(|&(slot, value)| self.state.values[slot] = value);
            self.state.check_counts(true)?;
            moved.push((self.state.values[1..=species].to_vec(), probability));
        }
        parameters.iter().for_each(|&(slot, value)| self.state.values[slot] = value);
        if !parameters.is_empty() {
            // All rates may be others.
            self.exits.iter_mut().for_each(|exits| *exits = None);
        }
        self.probability.fill(0.0);
        for (counts, probability) in moved {
            let at = self.position(&counts)?;
            self.probability[at as usize] += probability;
        }
        self.state.refresh()
    }
}

#[cfg(test)]
mod tests;
