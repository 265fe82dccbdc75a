//! What a lesion does between two looks.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::colony::{CHANGE, Colony, Lesion, Phase};
use super::curve::{Curve, follow};
use super::kendall::descendants;
use crate::expression::Program;
use crate::network::Kind;
use crate::simulator::SimulationError;

impl Colony {
    /// Follows a lesion to now; a small one that need not be looked at yet is left where it is.
    pub(super) fn live(
        &mut self,
        kind: &Kind,
        lesion: &mut Lesion,
        since: f64,
        required: bool,
        random: &mut Stream,
    ) -> Result<(), SimulationError> {
        loop {
            match lesion.phase {
                Phase::Lost => return Ok(()),
                Phase::Dormant { cells, exit } => {
                    if exit > self.waking {
                        return Ok(());
                    }
                    let total = self.mean.waking + self.mean.dying;
                    let ago = if total > 0.0 { (self.waking - exit) / total } else { 0.0 };
                    let at = (self.time - ago).max(since);
                    let wakes = random.random::<f64>() * total < self.mean.waking;
                    lesion.phase = if wakes { Phase::Small { cells, at, from: self.at(at) } } else { Phase::Lost };
                }
                Phase::Small { cells, at, .. } if kind.cellwise => {
                    lesion.phase = self.divide(kind, cells, at, random)?;
                    match lesion.phase {
                        Phase::Large { .. } => self.enlarge(kind, lesion, random),
                        _ => return Ok(()),
                    }
                }
                Phase::Small { cells, at, from } => {
                    let net = self.mean.net();
                    // Growth after which it must be looked at.
                    let due = (0.25 * self.large.min(self.detection) / cells).ln().max(CHANGE);
                    let ahead = if kind.moving || net <= 0.0 { f64::INFINITY } else { due / net };
                    let last = at + ahead >= self.time;
                    let waits = last && !required && self.integrals.growth - from.growth < due;
                    if at >= self.time || waits {
                        return Ok(());
                    }
                    let (to_time, to) =
                        if last { (self.time, self.integrals) } else { (at + ahead, self.at(at + ahead)) };
                    let after = descendants(cells, from, to, random);
                    if after >= self.detection && cells < self.detection {
                        let share = (self.detection / cells).ln() / (after / cells).ln();
                        self.first_detected = self.first_detected.min(at + share * (to_time - at));
                    }
                    if after == 0.0 {
                        lesion.phase = Phase::Lost;
                    } else if after >= self.large {
                        lesion.phase = Phase::Large { log: after.ln(), at: to_time, curve: self.curve };
                        self.enlarge(kind, lesion, random);
                    } else {
                        lesion.phase = Phase::Small { cells: after, at: to_time, from: to };
                    }
                }
                Phase::Large { log, at, curve } => {
                    if at >= self.time {
                        return Ok(());
                    }
                    lesion.phase = self.grow(kind, lesion.own, log, at, curve)?;
                }
            }
        }
    }

    /// Gives a lesion that has become large values of its own, unless it has some, and its curve.
    pub(super) fn enlarge(&mut self, kind: &Kind, lesion: &mut Lesion, random: &mut Stream) {
        if lesion.own.is_none() && !kind.own.is_empty() {
            // Fewer than MOST_LESIONS.
            lesion.own = Some(self.own.len() as u32);
            for (law, location, spread) in &kind.own {
                let (location, spread) = (location.evaluate(&self.before), spread.evaluate(&self.before));
                self.own.push(law.draw(location, spread, random));
            }
        }
        let curve = self.curve_of(kind, lesion.own);
        if let Phase::Large { curve: place, .. } = &mut lesion.phase {
            *place = curve;
        }
    }

