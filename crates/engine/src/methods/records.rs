//! Propensities for networks too large for the caches: what an event touches lies in as few cache lines as can be.
//!
//! A record holds up to [`MEMBERS`] reactions with a common factor in one cache line: what it reads, their constants,
//! the propensity, and where the method keeps it. Firings take a quarter of a line. What depends on a firing is found
//! through the species it changes, whose readers are few.

use crate::network::{Network, RateLaw};
use crate::simulator::SimulationError;
use crate::state::{LARGEST_COUNT, State};

/// Reactions of a record.
const MEMBERS: usize = 4;
/// Networks with more records do not fit into the caches next to the processor: looking ahead pays there.
pub(super) const LARGE: usize = 16_384;
/// Changes that a firing holds itself.
const CHANGES: usize = 3;

/// Reactions with a common factor, neighbours in [`crate::network::Plan::reactions`].
#[repr(C, align(64))]
pub(super) struct Record {
    /// Running sums of the constants; from the last reaction on, the sum of all.
    running: [f64; MEMBERS],
    pub propensity: f64,
    /// The common factor of a plain record: (value − offset) of two slots.
    slots: [u32; 2],
    offsets: [i16; 2],
    /// Position of the first reaction in [`crate::network::Plan::reactions`].
    first: u32,
    /// Where the method keeps the record among others.
    pub home: u32,
    count: u8,
    /// Whether the factor is that of `slots` and `offsets`; otherwise the rate law of the first reaction is asked.
    plain: bool,
}

/// What a reaction does.
#[repr(align(16))]
struct Firing {
    /// The slots it changes, `count` of them; of a firing that is not plain, a range of [`Records::listed`].
    slots: [u32; CHANGES],
    changes: [i8; CHANGES],
    flags: u8,
}

/// Bits of [`Firing::flags`]: the number of changes, and
const WATCHED: u8 = 4;
/// whether the firing must be looked up in [`crate::network::Plan::firings`].
const LISTED: u8 = 8;

/// All records of a network, under the present parameters and values.
pub(super) struct Records {
    pub all: Vec<Record>,
    /// Beside [`crate::network::Plan::reactions`].
    firings: Vec<Firing>,
    /// Readers of each slot are those from `starts[slot]` to `starts[slot + 1]`.
    starts: Vec<u32>,
    readers: Vec<u32>,
    /// Records that depend on firings that are not plain.
    listed: Vec<u32>,
}

