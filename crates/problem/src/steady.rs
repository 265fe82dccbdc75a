//! Steady states of the mean field: before an experiment, or where one is measured at infinite time.

use std::ops::ControlFlow;

use metacascade_engine::{Method, Network, Simulator};
use metacascade_inference::Failure;
use metacascade_random::Key;

/// Change over a doubling of the time, relative to a species' value and to the largest of all, below which nothing
/// changes any more.
const RELATIVE: f64 = 1e-6;
const ABSOLUTE: f64 = 1e-9;

/// Doublings that must pass so before it counts as steady: one of them may be a turning point.
const QUIET: usize = 3;

/// Doublings of the model's unit of time after which there is taken to be no steady state.
const MOST: i32 = 50;

/// Largest relative error of the solver on the way there.
const TOLERANCE: f64 = 1e-8;

/// A steady state is one of the mean field.
pub(crate) fn check(method: &Method) -> Result<(), Failure> {
    match method {
        Method::Ode { .. } => Ok(()),
        _ => Err(Failure("steady states are those of the mean field; use the method ode".to_owned())),
    }
}

/// That none was found.
pub(crate) fn never() -> Failure {
    Failure(format!("no steady state was reached within 2^{MOST} units of time"))
}

/// Times after `start` at which to look.
pub(crate) fn times(start: f64) -> impl Iterator<Item = f64> {
    (0..=MOST).map(move |power| start + f64::from(power).exp2())
}

/// Watches the species at [`times`].
#[derive(Default)]
pub(crate) struct Settling {
    last: Vec<f64>,
    quiet: usize,
    pub done: bool,
}

impl Settling {
    /// Whether these values, the latest, are steady.
    pub fn is_steady(&mut self, species: &[f64]) -> bool {
        let scale = species.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        let same = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= RELATIVE * a.abs() + ABSOLUTE * scale;
        let quiet = !self.last.is_empty() && species.iter().zip(&self.last).all(same);
        self.quiet = if quiet || species.is_empty() { self.quiet + 1 } else { 0 };
        self.last = species.to_vec();
        self.done = self.quiet >= QUIET;
        self.done
    }
}

/// The values of all symbols at the steady state that the network comes to.
pub(crate) fn find(
    network: &Network,
    method: &Method,
    parameters: &[f64],
    initial: &[(usize, f64)],
) -> Result<Vec<f64>, Failure> {
    let mut method = *method;
    if let Method::Ode { relative_tolerance, absolute_tolerance } = &mut method {
        *relative_tolerance = relative_tolerance.min(TOLERANCE);
        *absolute_tolerance = absolute_tolerance.min(TOLERANCE);
    }
    let mut settling = Settling::default();
    let mut found = None;
    let mut record = |_: usize, state: &[f64]| {
        if settling.is_steady(&state[1..=network.species().len()]) {
            found = Some(state.to_vec());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let all: Vec<f64> = times(network.start()).collect();
    let finished = Simulator::new(network, &method).run_from(parameters, initial, &all, Key::new(0), &mut record);
    match (found, finished) {
        (Some(state), _) => Ok(state),
        (None, Err(error)) => Err(Failure(format!("on the way to the steady state: {error}"))),
        (None, Ok(_)) => Err(never()),
    }
}
