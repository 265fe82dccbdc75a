//! The hybrid method: abundant species follow differential equations, scarce ones jump, and which is which is found as
//! the trajectory runs.
//!
//! A reaction is integrated if all species that it changes are abundant; any other jumps, at the time at which the total
//! hazard of all jumps, integrated along with the equations, reaches a unit exponential (Haseltine & Rawlings 2002, J
//! Chem Phys 117:6959; Salis & Kaznessis 2005, J Chem Phys 122:054103; Alfonsi et al. 2005, ESAIM Proc 14:1). So the cost
//! is that of the rare events, however many cells they come from.
//!
//! Scarce species with a fast turnover, such as cells that live in the blood for minutes, would jump all the time for
//! nothing. Where each cell comes alone and leaves by itself, such a species is a queue with infinitely many servers.
//! Given all that is seen, its count is Poisson, with a mean that solves the mean-field equation, and cells leave it for
//! where they are seen with the hazard that the mean has (Jackson 1957, Oper Res 5:518; Brémaud 1981, Point Processes
//! and Queues, section V.2: a departure that is seen does not change the law of what is left). Its mean is integrated,
//! which is no approximation if it starts from none; recorders are shown a Poisson number, each time another.
//!
//! Where everything is scarce, this is the direct method; where everything is abundant, it is the mean field. The noise
//! of abundant species is dropped: that of a species which grew from n₀ to the threshold θ is too small by a part n₀/θ of
//! its variance.

mod along;
mod flow;
mod jumps;
mod partition;
mod structure;

use along::Along;
use flow::{Flow, Linear};
use jumps::After;
use metacascade_random::{Key, Stream};
use partition::{Kind, Partition};
use rand_distr::{Distribution, Exp1};

use super::direct::{Direct, Stop};
use super::draws::poisson;
use super::ode::{Dense, Solver, Step, Tolerance};
use crate::network::Network;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Events of the direct method after which the partition is looked at again.
const EVENTS: u64 = 256;
/// Steps and jumps after which it is.
const STEPS: u32 = 16;
/// The child of a trajectory's key that names what recorders are shown of queues.
const SHOWN: u64 = 0x7368_6f77_6e00;

pub(crate) struct Hybrid {
    partition: Partition,
    direct: Direct,
    solver: Solver,
    linear: Linear,
    dense: Dense,
    /// Values that are integrated, then the hazard since the last jump: where the step starts, and at the state's time.
    y: Vec<f64>,
    now: Vec<f64>,
    segment: Option<Segment>,
    /// What jumps have changed since the step started, by too little to matter to it.
    owed: Vec<f64>,
    along: Along,
    tolerance: f64,
    /// Total propensity of the jumps that do not vary.
    steady: f64,
    /// The hazard at which the next jump comes, once drawn.
    target: Option<f64>,
    /// Whether the state has jumped, so that the partition must be looked at.
    stale: bool,
    /// Events of the direct method, or steps and jumps, until it is again.
    events: u64,
    steps: u32,
    /// Means of queues while recorders are shown numbers: (slot, mean).
    means: Vec<(usize, f64)>,
}

/// A step that has been made, as far as it holds. The state's time is somewhere within: a step is as long whether it is
/// looked into or not, so that recording times do not change a trajectory.
#[derive(Clone, Copy)]
struct Segment {
    step: Step,
    start: f64,
    /// The part of the step that holds, and the time then.
    part: f64,
    end: f64,
    why: End,
    /// Whether nothing turns before the end of the step, jumps aside.
    clear: bool,
    /// Whether the part that holds is known, after a jump within.
    aimed: bool,
}

/// What ends a segment.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Step,
    Jump,
    /// A condition turns, or an abundant species becomes scarce.
    Turn,
}

