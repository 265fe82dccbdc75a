//! Therapies, arms and variation, by every method that can do them. Seeds are fixed; each z-test has a false-alarm rate
//! of 6e-5 (|z| < 4), sixteen are made.

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Builder, Law, Method, Network, Simulator, Subject, Therapy};

/// The values of a symbol at the times.
fn path(network: &Network, method: &Method, parameters: &[f64], name: &str, times: &[f64], seed: u64) -> Vec<f64> {
    let mut found = Vec::new();
    let slot = network.slot(name).unwrap();
    let mut record = |_: usize, values: &[f64]| {
        found.push(values[slot]);
        ControlFlow::Continue(())
    };
    Simulator::new(network, method).run(parameters, times, Key::new(seed), &mut record).unwrap();
    found
}

#[test]
fn windows_open_and_close_in_cycles() {
    let network = |duration: f64, interval: f64, cycles: f64| {
        let therapy = Therapy::new("drug", 2.0, duration).cycles(interval, cycles);
        Network::builder("cycles").therapy(therapy).arm("treated", &[("drug_dose", 3.0)]).build().unwrap()
    };
    let times: Vec<f64> = (0..=48).map(|index| 0.25 + 0.5 * f64::from(index)).collect();
    for (duration, interval, cycles) in [(1.0, 3.0, 4.0), (3.0, 3.0, 4.0), (5.0, 3.0, 2.0), (1.5, 2.0, 0.0)] {
        let network = network(duration, interval, cycles);
        let expected = |time: f64| {
            let open = (0..cycles as usize).any(|k| {
                let start = 2.0 + interval * k as f64;
                (start..start + duration).contains(&time)
            });
            if open { 3.0 } else { 0.0 }
        };
        for method in Method::STOCHASTIC.into_iter().chain([Method::ode()]) {
            let found = path(&network, &method, &network.arm("treated").unwrap(), "drug", &times, 1);
            for (time, value) in times.iter().zip(&found) {
                assert_eq!(*value, expected(*time), "{method}, {duration} every {interval}: at {time}");
            }
            let untreated = path(&network, &method, &network.default_parameters(), "drug", &times, 1);
            assert!(untreated.iter().all(|value| *value == 0.0));
        }
    }
}

#[test]
fn doses_decay_and_add_up() {
    let therapy = Therapy::new("drug", 1.0, 0.0).half_life(4.0).cycles(3.0, 5.0);
    let network = Network::builder("doses").therapy(therapy).arm("treated", &[("drug_dose", 2.0)]).build().unwrap();
    let times: Vec<f64> = (0..60).map(|index| 0.5 * f64::from(index)).collect();
    for method in [Method::ode(), Method::hybrid()] {
        let found = path(&network, &method, &network.arm("treated").unwrap(), "drug", &times, 1);
        for (time, value) in times.iter().zip(&found) {
            let doses = (0..5).map(|k| time - 1.0 - 3.0 * f64::from(k)).filter(|since| *since >= 0.0);
            let expected: f64 = doses.map(|since| 2.0 * (-since / 4.0).exp2()).sum();
            assert!((value - expected).abs() < 1e-4, "{method}: {value} at {time}, not {expected}");
        }
    }
}

/// A surgery sets off a therapy: as with `start`, from then on.
#[test]
fn cycles_begin_after_a_condition() {
    let network = |therapy: Therapy| {
        Network::builder("adjuvant")
            .variable("resected", "0", "0")
            .event_when("time >= 4", &[("resected", "1")])
            .therapy(therapy.after("resected > 0.5"))
            .arm("treated", &[("drug_dose", 3.0)])
            .build()
            .unwrap()
    };
    let times: Vec<f64> = (0..=60).map(|index| 0.25 + 0.5 * f64::from(index)).collect();
    for (duration, interval, cycles) in [(1.0, 3.0, 4.0), (3.0, 3.0, 4.0), (5.0, 3.0, 2.0), (1.5, 2.0, 0.0)] {
        let network = network(Therapy::new("drug", 2.0, duration).cycles(interval, cycles));
        let expected = |time: f64| {
            let open = (0..cycles as usize).any(|k| {
                let start = 6.0 + interval * k as f64;
                (start..start + duration).contains(&time)
            });
            if open { 3.0 } else { 0.0 }
        };
        for method in Method::STOCHASTIC.into_iter().chain([Method::ode()]) {
            let found = path(&network, &method, &network.arm("treated").unwrap(), "drug", &times, 1);
            for (time, value) in times.iter().zip(&found) {
                assert_eq!(*value, expected(*time), "{method}, {duration} every {interval}: at {time}");
            }
        }
    }
    let network = network(Therapy::new("drug", 1.0, 0.0).half_life(4.0).cycles(3.0, 5.0));
    let found = path(&network, &Method::ode(), &network.arm("treated").unwrap(), "drug", &times, 1);
    for (time, value) in times.iter().zip(&found) {
        let doses = (0..5).map(|k| time - 5.0 - 3.0 * f64::from(k)).filter(|since| *since >= 0.0);
        let expected: f64 = doses.map(|since| 3.0 * (-since / 4.0).exp2()).sum();
        assert!((value - expected).abs() < 1e-4, "{value} at {time}, not {expected}");
    }
}

