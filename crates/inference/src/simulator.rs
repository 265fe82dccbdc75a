//! What a fit needs of a model, and what it tells while it runs.

use metacascade_random::Key;

use crate::{Law, Parameter, abc_smc::Generation};

/// A model seen by approximate Bayesian computation: parameters in, summaries out.
pub trait Simulator: Sync {
    /// The parameters to be estimated.
    fn parameters(&self) -> &[Parameter];

    /// The summaries of the observed data, in the coordinates of the simulated ones.
    fn observed(&self) -> &[f64];

    /// Simulates many proposals; `result[i]` belongs to `proposals[i]` and depends on nothing else. A simulation that
    /// cannot be finished is a [`Failure`]; it is counted and never accepted.
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>>;

    /// As [`Simulator::simulate`], but a simulation may be abandoned, `Ok(None)`, as soon as `near` is false of the summaries
    /// that are known, in the places of all others NaN. `near` is false of all that follow then, and of the whole. Which
    /// method is simulated by may differ from [`Simulator::simulate`], the law may not.
    fn simulate_near(
        &self,
        proposals: &[Proposal],
        near: &(dyn Fn(&[f64]) -> bool + Sync),
    ) -> Vec<Result<Option<Vec<f64>>, Failure>> {
        let _ = near;
        self.simulate(proposals).into_iter().map(|simulated| simulated.map(Some)).collect()
    }

    /// What is known about the law of the summaries; those that no law covers may follow any.
    fn laws(&self) -> &[Law] {
        &[]
    }
}

/// Parameters to be simulated.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Parameters on the natural scale, in the order of [`Simulator::parameters`].
    pub parameters: Vec<f64>,
    /// The key of all randomness in this simulation.
    pub key: Key,
}

/// Why parameters could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// A model seen by optimisation: parameters in, log-likelihood out.
pub trait Likelihood: Sync {
    /// The parameters to be estimated.
    fn parameters(&self) -> &[Parameter];

    /// The log-likelihood of the data at parameters on the natural scale.
    ///
    /// # Errors
    /// Why there is none at these parameters.
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure>;
}

/// Hears how a fit is going and may end it.
pub trait Observer {
    /// A generation is complete. An error ends the fit.
    ///
    /// # Errors
    /// Whatever keeps the observer from going on, such as a full disk.
    fn generation(&mut self, _generation: &Generation) -> Result<(), String> {
        Ok(())
    }

    /// Something was done; called a few times a second at most where simulations are slow.
    fn progress(&mut self, _progress: &Progress) {}

    /// Whether the fit should end, keeping what is complete.
    fn cancelled(&self) -> bool {
        false
    }
}

/// An observer that hears nothing and never interrupts.
impl Observer for () {}

/// How far a fit has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// In a generation of ABC-SMC.
    Generation {
        /// Number of the generation, from 0.
        index: usize,
        /// Simulations so far in this generation.
        simulations: u64,
        /// Simulations of the whole generation.
        target: u64,
        /// Simulations so far in all.
        total_simulations: u64,
    },
    /// In a surrogate's rounds.
    Rounds {
        /// Number of the round, from 0.
        round: usize,
        /// Rounds in all.
        rounds: usize,
        /// Simulations so far.
        simulations: u64,
        /// Simulations in all.
        target: u64,
        /// Highest log-likelihood among draws from the posterior that the round before has learned, by what it has learned;
        /// negative infinity in the first.
        log_likelihood: f64,
    },
    /// In Markov chains.
    Chains {
        /// Evaluations of the likelihood so far.
        evaluations: u64,
        /// Effective sample size so far, the lowest of all parameters.
        effective: f64,
        /// Effective sample size wanted.
        target: f64,
        /// R̂, the highest of all parameters.
        r_hat: f64,
        /// Highest log posterior density among the chains' points.
        log_likelihood: f64,
    },
    /// In optimisation.
    Starts {
        /// Starts done.
        done: usize,
        /// Starts wanted.
        target: usize,
        /// Evaluations of the likelihood so far.
        evaluations: u64,
        /// Highest log-likelihood so far.
        log_likelihood: f64,
    },
}
