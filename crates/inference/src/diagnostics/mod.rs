//! How far draws can be trusted.
//!
//! * [`convergence`]: whether Markov chains agree, and how many independent draws they are worth.
//! * [`pareto_smoothed`]: importance weights, and whether they can be relied upon.
//! * [`displacement`]: how far two sets of draws are apart.
//! * [`calibrate`]: whether a method's intervals hold as many truths as they say.
//! * [`UniformBand`]: whether values are uniform.

mod calibration;
mod convergence;
mod displacement;
mod pareto;
mod uniform;

pub use calibration::{Calibration, LEVELS, Observed, Study, calibrate};
pub use convergence::{Convergence, convergence};
pub use displacement::displacement;
pub use pareto::pareto_smoothed;
pub use uniform::UniformBand;
