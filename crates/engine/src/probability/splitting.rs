//! The levels and the estimate.

use metacascade_random::Key;
use metacascade_random::rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

use super::question::{Entry, Question, Start, Walker};
use super::{Estimate, ProbabilityError, RareEvent};
use crate::simulator::Stats;

/// Share of the pilot's trajectories that a level lets pass; the work for a given error is least near e⁻² ≈ 0.14 in
/// theory, where it is flat, and counts that are whole numbers make shares smaller than asked for (L'Ecuyer et al. 2007,
/// section 3.2).
const SHARE: f64 = 0.2;

/// Trajectories of the pilot in each stage, and those where few come nearer.
const PILOT: usize = 1000;
const LARGEST_PILOT: usize = 100_000;

/// Trajectories of the pilot that should come nearer, so that others will too.
const FEW: usize = 10;

/// Most levels.
const LEVELS: usize = 1000;

/// Replicates to begin with, and the largest variance, relative to the squared mean, that one is planned to have. The
/// spread of few is often too small, and stops the run. With these numbers 5.4 % of 2000 intervals missed for a linear
/// colony (2.4e-4), and 5.3 % of 1000 for one behind a barrier (1.3e-11).
const REPLICATES: usize = 30;
const VARIANCE: f64 = 0.2;

/// Fewest trajectories in each stage of a replicate.
const FEWEST: usize = 100;

/// Trajectories that a task runs at least.
const CHUNK: usize = 64;

/// One trajectory of a stage: the highest level it had, and where it was if that was the target or more.
struct Walk {
    highest: f64,
    entry: Option<Entry>,
    events: u64,
}

/// One independent estimate.
struct Replicate {
    estimate: f64,
    /// Trajectories that passed, of each stage that was begun.
    passed: Vec<usize>,
    events: u64,
}

/// What the pilot run found.
struct Pilot {
    levels: Vec<f64>,
    shares: Vec<f64>,
    events: u64,
    /// Events of a replicate with one trajectory a stage.
    cost: f64,
}

pub(super) fn estimate(asked: &RareEvent) -> Result<Estimate, ProbabilityError> {
    let question = Question::new(asked)?;
    match question.start() {
        Start::Met => return Ok(certain(question.name)),
        Start::Over => return Err(ProbabilityError::Over),
        Start::Open => {}
    }
    let pilot = pilot(&question, asked.maximum_events, asked.key.child(0))?;
    // Relative to the squared mean, of one trajectory a stage, if stages were independent (Garvels 2000, section 2.4).
    let variance = pilot.shares.iter().map(|share| (1.0 - share) / share).sum::<f64>();
    let planned = VARIANCE.min(REPLICATES as f64 * asked.relative_error.powi(2));
    let left = |events: u64| asked.maximum_events.saturating_sub(events) as f64;
    let affordable = left(pilot.events) / (REPLICATES as f64 * pilot.cost.max(1.0));
    let size = ((variance / planned).ceil().min(affordable) as usize).max(FEWEST);

    let mut replicates: Vec<Replicate> = Vec::new();
    let mut more = REPLICATES;
    loop {
        let indices = replicates.len()..replicates.len() + more;
        let run = |index: usize| replicate(&question, &pilot.levels, size, asked.key.child(1).child(index as u64));
        replicates.extend(indices.into_par_iter().map(run).collect::<Result<Vec<_>, _>>()?);
        let count = replicates.len();
        let (mean, error) = mean_and_error(&replicates);
        let taken: u64 = replicates.iter().map(|replicate| replicate.events).sum();
        let events = pilot.events + taken;
        let precise = mean > 0.0 && error <= asked.relative_error * mean;
        // As many as the present spread asks for, but not all at once: it is not well known.
        let factor = if mean > 0.0 { 1.1 * (error / mean / asked.relative_error).powi(2) } else { 2.0 };
        let wanted = (count as f64 * (factor.min(4.0) - 1.0)).max(5.0);
        more = wanted.min(left(events) / (taken as f64 / count as f64).max(1.0)) as usize;
        if precise || more == 0 {
            return summary(&question, pilot, size, &replicates, events, precise);
        }
    }
}

/// The estimate for an event that is met at the start.
fn certain(level: String) -> Estimate {
    Estimate {
        probability: 1.0,
        standard_error: 0.0,
        interval: (1.0, 1.0),
        precise: true,
        level,
        levels: Vec::new(),
        shares: vec![1.0],
        replicates: 0,
        trajectories: 0,
        events: 0,
    }
}

/// Simulates a stage: trajectories from the entries until they are at `target`. Entries are taken by systematic
/// resampling, each as often as any other on average, which is all that an unbiased product needs.
fn stage(
    question: &Question,
    entries: &[Entry],
    size: usize,
    target: f64,
    key: Key,
) -> Result<Vec<Walk>, ProbabilityError> {
    let shift: f64 = key.child(u64::MAX).stream().random();
    let run = |walker: &mut Walker, index: usize| {
        let place = (index as f64 + shift) * entries.len() as f64 / size as f64;
        let from = &entries[(place as usize).min(entries.len() - 1)];
        let mut stats = Stats::default();
        let highest = walker.walk(from, target, key.child(index as u64), &mut stats)?;
        Ok(Walk { highest, entry: (highest >= target).then(|| walker.entry()), events: stats.events })
    };
    (0..size).into_par_iter().with_min_len(CHUNK).map_init(|| question.walker(), run).collect()
}

