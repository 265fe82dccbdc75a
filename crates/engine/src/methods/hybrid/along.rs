//! How jumps change the jumps to come within a step of the solver, without a new step for each.
//!
//! A jump changes a count by one. Where that moves the equations by less than their tolerance, the step made before
//! still holds, and only the propensities of jumps are others. These are put down as polynomials of the part of the step
//! that has passed, through five points; a jump that changes a count from n to n′ multiplies those that are proportional
//! to it by n′/n. What a jump does to the equations is made good to first order at the step's end, from the derivatives
//! at the last review; what it does to propensities that follow a count in another way is left out. Both are added up
//! with their signs, and the step ends before they matter.

use super::flow::Flow;
use crate::methods::ode::{Dense, System};
use crate::network::Network;

/// Points through which propensities are put.
const POINTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// By how much a step may be made good in the end, in units of its tolerance. What that leaves out is of second order: less
/// by about half the change of the equations in a step.
const MADE_GOOD: f64 = 20.0;
/// What may be left out of the expected number of jumps in a step, of each that is expected.
const LEFT_OUT: f64 = 1e-3;
/// The part of an abundant number by which it may differ from that of the step.
const APART: f64 = 0.01;

/// A polynomial of the part of a step that has passed.
type Polynomial = [f64; POINTS.len()];

#[derive(Default)]
pub(super) struct Along {
    /// The propensity of each jump, those that vary and then the others; empty where they are not known.
    laws: Vec<Polynomial>,
    /// What jumps have added to the expected number of jumps since the step began.
    extra: [f64; POINTS.len() + 1],
    /// Of each species, the jumps whose propensities read it, and whether they are proportional to it.
    readers: Vec<Vec<(usize, bool)>>,
    /// Of each species, what one cell more does in a unit of time, once known.
    influence: Vec<Option<Influence>>,
    /// Cells of each species that the step does not know of, and those times the time that is left of it.
    unknown: Vec<f64>,
    pending: Vec<f64>,
    /// Work space: sums of propensities; slopes, and those with one cell more.
    sums: Vec<f64>,
    slopes: [Vec<f64>; 2],
}

#[derive(Default)]
struct Influence {
    /// On each equation, and the most of these in units of the tolerance.
    slopes: Vec<f64>,
    flow: f64,
    /// On the propensities of jumps, beyond those that are proportional.
    hazard: f64,
}

impl Along {
    /// Begins from a new partition.
    pub fn arrange(&mut self, network: &Network, jumps: impl Iterator<Item = usize>) {
        let species = network.species.len();
        self.readers.resize_with(species, Vec::new);
        self.readers.iter_mut().for_each(Vec::clear);
        for (place, reaction) in jumps.enumerate() {
            for reader in network.reads[reaction].iter().filter_map(|slot| slot.checked_sub(1)) {
                if let Some(readers) = self.readers.get_mut(reader) {
                    readers.push((place, false));
                }
            }
        }
        self.pending.resize(species, 0.0);
        self.unknown.resize(species, 0.0);
        self.review(species);
        self.restart();
    }

    /// Derivatives are to be taken anew.
    pub fn review(&mut self, species: usize) {
        self.influence.clear();
        self.influence.resize_with(species, || None);
    }

    /// A new step begins.
    pub fn restart(&mut self) {
        self.laws.clear();
        self.extra = [0.0; POINTS.len() + 1];
        self.pending.fill(0.0);
        self.unknown.fill(0.0);
    }

    /// Adds what jumps have done to the equations, where this time is left of the step.
    pub fn make_good(&self, left: f64, y: &mut [f64]) {
        for ((influence, pending), unknown) in self.influence.iter().zip(&self.pending).zip(&self.unknown) {
            let time = pending - unknown * left;
            if let Some(influence) = influence.as_ref().filter(|_| time != 0.0) {
                y.iter_mut().zip(&influence.slopes).for_each(|(y, slope)| *y += slope * time);
            }
        }
    }

    /// What jumps have added to the expected number of jumps by a part of the step.
    pub fn extra(&self, part: f64) -> f64 {
        self.extra.iter().rev().fold(0.0, |sum, coefficient| sum * part + coefficient)
    }

    /// Whether jumps have changed what others read since the step began.
    pub fn changed(&self) -> bool {
        !self.laws.is_empty()
    }

    /// Draws one of the jumps by their propensities at a part of the step, if these are known.
    pub fn draw(&mut self, part: f64, uniform: f64) -> Option<usize> {
        let mut sum = 0.0;
        self.sums.clear();
        self.sums.extend(self.laws.iter().map(|law| {
            sum += law.iter().rev().fold(0.0, |sum, c| sum * part + c).max(0.0);
            sum
        }));
        Some(self.sums.partition_point(|below| *below <= uniform * sum)).filter(|place| *place < self.sums.len())
    }

