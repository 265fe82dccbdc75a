//! Recurrence after resection, against its closed form. Seeds are fixed; each z-test has a false-alarm rate of 6e-5
//! (|z| < 4), eight are made.

#![allow(clippy::unwrap_used, missing_docs)]

use std::ops::ControlFlow;

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

const BIRTH: f64 = 0.25;
const DEATH: f64 = 0.24;
const RESECTED: f64 = 5e8;
const DETECTED: f64 = 1e8;

/// The time of the resection.
fn resection() -> f64 {
    RESECTED.ln() / (BIRTH - DEATH)
}

/// The probability that a lesion has been found this long after the resection.
///
/// The primary e^{rt} seeds at the rate ν per cell; a cell that arrives at s has at T no line of M cells with probability
/// exp(−M(1 − q)e^{−r(T−s)}), where it lives at all, 1 − q; all seeds together are Poisson. With y = M(1 − q)e^{−r(T−s)}:
/// −ln P(none) = ν e^{rT} / (r M) · e^{−y₀} (1 − e^{−Δy}) (structure of Avanzini & Antal 2019, PLoS Comput Biol 15:e1007423).
fn recurred(seeding: f64, after: f64) -> f64 {
    let (rate, time) = (BIRTH - DEATH, resection() + after);
    let first = DETECTED * (1.0 - DEATH / BIRTH) * (-rate * time).exp();
    let more = first * (RESECTED - 1.0);
    -(-(seeding * (rate * time).exp() / (rate * DETECTED)) * (-first).exp() * -(-more).exp_m1()).exp_m1()
}

#[test]
fn recurrence_after_resection() {
    let year = 365.25;
    assert!((recurred(1e-11, 5.0 * year) - 0.019_349_0).abs() < 1e-6, "{}", recurred(1e-11, 5.0 * year));
    assert!((recurred(1e-11, 10.0 * year) - 0.019_801_3).abs() < 1e-6);
    let network = Network::from_toml(metacascade_cascade::model("recurrence").unwrap(), "recurrence").unwrap();
    let mut parameters = network.default_parameters();
    // Fifty times the seeding, for probabilities that a few thousand patients measure.
    let seeding = 5e-10;
    parameters[network.parameter_index("seeding").unwrap()] = seeding;
    let slot = network.slot("distant_first_detected").unwrap();
    let horizon = resection() + 12.0 * year;
    for method in [Method::hybrid()] {
        let mut simulator = Simulator::new(&network, &method);
        let mut found = Vec::new();
        for patient in 0..4000 {
            let mut record = |_: usize, values: &[f64]| {
                found.push(values[slot] - resection());
                ControlFlow::Continue(())
            };
            simulator.run(&parameters, &[horizon], Key::new(1).child(patient), &mut record).unwrap();
        }
        for years in [-0.5, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0] {
            let expected = recurred_by(seeding, years * year);
            let share = found.iter().filter(|time| **time <= years * year).count() as f64 / 4000.0;
            let z = (share - expected) / (expected * (1.0 - expected) / 4000.0).sqrt();
            assert!(z.abs() < 4.0, "{method}, {years} years: {share}, not {expected} (z {z})");
        }
    }
}

/// The same before the resection, when seeding goes on.
fn recurred_by(seeding: f64, after: f64) -> f64 {
    if after >= 0.0 {
        return recurred(seeding, after);
    }
    let (rate, time) = (BIRTH - DEATH, resection() + after);
    let first = DETECTED * (1.0 - DEATH / BIRTH) * (-rate * time).exp();
    let last = DETECTED * (1.0 - DEATH / BIRTH);
    -(-(seeding * (rate * time).exp() / (rate * DETECTED)) * ((-first).exp() - (-last).exp())).exp_m1()
}
