//! Probabilities of several models of the same data.
//!
//! * [`evidence_of_likelihood`] and [`evidence_of_estimator`]: the marginal likelihood of a model, the mean of its
//!   likelihood over its prior, by importance sampling with a proposal adapted to the posterior. Where the likelihood is
//!   estimated, and right on average, so is the evidence (Tran, Scharth, Pitt & Kohn 2013, arXiv:1309.3339).
//! * [`probabilities()`]: what evidences make of the models' prior probabilities, and how the errors pass on.
//! * [`by_simulation`]: for models that can only be simulated, by approximate Bayesian computation: the models of the
//!   simulations nearest to the data, and multinomial logistic regression on the summaries (Beaumont 2008; Fagundes et
//!   al. 2007).
//!
//! An evidence is the mean of the likelihood over the prior, so that it depends on the prior's width, also where the data
//! have long decided the parameters: a parameter whose prior is ten times as wide costs a model a factor of ten.

mod evidence;
mod joint;
mod logistic;
mod mixture;
mod probabilities;

pub use evidence::{Error, Evidence, Settings, evidence_of_estimator, evidence_of_likelihood};
pub use joint::{Joint, JointError, JointSettings, by_simulation};
pub use probabilities::{Choice, probabilities};

#[cfg(test)]
mod tests;
