//! Propensities of groups of reactions: what the exact methods search and keep up to date.

use crate::network::{LARGEST_GROUP, Plan};
use crate::simulator::SimulationError;
use crate::state::State;

/// Propensities under the present parameters and values.
#[derive(Default)]
pub(super) struct Groups {
    /// Of each group.
    pub propensities: Vec<f64>,
    /// Common factor of each group.
    factors: Vec<f64>,
    /// Sum of the constants of each group.
    pub constants: Vec<f64>,
    /// Running sums of the constants within each group; infinite beyond its last reaction.
    pub running: Vec<[f64; LARGEST_GROUP]>,
}

impl Groups {
    /// After the state has jumped, and parameters with it.
    pub fn refresh(&mut self, state: &State) -> Result<(), SimulationError> {
        let plan = &state.network.plan;
        self.running.clear();
        self.constants.clear();
        for group in &plan.groups {
            let mut running = [f64::INFINITY; LARGEST_GROUP];
            let mut sum = 0.0;
            for (place, position) in (group.first..group.first + group.count).enumerate() {
                let reaction = plan.reactions[position as usize] as usize;
                let constant = if group.general { 1.0 } else { state.constants[reaction] };
                if !(0.0..f64::INFINITY).contains(&constant) {
                    return Err(state.bad_propensity(reaction, state.law(reaction)));
                }
                sum += constant;
                running[place] = sum;
            }
            self.running.push(running);
            self.constants.push(sum);
        }
        self.factors.resize(plan.groups.len(), 0.0);
        self.propensities.resize(plan.groups.len(), 0.0);
        for group in 0..plan.groups.len() {
            self.update(state, plan, group)?;
        }
        Ok(())
    }

    /// One group; gives the change of its propensity.
    #[inline(always)]
    pub fn update(&mut self, state: &State, plan: &Plan, group: usize) -> Result<f64, SimulationError> {
        let law = &plan.groups[group];
        let factor = if law.general {
            state.law(plan.reactions[law.first as usize] as usize)
        } else {
            let [(a, a_offset), (b, b_offset)] = law.factors;
            let two = (state.values[a as usize] - a_offset) * (state.values[b as usize] - b_offset);
            let more = &plan.factors[law.more.0 as usize..law.more.1 as usize];
            more.iter().fold(two, |product, factor| product * (state.values[factor.slot] - factor.offset))
        };
        let propensity = factor * self.constants[group];
        if propensity.is_nan() || propensity < 0.0 || propensity == f64::INFINITY {
            return Err(self.bad(state, plan, group));
        }
        let change = propensity - self.propensities[group];
        self.factors[group] = factor;
        self.propensities[group] = propensity;
        Ok(change)
    }

    #[cold]
    #[inline(never)]
    fn bad(&self, state: &State, plan: &Plan, group: usize) -> SimulationError {
        let reaction = plan.reactions[plan.groups[group].first as usize] as usize;
        state.bad_propensity(reaction, state.law(reaction))
    }

    /// Which of a group's reactions fires, as a position of the plan; `rest` is uniform between 0 and the group's
    /// propensity.
    #[inline(always)]
    pub fn member(&self, plan: &Plan, group: usize, rest: f64) -> usize {
        let law = &plan.groups[group];
        if law.count == 1 {
            return law.first as usize;
        }
        let factor = self.factors[group];
        let (running, mut place) = (&self.running[group], 0);
        while place + 1 < law.count as usize && running[place % LARGEST_GROUP] * factor <= rest {
            place += 1;
        }
        law.first as usize + place
    }
}
