//! Lanes in lockstep: in every step each lane fires one event.
//!
//! Everything here is plain arithmetic on rows of lanes. The compiler turns it into the widest instructions of the
//! processor features it is compiled for (see [`super::paths`]); no operation is fused or reordered, so that all paths and
//! widths give the same bits.

use crate::expression::{LaneStack, Row};
use crate::network::{Group, LARGEST_GROUP, Network, Plan, RateLaw, TIME, Trigger};

/// Changes of a reaction that are made without a loop.
const FEW: usize = 2;

/// Lanes whose numbers stay in registers through a loop over all groups.
const PART: usize = 8;

/// Stands for any number of factors of a group, and laws that are no products.
const ANY: usize = 4;

/// Steps after which a run comes back.
const STEPS: u32 = 1 << 20;

/// Running sums of the constants of a group's reactions; infinite beyond the last.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Sums([f64; LARGEST_GROUP]);

/// What is written out for some instructions, where the compiler does not find them.
pub(super) trait Instructions {
    /// How many of the sums, times `factor`, are not above `rest`.
    fn passed(sums: &[f64; LARGEST_GROUP], factor: f64, rest: f64) -> usize;
}

/// What a reaction changes.
#[derive(Clone, Copy)]
struct Move {
    slots: [u32; FEW],
    changes: [f64; FEW],
    /// Of the plan.
    position: u32,
    /// Further changes, in [`Plan::changes`].
    more: (u32, u32),
    watched: bool,
    /// Whether it is watched or has further changes.
    seldom: bool,
}

/// Why a step was interrupted before its events: sets of lanes, a bit a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pause {
    /// The next event comes after the time at which the lane is to stop.
    pub late: u64,
    /// A propensity is impossible.
    pub bad: u64,
    /// After the last step, a count was impossible.
    pub broken: u64,
    /// After the last step, an event's condition has turned, or the time at which it will has changed.
    pub watched: u64,
}

impl Pause {
    pub fn any(self) -> u64 {
        self.late | self.bad | self.broken | self.watched
    }
}

pub(super) struct Block<'n, const W: usize> {
    network: &'n Network,
    plan: &'n Plan,
    /// By slot; behind the constant 1 one more row for changes of nothing.
    pub values: Vec<Row<W>>,
    /// Time of each lane's last event, of the next one, and until when it may come.
    pub time: Row<W>,
    pub next: Row<W>,
    pub stop: Row<W>,
    /// Lanes that run, a bit each.
    pub active: u64,
    /// Reaction that each lane fired when it was found broken, as a position of the plan.
    pub fired: [u32; W],
    pub events: [u64; W],
    /// State of each lane's xoshiro256++.
    random: [[u64; W]; 4],
    /// By group: sum of constants.
    constants: Vec<Row<W>>,
    /// By group and lane: running sums of the constants within the group.
    running: Vec<[Sums; W]>,
    factors: Vec<Row<W>>,
    cumulative: Vec<Row<W>>,
    total: Row<W>,
    target: Row<W>,
    /// Slots and offsets of the first three factors of each group.
    terms: Vec<[(u32, f64); 3]>,
    /// What the reactions of each group change; behind the last they are filled up with it, where rounding may lead.
    moves: Vec<[Move; LARGEST_GROUP]>,
    /// By event of the network: whether its condition held when it was last looked at, 1 or 0.
    holds: Vec<Row<W>>,
    /// The most factors of a group: 1 without offset, 2, 3, or [`ANY`].
    most_factors: usize,
    /// Whether a group has more than one reaction.
    grouped: bool,
    stack: LaneStack<W>,
}

