//! Chains that learn their proposals together, then keep them.

use metacascade_random::Key;
use nalgebra::{Cholesky, DMatrix, DVector};
use rand::{Rng, RngExt};
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use rayon::prelude::*;

/// Degrees of freedom of independent proposals: heavy tails, so that no region is left unvisited.
const FREEDOM: f64 = 5.0;

/// Share of independent proposals, once there is something to base them on.
const INDEPENDENT: f64 = 0.5;

/// Random walk acceptance that is aimed at (Roberts & Rosenthal 2001, Stat. Sci. 16:351).
const ACCEPTANCE: f64 = 0.3;

/// A point and its log density.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub point: Vec<f64>,
    pub value: f64,
}

/// Draws of all chains: chain, draw, coordinate.
pub(crate) type Draws = Vec<Vec<State>>;

/// A fixed proposal: a random walk mixed with independent draws of a multivariate t.
pub(crate) struct Kernel {
    mean: Vec<f64>,
    lower: DMatrix<f64>,
    walk: f64,
    independent: f64,
}

/// How often proposals were accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    walks: u64,
    walks_accepted: f64,
    pub proposals: u64,
    pub accepted: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.walks += other.walks;
        self.walks_accepted += other.walks_accepted;
        self.proposals += other.proposals;
        self.accepted += other.accepted;
    }
}

impl Kernel {
    /// Fitted to draws; `walk` is the scale of the random walk.
    pub fn fit<'s>(draws: impl Iterator<Item = &'s State> + Clone, walk: f64, independent: bool) -> Self {
        let (mean, mut covariance) = mean_and_covariance(draws.map(|state| state.point.as_slice()));
        let dimension = mean.len();
        let largest = covariance.diagonal().max().max(1e-12);
        let mut jitter = 1e-9 * largest;
        let lower = loop {
            for i in 0..dimension {
                covariance[(i, i)] += jitter;
            }
            match Cholesky::new(covariance.clone()) {
                Some(factor) => break factor.unpack(),
                // Ends: a large enough diagonal is positive definite.
                None => jitter *= 10.0,
            }
        };
        Self { mean, lower, walk, independent: if independent { INDEPENDENT } else { 0.0 } }
    }

    /// The scale of the random walk after what was learned of its acceptance.
    pub fn tuned(&self, tally: &Tally) -> f64 {
        if tally.walks == 0 {
            return self.walk;
        }
        let acceptance = tally.walks_accepted / tally.walks as f64;
        self.walk * ((acceptance + 0.05) / (ACCEPTANCE + 0.05)).powf(1.5).clamp(0.2, 3.0)
    }

    fn step(&self, stream: &mut impl Rng) -> Vec<f64> {
        let steps: Vec<f64> = self.mean.iter().map(|_| StandardNormal.sample(stream)).collect();
        (0..steps.len()).map(|i| (0..=i).map(|j| self.lower[(i, j)] * steps[j]).sum()).collect()
    }

    /// The log density of independent proposals, up to a constant.
    fn log_density(&self, point: &[f64]) -> f64 {
        let mut square = 0.0;
        let mut white: Vec<f64> = Vec::with_capacity(point.len());
        for (i, (value, mean)) in point.iter().zip(&self.mean).enumerate() {
            let known: f64 = white.iter().enumerate().map(|(j, w)| self.lower[(i, j)] * w).sum();
            let entry = (value - mean - known) / self.lower[(i, i)];
            square += entry * entry;
            white.push(entry);
        }
        -0.5 * (FREEDOM + point.len() as f64) * (square / FREEDOM).ln_1p()
    }

    /// A Metropolis–Hastings step; whether the point moved.
    fn advance(
        &self,
        state: &mut State,
        log_density: &impl Fn(&[f64]) -> f64,
        stream: &mut impl Rng,
        tally: &mut Tally,
    ) {
        let independent = stream.random::<f64>() < self.independent;
        let step = self.step(stream);
        let (point, correction): (Vec<f64>, f64) = if independent {
            // Never fails: the degrees of freedom are positive.
            let scale = ChiSquared::new(FREEDOM).map_or(1.0, |law| (FREEDOM / law.sample(stream)).sqrt());
            let point: Vec<f64> = self.mean.iter().zip(step).map(|(mean, step)| mean + scale * step).collect();
            let correction = self.log_density(&state.point) - self.log_density(&point);
            (point, correction)
        } else {
            (state.point.iter().zip(step).map(|(x, step)| x + self.walk * step).collect(), 0.0)
        };
        let value = log_density(&point);
        let ratio = if value.is_nan() { f64::NEG_INFINITY } else { value - state.value + correction };
        tally.proposals += 1;
        if !independent {
            tally.walks += 1;
            tally.walks_accepted += ratio.min(0.0).exp();
        }
        if stream.random::<f64>() < ratio.exp() {
            tally.accepted += 1;
            *state = State { point, value };
        }
    }

    /// Runs all chains for some steps from where they are.
    pub fn run(
        &self,
        states: &mut [State],
        steps: usize,
        log_density: &(impl Fn(&[f64]) -> f64 + Sync),
        key: Key,
    ) -> (Draws, Tally) {
        let chains: Vec<(Vec<State>, Tally)> = states
            .par_iter_mut()
            .enumerate()
            .map(|(chain, state)| {
                let mut stream = key.child(chain as u64).stream();
                let mut tally = Tally::default();
                let draws = (0..steps)
                    .map(|_| {
                        self.advance(state, log_density, &mut stream, &mut tally);
                        state.clone()
                    })
                    .collect();
                (draws, tally)
            })
            .collect();
        let mut total = Tally::default();
        chains.iter().for_each(|(_, tally)| total.add(*tally));
        (chains.into_iter().map(|(draws, _)| draws).collect(), total)
    }
}

