//! Trajectories in parts: left at a time, kept, and taken up again, each from a stream of its own and as often as wanted.

use metacascade_random::Key;

use crate::agenda::Kept;
use crate::methods::Method;
use crate::network::Network;
use crate::simulator::{SimulationError, Simulator, Stats, Steps};
use crate::state::State;
use crate::subject::Subject;

/// Where a trajectory stands: all that its future depends on.
#[derive(Clone)]
pub struct Snapshot {
    values: Vec<f64>,
    holds: Vec<bool>,
    agenda: Kept,
}

impl Snapshot {
    /// The values of all symbols, see [`Network::slot`].
    #[must_use]
    pub fn values(&self) -> &[f64] {
        // Behind them stands the constant 1.
        &self.values[..self.values.len() - 1]
    }

    /// The time that was reached.
    #[must_use]
    pub fn time(&self) -> f64 {
        self.values[0]
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("values", &self.values()).finish_non_exhaustive()
    }
}

/// Why trajectories of a network or method cannot be taken up again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotResumable {
    /// Lesions are more than the values of symbols.
    #[error("trajectories with lesions (`{0}`) cannot be left and taken up again")]
    Lesions(String),
    /// The method keeps more of a trajectory than its state.
    #[error("trajectories by `{0}` cannot be left and taken up again; by direct or tau-leap they can")]
    Method(String),
}

/// A workspace that moves trajectories of one network from time to time.
///
/// A trajectory in parts follows the law of one in a single run; its numbers are others, since each part has a stream of
/// its own. [`Method::Ensemble`] is taken as [`Method::Direct`].
///
/// ```
/// use metacascade_engine::{Method, Network, Propagator};
/// use metacascade_random::Key;
///
/// let network = Network::builder("decay").species("X", "100").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let mut propagator = Propagator::new(&network, &Method::Direct)?;
/// let mut half = propagator.begin(&network.default_parameters(), &[], Key::new(1))?;
/// propagator.advance(&mut half, 5.0, Key::new(2))?;
/// let mut end = half.clone();
/// propagator.advance(&mut end, 10.0, Key::new(3))?;
/// assert!(end.values()[1] < half.values()[1] && end.time() == 10.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Propagator<'n>(Box<Steps<'n>>);

impl<'n> Propagator<'n> {
    /// A workspace for a network and a method.
    ///
    /// # Errors
    /// Where a state at a time does not say all that matters.
    pub fn new(network: &'n Network, method: &Method) -> Result<Self, NotResumable> {
        if let Some(kind) = network.lesions.first() {
            return Err(NotResumable::Lesions(kind.name.clone()));
        }
        let method = match method {
            Method::Ensemble => &Method::Direct,
            Method::Hybrid { .. } | Method::Moments => return Err(NotResumable::Method(method.to_string())),
            method => method,
        };
        let steps = Simulator::new(network, method).into_steps();
        steps.map(Self).ok_or_else(|| NotResumable::Method(method.to_string()))
    }

    /// A trajectory at its beginning, all that is due there done. Arguments are those of
    /// [`Simulator::run_from`](crate::Simulator::run_from).
    ///
    /// # Errors
    /// As [`Simulator::run_from`](crate::Simulator::run_from).
    ///
    /// # Panics
    /// If `parameters` has the wrong length.
    pub fn begin(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        subject: impl Into<Subject>,
    ) -> Result<Snapshot, SimulationError> {
        self.0.begin(parameters, initial, subject.into())?;
        let mut snapshot = Snapshot { values: Vec::new(), holds: Vec::new(), agenda: Kept::default() };
        self.keep(&mut snapshot);
        Ok(snapshot)
    }

    /// Moves a trajectory on to a time, events included; where that is past, it stays.
    ///
    /// # Errors
    /// As [`Simulator::run`](crate::Simulator::run); the trajectory stands as it did then.
    ///
    /// # Panics
    /// If the trajectory is one of another network.
    pub fn advance(&mut self, snapshot: &mut Snapshot, until: f64, key: Key) -> Result<Stats, SimulationError> {
        let mut stats = Stats::default();
        if snapshot.time() >= until {
            return Ok(stats);
        }
        self.take_up(snapshot)?;
        self.0.go_on(until, &mut key.stream(), &mut stats)?;
        self.keep(snapshot);
        Ok(stats)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &'n Network {
        self.0.state.network
    }

    fn take_up(&mut self, snapshot: &Snapshot) -> Result<(), SimulationError> {
        let Steps { state, stepper, agenda, .. } = &mut *self.0;
        state.values.copy_from_slice(&snapshot.values);
        state.holds.copy_from_slice(&snapshot.holds);
        state.leaped = 0.0;
        agenda.take_up(&snapshot.agenda);
        state.refresh()?;
        stepper.jumped(state)
    }

    fn keep(&self, snapshot: &mut Snapshot) {
        let State { values, holds, .. } = &self.0.state;
        snapshot.values.clone_from(values);
        snapshot.holds.clone_from(holds);
        self.0.agenda.keep(&mut snapshot.agenda);
    }
}

#[cfg(test)]
mod tests;
