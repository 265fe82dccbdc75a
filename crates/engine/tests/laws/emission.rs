//! A primary of one cell divides, dies and emits. The probability q that nothing has been emitted by t solves Riccati's
//! equation q' = d − (b + d + s) q + b q², q(0) = 1; the chance that nothing ever is, is its lesser fixed point.

use metacascade_engine::{Lesions, Network};

use crate::{STOCHASTIC, assert_share, ends};

const BIRTH: f64 = 0.25;
const DEATH: f64 = 0.18;
const SHED: f64 = 0.002;

/// The solution, and the fixed point.
fn none(time: f64) -> (f64, f64) {
    let all = BIRTH + DEATH + SHED;
    let root = (all * all - 4.0 * BIRTH * DEATH).sqrt();
    let (low, high) = ((all - root) / (2.0 * BIRTH), (all + root) / (2.0 * BIRTH));
    // (q − low) / (q − high) decays with the rate b (high − low).
    let ratio = (1.0 - low) / (1.0 - high) * (-root * time).exp();
    ((low - high * ratio) / (1.0 - ratio), low)
}

fn network(lesions: bool) -> Network {
    let builder = Network::builder("emission").species("X", "1").reaction("X -> 2 X", "0.25 * X");
    let builder = builder.reaction("X ->", "0.18 * X").reaction("X -> X + L", "0.002 * X");
    let builder = match lesions {
        true => builder.lesions(Lesions::new("L", "0.3", "0.3")),
        false => builder.species("L", "0"),
    };
    // What has emitted need not be followed.
    let emitted = if lesions { "L_founded >= 1" } else { "L >= 1" };
    builder.event_when(emitted, &[("X", "0")]).build().unwrap()
}

#[test]
fn no_emission_by_a_time_and_ever() {
    assert!((none(60.0).0 - 0.726_587_87).abs() < 1e-8 && (none(60.0).1 - 0.701_224_08).abs() < 1e-8);
    for lesions in [false, true] {
        let network = network(lesions);
        let name = if lesions { "L_founded" } else { "L" };
        for method in STOCHASTIC {
            for (time, expected) in [(60.0, none(60.0).0), (3000.0, none(60.0).1)] {
                let emitted = ends(&network, method, name, time, 20_000, 3);
                let silent = emitted.iter().filter(|emitted| **emitted == 0.0).count() as f64;
                assert_share(&format!("{method}, lesions {lesions}, by {time}"), silent, 2e4, expected);
            }
        }
    }
}
