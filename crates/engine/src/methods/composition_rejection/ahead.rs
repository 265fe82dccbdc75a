//! Tries drawn some tries before their turn, so that what they will touch is on its way to the caches.
//!
//! A try is made of random bits, which are drawn ahead whatever happens. Whom they choose is a guess until its turn
//! comes; it is mostly right, because the rates of bins seldom change.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::super::records::Records;
use super::bins::{Bins, Try};
use crate::state::State;

/// Tries drawn ahead, the present one included.
const AHEAD: usize = 4;

#[derive(Clone, Copy, Default)]
struct Guess {
    bits: [u64; 2],
    /// What the bits choose by this version of the rates.
    chosen: Try,
    version: u64,
    /// The reaction that will probably fire.
    position: Option<usize>,
}

#[derive(Default)]
pub(super) struct Ahead {
    guesses: [Guess; AHEAD],
    /// How many tries have had their turn.
    taken: usize,
    drawn: bool,
}

impl Ahead {
    /// Drops what was drawn from another stream, or before a jump.
    pub fn forget(&mut self) {
        self.drawn = false;
    }

    /// The next try.
    #[inline(always)]
    pub fn take(&mut self, records: &Records, bins: &Bins, state: &State, random: &mut Stream) -> Try {
        if !self.drawn {
            (0..AHEAD - 1).for_each(|later| self.draw(later, records, bins, random));
            self.drawn = true;
        }
        // Three steps for three tries: the record, the firing that it leads to, what that changes.
        self.draw(AHEAD - 1, records, bins, random);
        let later = &mut self.guesses[(self.taken + 2) % AHEAD];
        if let Some(record) = bins.member(later.chosen)
            && later.chosen.rest < records.all[record].propensity
        {
            let position = records.member(record, later.chosen.rest / records.all[record].propensity);
            records.prefetch_firing(position);
            later.position = Some(position);
        }
        if let Some(position) = self.guesses[(self.taken + 1) % AHEAD].position {
            records.prefetch_dependents(state, position);
        }
        let now = self.guesses[self.taken % AHEAD];
        self.taken = self.taken.wrapping_add(1);
        if now.version == bins.version { now.chosen } else { bins.choose(now.bits) }
    }

    #[inline(always)]
    fn draw(&mut self, later: usize, records: &Records, bins: &Bins, random: &mut Stream) {
        let bits = [random.random(), random.random()];
        let chosen = bins.choose(bits);
        if let Some(record) = bins.member(chosen) {
            records.prefetch(record);
        }
        self.guesses[(self.taken + later) % AHEAD] = Guess { bits, chosen, version: bins.version, position: None };
    }
}
