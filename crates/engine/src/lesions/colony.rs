//! Lesions of one kind.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::MOST_LESIONS;
use super::curve::Curve;
use super::kendall::Integrals;
use crate::expression::Program;
use crate::network::Kind;
use crate::simulator::SimulationError;
use crate::state::State;

/// Small lesions, and what large ones emit, change by about this part between looks.
pub(super) const CHANGE: f64 = 0.25;
/// Growth of small lesions between looks where it makes no difference to what all emit.
const QUIET: f64 = 2.0;
/// Rates that follow the environment change by about this part between looks.
const DRIFT: f64 = 0.05;
/// Growth after which integrals begin anew, so that their differences stay exact.
const SPAN: f64 = 10.0;

#[derive(Default)]
pub(super) struct Colony {
    lesions: Vec<Lesion>,
    /// Own values, of each lesion that has become large.
    pub(super) own: Vec<f64>,
    /// Lesions founded so far.
    pub founded: f64,
    /// When to look next, and after what time that is.
    pub next: f64,
    step: f64,
    /// Time up to which the integrals go, the rates then, and those since the last look on average.
    pub(super) time: f64,
    rates: Rates,
    pub(super) mean: Rates,
    pub(super) integrals: Integrals,
    /// ∫ of the rate at which dormant lesions wake or die.
    pub(super) waking: f64,
    /// The rates at the last look.
    looked: Rates,
    /// Values of all symbols at the last look and halfway from there, and behind them those of a lesion.
    pub(super) before: Vec<f64>,
    pub(super) middle: Vec<f64>,
    pub(super) curve: Curve,
    pub(super) large: f64,
    pub(super) detection: f64,
    pub first_detected: f64,
    /// How many may be small; how fast large lesions change, weighted by their cells; how fast the fastest of them does.
    small: f64,
    large_change: f64,
    fastest: f64,
    /// The time from the last look to the next.
    interval: f64,
    /// How many own values a lesion has.
    pub(super) width: usize,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Rates {
    pub birth: f64,
    pub death: f64,
    pub waking: f64,
    pub dying: f64,
}

impl Rates {
    pub fn net(self) -> f64 {
        self.birth - self.death
    }

    /// The largest relative change from others.
    fn change(self, before: Self) -> f64 {
        let change = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).abs() / a.max(b) };
        change(self.birth, before.birth)
            .max(change(self.death, before.death))
            .max(change(self.waking, before.waking))
            .max(change(self.dying, before.dying))
            .max(1e-9)
    }

    /// The rates, and a share of the way to others.
    fn towards(self, other: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + share * (b - a);
        Self {
            birth: mix(self.birth, other.birth),
            death: mix(self.death, other.death),
            waking: mix(self.waking, other.waking),
            dying: mix(self.dying, other.dying),
        }
    }
}

pub(super) struct Lesion {
    pub phase: Phase,
    /// Where its own values begin, once it has some.
    pub own: Option<u32>,
    pub founded: f64,
}

#[derive(Clone, Copy)]
pub(super) enum Phase {
    /// Wakes or dies when the integral of those rates reaches `exit`.
    Dormant {
        cells: f64,
        exit: f64,
    },
    /// Its number of cells at a time, and the integrals then.
    Small {
        cells: f64,
        at: f64,
        from: Integrals,
    },
    /// The logarithm of its size at a time.
    Large {
        log: f64,
        at: f64,
        curve: Curve,
    },
    Lost,
}

/// What a look counts.
#[derive(Default)]
struct Totals {
    dormant: f64,
    cells: f64,
    detected: f64,
    /// Cells of large lesions, how many of them change in a unit of time, up or down, and the fastest rate.
    large: f64,
    change: f64,
    fastest: f64,
    small: f64,
}

impl Colony {
    /// A law of lesions under these values; it must be a rate.
    pub fn rate(kind: &Kind, program: &Program, values: &[f64], what: &str) -> Result<f64, SimulationError> {
        let value = program.evaluate(values);
        match (0.0..f64::INFINITY).contains(&value) {
            true => Ok(value),
            false => {
                let (kind, what, time) = (kind.name.clone(), what.to_owned(), values[0]);
                Err(SimulationError::Lesions { kind, what, value, time })
            }
        }
    }

