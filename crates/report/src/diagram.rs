//! A model as a picture: states and arrows, coloured and numbered by stage of the cascade.
//!
//! States stand in layers from left to right, as cells pass through them; what sets their rates (the microenvironment,
//! therapies) stands below, with the stages it acts on. The picture is one SVG file without scripts.

mod graph;
mod layout;
mod steps;

use askama::Template;
use graph::Graph;
use metacascade_engine::Network;
pub(crate) use steps::{Step, steps};

/// The picture of a model, as the text of an SVG file. Names and texts of the model never become markup.
///
/// # Errors
/// None with the template as it is; askama's type is passed on.
///
/// ```
/// let network = metacascade_engine::Network::builder("switching")
///     .species("A", "100")
///     .species("B", "0")
///     .reaction("A -> B", "0.1 * A")
///     .build()?;
/// let svg = metacascade_report::diagram(&network)?;
/// assert!(svg.starts_with("<svg") && svg.contains("A -&#62; B"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diagram(network: &Network) -> Result<String, askama::Error> {
    let title = if network.title().is_empty() { network.name() } else { network.title() };
    layout::picture(&Graph::of(network), title).render()
}

/// What the template needs, in pixels.
#[derive(Template)]
#[template(path = "diagram.svg", escape = "html")]
struct Picture {
    title: String,
    summary: String,
    width: f64,
    height: f64,
    margin: f64,
    /// Of the heading above what sets the rates; 0 where there is nothing.
    environment_y: f64,
    stages: Vec<Stage>,
    arrows: Vec<Curve>,
    nodes: Vec<Box>,
}

/// A stage in the legend.
struct Stage {
    name: String,
    number: usize,
    colour: &'static str,
    x: f64,
    y: f64,
}

struct Curve {
    names: String,
    path: String,
    colour: &'static str,
    stage: usize,
    number: usize,
    stays: bool,
    /// Where its number stands.
    x: f64,
    y: f64,
}

struct Box {
    about: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    radius: f64,
    fill: &'static str,
    stroke: &'static str,
    lines: Vec<Line>,
    badges: Vec<Badge>,
}

struct Line {
    text: String,
    x: f64,
    y: f64,
    size: f64,
    bold: bool,
    colour: &'static str,
}

struct Badge {
    number: usize,
    colour: &'static str,
    x: f64,
    y: f64,
}

#[cfg(test)]
mod tests;