impl<'n, const W: usize> Block<'n, W> {
    pub fn new(network: &'n Network) -> Self {
        let plan = &network.plan;
        let groups = plan.groups.len();
        let mut values = vec![Row::ZERO; network.slots() + 2];
        values[network.one_slot() as usize] = Row([1.0; W]);
        let nothing = network.one_slot() + 1;
        let few = |position: usize| {
            let firing = &plan.firings[position];
            let changes = &plan.changes[firing.changes.0 as usize..firing.changes.1 as usize];
            let change = |index: usize| changes.get(index).copied().unwrap_or((nothing, 0.0));
            Move {
                slots: std::array::from_fn(|index| change(index).0),
                changes: std::array::from_fn(|index| change(index).1),
                position: position as u32,
                more: ((firing.changes.0 + FEW as u32).min(firing.changes.1), firing.changes.1),
                watched: firing.watched,
                seldom: firing.watched || changes.len() > FEW,
            }
        };
        let moves = |group: &Group| {
            std::array::from_fn(|place| few((group.first + (place as u32).min(group.count - 1)) as usize))
        };
        let one = network.one_slot();
        let terms = |group: &Group| {
            let third = plan.factors[group.more.0 as usize..group.more.1 as usize].first();
            let third = third.map_or((one, 0.0), |factor| (factor.slot as u32, factor.offset));
            [group.factors[0], group.factors[1], third]
        };
        let factors = |group: &Group| match group {
            Group { general: true, .. } => ANY,
            Group { factors: [(_, 0.0), (second, _)], more, .. } if *second == one && more.0 == more.1 => 1,
            Group { more: (start, end), .. } => (2 + (end - start) as usize).min(ANY),
        };
        Self {
            network,
            plan,
            values,
            time: Row::ZERO,
            next: Row::ZERO,
            stop: Row([f64::INFINITY; W]),
            active: 0,
            fired: [0; W],
            events: [0; W],
            random: [[1; W]; 4],
            constants: vec![Row::ZERO; groups],
            running: vec![[Sums([f64::INFINITY; LARGEST_GROUP]); W]; groups],
            factors: vec![Row::ZERO; groups],
            cumulative: vec![Row::ZERO; groups],
            total: Row::ZERO,
            target: Row::ZERO,
            terms: plan.groups.iter().map(terms).collect(),
            holds: vec![Row::ZERO; network.events.len()],
            moves: plan.groups.iter().map(moves).collect(),
            // Rules are computed with laws of any kind.
            most_factors: match plan.needed_rules.is_empty() {
                true => plan.groups.iter().map(factors).max().unwrap_or(1),
                false => ANY,
            },
            grouped: plan.groups.iter().any(|group| group.count > 1),
            stack: LaneStack::default(),
        }
    }

    /// Sets the values of a lane, and the constants of the reactions' laws.
    pub fn load(&mut self, lane: usize, values: &[f64], constants: &[f64]) {
        for (row, value) in self.values.iter_mut().zip(values) {
            row.0[lane] = *value;
        }
        for (index, group) in self.plan.groups.iter().enumerate() {
            let mut sum = 0.0;
            for place in 0..group.count as usize {
                let reaction = self.plan.reactions[group.first as usize + place] as usize;
                sum += if group.general { 1.0 } else { constants[reaction] };
                self.running[index][lane].0[place] = sum;
            }
            self.constants[index].0[lane] = sum;
        }
    }

    /// The values of a lane, without its time.
    pub fn store(&self, lane: usize, values: &mut [f64]) {
        for (row, value) in self.values.iter().zip(values).skip(1) {
            *value = row.0[lane];
        }
    }

    /// Sets which conditions hold in a lane.
    pub fn hold(&mut self, lane: usize, holds: &[bool]) {
        for (row, holds) in self.holds.iter_mut().zip(holds) {
            row.0[lane] = f64::from(u8::from(*holds));
        }
    }

    pub fn seed(&mut self, lane: usize, state: [u64; 4]) {
        for (words, word) in self.random.iter_mut().zip(state) {
            words[lane] = word;
        }
    }

    /// Takes a lane out of the dance: nothing happens in it any more.
    pub fn retire(&mut self, lane: usize) {
        self.active &= !(1 << lane);
        self.stop.0[lane] = f64::INFINITY;
        self.constants.iter_mut().for_each(|row| row.0[lane] = 0.0);
    }

    /// Fires the events of the lanes in `fire`, then steps all until one pauses, or [`STEPS`] have been made.
    #[inline(always)]
    pub fn run<P: Instructions>(&mut self, fire: u64) -> Pause {
        match self.most_factors {
            1 => self.run_by::<P, 1>(fire),
            2 => self.run_by::<P, 2>(fire),
            3 => self.run_by::<P, 3>(fire),
            _ => self.run_by::<P, ANY>(fire),
        }
    }

