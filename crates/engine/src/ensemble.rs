//! Many trajectories at once, on all threads, with the same numbers whatever their count.

use std::ops::{ControlFlow, Range};

use metacascade_random::Key;
use rayon::prelude::*;

use crate::lesions::Lesion;
use crate::methods::{Job, LinearNoise, Lockstep, MeanCovariance, Method};
use crate::network::Network;
use crate::simulator::{SimulationError, Simulator, Stats};
use crate::state::Recorder;

/// Trajectories that one task runs; a constant, so that sums are taken in the same order on any number of threads.
const CHUNK: usize = 64;

/// The same for trajectories in lockstep: several times the number of lanes, of which some idle at the end.
const LOCKSTEP_CHUNK: usize = 256;

/// A set of trajectories of one network under the same parameters.
///
/// ```
/// use metacascade_engine::{Ensemble, Method, Network};
/// use metacascade_random::Key;
///
/// let network = Network::builder("decay").species("X", "100").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let parameters = network.default_parameters();
/// let times = [0.0, 5.0, 10.0];
/// let ensemble = Ensemble { network: &network, method: Method::Direct, parameters: &parameters, initial: &[], times: &times, trajectories: 2000, key: Key::new(1) };
/// let (summary, stats) = ensemble.summary()?;
/// assert!((summary.mean[2][0] - 100.0 * (-1.0_f64).exp()).abs() < 0.5); // standard error 0.11
/// # assert!(stats.events > 100_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ensemble<'a> {
    /// The network.
    pub network: &'a Network,
    /// How each trajectory is simulated.
    pub method: Method,
    /// One value for each parameter of the network.
    pub parameters: &'a [f64],
    /// Initial counts that replace the model's: (index of the species, count).
    pub initial: &'a [(usize, f64)],
    /// Recording times, ascending, none negative.
    pub times: &'a [f64],
    /// How many trajectories.
    pub trajectories: usize,
    /// Root of the random streams; trajectory i uses `key.child(i)`.
    pub key: Key,
}

/// Mean and standard deviation of every species and assignment rule at every time.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Names, in the order of the columns.
    pub names: Vec<String>,
    /// `mean[time][column]`.
    pub mean: Vec<Vec<f64>>,
    /// `sd[time][column]`, with n − 1 in the denominator; 0 for a single trajectory. By [`Method::Moments`], that of the
    /// linear-noise approximation.
    pub sd: Vec<Vec<f64>>,
}

/// A lesion of one of many trajectories, at a recording time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LesionAt<'n> {
    /// Index of the trajectory.
    pub trajectory: usize,
    /// The recording time.
    pub time: f64,
    /// The lesion then.
    pub lesion: Lesion<'n>,
}

/// Takes down the lesions of a trajectory.
struct LesionList<'a> {
    trajectory: usize,
    times: &'a [f64],
    network: &'a Network,
    lesions: Vec<LesionAt<'a>>,
}

impl Recorder for LesionList<'_> {
    fn record(&mut self, _index: usize, _values: &[f64]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn lesions(&mut self, index: usize, lesions: &mut dyn Iterator<Item = Lesion<'_>>) {
        let (trajectory, time) = (self.trajectory, self.times[index]);
        let names = self.network;
        self.lesions.extend(lesions.map(|lesion| {
            let kind = names.lesion_kinds().find(|kind| *kind == lesion.kind).unwrap_or_default();
            LesionAt { trajectory, time, lesion: Lesion { kind, ..lesion } }
        }));
    }
}

