//! Random networks: all methods give the same law, what is conserved stays so, and no text makes a reader panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;

use metacascade_engine::{Builder, Ensemble, Method, Network, Simulator};
use metacascade_random::Key;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

const EXACT: [Method; 4] = [Method::Direct, Method::Ensemble, Method::NextReaction, Method::CompositionRejection];
const SPECIES: [&str; 5] = ["A", "B", "C", "D", "E"];

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm))
}

/// Reactants, products, rate constant.
type Drawn = (Vec<usize>, Vec<usize>, f64);

fn reactions(closed: bool) -> impl Strategy<Value = Vec<Drawn>> {
    let side = |most: usize| prop::collection::vec(0..SPECIES.len(), usize::from(closed)..=most);
    let reaction = (side(2), side(2), 0.01..1.0_f64);
    prop::collection::vec(reaction, 1..12)
}

fn build(drawn: &[Drawn], counts: &[u32]) -> Network {
    let mut builder = Network::builder("random");
    for (name, count) in SPECIES.iter().zip(counts) {
        builder = builder.species(name, &count.to_string());
    }
    for (reactants, products, constant) in drawn {
        let side = |side: &[usize]| side.iter().map(|index| SPECIES[*index]).collect::<Vec<_>>().join(" + ");
        // Of second order the slower, the more there are; births by one parent are kept from exploding by their rate.
        let scale = if reactants.len() == 2 { 0.01 } else { 1.0 };
        let growth = if products.len() > reactants.len() && reactants.len() < 2 { 0.2 } else { 1.0 };
        let rate = format!("mass_action({})", constant * scale * growth);
        builder = builder.reaction(&format!("{} -> {}", side(reactants), side(products)), &rate);
    }
    builder.build().unwrap()
}

/// Means of the exact methods within 5.5 standard errors of each other, variances within 5.5 of theirs as the fourth
/// moments give them: some 900 comparisons, each with a false-alarm rate near 4e-8; cases and seeds are fixed.
#[test]
fn exact_methods_agree() {
    let strategy = (reactions(false), prop::collection::vec(0..60_u32, SPECIES.len()));
    let check = |(drawn, counts): (Vec<Drawn>, Vec<u32>)| {
        let network = build(&drawn, &counts);
        let moments = |method: Method, seed: u64| {
            let ensemble = Ensemble {
                network: &network,
                method,
                parameters: &[],
                initial: &[],
                times: &[2.0],
                trajectories: 3000,
                key: Key::new(seed),
            };
            let (trajectories, _) = ensemble.trajectories().unwrap();
            let n = trajectories.len() as f64;
            let moment = |species: usize, power: i32, about: f64| {
                trajectories.iter().map(|values| (values[species] - about).powi(power)).sum::<f64>() / n
            };
            (0..SPECIES.len())
                .map(|species| {
                    let mean = moment(species, 1, 0.0);
                    let variance = moment(species, 2, mean);
                    let of_variance = (moment(species, 4, mean) - variance * variance) / n;
                    (mean, variance, variance / n, of_variance)
                })
                .collect::<Vec<_>>()
        };
        let expected = moments(Method::Direct, 1);
        for (seed, method) in EXACT.into_iter().enumerate().skip(1) {
            for (one, other) in expected.iter().zip(moments(method, 1 + seed as u64)) {
                let bound = |a: f64, b: f64| 5.5 * (a + b).sqrt() + 1e-9;
                prop_assert!((one.0 - other.0).abs() <= bound(one.2, other.2), "{method}: {one:?} {other:?}");
                // A variance of rare outliers has no usable standard error.
                if one.3 < 0.01 * one.1 * one.1 && other.3 < 0.01 * other.1 * other.1 {
                    prop_assert!((one.1 - other.1).abs() <= bound(one.3, other.3), "{method}: {one:?} {other:?}");
                }
            }
        }
        Ok(())
    };
    runner(40).run(&strategy, check).unwrap();
}

