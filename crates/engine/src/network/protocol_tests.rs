//! Interventions under every method.

#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Intervention, LinearNoise, Method, Network, Simulator};

/// Nothing moves by itself; at time 1 the network doubles X, at a time and by a condition.
fn network(by_condition: bool) -> Network {
    let builder = Network::builder("still").species("X", "10").species("Y", "1").parameter("k", 0.0);
    let builder = builder.reaction("X -> Y", "k * X").parameter("add", 3.0);
    let builder = match by_condition {
        true => builder.event_when("time >= 1", &[("X", "2 * X")]),
        false => builder.event("1", &[("X", "2 * X")]),
    };
    builder.build().unwrap()
}

fn interventions(network: &Network) -> [Intervention; 3] {
    let set = |name: &str, value: &str| (network.slot(name).unwrap(), network.compile(value, &[]).unwrap());
    [
        // Values are those before any is set.
        Intervention { time: 1.0, set: vec![set("X", "X + add"), set("Y", "X"), set("add", "add + 1")] },
        Intervention { time: 2.0, set: vec![set("X", "X + add + time")] },
        Intervention { time: 9.0, set: vec![set("X", "0")] },
    ]
}

#[test]
fn interventions_come_before_events_and_are_simultaneous() {
    let methods = [
        Method::Direct,
        Method::Ensemble,
        Method::NextReaction,
        Method::CompositionRejection,
        Method::tau_leap(),
        Method::hybrid(),
        Method::ode(),
    ];
    let times = [-2.0, 0.5, 1.0, 2.0, 3.0];
    for by_condition in [false, true] {
        let network = network(by_condition);
        let network = network.under(-2.0, &interventions(&network));
        let parameters = network.default_parameters();
        for method in methods {
            let mut found = Vec::new();
            let mut record = |_: usize, values: &[f64]| {
                found.push([values[0], values[1], values[2]]);
                ControlFlow::Continue(())
            };
            Simulator::new(&network, &method).run(&parameters, &times, Key::new(1), &mut record).unwrap();
            let expected =
                [[-2.0, 10.0, 1.0], [0.5, 10.0, 1.0], [1.0, 26.0, 10.0], [2.0, 32.0, 10.0], [3.0, 32.0, 10.0]];
            assert_eq!(found, expected, "{method:?}, {by_condition}");
        }
    }
    let network = network(false);
    let network = network.under(-2.0, &interventions(&network));
    let noise = LinearNoise { network: &network, parameters: &[0.0, 3.0], initial: &[], times: &times };
    let means: Vec<f64> = noise.moments().unwrap().0.iter().map(|moments| moments.mean[0]).collect();
    assert_eq!(means, [10.0, 10.0, 26.0, 32.0, 32.0]);
}

#[test]
fn a_dose_in_the_middle_keeps_the_law_of_immigration_and_death() {
    // Poisson with mean 20 before; then 60 more cells, of which each is left with the probability exp(-1.5).
    let network = Network::builder("cells")
        .species("X", "0")
        .parameter("in", 20.0)
        .parameter("out", 1.0)
        .reaction("-> X", "in")
        .reaction("X ->", "out * X")
        .build()
        .unwrap();
    let dose = Intervention { time: 30.0, set: vec![(1, network.compile("X + 60", &[]).unwrap())] };
    let network = network.under(0.0, &[dose]);
    let left = (-1.5_f64).exp();
    let (mean, variance) = (20.0 + 60.0 * left, 20.0 + 60.0 * left * (1.0 - left));
    for method in [Method::Direct, Method::Ensemble, Method::NextReaction, Method::CompositionRejection] {
        let mut simulator = Simulator::new(&network, &method);
        let count = 4000;
        let mut counts = Vec::with_capacity(count);
        for trajectory in 0..count {
            let mut record = |_: usize, values: &[f64]| {
                counts.push(values[1]);
                ControlFlow::Continue(())
            };
            let key = Key::new(5).child(trajectory as u64);
            simulator.run(&[20.0, 1.0], &[31.5], key, &mut record).unwrap();
        }
        let found = counts.iter().sum::<f64>() / count as f64;
        let spread = counts.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
        // 4.5 standard errors each, those of the variance as of a normal law with a tenth more: false alarm of all eight
        // together less than 1 in 10,000.
        assert!((found - mean).abs() < 4.5 * (variance / count as f64).sqrt(), "{method:?}: {found} for {mean}");
        let error = variance * (2.2 / count as f64).sqrt();
        assert!((spread - variance).abs() < 4.5 * error, "{method:?}: {spread} for {variance}");
    }
}
