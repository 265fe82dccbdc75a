//! What is written reads back as the same network.

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::network::{Builder, TriggerPart};
use crate::{Method, Network, Simulator};

/// A model with everything in it but variables that move, which exact methods cannot follow.
const EVERYTHING: &str = r#"
name = "every-thing"
title = "Every <feature> & \"more\""
description = """
First line.
Second \\ line, with a tab\tand an ä."""
time_unit = "day"

[functions]
saturating = { arguments = ["x", "K"], expression = "x / (K + x)" }
late = { arguments = ["time", "x"], expression = "time + saturating(x, 2)" }

[species]
A = { initial = "start * (1 - part)", unit = "cells", description = "cells & <more>" }
B = 40
"λ" = 3
drug = { initial = 0.25, rate = 0, unit = "mg", description = "a level that events change" }
scaled = { initial = "2 * start + B", rate = "0" }
catalyst = { initial = 1.5, rate = "0" }

[parameters]
start = { value = 1e3, unit = "cells" }
part = { value = 0.25, source = "measured" }
slow = { value = 1.5, unit = "1/hour", description = "a rate", source = "a book" }
k = 2e-7
gate = 0.0
often = 3
mean_volume = { value = 1e-9, unit = "ml" }

[rules]
total = { expression = "A + B", unit = "cells", description = "all" }
logic = "(total > 10 && !(B < 3)) * 2 + (gate || part) + max(A, B, min(3, 4))"
shape = "hill(B, 20, 2) + piecewise(1, B > 30, 2, time < 1 || time >= 2, 3) + late(1, B)"
functions = "exp(-part) + ln(2) + log10(start) + log2(8) + sqrt(9) + abs(-1) + floor(1.5) + ceil(1.5) + sin(1) + cos(1) + tan(1) + asin(0.5) + acos(0.5) + atan(0.5) + sinh(0.5) + cosh(0.5) + tanh(0.5) + factorial(4) + 2^part^2 + (-2)^2 - -1 + 1e-9 + 2.5e20 * 0"

[[reactions]]
name = "division"
equation = "A -> 2 A"
rate = "mass_action(slow * part)"
stage = "growth"

[[reactions]]
name = "2 meet"
equation = "2 A + B -> λ + B"
rate = "mass_action(k)"

[[reactions]]
equation = "λ + catalyst -> catalyst"
rate = "0.2 * λ * catalyst + (B > 35) * 0.1 * λ * saturating(A, 500)"

[[reactions]]
equation = "-> B"
rate = "often * (1 + gate)"

[[events]]
at = "often"
set = { gate = "0.5" }

[[events]]
name = "treat"
when = "A > 900 && time > 0.5"
delay = 0.25
priority = "A"
values = "execution"
set = { A = "floor(A / 2)", drug = "drug + 0.5" }

[[events]]
when = "drug > 0.4"
initially = true
persistent = false
delay = "0.1 * often"
set = { scaled = "scaled + A" }

[[events]]
at = -1
set = { B = "1e6" }

[[events]]
at = 0
set = { B = "B + 1" }
"#;

/// Values of all that the first network names, on a grid.
fn trajectory(network: &Network, names: &[String], seed: u64) -> Vec<f64> {
    let slots: Vec<usize> = names.iter().map(|name| network.slot(name).expect(name)).collect();
    let times: Vec<f64> = (0..=20).map(|step| 0.25 * f64::from(step)).collect();
    let mut found = Vec::new();
    let mut record = |_: usize, values: &[f64]| {
        found.extend(slots.iter().map(|&slot| values[slot]));
        ControlFlow::Continue(())
    };
    let parameters = network.default_parameters();
    Simulator::new(network, &Method::Direct).run(&parameters, &times, Key::new(seed), &mut record).unwrap();
    found
}

fn built(builder: Result<Builder, crate::Diagnostics>, text: &str) -> (Builder, Network) {
    let builder = builder.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let network = builder.build().unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    (builder, network)
}

/// TOML → SBML → TOML, and the networks read from each. Ids are ASCII, so that names may change: `renamed`.
fn round_trip(source: &str, renamed: &[(&str, &str)]) -> [Builder; 3] {
    let (first, network) = built(Builder::from_toml(source, "first.toml"), source);
    let sbml = first.to_sbml().unwrap_or_else(|problems| panic!("{problems}"));
    let (second, from_sbml) = built(Builder::from_sbml(&sbml, "second.xml"), &sbml);
    let toml = second.to_toml();
    let (third, from_toml) = built(Builder::from_toml(&toml, "third.toml"), &toml);
    let own = first.to_toml();
    let (_, again) = built(Builder::from_toml(&own, "own.toml"), &own);

    let names: Vec<String> = network.symbols().map(str::to_owned).collect();
    let others: Vec<String> = names
        .iter()
        .map(|name| renamed.iter().find(|(from, _)| from == name).map_or(name.clone(), |(_, to)| (*to).to_owned()))
        .collect();
    for seed in 0..5 {
        let expected = trajectory(&network, &names, seed);
        assert_eq!(trajectory(&again, &names, seed), expected, "{own}");
        for (other, text) in [(&from_sbml, &sbml), (&from_toml, &toml)] {
            for (index, (found, expected)) in trajectory(other, &others, seed).iter().zip(&expected).enumerate() {
                // Formulas are written out, so that the last places of what is not counted may differ.
                let close = (found - expected).abs() <= 1e-12 * expected.abs();
                assert!(close, "{}: {found}, not {expected}\n{text}", names[index % names.len()]);
            }
        }
    }
    [first, second, third]
}

