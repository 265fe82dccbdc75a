//! Replicated data sets: what would have been measured, had the posterior's parameters been the true ones.
//!
//! Held against the data set that was measured, they show what the model cannot do (Rubin 1984, Ann. Stat. 12:1151;
//! Gelman, Meng & Stern 1996, Stat. Sinica 6:733).

use metacascade_engine::Method;
use metacascade_inference::Posterior;
use metacascade_random::Key;
use rayon::prelude::*;

use crate::{dataset::DataSets, observe::survival_start, problem::Problem, simulator::resolve, survival::Curves};

/// Data sets that are enough for bands of 95 % of what is computed from a whole one.
const DATA_SETS: usize = 400;

/// Values that are kept of all data sets together, and the fewest data sets all the same.
const VALUES: usize = 8_000_000;
const FEWEST: usize = 10;

/// The child of a key that names the streams of data sets; the first two are those of [`crate::predictive()`].
const SETS: u64 = 2;

/// Data sets simulated from the posterior, each of the size of the one measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replicates {
    /// Number of each data set's draw, from 0; those that could not be simulated are missing.
    pub draws: Vec<usize>,
    /// For each data set, a value for each measurement as it was measured (counts as counted), series after series.
    pub measurements: Vec<Vec<f64>>,
    /// For each data set, what was seen of each row of the survival tables.
    pub survival: Vec<Vec<Seen>>,
}

/// What a simulated data set says of one subject's time to an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it happened, or until when the subject was followed without it.
    pub time: f64,
    /// Whether it was seen to happen.
    pub event: bool,
    /// When it happens, followed or not; infinite if it does not within the longest follow-up of any subject.
    pub event_time: f64,
}

/// How many data sets are simulated to check a fit: 400, or fewer of a large problem, so that they have some eight million
/// values together; 10 at least.
#[must_use]
pub fn replicated_sets(problem: &Problem) -> usize {
    let values = problem.measurement_count() + 3 * problem.survival().len();
    DATA_SETS.min(VALUES / values.max(1)).max(FEWEST)
}

/// For each data set of [`replicates()`] under a key, the position of its parameter vector in the posterior.
#[must_use]
pub fn replicated_particles(posterior: &Posterior, sets: usize, key: Key) -> Vec<usize> {
    posterior.resample(sets, key.child(SETS).child(0))
}

/// Simulates up to `sets` data sets, each under a parameter vector of the posterior; parameter vectors are drawn as for
/// [`crate::predictive()`].
///
/// Subjects are followed as [`crate::ProblemSimulator::data`] says, except that their trajectories go on for as long as
/// any subject was followed. Streams are keyed by draw, group and subject.
#[must_use]
pub fn replicates(problem: &Problem, method: &Method, posterior: &Posterior, sets: usize, key: Key) -> Replicates {
    let chosen = replicated_particles(posterior, sets, key);
    let key = key.child(SETS);
    let simulator = DataSets::new(problem, resolve(problem, method).0, Curves::new(problem).until_the_last(problem));
    let (measured, behind) = (problem.measurement_count(), survival_start(problem));
    let found: Vec<Option<(Vec<f64>, Vec<Seen>)>> = chosen
        .par_iter()
        .enumerate()
        .map_init(
            || simulator.workspace(),
            |workspace, (draw, &particle)| {
                let key = key.child(1).child(draw as u64);
                let set = simulator.simulate(workspace, &posterior.draws[particle], key).ok()?;
                let seen = set.data[behind..].chunks_exact(2).zip(&set.event_times);
                let seen = seen.map(|(pair, &event_time)| Seen { time: pair[0], event: pair[1] > 0.5, event_time });
                Some((set.data[..measured].to_vec(), seen.collect()))
            },
        )
        .collect();
    let mut all = Replicates::default();
    for (draw, found) in found.into_iter().enumerate() {
        let Some((measurements, survival)) = found else { continue };
        all.draws.push(draw);
        all.measurements.push(measurements);
        all.survival.push(survival);
    }
    all
}
