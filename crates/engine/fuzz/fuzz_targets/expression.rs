//! Any text as an expression: compiled or refused, and evaluated, without a panic. `cargo fuzz run expression` in
//! crates/engine.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use metacascade_engine::Network;

static NETWORK: LazyLock<Network> =
    LazyLock::new(|| Network::builder("one").species("A", "1").parameter("k", 2.0).build().expect("a valid model"));

fuzz_target!(|text: &str| {
    if let Ok(program) = NETWORK.compile(text, &[]) {
        let _ = program.evaluate(&[0.0, 1.0, 2.0]);
    }
});
