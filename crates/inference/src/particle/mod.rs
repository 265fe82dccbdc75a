//! The likelihood of a process that is seen only in part, at times, by a particle filter.
//!
//! Particles are moved from one observation to the next by the process's own law, or by any other that its weights make good
//! for; they are weighed there, and multiplied by their weights where these have become uneven (Gordon, Salmond & Smith 1993,
//! IEE Proc. F 140:107; adaptive: Liu & Chen 1998, J. Am. Stat. Assoc. 93:1032). The product of the mean weights is right on
//! average (Del Moral 2004, Feynman-Kac Formulae, theorem 7.4.2). For reaction networks: Golightly & Wilkinson 2011,
//! Interface Focus 1:807.
//!
//! [`Filter`] is an [`Estimator`], so that [`crate::pseudo_marginal::run`] draws from the posterior.

use metacascade_random::Key;
use rand::RngExt;
use rayon::prelude::*;

use crate::{Failure, Parameter, posterior::systematic, pseudo_marginal::Estimator};

/// A Markov process of which independent series are observed, each at times of its own.
pub trait Process: Sync {
    /// What a particle must remember for its future.
    type Particle: Clone + Send;
    /// What particles of one series are moved in, under one set of parameters.
    type Workspace: Send;

    /// The parameters to be estimated.
    fn parameters(&self) -> &[Parameter];

    /// How many observations each series has.
    fn observations(&self) -> Vec<usize>;

    /// A workspace for a series under parameters on the natural scale.
    ///
    /// # Errors
    /// Why these parameters cannot be simulated.
    fn workspace(&self, series: usize, parameters: &[f64]) -> Result<Self::Workspace, Failure>;

    /// A particle at the beginning.
    ///
    /// # Errors
    /// Why there is none. It weighs nothing then.
    fn start(&self, workspace: &mut Self::Workspace, key: Key) -> Result<Self::Particle, Failure>;

    /// Moves a particle from the observation before, or the beginning, to this one, and gives the logarithm of its weight:
    /// how likely it makes what was observed there, times how much more likely its path is under the process than under
    /// the law that moved it.
    ///
    /// All that matters is that for any function of the particle, weight times function has the right mean. What is known
    /// in closed form need not be simulated.
    ///
    /// # Errors
    /// Why the particle could not be moved. It weighs nothing then.
    fn advance(
        &self,
        workspace: &mut Self::Workspace,
        observation: usize,
        particle: &mut Self::Particle,
        key: Key,
    ) -> Result<f64, Failure>;
}

/// The particle filter of a process. Its effort is the number of particles of each series.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'p, P>(pub &'p P);

/// Particles that are moved by one thread.
const CHUNK: usize = 64;

impl<P: Process> Estimator for Filter<'_, P> {
    fn parameters(&self) -> &[Parameter] {
        self.0.parameters()
    }

    /// Fails where not one particle is left, and some could not be simulated.
    fn log_likelihood(&self, parameters: &[f64], particles: usize, key: Key) -> Result<f64, Failure> {
        let observations = self.0.observations();
        let of_series = |(series, &observations): (usize, &usize)| {
            let mut cloud = Cloud::start(self.0, series, parameters, particles, key.child(series as u64))?;
            for observation in 0..observations {
                cloud.advance(observation, observation + 1 == observations)?;
                if cloud.log_likelihood == f64::NEG_INFINITY {
                    break;
                }
            }
            Ok(cloud.log_likelihood)
        };
        let found: Vec<Result<f64, Failure>> = observations.par_iter().enumerate().map(of_series).collect();
        found.into_iter().sum()
    }
}

/// The particles of one series.
struct Cloud<'p, P: Process> {
    process: &'p P,
    /// One for each chunk of particles.
    workspaces: Vec<P::Workspace>,
    /// None has failed, and weighs nothing.
    particles: Vec<Option<P::Particle>>,
    /// Logarithms of the weights, which sum to 1.
    log_weights: Vec<f64>,
    log_likelihood: f64,
    /// Of the series.
    key: Key,
}

impl<'p, P: Process> Cloud<'p, P> {
    fn start(process: &'p P, series: usize, parameters: &[f64], count: usize, key: Key) -> Result<Self, Failure> {
        let workspaces = (0..count.div_ceil(CHUNK)).map(|_| process.workspace(series, parameters));
        let mut cloud = Self {
            process,
            workspaces: workspaces.collect::<Result<_, _>>()?,
            particles: vec![None; count],
            log_weights: vec![-(count as f64).ln(); count],
            log_likelihood: 0.0,
            key: key.child(0),
        };
        let begin = key.child(1);
        cloud.each(|workspace, particle, log_weight, index| {
            *particle =
                Some(process.start(workspace, begin.child(index)).inspect_err(|_| *log_weight = f64::NEG_INFINITY)?);
            Ok(())
        })?;
        Ok(cloud)
    }

    /// Does something to each particle that is left, given its place; fails if it does for all that are left, as the first.
    fn each(
        &mut self,
        act: impl Fn(&mut P::Workspace, &mut Option<P::Particle>, &mut f64, u64) -> Result<(), Failure> + Sync,
    ) -> Result<(), Failure> {
        let chunks = self
            .particles
            .par_chunks_mut(CHUNK)
            .zip(self.log_weights.par_chunks_mut(CHUNK))
            .zip(&mut self.workspaces)
            .enumerate();
        let failed = chunks.map(|(chunk, ((particles, log_weights), workspace))| {
            let mut first = None;
            for (index, (particle, log_weight)) in particles.iter_mut().zip(log_weights).enumerate() {
                if *log_weight == f64::NEG_INFINITY {
                    continue;
                }
                if let Err(failure) = act(workspace, particle, log_weight, (chunk * CHUNK + index) as u64) {
                    first.get_or_insert(failure);
                }
            }
            first
        });
        let failed: Vec<Option<Failure>> = failed.collect();
        match failed.into_iter().flatten().next() {
            Some(first) if self.log_weights.iter().all(|&weight| weight == f64::NEG_INFINITY) => Err(first),
            _ => Ok(()),
        }
    }

    /// Goes on to an observation.
    fn advance(&mut self, observation: usize, last: bool) -> Result<(), Failure> {
        let (process, key) = (self.process, self.key.child(observation as u64));
        self.each(|workspace, particle, log_weight, index| {
            let Some(alive) = particle else { return Ok(()) };
            match process.advance(workspace, observation, alive, key.child(index)) {
                Ok(weight) if weight.is_finite() => *log_weight += weight,
                Ok(_) => *log_weight = f64::NEG_INFINITY,
                Err(failure) => {
                    *log_weight = f64::NEG_INFINITY;
                    return Err(failure);
                }
            }
            Ok(())
        })?;
        let highest = self.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            self.log_likelihood = highest;
            return Ok(());
        }
        let mut weights: Vec<f64> = self.log_weights.iter().map(|weight| (weight - highest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mean = highest + total.ln();
        self.log_likelihood += mean;
        weights.iter_mut().for_each(|weight| *weight /= total);
        let count = weights.len();
        let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        if last || effective >= 0.5 * count as f64 {
            self.log_weights.iter_mut().for_each(|weight| *weight -= mean);
            return Ok(());
        }
        // Particles have the lower children of the key.
        let offset = key.child(u64::MAX).stream().random();
        let chosen = systematic(&weights, count, offset);
        self.particles = chosen.into_iter().map(|index| self.particles[index].clone()).collect();
        self.log_weights.fill(-(count as f64).ln());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