impl Records {
    pub fn new(network: &Network) -> Self {
        let plan = &network.plan;
        let mut all = Vec::with_capacity(plan.groups.len());
        // The records of each group are those from here to the start of the next.
        let mut of_group = Vec::with_capacity(plan.groups.len() + 1);
        for group in &plan.groups {
            of_group.push(all.len() as u32);
            let offsets = group.factors.map(|(_, offset)| offset as i16);
            let exact = group.factors.iter().zip(offsets).all(|((_, offset), whole)| f64::from(whole) == *offset);
            let plain = exact && !group.general && group.more.0 == group.more.1;
            for first in (group.first..group.first + group.count).step_by(MEMBERS) {
                all.push(Record {
                    running: [0.0; MEMBERS],
                    propensity: 0.0,
                    slots: group.factors.map(|(slot, _)| slot),
                    offsets,
                    first,
                    home: 0,
                    count: (group.first + group.count - first).min(MEMBERS as u32) as u8,
                    plain,
                });
            }
        }
        of_group.push(all.len() as u32);
        let (starts, readers) = plain_readers(network, &all);
        let mut records =
            Self { all, firings: Vec::with_capacity(plan.firings.len()), starts, readers, listed: vec![] };
        for firing in &plan.firings {
            let changes = &plan.changes[firing.changes.0 as usize..firing.changes.1 as usize];
            let dependents = plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize].iter();
            let dependents = dependents.flat_map(|&group| of_group[group as usize]..of_group[group as usize + 1]);
            let fits = changes.len() <= CHANGES
                && changes.iter().all(|&(_, change)| f64::from(change as i8) == change)
                && firing.rules.0 == firing.rules.1
                && dependents.clone().all(|record| records.all[record as usize].plain);
            let mut short = Firing { slots: [0; CHANGES], changes: [0; CHANGES], flags: LISTED };
            if fits {
                short.flags = changes.len() as u8;
                for (place, &(slot, change)) in changes.iter().enumerate() {
                    (short.slots[place], short.changes[place]) = (slot, change as i8);
                }
            } else {
                short.slots[0] = records.listed.len() as u32;
                records.listed.extend(dependents);
                short.slots[1] = records.listed.len() as u32;
            }
            short.flags |= if firing.watched { WATCHED } else { 0 };
            records.firings.push(short);
        }
        records
    }

    /// After the state has jumped, and parameters with it.
    pub fn refresh(&mut self, state: &State) -> Result<(), SimulationError> {
        let plan = &state.network.plan;
        for record in &mut self.all {
            let mut sum = 0.0;
            for (place, running) in record.running.iter_mut().enumerate() {
                if place < usize::from(record.count) {
                    let reaction = plan.reactions[record.first as usize + place] as usize;
                    let product = matches!(state.network.reactions[reaction].law, RateLaw::Product { .. });
                    let constant = if product { state.constants[reaction] } else { 1.0 };
                    if !(0.0..f64::INFINITY).contains(&constant) {
                        return Err(state.bad_propensity(reaction, state.law(reaction)));
                    }
                    sum += constant;
                }
                *running = sum;
            }
        }
        (0..self.all.len()).try_for_each(|record| self.update(state, record).map(|_| ()))
    }

    /// Computes the propensity of a record; gives what it was and what it is.
    #[inline(always)]
    pub fn update(&mut self, state: &State, index: usize) -> Result<(f64, f64), SimulationError> {
        let record = &mut self.all[index];
        let factor = if record.plain {
            let [a, b] = record.slots.map(|slot| state.values[slot as usize]);
            let [a_offset, b_offset] = record.offsets.map(f64::from);
            (a - a_offset) * (b - b_offset)
        } else {
            let reaction = state.network.plan.reactions[record.first as usize];
            state.network.reactions[reaction as usize].law.evaluate(1.0, &state.values)
        };
        let propensity = factor * record.running[MEMBERS - 1];
        if !(0.0..f64::INFINITY).contains(&propensity) {
            return Err(self.bad(state, index));
        }
        Ok((std::mem::replace(&mut record.propensity, propensity), propensity))
    }

    #[cold]
    #[inline(never)]
    fn bad(&self, state: &State, index: usize) -> SimulationError {
        let reaction = state.network.plan.reactions[self.all[index].first as usize] as usize;
        state.bad_propensity(reaction, state.law(reaction))
    }

    /// Which of a record's reactions fires, as a position in [`crate::network::Plan::reactions`]; `uniform` lies between
    /// 0 and 1.
    #[inline(always)]
    pub fn member(&self, index: usize, uniform: f64) -> usize {
        let record = &self.all[index];
        let sum = record.running[MEMBERS - 1];
        let rest = uniform * sum;
        // Without a branch. No reaction comes behind one that completes the sum, whatever rounding does to `rest`.
        let beyond = |&&running: &&f64| (running <= rest) & (running < sum);
        record.first as usize + record.running.iter().filter(beyond).count()
    }

    /// One firing of the reaction at this position: counts, and rules that follow.
    #[inline(always)]
    pub fn fire(&self, state: &mut State, position: usize) -> Result<(), SimulationError> {
        let firing = &self.firings[position];
        let plan = &state.network.plan;
        if firing.flags & LISTED != 0 {
            return state.fire(&plan.firings[position], plan.reactions[position]);
        }
        for (&slot, &change) in firing.changed().iter().zip(&firing.changes) {
            let count = &mut state.values[slot as usize];
            *count += f64::from(change);
            if !(0.0..=LARGEST_COUNT).contains(count) {
                return Err(state.why_impossible(plan.reactions[position] as usize));
            }
        }
        Ok(())
    }

    /// Whether a firing may turn the condition of an event.
    #[inline(always)]
    pub fn watched(&self, position: usize) -> bool {
        self.firings[position].flags & WATCHED != 0
    }

    /// How many lists of dependents a firing has: records in two of them are the cheaper computed twice.
    #[inline(always)]
    pub fn lists(&self, position: usize) -> usize {
        let firing = &self.firings[position];
        if firing.flags & LISTED != 0 { 1 } else { firing.changed().len() }
    }

    /// Records whose propensity a firing changes.
    #[inline(always)]
    pub fn dependents(&self, position: usize, list: usize) -> &[u32] {
        let firing = &self.firings[position];
        if firing.flags & LISTED != 0 {
            return &self.listed[firing.slots[0] as usize..firing.slots[1] as usize];
        }
        let slot = firing.slots[list] as usize;
        &self.readers[self.starts[slot] as usize..self.starts[slot + 1] as usize]
    }
}

