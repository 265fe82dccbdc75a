//! The composition-rejection method (Slepoy, Thompson & Plimpton 2008, J Chem Phys 128:205101): exact; groups of
//! reactions are binned by the power of two of their propensity, so that choosing one costs the same however many there
//! are.
//!
//! For networks of thousands of reactions.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use super::groups::Groups;
use crate::network::Plan;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Sums of propensities are taken afresh after this many events, so that rounding does not add up.
const RESUM: u32 = 65_536;

/// Groups of reactions with propensities from half of a power of two up to it.
struct Bin {
    /// The power of two.
    ceiling: f64,
    sum: f64,
    members: Vec<u32>,
}

#[derive(Default)]
pub(crate) struct CompositionRejection {
    groups: Groups,
    /// A group that cannot happen is in none.
    bins: Vec<Bin>,
    /// Memory of former bins.
    spare: Vec<Vec<u32>>,
    /// The place of each exponent's bin among the bins.
    places: Vec<Option<u32>>,
    /// Of each group, its position among the members of its bin, which its propensity tells.
    home: Vec<u32>,
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
        self.groups.refresh(state)?;
        // The order of the bins must not depend on earlier trajectories; their memory may.
        self.spare.extend(self.bins.drain(..).map(|bin| bin.members));
        self.places.clear();
        self.places.resize(EXPONENTS, None);
        self.home.clear();
        self.home.resize(self.groups.propensities.len(), 0);
        for group in 0..self.home.len() {
            self.insert(group, self.groups.propensities[group]);
        }
        self.since_sum = 0;
        self.next = None;
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
        let plan = &state.network.plan;
        loop {
            let total: f64 = self.bins.iter().map(|bin| bin.sum).sum();
            // Rounding may leave less than nothing.
            let next = self.next.take().unwrap_or_else(|| state.time() + waiting_time(total.max(0.0), random));
            if next.is_nan() || next > until {
                self.next = Some(next);
                break;
            }
            state.set_time(next);
            stats.step(next)?;
            let Some(position) = self.choose(plan, total, random) else { continue };
            stats.events += 1;
            let firing = &plan.firings[position];
            state.fire(firing, plan.reactions[position])?;
            for &group in &plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize] {
                let group = group as usize;
                let before = self.groups.propensities[group];
                let change = self.groups.update(state, plan, group)?;
                self.moved(group, before, change);
            }
            self.since_sum += 1;
            if self.since_sum >= RESUM {
                self.resum();
            }
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

impl CompositionRejection {
    /// A bin by its sum, then a member by rejection: at least every second try succeeds. What an accepted try leaves
    /// of its uniform number is uniform below the group's propensity.
    #[inline]
    fn choose(&mut self, plan: &Plan, total: f64, random: &mut Stream) -> Option<usize> {
        let mut rest = random.random::<f64>() * total;
        let mut chosen = None;
        for bin in self.bins.iter().filter(|bin| !bin.members.is_empty()) {
            chosen = Some(bin);
            rest -= bin.sum;
            if rest < 0.0 {
                break;
            }
        }
        let bin = chosen?;
        loop {
            let group = bin.members[random.random_range(0..bin.members.len())] as usize;
            let rest = random.random::<f64>() * bin.ceiling;
            if rest < self.groups.propensities[group] {
                return Some(self.groups.member(plan, group, rest));
            }
        }
    }

    #[cold]
    fn resum(&mut self) {
        self.since_sum = 0;
        for bin in &mut self.bins {
            bin.sum = bin.members.iter().map(|&member| self.groups.propensities[member as usize]).sum();
        }
    }

    /// After the propensity of a group has changed.
    #[inline]
    fn moved(&mut self, group: usize, before: f64, change: f64) {
        let after = self.groups.propensities[group];
        if exponent(before) == exponent(after) && after > 0.0 {
            if let Some(place) = self.places[exponent(after)] {
                self.bins[place as usize].sum += change;
            }
        } else {
            self.remove(group, before);
            self.insert(group, after);
        }
    }

    fn remove(&mut self, group: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let Some(place) = self.places[exponent(propensity)] else { return };
        let (bin, position) = (&mut self.bins[place as usize], self.home[group]);
        bin.members.swap_remove(position as usize);
        if let Some(&moved) = bin.members.get(position as usize) {
            self.home[moved as usize] = position;
        }
        // An empty bin sums to 0 exactly, whatever rounding left.
        bin.sum = if bin.members.is_empty() { 0.0 } else { bin.sum - propensity };
    }

    fn insert(&mut self, group: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let exponent = exponent(propensity);
        let place = *self.places[exponent].get_or_insert_with(|| {
            // The lowest value of the next exponent; that of the greatest is infinite, which propensities are not.
            let ceiling = f64::from_bits(((exponent as u64 + 1) << 52).min(f64::MAX.to_bits()));
            let mut members = self.spare.pop().unwrap_or_default();
            members.clear();
            self.bins.push(Bin { ceiling, sum: 0.0, members });
            self.bins.len() as u32 - 1
        });
        let bin = &mut self.bins[place as usize];
        self.home[group] = bin.members.len() as u32;
        bin.members.push(group as u32);
        bin.sum += propensity;
    }
}
