//! The ensemble method: many trajectories in lockstep. Each is simulated by Gillespie's direct method in its full form
//! (Gillespie 1977, J Phys Chem 81:2340, section III: all propensities anew for every event), which is what wide
//! processor instructions are good at: one of them serves as many trajectories as it is wide.
//!
//! A lane holds one trajectory, with parameters of its own. When it ends, the next of the queue takes its place, so that
//! lanes do not wait for each other. A trajectory depends on its key alone: which lane it was in, how many there are and
//! what instructions they are made of change no bit of it.

mod block;
mod paths;

use std::ops::ControlFlow;

use block::{Block, Pause};
use paths::Path;

use crate::agenda::{Agenda, Change};
use crate::network::Network;
use crate::simulator::{SimulationError, Stats};
use crate::state::State;
use crate::subject::Subject;

/// A trajectory to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// One value for each parameter of the network.
    pub parameters: &'a [f64],
    /// Initial counts that replace the model's: (index of the species, count).
    pub initial: &'a [(usize, f64)],
    /// Recording times, ascending, none negative.
    pub times: &'a [f64],
    /// Whose trajectory it is, and with it the random streams.
    pub subject: Subject,
}

/// Simulates many trajectories at a time, with the widest instructions the processor has.
///
/// ```
/// use std::ops::ControlFlow;
/// use metacascade_engine::{Job, Lockstep, Network};
/// ///
/// let network = Network::builder("decay").species("X", "1000").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// // Two proposals of the parameter, a hundred trajectories each.
/// let proposals = [[0.1], [0.2]];
/// let job = |index: usize| Job { parameters: &proposals[index / 100], initial: &[], times: &[10.0], subject: Key::new(1).child(index as u64).into() };
/// let jobs: Vec<Job> = (0..200).map(job).collect();
/// let mut mean = [0.0; 2];
/// let results = Lockstep::new(&network).run(&jobs, &mut |job: usize, _time: usize, values: &[f64]| {
///     mean[job / 100] += values[1] / 100.0;
///     ControlFlow::Continue(())
/// });
/// assert!(results.iter().all(Result::is_ok));
/// assert!((mean[0] - 367.9).abs() < 6.0 && (mean[1] - 135.3).abs() < 5.0); // standard errors 1.5 and 1.1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lockstep<'n>(Width<'n>);

