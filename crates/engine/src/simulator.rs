//! Runs one trajectory: stops at requested times and events, and leaves the rest to the method.

use std::iter::Sum;

use metacascade_random::{Key, Stream};

use crate::agenda::{Agenda, Change};
use crate::methods::{
    CompositionRejection, Direct, Hybrid, Job, MeanField, Method, NextReaction, NoTrajectories, Runner, TauLeap,
};
use crate::network::Network;
use crate::state::{Recorder, State};
use crate::subject::Subject;

/// Why a trajectory could not be finished.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// A propensity is negative, infinite or not a number.
    #[error("the propensity of `{reaction}` is {value} at time {time}; rate laws must stay finite and not negative")]
    Propensity {
        /// The reaction's name.
        reaction: String,
        /// Its propensity.
        value: f64,
        /// When.
        time: f64,
    },
    /// A reaction fired although a species had too few left.
    #[error("`{reaction}` fired although `{species}` was used up (time {time}); its rate must vanish with `{species}`")]
    UsedUp {
        /// The reaction's name.
        reaction: String,
        /// The species' name.
        species: String,
        /// When.
        time: f64,
    },
    /// A count that is negative, not a number, or beyond what can be counted exactly (2⁵³).
    #[error("the count of `{species}` became {value}; counts lie between 0 and 2^53")]
    Count {
        /// The species' name.
        species: String,
        /// Its count.
        value: f64,
    },
    /// An exact method met a rate law that changes with time by itself.
    #[error("the rate of `{reaction}` depends on time; exact methods need rates that change at events only")]
    TimeDependent {
        /// The reaction's name.
        reaction: String,
    },
    /// A method that does not integrate met a continuous variable that moves.
    #[error("`{species}` changes continuously; use ode or hybrid")]
    Continuous {
        /// The variable's name.
        species: String,
    },
    /// Events set each other off without end.
    #[error("events set each other off without end at time {time}; look at their conditions")]
    Events {
        /// When.
        time: f64,
    },
    /// The mean-field solver's step became too small.
    #[error("the mean-field solver cannot pass time {time}: its step became too small")]
    Stiff {
        /// When.
        time: f64,
    },
    /// A law of lesions gave what is no rate.
    #[error("the {what} of lesions of `{kind}` is {value} at time {time}")]
    Lesions {
        /// Name of the kind of lesions.
        kind: String,
        /// Which law.
        what: String,
        /// Its value.
        value: f64,
        /// When.
        time: f64,
    },
    /// Lesions grew too many to be followed.
    #[error("more than {most} lesions of `{kind}` by time {time}", most = crate::lesions::MOST_LESIONS)]
    TooManyLesions {
        /// Name of the kind of lesions.
        kind: String,
        /// When.
        time: f64,
    },
    /// Lesions are individuals, of which the mean field knows none.
    #[error("`ode` and `moments` know no individuals, such as lesions of `{kind}`; use hybrid or an exact method")]
    Individuals {
        /// Name of the kind of lesions.
        kind: String,
    },
    /// A trajectory was asked of a method that makes none.
    #[error("`moments` gives means and standard deviations, not trajectories; simulate by another method")]
    NoTrajectories,
    /// Linear noise met a rate that bends infinitely.
    #[error("the rate of `{name}` has no finite slope along `{species}` at time {time}; linear noise needs one")]
    Slope {
        /// Name of the reaction, or of the continuous variable.
        name: String,
        /// The species' name.
        species: String,
        /// When.
        time: f64,
    },
    /// Linear noise met an event whose time may be random.
    #[error("linear noise and master equation take events at given times only, none by condition")]
    Condition,
    /// Linear noise met an event that makes a parameter random.
    #[error("an event sets `{parameter}` from counts that fluctuate (time {time}); this method keeps parameters fixed")]
    RandomParameter {
        /// The parameter's name.
        parameter: String,
        /// When.
        time: f64,
    },
    /// The master equation met too many states.
    #[error("more than {most} states are possible by time {time}; the master equation is for few cells")]
    TooManyStates {
        /// How many are followed at most.
        most: usize,
        /// When.
        time: f64,
    },
    /// More steps than [`MAXIMUM_STEPS`] were needed.
    #[error("more than {MAXIMUM_STEPS} steps were needed by time {time}; use tau-leap or ode for such numbers")]
    TooManySteps {
        /// How far it came.
        time: f64,
    },
}

/// Steps after which a trajectory is given up.
pub const MAXIMUM_STEPS: u64 = 20_000_000_000;

/// What a trajectory took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reactions fired (by a leap, all its firings; by the mean field, none).
    pub events: u64,
    /// Steps of the method: events, leaps, or steps of the differential equation's solver.
    pub steps: u64,
}

impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { events: sum.events + one.events, steps: sum.steps + one.steps })
    }
}

impl Stats {
    /// Books a step that ends at `time`.
    #[inline]
    pub(crate) fn step(&mut self, time: f64) -> Result<(), SimulationError> {
        self.steps += 1;
        self.check(time)
    }

    #[inline]
    pub(crate) fn check(&self, time: f64) -> Result<(), SimulationError> {
        if self.steps > MAXIMUM_STEPS { Err(SimulationError::TooManySteps { time }) } else { Ok(()) }
    }
}

/// The verbs of a method; the loop of [`Simulator`] knows no others.
pub(crate) trait Stepper {
    /// Whether counts are whole numbers.
    fn whole(&self) -> bool {
        true
    }

    /// Whether individuals, such as lesions, are known, or expected numbers only.
    fn individuals(&self) -> bool {
        true
    }

    /// Told at the start and after every event that the state has jumped; propensities are up to date.
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError>;

    /// Told instead that lesions have changed what they emit, which they do smoothly.
    fn nudged(&mut self, state: &mut State) -> Result<(), SimulationError> {
        self.jumped(state)
    }

    /// Whether all values but time stay as they are between reactions, so that the time at which a condition turns is
    /// known beforehand.
    fn frozen(&self) -> bool {
        false
    }

    /// Moves the state to time `until`, which lies ahead, or to where a condition has turned ([`State::tripped`]);
    /// rules are up to date then.
    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError>;

    /// Told before a recorder sees the state, which it may change for that: what stands for numbers is drawn from
    /// streams of children of `key`, the trajectory's.
    fn show(&mut self, _state: &mut State, _key: Key) {}

    /// Told after, to take that back.
    fn hide(&mut self, _state: &mut State) {}
}

/// A workspace that runs trajectories of one network by one method.
///
/// ```
/// use std::ops::ControlFlow;
/// use metacascade_engine::{Method, Network, Simulator};
/// use metacascade_random::Key;
///
/// let network = Network::builder("decay").species("X", "1000").parameter("k", 0.1).reaction("X ->", "k*X").build()?;
/// let mut simulator = Simulator::new(&network, &Method::Direct);
/// let mut counts = Vec::new();
/// simulator.run(&network.default_parameters(), &[0.0, 10.0], Key::new(1), &mut |_: usize, values: &[f64]| {
///     counts.push(values[1]);
///     ControlFlow::Continue(())
/// })?;
/// assert!(counts[0] == 1000.0 && (300.0..440.0).contains(&counts[1])); // mean 367.9, s.d. 15.2
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulator<'n>(Engine<'n>);

enum Engine<'n> {
    Steps(Box<Steps<'n>>),
    /// The ensemble method, with one of its lanes in use.
    Lane(Box<Runner<'n, 8>>),
}

/// A method that moves one state from stop to stop.
pub(crate) struct Steps<'n> {
    pub state: State<'n>,
    pub stepper: Box<dyn Stepper + Send + 'n>,
    pub agenda: Agenda,
    /// Whether lesions are followed.
    lesions: bool,
}

