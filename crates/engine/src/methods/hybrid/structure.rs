//! What the form of a network says about its partition, whatever the counts.

use crate::network::{Network, TIME, Trigger};

pub(super) struct Structure {
    /// Of each species, its queue if it may be one.
    pub queues: Vec<Option<Queue>>,
    /// Whether each species is always counted, as those that lesions come from.
    pub counted: Vec<bool>,
    /// Whether nothing but reactions changes a propensity or turns a condition.
    pub autonomous: bool,
    /// Whether a condition reads each species, and the rules that conditions read.
    pub watched: Vec<bool>,
    pub watched_rules: Vec<usize>,
    /// Rules that propensities and rates of change read, each after those it reads, with the slots it reads in the end.
    pub rules: Vec<(usize, Vec<usize>)>,
}

/// Reactions of a species each of whose cells comes alone and leaves by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Queue {
    pub gains: Vec<usize>,
    pub losses: Vec<usize>,
}

impl Structure {
    pub fn new(network: &Network) -> Self {
        let hidden = |slot: usize| network.species.get(slot.wrapping_sub(1)).is_some_and(|species| species.moves());
        let reads = network.reads.iter().flatten().copied();
        let of_rates: Vec<usize> = network
            .species
            .iter()
            .filter_map(|species| species.rate.as_ref())
            .flat_map(|rate| rate.reads())
            .copied()
            .collect();
        let autonomous = !reads.chain(network.follow(&of_rates)).any(|slot| slot == TIME || hidden(slot))
            && !network.species.iter().any(|species| species.moves())
            && !network.events.iter().any(|event| event.is_moving());
        let first = network.rule_slot(0);
        let mut needed = vec![false; network.rules.len()];
        let mut open: Vec<usize> = network.reactions.iter().flat_map(|reaction| reaction.law.reads()).collect();
        open.extend(of_rates);
        while let Some(slot) = open.pop() {
            if let Some(rule) = slot.checked_sub(first)
                && !std::mem::replace(&mut needed[rule], true)
            {
                open.extend(network.rules[rule].program.reads());
            }
        }
        let rules = network.rule_order.iter().copied().filter(|&rule| needed[rule]);
        let rules = rules.map(|rule| (rule, network.follow(&[first + rule]))).collect();
        let mut counted = vec![false; network.species.len()];
        network.lesions.iter().for_each(|kind| counted[kind.founded - 1] = true);
        let (watched, watched_rules) = watched(network);
        Self { queues: queues(network), counted, autonomous, watched, watched_rules, rules }
    }
}

/// Species that conditions read, and rules in their order.
fn watched(network: &Network) -> (Vec<bool>, Vec<usize>) {
    let conditions = network.events.iter().filter_map(|event| match &event.trigger {
        Trigger::When { condition, .. } => Some(condition.reads()),
        Trigger::At { .. } => None,
    });
    let (first, mut slots) = (network.rule_slot(0), vec![false; network.slots()]);
    let mut open: Vec<usize> = conditions.flatten().copied().collect();
    while let Some(slot) = open.pop() {
        if !std::mem::replace(&mut slots[slot], true)
            && let Some(rule) = slot.checked_sub(first)
        {
            open.extend(network.rules[rule].program.reads());
        }
    }
    let species = (0..network.species.len()).map(|species| slots[Network::species_slot(species)]).collect();
    (species, network.rule_order.iter().copied().filter(|&rule| slots[first + rule]).collect())
}

/// Species that form queues with infinitely many servers (M/M/∞): each of their cells comes alone, and leaves by itself,
/// with a risk that no other such cell changes; nothing else looks at their counts.
fn queues(network: &Network) -> Vec<Option<Queue>> {
    let looked_at = looked_at(network);
    let mut found: Vec<Option<Queue>> =
        (0..network.species.len()).map(|species| queue(network, species).filter(|_| !looked_at[species])).collect();
    // Cells that come or leave together are not independent.
    for reaction in &network.reactions {
        for sign in [1.0, -1.0] {
            let same = |species: usize, change: f64| found[species].is_some() && change * sign > 0.0;
            if reaction.changes.iter().filter(|&&(species, change)| same(species, change)).count() > 1 {
                reaction.changes.iter().for_each(|&(species, change)| {
                    if change * sign > 0.0 {
                        found[species] = None;
                    }
                });
            }
        }
    }
    // Cells that go round are as many as they were: their number is no Poisson one.
    let round: Vec<bool> = (0..found.len()).map(|species| comes_back(network, &found, species)).collect();
    found.iter_mut().zip(round).filter(|(_, round)| *round).for_each(|(queue, _)| *queue = None);
    found
}

/// Whether cells of a queue may come back to it through others.
fn comes_back(network: &Network, queues: &[Option<Queue>], species: usize) -> bool {
    let mut reached = vec![false; queues.len()];
    let mut open = vec![species];
    while let Some(from) = open.pop() {
        for &loss in queues[from].iter().flat_map(|queue| &queue.losses) {
            for &(to, _) in network.reactions[loss].changes.iter().filter(|(_, change)| *change > 0.0) {
                if !std::mem::replace(&mut reached[to], true) {
                    open.push(to);
                }
            }
        }
    }
    reached[species]
}

/// Species that events or rates of change look at.
fn looked_at(network: &Network) -> Vec<bool> {
    let mut slots: Vec<usize> = Vec::new();
    for event in &network.events {
        if let Trigger::When { condition, .. } = &event.trigger {
            slots.extend(condition.reads());
        }
        let programs = event.delay.iter().chain(&event.priority).chain(event.assignments.iter().map(|(_, new)| new));
        programs.for_each(|program| slots.extend(program.reads()));
    }
    network.species.iter().filter_map(|species| species.rate.as_ref()).for_each(|rate| slots.extend(rate.reads()));
    let mut looked_at = vec![false; network.species.len()];
    for slot in network.follow(&slots) {
        if let Some(looked_at) = slot.checked_sub(1).and_then(|species| looked_at.get_mut(species)) {
            *looked_at = true;
        }
    }
    looked_at
}

fn queue(network: &Network, species: usize) -> Option<Queue> {
    let mut queue = Queue::default();
    for (index, (reaction, reads)) in network.reactions.iter().zip(&network.reads).enumerate() {
        let change = reaction.changes.iter().find(|(changed, _)| *changed == species).map(|(_, change)| *change);
        match (change, reads.contains(&Network::species_slot(species))) {
            (None, false) => {}
            (Some(1.0), false) => queue.gains.push(index),
            (Some(-1.0), true) if reaction.proportional_to.contains(&species) => queue.losses.push(index),
            _ => return None,
        }
    }
    Some(queue).filter(|queue| !queue.losses.is_empty() && !network.species[species].is_continuous())
}
