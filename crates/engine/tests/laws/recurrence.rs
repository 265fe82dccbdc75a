//! Recurrence after resection, with the primary as a function of time, for methods that take it (`hybrid` also follows it as
//! a variable until it has the size of resection: see the tests of the model `recurrence`).
//!
//! A primary e^{rt} seeds at the rate ν a cell until it has N cells. A cell that arrives at s has at T no line of M cells with
//! probability exp(−M(1 − q)e^{−r(T−s)}), where it lives at all, 1 − q = r/λ; all seeds together are Poisson. With
//! y = M(1 − q)e^{−rT}: −ln P(none) = ν e^{rT} / (r M) · e^{−y} (1 − e^{−y(N − 1)}) (structure of Avanzini & Antal 2019, PLoS
//! Comput Biol 15:e1007423).

use metacascade_engine::{Lesions, Network};

use crate::{TIMED, assert_share, run};

const RATE: f64 = 0.01;
const BIRTH: f64 = 0.25;
const RESECTED: f64 = 5e8;
const DETECTED: f64 = 1e8;
const YEAR: f64 = 365.25;

fn resection() -> f64 {
    RESECTED.ln() / RATE
}

fn recurred(seeding: f64, after: f64) -> f64 {
    let grown = (RATE * (resection() + after)).exp();
    let first = DETECTED * RATE / BIRTH / grown;
    -(-(seeding * grown / (RATE * DETECTED)) * (-first).exp() * -(-first * (RESECTED - 1.0)).exp_m1()).exp_m1()
}

#[test]
fn recurrence_after_resection() {
    assert!((recurred(1e-11, 5.0 * YEAR) - 0.019_349_0).abs() < 1e-6);
    assert!((recurred(1e-11, 10.0 * YEAR) - 0.019_801_3).abs() < 1e-6);
    // Fifty times the seeding, for probabilities that a few thousand patients measure.
    let seeding = 5e-10;
    let network = Network::builder("recurrence")
        .parameter("seeding", seeding)
        .lesions(Lesions::new("distant", "0.25", "0.24").large("1e5").detection("1e8"))
        .rule("primary", "exp(0.01 * time)")
        .reaction("-> distant", "seeding * primary")
        .event(&format!("{}", resection()), &[("seeding", "0")])
        .build()
        .unwrap();
    for method in TIMED {
        let horizon = resection() + 12.0 * YEAR;
        let found = run(&network, method, &["distant_first_detected"], &[horizon], 4000, 4);
        for years in [0.5, 1.0, 2.0, 3.0, 5.0, 10.0] {
            let count = found.iter().filter(|path| path[0][0] <= resection() + years * YEAR).count() as f64;
            assert_share(&format!("{method}, {years} years"), count, 4000.0, recurred(seeding, years * YEAR));
        }
    }
}