    #[inline(always)]
    fn run_by<P: Instructions, const FACTORS: usize>(&mut self, mut fire: u64) -> Pause {
        for _ in 0..STEPS {
            let mut pause = self.fire::<P>(fire);
            self.propensities::<FACTORS>(&mut pause);
            self.draw(&mut pause);
            if pause.watched != 0 {
                pause.watched &= self.turned();
            }
            if pause.any() & self.active != 0 {
                return pause;
            }
            fire = self.active;
        }
        // The last events are drawn but not fired: as if they had paused for nothing.
        Pause::default()
    }

    /// Factors and running sums of the propensities of all groups.
    #[inline(always)]
    fn propensities<const FACTORS: usize>(&mut self, pause: &mut Pause) {
        if FACTORS == ANY {
            self.laws();
        }
        let mut impossible = false;
        for part in 0..W / PART {
            let (mut sum, mut lowest) = ([0.0; PART], [0.0; PART]);
            let groups = self.terms.iter().zip(&self.constants).zip(&mut self.factors).zip(&mut self.cumulative);
            for (((terms, constant), factor_row), cumulative) in groups {
                // Copies, so that nothing has to be read again after a number is written.
                let factor_row = &mut factor_row.0.as_chunks_mut::<PART>().0[part];
                let mut factor = *factor_row;
                if FACTORS < ANY {
                    let values = |term: usize| self.values[terms[term].0 as usize].0.as_chunks::<PART>().0[part];
                    factor = values(0);
                    if FACTORS > 1 {
                        let ((_, offset), (_, other_offset), other) = (terms[0], terms[1], values(1));
                        for lane in 0..PART {
                            factor[lane] = (factor[lane] - offset) * (other[lane] - other_offset);
                        }
                    }
                    if FACTORS > 2 {
                        let ((_, offset), other) = (terms[2], values(2));
                        for lane in 0..PART {
                            factor[lane] *= other[lane] - offset;
                        }
                    }
                    *factor_row = factor;
                }
                let constant = constant.0.as_chunks::<PART>().0[part];
                for lane in 0..PART {
                    let propensity = factor[lane] * constant[lane];
                    sum[lane] += propensity;
                    // What is not a number shows in the sum.
                    lowest[lane] = if propensity < lowest[lane] { propensity } else { lowest[lane] };
                }
                cumulative.0.as_chunks_mut::<PART>().0[part] = sum;
            }
            self.total.0.as_chunks_mut::<PART>().0[part] = sum;
            for lane in 0..PART {
                impossible |= !(lowest[lane] >= 0.0 && sum[lane] < f64::INFINITY);
            }
        }
        if impossible {
            pause.bad = self.impossible();
        }
    }

    /// Lanes with an impossible propensity.
    #[cold]
    fn impossible(&self) -> u64 {
        let mut before = [0.0; W];
        let mut bad = 0;
        for row in &self.cumulative {
            bad |= set::<W>(|lane| !(row.0[lane] >= before[lane] && row.0[lane] < f64::INFINITY));
            before = row.0;
        }
        bad
    }

    /// Rules and the factors of all groups, whatever their laws.
    #[inline(always)]
    fn laws(&mut self) {
        let first_rule = self.network.rule_slot(0);
        // No rate reads the time, but a condition may, by a rule.
        self.values[TIME] = self.time;
        for &rule in &self.plan.needed_rules {
            self.network.rules[rule].program.evaluate_lanes(&self.values, &mut self.stack);
            self.values[first_rule + rule] = *self.stack.result();
        }
        for (index, group) in self.plan.groups.iter().enumerate() {
            if group.general {
                let reaction = self.plan.reactions[group.first as usize] as usize;
                if let RateLaw::General(program) = &self.network.reactions[reaction].law {
                    program.evaluate_lanes(&self.values, &mut self.stack);
                    self.factors[index] = *self.stack.result();
                }
                continue;
            }
            let [(a, a_offset), (b, b_offset)] = group.factors;
            let (a, b) = (&self.values[a as usize].0, &self.values[b as usize].0);
            let factor = &mut self.factors[index].0;
            for lane in 0..W {
                factor[lane] = (a[lane] - a_offset) * (b[lane] - b_offset);
            }
            for more in &self.plan.factors[group.more.0 as usize..group.more.1 as usize] {
                let other = &self.values[more.slot].0;
                for lane in 0..W {
                    factor[lane] *= other[lane] - more.offset;
                }
            }
        }
    }

