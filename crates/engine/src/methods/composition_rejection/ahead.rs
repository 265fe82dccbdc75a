//! Tries drawn some tries before their turn, so that what they will touch is on its way to the caches.
//!
//! A try is made of random bits, which are drawn ahead whatever happens. Whom they choose is a guess until its turn
//! comes; it is mostly right, because the rates of bins seldom change.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::super::records::Records;
use super::bins::{Bins, Try};
use crate::state::State;

/// Places for tries to come, a power of two.
const AHEAD: usize = 16;
/// How many tries ahead of its turn a try's member is asked for; the record; the firing that it leads to; where the
/// readers of what that changes are told; and these. Memory answers within the time of two or three tries.
const MEMBER: usize = 12;
const RECORD: usize = 10;
const FIRING: usize = 7;
const READERS: usize = 4;
const DEPENDENTS: usize = 2;

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
            (0..MEMBER).for_each(|later| self.draw(later, bins, random));
            self.drawn = true;
        }
        self.draw(MEMBER, bins, random);
        if let Some(record) = bins.member(self.guess(RECORD).chosen) {
            records.prefetch(record);
        }
        let later = self.guess(FIRING);
        if let Some(record) = bins.member(later.chosen)
            && later.chosen.rest < records.all[record].propensity
        {
            let position = records.member(record, later.chosen.rest / records.all[record].propensity);
            records.prefetch_firing(position);
            later.position = Some(position);
        }
        if let Some(position) = self.guess(READERS).position {
            records.prefetch_readers(state, position);
        }
        if let Some(position) = self.guess(DEPENDENTS).position {
            records.prefetch_dependents(position);
        }
        let now = *self.guess(0);
        self.taken = self.taken.wrapping_add(1);
        if now.version == bins.version { now.chosen } else { bins.choose(now.bits) }
    }

    /// That of the try so many ahead.
    #[inline(always)]
    fn guess(&mut self, later: usize) -> &mut Guess {
        &mut self.guesses[(self.taken + later) % AHEAD]
    }

    #[inline(always)]
    fn draw(&mut self, later: usize, bins: &Bins, random: &mut Stream) {
        let bits = [random.random(), random.random()];
        let chosen = bins.choose(bits);
        bins.prefetch(chosen);
        *self.guess(later) = Guess { bits, chosen, version: bins.version, position: None };
    }
}
