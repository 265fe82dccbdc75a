//! Where everything of a picture stands.

use super::graph::{Arrow, Graph, Node, Shape};
use super::{Badge, Box, Curve, Line, Picture, Stage};
use crate::style::{GREY, INK};

const MARGIN: f64 = 28.0;
/// Width and height of a state, and the space between layers and within one.
const STATE: (f64, f64) = (150.0, 58.0);
const BETWEEN: (f64, f64) = (88.0, 26.0);
/// Height of the title and of a line of the legend.
const HEAD: f64 = 56.0;
const LEGEND_LINE: f64 = 24.0;
/// Width and height of what sets rates.
const SETTER: (f64, f64) = (214.0, 62.0);
/// No narrower than this.
const NARROWEST: f64 = 720.0;
/// Average width of a letter, as a part of its size.
const LETTER: f64 = 0.56;

/// Colours of stages: those of Okabe & Ito (see [`crate::style::ARMS`]) and four darker ones; stages are numbered, too.
const COLOURS: [&str; 10] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b07d00", "#6a3d9a", "#8c564b", "#1f2328", "#7f7f7f"];

fn colour(stage: usize) -> &'static str {
    COLOURS[stage % COLOURS.len()]
}

pub(super) fn picture(graph: &Graph, title: &str) -> Picture {
    let layers = graph.nodes.iter().filter(|node| passes(node)).map(|node| node.layer + 1).max().unwrap_or(0);
    let needed = layers as f64 * (STATE.0 + BETWEEN.0) - BETWEEN.0;
    let width = needed.max(NARROWEST) + 2.0 * MARGIN;
    let (stages, top) = legend(graph, width);
    let places = places(graph, layers, top);
    let bottom = places.iter().flatten().map(|(_, y)| y + STATE.1).fold(top, f64::max);
    let setters: Vec<&Node> = graph.nodes.iter().filter(|node| !passes(node)).collect();
    // Arrows back run below the states.
    let environment_y = if setters.is_empty() { 0.0 } else { bottom + 78.0 };
    let mut nodes: Vec<Box> =
        graph.nodes.iter().zip(&places).filter_map(|(node, place)| Some(state(node, (*place)?))).collect();
    let columns = ((width - 2.0 * MARGIN + 16.0) / (SETTER.0 + 16.0)).floor().max(1.0) as usize;
    for (index, node) in setters.iter().enumerate() {
        let x = MARGIN + (index % columns) as f64 * (SETTER.0 + 16.0);
        let y = environment_y + 14.0 + (index / columns) as f64 * (SETTER.1 + 14.0);
        nodes.push(setter(node, (x, y)));
    }
    let lowest = nodes.iter().map(|node| node.y + node.height).fold(top, f64::max);
    let height = lowest + if setters.is_empty() { 96.0 } else { 48.0 };
    let summary = format!(
        "{} states, {} arrows, {} quantities that set rates.",
        graph.nodes.len() - setters.len(),
        graph.arrows.len(),
        setters.len()
    );
    let arrows = arrows(graph, &places);
    Picture { title: title.to_owned(), summary, width, height, margin: MARGIN, environment_y, stages, arrows, nodes }
}

/// Whether cells pass through it.
fn passes(node: &Node) -> bool {
    matches!(node.shape, Shape::State | Shape::Lesions)
}

/// The legend, and where it ends.
fn legend(graph: &Graph, width: f64) -> (Vec<Stage>, f64) {
    let (mut x, mut y) = (MARGIN + 8.0, HEAD + 8.0);
    let mut stages = Vec::new();
    for (index, name) in graph.stages.iter().enumerate() {
        let name = if name.is_empty() { "no stage" } else { name };
        let space = 40.0 + 12.0 * LETTER * name.chars().count() as f64;
        if x + space > width - MARGIN && x > MARGIN + 8.0 {
            (x, y) = (MARGIN + 8.0, y + LEGEND_LINE);
        }
        stages.push(Stage { name: name.to_owned(), number: index + 1, colour: colour(index), x, y });
        x += space;
    }
    (stages, y + 36.0)
}

/// The upper left corner of each state: layers are centred, and within each, states stand near those they come from.
fn places(graph: &Graph, layers: usize, top: f64) -> Vec<Option<(f64, f64)>> {
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| passes(node)) {
        columns[node.layer].push(index);
    }
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let mut places = vec![None; graph.nodes.len()];
    for (layer, column) in columns.iter_mut().enumerate() {
        let wish = |node: usize, places: &[Option<(f64, f64)>]| {
            let from: Vec<f64> = graph
                .arrows
                .iter()
                .filter(|arrow| arrow.to == node)
                .filter_map(|arrow| places[arrow.from].map(|(_, y)| y))
                .collect();
            if from.is_empty() { f64::INFINITY } else { from.iter().sum::<f64>() / from.len() as f64 }
        };
        column.sort_by(|&a, &b| wish(a, &places).total_cmp(&wish(b, &places)).then(a.cmp(&b)));
        let first = top + 0.5 * (tallest - column.len() as f64) * (STATE.1 + BETWEEN.1);
        for (place, &node) in column.iter().enumerate() {
            let x = MARGIN + layer as f64 * (STATE.0 + BETWEEN.0);
            places[node] = Some((x, first + place as f64 * (STATE.1 + BETWEEN.1)));
        }
    }
    places
}

