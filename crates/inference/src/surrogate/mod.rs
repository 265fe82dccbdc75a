//! Sequential synthetic likelihood on a learned density: the posterior from a few thousand simulations.
//!
//! In rounds, each with simulations where the posterior of the round before is, flattened so that its surroundings are
//! covered, a likelihood is learned as a function of the parameters:
//!
//! * where the simulator knows the law of data ([`crate::Law`]), the law's own parameters are regressed on polynomials of
//!   the estimated ones by maximum likelihood, and the law is used as it is;
//! * where only the law of the noise is known ([`crate::Measured`]), the model's values, which simulations give without
//!   noise, are regressed likewise; what scatters of them besides is normal, and integrated out;
//! * all other data are reduced to a learned linear summary for each parameter, and these follow a normal law whose
//!   mean, log variance and correlations are polynomials (synthetic likelihood: Wood 2010, Nature 466:1102).
//!
//! Regressions weigh simulations by their nearness to the posterior. In the end Markov chains ([`crate::mcmc`]) draw from
//! the learned posterior.
//!
//! The fit doubts itself ([`Check`]): likelihoods learned from either half of the simulations, and with polynomials of
//! another degree, must give the same posterior, and where the law of summaries is taken to be normal it must be so.

mod basis;
mod bins;
mod branching;
mod check;
mod density;
mod gaussian;
mod hazards;
mod measured;
mod precisions;
mod regression;
mod rounds;

use serde::{Deserialize, Serialize};

pub(crate) use branching::largest;
pub use check::Check;
pub(crate) use gaussian::score_projection;

use crate::{Observer, Posterior, Simulator, diagnostics::Convergence};

/// Settings of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Simulations in all.
    pub simulations: u64,
    /// Rounds, two at least.
    pub rounds: usize,
    /// Draws from the posterior.
    pub draws: usize,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { simulations: 5000, rounds: 5, draws: 10_000, seed: 1 }
    }
}

impl Settings {
    /// Simulations that are enough to begin with for so many parameters: each round must be able to determine a plane, and
    /// all together a quadratic.
    #[must_use]
    pub fn least(&self, parameters: usize) -> u64 {
        (4 * basis::Basis::size(parameters, 2) as u64 * self.rounds as u64).max(200)
    }
}

/// A finished fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Draws of the same weight. Their distances are drops of the learned log-likelihood from the highest among them.
    pub posterior: Posterior,
    /// What the chains say about each parameter.
    pub convergence: Vec<Convergence>,
    /// What the fit found when it doubted itself.
    pub check: Check,
    /// Simulations, failed ones included.
    pub simulations: u64,
    /// Those that could not be finished.
    pub failures: u64,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
    /// Whether the observer ended it after a round; the last complete one was used.
    pub cancelled: bool,
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to estimate.
    #[error("there are no parameters to estimate")]
    NoParameters,
    /// A setting makes no sense.
    #[error("{setting} is {found}, but must be at least {least}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        found: u64,
        /// The least that makes sense.
        least: u64,
    },
    /// Simulations do not vary with the parameters.
    #[error("the simulated data are the same whatever the parameters: they cannot teach anything about them")]
    NoInformation,
    /// Too few simulations could be finished.
    #[error("{failures} of {simulations} simulations could not be finished; the first: {first}")]
    Failures {
        /// Failed simulations.
        failures: u64,
        /// All simulations.
        simulations: u64,
        /// Why the first failed.
        first: String,
    },
    /// The chains found no point of positive density.
    #[error("the learned likelihood is nowhere positive")]
    Nowhere,
    /// The observer ended it before anything was complete.
    #[error("interrupted before the first round was complete")]
    Cancelled,
}

/// Fits a simulator to its observations.
///
/// # Errors
/// See [`Error`].
pub fn run(simulator: &impl Simulator, settings: &Settings, observer: &mut impl Observer) -> Result<Fit, Error> {
    let dimension = simulator.parameters().len();
    if dimension == 0 {
        return Err(Error::NoParameters);
    }
    let least = settings.least(dimension);
    for (setting, found, least) in [
        ("rounds", settings.rounds as u64, 2),
        ("simulations", settings.simulations, least),
        ("draws", settings.draws as u64, 1),
    ] {
        if found < least {
            return Err(Error::Setting { setting, found, least });
        }
    }
    rounds::Rounds::new(simulator, settings, observer).run()
}

#[cfg(test)]
mod tests;