/// Asking for what will be read soon, on networks too large for the caches.
impl Records {
    #[inline(always)]
    pub fn prefetch(&self, record: usize) {
        prefetch(&self.all, record);
    }

    /// What the reaction at this position does.
    #[inline(always)]
    pub fn prefetch_firing(&self, position: usize) {
        prefetch(&self.firings, position);
    }

    /// What the reactions of a record do.
    #[inline(always)]
    pub fn prefetch_firings(&self, record: usize) {
        let first = self.all[record].first as usize;
        self.prefetch_firing(first);
        self.prefetch_firing(first + MEMBERS - 1);
    }

    /// The counts that a firing, which should be at hand, changes, and where their readers are told.
    #[inline(always)]
    pub fn prefetch_readers(&self, state: &State, position: usize) {
        let firing = &self.firings[position];
        if firing.flags & LISTED == 0 {
            for &slot in firing.changed() {
                prefetch(&state.values, slot as usize);
                prefetch(&self.starts, slot as usize);
            }
        }
    }

    /// What depends on a firing.
    #[inline(always)]
    pub fn prefetch_dependents(&self, position: usize) {
        for list in 0..self.lists(position) {
            self.dependents(position, list).iter().for_each(|&record| self.prefetch(record as usize));
        }
    }
}

/// Does nothing where there is no such instruction.
#[inline(always)]
pub(super) fn prefetch<T>(all: &[T], index: usize) {
    if let Some(item) = all.get(index) {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "more than halves the cost of an event on a ring of 10^5 compartments")]
        // SAFETY: a hint that reads nothing, given the address of an element that exists.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = item;
    }
}

impl Record {
    /// Whether it holds one reaction only.
    #[inline(always)]
    pub fn alone(&self) -> bool {
        self.count == 1
    }
}

impl Firing {
    #[inline(always)]
    fn changed(&self) -> &[u32] {
        &self.slots[..usize::from(self.flags & 3)]
    }
}

/// The plain records that read each slot, as rows one after the other: where each begins, and their contents.
fn plain_readers(network: &Network, records: &[Record]) -> (Vec<u32>, Vec<u32>) {
    let slots = |record: &Record| {
        let [a, b] = record.slots;
        [Some(a), Some(b).filter(|_| b != a)].into_iter().flatten().filter(|slot| *slot != network.one_slot())
    };
    let plain = || records.iter().enumerate().filter(|(_, record)| record.plain);
    let mut starts = vec![0; network.slots() + 2];
    plain().flat_map(|(_, record)| slots(record)).for_each(|slot| starts[slot as usize + 1] += 1);
    for slot in 1..starts.len() {
        starts[slot] += starts[slot - 1];
    }
    let mut readers = vec![0; starts.last().copied().unwrap_or(0) as usize];
    let mut ends = starts.clone();
    for (index, record) in plain() {
        for slot in slots(record) {
            readers[ends[slot as usize] as usize] = index as u32;
            ends[slot as usize] += 1;
        }
    }
    (starts, readers)
}

/// What one cache line and a quarter of one hold.
const _: () = assert!(size_of::<Record>() == 64 && size_of::<Firing>() == 16);
