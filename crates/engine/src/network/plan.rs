//! How the exact methods see a network: reactions in groups with a common factor, all in flat arrays.
//!
//! The propensities of `k1*E`, `k2*E` and `k3*E` are one number of cells times three constants. Such reactions form a
//! group: its propensity is the common factor times the sum of the constants, and which of its reactions fires is a
//! question of the constants alone. An event then updates and searches a third of the numbers in a typical network.

use std::collections::HashMap;

use super::rate::Factor;
use super::{Network, RateLaw, TIME, Trigger};

/// Reactions of a group are searched all at once in lanes of eight: a group has no more.
pub(crate) const LARGEST_GROUP: usize = 8;

/// Networks with no more reactions are left without groups.
const FEW_REACTIONS: usize = 8;

/// Reactions whose propensities are one common factor times a constant each.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The common factor: (value − offset) of two slots. Where there are fewer factors, the slot is that of the
    /// constant 1, [`Network::one_slot`].
    pub factors: [(u32, f64); 2],
    /// Further factors, in [`Plan::factors`].
    pub more: (u32, u32),
    /// The rate law of a single reaction that is no product.
    pub general: bool,
    /// The group's reactions are those at `first..first + count` of [`Plan::reactions`].
    pub first: u32,
    pub count: u32,
}

/// What a reaction does when it fires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Firing {
    /// Ranges of [`Plan::changes`], [`Plan::dependents`] and [`Plan::rules`].
    pub changes: (u32, u32),
    pub dependents: (u32, u32),
    pub rules: (u32, u32),
    /// Whether an event's condition may turn.
    pub watched: bool,
}

/// The reactions of a network in groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub groups: Vec<Group>,
    pub factors: Vec<Factor>,
    /// The network's reactions, group by group.
    pub reactions: Vec<u32>,
    /// Beside `reactions`.
    pub firings: Vec<Firing>,
    /// (slot, change of its value).
    pub changes: Vec<(u32, f64)>,
    /// Groups whose propensity a firing changes.
    pub dependents: Vec<u32>,
    /// Rules that propensities or conditions read and a firing changes, each after those it reads.
    pub rules: Vec<u32>,
    /// All rules that propensities or conditions read, each after those it reads.
    pub needed_rules: Vec<usize>,
}

impl Plan {
    pub fn new(network: &Network) -> Self {
        let mut plan = Self::default();
        plan.form_groups(network);
        let first_rule = network.rule_slot(0);
        let group_of = plan.group_of_reactions();

        // What reads each slot of a species: groups, rules that are needed, conditions.
        let species_end = 1 + network.species.len();
        let mut groups_reading: Vec<Vec<u32>> = vec![Vec::new(); species_end];
        for (reaction, reads) in network.reads.iter().enumerate() {
            for &slot in reads.iter().filter(|slot| **slot < species_end) {
                let readers = &mut groups_reading[slot];
                if readers.last() != Some(&group_of[reaction]) {
                    readers.push(group_of[reaction]);
                }
            }
        }
        let mut needed = vec![false; network.rules.len()];
        let mut open: Vec<usize> = network.reactions.iter().flat_map(|reaction| reaction.law.reads()).collect();
        let mut watched = vec![false; species_end];
        for event in &network.events {
            if let Trigger::When { condition, .. } = &event.trigger {
                open.extend(condition.reads());
                network
                    .follow(condition.reads())
                    .into_iter()
                    .filter(|s| *s < species_end)
                    .for_each(|s| watched[s] = true);
            }
        }
        while let Some(slot) = open.pop() {
            if let Some(rule) = slot.checked_sub(first_rule)
                && !std::mem::replace(&mut needed[rule], true)
            {
                open.extend(network.rules[rule].program.reads());
            }
        }
        plan.needed_rules = network.rule_order.iter().copied().filter(|rule| needed[*rule]).collect();
        let mut rules_reading: Vec<Vec<u32>> = vec![Vec::new(); species_end];
        for (place, &rule) in plan.needed_rules.iter().enumerate() {
            for slot in network.follow(&[first_rule + rule]).into_iter().filter(|slot| *slot < species_end) {
                rules_reading[slot].push(place as u32);
            }
        }

        let mut dependents: Vec<u32> = Vec::new();
        let mut rules: Vec<u32> = Vec::new();
        for position in 0..plan.reactions.len() {
            let reaction = &network.reactions[plan.reactions[position] as usize];
            dependents.clear();
            rules.clear();
            let mut firing = Firing::default();
            let start = plan.changes.len() as u32;
            for &(species, change) in &reaction.changes {
                let slot = Network::species_slot(species);
                plan.changes.push((slot as u32, change));
                dependents.extend(&groups_reading[slot]);
                rules.extend(&rules_reading[slot]);
                firing.watched |= watched[slot];
            }
            dependents.sort_unstable();
            dependents.dedup();
            rules.sort_unstable();
            rules.dedup();
            firing.changes = (start, plan.changes.len() as u32);
            let start = plan.dependents.len() as u32;
            plan.dependents.extend(&dependents);
            firing.dependents = (start, plan.dependents.len() as u32);
            let start = plan.rules.len() as u32;
            plan.rules.extend(rules.iter().map(|place| plan.needed_rules[*place as usize] as u32));
            firing.rules = (start, plan.rules.len() as u32);
            plan.firings.push(firing);
        }
        plan
    }

