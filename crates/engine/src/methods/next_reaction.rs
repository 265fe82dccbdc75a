//! The next-reaction method (Gibson & Bruck 2000, J Phys Chem A 104:1876): exact; each record of reactions has
//! its own putative time, kept in an indexed heap, so that an event costs the logarithm of their number.
//!
//! For networks of hundreds of reactions and more of which an event touches a few.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use super::records::{LARGE, Records, prefetch};
use crate::network::Network;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Children of a place in the heap, all in one cache line.
const CHILDREN: usize = 4;
/// The root's place: the first of its line is not used, so that the children of place `p` are line `p − 2`.
const ROOT: usize = 3;

/// Siblings of the heap: putative times and records.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([(f64, u32); CHILDREN]);

/// Putative times, smallest first.
#[derive(Default)]
struct Heap {
    lines: Vec<Line>,
    /// Where each record stands.
    places: Vec<u32>,
}

pub(crate) struct NextReaction {
    records: Records,
    heap: Heap,
    /// Whether putative times are yet to be drawn.
    stale: bool,
}

impl Stepper for NextReaction {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.records.refresh(state)?;
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
        let (records, heap) = (&mut self.records, &mut self.heap);
        let large = records.all.len() > LARGE;
        while let Some((time, record)) = heap.first()
            && time <= until
        {
            let record = record as usize;
            if large {
                heap.foresee(records);
            }
            state.set_time(time);
            let uniform = if records.all[record].alone() { 0.0 } else { random.random() };
            let position = records.member(record, uniform);
            records.fire(state, position)?;
            for list in 0..records.lists(position) {
                for place in 0..records.dependents(position, list).len() {
                    let dependent = records.dependents(position, list)[place] as usize;
                    let (before, after) = records.update(state, dependent)?;
                    if dependent != record && before != after {
                        heap.rescale(dependent, time, before, after, random);
                    }
                }
            }
            heap.set(record, time + waiting_time(records.all[record].propensity, random));
            stats.events += 1;
            stats.step(time)?;
            if records.watched(position) && state.tripped() {
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
    pub fn new(network: &Network) -> Self {
        Self { records: Records::new(network), heap: Heap::default(), stale: true }
    }

    fn draw_all(&mut self, now: f64, random: &mut Stream) {
        let count = self.records.all.len();
        let heap = &mut self.heap;
        heap.lines.clear();
        heap.lines.resize((ROOT + count).div_ceil(CHILDREN), Line([(f64::INFINITY, u32::MAX); CHILDREN]));
        heap.places.clear();
        for (index, record) in self.records.all.iter().enumerate() {
            heap.places.push((ROOT + index) as u32);
            *heap.at(ROOT + index) = (now + waiting_time(record.propensity, random), index as u32);
        }
        for place in (ROOT..ROOT + count).rev() {
            let entry = *heap.at(place);
            heap.sink(place, entry);
        }
        self.stale = false;
    }
}

impl Heap {
    #[inline(always)]
    fn first(&self) -> Option<(f64, u32)> {
        self.lines.first().map(|line| line.0[ROOT])
    }

    /// Asks for what the next event will probably touch: its record is below the root.
    #[inline(always)]
    fn foresee(&self, records: &Records) {
        let Some(Line(children)) = self.lines.get(1) else { return };
        children.iter().for_each(|child| records.prefetch(child.1 as usize));
        let earliest = children.iter().fold((f64::INFINITY, 0), |a, b| if b.0 < a.0 { *b } else { a });
        prefetch(&self.places, earliest.1 as usize);
        records.prefetch_firings(earliest.1 as usize);
    }

    #[inline(always)]
    fn at(&mut self, place: usize) -> &mut (f64, u32) {
        &mut self.lines[place / CHILDREN].0[place % CHILDREN]
    }

    #[inline(always)]
    fn put(&mut self, place: usize, entry: (f64, u32)) {
        *self.at(place) = entry;
        self.places[entry.1 as usize] = place as u32;
    }

    /// Moves a putative time with its propensity (Gibson & Bruck 2000, equation 13); a record that was impossible
    /// draws afresh, which the lack of memory allows.
    #[inline]
    fn rescale(&mut self, record: usize, now: f64, before: f64, after: f64, random: &mut Stream) {
        let time = if after == 0.0 {
            f64::INFINITY
        } else if before == 0.0 {
            now + waiting_time(after, random)
        } else {
            let place = self.places[record] as usize;
            now + before / after * (self.at(place).0 - now)
        };
        self.set(record, time);
    }

    #[inline]
    fn set(&mut self, record: usize, time: f64) {
        let place = self.places[record] as usize;
        let entry = (time, record as u32);
        if time < self.at(place).0 { self.rise(place, entry) } else { self.sink(place, entry) }
    }

    #[inline]
    fn rise(&mut self, mut place: usize, entry: (f64, u32)) {
        while place > ROOT {
            let parent = place / CHILDREN + 2;
            let above = *self.at(parent);
            if above.0 <= entry.0 {
                break;
            }
            self.put(place, above);
            place = parent;
        }
        self.put(place, entry);
    }

    #[inline]
    fn sink(&mut self, mut place: usize, entry: (f64, u32)) {
        // Places behind the last are never the earliest.
        while let Some(Line(children)) = self.lines.get(place - 2) {
            let later = |a: usize, b: usize| if children[b].0 < children[a].0 { b } else { a };
            let smallest = later(later(0, 1), later(2, 3));
            let child = children[smallest];
            if child.0 >= entry.0 {
                break;
            }
            self.put(place, child);
            place = (place - 2) * CHILDREN + smallest;
        }
        self.put(place, entry);
    }
}
