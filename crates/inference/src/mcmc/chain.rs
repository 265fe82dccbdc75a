//! Chains that learn their proposals together, then keep them.
//!
//! The density may be an estimate that differs whenever it is asked for: it is given a key of its own each time, and a
//! chain keeps the estimate of the point where it stands. So a likelihood that is right on average is enough for the exact
//! posterior (Andrieu & Roberts 2009, Ann. Stat. 37:697).

use metacascade_random::Key;
use nalgebra::{Cholesky, DMatrix, DVector};
use rand::{Rng, RngExt};
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use rayon::prelude::*;

use crate::mahalanobis;

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
        let square = mahalanobis::square(point, &self.mean, &self.lower);
        -0.5 * (FREEDOM + point.len() as f64) * (square / FREEDOM).ln_1p()
    }

    /// A Metropolis–Hastings step; `key` is that of the density.
    fn advance(
        &self,
        state: &mut State,
        log_density: &impl Fn(&[f64], Key) -> f64,
        key: Key,
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
        let value = log_density(&point, key);
        let possible = value > f64::NEG_INFINITY;
        let ratio = if possible { value - state.value + correction } else { f64::NEG_INFINITY };
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
        log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
        key: Key,
    ) -> (Draws, Tally) {
        let chains: Vec<(Vec<State>, Tally)> = states
            .par_iter_mut()
            .enumerate()
            .map(|(chain, state)| {
                let key = key.child(chain as u64);
                let mut stream = key.stream();
                let mut tally = Tally::default();
                let draws = (0..steps)
                    .map(|step| {
                        self.advance(state, log_density, key.child(step as u64), &mut stream, &mut tally);
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

/// Starts chains at points drawn from N(0, I), and lets them learn: each by itself until it moves, however much narrower than
/// the prior the density is, then all together. `None` if the density is 0 at all points tried.
pub(crate) fn warm_up(
    dimension: usize,
    chains: usize,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
) -> Option<Warm> {
    let (mut states, tried) = starts(dimension, chains, log_density, key.child(0))?;
    let apart = learn_apart(&mut states, Density::Known, log_density, key.child(2));
    let (kernel, evaluations) = learn_together(apart.kernel, &mut states, Density::Known, log_density, key.child(1));
    Some(Warm { kernel, states, evaluations: tried + apart.evaluations + evaluations })
}

/// What chains that learn are told of their density.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Density {
    /// It is the same whenever it is asked for.
    Known,
    /// It is an estimate.
    Estimated,
}

/// The best of points drawn from N(0, I), as [`best`].
pub(crate) fn starts(
    dimension: usize,
    chains: usize,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
) -> Option<(Vec<State>, u64)> {
    let draw = |index| -> Vec<f64> {
        let mut stream = key.child(index).stream();
        (0..dimension).map(|_| StandardNormal.sample(&mut stream)).collect()
    };
    let points: Vec<Vec<f64>> = (0..100 * dimension.max(2) as u64).map(draw).collect();
    best(&points, chains, log_density, key)
}

/// A start for each chain, the best of some points, and how many were tried: at most 100 for each dimension. `None` if the
/// density is 0 at all of them.
pub(crate) fn best(
    points: &[Vec<f64>],
    chains: usize,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
) -> Option<(Vec<State>, u64)> {
    let tried = points.len().min(100 * points.first()?.len().max(2));
    let mut candidates: Vec<State> = points[..tried]
        .par_iter()
        .enumerate()
        .map(|(index, point)| {
            let value = log_density(point, key.child(index as u64).child(0));
            State { point: point.clone(), value }
        })
        .collect();
    candidates.retain(|state| state.value.is_finite());
    candidates.sort_by(|a, b| b.value.total_cmp(&a.value));
    // The best few: a start far out would only lengthen the warm-up; R̂ finds out if they end on different hills.
    let states = (0..chains).map(|chain| candidates.get(chain % candidates.len().max(1)).cloned());
    Some((states.collect::<Option<_>>()?, tried as u64))
}

/// Points from all over those that chains have settled at.
const SETTLED: usize = 7;

/// What chains have learned, each by itself.
pub(crate) struct Learned {
    /// Random walks alone.
    pub kernel: Kernel,
    /// Of the points that chains have settled at the one nearest to their mean (the mean itself may be far from all of them,
    /// where the density lies along a bow), then some from all over them.
    pub settled: Vec<Vec<f64>>,
    pub evaluations: u64,
}

/// Lets every chain learn by itself. An estimate is drawn anew for every comparison, so that a lucky one does not hold a
/// chain (Monte Carlo within Metropolis: O'Neill et al. 2000, Appl. Stat. 49:517): not quite the posterior, but
/// good for learning.
pub(crate) fn learn_apart(
    states: &mut [State],
    density: Density,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
) -> Learned {
    let dimension = states.first().map_or(0, |state| state.point.len());
    let steps = LEARNING * dimension.max(3);
    let draws: Draws = states
        .par_iter_mut()
        .enumerate()
        .map(|(chain, state)| learn(state, steps, density, log_density, key.child(chain as u64)))
        .collect();
    let settled = || draws.iter().flat_map(|chain| &chain[steps / 2..]);
    let kernel = Kernel::fit(settled(), walk(dimension), false);
    let from_mean = |state: &State| mahalanobis::square(&state.point, &kernel.mean, &kernel.lower);
    let central = settled().min_by(|a, b| from_mean(a).total_cmp(&from_mean(b)));
    let apart = (states.len() * (steps - steps / 2)).div_ceil(SETTLED);
    let points = central.into_iter().chain(settled().skip(apart / 2).step_by(apart));
    let settled = points.map(|state| state.point.clone()).collect();
    let each = if density == Density::Estimated { 2 } else { 1 };
    let evaluations = (each * states.len() * steps) as u64;
    Learned { kernel, settled, evaluations }
}

/// Lets chains learn together from where they are: a random walk mixed with independent draws. The walk's scale is tuned by
/// its acceptance where the density is known; noise lowers the acceptance, but hardly the best scale (Sherlock et al. 2015,
/// Ann. Stat. 43:238).
pub(crate) fn learn_together(
    mut kernel: Kernel,
    states: &mut [State],
    density: Density,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
) -> (Kernel, u64) {
    let dimension = states.first().map_or(0, |state| state.point.len());
    let mut evaluations = 0;
    for (round, steps) in WARM_UP.into_iter().enumerate() {
        let steps = steps * dimension.max(3);
        let (draws, tally) = kernel.run(states, steps, log_density, key.child(round as u64));
        evaluations += tally.proposals;
        let walk = if density == Density::Known { kernel.tuned(&tally) } else { walk(dimension) };
        kernel = Kernel::fit(draws.iter().flat_map(|chain| &chain[steps / 3..]), walk, true);
    }
    (kernel, evaluations)
}

/// The scale of a random walk that is best for a normal law (Roberts & Rosenthal 2001, Stat. Sci. 16:351).
fn walk(dimension: usize) -> f64 {
    2.38 / (dimension as f64).sqrt()
}

/// Robust adaptive Metropolis (Vihola 2012, Stat. Comput. 22:997): after each step the random walk is stretched along it, or
/// shortened, by how likely it was accepted. The walk finds the density's scale and shape even where it hardly ever moves
/// at first.
fn learn(
    state: &mut State,
    steps: usize,
    density: Density,
    log_density: &impl Fn(&[f64], Key) -> f64,
    key: Key,
) -> Vec<State> {
    let mut stream = key.stream();
    let dimension = state.point.len();
    let mut lower = DMatrix::<f64>::identity(dimension, dimension) * (1.0 / (dimension as f64).sqrt());
    let mut draws = Vec::with_capacity(steps);
    for step in 0..steps {
        let key = key.child(step as u64);
        if density == Density::Estimated {
            state.value = log_density(&state.point, key.child(1));
        }
        let along = DVector::from_fn(dimension, |_, _| StandardNormal.sample(&mut stream));
        let moved = &lower * &along;
        let point: Vec<f64> = state.point.iter().zip(moved.iter()).map(|(x, step)| x + step).collect();
        let value = log_density(&point, key.child(0));
        let ratio = if value > f64::NEG_INFINITY { value - state.value } else { f64::NEG_INFINITY };
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