fn state(node: &Node, (x, y): (f64, f64)) -> Box {
    let lesions = node.shape == Shape::Lesions;
    let mut signs = String::new();
    if !node.births.is_empty() {
        signs.push('↻');
    }
    if !node.losses.is_empty() {
        signs.push_str(" ✕");
    }
    let mut lines =
        vec![Line { text: shortened(&node.name, 17), x: x + 10.0, y: y + 20.0, size: 13.0, bold: true, colour: INK }];
    lines.extend(wrapped(&node.description, 25, 2).into_iter().enumerate().map(|(index, text)| Line {
        text,
        x: x + 10.0,
        y: y + 35.0 + 13.0 * index as f64,
        size: 10.5,
        bold: false,
        colour: GREY,
    }));
    lines.push(Line { text: signs, x: x + STATE.0 - 30.0, y: y + 19.0, size: 11.0, bold: false, colour: GREY });
    let (width, height) = STATE;
    let radius = if lesions { 24.0 } else { 7.0 };
    let (fill, stroke) = if lesions { ("#fdf3ea", "#d55e00") } else { ("#f0f6fb", "#0072b2") };
    Box { about: about(node), x, y, width, height, radius, fill, stroke, lines, badges: Vec::new() }
}

fn setter(node: &Node, (x, y): (f64, f64)) -> Box {
    let mut lines =
        vec![Line { text: shortened(&node.name, 24), x: x + 10.0, y: y + 18.0, size: 12.0, bold: true, colour: INK }];
    lines.extend(wrapped(&node.description, 36, 1).into_iter().map(|text| Line {
        text,
        x: x + 10.0,
        y: y + 33.0,
        size: 10.5,
        bold: false,
        colour: GREY,
    }));
    let badge = |(index, &stage): (usize, &usize)| Badge {
        number: stage + 1,
        colour: colour(stage),
        x: x + 17.0 + 17.0 * index as f64,
        y: y + 48.0,
    };
    let badges = node.acts_on.iter().enumerate().map(badge).collect();
    let (fill, stroke) = if node.shape == Shape::Therapy { ("#f7eef7", "#6a3d9a") } else { ("#f6f8fa", "#8c959f") };
    let (width, height) = SETTER;
    Box { about: about(node), x, y, width, height, radius: 7.0, fill, stroke, lines, badges }
}

fn about(node: &Node) -> String {
    let mut about = node.name.clone();
    if !node.description.is_empty() {
        about.push_str(": ");
        about.push_str(&node.description);
    }
    for (what, names) in [("multiplies by", &node.births), ("is lost by", &node.losses)] {
        if !names.is_empty() {
            about.push_str(&format!("; {what} {}", names.join(", ")));
        }
    }
    about
}

fn arrows(graph: &Graph, places: &[Option<(f64, f64)>]) -> Vec<Curve> {
    let ends = |arrow: &Arrow| Some((places[arrow.from]?, places[arrow.to]?));
    let forward = |arrow: &Arrow| graph.nodes[arrow.to].layer > graph.nodes[arrow.from].layer;
    // Arrows share the side of a state in the order of their other ends.
    let share = |index: usize, node: usize, leaving: bool| {
        let mut sharing: Vec<(f64, usize)> = graph
            .arrows
            .iter()
            .enumerate()
            .filter(|(_, arrow)| forward(arrow) && node == if leaving { arrow.from } else { arrow.to })
            .filter_map(|(other, arrow)| Some((places[if leaving { arrow.to } else { arrow.from }]?.1, other)))
            .collect();
        sharing.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let place = sharing.iter().position(|&(_, other)| other == index).unwrap_or(0);
        STATE.1 * (place as f64 + 1.0) / (sharing.len() as f64 + 1.0)
    };
    let mut curves = Vec::new();
    for (index, arrow) in graph.arrows.iter().enumerate() {
        let Some(((x0, y0), (x1, y1))) = ends(arrow) else { continue };
        let (width, height) = STATE;
        let points = if forward(arrow) {
            let (from, to) =
                ((x0 + width, y0 + share(index, arrow.from, true)), (x1 - 2.0, y1 + share(index, arrow.to, false)));
            let reach = 0.45 * (to.0 - from.0);
            [from, (from.0 + reach, from.1), (to.0 - reach, to.1), to]
        } else if graph.nodes[arrow.to].layer == graph.nodes[arrow.from].layer {
            let shift = if y1 > y0 { 0.62 } else { 0.38 };
            let (from, to) = ((x0 + width, y0 + shift * height), (x1 + width + 2.0, y1 + shift * height));
            [from, (from.0 + 46.0, from.1), (to.0 + 46.0, to.1), to]
        } else {
            let (from, to) = ((x0 + 0.35 * width, y0 + height), (x1 + 0.65 * width, y1 + height + 2.0));
            let depth = 34.0 + 0.06 * (from.0 - to.0);
            [from, (from.0, from.1 + depth), (to.0, to.1 + depth), to]
        };
        let [a, b, c, d] = points;
        // A point on the curve, later on it for later arrows so that numbers do not meet.
        let t = 0.34 + 0.1 * (index % 4) as f64;
        let at = |a: f64, b: f64, c: f64, d: f64| {
            let s = 1.0 - t;
            s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
        };
        curves.push(Curve {
            names: arrow.names.join(", "),
            path: format!("M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}", a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1),
            colour: colour(arrow.stage),
            stage: arrow.stage,
            number: arrow.stage + 1,
            stays: arrow.stays,
            x: (at(a.0, b.0, c.0, d.0) * 10.0).round() / 10.0,
            y: (at(a.1, b.1, c.1, d.1) * 10.0).round() / 10.0,
        });
    }
    curves
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// At most so many lines of about so many letters, broken at spaces.
fn wrapped(text: &str, letters: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines.into_iter().map(|line| shortened(&line, letters + 3)).collect()
}
