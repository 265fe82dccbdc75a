//! Records in bins by the power of two of their propensity, and tries at the ceilings of the bins.

use super::super::records::{Records, prefetch};

/// Records with propensities from half of a power of two up to it.
struct Bin {
    /// The power of two.
    ceiling: f64,
    members: Vec<u32>,
    /// Places for members, of which the last may be empty: a number that seldom changes.
    places: usize,
    /// Rate of tries: the ceiling times the number of places.
    rate: f64,
}

impl Bin {
    /// Brings the number of places between that of members and a sixteenth more; says whether it has changed.
    fn fit(&mut self) -> bool {
        let count = self.members.len();
        let fits = (count..=count + count / 16).contains(&self.places);
        if !fits {
            self.places = count + count / 32;
            self.rate = self.ceiling * self.places as f64;
        }
        !fits
    }
}

/// Records by their propensities; one that cannot happen is in no bin. The home of a record is its position among the
/// members of its bin, which its propensity tells.
#[derive(Default)]
pub(super) struct Bins {
    bins: Vec<Bin>,
    /// Sum of the rates of tries.
    pub total: f64,
    /// How often rates have changed.
    pub version: u64,
    /// Whether they have changed since they were summed.
    stale: bool,
    /// Memory of former bins.
    spare: Vec<Vec<u32>>,
    /// Where each exponent's bin stands among the bins.
    of_exponent: Vec<Option<u32>>,
}

/// A place of a bin, and a uniform number below the bin's ceiling: the try succeeds if the propensity of the place's
/// member is larger.
#[derive(Clone, Copy, Default)]
pub(super) struct Try {
    bin: u32,
    place: u32,
    pub rest: f64,
}

/// Exponents of `f64`, from the bits.
const EXPONENTS: usize = 2048;

/// The biased exponent of a positive propensity: the powers of two that enclose it are 2^(e−1023) and 2^(e−1022).
#[inline]
fn exponent(propensity: f64) -> usize {
    (propensity.to_bits() >> 52) as usize
}

impl Bins {
    /// Puts all records into bins.
    pub fn fill(&mut self, records: &mut Records) {
        // The order of the bins must not depend on earlier trajectories; their memory may.
        self.spare.extend(self.bins.drain(..).map(|bin| bin.members));
        self.of_exponent.clear();
        self.of_exponent.resize(EXPONENTS, None);
        for record in 0..records.all.len() {
            self.insert(records, record, records.all[record].propensity);
        }
        self.sum();
    }

    fn sum(&mut self) {
        self.stale = false;
        self.version += 1;
        self.total = self.bins.iter().map(|bin| bin.rate).sum();
    }

    /// A try, from two words of random bits: for a bin by its rate and one of its places.
    #[inline(always)]
    pub fn choose(&self, bits: [u64; 2]) -> Try {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let mut rest = (bits[0] >> 11) as f64 * UNIT * self.total;
        let mut chosen = 0;
        // Should rounding leave a rest, it is for the last bin.
        for (index, bin) in self.bins.iter().enumerate().filter(|(_, bin)| bin.places > 0) {
            chosen = index;
            rest -= bin.rate;
            if rest < 0.0 {
                break;
            }
        }
        let Some(bin) = self.bins.get(chosen) else { return Try::default() };
        // Of the product of a random fraction and the number of places, the whole part says which and the rest is
        // uniform again (Lemire 2019, ACM Trans Model Comput Simul 29:3).
        let product = u128::from(bits[1]) * bin.places as u128;
        let fraction = (product as u64 >> 11) as f64 * UNIT;
        Try { bin: chosen as u32, place: (product >> 64) as u32, rest: fraction * bin.ceiling }
    }

    /// Asks for what tells the record at a place.
    #[inline(always)]
    pub fn prefetch(&self, of: Try) {
        if let Some(bin) = self.bins.get(of.bin as usize) {
            prefetch(&bin.members, of.place as usize);
        }
    }

    /// The record at a place.
    #[inline(always)]
    pub fn member(&self, of: Try) -> Option<usize> {
        let member = self.bins.get(of.bin as usize)?.members.get(of.place as usize)?;
        Some(*member as usize)
    }

    /// After the propensity of a record has changed. [`Bins::settle`] must follow.
    #[inline(always)]
    pub fn moved(&mut self, records: &mut Records, record: usize, (before, after): (f64, f64)) {
        if exponent(before) != exponent(after) || after == 0.0 {
            self.remove(records, record, before);
            self.insert(records, record, after);
        }
    }

    /// After an event.
    #[inline(always)]
    pub fn settle(&mut self) {
        if self.stale {
            self.sum();
        }
    }

    fn remove(&mut self, records: &mut Records, record: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let Some(index) = self.of_exponent[exponent(propensity)] else { return };
        let (bin, place) = (&mut self.bins[index as usize], records.all[record].home);
        bin.members.swap_remove(place as usize);
        if let Some(&moved) = bin.members.get(place as usize) {
            records.all[moved as usize].home = place;
        }
        self.stale |= bin.fit();
    }

    fn insert(&mut self, records: &mut Records, record: usize, propensity: f64) {
        if propensity <= 0.0 {
            return;
        }
        let exponent = exponent(propensity);
        let index = *self.of_exponent[exponent].get_or_insert_with(|| {
            // The lowest value of the next exponent; that of the greatest is infinite, which propensities are not.
            let ceiling = f64::from_bits(((exponent as u64 + 1) << 52).min(f64::MAX.to_bits()));
            let mut members = self.spare.pop().unwrap_or_default();
            members.clear();
            self.bins.push(Bin { ceiling, members, places: 0, rate: 0.0 });
            self.bins.len() as u32 - 1
        });
        let bin = &mut self.bins[index as usize];
        records.all[record].home = bin.members.len() as u32;
        bin.members.push(record as u32);
        self.stale |= bin.fit();
    }
}