    fn form_groups(&mut self, network: &Network) {
        let one = network.one_slot();
        // Of few reactions the right one is found faster than group and member one after the other.
        let most = if network.reactions.len() > FEW_REACTIONS { LARGEST_GROUP } else { 1 };
        let mut members: Vec<Vec<u32>> = Vec::new();
        let mut known: HashMap<Vec<(usize, u64)>, usize> = HashMap::new();
        for (index, reaction) in network.reactions.iter().enumerate() {
            let RateLaw::Product { factors, .. } = &reaction.law else {
                let more = (self.factors.len() as u32, self.factors.len() as u32);
                self.groups.push(Group { factors: [(one, 0.0); 2], more, general: true, first: 0, count: 1 });
                members.push(vec![index as u32]);
                continue;
            };
            let mut key: Vec<_> = factors.iter().map(|factor| (factor.slot, factor.offset.to_bits())).collect();
            key.sort_unstable();
            let group = known.get(&key).copied().filter(|group| members[*group].len() < most);
            let group = group.unwrap_or_else(|| {
                let factor = |index: usize| {
                    key.get(index).map_or((one, 0.0), |(slot, offset)| (*slot as u32, f64::from_bits(*offset)))
                };
                let start = self.factors.len() as u32;
                let rest = key.iter().skip(2);
                self.factors.extend(rest.map(|(slot, offset)| Factor { slot: *slot, offset: f64::from_bits(*offset) }));
                let more = (start, self.factors.len() as u32);
                let factors = [factor(0), factor(1)];
                self.groups.push(Group { factors, more, general: false, first: 0, count: 0 });
                members.push(Vec::new());
                members.len() - 1
            });
            known.insert(key, group);
            members[group].push(index as u32);
        }
        for (group, members) in self.groups.iter_mut().zip(&members) {
            group.first = self.reactions.len() as u32;
            group.count = members.len() as u32;
            self.reactions.extend(members);
        }
    }

    /// The group of each reaction of the network.
    fn group_of_reactions(&self) -> Vec<u32> {
        let mut found = vec![0; self.reactions.len()];
        for (index, group) in self.groups.iter().enumerate() {
            for &reaction in &self.reactions[group.first as usize..(group.first + group.count) as usize] {
                found[reaction as usize] = index as u32;
            }
        }
        found
    }
}

impl Network {
    /// Slot of the constant 1, behind all symbols; recorders are not shown it.
    pub(crate) fn one_slot(&self) -> u32 {
        self.slots() as u32
    }

    /// The first reaction whose propensity changes with time by itself: through `time`, or a continuous variable whose
    /// rate is not 0.
    pub(crate) fn first_not_autonomous(&self) -> Option<usize> {
        let moves = |slot: usize| {
            let species = slot.checked_sub(1).and_then(|index| self.species.get(index));
            slot == TIME || species.is_some_and(|species| species.moves())
        };
        self.reads.iter().position(|reads| reads.iter().any(|&slot| moves(slot)))
    }
}