    /// Whether a step of this length holds, from a part of it on, when a species changes by a jump; `y` are the values
    /// then and `before` that of the species, of which `owed` is not known to the step if it is integrated.
    #[expect(clippy::too_many_arguments, reason = "what a jump is, and where")]
    pub fn holds(
        &mut self,
        flow: &mut Flow,
        y: &mut [f64],
        dense: &Dense,
        (start, length): (f64, f64),
        part: f64,
        (species, before, change): (usize, f64, f64),
        owed: f64,
    ) -> bool {
        let integrated = flow.partition.places[species] < flow.partition.active.len();
        if before < 1.0 || integrated && (owed + change).abs() > APART * before {
            return false;
        }
        let time = start + part * length;
        if self.influence[species].is_none() {
            self.influence[species] = Some(self.learn(flow, y, time, species));
        }
        self.unknown[species] += change;
        self.pending[species] += change * (1.0 - part) * length;
        let (mut moved, mut left_out) = (0.0, 0.0);
        for (influence, pending) in self.influence.iter().zip(&self.pending) {
            if let Some(influence) = influence {
                moved += influence.flow * pending.abs();
                left_out += influence.hazard * pending.abs();
            }
        }
        let expected = dense.at(y.len() - 1, 1.0);
        if moved.is_nan() || moved > MADE_GOOD || left_out.is_nan() || left_out > LEFT_OUT * (1.0 + expected) {
            return false;
        }
        if self.laws.is_empty() {
            self.fit(flow, y, dense, (start, length));
            flow.place(time, y);
        }
        let ratio = (before + change) / before;
        let mut added = Polynomial::default();
        for &(place, _) in self.readers[species].iter().filter(|(_, proportional)| *proportional) {
            for (added, law) in added.iter_mut().zip(&mut self.laws[place]) {
                *added += (ratio - 1.0) * *law;
                *law *= ratio;
            }
        }
        // ∫ of what is added from here on.
        let mut here = 0.0;
        for (power, added) in added.iter().enumerate().rev() {
            let coefficient = added * length / (power + 1) as f64;
            self.extra[power + 1] += coefficient;
            here = (here + coefficient) * part;
        }
        self.extra[0] -= here;
        true
    }

    /// Finds what one cell more of a species does.
    fn learn(&mut self, flow: &mut Flow, y: &mut [f64], time: f64, species: usize) -> Influence {
        flow.state.update_rules();
        let [slopes, more] = &mut self.slopes;
        slopes.resize(y.len(), 0.0);
        more.resize(y.len(), 0.0);
        flow.drift(time, y, slopes);
        let jumps = |flow: &Flow, place: usize| flow.state.law(flow.partition.jump(place));
        let before: Vec<f64> = self.readers[species].iter().map(|&(place, _)| jumps(flow, place)).collect();
        let (slot, place) = (Network::species_slot(species), flow.partition.places[species]);
        let value = flow.state.values[slot];
        match y.get_mut(place) {
            Some(y) => *y += 1.0,
            None => {
                flow.state.values[slot] += 1.0;
                flow.state.update_rules();
            }
        }
        flow.drift(time, y, more);
        let mut influence = Influence::default();
        for ((reader, proportional), before) in self.readers[species].iter_mut().zip(before) {
            let after = jumps(flow, *reader);
            let (constant, linear) = ((after - before).abs(), (after - before * (value + 1.0) / value).abs());
            *proportional = linear < constant;
            influence.hazard += constant.min(linear);
        }
        match y.get_mut(place) {
            Some(y) => *y -= 1.0,
            None => flow.state.values[slot] = value,
        }
        flow.place(time, y);
        flow.state.update_rules();
        let equations = y.len() - 1;
        for ((more, slopes), y) in more.iter().zip(&*slopes).zip(&*y).take(equations) {
            let allowed = flow.tolerance * (1.0 + y.abs());
            influence.flow = influence.flow.max((more - slopes).abs() / allowed);
            influence.slopes.push(more - slopes);
        }
        influence
    }

    /// Puts polynomials through the propensities along a step.
    fn fit(&mut self, flow: &mut Flow, y: &[f64], dense: &Dense, (start, length): (f64, f64)) {
        let count = flow.partition.varying.len() + flow.partition.steady.len();
        self.laws.resize(count, Polynomial::default());
        let mut point = std::mem::take(&mut self.slopes[0]);
        point.resize(y.len(), 0.0);
        for (index, part) in POINTS.into_iter().enumerate() {
            dense.write(part, &mut point);
            flow.place(start + part * length, &point);
            for (place, law) in self.laws.iter_mut().enumerate() {
                law[index] = flow.state.law(flow.partition.jump(place));
            }
        }
        self.slopes[0] = point;
        for law in &mut self.laws {
            let [a, b, c, d, e] = *law;
            *law = [
                a,
                (-25.0 * a + 48.0 * b - 36.0 * c + 16.0 * d - 3.0 * e) / 3.0,
                (70.0 * a - 208.0 * b + 228.0 * c - 112.0 * d + 22.0 * e) / 3.0,
                (-80.0 * a + 288.0 * b - 384.0 * c + 224.0 * d - 48.0 * e) / 3.0,
                (32.0 * a - 128.0 * b + 192.0 * c - 128.0 * d + 32.0 * e) / 3.0,
            ];
        }
    }
}
