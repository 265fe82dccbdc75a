//! Adaptive tau-leaping, with first-order losses taken exactly.
//!
//! A leap of length τ lets every reaction fire as often as it does at fixed propensities. Following Cao, Gillespie
//! & Petzold (2006, J Chem Phys 124:044109), τ is chosen so that the expected change of each species and its
//! standard deviation stay under ε of its count; where a leap would hold fewer than about ten events, exact steps are
//! made instead. Three things are better than there:
//!
//! - Propensities are taken at the expected mean state over the leap (the midpoint idea of Gillespie 2001, J Chem Phys
//!   115:1716, section VI), so that growth is second-order accurate.
//! - What leaves a species leaves it as competing risks: each of its cells independently, with probability
//!   1 − exp(−λτ), and cells that arrive during the leap, at uniform times, with 1 − (1 − exp(−λτ))/(λτ). Counts
//!   cannot become negative, and fast scarce intermediates, such as cells in the blood that live for minutes, need no
//!   short leaps: their turnover may pass many times in one.
//! - A species that only its own first-order losses depend on bounds no leap.

use metacascade_random::Stream;

use super::direct::{Direct, Stop};
use super::draws::{binomial, poisson};
use crate::network::{Network, TIME};
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::{LARGEST_COUNT, State};

/// Exact steps are made where a leap would hold fewer events than this (Cao et al. 2006, step 3) …
const FEWEST_EVENTS: f64 = 10.0;
/// … this many in a row.
const EXACT_STEPS: u64 = 100;
/// Largest λτ of a species that its own losses lead back to: what returns within a leap is not followed further.
const LARGEST_RETURN: f64 = 0.2;
/// How much larger than ε the expected relative change may be, since the mean is second-order accurate.
const DRIFT: f64 = 2.0;
/// Propensities that change with time by themselves are integrated to this part of ε over a leap …
const TIMED: f64 = 1.0 / 30.0;
/// … and where few events are expected, a leap holds at most this many: no exact steps can be made.
const SINGLE: f64 = 0.02;
/// Hops that a cell may make in one leap.
const HOPS: usize = 64;

pub(crate) struct TauLeap {
    epsilon: f64,
    kinds: Vec<Kind>,
    species: Vec<SpeciesRole>,
    /// Reactions whose propensities change with time by themselves.
    timed: Vec<usize>,
    /// The last leap over which these were integrated.
    timed_leap: f64,
    direct: Direct,
    work: Work,
}

/// How a reaction's firings are drawn.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// It uses nothing up, or several of one species at once: Poisson.
    Free,
    /// It uses up one cell of each of these species: a risk of the scarcest.
    Loss(Vec<usize>),
}

#[derive(Clone, Debug)]
struct SpeciesRole {
    /// Largest order of a propensity that must not change much with this species; 0 if there is none.
    order: f64,
    /// Whether all its losses are proportional to it and nothing it makes comes back to it.
    relaxes: bool,
    /// Whether its losses may lead back to it.
    returns: bool,
}

/// Numbers of one leap, kept to save their allocation.
struct Work {
    before: Vec<f64>,
    inflow: Vec<f64>,
    outflow: Vec<f64>,
    variance: Vec<f64>,
    /// Firing rate of free reactions; risk per cell of losses.
    rates: Vec<f64>,
    /// Reactions by the species whose risk they are.
    risks: Vec<Vec<usize>>,
    total_risk: Vec<f64>,
    arrivals: Vec<f64>,
    arriving: Vec<f64>,
}

