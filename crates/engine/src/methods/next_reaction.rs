//! The next-reaction method (Gibson & Bruck 2000, J Phys Chem A 104:1876): exact; each group of reactions has
//! its own putative time, kept in an indexed heap, so that an event costs the logarithm of their number.
//!
//! For networks of hundreds of reactions and more of which an event touches a few.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use super::groups::Groups;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Children of a place in the heap. Four lie in one or two cache lines and halve the depth.
const CHILDREN: usize = 4;

#[derive(Default)]
pub(crate) struct NextReaction {
    groups: Groups,
    /// Putative time and group, smallest time first: a heap.
    heap: Vec<(f64, u32)>,
    /// Where each group stands in the heap.
    places: Vec<u32>,
    /// Whether putative times are yet to be drawn.
    stale: bool,
}

impl Stepper for NextReaction {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.groups.refresh(state)?;
        self.stale = true;
        Ok(())
    }

    fn frozen(&self) -> bool {
        true
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        if self.stale {
            self.draw_all(state.time(), random);
        }
        let plan = &state.network.plan;
        while let Some(&(time, group)) = self.heap.first()
            && time <= until
        {
            let group = group as usize;
            state.set_time(time);
            let alone = plan.groups[group].count == 1;
            let rest = if alone { 0.0 } else { random.random::<f64>() * self.groups.propensities[group] };
            let position = self.groups.member(plan, group, rest);
            let firing = &plan.firings[position];
            state.fire(firing, plan.reactions[position])?;
            for &dependent in &plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize] {
                let dependent = dependent as usize;
                let before = self.groups.propensities[dependent];
                self.groups.update(state, plan, dependent)?;
                if dependent != group {
                    self.rescale(dependent, time, before, self.groups.propensities[dependent], random);
                }
            }
            self.set(group, time + waiting_time(self.groups.propensities[group], random));
            stats.events += 1;
            stats.step(time)?;
            if firing.watched && state.tripped() {
                state.update_rules();
                return Ok(());
            }
        }
        state.set_time(until);
        state.update_rules();
        Ok(())
    }
}

impl NextReaction {
    fn draw_all(&mut self, now: f64, random: &mut Stream) {
        let groups = self.groups.propensities.iter().enumerate();
        self.heap.clear();
        self.heap.extend(groups.map(|(group, &rate)| (now + waiting_time(rate, random), group as u32)));
        self.places.clear();
        self.places.extend(0..self.heap.len() as u32);
        for place in (0..self.heap.len()).rev() {
            self.sink(place);
        }
        self.stale = false;
    }

    /// Moves a putative time with its propensity (Gibson & Bruck 2000, equation 13); a group that was impossible
    /// draws afresh, which the lack of memory allows.
    #[inline]
    fn rescale(&mut self, group: usize, now: f64, before: f64, after: f64, random: &mut Stream) {
        let time = self.heap[self.places[group] as usize].0;
        if before == after {
            return;
        }
        let time = if after == 0.0 {
            f64::INFINITY
        } else if before == 0.0 {
            now + waiting_time(after, random)
        } else {
            now + before / after * (time - now)
        };
        self.set(group, time);
    }

    #[inline]
    fn set(&mut self, group: usize, time: f64) {
        let place = self.places[group] as usize;
        let earlier = time < self.heap[place].0;
        self.heap[place].0 = time;
        if earlier { self.rise(place) } else { self.sink(place) }
    }

    #[inline]
    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.heap[parent].0 <= self.heap[place].0 {
                break;
            }
            self.swap(place, parent);
            place = parent;
        }
    }

    #[inline]
    fn sink(&mut self, mut place: usize) {
        loop {
            let first = CHILDREN * place + 1;
            let last = (first + CHILDREN).min(self.heap.len());
            let mut smallest = place;
            for child in first..last {
                if self.heap[child].0 < self.heap[smallest].0 {
                    smallest = child;
                }
            }
            if smallest == place {
                break;
            }
            self.swap(place, smallest);
            place = smallest;
        }
    }

    #[inline]
    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.places[self.heap[a].1 as usize] = a as u32;
        self.places[self.heap[b].1 as usize] = b as u32;
    }
}
