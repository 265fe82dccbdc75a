//! What is to happen at given times or when conditions turn: the events of a trajectory.
//!
//! Semantics are those of SBML Level 3 (Hucka et al. 2019, J Integr Bioinform 16:20190021, section 4.11): a condition
//! that becomes true triggers its event; after its delay the event is carried out, of several at the same time the one
//! of largest priority first (of equal ones that which was triggered first); each may trigger others.

use metacascade_random::Key;

use crate::lesions::Colonies;
use crate::network::{Clock, Network, Trigger};
use crate::simulator::SimulationError;
use crate::state::{Recorder, State};

/// Events carried out at one instant after which they are taken to set each other off for ever.
const MOST_AT_ONCE: usize = 10_000;

/// Intervals in which a comparison that is not linear in time is looked at for a turn.
const SCAN: usize = 64;

#[derive(Default)]
pub(crate) struct Agenda {
    pending: Vec<Pending>,
    triggered: u64,
    lesions: Option<Box<Colonies>>,
}

/// What an agenda without lesions must remember of a trajectory that is left and taken up again.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pending: Vec<Pending>,
    triggered: u64,
}

/// What has changed at a stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    /// Lesions have been founded, which nothing but their counts tells.
    Founded,
    /// What lesions do has changed a little what others read, and no more.
    Lesions,
    /// Anything may have.
    Events,
}

#[derive(Clone)]
struct Pending {
    time: f64,
    event: usize,
    order: u64,
    /// Of an event at a time: whether its delay is part of `time`.
    delayed: bool,
    /// How many times it is to come, this one included; 0 of one that has come and waits for its delay.
    left: f64,
    /// New values, where they are those of the time of the trigger.
    values: Option<Vec<f64>>,
}

impl Agenda {
    /// Begins a trajectory; its lesions draw from a stream of a child of `key`, and are left out without one.
    pub fn start(&mut self, state: &mut State, key: Option<Key>) {
        self.pending.clear();
        self.triggered = 0;
        let network = state.network;
        let key = key.filter(|_| !network.lesions.is_empty());
        self.lesions = key.map(|key| Box::new(Colonies::start(network, key)));
        for (index, event) in state.network.events.iter().enumerate() {
            match &event.trigger {
                Trigger::At { at, every } => {
                    // An event that never comes (NaN or infinite time) or lies before the start does nothing.
                    let at = at.evaluate(&state.values);
                    if (network.start..f64::INFINITY).contains(&at) {
                        let times = every.as_ref().map_or(1.0, |[_, times]| times.evaluate(&state.values));
                        self.schedule(at, index, times);
                    }
                }
                Trigger::When { initially, .. } => state.holds[index] = *initially,
            }
        }
    }

    /// Remembers what is to come of a trajectory without lesions.
    pub fn keep(&self, kept: &mut Kept) {
        kept.pending.clone_from(&self.pending);
        kept.triggered = self.triggered;
    }

    /// Takes up again what was kept.
    pub fn take_up(&mut self, kept: &Kept) {
        self.pending.clone_from(&kept.pending);
        self.triggered = kept.triggered;
        self.lesions = None;
    }

    fn push(&mut self, time: f64, event: usize, values: Option<Vec<f64>>) {
        self.pending.push(Pending { time, event, order: self.triggered, delayed: false, left: 0.0, values });
        self.triggered += 1;
    }

    /// An event at a time, which comes so many times.
    fn schedule(&mut self, time: f64, event: usize, left: f64) {
        if left >= 1.0 {
            self.push(time, event, None);
            if let Some(last) = self.pending.last_mut() {
                last.left = left;
            }
        }
    }

    /// The next time, after now and not after `until`, at which something is pending or time turns a comparison.
    /// `frozen` says whether all but time stays as it is until then, or the method reports that it does not.
    pub fn next(&self, state: &mut State, until: f64, frozen: bool) -> f64 {
        let mut next = self.lesions.as_ref().map_or(until, |lesions| lesions.next().min(until));
        for pending in &self.pending {
            next = next.min(pending.time);
        }
        let network = state.network;
        for event in &network.events {
            if let Trigger::When { clocks, .. } = &event.trigger {
                for clock in clocks.iter().filter(|clock| frozen || !clock.of_species) {
                    next = turn(clock, state, next).unwrap_or(next);
                }
            }
        }
        next
    }

