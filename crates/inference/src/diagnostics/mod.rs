//! How far draws can be trusted.

mod convergence;
mod pareto;

pub use convergence::{Convergence, convergence};
pub use pareto::pareto_smoothed;
