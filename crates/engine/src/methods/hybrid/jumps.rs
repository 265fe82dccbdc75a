//! A jump: which reaction it is, what it changes, and whether the solver's step holds beyond it.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::flow::Flow;
use super::partition::Kind;
use super::{Hybrid, Segment};
use crate::network::Network;
use crate::simulator::{SimulationError, Stats};
use crate::state::{LARGEST_COUNT, State};

/// What a jump has changed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum After {
    /// Nothing that the equations or any propensity read by more than their tolerance.
    Same,
    Changed,
    /// A species is on the wrong side of the threshold.
    Misplaced,
}

impl Hybrid {
    /// A jump within a step that others have gone before: only what it and conditions read is brought up to date.
    pub(super) fn jump_along(
        &mut self,
        state: &mut State,
        segment: Segment,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<bool, SimulationError> {
        let chosen = self.along.draw(segment.part, random.random()).map(|place| self.partition.jump(place));
        let changes = chosen.map_or(&[][..], |reaction| &state.network.reactions[reaction].changes);
        let watched = changes.iter().any(|(species, _)| self.partition.structure.watched[*species]);
        self.write(state, segment.end, segment.part);
        let after = self.jump(state, segment, chosen, random, stats)?;
        if after == After::Same {
            if watched {
                let first = state.network.rule_slot(0);
                for &rule in &self.partition.structure.watched_rules {
                    state.values[first + rule] = state.network.rules[rule].program.evaluate(&state.values);
                }
            }
            let turned = watched && state.turned();
            if turned {
                state.update_rules();
            }
            self.segment = Some(Segment { aimed: false, ..segment });
            return Ok(turned);
        }
        state.update_rules();
        self.finish(state, segment, after)?;
        self.steps = self.steps.saturating_sub(1);
        let turned = state.turned();
        if after == After::Misplaced || self.steps == 0 {
            self.review(state, random)?;
        }
        Ok(turned)
    }

    /// Ends the step at a jump that changes it.
    pub(super) fn finish(&mut self, state: &mut State, segment: Segment, after: After) -> Result<(), SimulationError> {
        if after != After::Same {
            let hazard = self.y.len() - 1;
            let wait = self.target.unwrap_or_default() - self.now[hazard];
            self.now[hazard] = 0.0;
            self.target = Some(wait);
            self.cut(state, segment);
            self.steady = self.hazard(state, false)?;
        }
        Ok(())
    }

    /// A reaction jumps; the state is up to date but for rules, before and after.
    pub(super) fn jump(
        &mut self,
        state: &mut State,
        segment: Segment,
        chosen: Option<usize>,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<After, SimulationError> {
        stats.events += 1;
        let hazard = self.y.len() - 1;
        let wait: f64 = Exp1.sample(random);
        self.target = Some(self.now[hazard] + wait);
        // None by rounding alone.
        let Some(reaction) = chosen else { return Ok(After::Same) };
        let mut after = After::Same;
        for &(species, change) in &state.network.reactions[reaction].changes {
            let kind = self.partition.kinds[species];
            // Cells that leave a queue have left its mean.
            if kind == Kind::Queue && change < 0.0 {
                continue;
            }
            let (slot, place) = (Network::species_slot(species), self.partition.places[species]);
            let before = state.values[slot];
            let value = before + change;
            if !(0.0..=LARGEST_COUNT).contains(&value) {
                state.values[slot] = value;
                return Err(state.why_impossible(reaction));
            }
            if after == After::Same && !self.partition.silent[species] {
                let Self { partition, linear, along, now, dense, owed, .. } = self;
                let mut flow = Flow { state, partition, steady: self.steady, tolerance: self.tolerance, linear };
                let step = (segment.start, segment.step.length);
                let owed = owed.get(place).copied().unwrap_or(0.0);
                let holds = kind != Kind::Queue
                    && along.holds(&mut flow, now, dense, step, segment.part, (species, before, change), owed);
                after = if holds { After::Same } else { After::Changed };
            }
            state.values[slot] = value;
            if let Some(now) = self.now.get_mut(place) {
                *now = value;
                self.owed[place] += change;
            }
            if self.partition.misplaced(species, value) {
                after = After::Misplaced;
            }
        }
        Ok(after)
    }

    /// The reaction that jumps, with the probability that its propensity has among all.
    pub(super) fn choose(&self, state: &State, random: &mut Stream) -> Result<Option<usize>, SimulationError> {
        let mut rest = random.random::<f64>() * (self.hazard(state, true)? + self.steady);
        let mut jumps = self.partition.varying.iter().chain(&self.partition.steady);
        let reaction = jumps.find(|&&reaction| {
            rest -= state.law(reaction);
            rest < 0.0
        });
        Ok(reaction.copied())
    }
}
