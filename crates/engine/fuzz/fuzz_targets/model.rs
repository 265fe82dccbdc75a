//! Any text as a model file and as SBML: read or refused, and simulated for a moment, without a panic.
//! `cargo fuzz run model` in crates/engine.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use metacascade_engine::{Builder, Method, Network, Simulator};
use metacascade_random::Key;

fuzz_target!(|text: &str| {
    for builder in [Builder::from_toml(text, "m.toml"), Builder::from_sbml(text, "m.xml")].into_iter().flatten() {
        let _ = (builder.to_toml(), builder.to_sbml());
    }
    for network in [Network::from_toml(text, "m.toml"), Network::from_sbml(text, "m.xml")].into_iter().flatten() {
        for method in [Method::Direct, Method::Ensemble, Method::tau_leap()] {
            let mut simulator = Simulator::new(&network, &method);
            let mut first = |_: usize, _: &[f64]| ControlFlow::Break(());
            let _ = simulator.run(&network.default_parameters(), &[0.0], Key::new(1), &mut first);
        }
    }
});
