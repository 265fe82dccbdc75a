//! Approximate Bayesian computation by sequential Monte Carlo.
//!
//! The scheme is that of Toni et al. 2009 (J. R. Soc. Interface 6:187) and Beaumont et al. 2009 (Biometrika 96:983):
//! each generation perturbs the particles of the one before, simulates, and keeps what is nearest to the data, weighted by
//! prior over proposal density. Here
//!
//! * generation 0 draws from the prior;
//! * particles live in normal scores ([`crate::Parameter::to_score`]), where the prior is N(0, I);
//! * simulations of all generations are kept and weighted together, so that none is lost and a budget is used to the end
//!   (Cornuet et al. 2012, Scand. J. Stat. 39:798; Lenormand, Jabot & Deffuant 2013, Comput. Stat. 28:2777);
//! * the kernel is normal with twice the covariance of the particles, or of their neighbours ([`KernelLaw`]);
//! * the distance adapts to each generation ([`DistanceLaw`]; Prangle 2017, Bayesian Anal. 12:289); what one generation
//!   found far stays out, whatever later distances, which are learned near the data, say of it;
//! * where distances are of the summaries themselves, a simulation is abandoned as soon as the summaries known so far make it
//!   as far as those that earlier generations left out ([`crate::Simulator::simulate_near`]); it would not be taken in;
//! * particles are corrected by regression for their distance from the data ([`Adjustment`]): half of the proposals start
//!   from corrected particles, which are nearer to the posterior (Bonassi & West 2015, Bayesian Anal. 10:171, adapt
//!   proposals to the data likewise), and the posterior consists of the corrected particles of the last generation. They
//!   are also given as they were ([`Fit::last`]);
//! * where the law of the noise is known, simulations may be weighted with it instead ([`Acceptance::Stochastic`]).

mod adjust;
mod batches;
mod check;
mod distance;
mod kernel;
mod mixture;
mod pool;
mod sampler;
mod settings;
mod stochastic;

pub use adjust::Adjustment;
pub use check::Check;
pub use distance::DistanceLaw;
pub use kernel::KernelLaw;
pub use settings::{Acceptance, Error, Settings, Stop};

use crate::{Observer, Posterior, Simulator};

/// A completed generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Number, from 0.
    pub index: usize,
    /// The largest distance accepted; with [`Acceptance::Stochastic`] the temperature.
    pub threshold: f64,
    /// Share of the simulations that are among the particles; with [`Acceptance::Stochastic`] the probability of being
    /// accepted, relative to that of the best simulation.
    pub acceptance: f64,
    /// Simulations, failed ones included.
    pub simulations: u64,
    /// Simulations that could not be finished.
    pub failures: u64,
    /// Simulations of this and all earlier generations.
    pub total_simulations: u64,
    /// Effective sample size of the weighted particles.
    pub effective_sample_size: f64,
    /// The particles.
    pub posterior: Posterior,
}

/// A finished fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The last complete generation.
    pub last: Generation,
    /// Its particles after [`Adjustment`]; their distances are those before it.
    pub posterior: Posterior,
    /// What the fit found when it doubted itself.
    pub check: Check,
    /// Why the fit stopped.
    pub stop: Stop,
    /// Simulations of complete generations.
    pub simulations: u64,
    /// Those that could not be finished.
    pub failures: u64,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
}

/// Fits a simulator to its observations.
///
/// # Errors
/// Settings that make no sense, a simulator without parameters or informative summaries, simulations that nearly all
/// fail, or a refusal by the observer. [`Error::Cancelled`] if the observer ends the fit before a generation is
/// complete.
pub fn run(simulator: &impl Simulator, settings: &Settings, observer: &mut impl Observer) -> Result<Fit, Error> {
    settings.check()?;
    if simulator.parameters().is_empty() {
        return Err(Error::NoParameters);
    }
    match settings.acceptance {
        Acceptance::Uniform => sampler::Sampler::new(simulator, settings, observer).run(),
        Acceptance::Stochastic => stochastic::Sampler::new(simulator, settings, observer)?.run(),
    }
}

#[cfg(test)]
mod tests;