#[test]
fn a_model_with_everything_comes_back_the_same() {
    let [first, second, third] = round_trip(EVERYTHING, &[("λ", "u3bb")]);
    for other in [&second, &third] {
        assert_eq!(
            (&other.title, &other.description),
            (&first.title, &"First line.\nSecond \\ line, with a tab and an ä.".to_owned())
        );
        assert_eq!(other.time_unit.value, "day");
        let parts: Vec<_> = other.parameters.iter().map(|part| (part.name.value.as_str(), part.value)).collect();
        assert_eq!(parts[..3], [("start", 1e3), ("part", 0.25), ("slow", 1.5)]);
        let slow = &other.parameters[2];
        assert_eq!(
            (slow.unit.value.as_str(), slow.description.as_str(), slow.source.as_str()),
            ("1/hour", "a rate", "a book")
        );
        let reactions: Vec<_> =
            other.reactions.iter().map(|part| (part.name.as_str(), part.equation.value.as_str())).collect();
        assert_eq!(reactions[..2], [("division", "A -> 2 A"), ("2 meet", "2 A + B -> u3bb + B")]);
        assert_eq!(reactions[2].1, "u3bb + catalyst -> catalyst");
        assert_eq!(other.reactions[0].stage, "growth");
        assert_eq!(other.functions[1].expression.value, "time_ + saturating(x, 2)");
        let initial = |name: &str| {
            other.species.iter().find(|part| part.name.value == name).map(|part| part.initial.value.as_str())
        };
        assert_eq!(initial("A"), Some("start * (1 - part)"));
        assert_eq!(initial("catalyst"), Some("1.5"));
        let treat = &other.events[1];
        assert_eq!((treat.name.as_str(), treat.values_from_trigger_time), ("treat", false));
        let TriggerPart::When { initially, persistent, .. } = other.events[2].trigger else { panic!("a condition") };
        assert!(initially && !persistent);
    }
}

#[test]
fn every_shipped_model_comes_back_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../cascade/models");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        if source.contains("[[lesions]]") {
            let refused = Builder::from_toml(&source, "model.toml").unwrap().to_sbml().unwrap_err();
            assert!(refused.to_string().contains("have no place in SBML"), "{refused}");
            continue;
        }
        let [first, _, third] = round_trip(&source, &[]);
        for (a, b) in first.parameters.iter().zip(&third.parameters) {
            assert_eq!(
                (&a.name.value, a.value, &a.unit.value, &a.description),
                (&b.name.value, b.value, &b.unit.value, &b.description)
            );
        }
        let of = |builder: &Builder| -> Vec<(String, String)> {
            let parts = builder.species.iter();
            parts.map(|part| (part.unit.value.clone(), part.description.clone())).collect()
        };
        assert_eq!(of(&first), of(&third));
        assert_eq!((first.description, first.title), (third.description, third.title));
        count += 1;
    }
    assert!(count >= 3);
}

#[test]
fn continuous_variables_keep_their_rates() {
    let network = Network::builder("v")
        .variable("x", "1", "k * x - y")
        .variable("y", "k", "0")
        .species("n", "3")
        .parameter("k", 0.5)
        .reaction("n + x -> x", "k * n * x");
    let sbml = network.to_sbml().unwrap();
    assert!(sbml.contains("<rateRule variable=\"x\">") && !sbml.contains("<rateRule variable=\"y\">"), "{sbml}");
    let (read, _) = built(Builder::from_sbml(&sbml, "v.xml"), &sbml);
    let rates: Vec<_> = read
        .species
        .iter()
        .map(|part| (part.name.value.as_str(), part.rate.as_ref().map(|rate| rate.value.as_str())))
        .collect();
    assert_eq!(rates, [("x", Some("k * x - y")), ("n", None), ("y", Some("0"))]);
    assert!(Builder::new("w").rule("r", "s").to_sbml().unwrap_err().to_string().contains("unknown name `s`"));
}

/// Therapies come as conditions on the time of the next cycle; their strengths are the same.
#[test]
fn therapies_in_cycles_come_back_the_same() {
    for (duration, interval, cycles, half_life) in
        [(1.0, 3.0, 4.0, None), (3.0, 3.0, 4.0, None), (0.0, 3.0, 4.0, Some(2.0))]
    {
        let mut therapy = crate::Therapy::new("drug", 2.0, duration).cycles(interval, cycles);
        if let Some(half_life) = half_life {
            therapy = therapy.half_life(half_life);
        }
        let builder = crate::Network::builder("cycles").parameter("k", 0.1).therapy(therapy).species("X", "100");
        let builder = builder.reaction("X ->", "k * drug * X");
        let written = builder.to_sbml().unwrap();
        let networks = [builder.build().unwrap(), crate::Network::from_sbml(&written, "cycles.xml").unwrap()];
        let times: Vec<f64> = (0..=40).map(|index| 0.25 + 0.5 * f64::from(index)).collect();
        let found = networks.each_ref().map(|network| {
            let mut parameters = network.default_parameters();
            parameters[network.parameter_index("drug_dose").unwrap()] = 1.5;
            let slots = ["drug", "X"].map(|name| network.slot(name).unwrap());
            let mut path = Vec::new();
            let mut record = |_: usize, values: &[f64]| {
                path.extend(slots.map(|slot| values[slot]));
                std::ops::ControlFlow::Continue(())
            };
            let mut simulator = crate::Simulator::new(network, &crate::Method::ode());
            simulator.run(&parameters, &times, metacascade_random::Key::new(1), &mut record).unwrap();
            path
        });
        assert!(found[0].contains(&1.5) || half_life.is_some());
        for (a, b) in found[0].iter().zip(&found[1]) {
            assert!((a - b).abs() < 1e-3 * (1.0 + a.abs()), "{a} {b}");
        }
    }
}