/// Kendall's pulse once more (see `methods/tests.rs`), as a therapy.
#[test]
fn a_therapy_kills() {
    let network = Network::builder("pulse")
        .species("X", "1")
        .therapy(Therapy::new("drug", 5.0, 5.0))
        .arm("treated", &[("drug_dose", 1.0)])
        .reaction("X -> 2 X", "0.5 * X")
        .reaction("X ->", "(0.2 + 0.7 * drug) * X")
        .build()
        .unwrap();
    let treated = network.arm("treated").unwrap();
    for method in Method::STOCHASTIC {
        let mut simulator = Simulator::new(&network, &method);
        let mut alive = 0.0;
        for index in 0..20_000 {
            let mut record = |_: usize, values: &[f64]| {
                alive += f64::from(u8::from(values[1] > 0.0));
                ControlFlow::Continue(())
            };
            simulator.run(&treated, &[20.0], Key::new(2).child(index), &mut record).unwrap();
        }
        let z = (alive / 2e4 - 0.173_312_7) / (0.173_312_7_f64 * (1.0 - 0.173_312_7) / 2e4).sqrt();
        assert!(z.abs() < 4.0, "{method}: {alive} alive, z {z}");
    }
}

/// A parameter of each subject's own is drawn from its law, whatever the method; the mean field follows the location.
#[test]
fn parameters_vary_between_subjects() {
    let network = Network::builder("subjects")
        .parameter("rate", 0.4)
        .parameter("spread", 0.5)
        .varies("rate", Law::Lognormal, "spread")
        .parameter("share", 0.2)
        .varies("share", Law::LogitNormal, "0.7")
        .build()
        .unwrap();
    let parameters = network.default_parameters();
    for method in Method::STOCHASTIC {
        let drawn = |name: &str| -> Vec<f64> {
            (0..2000).map(|seed| path(&network, &method, &parameters, name, &[1.0], seed)[0]).collect()
        };
        for (name, transform, location, spread) in [
            ("rate", f64::ln as fn(f64) -> f64, 0.4_f64.ln(), 0.5),
            ("share", |share: f64| (share / (1.0 - share)).ln(), (0.2_f64 / 0.8).ln(), 0.7),
        ] {
            let values: Vec<f64> = drawn(name).into_iter().map(transform).collect();
            let mean = values.iter().sum::<f64>() / 2000.0;
            assert!(((mean - location) / (spread / 2000_f64.sqrt())).abs() < 4.0, "{method}, {name}: {mean}");
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 1999.0;
            assert!(
                (variance / (spread * spread) - 1.0).abs() < 4.0 * (2.0_f64 / 2000.0).sqrt(),
                "{method}: {variance}"
            );
        }
        assert_eq!(drawn("rate")[..20], drawn("rate")[..20]);
    }
    assert_eq!(path(&network, &Method::ode(), &parameters, "rate", &[1.0], 1), [0.4]);
}

