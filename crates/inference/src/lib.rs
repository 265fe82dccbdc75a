//! Fits any simulator or likelihood to observations, and says how sure the answer is.
//!
//! * [`abc_smc`]: approximate Bayesian computation by sequential Monte Carlo, for stochastic [`Simulator`]s.
//! * [`surrogate`]: synthetic likelihood on a learned density, from a few thousand simulations of a [`Simulator`].
//! * [`mcmc`]: Markov chains for a [`Likelihood`].
//! * [`pseudo_marginal`]: Markov chains for a likelihood that is estimated: by the filter of [`particle`], or a
//!   [`synthetic`] one.
//! * [`optimise`]: multi-start maximum likelihood with a Laplace approximation, for a [`Likelihood`].
//! * [`selection`]: probabilities of several models of the same data.
//!
//! All end in a [`Posterior`]: weighted draws. All move in normal scores ([`Parameter::to_score`]), coordinates in
//! which every prior is standard normal: no proposal is lost at a bound, and no scale has to be guessed.
//!
//! [`diagnostics`] tell how far draws can be trusted; [`reference`](mod@reference) has problems whose posterior is known.
//!
//! The result depends on the seed alone, not on the number of threads or the size of batches: every simulation has a
//! key of its own, and acceptance takes the lowest indices.
//!
//! ```
//! use metacascade_inference::{Failure, Parameter, Prior, Proposal, Scale, Simulator, abc_smc};
//! use rand_distr::{Distribution, Normal};
//!
//! /// The mean of a normal law, from the mean of four observations.
//! struct Mean([Parameter; 1]);
//!
//! impl Simulator for Mean {
//!     fn parameters(&self) -> &[Parameter] {
//!         &self.0
//!     }
//!     fn observed(&self) -> &[f64] {
//!         &[1.3]
//!     }
//!     fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
//!         let simulate = |proposal: &Proposal| {
//!             let law = Normal::new(proposal.parameters[0], 0.5).map_err(|error| Failure(error.to_string()))?;
//!             Ok(vec![law.sample(&mut proposal.key.stream())])
//!         };
//!         proposals.iter().map(simulate).collect()
//!     }
//! }
//!
//! let prior = Prior::Normal { mean: 0.0, sd: 10.0 };
//! let mean = Parameter { name: "mean".into(), prior, lower: -100.0, upper: 100.0, scale: Scale::Lin };
//! let settings = abc_smc::Settings { population: 500, ..abc_smc::Settings::default() };
//! let fit = abc_smc::run(&Mean([mean]), &settings, &mut ())?;
//! let median = fit.posterior.quantiles(0).at(0.5);
//! assert!((median - 1.3).abs() < 0.15);
//! # Ok::<(), abc_smc::Error>(())
//! ```

pub mod abc_smc;
pub mod diagnostics;
mod law;
mod logarithms;
mod mahalanobis;
pub mod mcmc;
pub mod optimise;
mod parameter;
pub mod particle;
mod posterior;
mod prior;
pub mod pseudo_marginal;
pub mod reference;
mod ridge;
mod second_opinion;
pub mod selection;
mod simulator;
pub mod surrogate;
pub mod synthetic;

pub use law::{Law, Measured, Noise};
pub use parameter::{Parameter, Scale};
pub use posterior::{Posterior, Quantiles, moments};
pub use prior::Prior;
pub use second_opinion::Opinion;
pub use simulator::{Failure, Likelihood, Observer, Progress, Proposal, Simulator};