impl<'n> Simulator<'n> {
    /// A workspace for a network and a method. [`Method::Auto`] is taken as tau-leaping, which falls back to
    /// exact steps where numbers are small; [`Method::resolve`] chooses better.
    #[must_use]
    pub fn new(network: &'n Network, method: &Method) -> Self {
        let stepper: Box<dyn Stepper + Send + 'n> = match *method {
            Method::Ensemble => return Self(Engine::Lane(Box::new(Runner::single(network)))),
            Method::Direct => Box::new(Direct::new(network)),
            Method::NextReaction => Box::new(NextReaction::new(network)),
            Method::CompositionRejection => Box::new(CompositionRejection::new(network)),
            Method::TauLeap { epsilon } => Box::new(TauLeap::new(network, epsilon)),
            Method::Auto => Box::new(TauLeap::new(network, Method::EPSILON)),
            Method::Ode { relative_tolerance, absolute_tolerance } => {
                Box::new(MeanField::new(network, relative_tolerance, absolute_tolerance))
            }
            Method::Hybrid { threshold, tolerance } => Box::new(Hybrid::new(network, threshold, tolerance)),
            Method::Moments => Box::new(NoTrajectories),
        };
        let (state, agenda) = (State::new(network), Agenda::default());
        Self(Engine::Steps(Box::new(Steps { state, stepper, agenda, lesions: true })))
    }

    /// The method that moves one state from stop to stop, if it is of this kind.
    pub(crate) fn into_steps(self) -> Option<Box<Steps<'n>>> {
        match self.0 {
            Engine::Steps(steps) => Some(steps),
            Engine::Lane(_) => None,
        }
    }

    /// Counts the lesions that are founded, but follows none.
    pub(crate) fn without_lesions(mut self) -> Self {
        if let Engine::Steps(steps) = &mut self.0 {
            steps.lesions = false;
        }
        self
    }

    /// One trajectory from time 0, shown to `recorder` at each of `times` (ascending, none negative).
    ///
    /// `parameters` holds one value for each of [`Network::parameters`]. A [`Key`] is a subject of no group.
    ///
    /// # Errors
    /// Why the trajectory could not be finished; what was recorded until then stands.
    ///
    /// # Panics
    /// If `parameters` has the wrong length.
    pub fn run(
        &mut self,
        parameters: &[f64],
        times: &[f64],
        subject: impl Into<Subject>,
        recorder: &mut impl Recorder,
    ) -> Result<Stats, SimulationError> {
        self.run_from(parameters, &[], times, subject, recorder)
    }

    /// [`Simulator::run`] with some initial counts given: (index of the species, count).
    ///
    /// # Errors
    /// As [`Simulator::run`].
    ///
    /// # Panics
    /// As [`Simulator::run`].
    pub fn run_from(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        times: &[f64],
        subject: impl Into<Subject>,
        recorder: &mut impl Recorder,
    ) -> Result<Stats, SimulationError> {
        let subject = subject.into();
        match &mut self.0 {
            Engine::Steps(steps) => steps.run(parameters, initial, times, subject, recorder),
            Engine::Lane(lane) => {
                let network = lane.network();
                let mut record = |_: usize, index: usize, values: &[f64], agenda: &Agenda| {
                    agenda.show_lesions(network, index, recorder);
                    recorder.record(index, values)
                };
                let result = lane.run(&[Job { parameters, initial, times, subject }], &mut record).pop();
                result.unwrap_or(Ok(Stats::default()))
            }
        }
    }
}

impl Steps<'_> {
    fn run(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        times: &[f64],
        subject: Subject,
        recorder: &mut impl Recorder,
    ) -> Result<Stats, SimulationError> {
        let key = subject.key;
        let network = self.state.network;
        let mut random = key.stream();
        let mut stats = Stats::default();
        let whole = self.stepper.whole();
        self.begin(parameters, initial, subject)?;
        for (index, &time) in times.iter().enumerate() {
            self.go_on(time, &mut random, &mut stats)?;
            if self.agenda.show(&mut self.state)? {
                // Conditions may have turned.
                self.agenda.settle(&mut self.state, whole)?;
                self.stepper.jumped(&mut self.state)?;
            }
            self.stepper.show(&mut self.state, key);
            self.agenda.show_lesions(network, index, recorder);
            let flow = recorder.record(index, self.state.shown());
            self.stepper.hide(&mut self.state);
            if flow.is_break() {
                break;
            }
        }
        Ok(stats)
    }

    /// Begins a trajectory: everything that is due at the start has happened.
    pub fn begin(
        &mut self,
        parameters: &[f64],
        initial: &[(usize, f64)],
        subject: Subject,
    ) -> Result<(), SimulationError> {
        let network = self.state.network;
        assert_eq!(parameters.len(), network.parameters.len(), "one value for each parameter");
        let whole = self.stepper.whole();
        let own = Some(subject).filter(|_| self.stepper.individuals());
        self.state.initialise(parameters, initial, whole, own)?;
        if let Some(kind) = network.lesions.first().filter(|_| self.lesions && !self.stepper.individuals()) {
            return Err(SimulationError::Individuals { kind: kind.name.clone() });
        }
        self.agenda.start(&mut self.state, Some(subject.key).filter(|_| self.lesions));
        self.stepper.jumped(&mut self.state)?;
        self.settle(whole)
    }

    /// Goes on to a time, events included.
    pub fn go_on(&mut self, until: f64, random: &mut Stream, stats: &mut Stats) -> Result<(), SimulationError> {
        while self.state.time() < until {
            let stop = self.agenda.next(&mut self.state, until, self.stepper.frozen());
            self.stepper.advance(&mut self.state, stop, random, stats)?;
            self.settle(self.stepper.whole())?;
        }
        Ok(())
    }

    /// Events that are due.
    fn settle(&mut self, whole: bool) -> Result<(), SimulationError> {
        match self.agenda.settle(&mut self.state, whole)? {
            Change::Nothing | Change::Founded => Ok(()),
            Change::Lesions => self.stepper.nudged(&mut self.state),
            Change::Events => self.stepper.jumped(&mut self.state),
        }
    }
}
