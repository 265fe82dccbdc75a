//! The inner loop of the direct method for small networks of mass-action laws and their like.
//!
//! All tables have fixed sizes and lie in one piece, and the lengths of lists are known when the loop is compiled: no
//! bounds are checked, no addresses are loaded, and processors foresee every branch but the choice of the reaction.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::direct::Stop;
use super::draws::waiting_time;
use super::groups::Groups;
use crate::network::{LARGEST_GROUP, Network};
use crate::simulator::{SimulationError, Stats};
use crate::state::{LARGEST_COUNT, State};

const SPECIES: usize = 64;
const GROUPS: usize = 32;
const REACTIONS: usize = 64;
/// Changes and dependents of a reaction.
const LIST: usize = 8;
const FACTORS: usize = 3;
/// Events for which random numbers are drawn at a time.
const AHEAD: usize = 64;
/// Place of the constant 1 among the counts.
const ONE: u8 = SPECIES as u8 - 1;
/// The sum of propensities is taken afresh after this many events, so that rounding does not add up.
const RESUM: u32 = 512;

#[derive(Clone, Copy, Default)]
struct Law {
    /// Species whose counts less an offset are multiplied.
    species: [u8; FACTORS],
    first: u8,
    count: u8,
    offsets: [f64; FACTORS],
    constant: f64,
}

/// What a reaction does when it fires.
#[derive(Clone, Copy, Default)]
struct Move {
    species: [u8; LIST],
    changes: [f64; LIST],
    dependents: [Dependent; LIST],
    /// Length of `dependents`.
    count: u8,
    /// Change of the total propensity, where all laws are of first order.
    total: f64,
}

/// A group whose propensity a reaction changes. Its factors are found from the counts before the reaction, so that
/// nothing has to wait for these to be stored.
#[derive(Clone, Copy, Default)]
struct Dependent {
    group: u8,
    species: [u8; FACTORS],
    /// Change of each factor's count, less the factor's offset.
    changes: [f64; FACTORS],
    constant: f64,
}

pub(super) struct Small {
    counts: [f64; SPECIES],
    /// The largest value of each: continuous variables have no limit.
    limits: [f64; SPECIES],
    laws: [Law; GROUPS],
    propensities: [f64; GROUPS],
    factors: [f64; GROUPS],
    running: [[f64; LARGEST_GROUP]; GROUPS],
    moves: [Move; REACTIONS],
    groups: usize,
    /// Lengths of the longest lists.
    most: (usize, usize, usize),
    grouped: bool,
    total: f64,
    since_sum: u32,
    draws: Draws,
}

/// Random numbers of the next events, drawn many at a time: the inner loop then calls no function, and keeps what it
/// works on in registers.
struct Draws {
    exponential: [f64; AHEAD],
    uniform: [f64; AHEAD],
    used: usize,
}

impl Draws {
    #[inline(never)]
    fn fill(&mut self, random: &mut Stream) {
        for (exponential, uniform) in self.exponential.iter_mut().zip(&mut self.uniform) {
            *exponential = waiting_time(1.0, random);
            *uniform = random.random();
        }
        self.used = 0;
    }
}

