//! The composition-rejection method (Slepoy, Thompson & Plimpton 2008, J Chem Phys 128:205101): exact; records of
//! reactions are binned by the power of two of their propensity, so that choosing one costs the same however many there
//! are.
//!
//! Rejection is by thinning: tries come at the rate of the sum of all ceilings, which changes only where a record
//! changes its bin, and each succeeds with the probability propensity / ceiling, at least one half. No sum of
//! propensities is kept, so none gathers rounding.
//!
//! For networks of thousands of reactions.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use super::records::Records;
use crate::network::Network;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// Records with propensities from half of a power of two up to it.
struct Bin {
    /// The power of two.
    ceiling: f64,
    /// That times the number of members: the rate of tries.
    rate: f64,
    members: Vec<u32>,
}

/// Records by their propensities; one that cannot happen is in no bin.
#[derive(Default)]
struct Bins {
    bins: Vec<Bin>,
    /// Sum of the rates of tries.
    total: f64,
    /// Memory of former bins.
    spare: Vec<Vec<u32>>,
    /// The place of each exponent's bin among the bins.
    places: Vec<Option<u32>>,
}

pub(crate) struct CompositionRejection {
    /// The home of a record is its position among the members of its bin, which its propensity tells.
    records: Records,
    bins: Bins,
    /// Time of the next try, once drawn; kept over recording times, so that these do not change a trajectory.
    next: Option<f64>,
}

/// Exponents of `f64`, from the bits.
const EXPONENTS: usize = 2048;

/// The biased exponent of a positive propensity: the powers of two that enclose it are 2^(e−1023) and 2^(e−1022).
#[inline]
fn exponent(propensity: f64) -> usize {
    (propensity.to_bits() >> 52) as usize
}

impl CompositionRejection {
    pub fn new(network: &Network) -> Self {
        Self { records: Records::new(network), bins: Bins::default(), next: None }
    }
}

impl Stepper for CompositionRejection {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.records.refresh(state)?;
        self.bins.fill(&mut self.records);
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
        let (records, bins) = (&mut self.records, &mut self.bins);
        loop {
            let next = self.next.take().unwrap_or_else(|| state.time() + waiting_time(bins.total, random));
            if next.is_nan() || next > until {
                self.next = Some(next);
                break;
            }
            state.set_time(next);
            let Some((record, rest)) = bins.choose(random.random(), random.random()) else { continue };
            let record = record as usize;
            let propensity = records.all[record].propensity;
            if rest >= propensity {
                continue;
            }
            stats.events += 1;
            stats.step(next)?;
            // What an accepted try leaves of its uniform number is uniform below the propensity.
            let position = records.member(record, rest / propensity);
            records.fire(state, position)?;
            let mut moved = false;
            for list in 0..records.lists(position) {
                for place in 0..records.dependents(position, list).len() {
                    let dependent = records.dependents(position, list)[place] as usize;
                    let (before, after) = records.update(state, dependent)?;
                    if exponent(before) != exponent(after) || after == 0.0 {
                        bins.remove(records, dependent, before);
                        bins.insert(records, dependent, after);
                        moved = true;
                    }
                }
            }
            if moved {
                bins.sum();
            }
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

impl Bins {
    /// Puts all records into bins.
    fn fill(&mut self, records: &mut Records) {
        // The order of the bins must not depend on earlier trajectories; their memory may.
        self.spare.extend(self.bins.drain(..).map(|bin| bin.members));
        self.places.clear();
        self.places.resize(EXPONENTS, None);
        for record in 0..records.all.len() {
            self.insert(records, record, records.all[record].propensity);
        }
        self.sum();
    }

    fn sum(&mut self) {
        self.total = self.bins.iter().map(|bin| bin.rate).sum();
    }

    /// Whom a try is for, a bin by its rate and one of its members, and a uniform number below the bin's ceiling; from
    /// two words of random bits.
    #[inline(always)]
    fn choose(&self, bin: u64, member: u64) -> Option<(u32, f64)> {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let mut rest = (bin >> 11) as f64 * UNIT * self.total;
        let mut chosen = None;
        for bin in self.bins.iter().filter(|bin| !bin.members.is_empty()) {
            chosen = Some(bin);
            rest -= bin.rate;
            if rest < 0.0 {
                break;
            }
        }
        let bin = chosen?;
        // Of the product of a random fraction and the number of members, the whole part says which and the rest is
        // uniform again (Lemire 2019, ACM Trans Model Comput Simul 29:3).
        let product = u128::from(member) * bin.members.len() as u128;
        let fraction = (product as u64 >> 11) as f64 * UNIT;
        Some((bin.members[(product >> 64) as usize], fraction * bin.ceiling))
    }

    fn remove(&mut self, records: &mut Records, record: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let Some(place) = self.places[exponent(propensity)] else { return };
        let (bin, position) = (&mut self.bins[place as usize], records.all[record].home);
        bin.members.swap_remove(position as usize);
        if let Some(&moved) = bin.members.get(position as usize) {
            records.all[moved as usize].home = position;
        }
        bin.rate = bin.ceiling * bin.members.len() as f64;
    }

    fn insert(&mut self, records: &mut Records, record: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let exponent = exponent(propensity);
        let place = *self.places[exponent].get_or_insert_with(|| {
            // The lowest value of the next exponent; that of the greatest is infinite, which propensities are not.
            let ceiling = f64::from_bits(((exponent as u64 + 1) << 52).min(f64::MAX.to_bits()));
            let mut members = self.spare.pop().unwrap_or_default();
            members.clear();
            self.bins.push(Bin { ceiling, rate: 0.0, members });
            self.bins.len() as u32 - 1
        });
        let bin = &mut self.bins[place as usize];
        records.all[record].home = bin.members.len() as u32;
        bin.members.push(record as u32);
        bin.rate = bin.ceiling * bin.members.len() as f64;
    }
}
