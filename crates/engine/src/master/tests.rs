#![allow(clippy::unwrap_used)]

use super::*;
use crate::Intervention;

fn poisson(mean: f64, count: f64) -> f64 {
    (count * mean.ln() - mean - statrs::function::gamma::ln_gamma(count + 1.0)).exp()
}

#[test]
fn immigration_and_death_is_poisson_and_so_it_stays_after_a_dose() {
    let network = Network::builder("cells")
        .species("X", "0")
        .parameter("in", 20.0)
        .parameter("out", 1.0)
        .reaction("-> X", "in")
        .reaction("X ->", "out * X")
        .build()
        .unwrap();
    let set = vec![(1, network.compile("X * 0 + 3", &[]).unwrap()), (2, network.compile("in / 2", &[]).unwrap())];
    let network = network.under(0.0, &[Intervention { time: 2.0, set }]);
    let mut master = MasterEquation::new(&network, &[20.0, 1.0], &[]).unwrap();
    for time in [0.3, 1.7] {
        master.advance(time).unwrap();
        let mean = 20.0 * (1.0 - f64::exp(-time));
        let mut sum = 0.0;
        master.visit(|values, p| {
            assert!((p - poisson(mean, values[1])).abs() < 1e-12, "{time}: {} has {p}", values[1]);
            sum += p;
        });
        assert!((sum - 1.0).abs() < 1e-12 && master.lost() < 1e-12);
    }
    // Three cells, of which each is left with exp(-1.5), and new ones at half the rate.
    master.advance(3.5).unwrap();
    let left = f64::exp(-1.5);
    let (mut mean, mut square) = (0.0, 0.0);
    master.visit(|values, p| {
        mean += p * values[1];
        square += p * values[1] * values[1];
    });
    let (old, new) = (3.0 * left, 10.0 * (1.0 - left));
    assert!((mean - old - new).abs() < 1e-9, "{mean}");
    assert!((square - mean * mean - (old * (1.0 - left) + new)).abs() < 1e-8, "{square}");
}

#[test]
fn linear_birth_and_death_has_its_geometric_law() {
    // Kendall 1948, Ann Math Stat 19:1: P(0) = a, P(n) = (1 - a)(1 - b) b^(n-1).
    let network = Network::builder("cells")
        .species("X", "1")
        .reaction("X -> 2 X", "1.1 * X")
        .reaction("X ->", "0.7 * X")
        .build()
        .unwrap();
    let (birth, death, time) = (1.1, 0.7, 3.0);
    let growth = f64::exp((birth - death) * time);
    let a = death * (growth - 1.0) / (birth * growth - death);
    let b = birth * (growth - 1.0) / (birth * growth - death);
    let mut master = MasterEquation::new(&network, &[], &[]).unwrap();
    master.advance(time).unwrap();
    master.visit(|values, p| {
        let exact = if values[1] == 0.0 { a } else { (1.0 - a) * (1.0 - b) * b.powf(values[1] - 1.0) };
        assert!((p - exact).abs() < 1e-11, "{} has {p}, not {exact}", values[1]);
    });
}

#[test]
fn observations_condition_what_follows() {
    // One cell that dies at rate 1: seen alive at 1, it is alive at 2 with probability 1/e, by lack of memory.
    let network = Network::builder("cell").species("X", "1").reaction("X ->", "X").build().unwrap();
    let mut master = MasterEquation::new(&network, &[], &[]).unwrap();
    let alive = |values: &[f64]| Ok::<f64, ()>(if values[1] == 1.0 { 0.0 } else { f64::NEG_INFINITY });
    for time in [1.0, 2.0] {
        master.advance(time).unwrap();
        assert!((master.observe(alive).unwrap() + 1.0).abs() < 1e-12);
    }
    let dead = |values: &[f64]| Ok::<f64, ()>(if values[1] == 2.0 { 0.0 } else { f64::NEG_INFINITY });
    assert_eq!(master.observe(dead).unwrap(), f64::NEG_INFINITY);
}

#[test]
fn what_has_no_master_equation_is_told() {
    let moving = Network::builder("m").variable("Y", "1", "-Y").build().unwrap();
    assert!(matches!(MasterEquation::new(&moving, &[], &[]), Err(SimulationError::Continuous { .. })));
    let waiting = Network::builder("w").species("X", "1").event_when("X > 3", &[("X", "0")]).build().unwrap();
    assert!(matches!(MasterEquation::new(&waiting, &[], &[]), Err(SimulationError::Condition)));
    let mut large = Network::builder("large");
    for name in ["A", "B", "C", "D", "E", "F", "G"] {
        large = large.species(name, "0").reaction(&format!("-> {name}"), "20");
    }
    let large = large.build().unwrap();
    let mut master = MasterEquation::new(&large, &[], &[]).unwrap();
    assert!(matches!(master.advance(5.0), Err(SimulationError::TooManyStates { .. })));
}