impl TauLeap {
    pub fn new(network: &Network, epsilon: f64) -> Self {
        let kind = |reaction: &crate::network::Reaction| {
            let used: Vec<_> = reaction.changes.iter().filter(|(_, change)| *change < 0.0).collect();
            match used.is_empty() || used.iter().any(|(_, change)| *change != -1.0) {
                true => Kind::Free,
                false => Kind::Loss(used.iter().map(|(species, _)| *species).collect()),
            }
        };
        let kinds: Vec<Kind> = network.reactions.iter().map(kind).collect();
        let count = network.species.len();
        let roles = (0..count).map(|species| role(network, &kinds, species));
        let zeros = vec![0.0; count];
        Self {
            epsilon,
            species: roles.collect(),
            timed: (0..kinds.len()).filter(|&index| network.reads[index].contains(&TIME)).collect(),
            timed_leap: f64::INFINITY,
            direct: Direct::new(network),
            work: Work {
                before: zeros.clone(),
                inflow: zeros.clone(),
                outflow: zeros.clone(),
                variance: zeros.clone(),
                rates: vec![0.0; kinds.len()],
                risks: vec![Vec::new(); count],
                total_risk: zeros.clone(),
                arrivals: zeros.clone(),
                arriving: zeros,
            },
            kinds,
        }
    }

    /// The largest leap that keeps every propensity nearly constant.
    fn select(&mut self, state: &State) -> f64 {
        let work = &mut self.work;
        work.inflow.fill(0.0);
        work.outflow.fill(0.0);
        work.variance.fill(0.0);
        for (reaction, &propensity) in state.network.reactions.iter().zip(&state.propensities) {
            for &(species, change) in &reaction.changes {
                let flow = if change > 0.0 { &mut work.inflow } else { &mut work.outflow };
                flow[species] += propensity * change.abs();
                work.variance[species] += propensity * change * change;
            }
        }
        let mut tau = f64::INFINITY;
        for (index, role) in self.species.iter().enumerate() {
            let count = state.values[Network::species_slot(index)];
            let (inflow, outflow) = (work.inflow[index], work.outflow[index]);
            let risk = if count > 0.0 { outflow / count } else { 0.0 };
            if role.returns && risk > 0.0 {
                tau = tau.min(LARGEST_RETURN / risk);
            }
            if role.order == 0.0 {
                continue;
            }
            let change = (self.epsilon * count / role.order).max(1.0);
            let drift = (inflow - outflow).abs();
            let by_mean = (DRIFT * change).max(1.0) / drift;
            let by_variance = change * change / work.variance[index];
            tau = tau.min(if role.relaxes && risk > 0.0 {
                // The change tends to a limit, |p/λ − x|, and its variance to one below x + p/λ.
                let (target, spread) = (drift / risk, count + inflow / risk);
                relaxation(DRIFT * change / target, risk).min(relaxation(change * change / spread, risk))
            } else {
                by_mean.min(by_variance)
            });
        }
        tau
    }

    /// The largest leap up to `tau` over which the middle stands for all propensities that change with time: Simpson's
    /// rule differs by little.
    fn in_time(&mut self, state: &mut State, tau: f64) -> f64 {
        let start = state.time();
        let mut tau = tau.min(2.0 * self.timed_leap);
        let mut at = |index: usize, time: f64| {
            state.set_time(time);
            state.update_rules();
            state.law(index)
        };
        for &index in &self.timed {
            let first = at(index, start);
            loop {
                let [quarter, middle, rest, last] = [0.25, 0.5, 0.75, 1.0].map(|part| at(index, start + part * tau));
                let mean = (first + 4.0 * quarter + 2.0 * middle + 4.0 * rest + last) / 12.0;
                // Also where nothing is known of it.
                if (mean - middle).abs() <= TIMED * self.epsilon * mean.abs() || tau <= 1e-9 * (1.0 + start) {
                    break;
                }
                tau *= 0.7;
            }
        }
        state.set_time(start);
        state.update_rules();
        self.timed_leap = tau;
        tau
    }