impl Stepper for Hybrid {
    fn whole(&self) -> bool {
        false
    }

    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        let network = state.network;
        if state.time() <= network.start {
            self.partition.reset(network);
            self.target = None;
            self.now.clear();
        }
        for (species, kind) in self.partition.kinds.iter_mut().enumerate() {
            let value = &mut state.values[Network::species_slot(species)];
            // A queue that was set has a known number of cells.
            if *kind == Kind::Queue && self.now[self.partition.places[species]] != *value {
                *kind = Kind::Count;
            }
            if *kind == Kind::Count {
                *value = value.round();
            }
        }
        state.update_rules();
        self.segment = None;
        self.stale = true;
        Ok(())
    }

    fn nudged(&mut self, state: &mut State) -> Result<(), SimulationError> {
        let segment = self.segment.take();
        if self.stale {
            return Ok(());
        }
        if self.partition.exact() {
            return self.direct.restart(state);
        }
        match segment {
            Some(segment) => {
                let part = (state.time() - segment.start) / segment.step.length;
                self.cut(state, Segment { part, ..segment });
            }
            None => {
                self.solver.cut();
                self.y.copy_from_slice(&self.now);
            }
        }
        self.steady = self.hazard(state, false)?;
        Ok(())
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        loop {
            if self.stale {
                self.review(state, random)?;
            }
            let done = if self.partition.exact() {
                self.count(state, until, random, stats)?
            } else {
                self.integrate(state, until, random, stats)?
            };
            if done {
                return Ok(());
            }
        }
    }

    fn show(&mut self, state: &mut State, key: Key) {
        if !self.partition.kinds.contains(&Kind::Queue) {
            return;
        }
        let mut random = key.child(SHOWN).child(state.time().to_bits()).stream();
        for (species, _) in self.partition.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Queue) {
            let slot = Network::species_slot(species);
            self.means.push((slot, state.values[slot]));
            state.values[slot] = poisson(state.values[slot], &mut random);
        }
        state.update_rules();
    }

    fn hide(&mut self, state: &mut State) {
        if !self.means.is_empty() {
            self.means.drain(..).for_each(|(slot, mean)| state.values[slot] = mean);
            state.update_rules();
        }
    }
}

impl Hybrid {
    pub fn new(network: &Network, threshold: f64, tolerance: f64) -> Self {
        let size = network.species.len() + 1;
        Self {
            partition: Partition::new(network, threshold),
            direct: Direct::new(network),
            solver: Solver::new(size, Tolerance { relative: tolerance, absolute: tolerance }),
            linear: Linear::default(),
            dense: Dense::default(),
            y: Vec::with_capacity(size),
            now: Vec::with_capacity(size),
            segment: None,
            owed: Vec::with_capacity(size),
            along: Along::default(),
            tolerance,
            steady: 0.0,
            target: None,
            stale: true,
            events: 0,
            steps: 0,
            means: Vec::with_capacity(size),
        }
    }

    /// Looks at the partition, and prepares for what has changed.
    fn review(&mut self, state: &mut State, random: &mut Stream) -> Result<(), SimulationError> {
        (self.events, self.steps) = (EVENTS, STEPS);
        let changed = self.partition.review(state, random)?;
        if !changed && !self.stale {
            self.along.review(state.network.species.len());
            return Ok(());
        }
        self.stale = false;
        self.partition.arrange(state.network);
        let Partition { varying, steady, .. } = &self.partition;
        self.along.arrange(state.network, varying.iter().chain(steady).copied());
        state.update_rules();
        if self.partition.exact() {
            self.target = None;
            self.now.clear();
            return self.direct.restart(state);
        }
        // An exponential that has not been reached is exponential again.
        if let (Some(target), Some(hazard)) = (&mut self.target, self.now.last()) {
            *target -= hazard;
        }
        self.y.clear();
        self.y.extend(self.partition.active.iter().map(|&species| state.values[Network::species_slot(species)]));
        self.y.push(0.0);
        self.now.clone_from(&self.y);
        self.owed.clear();
        self.owed.resize(self.y.len(), 0.0);
        self.solver.restart(self.y.len(), self.partition.kinds.contains(&Kind::Queue));
        self.steady = self.hazard(state, false)?;
        Ok(())
    }