impl Small {
    /// Nothing if the network is not small or has other laws, rules in them, or conditions to watch.
    pub fn new(network: &Network) -> Option<Box<Self>> {
        let plan = &network.plan;
        let watched = plan.firings.iter().any(|firing| firing.watched);
        let fits = network.species.len() < SPECIES - LIST
            && plan.groups.len() <= GROUPS - LIST
            && plan.reactions.len() <= REACTIONS
            && plan.needed_rules.is_empty();
        if watched || !fits {
            return None;
        }
        let mut small = Box::new(Self {
            counts: [0.0; SPECIES],
            limits: [LARGEST_COUNT; SPECIES],
            laws: [Law::default(); GROUPS],
            propensities: [0.0; GROUPS],
            factors: [0.0; GROUPS],
            running: [[f64::INFINITY; LARGEST_GROUP]; GROUPS],
            moves: [Move::default(); REACTIONS],
            groups: plan.groups.len(),
            most: (1, 1, 1),
            grouped: plan.groups.iter().any(|group| group.count > 1),
            total: 0.0,
            since_sum: 0,
            draws: Draws { exponential: [0.0; AHEAD], uniform: [0.0; AHEAD], used: AHEAD },
        });
        small.counts[usize::from(ONE)] = 1.0;
        for (limit, species) in small.limits.iter_mut().zip(&network.species) {
            if species.is_continuous() {
                *limit = f64::INFINITY;
            }
        }
        let one = network.one_slot();
        let place = |slot: u32| match slot {
            slot if slot == one => Some(ONE),
            slot => (1..=network.species.len() as u32).contains(&slot).then(|| (slot - 1) as u8),
        };
        for (law, group) in small.laws.iter_mut().zip(&plan.groups) {
            let more = &plan.factors[group.more.0 as usize..group.more.1 as usize];
            if group.general || more.len() > FACTORS - 2 {
                return None;
            }
            let more = more.iter().map(|factor| (factor.slot as u32, factor.offset));
            law.species = [ONE; FACTORS];
            for (index, (slot, offset)) in group.factors.into_iter().chain(more).enumerate() {
                law.species[index] = place(slot)?;
                law.offsets[index] = offset;
                if slot != one {
                    small.most.0 = small.most.0.max(index + 1);
                }
                // One factor alone is taken without an offset.
                if offset != 0.0 {
                    small.most.0 = small.most.0.max(2);
                }
            }
            (law.first, law.count) = (group.first as u8, group.count as u8);
        }
        for (step, firing) in small.moves.iter_mut().zip(&plan.firings) {
            let changes = &plan.changes[firing.changes.0 as usize..firing.changes.1 as usize];
            let dependents = &plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize];
            if changes.len() > LIST || dependents.len() > LIST {
                return None;
            }
            // Filled up with what does nothing: places of their own, so that they do not wait for each other.
            step.species = std::array::from_fn(|index| ONE - 1 - index as u8);
            for (index, &(slot, change)) in changes.iter().enumerate() {
                step.species[index] = place(slot)?;
                step.changes[index] = change;
            }
            for (index, dependent) in step.dependents.iter_mut().enumerate() {
                let group = dependents.get(index).map_or(GROUPS - 1 - index, |group| *group as usize);
                let law = &small.laws[group];
                let change = |factor: usize| {
                    let of_species = changes.iter().find(|(slot, _)| place(*slot) == Some(law.species[factor]));
                    of_species.map_or(0.0, |(_, change)| *change) - law.offsets[factor]
                };
                let changes = std::array::from_fn(change);
                *dependent = Dependent { group: group as u8, species: law.species, changes, constant: 0.0 };
            }
            step.count = dependents.len() as u8;
            small.most.1 = small.most.1.max(changes.len());
            small.most.2 = small.most.2.max(dependents.len());
        }
        Some(small)
    }

    /// After the state has jumped and `groups` with it; gives the total propensity.
    pub fn refresh(&mut self, state: &State, groups: &Groups) -> f64 {
        let species = state.network.species.len();
        self.counts[..species].copy_from_slice(&state.values[1..=species]);
        self.running[..self.groups].copy_from_slice(&groups.running);
        for (law, constant) in self.laws.iter_mut().zip(&groups.constants) {
            law.constant = *constant;
        }
        for group in 0..self.groups {
            let law = &self.laws[group];
            let factors = (0..FACTORS).map(|index| self.counts[usize::from(law.species[index])] - law.offsets[index]);
            self.factors[group] = factors.product();
            self.propensities[group] = self.factors[group] * law.constant;
        }
        for step in &mut self.moves {
            for dependent in &mut step.dependents {
                dependent.constant = self.laws[usize::from(dependent.group)].constant;
            }
            step.total = step.dependents.iter().map(|one| one.changes[0] * one.constant).sum();
        }
        self.total = self.sum();
        self.since_sum = 0;
        self.draws.used = AHEAD;
        self.total
    }

    /// As [`super::Direct::events`].
    pub fn events(
        &mut self,
        state: &mut State,
        next: f64,
        limits: (f64, u64),
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(Stop, f64), SimulationError> {
        let species = state.network.species.len();
        let run = match self.most {
            (1, changes, dependents) => Self::runner::<1>(changes, dependents),
            (2, changes, dependents) => Self::runner::<2>(changes, dependents),
            (_, changes, dependents) => Self::runner::<FACTORS>(changes, dependents),
        };
        let mut clock = Clock { time: state.time(), next, until: limits.0, left: limits.1, events: 0, failed: None };
        let stop = loop {
            if self.draws.used == AHEAD {
                self.draws.fill(random);
            }
            if let Some(stop) = run(self, &mut clock) {
                break stop;
            }
        };
        state.set_time(clock.time);
        state.values[1..=species].copy_from_slice(&self.counts[..species]);
        stats.events += clock.events;
        stats.steps += clock.events;
        if let Some(position) = clock.failed {
            let reaction = state.network.plan.reactions[position] as usize;
            return Err(state.why_impossible(reaction));
        }
        stats.check(clock.time)?;
        Ok((stop, clock.next))
    }

    /// The loop compiled for these lengths of lists; 0 stands for each reaction's own.
    fn runner<const N: usize>(changes: usize, dependents: usize) -> fn(&mut Self, &mut Clock) -> Option<Stop> {
        match (changes, dependents) {
            (1, 1) => Self::run::<N, 1, 1>,
            (1, 2) => Self::run::<N, 1, 2>,
            (1, 3) => Self::run::<N, 1, 3>,
            (1, _) => Self::run::<N, 1, 0>,
            (2, ..=2) => Self::run::<N, 2, 2>,
            (2, 3) => Self::run::<N, 2, 3>,
            (2, _) => Self::run::<N, 2, 0>,
            (3, _) => Self::run::<N, 3, 0>,
            _ => Self::run::<N, LIST, 0>,
        }
    }

    fn sum(&self) -> f64 {
        self.propensities.iter().sum()
    }

    /// Fires events until there is a reason to stop, or the random numbers are used up.
    fn run<const N: usize, const CHANGES: usize, const DEPENDENTS: usize>(
        &mut self,
        clock: &mut Clock,
    ) -> Option<Stop> {
        let (mut time, mut next, mut total) = (clock.time, clock.next, self.total);
        let until = clock.until;
        let groups = self.groups.min(GROUPS);
        let first = self.draws.used;
        let last = AHEAD.min(first.saturating_add(usize::try_from(clock.left).unwrap_or(AHEAD)));
        let mut used = first;
        let mut quiet = false;
        while used < last {
            quiet = next > until;
            if quiet {
                break;
            }
            time = next;
            let (exponential, uniform) = (self.draws.exponential[used % AHEAD], self.draws.uniform[used % AHEAD]);
            used += 1;
            let mut rest = uniform * total;
            let mut group = 0;
            while group < groups && rest >= self.propensities[group % GROUPS] {
                rest -= self.propensities[group % GROUPS];
                group += 1;
            }
            if group == groups {
                // Rounding had made the running total too large: nothing happens at this time.
                total = self.sum();
                next = if total > 0.0 { time + exponential / total } else { f64::INFINITY };
                continue;
            }
            let law = &self.laws[group % GROUPS];
            let mut position = usize::from(law.first);
            if self.grouped {
                let factor = self.factors[group % GROUPS];
                let running = &self.running[group % GROUPS];
                let mut place = 0;
                while place + 1 < usize::from(law.count) && running[place % LARGEST_GROUP] * factor <= rest {
                    place += 1;
                }
                position += place;
            }
            let step = &self.moves[position % REACTIONS];
            let mut possible = true;
            let dependents = if DEPENDENTS == 0 { usize::from(step.count) } else { DEPENDENTS };
            if N == 1 {
                total += step.total;
            }
            for dependent in &step.dependents[..dependents.min(LIST)] {
                let count = |index: usize| {
                    self.counts[usize::from(dependent.species[index]) % SPECIES] + dependent.changes[index]
                };
                let mut factor = count(0);
                if N > 1 {
                    factor *= count(1);
                }
                if N > 2 {
                    factor *= count(2);
                }
                let group = usize::from(dependent.group) % GROUPS;
                let propensity = factor * dependent.constant;
                if N > 1 {
                    total += propensity - self.propensities[group];
                }
                self.factors[group] = factor;
                self.propensities[group] = propensity;
                possible &= propensity >= 0.0;
            }
            for index in 0..CHANGES {
                let count = &mut self.counts[usize::from(step.species[index]) % SPECIES];
                *count += step.changes[index];
                possible &= *count >= 0.0;
            }
            if !possible {
                clock.failed = Some(position);
                break;
            }
            next = if total > 0.0 { time + exponential / total } else { f64::INFINITY };
        }
        let events = (used - first) as u64;
        self.draws.used = used;
        clock.events += events;
        clock.left -= events;
        self.since_sum += events as u32;
        if self.since_sum >= RESUM {
            self.since_sum = 0;
            total = self.sum();
        }
        // What is infinite or too large stays so.
        let possible = self.counts.iter().zip(&self.limits).all(|(count, limit)| count <= limit);
        if clock.failed.is_none() && !(total < f64::INFINITY && possible) {
            clock.failed = Some(0);
        }
        (self.total, clock.time, clock.next) = (total, time, next);
        if clock.failed.is_some() || quiet { Some(Stop::Quiet) } else { (clock.left == 0).then_some(Stop::Many) }
    }
}

/// Where the loop stands.
struct Clock {
    time: f64,
    next: f64,
    until: f64,
    left: u64,
    events: u64,
    /// Position of the reaction that led to something impossible.
    failed: Option<usize>,
}