/// Reactions with as many products as reactants leave the number of individuals as it is, in every stochastic method.
#[test]
fn what_is_conserved_stays_so() {
    let strategy = (reactions(true), prop::collection::vec(0..2000_u32, SPECIES.len()));
    let check = |(mut drawn, counts): (Vec<Drawn>, Vec<u32>)| {
        for (reactants, products, _) in &mut drawn {
            products.resize(reactants.len(), reactants[0]);
        }
        let network = build(&drawn, &counts);
        let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
        for method in EXACT.into_iter().chain([Method::tau_leap()]) {
            let mut sums = Vec::new();
            let mut record = |_: usize, values: &[f64]| {
                sums.push((values[1..6].iter().sum::<f64>(), values[1..6].iter().all(|count| *count >= 0.0)));
                ControlFlow::Continue(())
            };
            Simulator::new(&network, &method).run(&[], &[0.5, 1.0, 5.0], Key::new(3), &mut record).unwrap();
            prop_assert_eq!(sums, vec![(total, true); 3], "{}", method);
        }
        Ok(())
    };
    runner(60).run(&strategy, check).unwrap();
}

const MODEL: &str = r#"
name = "all"
time_unit = "day"
[functions]
f = { arguments = ["x", "K"], expression = "x / (K + x)" }
[species]
A = 10
B = { initial = "2 * A", unit = "cells", description = "b" }
K = { initial = 625, rate = "0.1 * A - d * K" }
[parameters]
d = { value = 0.1, unit = "1/day" }
[rules]
r = "A + B * f(A, 3)"
[[reactions]]
name = "growth"
equation = "A + 2 B -> 3 A"
rate = "mass_action(d) * piecewise(1, A > 3 && time < 4, 0.5)"
[[events]]
when = "A >= 20"
delay = 3
priority = 1
persistent = false
values = "execution"
set = { A = "floor(A / 2)" }
"#;

/// Texts of all kinds, and model files with a piece replaced, left out or put twice: read or refused, never a panic.
/// What is read is also simulated for a moment.
#[test]
fn no_text_makes_a_reader_panic() {
    let mutilated = |source: &'static str| {
        let piece =
            (0..source.len(), 0..40_usize, "\\PC{0,12}|[-+*/^()<>=!&|,.0-9a-zA-Z_\"'\\[\\]{}#\n ]{0,12}", 0..3_u8);
        piece.prop_map(move |(start, length, text, kind)| {
            let floor = |index: usize| (0..=index).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
            let (start, end) = (floor(start), floor((start + length).min(source.len())));
            match kind {
                0 => format!("{}{text}{}", &source[..start], &source[end..]),
                1 => format!("{}{}", &source[..start], &source[end..]),
                _ => format!("{}{}{}", &source[..end], &source[start..end], &source[end..]),
            }
        })
    };
    let sbml = Builder::from_toml(MODEL, "m.toml").unwrap().to_sbml().unwrap();
    let sbml: &'static str = Box::leak(sbml.into_boxed_str());
    let strategy = prop_oneof![mutilated(MODEL), mutilated(sbml), ".{0,60}"];
    let check = |text: String| {
        let _ = Network::builder("b").species("A", "1").build().unwrap().compile(&text, &[]);
        for network in [Network::from_toml(&text, "m.toml"), Network::from_sbml(&text, "m.xml")].into_iter().flatten() {
            for method in [Method::Direct, Method::Ensemble, Method::tau_leap(), Method::ode()] {
                let mut few = 0;
                let mut record = |_: usize, _: &[f64]| {
                    few += 1;
                    if few < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                };
                let parameters = network.default_parameters();
                let _ = Simulator::new(&network, &method).run(&parameters, &[0.0, 1e-3], Key::new(1), &mut record);
            }
        }
        Ok(())
    };
    runner(4000).run(&strategy, check).unwrap();
}