    /// Events by the direct method; whether the time asked for is reached, or a condition has turned.
    fn count(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<bool, SimulationError> {
        if self.events == 0 {
            self.review(state, random)?;
            return Ok(false);
        }
        let before = stats.events;
        let stop = self.direct.events(state, until, self.events, random, stats)?;
        self.events = self.events.saturating_sub(stats.events - before);
        if stop == Stop::Quiet {
            state.set_time(until);
        }
        state.update_rules();
        Ok(stop != Stop::Many)
    }

    /// A step, or as much of it as lies before `until`; whether that is reached, or a condition has turned.
    fn integrate(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<bool, SimulationError> {
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.make(state, random, stats)?,
        };
        if !segment.aimed {
            self.aim(state, &mut segment);
        }
        if until < segment.end {
            self.look(state, until, (until - segment.start) / segment.step.length);
            self.segment = Some(segment);
            return Ok(true);
        }
        if segment.why == End::Jump && self.along.changed() {
            return self.jump_along(state, segment, random, stats);
        }
        self.look(state, segment.end, segment.part);
        let mut after = After::Changed;
        match segment.why {
            End::Step => self.take(state, segment.step)?,
            End::Jump => {
                let chosen = self.choose(state, random)?;
                after = self.jump(state, segment, chosen, random, stats)?;
                state.update_rules();
                self.finish(state, segment, after)?;
            }
            End::Turn => self.cut(state, segment),
        }
        let turned = segment.why != End::Step && state.turned();
        if after == After::Same {
            // The step holds, jump or not.
            self.segment = Some(Segment { aimed: false, ..segment });
            return Ok(turned);
        }
        self.steps = self.steps.saturating_sub(1);
        if after == After::Misplaced || segment.why == End::Turn || self.steps == 0 {
            self.review(state, random)?;
        }
        Ok(turned)
    }

    /// Moves to the end of the step.
    fn take(&mut self, state: &mut State, step: Step) -> Result<(), SimulationError> {
        let Self { partition, linear, y, .. } = self;
        self.solver.take(&Flow { state, partition, steady: self.steady, tolerance: self.tolerance, linear }, step, y);
        y.iter_mut().zip(&mut self.owed).for_each(|(y, owed)| *y += std::mem::take(owed));
        if let Some(hazard) = y.last_mut() {
            *hazard += self.along.extra(1.0);
        }
        let changed = self.along.changed();
        self.along.make_good(0.0, y);
        self.along.restart();
        // The hazard is integrated to what is absolutely accurate.
        if let (Some(target), Some(hazard)) = (&mut self.target, self.y.last_mut())
            && *hazard > 1.0
        {
            *target -= std::mem::take(hazard);
        }
        self.now.copy_from_slice(&self.y);
        self.place(state);
        if changed {
            state.update_rules();
        }
        self.hazard(state, true)?;
        if changed {
            self.solver.cut();
            self.steady = self.hazard(state, false)?;
        }
        Ok(())
    }

    /// Ends the step where the state is, at this part of it.
    fn cut(&mut self, state: &mut State, segment: Segment) {
        self.solver.cut();
        if self.along.changed() {
            self.along.make_good((1.0 - segment.part) * segment.step.length, &mut self.now);
            self.place(state);
            state.update_rules();
        }
        self.y.copy_from_slice(&self.now);
        self.owed.fill(0.0);
        self.along.restart();
    }

    /// Makes a step and finds how much of it holds.
    fn make(&mut self, state: &mut State, random: &mut Stream, stats: &mut Stats) -> Result<Segment, SimulationError> {
        let start = state.time();
        self.target.get_or_insert_with(|| Exp1.sample(random));
        let Self { partition, linear, .. } = self;
        let mut flow = Flow { state, partition, steady: self.steady, tolerance: self.tolerance, linear };
        let step = self.solver.make(&mut flow, &self.y, start, f64::INFINITY, stats)?;
        self.solver.dense(step, &self.y, &mut self.dense);
        let mut segment = Segment { step, start, part: 0.0, end: start, why: End::Step, clear: false, aimed: false };
        segment.clear = !self.turns(state, start, step, 1.0);
        self.aim(state, &mut segment);
        self.look(state, start, 0.0);
        Ok(segment)
    }

    /// Finds how much more of a step holds.
    fn aim(&mut self, state: &mut State, segment: &mut Segment) {
        let (step, start) = (segment.step, segment.start);
        let Some(target) = self.target else { return };
        let (from, hazard) = (segment.part, self.y.len() - 1);
        let (mut part, mut why) = (1.0, End::Step);
        let expected = |part: f64| self.dense.at(hazard, part) + self.along.extra(part);
        if expected(1.0) >= target {
            (part, why) = (reaches(from, |part| expected(part) - target), End::Jump);
        }
        let clear = segment.clear && (why == End::Jump || from == 0.0);
        if !clear && self.turns(state, start, step, part) {
            let mut before = from;
            while part - before > f64::EPSILON * (1.0 + start / step.length) {
                let middle = 0.5 * (before + part);
                if self.turns(state, start, step, middle) { part = middle } else { before = middle }
            }
            why = End::Turn;
        }
        segment.aimed = true;
        (segment.part, segment.end, segment.why) = (part, start + part * step.length, why);
    }

    /// Whether a condition has turned, or an abundant species become scarce, by this part of the step.
    fn turns(&mut self, state: &mut State, start: f64, step: Step, part: f64) -> bool {
        let scarce = self.partition.active.iter().enumerate().any(|(place, &species)| {
            self.partition.kinds[species] == Kind::Abundant
                && self.dense.at(place, part) + self.owed[place] < self.partition.lower()
        });
        if scarce || state.network.events.is_empty() {
            return scarce;
        }
        self.look(state, start + part * step.length, part);
        state.turned()
    }

    /// Puts the state within the step.
    fn look(&mut self, state: &mut State, time: f64, part: f64) {
        self.write(state, time, part);
        state.update_rules();
    }

    /// The same without the rules.
    fn write(&mut self, state: &mut State, time: f64, part: f64) {
        self.dense.write(part, &mut self.now);
        self.now.iter_mut().zip(&self.owed).for_each(|(now, owed)| *now += owed);
        if let Some(hazard) = self.now.last_mut() {
            *hazard += self.along.extra(part);
        }
        state.set_time(time);
        self.place(state);
    }

    /// Puts what is integrated into the state.
    fn place(&mut self, state: &mut State) {
        for (&species, value) in self.partition.active.iter().zip(&mut self.now) {
            // The solver's error may leave a little less than none.
            if self.partition.kinds[species].flows() {
                *value = value.max(0.0);
            }
            state.values[Network::species_slot(species)] = *value;
        }
    }

    /// Total propensity of the jumps that vary, or of those that do not.
    fn hazard(&self, state: &State, varying: bool) -> Result<f64, SimulationError> {
        let jumps = if varying { &self.partition.varying } else { &self.partition.steady };
        let mut total = 0.0;
        for &reaction in jumps {
            let propensity = state.law(reaction);
            if !(0.0..f64::INFINITY).contains(&propensity) {
                return Err(state.bad_propensity(reaction, propensity));
            }
            total += propensity;
        }
        Ok(total)
    }
}

/// The first part of a step, after `from`, at which what rises from below 0 reaches 0: the rule of false position as
/// Dowell & Jarratt (1971, BIT 11:168) improved it (the Illinois method).
fn reaches(from: f64, gap: impl Fn(f64) -> f64) -> f64 {
    let (mut left, mut right) = (from, 1.0);
    let (mut below, mut above) = (gap(left), gap(right));
    let mut last = 0;
    for _ in 0..60 {
        if right - left <= 1e-15 || above <= 0.0 {
            break;
        }
        let middle = (left * above - right * below) / (above - below);
        let value = gap(middle);
        if value.abs() < 1e-14 {
            return middle;
        }
        if value < 0.0 {
            (left, below) = (middle, value);
            above *= if last == -1 { 0.5 } else { 1.0 };
            last = -1;
        } else {
            (right, above) = (middle, value);
            below *= if last == 1 { 0.5 } else { 1.0 };
            last = 1;
        }
    }
    right
}

#[cfg(test)]
mod tests;
