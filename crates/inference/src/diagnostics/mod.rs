//! How far draws can be trusted.
//!
//! * [`convergence`]: whether Markov chains agree, and how many independent draws they are worth.
//! * [`pareto_smoothed`]: importance weights, and whether they can be relied upon.
//! * [`displacement`]: how far two sets of draws are apart.
//! * [`calibrate`]: whether a method's intervals hold as many truths as they say.
//! * [`partial_rank_correlations`]: on which parameters an outcome depends.
//! * [`UniformBand`]: whether values are uniform.

mod calibration;
mod convergence;
mod displacement;
mod pareto;
mod sensitivity;
mod uniform;

pub use calibration::{Calibration, LEVELS, Observed, Study, calibrate, calibrate_with};
pub use convergence::{Convergence, convergence};
pub use displacement::displacement;
pub use pareto::pareto_smoothed;
pub use sensitivity::{Sensitivity, partial_rank_correlations};
pub use uniform::UniformBand;
