//! Tests of reading and writing SBML.

mod formulas;
mod hostile;
mod mistakes;
mod reading;
mod writing;

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Method, Network, Simulator};

/// The values of some names at the given time.
fn values(network: &Network, names: &[&str], time: f64) -> Vec<f64> {
    let slots: Vec<usize> = names.iter().map(|name| network.slot(name).expect(name)).collect();
    let mut found = Vec::new();
    let mut record = |_: usize, values: &[f64]| {
        found.extend(slots.iter().map(|&slot| values[slot]));
        ControlFlow::Continue(())
    };
    let parameters = network.default_parameters();
    Simulator::new(network, &Method::Direct).run(&parameters, &[time], Key::new(1), &mut record).unwrap();
    found
}

/// A document of Level 3 Version 2 with these lists in its model.
fn document(lists: &str) -> String {
    format!(
        "<sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\" level=\"3\" version=\"2\">\n\
         <model id=\"m\">\n{lists}\n</model>\n</sbml>\n"
    )
}

/// A `<math>` element around a formula.
fn math(formula: &str) -> String {
    format!("<math xmlns=\"http://www.w3.org/1998/Math/MathML\">{formula}</math>")
}