    /// Carries out all that is due now; what changed.
    pub fn settle(&mut self, state: &mut State, whole: bool) -> Result<Change, SimulationError> {
        if state.network.events.is_empty() {
            return Ok(Change::Nothing);
        }
        let now = state.time();
        let mut changed = Change::Nothing;
        if let Some(lesions) = &mut self.lesions {
            changed = lesions.stop(state)?;
            if changed == Change::Lesions {
                state.refresh()?;
            }
        }
        for count in 0..MOST_AT_ONCE {
            // Interventions come before any condition is looked at.
            let imposed = |pending: &Pending| state.network.events[pending.event].imposed;
            if !self.pending.iter().any(|pending| pending.time <= now && imposed(pending)) {
                self.observe(state);
            }
            let rank = |pending: &Pending| {
                let event = &state.network.events[pending.event];
                let priority = event.priority.as_ref().map_or(0.0, |priority| priority.evaluate(&state.values));
                if event.imposed { f64::INFINITY } else { priority }
            };
            let due = self.pending.iter().enumerate().filter(|(_, pending)| pending.time <= now);
            let first = due.min_by(|(_, a), (_, b)| {
                rank(b).total_cmp(&rank(a)).then(a.time.total_cmp(&b.time)).then(a.order.cmp(&b.order))
            });
            let Some((place, _)) = first else {
                if let Some(lesions) = self.lesions.as_mut().filter(|_| count > 0) {
                    lesions.restart(state)?;
                    state.refresh()?;
                }
                return Ok(if count > 0 { Change::Events } else { changed });
            };
            if let Some(lesions) = self.lesions.as_mut().filter(|_| count == 0) {
                lesions.look(state)?;
                state.update_rules();
            }
            let pending = self.pending.remove(place);
            let event = &state.network.events[pending.event];
            if let Trigger::At { every: Some([interval, _]), .. } = &event.trigger
                && pending.left > 1.0
            {
                let interval = interval.evaluate(&state.values);
                if interval > 0.0 {
                    self.schedule(pending.time + interval, pending.event, pending.left - 1.0);
                }
            }
            // The time of an event at a time is that of its trigger.
            let later = delay(state, pending.event);
            if matches!(event.trigger, Trigger::At { .. })
                && pending.values.is_none()
                && !pending.delayed
                && later > 0.0
            {
                let values = event.values_from_trigger_time.then(|| new_values(state, pending.event));
                self.push(now + later, pending.event, values);
                if let Some(last) = self.pending.last_mut() {
                    last.delayed = true;
                }
                continue;
            }
            let assignments = &event.assignments;
            let values = pending.values.unwrap_or_else(|| new_values(state, pending.event));
            for ((slot, _), value) in assignments.iter().zip(values) {
                state.values[*slot] = value;
            }
            state.check_counts(whole)?;
            state.refresh()?;
        }
        Err(SimulationError::Events { time: now })
    }

    /// Brings lesions up to date for a recorder; whether that changed what reactions or events read.
    pub fn show(&mut self, state: &mut State) -> Result<bool, SimulationError> {
        let Some(lesions) = &mut self.lesions else { return Ok(false) };
        let changed = lesions.look(state)?;
        if changed {
            state.refresh()?;
        } else {
            state.update_rules();
        }
        Ok(changed)
    }

    /// Lets a recorder see the lesions, which must be up to date ([`Agenda::show`]).
    pub fn show_lesions(&self, network: &Network, index: usize, recorder: &mut impl Recorder) {
        if let Some(lesions) = &self.lesions {
            recorder.lesions(index, &mut lesions.seen(network));
        }
    }

    /// Looks at all conditions: those that became true trigger their events.
    fn observe(&mut self, state: &mut State) {
        state.update_rules();
        for (index, event) in state.network.events.iter().enumerate() {
            let Trigger::When { condition, persistent, .. } = &event.trigger else { continue };
            let holds = condition.evaluate(&state.values) != 0.0;
            let before = std::mem::replace(&mut state.holds[index], holds);
            if holds && !before {
                let values = event.values_from_trigger_time.then(|| new_values(state, index));
                self.push(state.time() + delay(state, index), index, values);
            } else if before && !holds && !persistent {
                self.pending.retain(|pending| pending.event != index);
            }
        }
    }
}

fn delay(state: &State, event: usize) -> f64 {
    let delay = state.network.events[event].delay.as_ref().map_or(0.0, |delay| delay.evaluate(&state.values));
    delay.max(0.0)
}

fn new_values(state: &State, event: usize) -> Vec<f64> {
    let assignments = &state.network.events[event].assignments;
    assignments.iter().map(|(_, program)| program.evaluate(&state.values)).collect()
}

/// The first time after now and not after `until` at which time alone turns a comparison.
fn turn(clock: &Clock, state: &mut State, until: f64) -> Option<f64> {
    let now = state.time();
    let mut at = |time: f64| {
        state.set_time(time);
        state.update_rules();
        (clock.gap.evaluate(&state.values), clock.comparison.evaluate(&state.values))
    };
    let (gap, holds) = at(now);
    let (middle, end) = (at(0.5 * (now + until)).0, at(until).0);
    let linear = (gap + end - 2.0 * middle).abs() <= 1e-9 * (gap.abs() + end.abs());
    let mut bracket = None;
    if linear {
        let root = now + (until - now) * gap / (gap - end);
        // Rounding may put the root a little to either side of where the comparison turns.
        let slack = 4.0 * f64::EPSILON * (now.abs() + until.abs());
        if root.is_finite() && root + slack > now && root - slack <= until {
            let mut left = (root - slack).max(now);
            // Turned at once, as `time > 5` is just after 5.
            if at(left).1 != holds {
                left = now;
            }
            bracket = Some((left, (root + slack).min(until)));
        }
    } else {
        let step = (until - now) / SCAN as f64;
        let found = (1..=SCAN).find(|&part| at(now + step * part as f64).1 != holds);
        bracket = found.map(|part| (now + step * (part - 1) as f64, (now + step * part as f64).min(until)));
    }
    let turned = bracket.filter(|(_, right)| at(*right).1 != holds).map(|(mut left, mut right)| {
        loop {
            let middle = 0.5 * (left + right);
            if middle <= left || middle >= right {
                break right;
            }
            if at(middle).1 == holds { left = middle } else { right = middle }
        }
    });
    state.set_time(now);
    state.update_rules();
    turned.filter(|turned| *turned > now)
}

#[cfg(test)]
mod tests;