    fn rates(kind: &Kind, values: &[f64]) -> Result<Rates, SimulationError> {
        let mut rates = Rates::default();
        if !kind.cellwise {
            rates.birth = Self::rate(kind, &kind.birth, values, "birth")?;
            rates.death = Self::rate(kind, &kind.death, values, "death")?;
        }
        if let Some(dormancy) = &kind.dormancy {
            rates.waking = Self::rate(kind, &dormancy.waking, values, "waking")?;
            rates.dying = Self::rate(kind, &dormancy.death, values, "death of dormant")?;
        }
        Ok(rates)
    }

    /// Begins from the present values, with no past.
    pub fn restart(&mut self, kind: &Kind, state: &State) -> Result<(), SimulationError> {
        if self.before.is_empty() {
            self.first_detected = f64::INFINITY;
        }
        self.time = state.time();
        self.width = kind.own.len();
        self.before.clear();
        self.before.extend_from_slice(&state.values);
        self.before.resize(state.network.size_slot() + 1 + kind.own.len(), 0.0);
        self.middle.clone_from(&self.before);
        self.rates = Self::rates(kind, &self.before)?;
        (self.mean, self.looked) = (self.rates, self.rates);
        self.large = kind.large.evaluate(&self.before).max(1.0);
        self.detection = kind.detection.as_ref().map_or(f64::INFINITY, |size| size.evaluate(&self.before));
        let busy = self.rates.birth + self.rates.death + self.rates.waking + self.rates.dying;
        self.step = if busy > 0.0 { 0.1 / busy } else { 1.0 };
        if kind.own.is_empty() && kind.affine {
            self.curve = self.curve_now(kind);
        }
        for index in 0..self.lesions.len() {
            if let Phase::Large { log, at, .. } = self.lesions[index].phase {
                let curve = self.curve_of(kind, self.lesions[index].own);
                self.lesions[index].phase = Phase::Large { log, at, curve };
            }
        }
        Ok(())
    }

    /// Brings rates and integrals up to now.
    fn pass(&mut self, kind: &Kind, state: &State) -> Result<(), SimulationError> {
        let duration = state.time() - self.time;
        if kind.moving {
            let rates = Self::rates(kind, &state.values)?;
            self.mean = self.rates.towards(rates, 0.5);
            self.rates = rates;
        }
        self.integrals = self.integrals.after(self.mean.birth, self.mean.death, duration);
        self.waking += (self.mean.waking + self.mean.dying) * duration;
        self.time = state.time();
        Ok(())
    }

    /// The integrals at a time before, while rates were as they are.
    pub fn at(&self, time: f64) -> Integrals {
        self.integrals.after(self.mean.birth, self.mean.death, time - self.time)
    }

    /// Whether the next look is so near that it may as well be now.
    pub fn is_near(&self, now: f64) -> bool {
        self.next - now <= 0.5 * self.interval
    }

    /// Takes in the lesions that were founded since the last time; whether that changes what they emit.
    pub fn found(&mut self, kind: &Kind, state: &mut State, random: &mut Stream) -> Result<bool, SimulationError> {
        if self.lesions.is_empty() {
            self.integrals = Integrals::default();
            self.waking = 0.0;
            self.restart(kind, state)?;
        } else {
            self.pass(kind, state)?;
        }
        let (first, count) = (self.lesions.is_empty(), state.values[kind.founded] - self.founded);
        if self.lesions.len() as f64 + count > MOST_LESIONS as f64 {
            return Err(SimulationError::TooManyLesions { kind: kind.name.clone(), time: state.time() });
        }
        let (mut louder, mut detected) = (false, f64::INFINITY);
        for _ in 0..count as usize {
            let cells = Self::rate(kind, &kind.size, &state.values, "initial size")?.round();
            let dormant = match &kind.dormancy {
                Some(dormancy) => {
                    let probability = Self::rate(kind, &dormancy.probability, &state.values, "dormant share")?;
                    random.random::<f64>() < probability
                }
                None => false,
            };
            let exponential: f64 = Exp1.sample(random);
            let at = self.time - random.random::<f64>() * state.leaped;
            let phase = match dormant {
                true => {
                    let rate = self.mean.waking + self.mean.dying;
                    Phase::Dormant { cells, exit: self.waking - rate * (self.time - at) + exponential }
                }
                false => Phase::Small { cells, at, from: self.at(at) },
            };
            let mut lesion = Lesion { phase, own: None, founded: at };
            if !dormant && cells >= self.large {
                lesion.phase = Phase::Large { log: cells.ln(), at, curve: self.curve };
                self.enlarge(kind, &mut lesion, random);
                if let (true, Phase::Large { log, curve, .. }) = (kind.detection_watched, lesion.phase) {
                    detected = detected.min(self.detection_after(log, at, curve).unwrap_or(f64::INFINITY));
                }
                if let Some(emission) = kind.emission.as_ref().filter(|_| kind.emission_watched) {
                    state.values[kind.emitted] += self.value(emission, cells.ln(), lesion.own);
                    louder = true;
                }
            }
            self.lesions.push(lesion);
        }
        self.small += count;
        self.founded += count;
        state.values[kind.alive] += count;
        if first {
            return Ok(self.plan(kind, state)? || louder);
        }
        // No look at all others: founding many must not cost their square.
        if kind.heard() || kind.moving {
            let next = self.time + self.small_step(kind, state.values[kind.emitted]).min(detected);
            if next < self.next {
                (self.next, self.interval) = (next, next - self.time);
            }
        }
        Ok(louder)
    }

