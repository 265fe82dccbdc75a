//! The next-reaction method (Gibson & Bruck 2000, J Phys Chem A 104:1876): exact; each reaction has its own putative time,
//! kept in an indexed heap, so that an event costs the logarithm of the number of reactions.
//!
//! For networks of hundreds of reactions and more of which an event touches a few.

use metacascade_random::Stream;

use super::draws::waiting_time;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Children of a place in the heap. Four lie in one or two cache lines and halve the depth.
const CHILDREN: usize = 4;

#[derive(Default)]
pub(crate) struct NextReaction {
    /// Putative time and reaction, smallest time first: a heap.
    heap: Vec<(f64, usize)>,
    /// Where each reaction stands in the heap.
    places: Vec<usize>,
    /// Whether putative times are yet to be drawn.
    stale: bool,
}

impl Stepper for NextReaction {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.stale = true;
        Ok(())
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        if self.stale {
            self.draw_all(state, random);
        }
        while let Some(&(time, reaction)) = self.heap.first()
            && time <= until
        {
            state.set_time(time);
            state.fire(reaction)?;
            for &dependent in &state.network.dependents[reaction].reactions {
                let before = state.propensities[dependent];
                state.update_propensity(dependent)?;
                if dependent != reaction {
                    self.rescale(dependent, time, before, state.propensities[dependent], random);
                }
            }
            self.set(reaction, time + waiting_time(state.propensities[reaction], random));
            stats.events += 1;
            stats.step(time)?;
        }
        state.set_time(until);
        state.update_rules();
        Ok(())
    }
}

impl NextReaction {
    fn draw_all(&mut self, state: &State, random: &mut Stream) {
        let now = state.time();
        let reactions = state.propensities.iter().enumerate();
        self.heap.clear();
        self.heap.extend(reactions.map(|(reaction, &rate)| (now + waiting_time(rate, random), reaction)));
        self.places.clear();
        self.places.extend(0..self.heap.len());
        for place in (0..self.heap.len()).rev() {
            self.sink(place);
        }
        self.stale = false;
    }

    /// Moves a putative time with its propensity (Gibson & Bruck 2000, equation 13); a reaction that was impossible
    /// draws afresh, which the lack of memory allows.
    #[inline]
    fn rescale(&mut self, reaction: usize, now: f64, before: f64, after: f64, random: &mut Stream) {
        let time = self.heap[self.places[reaction]].0;
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
        self.set(reaction, time);
    }

    #[inline]
    fn set(&mut self, reaction: usize, time: f64) {
        let place = self.places[reaction];
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
        self.places[self.heap[a].1] = a;
        self.places[self.heap[b].1] = b;
    }
}