    /// Propensities at the expected mean state over a leap of length `tau`, as rates or as risks per cell.
    fn rates(&mut self, state: &mut State, tau: f64) {
        let work = &mut self.work;
        let time = state.time();
        for (index, &before) in work.before.iter().enumerate() {
            let (inflow, outflow) = (work.inflow[index], work.outflow[index]);
            let risk = if before > 0.0 { outflow / before } else { 0.0 };
            let mean = if risk * tau > 1e-4 {
                let target = inflow / risk;
                target + (before - target) * -(-risk * tau).exp_m1() / (risk * tau)
            } else {
                before + 0.5 * tau * (inflow - outflow)
            };
            // What is continuous stays as it is.
            if state.network.species[index].is_continuous() {
                continue;
            }
            // Never quite 0, so that a risk per cell exists for cells yet to arrive.
            state.values[Network::species_slot(index)] = mean.max(1e-9);
        }
        state.set_time(time + 0.5 * tau);
        state.update_rules();
        work.total_risk.fill(0.0);
        work.risks.iter_mut().for_each(Vec::clear);
        for (index, kind) in self.kinds.iter().enumerate() {
            let propensity = state.law(index).max(0.0);
            work.rates[index] = match kind {
                Kind::Free => propensity,
                Kind::Loss(used) => {
                    let count = |species: usize| state.values[Network::species_slot(species)];
                    let scarcest = used.iter().copied().min_by(|&a, &b| count(a).total_cmp(&count(b))).unwrap_or(0);
                    let risk = propensity / count(scarcest);
                    work.risks[scarcest].push(index);
                    work.total_risk[scarcest] += risk;
                    risk
                }
            };
        }
        state.set_time(time);
    }

    /// Draws all firings of a leap; the number of events, or nothing if a count would become impossible.
    fn leap(&mut self, state: &mut State, tau: f64, random: &mut Stream) -> Option<f64> {
        let network = state.network;
        let work = &mut self.work;
        let counts = &mut state.values[1..=work.before.len()];
        counts.copy_from_slice(&work.before);
        work.arrivals.fill(0.0);
        let mut events = 0.0;
        for (index, _) in self.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Free) {
            let fired = poisson(work.rates[index] * tau, random);
            if fired > 0.0 {
                events += fired;
                apply(&network.reactions[index].changes, fired, counts, &mut work.arrivals);
            }
        }
        for species in 0..counts.len() {
            let risk = work.total_risk[species];
            let leaving = binomial(work.before[species], -(-risk * tau).exp_m1(), random);
            events += leaving;
            lose(network, work, counts, species, leaving, random);
        }
        for _ in 0..HOPS {
            std::mem::swap(&mut work.arrivals, &mut work.arriving);
            work.arrivals.fill(0.0);
            let mut any = false;
            for species in 0..counts.len() {
                let arrived = work.arriving[species];
                if arrived > 0.0 {
                    any = true;
                    counts[species] += arrived;
                    let leaving = binomial(arrived, leaves_again(work.total_risk[species] * tau), random);
                    events += leaving;
                    lose(network, work, counts, species, leaving, random);
                }
            }
            if !any {
                break;
            }
        }
        for (count, arrived) in counts.iter_mut().zip(&work.arrivals) {
            *count += arrived;
        }
        let mut all = counts.iter().zip(&network.species);
        all.all(|(count, species)| species.is_continuous() || (0.0..=LARGEST_COUNT).contains(count)).then_some(events)
    }
}

/// `leaving` cells of a species choose among its risks.
fn lose(network: &Network, work: &mut Work, counts: &mut [f64], species: usize, leaving: f64, random: &mut Stream) {
    let (mut left, mut risk) = (leaving, work.total_risk[species]);
    for position in 0..work.risks[species].len() {
        if left <= 0.0 {
            break;
        }
        let reaction = work.risks[species][position];
        let last = position + 1 == work.risks[species].len();
        let fired = if last { left } else { binomial(left, work.rates[reaction] / risk, random) };
        left -= fired;
        risk -= work.rates[reaction];
        apply(&network.reactions[reaction].changes, fired, counts, &mut work.arrivals);
    }
}

/// Losses at once; gains wait among the arrivals.
fn apply(changes: &[(usize, f64)], fired: f64, counts: &mut [f64], arrivals: &mut [f64]) {
    for &(species, change) in changes {
        if change > 0.0 {
            arrivals[species] += change * fired;
        } else {
            counts[species] += change * fired;
        }
    }
}

