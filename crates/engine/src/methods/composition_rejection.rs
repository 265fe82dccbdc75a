//! The composition-rejection method (Slepoy, Thompson & Plimpton 2008, J Chem Phys 128:205101): exact; reactions are
//! grouped by the power of two of their propensity, so that choosing one costs the same however many there are.
//!
//! For networks of thousands of reactions.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Sums of propensities are taken afresh after this many events, so that rounding does not add up.
const RESUM: u32 = 65_536;

/// Reactions with propensities from half of a power of two up to it.
#[derive(Default)]
struct Group {
    /// The power of two.
    ceiling: f64,
    sum: f64,
    members: Vec<usize>,
}

#[derive(Default)]
pub(crate) struct CompositionRejection {
    /// By descending power; a reaction that cannot happen is in none.
    groups: Vec<Group>,
    /// The exponent that each group stands for, and its place among the groups, by exponent.
    places: Vec<Option<usize>>,
    /// For each reaction, the group's exponent as an index of `places`, and its position among the members.
    home: Vec<Option<(usize, usize)>>,
    next: Option<f64>,
    since_sum: u32,
}

/// Exponents of `f64`, from the bits.
const EXPONENTS: usize = 2048;

/// The biased exponent of a positive propensity: the powers of two that enclose it are 2^(e−1023) and 2^(e−1022).
#[inline]
fn exponent(propensity: f64) -> usize {
    (propensity.to_bits() >> 52) as usize
}

impl Stepper for CompositionRejection {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.groups.clear();
        self.places.clear();
        self.places.resize(EXPONENTS, None);
        self.home.clear();
        self.home.resize(state.propensities.len(), None);
        for (reaction, &propensity) in state.propensities.iter().enumerate() {
            self.insert(reaction, propensity);
        }
        self.since_sum = 0;
        self.next = None;
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
            let total: f64 = self.groups.iter().map(|group| group.sum).sum();
            // Rounding may leave less than nothing.
            let next = self.next.take().unwrap_or_else(|| state.time() + waiting_time(total.max(0.0), random));
            if next.is_nan() || next > until {
                self.next = Some(next);
                break;
            }
            state.set_time(next);
            if let Some(reaction) = self.choose(state, total, random) {
                self.fire(state, reaction)?;
                stats.events += 1;
            }
            stats.step(next)?;
        }
        state.set_time(until);
        state.update_rules();
        Ok(())
    }
}

impl CompositionRejection {
    /// A group by its sum, then a member by rejection: at least every second try succeeds.
    #[inline]
    fn choose(&mut self, state: &State, total: f64, random: &mut Stream) -> Option<usize> {
        let mut rest = random.random::<f64>() * total;
        let mut chosen = None;
        for group in self.groups.iter().filter(|group| !group.members.is_empty()) {
            chosen = Some(group);
            rest -= group.sum;
            if rest < 0.0 {
                break;
            }
        }
        let group = chosen?;
        loop {
            let member = group.members[random.random_range(0..group.members.len())];
            if random.random::<f64>() * group.ceiling < state.propensities[member] {
                return Some(member);
            }
        }
    }

    #[inline]
    fn fire(&mut self, state: &mut State, reaction: usize) -> Result<(), SimulationError> {
        state.fire(reaction)?;
        for &dependent in &state.network.dependents[reaction].reactions {
            let before = state.propensities[dependent];
            state.update_propensity(dependent)?;
            self.change(dependent, before, state.propensities[dependent]);
        }
        self.since_sum += 1;
        if self.since_sum >= RESUM {
            self.since_sum = 0;
            for group in &mut self.groups {
                group.sum = group.members.iter().map(|&member| state.propensities[member]).sum();
            }
        }
        Ok(())
    }

    #[inline]
    fn change(&mut self, reaction: usize, before: f64, after: f64) {
        if let Some((old, _)) = self.home[reaction]
            && after > 0.0
            && old == exponent(after)
            && let Some(place) = self.places[old]
        {
            self.groups[place].sum += after - before;
            return;
        }
        self.remove(reaction, before);
        self.insert(reaction, after);
    }

    fn remove(&mut self, reaction: usize, propensity: f64) {
        let Some((exponent, position)) = self.home[reaction].take() else { return };
        let Some(place) = self.places[exponent] else { return };
        let group = &mut self.groups[place];
        group.members.swap_remove(position);
        if let Some(&moved) = group.members.get(position) {
            self.home[moved] = Some((exponent, position));
        }
        // An empty group sums to 0 exactly, whatever rounding left.
        group.sum = if group.members.is_empty() { 0.0 } else { group.sum - propensity };
    }

    fn insert(&mut self, reaction: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let exponent = exponent(propensity);
        let place = *self.places[exponent].get_or_insert_with(|| {
            // The lowest value of the next exponent; that of the greatest is infinite, which propensities are not.
            let ceiling = f64::from_bits(((exponent as u64 + 1) << 52).min(f64::MAX.to_bits()));
            self.groups.push(Group { ceiling, ..Group::default() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        self.home[reaction] = Some((exponent, group.members.len()));
        group.members.push(reaction);
        group.sum += propensity;
    }
}