    /// Lanes in which a condition has turned, or may turn at another time than it was to.
    #[inline(always)]
    fn turned(&mut self) -> u64 {
        let mut turned = 0;
        self.values[TIME] = self.time;
        for (event, holds) in self.network.events.iter().zip(&self.holds) {
            if event.is_moving() {
                return u64::MAX;
            }
            if let Trigger::When { condition, .. } = &event.trigger {
                condition.evaluate_lanes(&self.values, &mut self.stack);
                let now = self.stack.result();
                turned |= set::<W>(|lane| (now.0[lane] != 0.0) != (holds.0[lane] != 0.0));
            }
        }
        turned
    }

    /// Time and choice of the next events.
    #[inline(always)]
    fn draw(&mut self, pause: &mut Pause) {
        let (mut first, mut second) = ([0; W], [0; W]);
        advance(&mut self.random, &mut first);
        advance(&mut self.random, &mut second);
        for lane in 0..W {
            let total = self.total.0[lane];
            // 0 in a lane without propensities: infinite, not undefined.
            let waiting = (exponential(first[lane]) + f64::MIN_POSITIVE) / total;
            self.next.0[lane] = self.time.0[lane] + waiting;
            self.target.0[lane] = uniform(second[lane]) * total;
        }
        pause.late = set::<W>(|lane| self.next.0[lane] > self.stop.0[lane]);
    }

    /// Chooses and fires the reactions of the lanes in `fire`.
    #[inline(always)]
    fn fire<P: Instructions>(&mut self, fire: u64) -> Pause {
        let mut pause = Pause::default();
        if fire == 0 {
            return pause;
        }
        let (mut chosen, mut rest) = ([0_u64; W], [0.0; W]);
        for part in 0..W / PART {
            let target = &self.target.0.as_chunks::<PART>().0[part];
            let (mut group, mut passed) = ([0_u64; PART], [0.0; PART]);
            for row in &self.cumulative {
                let sum = &row.0.as_chunks::<PART>().0[part];
                for lane in 0..PART {
                    let over = sum[lane] <= target[lane];
                    group[lane] += u64::from(over);
                    passed[lane] = if over { sum[lane] } else { passed[lane] };
                }
            }
            let rest = &mut rest.as_chunks_mut::<PART>().0[part];
            for lane in 0..PART {
                rest[lane] = target[lane] - passed[lane];
            }
            chosen.as_chunks_mut::<PART>().0[part] = group;
        }
        if fire == u64::MAX >> (64 - W) {
            self.time = self.next;
            self.events.iter_mut().for_each(|events| *events += 1);
            for lane in 0..W {
                self.fire_lane::<P>(lane, chosen[lane], rest[lane], &mut pause);
            }
        } else {
            for lane in (0..W).filter(|lane| (fire >> lane) & 1 != 0) {
                self.time.0[lane] = self.next.0[lane];
                self.events[lane] += 1;
                self.fire_lane::<P>(lane, chosen[lane], rest[lane], &mut pause);
            }
        }
        pause
    }

    /// Fires a reaction of the group `chosen`: that in which `rest` of the group's propensity lies.
    #[inline(always)]
    fn fire_lane<P: Instructions>(&mut self, lane: usize, chosen: u64, rest: f64, pause: &mut Pause) {
        // Rounding may leave the target at the total: then nothing fires.
        let Some(moves) = self.moves.get(chosen as usize) else { return };
        let mut place = 0;
        if self.grouped {
            let (running, factor) = (&self.running[chosen as usize][lane], self.factors[chosen as usize].0[lane]);
            place = P::passed(&running.0, factor, rest);
        }
        let step = &moves[place % LARGEST_GROUP];
        let mut possible = true;
        for index in 0..FEW {
            let count = &mut self.values[step.slots[index] as usize].0[lane];
            *count += step.changes[index];
            possible &= *count >= 0.0;
        }
        if step.seldom || !possible {
            self.fired[lane] = step.position;
            for &(slot, change) in &self.plan.changes[step.more.0 as usize..step.more.1 as usize] {
                let count = &mut self.values[slot as usize].0[lane];
                *count += change;
                possible &= *count >= 0.0;
            }
            pause.broken |= u64::from(!possible) << lane;
            pause.watched |= u64::from(step.watched) << lane;
        }
    }
}