/// Probability that a cell that arrives at a uniform time within a leap leaves before its end: 1 − (1 − e⁻ᶻ)/z.
fn leaves_again(z: f64) -> f64 {
    if z < 1e-4 { 0.5 * z } else { 1.0 + (-z).exp_m1() / z }
}

/// Time in which a change that relaxes at rate `risk` reaches the fraction `part` of its limit.
fn relaxation(part: f64, risk: f64) -> f64 {
    if part >= 1.0 { f64::INFINITY } else { -(-part).ln_1p() / risk }
}

fn role(network: &Network, kinds: &[Kind], species: usize) -> SpeciesRole {
    let slot = Network::species_slot(species);
    let species_slots = 1..=network.species.len();
    let own_loss = |index: usize| {
        kinds[index] == Kind::Loss(vec![species]) && network.reactions[index].proportional_to.contains(&species)
    };
    let mut role = SpeciesRole { order: 0.0, relaxes: true, returns: false };
    for (index, reads) in network.reads.iter().enumerate() {
        let change = network.reactions[index].changes.iter().find(|(changed, _)| *changed == species);
        let reads_it = reads.contains(&slot);
        if reads_it && !own_loss(index) {
            let order = reads.iter().filter(|slot| species_slots.contains(slot)).count().clamp(1, 3);
            role.order = role.order.max(order as f64);
        }
        match change {
            Some((_, change)) if *change < 0.0 && !own_loss(index) => role.relaxes = false,
            Some((_, change)) if *change > 0.0 && reads_it => role.relaxes = false,
            _ => {}
        }
    }
    // Follow losses from species to species.
    let mut reached = vec![false; network.species.len()];
    let mut open = vec![species];
    while let Some(from) = open.pop() {
        for (index, kind) in kinds.iter().enumerate() {
            if matches!(kind, Kind::Loss(used) if used.contains(&from)) {
                for &(to, _) in network.reactions[index].changes.iter().filter(|(_, change)| *change > 0.0) {
                    role.returns |= to == species;
                    if !std::mem::replace(&mut reached[to], true) {
                        open.push(to);
                    }
                }
            }
        }
    }
    role
}

impl Stepper for TauLeap {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        self.timed_leap = f64::INFINITY;
        state.check_still()
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        while state.time() < until {
            stats.step(state.time())?;
            if !self.timed.is_empty() {
                state.update_rules();
                state.update_propensities()?;
            }
            let rest = until - state.time();
            let total: f64 = state.propensities.iter().sum();
            let mut tau = self.select(state).min(rest);
            if !self.timed.is_empty() {
                tau = self.in_time(state, tau);
                if tau * total < FEWEST_EVENTS {
                    tau = tau.min(SINGLE / total);
                }
            } else if tau * total < FEWEST_EVENTS {
                self.direct.restart(state)?;
                state.leaped = 0.0;
                let stop = self.direct.events(state, until, EXACT_STEPS, random, stats)?;
                state.update_rules();
                state.update_propensities()?;
                match stop {
                    Stop::Quiet => break,
                    Stop::Many => continue,
                    Stop::Tripped => return Ok(()),
                }
            }
            self.work.before.copy_from_slice(&state.values[1..=state.network.species.len()]);
            let events = loop {
                self.rates(state, tau);
                match self.leap(state, tau, random) {
                    Some(events) => break events,
                    None => tau *= 0.5,
                }
                if tau < 1e-12 * until.max(1e-300) {
                    return Err(SimulationError::TooManySteps { time: state.time() });
                }
            };
            stats.events += events as u64;
            state.leaped = tau;
            state.set_time(if tau >= rest { until } else { state.time() + tau });
            state.update_rules();
            state.update_propensities()?;
            if state.turned() {
                return Ok(());
            }
        }
        state.set_time(until);
        state.update_rules();
        Ok(())
    }
}