pub(crate) fn mean_and_covariance<'s>(points: impl Iterator<Item = &'s [f64]> + Clone) -> (Vec<f64>, DMatrix<f64>) {
    let count = points.clone().count().max(1) as f64;
    let dimension = points.clone().next().map_or(0, <[f64]>::len);
    let mean: Vec<f64> = (0..dimension).map(|i| points.clone().map(|point| point[i]).sum::<f64>() / count).collect();
    let mut covariance = DMatrix::zeros(dimension, dimension);
    for point in points {
        for i in 0..dimension {
            for j in 0..=i {
                covariance[(i, j)] += (point[i] - mean[i]) * (point[j] - mean[j]) / count;
            }
        }
    }
    covariance.fill_upper_triangle_with_lower_triangle();
    (mean, covariance)
}

/// What a warm-up leaves: a kernel that changes no more, and where the chains are.
pub(crate) struct Warm {
    pub kernel: Kernel,
    pub states: Vec<State>,
    pub evaluations: u64,
}

/// Steps in which each chain learns the shape of its own random walk, for each dimension.
const LEARNING: usize = 120;

/// Steps of each chain for each dimension in the rounds after that, in which chains learn together.
const WARM_UP: [usize; 3] = [40, 80, 120];

/// Starts chains at points drawn from N(0, I) in proportion to their flattened density, and lets them learn: each by itself
/// until it moves, however much narrower than the prior the density is, then all together.
/// `None` if the density is 0 at all points tried.
pub(crate) fn warm_up(
    dimension: usize,
    chains: usize,
    log_density: &(impl Fn(&[f64]) -> f64 + Sync),
    key: Key,
) -> Option<Warm> {
    let (tried, learning) = (100 * dimension.max(2), LEARNING * dimension.max(3));
    let mut candidates: Vec<State> = (0..tried as u64)
        .into_par_iter()
        .map(|index| {
            let mut stream = key.child(0).child(index).stream();
            let point: Vec<f64> = (0..dimension).map(|_| StandardNormal.sample(&mut stream)).collect();
            let value = log_density(&point);
            State { point, value }
        })
        .collect();
    candidates.retain(|state| state.value.is_finite());
    candidates.sort_by(|a, b| b.value.total_cmp(&a.value));
    if candidates.is_empty() {
        return None;
    }
    // The best few: a start far out would only lengthen the warm-up; R̂ finds out if they end on different hills.
    let mut states: Vec<State> = (0..chains).map(|chain| candidates[chain % candidates.len()].clone()).collect();
    let learned: Draws = states
        .par_iter_mut()
        .enumerate()
        .map(|(chain, state)| learn(state, learning, log_density, &mut key.child(2).child(chain as u64).stream()))
        .collect();
    let mut evaluations = (tried + chains * learning) as u64;
    let settled =
        |draws: &Draws, steps: usize| draws.iter().map(|chain| chain[steps / 2..].to_vec()).collect::<Draws>();
    let first = settled(&learned, learning);
    let mut kernel = Kernel::fit(first.iter().flatten(), 2.38 / (dimension as f64).sqrt(), false);
    for (round, steps) in WARM_UP.into_iter().enumerate() {
        let steps = steps * dimension.max(3);
        let (draws, tally) = kernel.run(&mut states, steps, log_density, key.child(1).child(round as u64));
        evaluations += tally.proposals;
        let walk = kernel.tuned(&tally);
        kernel = Kernel::fit(draws.iter().flat_map(|chain| &chain[steps / 3..]), walk, true);
    }
    Some(Warm { kernel, states, evaluations })
}

/// Robust adaptive Metropolis (Vihola 2012, Stat. Comput. 22:997): after each step the random walk is stretched along it, or
/// shortened, by how likely it was accepted. The walk finds the density's scale and shape even where it hardly ever moves
/// at first.
fn learn(state: &mut State, steps: usize, log_density: &impl Fn(&[f64]) -> f64, stream: &mut impl Rng) -> Vec<State> {
    let dimension = state.point.len();
    let mut lower = DMatrix::<f64>::identity(dimension, dimension) * (1.0 / (dimension as f64).sqrt());
    let mut draws = Vec::with_capacity(steps);
    for step in 0..steps {
        let along = DVector::from_fn(dimension, |_, _| StandardNormal.sample(stream));
        let moved = &lower * &along;
        let point: Vec<f64> = state.point.iter().zip(moved.iter()).map(|(x, step)| x + step).collect();
        let value = log_density(&point);
        let ratio = if value.is_nan() { f64::NEG_INFINITY } else { value - state.value };
        let acceptance = ratio.min(0.0).exp();
        if stream.random::<f64>() < acceptance {
            *state = State { point, value };
        }
        draws.push(state.clone());
        let rate = (dimension as f64 * (step as f64 + 1.0).powf(-2.0 / 3.0)).min(1.0);
        let square = along.norm_squared();
        let change = rate * (acceptance - ACCEPTANCE) / square.max(f64::MIN_POSITIVE);
        let updated = &lower * lower.transpose() + change * &moved * moved.transpose();
        // Positive definite, as the change along the step is more than −1; only rounding can say otherwise.
        if let Some(factor) = Cholesky::new(updated) {
            lower = factor.unpack();
        }
    }
    draws
}