    /// A small lesion cell by cell, up to now or until it is large.
    fn divide(&mut self, kind: &Kind, mut cells: f64, at: f64, random: &mut Stream) -> Result<Phase, SimulationError> {
        let mut time = at;
        let slot = self.middle.len() - 1 - kind.own.len();
        loop {
            self.middle[slot] = cells;
            let birth = Self::rate(kind, &kind.birth, &self.middle, "birth")?;
            let death = Self::rate(kind, &kind.death, &self.middle, "death")?;
            let wait: f64 = Exp1.sample(random);
            time += wait / ((birth + death) * cells);
            // Also where nothing ever happens.
            if time.is_nan() || time >= self.time {
                return Ok(Phase::Small { cells, at: self.time, from: self.integrals });
            }
            cells += if random.random::<f64>() * (birth + death) < birth { 1.0 } else { -1.0 };
            if cells == 0.0 {
                return Ok(Phase::Lost);
            }
            if cells == self.detection.ceil() {
                self.first_detected = self.first_detected.min(time);
            }
            if cells >= self.large {
                return Ok(Phase::Large { log: cells.ln(), at: time, curve: self.curve });
            }
        }
    }

    /// A large lesion up to now, or until it is small.
    fn grow(
        &mut self,
        kind: &Kind,
        own: Option<u32>,
        log: f64,
        at: f64,
        curve: Curve,
    ) -> Result<Phase, SimulationError> {
        let curve = if kind.moving { self.curve_of(kind, own) } else { curve };
        let (duration, target, bottom) = (self.time - at, self.detection.ln(), (0.5 * self.large).ln());
        let mut reached = None;
        let (mut elapsed, mut end) = (duration, curve.after(log, duration));
        if kind.affine {
            if log < target && end >= target {
                reached = curve.until(log, target);
            }
            if end < bottom {
                (elapsed, end) = (curve.until(log, bottom).unwrap_or(duration).min(duration), bottom);
            }
        } else {
            let (mut time, mut y) = (0.0, log);
            let mut see = |now: f64, new: f64| {
                if y < target && new >= target {
                    reached = Some(time + (now - time) * (target - y) / (new - y));
                }
                (time, y) = (now, new);
                new < bottom
            };
            (elapsed, end) = follow(&mut |y| self.growth_at(kind, y, own), log, duration, &mut see);
        }
        if !end.is_finite() {
            let (kind, time) = (kind.name.clone(), self.time);
            return Err(SimulationError::Lesions { kind, what: "growth".to_owned(), value: end, time });
        }
        if let Some(reached) = reached {
            self.first_detected = self.first_detected.min(at + reached);
        }
        let at = if elapsed >= duration { self.time } else { at + elapsed };
        match end <= bottom {
            true => Ok(Phase::Small { cells: end.exp().round().max(1.0), at, from: self.at(at) }),
            false => Ok(Phase::Large { log: end, at, curve }),
        }
    }

    /// The value of a law for a lesion of this size.
    pub(super) fn value(&mut self, law: &Program, log: f64, own: Option<u32>) -> f64 {
        self.place(log, own);
        law.evaluate(&self.middle)
    }

    fn place(&mut self, log: f64, own: Option<u32>) {
        let width = self.width;
        let slot = self.middle.len() - 1 - width;
        self.middle[slot] = log.exp();
        if let Some(own) = own {
            self.middle[slot + 1..].copy_from_slice(&self.own[own as usize..own as usize + width]);
        }
    }

    pub(super) fn growth_at(&mut self, kind: &Kind, log: f64, own: Option<u32>) -> f64 {
        match &kind.growth {
            Some(growth) => self.value(growth, log, own),
            None if kind.cellwise => self.value(&kind.birth, log, own) - self.value(&kind.death, log, own),
            None => self.mean.net(),
        }
    }

    pub(super) fn growth_now(&mut self, kind: &Kind, log: f64, curve: Curve, own: Option<u32>) -> f64 {
        if kind.affine { curve.rate(log) } else { self.growth_at(kind, log, own) }
    }

    pub(super) fn curve_now(&mut self, kind: &Kind) -> Curve {
        Curve::through(self.growth_at(kind, 0.0, None), self.growth_at(kind, 1.0, None))
    }

    pub(super) fn curve_of(&mut self, kind: &Kind, own: Option<u32>) -> Curve {
        match own {
            Some(_) if kind.affine => Curve::through(self.growth_at(kind, 0.0, own), self.growth_at(kind, 1.0, own)),
            _ => self.curve,
        }
    }
}