/// Groups of subjects share what varies between groups: variance between and within is as the spreads say, by every method,
/// in whatever order, and by a model file too.
#[test]
fn parameters_vary_between_groups_and_within() {
    const GROUPS: u64 = 400;
    const SUBJECTS: u64 = 5;
    let (between, within) = (0.6, 0.3);
    let text = r#"
name = "lines"
[parameters]
between = 0.6
rate = { value = 0.4, varies = [{ spread = "between", between = "groups" }, { spread = "0.3", between = "subjects" }] }
share = { value = 0.2, varies = { law = "logit-normal", spread = "0.7", between = "groups" } }
[[reactions]]
equation = "-> X"
rate = "rate * share"
[species]
X = 0
"#;
    let builder = Builder::from_toml(text, "lines.toml").unwrap();
    let written = builder.to_toml();
    assert_eq!(Builder::from_toml(&written, "again.toml").unwrap().to_toml(), written);
    let network = builder.build().unwrap();
    let parameters = network.default_parameters();
    let slots = ["rate", "share"].map(|name| network.slot(name).unwrap());
    for method in Method::STOCHASTIC {
        let mut simulator = Simulator::new(&network, &method);
        let mut draw = |group: u64, subject: u64| {
            let key = Key::new(7).child(0).child(group).child(subject);
            let subject = Subject { key, group: Key::new(7).child(1).child(group) };
            let mut found = [0.0; 2];
            let mut record = |_: usize, values: &[f64]| {
                found = slots.map(|slot| values[slot]);
                ControlFlow::Continue(())
            };
            simulator.run(&parameters, &[0.0], subject, &mut record).unwrap();
            found
        };
        let mut means = Vec::new();
        let mut squares = 0.0;
        for group in 0..GROUPS {
            let subjects: Vec<[f64; 2]> = (0..SUBJECTS).map(|subject| draw(group, subject)).collect();
            assert!(subjects.iter().all(|[_, share]| *share == subjects[0][1]), "{method}: a group shares its draw");
            let logs: Vec<f64> = subjects.iter().map(|[rate, _]| rate.ln()).collect();
            let mean = logs.iter().sum::<f64>() / SUBJECTS as f64;
            squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
            means.push(mean);
        }
        // Analysis of variance of a balanced random effect: χ² laws of mean squares.
        let freedom = (GROUPS * (SUBJECTS - 1)) as f64;
        let ratio = squares / freedom / (within * within);
        assert!((ratio - 1.0).abs() < 4.0 * (2.0 / freedom).sqrt(), "{method}: within {ratio}");
        let n = GROUPS as f64;
        let mean = means.iter().sum::<f64>() / n;
        let expected = between * between + within * within / SUBJECTS as f64;
        let variance = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!((variance / expected - 1.0).abs() < 4.0 * (2.0 / (n - 1.0)).sqrt(), "{method}: between {variance}");
        assert!((mean - 0.4_f64.ln()).abs() < 4.0 * (expected / n).sqrt(), "{method}: {mean}");
        assert_eq!(draw(3, 4), draw(3, 4));
    }
    // A subject of no group has a draw of its own at both levels.
    let alone = |seed| path(&network, &Method::Direct, &parameters, "share", &[0.0], seed)[0];
    assert!(alone(1) != alone(2) && alone(1) != 0.2);
    for (wrong, right, message) in [
        ("between = \"subjects\"", "between = \"groups\"", "varies twice between the same"),
        ("between = \"subjects\"", "between = \"mice\"", "`between` says what the parameter varies between"),
        ("{ spread = \"0.3\",", "{ law = \"normal\", spread = \"0.3\",", "a parameter varies by one law"),
    ] {
        let problems = Builder::from_toml(&text.replace(wrong, right), "lines.toml").err().unwrap().to_string();
        assert!(problems.contains(message), "{problems}");
    }
}

#[test]
fn a_model_file_says_the_same() {
    let text = r#"
name = "file"
time_unit = "day"
[parameters]
growth = { value = 0.1, range = [0.01, 1.0], basis = "fitted", unit = "1/day", varies = { spread = "0.3" } }
[[therapies]]
name = "chemotherapy"
description = "six cycles"
start = 10
duration = 2
interval = 21
cycles = 6
[[therapies]]
name = "antibody"
after = "chemotherapy > 0"
half_life = 5
[[arms]]
name = "both"
description = "combination"
set = { chemotherapy_dose = 1, antibody_dose = 2 }
[[events]]
at = 3
every = 2
times = 4
set = { growth = "growth / 2" }
"#;
    let builder = Builder::from_toml(text, "file.toml").unwrap();
    let written = builder.to_toml();
    assert_eq!(Builder::from_toml(&written, "again.toml").unwrap().to_toml(), written);
    let network = builder.build().unwrap();
    let halved = path(&network, &Method::ode(), &network.default_parameters(), "growth", &[2.0, 3.0, 10.0], 1);
    assert_eq!(halved, [0.1, 0.05, 0.1 / 16.0]);
    for (wrong, right, message) in [
        ("antibody_dose = 2", "antibody_dos = 2", "`antibody_dos` is not a parameter"),
        ("half_life = 5", "half_lif = 5", "either `duration` or `half_life`"),
        ("spread = \"0.3\"", "spread = \"0.3 * x\"", "unknown name `x`"),
        ("name = \"antibody\"", "name = \"growth\"", "declared twice"),
        ("chemotherapy > 0", "chemo > 0", "unknown name `chemo`"),
    ] {
        let problems = Builder::from_toml(&text.replace(wrong, right), "file.toml").and_then(|builder| builder.build());
        let problems = problems.unwrap_err().to_string();
        assert!(problems.contains(message), "{problems}");
    }
}
