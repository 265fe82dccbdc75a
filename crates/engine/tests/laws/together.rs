//! Lesions with all that they can do, by every stochastic method: they are founded by cells of the blood, may sleep, grow
//! at rates of their own, emit cells that found others; a therapy comes in cycles, the primary is resected at a time, and
//! the first detection starts another therapy.

use metacascade_engine::{Ensemble, Law, Lesions, Method, Network, Therapy};
use metacascade_random::Key;

use crate::{STOCHASTIC, mean_and_variance, run};

fn network() -> Network {
    let lung = Lesions::new("lung", "0.6", "0.3 + 0.4 * chemo + 0.3 * rescue")
        .growth("rate - 0.4 * chemo - 0.3 * rescue")
        .own("rate", Law::Lognormal, "0.3", "0.1")
        .dormant("0.4", "0.05", "0.02")
        .large("200")
        .emission("2e-6 * size")
        .detection("1e4")
        .count("lung_visible", "500");
    let liver = Lesions::new("liver", "0.4", "0.35").large("200").growth("0.2");
    Network::builder("together")
        .species("P", "500")
        .species("C", "0")
        .parameter("rescue", 0.0)
        .variable("rescued", "0", "0")
        .variable("resected", "0", "0")
        .therapy(Therapy::new("chemo", 12.0, 2.0).cycles(5.0, 3.0))
        .lesions(lung)
        .lesions(liver)
        .reaction("P -> 2 P", "0.1 * P")
        .reaction("P ->", "0.08 * P")
        .reaction("P -> P + C", "0.05 * P")
        .reaction("-> C", "lung_emission")
        .reaction("C ->", "9.8 * C")
        .reaction("C -> lung", "0.15 * C")
        .reaction("C -> liver", "0.05 * C")
        .event("20", &[("P", "0"), ("resected", "P")])
        .event_when("lung_detected >= 1", &[("rescue", "1"), ("rescued", "time")])
        .arm("treated", &[("chemo_dose", 1.0)])
        .build()
        .unwrap()
}

const NAMES: [&str; 12] = [
    "lung_founded",
    "lung",
    "lung_lost",
    "lung_dormant",
    "lung_visible",
    "liver_founded",
    "liver",
    "liver_lost",
    "rescue",
    "rescued",
    "resected",
    "C",
];

#[test]
fn lesions_do_all_they_can_by_every_method() {
    let network = network();
    let (times, n) = ([10.0, 25.0, 45.0], 1000);
    let paths = STOCHASTIC.map(|method| run(&network, method, &NAMES, &times, n, 16));
    let exact = &paths[0];
    for (method, paths) in STOCHASTIC.iter().zip(&paths) {
        for values in paths.iter().flatten() {
            assert_eq!(values[0], values[1] + values[2], "{method}: founded lesions live or are lost");
            assert_eq!(values[5], values[6] + values[7], "{method}");
            assert!(values[3] + values[4] <= values[1], "{method}: {values:?}");
        }
        for (time, at) in times.iter().enumerate() {
            for (index, name) in NAMES.iter().enumerate() {
                let column = |paths: &[Vec<Vec<f64>>]| {
                    mean_and_variance(&paths.iter().map(|path| path[time][index]).collect::<Vec<_>>())
                };
                let ((mean, variance), (expected, other)) = (column(paths), column(exact));
                let error = ((variance + other) / n as f64).sqrt();
                // Leaps have a bias of some thousandths.
                let bias = if method.is_exact() { 0.0 } else { 0.01 * expected.abs() };
                assert!(
                    (mean - expected).abs() <= 4.5 * error + bias,
                    "{method}: {name} at {at}: {mean}, not {expected}"
                );
            }
        }
    }
}

/// In lockstep many trajectories are what they are one by one.
#[test]
fn lesions_in_lockstep_are_those_one_by_one() {
    let network = network();
    let parameters = network.arm("treated").unwrap();
    let ensemble = |method| Ensemble {
        network: &network,
        method,
        parameters: &parameters,
        initial: &[],
        times: &[10.0, 45.0],
        trajectories: 200,
        key: Key::new(17),
    };
    let (lockstep, _) = ensemble(Method::Ensemble).trajectories().unwrap();
    let place = ensemble(Method::Direct).names().iter().position(|name| name == "lung_lost").unwrap();
    let alone = crate::STOCHASTIC[1];
    assert_eq!(alone, Method::Ensemble);
    let mut simulator = metacascade_engine::Simulator::new(&network, &alone);
    for (index, path) in lockstep.iter().enumerate().take(50) {
        let mut same = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            same.push(values[network.slot("lung_lost").unwrap()]);
            std::ops::ControlFlow::Continue(())
        };
        simulator.run(&parameters, &[10.0, 45.0], Key::new(17).child(index as u64), &mut record).unwrap();
        let width = path.len() / 2;
        assert_eq!(same, [path[place], path[width + place]]);
    }
}
