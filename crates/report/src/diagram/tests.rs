use metacascade_engine::{Lesions, Network, Therapy};

use super::diagram;
use super::graph::{Graph, Shape};

fn cascade() -> Network {
    Network::builder("cascade")
        .species("E", "1000")
        .species("M", "0")
        .species("C", "0")
        .variable("oxygen", "1", "-0.1 * oxygen")
        .species("T", "10")
        .lesions(Lesions::new("lung", "0.3", "0.2").emission("1e-9 * size"))
        .therapy(Therapy::new("drug", 1.0, 2.0).after("T > 20"))
        .reaction("E -> 2 E", "0.1 * E * oxygen")
        .reaction("E -> M", "0.1 * E")
        .reaction("M -> E", "0.01 * M")
        .reaction("M -> C", "0.1 * M + lung_emission")
        .reaction("C ->", "(1 + drug) * C * T")
        .reaction("C -> lung", "0.1 * C")
        .build()
        .unwrap()
}

#[test]
fn states_stand_in_the_order_cells_pass_them() {
    let graph = Graph::of(&cascade());
    let layer = |name: &str| graph.nodes.iter().find(|node| node.name == name).map(|node| (node.shape, node.layer));
    let found = ["E", "M", "C", "lung"].map(layer);
    let expected = [(Shape::State, 0), (Shape::State, 1), (Shape::State, 2), (Shape::Lesions, 3)];
    assert_eq!(found, expected.map(Some));
    assert_eq!(layer("drug").map(|(shape, _)| shape), Some(Shape::Therapy));
    assert_eq!(layer("oxygen").map(|(shape, _)| shape), Some(Shape::Environment));
    // Counts that only set rates are not passed.
    assert_eq!(layer("T").map(|(shape, _)| shape), Some(Shape::Environment));
    assert_eq!(graph.arrows.len(), 4);
    // What events keep count in sets no rate.
    assert!(graph.nodes.iter().all(|node| !node.name.starts_with("drug_")));
    let e = graph.nodes.iter().find(|node| node.name == "E").unwrap();
    assert_eq!((e.births.len(), e.losses.len()), (1, 0));
}

/// Macrophages switch, but are no cells of the cascade.
#[test]
fn the_microenvironment_stands_apart() {
    let network = Network::from_toml(metacascade_cascade::model("cascade-tme").unwrap(), "cascade-tme").unwrap();
    let graph = Graph::of(&network);
    let shape = |name: &str| graph.nodes.iter().find(|node| node.name == name).map(|node| node.shape);
    for name in ["CTL", "M1", "M2", "Treg", "CAF", "tracks", "vessels"] {
        assert_eq!(shape(name), Some(Shape::Environment), "{name}");
    }
    for name in ["E", "H", "M", "I", "C1", "Cc", "node", "micro_bone"] {
        assert_eq!(shape(name), Some(Shape::State), "{name}");
    }
    assert_eq!(shape("diagnosed"), None);
}

#[test]
fn texts_of_a_model_never_become_markup() {
    let text = r#"
name = "x"
title = "<script>alert(1)</script>"
[species]
A = { initial = 1, description = "\"><img src=x onerror=alert(1)> & more" }
B = 0
[[reactions]]
name = "</title><script>"
equation = "A -> B"
rate = "A"
stage = "<b>"
"#;
    let svg = diagram(&Network::from_toml(text, "x.toml").unwrap()).unwrap();
    assert!(!svg.contains("<script") && !svg.contains("<img") && !svg.contains("<b>"), "{svg}");
    assert_eq!(svg.matches("<svg").count(), 1);
}

#[test]
fn every_number_of_the_picture_is_finite() {
    for network in [cascade(), Network::builder("empty").build().unwrap()] {
        let svg = diagram(&network).unwrap();
        assert!(!svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}