impl Ensemble<'_> {
    /// Names of what is recorded: species, then assignment rules.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let species = self.network.species().iter().map(|species| species.name.clone());
        species.chain(self.network.rules().iter().map(|rule| rule.name.clone())).collect()
    }

    /// All trajectories: for each, the recorded values, time by time, one column after the other.
    ///
    /// # Errors
    /// Why the first of the failed trajectories could not be finished.
    pub fn trajectories(&self) -> Result<(Vec<Vec<f64>>, Stats), SimulationError> {
        let chunks = self.chunks(|values: &mut Vec<Vec<f64>>, index, recorded: &[f64]| {
            if index == 0 {
                values.push(Vec::with_capacity(self.times.len() * recorded.len()));
            }
            if let Some(last) = values.last_mut() {
                last.extend_from_slice(recorded);
            }
        })?;
        let stats = chunks.iter().map(|(_, stats)| *stats).sum();
        Ok((chunks.into_iter().flat_map(|(values, _)| values).collect(), stats))
    }

    /// All lesions at all times, trajectory by trajectory, time by time, kind by kind; none of a network without lesions.
    ///
    /// The trajectories are those of [`Ensemble::trajectories`], made again.
    ///
    /// # Errors
    /// Why the first of the failed trajectories could not be finished.
    pub fn lesions(&self) -> Result<Vec<LesionAt<'_>>, SimulationError> {
        let run = |trajectory: usize| {
            let mut list = LesionList { trajectory, times: self.times, network: self.network, lesions: Vec::new() };
            let key = self.key.child(trajectory as u64);
            let mut simulator = Simulator::new(self.network, &self.method);
            simulator.run_from(self.parameters, self.initial, self.times, key, &mut list)?;
            Ok(list.lesions)
        };
        let all: Result<Vec<_>, _> = (0..self.trajectories).into_par_iter().map(run).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// Mean and standard deviation without keeping the trajectories; by [`Method::Moments`], without making any.
    ///
    /// # Errors
    /// Why the first of the failed trajectories could not be finished.
    pub fn summary(&self) -> Result<(Summary, Stats), SimulationError> {
        let names = self.names();
        if self.method == Method::Moments {
            let &Self { network, parameters, initial, times, .. } = self;
            let (moments, stats) = LinearNoise { network, parameters, initial, times }.moments()?;
            let sd = moments.iter().map(MeanCovariance::sd).collect();
            let mean = moments.into_iter().map(|at| at.mean).collect();
            return Ok((Summary { names, mean, sd }, stats));
        }
        let columns = names.len();
        let chunks = self.chunks(|moments: &mut Vec<Moments>, index, recorded: &[f64]| {
            moments.resize(self.times.len() * columns, Moments::default());
            for (moment, value) in moments[index * columns..].iter_mut().zip(recorded) {
                moment.add(*value);
            }
        })?;
        let stats = chunks.iter().map(|(_, stats)| *stats).sum();
        let mut all = vec![Moments::default(); self.times.len() * columns];
        for (moments, _) in &chunks {
            all.iter_mut().zip(moments).for_each(|(sum, part)| sum.merge(part));
        }
        let table = |value: fn(&Moments) -> f64| -> Vec<Vec<f64>> {
            all.chunks(columns.max(1)).map(|row| row.iter().map(value).collect()).collect()
        };
        Ok((Summary { names, mean: table(|moments| moments.mean), sd: table(Moments::sd) }, stats))
    }

    /// Runs all trajectories in chunks; each chunk folds what it records into a value of its own.
    fn chunks<T: Default + Send>(
        &self,
        record: impl Fn(&mut T, usize, &[f64]) + Sync,
    ) -> Result<Vec<(T, Stats)>, SimulationError> {
        let slots = self.names().iter().filter_map(|name| self.network.slot(name)).collect::<Vec<_>>();
        let most = if self.method == Method::Ensemble { LOCKSTEP_CHUNK } else { CHUNK };
        let chunks = self.trajectories.div_ceil(most);
        let run = |chunk: usize| {
            let mut value = T::default();
            // Of even sizes.
            let jobs = chunk * self.trajectories / chunks..(chunk + 1) * self.trajectories / chunks;
            let stats = match self.method {
                Method::Ensemble => self.lockstep(jobs, &slots, |index, values| record(&mut value, index, values)),
                _ => self.one_by_one(jobs, &slots, |index, values| record(&mut value, index, values)),
            }?;
            Ok((value, stats))
        };
        (0..chunks).into_par_iter().map(run).collect()
    }

    fn one_by_one(
        &self,
        jobs: Range<usize>,
        slots: &[usize],
        mut record: impl FnMut(usize, &[f64]),
    ) -> Result<Stats, SimulationError> {
        let mut simulator = Simulator::new(self.network, &self.method);
        let mut stats = Vec::new();
        let mut recorded = vec![0.0; slots.len()];
        for index in jobs {
            let mut see = |time_index: usize, values: &[f64]| {
                recorded.iter_mut().zip(slots).for_each(|(recorded, &slot)| *recorded = values[slot]);
                record(time_index, &recorded);
                ControlFlow::Continue(())
            };
            let key = self.key.child(index as u64);
            stats.push(simulator.run_from(self.parameters, self.initial, self.times, key, &mut see)?);
        }
        Ok(stats.into_iter().sum())
    }

    /// Trajectories in lockstep come out mixed: they are kept, and shown one after the other.
    fn lockstep(
        &self,
        jobs: Range<usize>,
        slots: &[usize],
        mut record: impl FnMut(usize, &[f64]),
    ) -> Result<Stats, SimulationError> {
        let &Self { network, parameters, initial, times, key, .. } = self;
        let jobs: Vec<_> =
            jobs.map(|index| Job { parameters, initial, times, subject: key.child(index as u64).into() }).collect();
        let (width, columns) = (times.len(), slots.len());
        let mut kept = vec![0.0; jobs.len() * width * columns];
        let results = Lockstep::new(network).run(&jobs, &mut |job: usize, time: usize, values: &[f64]| {
            let place = (job * width + time) * columns;
            kept[place..place + columns].iter_mut().zip(slots).for_each(|(kept, &slot)| *kept = values[slot]);
            ControlFlow::Continue(())
        });
        let mut stats = Vec::new();
        for (job, result) in results.into_iter().enumerate() {
            stats.push(result?);
            for time in 0..width {
                let place = (job * width + time) * columns;
                record(time, &kept[place..place + columns]);
            }
        }
        Ok(stats.into_iter().sum())
    }
}