/// The lanes of which something holds, a bit each.
#[inline(always)]
fn set<const W: usize>(holds: impl Fn(usize) -> bool) -> u64 {
    let mut any = false;
    for lane in 0..W {
        any |= holds(lane);
    }
    if any { (0..W).fold(0, |set, lane| set | u64::from(holds(lane)) << lane) } else { 0 }
}

/// The next word of each lane's xoshiro256++ (Blackman & Vigna 2021, ACM TOMS 47:36, figure 3).
#[inline(always)]
fn advance<const W: usize>([s0, s1, s2, s3]: &mut [[u64; W]; 4], words: &mut [u64; W]) {
    for lane in 0..W {
        words[lane] = s0[lane].wrapping_add(s3[lane]).rotate_left(23).wrapping_add(s0[lane]);
        let shifted = s1[lane] << 17;
        s2[lane] ^= s0[lane];
        s3[lane] ^= s1[lane];
        s1[lane] ^= s2[lane];
        s0[lane] ^= s3[lane];
        s2[lane] ^= shifted;
        s3[lane] = s3[lane].rotate_left(45);
    }
}

const ONE: u64 = 1.0_f64.to_bits();

/// A number in [0, 1), a multiple of 2⁻⁵².
#[inline(always)]
fn uniform(word: u64) -> f64 {
    f64::from_bits((word >> 12) | ONE) - 1.0
}

/// −ln(u) of a number u in (0, 1], by the method and coefficients of Sun's fdlibm (e_log.c, 1993): less than one unit in
/// the last place from the truth.
#[inline(always)]
fn exponential(word: u64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const HALF_ROOT: u64 = 0x3fe6_a09e_0000_0000;
    let u = 2.0 - f64::from_bits((word >> 12) | ONE);
    // u = 2^k (1 + f) with 1 + f between √½ and √2.
    let shifted = u.to_bits() + (ONE - HALF_ROOT);
    // A whole number below 2⁵² becomes a float by its bits.
    let k = f64::from_bits((shifted >> 52) | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let f = f64::from_bits((shifted & MANTISSA) + HALF_ROOT) - 1.0;
    let s = f / (2.0 + f);
    let (z, half) = (s * s, 0.5 * f * f);
    let w = z * z;
    let even = w * (3.999_999_999_940_942e-1 + w * (2.222_219_843_214_978_4e-1 + w * 1.531_383_769_920_937_3e-1));
    let odd = z
        * (6.666_666_666_666_735e-1
            + w * (2.857_142_874_366_239e-1 + w * (1.818_357_216_161_805e-1 + w * 1.479_819_860_511_658_6e-1)));
    let log = f - (half - s * (half + even + odd));
    -(k * std::f64::consts::LN_2 + log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_logarithms() {
        let mut word = 1_u64;
        for _ in 0..100_000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let u = 2.0 - f64::from_bits((word >> 12) | ONE);
            assert!((exponential(word) + u.ln()).abs() <= 4e-16 * u.ln().abs().max(1e-3), "{u}");
        }
        assert_eq!(exponential(0), 0.0);
        assert!(exponential(u64::MAX) > 36.0);
    }

    #[test]
    fn lanes_draw_what_their_streams_do() {
        use metacascade_random::{Key, rand::Rng};
        let keys = [Key::new(1), Key::new(2).child(3)];
        let mut states = [[0; 2]; 4];
        for (lane, key) in keys.iter().enumerate() {
            states.iter_mut().zip(key.state()).for_each(|(words, word)| words[lane] = word);
        }
        let mut streams = keys.map(Key::stream);
        for _ in 0..100 {
            let mut words = [0; 2];
            advance(&mut states, &mut words);
            assert_eq!(words, [streams[0].next_u64(), streams[1].next_u64()]);
        }
    }
}