/// Finds levels that about [`SHARE`] of trajectories pass.
fn pilot(question: &Question, maximum_events: u64, key: Key) -> Result<Pilot, ProbabilityError> {
    let mut entries = vec![question.entry()];
    let mut pilot = Pilot { levels: Vec::new(), shares: Vec::new(), events: 0, cost: 0.0 };
    let mut highest = question.lowest();
    loop {
        let key = key.child(pilot.levels.len() as u64);
        let mut size = PILOT;
        let (next, passed) = loop {
            let walks = stage(question, &entries, size, f64::INFINITY, key.child(size as u64))?;
            let taken = walks.iter().map(|walk| walk.events).sum::<u64>();
            pilot.events += taken;
            let mut reached: Vec<f64> = walks.iter().map(|walk| walk.highest).collect();
            reached.sort_unstable_by(|a, b| b.total_cmp(a));
            let nearer = reached.partition_point(|level| *level > highest);
            let more = size < LARGEST_PILOT && pilot.events + 10 * taken < maximum_events / 2;
            if nearer < FEW && more {
                size *= 10;
            } else if nearer == 0 || pilot.events > maximum_events / 2 || pilot.levels.len() == LEVELS {
                let before: f64 = pilot.shares.iter().product();
                let bound = before * (nearer.max(3) as f64 / size as f64);
                let (level, events) = (question.name.clone(), pilot.events);
                return Err(ProbabilityError::NotMet { bound, level, highest, events });
            } else {
                // The quantile, or the next value there is.
                let next = reached[((SHARE * size as f64) as usize).min(nearer) - 1];
                break (next, reached.partition_point(|level| *level >= next));
            }
        };
        pilot.shares.push(passed as f64 / size as f64);
        // The same trajectories, stopped there.
        let walks = stage(question, &entries, size, next, key.child(size as u64))?;
        let events = walks.iter().map(|walk| walk.events).sum::<u64>();
        pilot.events += events;
        pilot.cost += events as f64 / size as f64;
        if next == f64::INFINITY {
            return Ok(pilot);
        }
        entries = walks.into_iter().filter_map(|walk| walk.entry).collect();
        highest = next;
        pilot.levels.push(next);
    }
}

/// The product of the shares that passed each level, of `size` trajectories.
fn replicate(question: &Question, levels: &[f64], size: usize, key: Key) -> Result<Replicate, ProbabilityError> {
    let mut entries = vec![question.entry()];
    let mut replicate = Replicate { estimate: 1.0, passed: Vec::new(), events: 0 };
    for (index, &target) in levels.iter().chain(&[f64::INFINITY]).enumerate() {
        let walks = stage(question, &entries, size, target, key.child(index as u64))?;
        replicate.events += walks.iter().map(|walk| walk.events).sum::<u64>();
        entries = walks.into_iter().filter_map(|walk| walk.entry).collect();
        replicate.passed.push(entries.len());
        replicate.estimate *= entries.len() as f64 / size as f64;
        if entries.is_empty() {
            break;
        }
    }
    Ok(replicate)
}

fn mean_and_error(replicates: &[Replicate]) -> (f64, f64) {
    let count = replicates.len() as f64;
    let mean = replicates.iter().map(|replicate| replicate.estimate).sum::<f64>() / count;
    // Squares of small probabilities may vanish: deviations are taken relative to the mean.
    let deviation = |replicate: &Replicate| if mean > 0.0 { replicate.estimate / mean - 1.0 } else { 0.0 };
    let squares: f64 = replicates.iter().map(|replicate| deviation(replicate).powi(2)).sum();
    (mean, mean * (squares / (count * (count - 1.0))).sqrt())
}

fn summary(
    question: &Question,
    pilot: Pilot,
    size: usize,
    replicates: &[Replicate],
    events: u64,
    precise: bool,
) -> Result<Estimate, ProbabilityError> {
    let (probability, standard_error) = mean_and_error(replicates);
    let passed = |stage: usize| replicates.iter().filter_map(|one| one.passed.get(stage)).sum::<usize>() as f64;
    let begun = |stage: usize| replicates.iter().filter(|one| one.passed.len() > stage).count() as f64 * size as f64;
    let Pilot { levels, .. } = pilot;
    if probability == 0.0 {
        let last = (0..=levels.len()).find(|stage| passed(*stage) == 0.0).unwrap_or(levels.len());
        let before: f64 = (0..last).map(|stage| passed(stage) / begun(stage)).product();
        let highest = last.checked_sub(1).map_or(question.lowest(), |level| levels[level]);
        let bound = before * (3.0 / begun(last));
        return Err(ProbabilityError::NotMet { bound, level: question.name.clone(), highest, events });
    }
    let interval = match levels.is_empty() {
        true => clopper_pearson(passed(0), begun(0)),
        false => {
            let law = StudentsT::new(0.0, 1.0, replicates.len() as f64 - 1.0);
            let quantile = law.map_or(1.96, |law| law.inverse_cdf(0.975));
            let factor = (quantile * standard_error / probability).exp();
            (probability / factor, (probability * factor).min(1.0))
        }
    };
    let shares = (0..=levels.len()).map(|stage| passed(stage) / begun(stage)).collect();
    let (level, replicates) = (question.name.clone(), replicates.len());
    Ok(Estimate {
        probability,
        standard_error,
        interval,
        precise,
        level,
        levels,
        shares,
        replicates,
        trajectories: size,
        events,
    })
}

/// The 95 % interval for a share of which `hits` of `trials` were seen.
fn clopper_pearson(hits: f64, trials: f64) -> (f64, f64) {
    let quantile = |a: f64, b: f64, at: f64| Beta::new(a, b).map(|law| law.inverse_cdf(at)).ok();
    // Neither law is one where all or none hit, and the interval ends at 1 or 0.
    let low = quantile(hits, trials - hits + 1.0, 0.025).unwrap_or(0.0);
    let high = quantile(hits + 1.0, trials - hits, 0.975).unwrap_or(1.0);
    (low, high)
}
