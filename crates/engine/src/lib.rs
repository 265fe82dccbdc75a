//! Reaction networks and ways to simulate them: exactly where numbers are small, cheaply where they are large.
//!
//! A network is built in code by a [`Builder`] or read from a model file by [`Network::from_toml`]; a [`Simulator`]
//! runs single trajectories, an [`Ensemble`] many.
//!
//! ```
//! use metacascade_engine::{Ensemble, Method, Network};
//! use metacascade_random::Key;
//!
//! let network = Network::from_toml(
//!     r#"
//! name = "seeding"
//! time_unit = "day"
//! [species]
//! primary = 1000
//! lesions = 0
//! [parameters]
//! growth = { value = 0.1, unit = "1/day" }
//! seeding = { value = 1e-5, unit = "1/day" }
//! [[reactions]]
//! equation = "primary -> 2 primary"
//! rate = "growth * primary"
//! [[reactions]]
//! equation = "-> lesions"
//! rate = "seeding * primary"
//! "#,
//!     "seeding.toml",
//! )?;
//! let parameters = network.default_parameters();
//! let (method, _why) = Method::Auto.resolve(&network, &parameters, 30.0, 4000);
//! let ensemble = Ensemble { network: &network, method, parameters: &parameters, initial: &[], times: &[30.0], trajectories: 4000, key: Key::new(1) };
//! let (summary, _stats) = ensemble.summary()?;
//! let expected = 1e-5 * 1000.0 * (3.0_f64.exp() - 1.0) / 0.1; // 1.909
//! assert!((summary.mean[0][1] - expected).abs() < 4.0 * (expected / 4000.0).sqrt());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Mistakes in a model file are shown with file, line, column and what would fix them, all in one pass
//! ([`Diagnostics`]).

mod agenda;
mod diagnostic;
mod ensemble;
mod expression;
mod lesions;
mod master;
mod methods;
mod network;
mod probability;
mod propagator;
mod sbml;
mod simulator;
mod state;
mod subject;
mod units;

pub use diagnostic::{Diagnostic, Diagnostics, Place, suggestion};
pub use ensemble::{Ensemble, LesionAt, Summary};
pub use expression::{Dialect, ExpressionError, Program};
pub use lesions::Lesion;
pub use master::MasterEquation;
pub use methods::{Job, LinearNoise, Lockstep, MeanCovariance, Method, Outlook, UnknownMethod};
pub use network::{
    Arm, Basis, Builder, Format, Intervention, Law, Lesions, Network, Parameter, Reaction, Rule, Species, Therapy,
};
pub use probability::{Estimate, ProbabilityError, RareEvent};
pub use propagator::{NotResumable, Propagator, Snapshot};
pub use sbml::{Symbol, Symbols};
pub use simulator::{MAXIMUM_STEPS, SimulationError, Simulator, Stats};
pub use state::Recorder;
pub use subject::{Deviates, Subject, Varying};
pub use units::{UnitMismatch, conversion};
