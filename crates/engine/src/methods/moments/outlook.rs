//! Where a trajectory that stands somewhere may be expected later.

use super::noise::{Noise, packed};
use super::{MeanCovariance, Run};
use crate::methods::ode::System;
use crate::network::Network;
use crate::propagator::Snapshot;
use crate::simulator::SimulationError;
use crate::state::State;

/// Steps to the time asked for.
const STEPS: usize = 4;

/// Mean and covariance of what becomes of trajectories from a [`Snapshot`], by the linear-noise approximation ([`LinearNoise`])
/// in a few Runge–Kutta steps: cheap, and as rough as that. Events are not foreseen.
///
/// [`LinearNoise`]: crate::LinearNoise
///
/// ```
/// use metacascade_engine::{Method, Network, Outlook, Propagator};
/// use metacascade_random::Key;
///
/// let network = Network::builder("decay").species("X", "100").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let now = Propagator::new(&network, &Method::Direct)?.begin(&[0.1], &[], Key::new(1))?;
/// let mut outlook = Outlook::new(&network);
/// let later = outlook.look(&now, 5.0)?;
/// let alive = (-0.5_f64).exp();
/// assert!((later.mean[0] - 100.0 * alive).abs() < 1e-2);
/// assert!((later.covariance[0][0] - 100.0 * alive * (1.0 - alive)).abs() < 1e-2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Outlook<'n>(Box<Run<'n>>);

impl<'n> Outlook<'n> {
    /// A workspace for a network.
    #[must_use]
    pub fn new(network: &'n Network) -> Self {
        Self(Box::new(Run::new(State::new(network))))
    }

    /// Means and covariances at a later time, which may not be finite numbers where the steps are too long for the network.
    ///
    /// # Errors
    /// Where a propensity of the snapshot is none.
    pub fn look(&mut self, from: &Snapshot, until: f64) -> Result<MeanCovariance, SimulationError> {
        let run = &mut *self.0;
        let size = run.size();
        run.state.values[..from.values().len()].copy_from_slice(from.values());
        run.state.refresh()?;
        run.y.fill(0.0);
        run.y[..size].copy_from_slice(&from.values()[1..=size]);
        let (start, step) = (from.time(), (until - from.time()) / STEPS as f64);
        let length = size + packed(size, 0);
        let mut slopes = vec![vec![0.0; length]; 4];
        let mut point = vec![0.0; length];
        let mut system = Noise::new(&mut run.state, &mut run.linear);
        for index in 0..STEPS {
            let time = start + step * index as f64;
            for stage in 0..4 {
                let share = [0.0, 0.5, 0.5, 1.0][stage];
                for (place, value) in point.iter_mut().enumerate() {
                    let before = if stage == 0 { 0.0 } else { slopes[stage - 1][place] };
                    *value = run.y[place] + share * step * before;
                }
                // No counts below 0 are met on the way.
                point[..size].iter_mut().for_each(|count| *count = count.max(0.0));
                system.drift(time + share * step, &point, &mut slopes[stage]);
            }
            for (place, value) in run.y.iter_mut().enumerate() {
                let [a, b, c, d] = [0, 1, 2, 3].map(|stage: usize| slopes[stage][place]);
                *value += step / 6.0 * (a + 2.0 * b + 2.0 * c + d);
            }
            run.y[..size].iter_mut().for_each(|count| *count = count.max(0.0));
        }
        crate::methods::ode::place(&mut run.state, until, &run.y[..size]);
        Ok(run.moments())
    }

    /// The values of all symbols at the means last found, see [`Network::slot`].
    #[must_use]
    pub fn values(&self) -> &[f64] {
        self.0.state.shown()
    }
}
