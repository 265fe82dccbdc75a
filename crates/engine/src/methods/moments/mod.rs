//! The linear-noise approximation: mean by the mean field, and the covariance C of fluctuations around it by
//! dC/dt = J·C + C·Jᵀ + N·diag(a)·Nᵀ, where J is the Jacobian of the mean field, N the stoichiometric matrix and a the
//! propensities (van Kampen 2007, Stochastic Processes in Physics and Chemistry, section X.4; Elf & Ehrenberg 2003,
//! Genome Res 13:2475, equation 12).

mod lyapunov;
mod noise;
mod outlook;

use nalgebra::DMatrix;
use noise::Noise;
pub use outlook::Outlook;

use super::Method;
use super::ode::{Linear, Solver, Tolerance, place};
use crate::network::{Event, Network, Trigger};
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Means and covariances of a network's species and assignment rules, without any trajectory.
///
/// Exact where propensities are linear in counts; elsewhere good where fluctuations are small against the scale on which
/// propensities bend, that is, for large numbers. Rules, and events that set species, are linearised at the mean (the
/// delta method); comparisons, `floor` and `ceil` have slope 0 there. The tolerances are those of [`Method::ode`].
///
/// ```
/// use metacascade_engine::{LinearNoise, Network};
///
/// let network = Network::builder("decay").species("X", "100").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let parameters = network.default_parameters();
/// let noise = LinearNoise { network: &network, parameters: &parameters, initial: &[], times: &[5.0] };
/// let (moments, _stats) = noise.moments()?;
/// let alive = (-0.5_f64).exp();
/// assert!((moments[0].mean[0] - 100.0 * alive).abs() < 1e-3);
/// assert!((moments[0].covariance[0][0] - 100.0 * alive * (1.0 - alive)).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LinearNoise<'a> {
    /// The network.
    pub network: &'a Network,
    /// One value for each parameter of the network.
    pub parameters: &'a [f64],
    /// Initial counts that replace the model's: (index of the species, count). All are known, their covariance is 0.
    pub initial: &'a [(usize, f64)],
    /// Times asked for, ascending, none negative.
    pub times: &'a [f64],
}

/// Mean and covariance at one time, of species and then assignment rules, as in
/// [`Ensemble::names`](crate::Ensemble::names).
#[derive(Clone, Debug, PartialEq)]
pub struct MeanCovariance {
    /// The mean of each.
    pub mean: Vec<f64>,
    /// The covariance of each with each, row by row.
    pub covariance: Vec<Vec<f64>>,
}

impl MeanCovariance {
    /// The standard deviation of each.
    #[must_use]
    pub fn sd(&self) -> Vec<f64> {
        // Rounding may leave a variance of 0 a little below.
        self.covariance.iter().enumerate().map(|(index, row)| row[index].max(0.0).sqrt()).collect()
    }
}

impl LinearNoise<'_> {
    /// Mean and covariance at each of the times.
    ///
    /// # Errors
    /// As [`Simulator::run`](crate::Simulator::run); also where a propensity is negative, or has no finite derivative
    /// where the integration starts, or an event
    /// waits for a condition or sets a parameter from counts that fluctuate.
    ///
    /// # Panics
    /// If `parameters` has the wrong length.
    pub fn moments(&self) -> Result<(Vec<MeanCovariance>, Stats), SimulationError> {
        let network = self.network;
        assert_eq!(self.parameters.len(), network.parameters.len(), "one value for each parameter");
        if let Some(kind) = network.lesions.first() {
            return Err(SimulationError::Individuals { kind: kind.name.clone() });
        }
        let mut state = State::new(network);
        state.initialise(self.parameters, self.initial, false, None)?;
        let mut events = scheduled(&state)?;
        let mut run = Run::new(state);
        run.check_slopes()?;
        let mut found = Vec::with_capacity(self.times.len());
        for &time in self.times {
            while let Some(at) = events.iter().map(|(at, _)| *at).min_by(f64::total_cmp).filter(|at| *at <= time) {
                run.advance(at)?;
                // Of several an intervention, then the one of largest priority; of equal ones the first.
                let priority = |event: &Event| match &event.priority {
                    _ if event.imposed => f64::INFINITY,
                    priority => priority.as_ref().map_or(0.0, |priority| priority.evaluate(&run.state.values)),
                };
                let due = events.iter().enumerate().filter(|(_, (other, _))| *other <= at);
                let first = due.min_by(|(_, (_, a)), (_, (_, b))| priority(b).total_cmp(&priority(a)));
                if let Some((place, &(_, event))) = first {
                    events.remove(place);
                    run.fire(event)?;
                }
            }
            run.advance(time)?;
            found.push(run.moments());
        }
        Ok((found, run.stats))
    }
}

