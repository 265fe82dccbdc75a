//! Profiles whose maximum is the best that is known: where they meet a better one, it is adopted.

use super::{
    Counter, Error, Maximum, Objective, Optimiser, Optimum, Profile, Settings, Start, around, cma_es, maximise, profile,
};
use crate::{Likelihood, Observer, Progress, parameter::from_scores};
use metacascade_random::Key;

/// A maximum with its profiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiled {
    /// The maximum; evaluations are those of the profiles too.
    pub optimum: Optimum,
    /// The profile of each parameter.
    pub profiles: Vec<Profile>,
    /// The log-likelihoods of the maxima that profiles have left behind, from the first on.
    pub left: Vec<f64>,
    /// Whether the last profiles met nothing better.
    pub settled: bool,
}

/// A gain of the log-likelihood that is worth starting over: it moves an end of a 95 % interval by a 40th of a standard
/// deviation.
const GAIN: f64 = 0.05;

/// Times that profiles may start over.
const ROUNDS: usize = 8;

/// The profiles around a maximum. Where one of them meets a point of higher likelihood, the search goes on from there, and the
/// profiles begin again around what it finds, until they meet nothing better, eight times at most.
///
/// # Errors
/// If an optimiser refuses, or the observer ends it.
pub fn profiled(
    likelihood: &impl Likelihood,
    settings: &Settings,
    mut optimum: Optimum,
    observer: &mut impl Observer,
) -> Result<Profiled, Error> {
    let parameters = likelihood.parameters();
    let counter = Counter::from(&optimum);
    let value = |scores: &[f64]| counter.count(likelihood.log_likelihood(&from_scores(parameters, scores)));
    let mut left = Vec::new();
    loop {
        let (profiles, higher) = profile::around(parameters, &value, &optimum)?;
        let better = higher.filter(|point| point.value > optimum.log_likelihood + GAIN);
        let settled = better.is_none();
        let adopted = better.filter(|_| left.len() < ROUNDS && !observer.cancelled());
        let Some(point) = adopted else {
            (optimum.evaluations, optimum.failures) = (counter.evaluations(), counter.failures());
            return Ok(Profiled { optimum, profiles, left, settled });
        };
        let key = Key::new(settings.seed).child(3).child(left.len() as u64);
        let found = climb(&value, &point, settings, key)?;
        left.push(optimum.log_likelihood);
        let start = Start { parameters: from_scores(parameters, &found.point), log_likelihood: found.value };
        let starts = [vec![start], optimum.starts].concat();
        optimum = around(parameters, &value, starts, settings, &counter, false)?;
        let (evaluations, log_likelihood) = (counter.evaluations(), optimum.log_likelihood);
        let done = optimum.starts.len();
        observer.progress(&Progress::Starts { done, target: done, evaluations, log_likelihood });
    }
}

/// Goes on from a point of a profile, which is not lost if it leads nowhere.
fn climb(value: &(impl Objective + Sync), point: &Maximum, settings: &Settings, key: Key) -> Result<Maximum, Error> {
    let found = match settings.optimiser {
        Optimiser::Gradient => maximise(value, &point.point, settings.max_iterations)?,
        Optimiser::CmaEs => cma_es::maximise(value, &point.point, settings.max_iterations, key),
    };
    Ok(if found.value > point.value { found } else { point.clone() })
}
