//! engine
mod diagnostic;
mod expression;
mod methods;
mod network;
mod simulator;
mod state;

pub use diagnostic::{Diagnostic, Diagnostics, Place, suggestion};
pub use expression::{ExpressionError, Program};
pub use methods::{Method, UnknownMethod};
pub use network::{Builder, Network, Parameter, Reaction, Rule, Species};
pub use simulator::{MAXIMUM_STEPS, SimulationError, Simulator, Stats};
pub use state::Recorder;
