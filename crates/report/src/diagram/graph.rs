//! What a model's picture shows: states, arrows between them, and what acts on which stage.

use std::collections::BTreeMap;

use metacascade_engine::{Network, Reaction};

pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub arrows: Vec<Arrow>,
    /// Stages in the order of the model.
    pub stages: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Cells in a state.
    State,
    /// Lesions, each by itself.
    Lesions,
    /// What sets rates.
    Environment,
    Therapy,
}

pub(super) struct Node {
    pub name: String,
    pub description: String,
    pub shape: Shape,
    /// Layer from left to right.
    pub layer: usize,
    /// Reactions by which it multiplies, and by which it is lost.
    pub births: Vec<String>,
    pub losses: Vec<String>,
    /// Stages whose rates it sets, by place in [`Graph::stages`].
    pub acts_on: Vec<usize>,
    /// Whether only reactions of the microenvironment change it.
    supports: bool,
}

/// The stage of reactions that change what sets rates, not cells on their way.
pub(super) const MICROENVIRONMENT: &str = "microenvironment";

pub(super) struct Arrow {
    pub from: usize,
    pub to: usize,
    pub stage: usize,
    /// Names of the reactions.
    pub names: Vec<String>,
    /// Their places in the model.
    pub reactions: Vec<usize>,
    /// Whether what it comes from stays.
    pub stays: bool,
}

impl Graph {
    pub fn of(network: &Network) -> Self {
        let mut graph = Self { nodes: Vec::new(), arrows: Vec::new(), stages: Vec::new() };
        let places = graph.add_nodes(network);
        for (index, reaction) in network.reactions().iter().enumerate() {
            let stage = graph.stage(&reaction.stage);
            let influences: Vec<usize> = network.influences(index).into_iter().map(|species| places[species]).collect();
            graph.add_reaction(index, reaction, stage, &influences, &places);
        }
        for (index, node) in graph.nodes.iter_mut().enumerate() {
            let mut stages = network
                .reactions()
                .iter()
                .filter(|reaction| reaction.changes.iter().any(|&(species, _)| places[species] == index));
            let first = stages.next().is_some_and(|reaction| reaction.stage == MICROENVIRONMENT);
            node.supports = first && stages.all(|reaction| reaction.stage == MICROENVIRONMENT);
        }
        graph.find_environment();
        graph.drop_counters();
        graph.find_layers();
        graph
    }

    /// A node for each species and each kind of lesions; gives the node of each species.
    fn add_nodes(&mut self, network: &Network) -> Vec<usize> {
        let mut of_kind = vec![None; network.lesions().len()];
        let kinds: Vec<&str> = network.lesions().collect();
        let mut places = Vec::new();
        for (index, species) in network.species().iter().enumerate() {
            let kind = network.kind_of_lesions(index);
            if let Some(place) = kind.and_then(|kind| of_kind[kind]) {
                places.push(place);
                continue;
            }
            let place = self.nodes.len();
            if let Some(kind) = kind {
                of_kind[kind] = Some(place);
            }
            let shape = match kind {
                Some(_) => Shape::Lesions,
                None if network.therapies().contains(&index) => Shape::Therapy,
                None if species.is_continuous() => Shape::Environment,
                None => Shape::State,
            };
            let name = kind.map_or_else(|| species.name.clone(), |kind| kinds[kind].to_owned());
            // The second symbol of a kind bears its description.
            let about = network.species().iter().find(|other| other.name == name).unwrap_or(species);
            self.nodes.push(Node {
                description: about.description.clone(),
                name,
                shape,
                layer: 0,
                births: Vec::new(),
                losses: Vec::new(),
                acts_on: Vec::new(),
                supports: false,
            });
            places.push(place);
        }
        places
    }

    fn stage(&mut self, name: &str) -> usize {
        let found = self.stages.iter().position(|known| known == name);
        found.unwrap_or_else(|| {
            self.stages.push(name.to_owned());
            self.stages.len() - 1
        })
    }

