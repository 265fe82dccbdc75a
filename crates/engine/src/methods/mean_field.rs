//! The mean field: dx/dt = Σ ν·a(x), by a Rosenbrock method of order 4(3) that copes with fast turnover
//! (Kaps & Rentrop 1979, Numer Math 33:55, with the coefficients of Shampine 1982, ACM TOMS 8:93).

use metacascade_random::Stream;
use nalgebra::{DMatrix, DVector};

use crate::network::{Derivatives, Network, TIME};
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

pub(crate) struct MeanField {
    relative_tolerance: f64,
    absolute_tolerance: f64,
    derivatives: Derivatives,
    /// The step to try next.
    step: Option<f64>,
}

// Shampine's parameters, in the notation of Press et al., Numerical Recipes in C (1992), section 16.6.
const GAMMA: f64 = 0.5;
const A21: f64 = 2.0;
const A31: f64 = 48.0 / 25.0;
const A32: f64 = 6.0 / 25.0;
const C21: f64 = -8.0;
const C31: f64 = 372.0 / 25.0;
const C32: f64 = 12.0 / 5.0;
const C41: f64 = -112.0 / 125.0;
const C42: f64 = -54.0 / 125.0;
const C43: f64 = -2.0 / 5.0;
const B: [f64; 4] = [19.0 / 9.0, 0.5, 25.0 / 108.0, 125.0 / 108.0];
const E: [f64; 4] = [17.0 / 54.0, 7.0 / 36.0, 0.0, 125.0 / 108.0];
const T: [f64; 4] = [0.5, -1.5, 121.0 / 50.0, 29.0 / 250.0];
const A2X: f64 = 1.0;
const A3X: f64 = 3.0 / 5.0;

impl MeanField {
    pub fn new(network: &Network, relative_tolerance: f64, absolute_tolerance: f64) -> Self {
        Self { relative_tolerance, absolute_tolerance, derivatives: Derivatives::new(network), step: None }
    }

    /// The drift at a time and counts.
    fn drift(state: &mut State, time: f64, counts: &DVector<f64>) -> DVector<f64> {
        state.set_time(time);
        state.values[1..=counts.len()].copy_from_slice(counts.as_slice());
        state.update_rules();
        let mut drift = DVector::zeros(counts.len());
        for (index, reaction) in state.network.reactions.iter().enumerate() {
            let propensity = state.law(index);
            for &(species, change) in &reaction.changes {
                drift[species] += change * propensity;
            }
        }
        drift
    }

    /// Jacobian of the drift and its derivative by time, at the point where the drift was computed last.
    ///
    /// An infinite derivative, as that of a square root at 0, is left out: the error estimate guards the step.
    fn linearise(&mut self, state: &State, size: usize) -> (DMatrix<f64>, DVector<f64>) {
        let network = state.network;
        let (mut jacobian, mut by_time) = (DMatrix::zeros(size, size), DVector::zeros(size));
        for slot in TIME..=size {
            let (tangents, reactions) = self.derivatives.by(network, &state.values, slot);
            for &reaction in reactions {
                let slope = state.law_derivative(reaction, tangents);
                if slope.is_finite() {
                    for &(species, change) in &network.reactions[reaction].changes {
                        match slot {
                            TIME => by_time[species] += change * slope,
                            _ => jacobian[(species, slot - 1)] += change * slope,
                        }
                    }
                }
            }
        }
        (jacobian, by_time)
    }
}

impl Stepper for MeanField {
    fn whole(&self) -> bool {
        false
    }

    fn jumped(&mut self, _: &mut State) -> Result<(), SimulationError> {
        self.step = None;
        Ok(())
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        _: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        let size = state.network.species.len();
        let mut time = state.time();
        let mut counts = DVector::from_column_slice(&state.values[1..=size]);
        let mut step = self.step.unwrap_or(1e-3 * (until - time));
        while time < until {
            let drift = Self::drift(state, time, &counts);
            let (jacobian, by_time) = self.linearise(state, size);
            loop {
                // A last step that would leave a sliver is stretched to the end.
                let clipped = if time + 1.0001 * step >= until { until - time } else { step };
                stats.steps += 1;
                let tried = self.attempt(state, time, clipped, &counts, &drift, &jacobian, &by_time);
                let (error, new) = tried.unwrap_or((f64::INFINITY, counts.clone()));
                let factor = if error > 0.0 { 0.9 * error.powf(-0.25) } else { 4.0 };
                if error <= 1.0 {
                    time = if clipped == until - time { until } else { time + clipped };
                    counts = new;
                    let next = clipped * factor.clamp(0.5, 4.0);
                    // A step cut short at a recording time says little about the step that would have been right.
                    step = if clipped < step { step.max(next) } else { next };
                    break;
                }
                step = clipped * if error.is_finite() { factor.clamp(0.1, 0.9) } else { 0.1 };
                if step.is_nan() || step <= 1e-13 * (time.abs() + until) {
                    return Err(SimulationError::Stiff { time });
                }
            }
        }
        self.step = Some(step).filter(|step| *step > 0.0);
        state.set_time(until);
        state.values[1..=size].copy_from_slice(counts.as_slice());
        state.update_rules();
        for index in 0..state.propensities.len() {
            state.propensities[index] = state.law(index);
        }
        Ok(())
    }
}

impl MeanField {
    /// One step: its error in units of the tolerance, and the new counts; nothing if a number is not finite.
    #[expect(clippy::too_many_arguments, reason = "the derivatives are shared by the attempts at one step")]
    fn attempt(
        &self,
        state: &mut State,
        time: f64,
        h: f64,
        counts: &DVector<f64>,
        drift: &DVector<f64>,
        jacobian: &DMatrix<f64>,
        by_time: &DVector<f64>,
    ) -> Option<(f64, DVector<f64>)> {
        let size = counts.len();
        let matrix = DMatrix::identity(size, size) / (GAMMA * h) - jacobian;
        let factors = matrix.lu();
        let g1 = factors.solve(&(drift + by_time * (h * T[0])))?;
        let second = Self::drift(state, time + A2X * h, &(counts + &g1 * A21));
        let g2 = factors.solve(&(second + by_time * (h * T[1]) + &g1 * (C21 / h)))?;
        let third = Self::drift(state, time + A3X * h, &(counts + &g1 * A31 + &g2 * A32));
        let g3 = factors.solve(&(&third + by_time * (h * T[2]) + (&g1 * C31 + &g2 * C32) / h))?;
        let g4 = factors.solve(&(third + by_time * (h * T[3]) + (&g1 * C41 + &g2 * C42 + &g3 * C43) / h))?;
        let new = counts + &g1 * B[0] + &g2 * B[1] + &g3 * B[2] + &g4 * B[3];
        let mut error = 0.0_f64;
        for index in 0..size {
            let scale = self.absolute_tolerance + self.relative_tolerance * counts[index].abs().max(new[index].abs());
            let by = E[0] * g1[index] + E[1] * g2[index] + E[2] * g3[index] + E[3] * g4[index];
            if !by.is_finite() || !new[index].is_finite() {
                return None;
            }
            error = error.max(by.abs() / scale);
        }
        Some((error, new))
    }
}