/// An event comes again no more often than this.
const MOST_TIMES: f64 = 1e4;

/// Events and their times.
pub(crate) fn scheduled<'n>(state: &State<'n>) -> Result<Vec<(f64, &'n Event)>, SimulationError> {
    let mut events = Vec::new();
    for event in &state.network.events {
        let Trigger::At { at, every } = &event.trigger else { return Err(SimulationError::Condition) };
        let at = at.evaluate(&state.values);
        // An event that never comes (NaN or infinite time) or lies before the start does nothing.
        if (state.network.start..f64::INFINITY).contains(&at) {
            let delay = event.delay.as_ref().map_or(0.0, |delay| delay.evaluate(&state.values));
            let value = |program: &crate::expression::Program| program.evaluate(&state.values);
            let (interval, times) = every.as_ref().map_or((0.0, 1.0), |[a, b]| (value(a), value(b)));
            let times = if interval > 0.0 { times.min(MOST_TIMES) } else { times.min(1.0) };
            events.extend(
                (0..times.max(0.0) as usize).map(|index| (at + index as f64 * interval + delay.max(0.0), event)),
            );
        }
    }
    Ok(events)
}

/// The integration at a time.
struct Run<'n> {
    state: State<'n>,
    linear: Linear,
    solver: Solver,
    /// Means, then covariances, see [`noise::packed`].
    y: Vec<f64>,
    stats: Stats,
}

impl<'n> Run<'n> {
    fn new(state: State<'n>) -> Self {
        let size = state.network.species.len();
        let mut y = vec![0.0; size + noise::packed(size, 0)];
        y[..size].copy_from_slice(&state.values[1..=size]);
        let tolerance = Tolerance { relative: Method::TOLERANCE, absolute: Method::TOLERANCE };
        let (linear, solver) = (Linear::new(state.network), Solver::new(y.len(), tolerance));
        Self { state, linear, solver, y, stats: Stats::default() }
    }

    fn size(&self) -> usize {
        self.state.network.species.len()
    }

    fn advance(&mut self, until: f64) -> Result<(), SimulationError> {
        let (time, size) = (self.state.time(), self.size());
        let mut system = Noise::new(&mut self.state, &mut self.linear);
        self.solver.advance(&mut system, &mut self.y, time, until, &mut self.stats)?;
        place(&mut self.state, until, &self.y[..size]);
        self.check_signs()
    }

    /// An event maps the fluctuations linearly, by the derivatives of its assignments.
    fn fire(&mut self, event: &Event) -> Result<(), SimulationError> {
        let (network, size) = (self.state.network, self.size());
        let mut map = DMatrix::identity(size, size);
        for &(slot, _) in event.assignments.iter().filter(|(slot, _)| *slot <= size) {
            map.row_mut(slot - 1).fill(0.0);
        }
        for column in (0..size).filter(|&column| fluctuates(&self.y, size, column)) {
            let slot = Network::species_slot(column);
            let (tangents, _) = self.linear.derivatives.by(network, &self.state.values, slot);
            for (target, program) in &event.assignments {
                let slope = program.derivative(&self.state.values, tangents);
                if *target <= size {
                    map[(target - 1, column)] = slope;
                } else if slope != 0.0 {
                    let parameter = network.parameters[target - 1 - size].name.clone();
                    return Err(SimulationError::RandomParameter { parameter, time: self.state.time() });
                }
            }
        }
        let covariance = &map * noise::unpack(&self.y[size..], size) * map.transpose();
        noise::pack(&covariance, &mut self.y[size..]);
        let new: Vec<f64> = event.assignments.iter().map(|(_, program)| program.evaluate(&self.state.values)).collect();
        for ((slot, _), value) in event.assignments.iter().zip(new) {
            self.state.values[*slot] = value;
        }
        self.state.check_counts(false)?;
        self.state.refresh()?;
        self.y[..size].copy_from_slice(&self.state.values[1..=size]);
        self.solver.jumped();
        self.check_slopes()
    }

