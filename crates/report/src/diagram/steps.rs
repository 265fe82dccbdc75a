//! The steps of a cascade: what cells pass through on their way, one after the other.

use metacascade_engine::Network;

use super::graph::{Arrow, Graph, MICROENVIRONMENT};

/// A step: passages of one stage that do not follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The stage.
    pub stage: String,
    /// Names of the states that cells come from, and go to.
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// The reactions, by their places in the model; each once.
    pub reactions: Vec<usize>,
    /// Whether cells of what it comes from neither multiply nor stay: what is there at the start is all there is.
    pub drains: bool,
}

/// The steps of a model in order of passage; empty unless there are two at least.
///
/// A stage whose passages follow one another is several steps. One in which cells go to and fro, such as the switching of
/// phenotypes, is none, nor are changes of the microenvironment.
pub(crate) fn steps(network: &Network) -> Vec<Step> {
    let graph = Graph::of(network);
    let mut found: Vec<((usize, usize, usize), Step)> = Vec::new();
    for (stage, name) in graph.stages.iter().enumerate() {
        let arrows: Vec<&Arrow> = graph.arrows.iter().filter(|arrow| arrow.stage == stage).collect();
        let returns = |arrow: &&Arrow| arrows.iter().any(|other| (other.from, other.to) == (arrow.to, arrow.from));
        if name.is_empty() || name == MICROENVIRONMENT || arrows.iter().any(returns) {
            continue;
        }
        let depth = |arrow: &Arrow| {
            // No more than there are arrows, also where they form a circle.
            let (mut depth, mut from) = (0, vec![arrow.from]);
            while depth < arrows.len() {
                from = arrows.iter().filter(|one| from.contains(&one.to)).map(|one| one.from).collect();
                if from.is_empty() {
                    break;
                }
                depth += 1;
            }
            depth
        };
        for arrow in &arrows {
            let depth = depth(arrow);
            let (from, to) = (&graph.nodes[arrow.from], &graph.nodes[arrow.to]);
            let place = match found.iter().position(|((_, of, at), _)| (*of, *at) == (stage, depth)) {
                Some(place) => place,
                None => {
                    let step = Step {
                        stage: name.clone(),
                        from: Vec::new(),
                        to: Vec::new(),
                        reactions: Vec::new(),
                        drains: true,
                    };
                    found.push(((usize::MAX, stage, depth), step));
                    found.len() - 1
                }
            };
            let (order, step) = &mut found[place];
            order.0 = order.0.min(from.layer);
            step.drains &= from.births.is_empty() && !arrow.stays;
            for (names, node) in [(&mut step.from, from), (&mut step.to, to)] {
                if !names.contains(&node.name) {
                    names.push(node.name.clone());
                }
            }
            let new = arrow.reactions.iter().filter(|reaction| !step.reactions.contains(reaction));
            let new: Vec<usize> = new.copied().collect();
            step.reactions.extend(new);
        }
    }
    found.sort_by_key(|(order, _)| (order.0, order.2));
    if found.len() < 2 { Vec::new() } else { found.into_iter().map(|(_, step)| step).collect() }
}