/// Count, mean and sum of squared deviations (Welford 1962; merged after Chan, Golub & LeVeque 1979).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn merge(&mut self, other: &Moments) {
        if other.count > 0.0 {
            let count = self.count + other.count;
            let delta = other.mean - self.mean;
            self.mean += delta * other.count / count;
            self.squares += other.squares + delta * delta * self.count * other.count / count;
            self.count = count;
        }
    }

    fn sd(&self) -> f64 {
        if self.count > 1.0 { (self.squares / (self.count - 1.0)).max(0.0).sqrt() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_change_nothing_and_the_summary_is_that_of_the_trajectories() {
        let network = Network::builder("bd")
            .species("X", "20")
            .rule("twice", "2*X")
            .reaction("X -> 2 X", "0.5*X")
            .reaction("X ->", "0.4*X")
            .build()
            .unwrap();
        let ensemble = Ensemble {
            network: &network,
            method: Method::Direct,
            parameters: &[],
            initial: &[],
            times: &[0.0, 1.0, 2.0],
            trajectories: 500,
            key: Key::new(3),
        };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (ensemble.summary().unwrap(), ensemble.trajectories().unwrap()))
        };
        let one = on(1);
        assert_eq!(one, on(2));
        let ((summary, stats), (trajectories, same)) = one;
        assert_eq!((stats, trajectories.len()), (same, 500));
        let column = 2 * 2 + 1;
        let mean = trajectories.iter().map(|values| values[column]).sum::<f64>() / 500.0;
        let squares: f64 = trajectories.iter().map(|values| (values[column] - mean).powi(2)).sum();
        assert!((summary.mean[2][1] - mean).abs() < 1e-9);
        assert!((summary.sd[2][1] - (squares / 499.0).sqrt()).abs() < 1e-9);
        assert_eq!((summary.mean[0][0], summary.sd[0][0]), (20.0, 0.0));
    }
}
