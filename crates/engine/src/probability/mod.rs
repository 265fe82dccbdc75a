//! Probabilities of rare events by multilevel splitting.
//!
//! Trajectories that come nearer to the event are multiplied: one stage simulates from where trajectories first passed a
//! level until they pass the next, and the probability is the product of the shares that did. A pilot run places the
//! levels at quantiles (adaptive multilevel splitting, Cérou & Guyader 2007, Stoch Anal Appl 25:417); independent
//! replicates with these levels and the same number of trajectories a stage (fixed effort, Garvels 2000, The splitting
//! method in rare event simulation, section 2.4; L'Ecuyer, Demers & Tuffin 2007, ACM TOMACS 17:9) are then unbiased
//! whatever the level is a function of, and their spread gives the standard error.

mod question;
mod splitting;

use metacascade_random::Key;

use crate::expression::ExpressionError;
use crate::network::Network;
use crate::simulator::SimulationError;

/// An event whose probability is wanted: that a condition becomes true before a time, or before another condition does.
///
/// Trajectories are exact (direct method). The network's propensities must change by its reactions only: it may have
/// neither events, nor rates that depend on time, nor moving continuous variables.
///
/// ```
/// use metacascade_engine::{Network, RareEvent};
/// use metacascade_random::Key;
///
/// let network = Network::builder("colony")
///     .species("X", "1")
///     .reaction("X -> 2 X", "0.5*X")
///     .reaction("X ->", "X")
///     .build()?;
/// let parameters = network.default_parameters();
/// let found = RareEvent { unless: Some("X <= 0"), ..RareEvent::new(&network, &parameters, "X >= 30", Key::new(1)) }.estimate()?;
/// let exact = 1.0 / (2.0_f64.powi(30) - 1.0); // 9.3e-10
/// assert!((found.probability / exact - 1.0).abs() < 0.4); // four standard errors
/// assert!(found.precise && found.relative_error() <= 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RareEvent<'a> {
    /// The network.
    pub network: &'a Network,
    /// One value for each parameter of the network.
    pub parameters: &'a [f64],
    /// Initial counts that replace the model's: (index of the species, count).
    pub initial: &'a [(usize, f64)],
    /// The condition whose becoming true is the event; it may not depend on time. True at the start counts too.
    pub event: &'a str,
    /// A condition that ends a trajectory; the event counts where both become true at the same instant. It may not
    /// depend on time.
    pub unless: Option<&'a str>,
    /// The time after which the event no longer counts; if there is none, trajectories go on until nothing can happen
    /// any more, or [`RareEvent::unless`] holds.
    pub before: Option<f64>,
    /// How near a state is to the event: an expression that grows towards it, and may depend on time. It decides the
    /// work, not the expected result; but where it is blind to what the event needs, replicates are uneven, and intervals
    /// too narrow until there are many of them. By default A for the event `A >= B` or `A > B` with constant B, else A − B, and with signs
    /// turned for `<=` and `<`.
    pub level: Option<&'a str>,
    /// The standard error asked for, relative to the probability.
    pub relative_error: f64,
    /// About how many reactions may be fired in all, looked at between stages of the pilot run and between replicates; a
    /// single trajectory may take a hundredth of them.
    pub maximum_events: u64,
    /// Root of the random streams.
    pub key: Key,
}

/// What [`RareEvent::estimate`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The mean over the replicates; unbiased but for the choice of when to stop adding replicates.
    pub probability: f64,
    /// Its standard error, from the spread of the replicates.
    pub standard_error: f64,
    /// 95 % confidence interval: Student's t of the replicates on the scale of logarithms or, where no level was needed,
    /// the interval of Clopper & Pearson (1934, Biometrika 26:404) for the trajectories that met the event.
    pub interval: (f64, f64),
    /// Whether [`RareEvent::relative_error`] was reached within [`RareEvent::maximum_events`].
    pub precise: bool,
    /// The expression whose levels were used.
    pub level: String,
    /// The levels, ascending; the last stage leads from the last of them to the event.
    pub levels: Vec<f64>,
    /// Of each stage, the share of trajectories that passed its level, over all replicates; one more than levels.
    pub shares: Vec<f64>,
    /// Independent replicates.
    pub replicates: usize,
    /// Trajectories in each stage of a replicate.
    pub trajectories: usize,
    /// Reactions fired in all, with those of the pilot run.
    pub events: u64,
}

impl Estimate {
    /// The standard error relative to the probability.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        self.standard_error / self.probability
    }
}

/// Why a probability could not be estimated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbabilityError {
    /// An expression is wrong.
    #[error("{name}: {error}")]
    Expression {
        /// Which: `event`, `unless` or `level`.
        name: &'static str,
        /// Its text.
        text: String,
        /// What is wrong, and where.
        error: ExpressionError,
    },
    /// A number asked for is impossible.
    #[error("{0}")]
    Setting(String),
    /// The network is none of those whose states carry all that matters.
    #[error("{0}")]
    Unsupported(String),
    /// `unless` holds at the start, so that the event can never come before it.
    #[error("the condition that ends a trajectory holds at the start")]
    Over,
    /// A trajectory does not end.
    #[error(
        "a trajectory took {events} events until time {time} and did not end; end it by a time or a condition, or allow more events"
    )]
    Endless {
        /// How many events it took.
        events: u64,
        /// How far it came.
        time: f64,
    },
    /// No trajectory met the event.
    #[error(
        "the event was not met in {events} events: trajectories came as far as {level} = {highest}; its probability is at most about {bound:.1e}, and may be 0"
    )]
    NotMet {
        /// An upper bound of about 95 % confidence: the probability of the last level that was passed, times the bound
        /// for the next stage by the rule of three.
        bound: f64,
        /// The expression whose levels were used.
        level: String,
        /// The last level that trajectories passed.
        highest: f64,
        /// Reactions fired in all.
        events: u64,
    },
    /// A trajectory failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

impl<'a> RareEvent<'a> {
    /// The default of [`RareEvent::maximum_events`]: some minutes' work on one processor.
    pub const MAXIMUM_EVENTS: u64 = 2_000_000_000;

    /// An event without a limit of time, to be found to a relative error of 0.1 from the model's initial state.
    #[must_use]
    pub fn new(network: &'a Network, parameters: &'a [f64], event: &'a str, key: Key) -> Self {
        Self {
            network,
            parameters,
            initial: &[],
            event,
            unless: None,
            before: None,
            level: None,
            relative_error: 0.1,
            maximum_events: Self::MAXIMUM_EVENTS,
            key,
        }
    }

    /// Estimates the event's probability. The result depends on the key, not on the number of threads.
    ///
    /// # Errors
    /// What is wrong with the question, or why it could not be answered; an event that no trajectory met is such an
    /// error, [`ProbabilityError::NotMet`], with an upper bound.
    ///
    /// # Panics
    /// If `parameters` has the wrong length.
    pub fn estimate(&self) -> Result<Estimate, ProbabilityError> {
        splitting::estimate(self)
    }
}

#[cfg(test)]
mod tests;