    fn add_reaction(
        &mut self,
        index: usize,
        reaction: &Reaction,
        stage: usize,
        influences: &[usize],
        places: &[usize],
    ) {
        let side = |sign: f64| {
            let mut nodes: Vec<usize> = reaction
                .changes
                .iter()
                .filter(|(_, change)| change * sign > 0.0)
                .map(|&(species, _)| places[species])
                .collect();
            nodes.dedup();
            nodes
        };
        let (losers, gainers) = (side(-1.0), side(1.0));
        let cells = |nodes: &[usize], graph: &Self| -> Vec<usize> {
            nodes
                .iter()
                .copied()
                .filter(|&node| matches!(graph.nodes[node].shape, Shape::State | Shape::Lesions))
                .collect()
        };
        for &to in &gainers {
            // Without a loser, cells come from what their rate is read from.
            let (sources, stays) = match losers.is_empty() {
                true => (cells(influences, self), true),
                false => (losers.clone(), false),
            };
            if sources.contains(&to) {
                self.nodes[to].births.push(reaction.name.clone());
            } else {
                sources.into_iter().for_each(|from| {
                    let names = vec![reaction.name.clone()];
                    self.add_arrow(Arrow { from, to, stage, names, reactions: vec![index], stays });
                });
            }
        }
        if gainers.is_empty() {
            losers.iter().for_each(|&node| self.nodes[node].losses.push(reaction.name.clone()));
        }
        for &node in influences {
            if !losers.contains(&node) && !gainers.contains(&node) && !self.nodes[node].acts_on.contains(&stage) {
                self.nodes[node].acts_on.push(stage);
            }
        }
    }

    fn add_arrow(&mut self, arrow: Arrow) {
        let same = |known: &&mut Arrow| {
            (known.from, known.to, known.stage, known.stays) == (arrow.from, arrow.to, arrow.stage, arrow.stays)
        };
        match self.arrows.iter_mut().find(same) {
            Some(known) => {
                known.names.extend(arrow.names);
                known.reactions.extend(arrow.reactions);
            }
            None => self.arrows.push(arrow),
        }
    }

    /// Counts that take part in no passage of cells of the cascade, but set rates, are of the environment too.
    fn find_environment(&mut self) {
        for node in 0..self.nodes.len() {
            let passes = self.arrows.iter().any(|arrow| !arrow.stays && (arrow.from == node || arrow.to == node));
            let sheds = self.arrows.iter().any(|arrow| arrow.stays && arrow.from == node);
            let is_state = self.nodes[node].shape == Shape::State;
            let supports = self.nodes[node].supports;
            if is_state && (supports || !passes && !sheds) && !self.nodes[node].acts_on.is_empty() {
                self.nodes[node].shape = Shape::Environment;
            }
        }
        let environment: Vec<bool> =
            self.nodes.iter().map(|node| matches!(node.shape, Shape::Environment | Shape::Therapy)).collect();
        self.arrows.retain(|arrow| !environment[arrow.from] && !environment[arrow.to]);
    }

    /// Leaves out variables that set no rate, such as those that events keep count in.
    fn drop_counters(&mut self) {
        let kept: Vec<bool> =
            self.nodes.iter().map(|node| node.shape != Shape::Environment || !node.acts_on.is_empty()).collect();
        let place = |node: usize| kept[..node].iter().filter(|kept| **kept).count();
        self.arrows.iter_mut().for_each(|arrow| (arrow.from, arrow.to) = (place(arrow.from), place(arrow.to)));
        let mut kept = kept.iter();
        self.nodes.retain(|_| kept.next().is_none_or(|kept| *kept));
    }

    /// Each state right of all from which cells come to it; arrows back to a state above in the model are left out.
    fn find_layers(&mut self) {
        let mut layers = vec![0; self.nodes.len()];
        for to in 0..self.nodes.len() {
            let before = self.arrows.iter().filter(|arrow| arrow.to == to && arrow.from < to);
            layers[to] = before.map(|arrow| layers[arrow.from] + 1).max().unwrap_or(0);
        }
        // Layers without a gap.
        let used: BTreeMap<usize, usize> = {
            let mut used: Vec<usize> = layers.clone();
            used.sort_unstable();
            used.dedup();
            used.into_iter().enumerate().map(|(place, layer)| (layer, place)).collect()
        };
        for (node, layer) in self.nodes.iter_mut().zip(layers) {
            node.layer = used[&layer];
        }
    }
}