/// How many lanes: enough for the instructions to overlap, few enough for the nearest cache.
enum Width<'n> {
    Eight(Box<Runner<'n, 8>>),
    Sixteen(Box<Runner<'n, 16>>),
    ThirtyTwo(Box<Runner<'n, 32>>),
}

impl<'n> Lockstep<'n> {
    /// A workspace for a network.
    #[must_use]
    pub fn new(network: &'n Network) -> Self {
        let path = Path::available()[0];
        Self(match path {
            Path::Baseline => Width::Eight(Box::new(Runner::new(network, path))),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => Width::Sixteen(Box::new(Runner::new(network, path))),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => Width::ThirtyTwo(Box::new(Runner::new(network, path))),
        })
    }

    /// Simulates all jobs. `recorder` is shown (index of the job, index of the time, values of all symbols) at each of
    /// the job's times, in order for each job but with jobs mixed; breaking ends that job's trajectory. The results are
    /// in the order of the jobs.
    ///
    /// # Panics
    /// If a job's `parameters` have the wrong length.
    pub fn run(
        &mut self,
        jobs: &[Job],
        recorder: &mut impl FnMut(usize, usize, &[f64]) -> ControlFlow<()>,
    ) -> Vec<Result<Stats, SimulationError>> {
        let mut record = |job: usize, time: usize, values: &[f64], _: &Agenda| recorder(job, time, values);
        match &mut self.0 {
            Width::Eight(runner) => runner.run(jobs, &mut record),
            Width::Sixteen(runner) => runner.run(jobs, &mut record),
            Width::ThirtyTwo(runner) => runner.run(jobs, &mut record),
        }
    }
}

/// Serves the lanes of a block: starts and ends trajectories, stops at recording times and events.
pub(crate) struct Runner<'n, const W: usize> {
    block: Block<'n, W>,
    path: Path,
    /// Where one lane's affairs are settled.
    state: State<'n>,
    lanes: Vec<Lane>,
    results: Vec<Result<Stats, SimulationError>>,
    next_job: usize,
}

/// What a lane has besides its values.
#[derive(Default)]
struct Lane {
    job: usize,
    /// Index of the next recording time.
    time: usize,
    agenda: Agenda,
    holds: Vec<bool>,
}

impl<'n> Runner<'n, 8> {
    /// For trajectories one at a time.
    pub fn single(network: &'n Network) -> Self {
        Self::new(network, Path::Baseline)
    }
}

impl<'n, const W: usize> Runner<'n, W> {
    fn new(network: &'n Network, path: Path) -> Self {
        let lane = || Lane { holds: vec![false; network.events.len()], ..Lane::default() };
        Self {
            block: Block::new(network),
            path,
            state: State::new(network),
            lanes: std::iter::repeat_with(lane).take(W).collect(),
            results: Vec::new(),
            next_job: 0,
        }
    }

    pub fn network(&self) -> &'n Network {
        self.state.network
    }

    pub fn run(
        &mut self,
        jobs: &[Job],
        recorder: &mut impl FnMut(usize, usize, &[f64], &Agenda) -> ControlFlow<()>,
    ) -> Vec<Result<Stats, SimulationError>> {
        self.next_job = 0;
        self.results = vec![Ok(Stats::default()); jobs.len()];
        for lane in 0..W {
            self.begin(lane, jobs);
        }
        let mut fire = 0;
        while self.block.active != 0 {
            let pause = self.path.run(&mut self.block, fire);
            fire = self.block.active;
            // Without a pause the steps of the lanes are to be counted.
            let mut left = if pause.any() == 0 { fire } else { pause.any() & fire };
            while left != 0 {
                let lane = left.trailing_zeros() as usize;
                left &= left - 1;
                if !self.serve(lane, pause, jobs, recorder) {
                    fire &= !(1 << lane);
                }
            }
        }
        std::mem::take(&mut self.results)
    }

    /// Gives a lane the next job that has something to simulate, or retires it.
    fn begin(&mut self, lane: usize, jobs: &[Job]) {
        while let Some(job) = jobs.get(self.next_job) {
            let index = self.next_job;
            self.next_job += 1;
            assert_eq!(job.parameters.len(), self.state.network.parameters.len(), "one value for each parameter");
            (self.lanes[lane].job, self.lanes[lane].time) = (index, 0);
            match self.start(lane, job) {
                Ok(()) if job.times.is_empty() => {}
                Ok(()) => {
                    self.block.seed(lane, job.subject.key.state());
                    self.block.events[lane] = 0;
                    self.block.active |= 1 << lane;
                    self.load(lane, job);
                    return;
                }
                Err(error) => self.results[index] = Err(error),
            }
        }
        self.block.retire(lane);
    }

    /// The state at time 0, in the workspace.
    fn start(&mut self, lane: usize, job: &Job) -> Result<(), SimulationError> {
        self.state.check_autonomous()?;
        self.state.initialise(job.parameters, job.initial, true, Some(job.subject))?;
        self.lanes[lane].agenda.start(&mut self.state, Some(job.subject.key));
        self.lanes[lane].agenda.settle(&mut self.state, true)?;
        std::mem::swap(&mut self.state.holds, &mut self.lanes[lane].holds);
        Ok(())
    }

    /// Puts the workspace into the lane.
    fn load(&mut self, lane: usize, job: &Job) {
        let record = job.times[self.lanes[lane].time];
        self.block.stop.0[lane] = self.lanes[lane].agenda.next(&mut self.state, record, true);
        self.block.load(lane, &self.state.values, &self.state.constants);
        self.block.hold(lane, &self.lanes[lane].holds);
        self.block.time.0[lane] = self.state.time();
    }

    /// Looks after a lane that paused; whether its next event is to be fired.
    fn serve(
        &mut self,
        lane: usize,
        pause: Pause,
        jobs: &[Job],
        recorder: &mut impl FnMut(usize, usize, &[f64], &Agenda) -> ControlFlow<()>,
    ) -> bool {
        let index = self.lanes[lane].job;
        let job = &jobs[index];
        self.block.store(lane, &mut self.state.values);
        self.state.set_time(self.block.time.0[lane]);
        std::mem::swap(&mut self.state.holds, &mut self.lanes[lane].holds);
        let after = self.settle(lane, pause, job, recorder);
        std::mem::swap(&mut self.state.holds, &mut self.lanes[lane].holds);
        self.block.hold(lane, &self.lanes[lane].holds);
        match after {
            Ok(After::Same) => return true,
            Ok(After::Jumped) => self.load(lane, job),
            Ok(After::Done) => {
                let events = self.block.events[lane];
                self.results[index] = Ok(Stats { events, steps: events });
                self.begin(lane, jobs);
            }
            Err(error) => {
                self.results[index] = Err(error);
                self.begin(lane, jobs);
            }
        }
        false
    }

    /// Events and recording times up to the lane's next reaction.
    fn settle(
        &mut self,
        lane: usize,
        pause: Pause,
        job: &Job,
        recorder: &mut impl FnMut(usize, usize, &[f64], &Agenda) -> ControlFlow<()>,
    ) -> Result<After, SimulationError> {
        let is = |set: u64| (set >> lane) & 1 != 0;
        let (next, events) = (self.block.next.0[lane], self.block.events[lane]);
        Stats { events, steps: events }.check(self.state.time())?;
        let state = &mut self.state;
        let slot = &mut self.lanes[lane];
        if is(pause.broken) || is(pause.bad) {
            // Constants of the laws first.
            let impossible = state.refresh();
            let fired = state.network.plan.reactions[self.block.fired[lane] as usize] as usize;
            return Err(match impossible {
                Err(error) if is(pause.bad) && !is(pause.broken) => error,
                _ => state.why_impossible(fired),
            });
        }
        if is(pause.watched) {
            state.update_rules();
            if slot.agenda.settle(state, true)? != Change::Nothing {
                return Ok(After::Jumped);
            }
        }
        loop {
            let record = job.times[slot.time];
            let stop = slot.agenda.next(state, record, true);
            if next <= stop {
                self.block.stop.0[lane] = stop;
                return Ok(After::Same);
            }
            state.set_time(stop);
            state.update_rules();
            let mut jumped = slot.agenda.settle(state, true)? != Change::Nothing;
            if stop >= record {
                if slot.agenda.show(state)? {
                    // Conditions may have turned.
                    slot.agenda.settle(state, true)?;
                    jumped = true;
                }
                state.check_counts(true)?;
                if recorder(slot.job, slot.time, state.shown(), &slot.agenda).is_break() {
                    return Ok(After::Done);
                }
                slot.time += 1;
                if slot.time == job.times.len() {
                    return Ok(After::Done);
                }
            }
            if jumped {
                return Ok(After::Jumped);
            }
        }
    }
}

/// How a lane goes on.
enum After {
    /// With the event drawn for it.
    Same,
    /// From another state.
    Jumped,
    /// Not at all.
    Done,
}

#[cfg(test)]
mod tests;