    /// Brings large lesions, those that may have become large, or `all`, up to now, and with them the symbols.
    pub fn update(
        &mut self,
        kind: &Kind,
        state: &mut State,
        all: bool,
        random: &mut Stream,
    ) -> Result<(), SimulationError> {
        if self.lesions.is_empty() {
            self.write(kind, state, &Totals::default(), all);
            return Ok(());
        }
        let slots = state.values.len();
        let since = self.before[0];
        self.pass(kind, state)?;
        if kind.moving {
            for (middle, (before, now)) in self.middle.iter_mut().zip(self.before.iter().zip(&state.values)) {
                *middle = 0.5 * (before + now);
            }
            if kind.own.is_empty() && kind.affine {
                self.curve = self.curve_now(kind);
            }
        }
        self.before[..slots].copy_from_slice(&state.values);
        let renew = self.integrals.growth.abs() >= SPAN || self.waking >= 1e6;
        let mut totals = Totals::default();
        let mut counts = vec![0.0; kind.counts.len()];
        let sizes: Vec<f64> = kind.counts.iter().map(|(_, size)| size.evaluate(&state.values)).collect();
        let mut index = 0;
        while index < self.lesions.len() {
            let mut lesion =
                std::mem::replace(&mut self.lesions[index], Lesion { phase: Phase::Lost, own: None, founded: 0.0 });
            self.live(kind, &mut lesion, since, all || renew, random)?;
            let cells = match lesion.phase {
                Phase::Lost => {
                    self.lesions.swap_remove(index);
                    continue;
                }
                Phase::Dormant { cells, ref mut exit } => {
                    if renew {
                        *exit -= self.waking;
                    }
                    totals.dormant += 1.0;
                    cells
                }
                Phase::Small { cells, ref mut from, .. } => {
                    if renew {
                        *from = Integrals::default();
                    }
                    totals.small += 1.0;
                    cells
                }
                Phase::Large { log, curve, .. } => {
                    let cells = log.exp();
                    totals.large += cells;
                    let rate = self.growth_now(kind, log, curve, lesion.own).abs();
                    totals.change += cells * rate;
                    totals.fastest = totals.fastest.max(rate);
                    cells
                }
            };
            totals.cells += cells;
            totals.detected += f64::from(u8::from(cells >= self.detection));
            for (count, size) in counts.iter_mut().zip(&sizes) {
                *count += f64::from(u8::from(cells >= *size));
            }
            self.lesions[index] = lesion;
            index += 1;
        }
        if renew {
            (self.integrals, self.waking) = (Integrals::default(), 0.0);
        }
        self.write(kind, state, &totals, all);
        if all {
            for ((slot, _), count) in kind.counts.iter().zip(counts) {
                state.values[*slot] = count;
            }
        }
        self.middle.clone_from(&self.before);
        self.small = totals.small;
        self.large_change = if totals.large > 0.0 { totals.change / totals.large } else { 0.0 };
        self.fastest = totals.fastest;
        let taken = self.time - since;
        if kind.moving && taken > 0.0 {
            self.step = taken * (DRIFT / self.rates.change(self.looked)).clamp(0.3, 2.0);
        }
        self.looked = self.rates;
        if all && !kind.emission_watched {
            self.emit(kind, state, 0.0);
        }
        Ok(())
    }

    fn write(&self, kind: &Kind, state: &mut State, totals: &Totals, all: bool) {
        state.values[kind.alive] = self.lesions.len() as f64;
        state.values[kind.lost] = self.founded - self.lesions.len() as f64;
        if kind.detection.is_some() {
            state.values[kind.first_detected] =
                if self.before.is_empty() { f64::INFINITY } else { self.first_detected };
        }
        if all {
            state.values[kind.cells] = totals.cells;
            if kind.dormancy.is_some() {
                state.values[kind.dormant] = totals.dormant;
            }
            if kind.detection.is_some() {
                state.values[kind.detected] = totals.detected;
            }
        }
    }