    /// A rate law that is a net rate, of two directions, says nothing about noise once it is negative. A little below 0
    /// are those of species that are used up, within the tolerance.
    fn check_signs(&self) -> Result<(), SimulationError> {
        let state = &self.state;
        let total: f64 = (0..state.network.reactions.len()).map(|index| state.law(index).abs()).sum();
        for (index, reaction) in state.network.reactions.iter().enumerate() {
            let value = state.law(index);
            if value < -1e-6 * total - 1e-6 {
                let reaction = reaction.name.clone();
                return Err(SimulationError::Propensity { reaction, value, time: state.time() });
            }
        }
        Ok(())
    }

    fn check_slopes(&mut self) -> Result<(), SimulationError> {
        let network = self.state.network;
        for (column, species) in network.species.iter().enumerate() {
            let slot = Network::species_slot(column);
            let (tangents, dependents) = self.linear.derivatives.by(network, &self.state.values, slot);
            let bends = |slope: f64| !slope.is_finite();
            let reaction = dependents.reactions.iter().find(|&&one| bends(self.state.law_derivative(one, tangents)));
            let variable = dependents.variables.iter().find(|&&one| bends(self.state.rate_derivative(one, tangents)));
            let name = reaction.map(|&index| &network.reactions[index].name);
            if let Some(name) = name.or(variable.map(|&index| &network.species[index].name)) {
                let (name, species) = (name.clone(), species.name.clone());
                return Err(SimulationError::Slope { name, species, time: self.state.time() });
            }
        }
        Ok(())
    }

    /// Species as they are, rules by the delta method.
    fn moments(&mut self) -> MeanCovariance {
        let (network, size) = (self.state.network, self.size());
        let columns = size + network.rules.len();
        let first_rule = network.rule_slot(0);
        let mut slopes = DMatrix::identity(columns, size);
        for column in (0..size).filter(|&column| fluctuates(&self.y, size, column)) {
            let slot = Network::species_slot(column);
            let (tangents, _) = self.linear.derivatives.by(network, &self.state.values, slot);
            for (rule, &slope) in tangents[first_rule..].iter().enumerate() {
                slopes[(size + rule, column)] = slope;
            }
        }
        let of_species = noise::unpack(&self.y[size..], size);
        let covariance = &slopes * of_species * slopes.transpose();
        let values = self.state.shown();
        MeanCovariance {
            mean: values[1..=size].iter().chain(&values[first_rule..]).copied().collect(),
            covariance: covariance.row_iter().map(|row| row.iter().copied().collect()).collect(),
        }
    }
}

/// Whether a species has a variance; slopes by one that has none matter not, even infinite ones.
fn fluctuates(y: &[f64], size: usize, species: usize) -> bool {
    y[size + noise::packed(species, species)] != 0.0
}

/// Stands for the method where a trajectory is asked for, and refuses.
pub(crate) struct NoTrajectories;

impl Stepper for NoTrajectories {
    fn jumped(&mut self, _: &mut State) -> Result<(), SimulationError> {
        Err(SimulationError::NoTrajectories)
    }

    fn advance(
        &mut self,
        _: &mut State,
        _: f64,
        _: &mut metacascade_random::Stream,
        _: &mut Stats,
    ) -> Result<(), SimulationError> {
        Err(SimulationError::NoTrajectories)
    }
}

#[cfg(test)]
mod tests;