    /// The lesions as they were at the last look: cells, when founded, whether dormant.
    pub fn seen(&self) -> impl Iterator<Item = (f64, f64, bool)> {
        self.lesions.iter().filter_map(|lesion| match lesion.phase {
            Phase::Dormant { cells, .. } => Some((cells, lesion.founded, true)),
            Phase::Small { cells, .. } => Some((cells, lesion.founded, false)),
            Phase::Large { log, .. } => Some((log.exp(), lesion.founded, false)),
            Phase::Lost => None,
        })
    }

    /// How long small lesions may go without a look, where others hear of them or rates change.
    fn small_step(&mut self, kind: &Kind, emitted: f64) -> f64 {
        if self.small == 0.0 {
            return f64::INFINITY;
        }
        if kind.cellwise {
            return CHANGE / (self.value(&kind.birth, 0.0, None) + self.value(&kind.death, 0.0, None));
        }
        let growth = if kind.watched {
            CHANGE
        } else if let Some(emission) =
            kind.emission.as_ref().filter(|_| kind.emission_watched && (kind.power || kind.own.is_empty()))
        {
            // What they may emit once they are large, against what all do.
            let grown = self.large.ln() + QUIET;
            if self.small * self.value(emission, grown, None) <= CHANGE * emitted { QUIET } else { 2.0 * CHANGE }
        } else if kind.emission_watched {
            2.0 * CHANGE
        } else {
            QUIET
        };
        growth / self.rates.net().abs()
    }

    /// How long from now until a large lesion that is not detected yet will be, if ever; a little after, so that it has been
    /// reached whatever the rounding.
    fn detection_after(&self, log: f64, at: f64, curve: Curve) -> Option<f64> {
        let target = self.detection.ln();
        let duration = curve.until(log, target).filter(|_| log < target)?;
        Some(at + duration - self.time + 1e-9 * (1.0 + at + duration))
    }

    /// When to look next, and what large lesions emit until then; whether that is another number than before.
    pub fn plan(&mut self, kind: &Kind, state: &mut State) -> Result<bool, SimulationError> {
        let before = state.values[kind.emitted];
        let emits = kind.emission_watched;
        self.next = f64::INFINITY;
        if self.lesions.is_empty() {
            if kind.emission.is_some() {
                state.values[kind.emitted] = 0.0;
            }
            return Ok(emits && before != 0.0);
        }
        let mut step = SPAN / self.rates.net().abs();
        if kind.moving || kind.heard() {
            step = step.min(self.small_step(kind, before)).min(CHANGE / self.large_change);
            // What is extrapolated must stay near, also of lesions that are a small part yet.
            step = step.min(1.0 / self.fastest);
        }
        if kind.moving {
            step = step.min(self.step);
        }
        if kind.detection_watched {
            for lesion in &self.lesions {
                if let Phase::Large { log, at, curve } = lesion.phase
                    && let Some(ahead) = self.detection_after(log, at, curve)
                {
                    step = step.min(ahead);
                }
            }
        }
        // Never no time at all.
        let step = step.max(1e-9 * (1.0 + state.time()));
        (self.next, self.interval) = (state.time() + step, step);
        self.emit(kind, state, if emits && step.is_finite() { 0.5 * step } else { 0.0 });
        Ok(emits && state.values[kind.emitted] != before)
    }

    /// What large lesions emit some time ahead.
    fn emit(&mut self, kind: &Kind, state: &mut State, ahead: f64) {
        let Some(emission) = &kind.emission else { return };
        // The logarithm of a power of the size is linear in that of the size.
        let line = kind.power.then(|| {
            let at_one = self.value(emission, 0.0, None).ln();
            Curve::through(at_one, self.value(emission, 1.0, None).ln())
        });
        let line = line.filter(|line| line.constant.is_finite() && line.slope.is_finite());
        let mut total = 0.0;
        for index in 0..self.lesions.len() {
            let own = self.lesions[index].own;
            if let Phase::Large { log, curve, .. } = self.lesions[index].phase {
                let log = match kind.affine {
                    _ if ahead == 0.0 => log,
                    true => curve.after(log, ahead),
                    false => log + ahead * self.growth_at(kind, log, own),
                };
                total += match line {
                    Some(line) => line.rate(log).exp(),
                    None => self.value(emission, log, own),
                };
            }
        }
        state.values[kind.emitted] = total;
    }
}
