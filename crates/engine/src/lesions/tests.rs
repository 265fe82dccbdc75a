//! Lesions against laws known in closed form, and against their own cells one by one.
//!
//! Seeds are fixed. Each z-test has a false-alarm rate of 6e-5 (|z| < 4), each chi-square and Kolmogorov–Smirnov test
//! one of 1e-4 (quantiles from scipy); about sixty are made here, so that one seed in two hundred would fail by chance.

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Law, Lesions, Method, Network, SimulationError, Simulator};

/// The values of some symbols at the times, of each trajectory.
fn run(
    network: &Network,
    method: &Method,
    names: &[&str],
    times: &[f64],
    trajectories: u64,
    seed: u64,
) -> Vec<Vec<Vec<f64>>> {
    let mut simulator = Simulator::new(network, method);
    let parameters = network.default_parameters();
    let slots: Vec<usize> = names.iter().map(|name| network.slot(name).unwrap()).collect();
    let one = |index| {
        let mut path = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            path.push(slots.iter().map(|&slot| values[slot]).collect::<Vec<_>>());
            ControlFlow::Continue(())
        };
        simulator.run(&parameters, times, Key::new(seed).child(index), &mut record).unwrap();
        path
    };
    (0..trajectories).map(one).collect()
}

fn assert_mean(what: &str, values: impl Iterator<Item = f64>, expected: f64) {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let z = (mean - expected) / (variance / n).sqrt();
    assert!(z.abs() < 4.0, "{what}: mean {mean}, not {expected} (z {z})");
}

/// Kendall 1948: a pulse of therapy by events; 40,000 lesions of one cell from the start, none of which becomes large.
#[test]
fn kendall_pulse() {
    let network = Network::builder("pulse")
        .parameter("death", 0.2)
        .lesions(Lesions::new("lung", "0.5", "death").initial("40000").large("1e9").count("big", "10"))
        .event("5", &[("death", "0.9")])
        .event("10", &[("death", "0.2")])
        .build()
        .unwrap();
    for times in [&[20.0][..], &[2.0, 5.0, 7.5, 10.0, 12.5, 20.0]] {
        for method in Method::STOCHASTIC {
            let found = run(&network, &method, &["lung", "lung_lost", "lung_cells"], times, 1, 1);
            let [alive, lost, cells] = found[0].last().unwrap()[..] else { panic!() };
            assert_eq!(alive + lost, 40_000.0);
            let z = (alive / 4e4 - 0.173_312_7) / (0.173_312_7_f64 * (1.0 - 0.173_312_7) / 4e4).sqrt();
            assert!(z.abs() < 4.0, "{method}: {alive} alive, z {z}");
            // Given life, sizes are geometric: the variance is that of 0 and a geometric number of mean m / p.
            let (mean, p) = (12.1825_f64, 0.173_312_7);
            let variance = mean * (2.0 * mean / p - 1.0) - mean * mean;
            let z = (cells / 4e4 - mean) / (variance / 4e4).sqrt();
            assert!(z.abs() < 4.0, "{method}: {cells} cells, z {z}");
        }
    }
}

/// Rates that follow time: P(alive) = 1 / (1 + ∫ d e^ρ), mean e^{−ρ}, with ρ(t) = ∫ (d − b).
#[test]
fn kendall_with_rates_that_swing() {
    let network = Network::builder("swing")
        .lesions(Lesions::new("lung", "0.5", "0.4 + 0.3 * sin(time)").initial("40000").large("1e9"))
        .build()
        .unwrap();
    let end = 12.0_f64;
    let rho = |t: f64| -0.1 * t + 0.3 * (1.0 - t.cos());
    let n = 20_000;
    let inner = |i: usize| {
        let t = end * (i as f64 + 0.5) / n as f64;
        (0.4 + 0.3 * t.sin()) * rho(t).exp() * end / n as f64
    };
    let p = 1.0 / (1.0 + (0..n).map(inner).sum::<f64>());
    let mean = (-rho(end)).exp();
    for times in [vec![end], (0..=48).map(|i| 0.25 * f64::from(i)).collect()] {
        let found = run(&network, &Method::hybrid(), &["lung", "lung_cells"], &times, 1, 2);
        let [alive, cells] = found[0].last().unwrap()[..] else { panic!() };
        let z = (alive / 4e4 - p) / (p * (1.0 - p) / 4e4).sqrt();
        assert!(z.abs() < 4.0, "{alive} alive, not {}: z {z}", 4e4 * p);
        let z = (cells / 4e4 - mean) / ((mean * (2.0 * mean / p - 1.0) - mean * mean) / 4e4).sqrt();
        assert!(z.abs() < 4.0, "{cells} cells, not {}: z {z}", 4e4 * mean);
    }
}

/// Lesions founded at random: all their cells follow birth, death and immigration (Bailey 1964, section 8.7).
#[test]
fn foundings_and_growth_are_birth_death_and_immigration() {
    let network = Network::builder("immigration")
        .parameter("immigration", 0.5)
        .lesions(Lesions::new("lung", "1", "0.6").large("1e9"))
        .reaction("-> lung", "immigration")
        .build()
        .unwrap();
    let growth = (0.4_f64 * 3.0).exp();
    let success = 0.4 / (growth - 0.6);
    let mut law = vec![success.sqrt()];
    for n in 1..12 {
        law.push(law[n - 1] * (0.5 + n as f64 - 1.0) / n as f64 * (1.0 - success));
    }
    assert!((law[0] - 0.383_474).abs() < 1e-6);
    for method in Method::STOCHASTIC {
        let found = run(&network, &method, &["lung_cells", "lung_founded"], &[1.0, 3.0], 50_000, 3);
        let mut observed = [0.0; 13];
        found.iter().for_each(|path| observed[(path[1][0] as usize).min(12)] += 1.0);
        let expected = law.iter().copied().chain([1.0 - law.iter().sum::<f64>()]).map(|p| 5e4 * p);
        let statistic: f64 = observed.iter().zip(expected).map(|(o, e): (&f64, f64)| (o - e).powi(2) / e).sum();
        // 12 degrees of freedom.
        assert!(statistic < 39.13, "{method}: chi-square {statistic}");
        assert_mean(&method.to_string(), found.iter().map(|path| path[1][0]), 2.900_146);
        assert_mean(&method.to_string(), found.iter().map(|path| path[1][1]), 1.5);
    }
}

/// The law of sizes and of the time of detection, drawn at once or cell by cell: two-sample Kolmogorov–Smirnov.
#[test]
fn sizes_drawn_at_once_are_those_cell_by_cell() {
    let lesions = |birth: &str, death: &str| {
        Network::builder("lesions")
            .parameter("kill", 0.0)
            .lesions(Lesions::new("lung", birth, death).initial("1").large("300").detection("2000"))
            .event("6", &[("kill", "0.25")])
            .event("9", &[("kill", "0")])
            .build()
            .unwrap()
    };
    let constant = lesions("0.8", "0.3 + kill");
    let swinging = lesions("0.8", "0.3 + kill + 0.15 * sin(time)");
    for (seed, law) in [(4, constant), (5, swinging)] {
        let other = if seed == 4 { "0.3 + kill + 0 * size" } else { "0.3 + kill + 0.15 * sin(time) + 0 * size" };
        let cells = lesions("0.8", other);
        let n = 6000;
        let mut samples = [law, cells].map(|network| {
            let found =
                run(&network, &Method::hybrid(), &["lung_cells", "lung_first_detected"], &[10.0, 22.0], n, seed);
            [(0, 0), (1, 0), (1, 1)].map(|(time, which)| {
                let mut values: Vec<f64> = found.iter().map(|path| path[time][which]).collect();
                values.sort_by(f64::total_cmp);
                values
            })
        });
        let (b, a) = (samples[1].clone(), &mut samples[0]);
        for (what, (a, b)) in ["size at 10", "size at 22", "detection"].iter().zip(a.iter().zip(&b)) {
            let below = |values: &[f64], x: f64| values.partition_point(|value| *value <= x) as f64 / n as f64;
            let gap = a.iter().chain(b).map(|&x| (below(a, x) - below(b, x)).abs()).fold(0.0, f64::max);
            assert!(gap * (n as f64 / 2.0).sqrt() < 2.225, "{what}, seed {seed}: {gap}");
        }
    }
}

/// Gompertz growth from one cell, in closed form and by the solver for any curve; detection where the curve says.
#[test]
fn curves_are_followed_and_detection_is_on_them() {
    let (rate, limit) = (0.05_f64, 1e10_f64);
    let exact = |t: f64| (limit.ln() * (1.0 - (-rate * t).exp())).exp();
    let detected = -(1.0 - 1e8_f64.ln() / limit.ln()).ln() / rate;
    for growth in ["0.05 * ln(1e10 / size)", "0.05 * ln(1e10 / max(size, 0.1))", "0.05 * ln(big / size)"] {
        let kind = Lesions::new("lung", "0.3", "0").initial("1").large("1").growth(growth).detection("1e8");
        let network = Network::builder("gompertz").variable("big", "1e10", "0 * time").lesions(kind).build().unwrap();
        let times: Vec<f64> = (0..=20).map(|index| 10.0 * f64::from(index)).collect();
        for times in [&times[..], &[200.0]] {
            let found = run(&network, &Method::hybrid(), &["lung_cells", "lung_first_detected"], times, 1, 6);
            for (time, values) in times.iter().zip(&found[0]).filter(|(time, _)| **time > 0.0) {
                assert!((values[0].ln() - exact(*time).ln()).abs() < 1e-3, "{growth}, {time}: {values:?}");
                let first = if *time > detected { detected } else { f64::INFINITY };
                assert!(values[1] == first || (values[1] - first).abs() < 0.01, "{growth}: {values:?}, not {first}");
            }
        }
    }
}

/// Therapy shrinks large lesions until they are small again, and some die out.
#[test]
fn shrinking_lesions_die_out_by_chance() {
    let network = Network::builder("shrinking")
        .lesions(Lesions::new("lung", "0.1", "0.6").initial("20000").size("5000"))
        .build()
        .unwrap();
    let time = 18.0_f64;
    // 500 cells are left when they are counted.
    let rest = time - 10_f64.ln() / 0.5;
    let gone = 0.6 * (1.0 - (-0.5 * rest).exp()) / (0.6 - 0.1 * (-0.5 * rest).exp());
    let expected = gone.powf(500.0);
    let found = run(&network, &Method::Direct, &["lung_lost"], &[time], 1, 7);
    let share = found[0][0][0] / 2e4;
    assert!((share - expected).abs() < 4.0 * (expected * (1.0 - expected) / 2e4).sqrt(), "{share}, not {expected}");
}

/// Dormant lesions wake or die as exponentials compete.
#[test]
fn dormant_lesions_wake_or_die() {
    let kind = Lesions::new("lung", "0", "0").initial("40000").dormant("0.7", "0.1", "0.05");
    let network = Network::builder("dormancy").lesions(kind).build().unwrap();
    let found = run(&network, &Method::Direct, &["lung_dormant", "lung", "lung_lost"], &[0.0, 4.0, 10.0], 1, 8);
    let check = |count: f64, p: f64| {
        let z = (count / 4e4 - p) / (p * (1.0 - p) / 4e4).sqrt();
        assert!(z.abs() < 4.0, "{count}, not {}: z {z}", 4e4 * p);
    };
    for (time, values) in [0.0_f64, 4.0, 10.0].iter().zip(&found[0]) {
        let asleep = 0.7 * (-0.15 * time).exp();
        check(values[0], asleep);
        if *time > 0.0 {
            check(values[2], (0.7 - asleep) / 3.0);
        }
    }
}

/// Iwata, Kawasaki & Shigesada 2000 (J Theor Biol 203:177): a Gompertz primary and its lesions emit m·x^α. The renewal
/// equation of the expected number of lesions, solved by itself, gives 1.160, 76.42 and 1227.7.
#[test]
fn lesions_of_lesions_follow_iwatas_renewal_equation() {
    let curve = "0.00286 * ln(7.3e10 / size)";
    let kind = Lesions::new("liver", "1", "0").large("1").growth(curve).emission("m * size^alpha");
    let network = Network::builder("iwata")
        .parameter("m", 5.3e-8)
        .parameter("alpha", 0.663)
        .rule("primary", "exp(ln(7.3e10) * (1 - exp(-0.00286 * time)))")
        .lesions(kind)
        .reaction("-> liver", "m * primary^alpha + liver_emission")
        .build()
        .unwrap();
    let found = run(&network, &Method::hybrid(), &["liver_founded"], &[500.0, 1000.0, 1500.0], 1500, 9);
    for (index, expected) in [1.160, 76.42, 1227.7].into_iter().enumerate() {
        assert_mean("lesions", found.iter().map(|path| path[index][0]), expected);
    }
}

/// Each lesion has a growth rate of its own: the logarithm of its size varies as the law says.
#[test]
fn own_values_vary_between_lesions() {
    let kind = Lesions::new("lung", "1", "0").initial("4000").large("1").growth("rate").count("grown", "exp(2)");
    let kind = kind.own("rate", Law::Lognormal, "0.2", "0.5");
    let network = Network::builder("own").lesions(kind).build().unwrap();
    let found = run(&network, &Method::Direct, &["grown"], &[5.0, 10.0, 20.0], 1, 10);
    for (time, values) in [5.0_f64, 10.0, 20.0].iter().zip(&found[0]) {
        // The share whose rate is beyond 2 / time.
        let z = (2.0 / time / 0.2).ln() / 0.5;
        let p = 0.5 * statrs::function::erf::erfc(z / 2_f64.sqrt());
        assert!((values[0] / 4000.0 - p).abs() < 4.0 * (p * (1.0 - p) / 4000.0).sqrt(), "{} at {time}", values[0]);
    }
}

/// An event waits for detection: it comes when the first lesion reaches the size.
#[test]
fn events_wait_for_detection() {
    for method in Method::STOCHASTIC {
        let network = Network::builder("detection")
            .variable("seen", "0", "0")
            .parameter("seeding", 0.2)
            .lesions(Lesions::new("lung", "0.5", "0.1").growth("0.4").detection("1e6"))
            .reaction("-> lung", "seeding")
            .event_when("lung_detected >= 1", &[("seen", "time"), ("seeding", "0")])
            .build()
            .unwrap();
        let found = run(&network, &method, &["seen", "lung_first_detected"], &[1.0, 30.0, 100.0], 200, 11);
        for path in &found {
            let [seen, first] = path[2][..] else { panic!() };
            // A leap may go on beyond a detection within it.
            let on_time =
                if method == Method::tau_leap() { seen >= first } else { (seen - first).abs() < 1e-5 * first };
            assert!(on_time, "{method}: {path:?}");
        }
    }
}

/// Whoever asks, and how often, lesions keep their law; the same key gives the same lesions.
#[test]
fn the_same_key_gives_the_same_lesions() {
    let network = Network::builder("same")
        .lesions(Lesions::new("lung", "0.5", "0.4"))
        .reaction("-> lung", "0.5")
        .build()
        .unwrap();
    for method in Method::STOCHASTIC {
        let twice = [0, 1].map(|_| run(&network, &method, &["lung", "lung_cells"], &[5.0, 30.0], 20, 12));
        assert_eq!(twice[0], twice[1], "{method}");
    }
}

/// Kind, size, time of founding, and whether dormant.
type Row = (String, f64, f64, bool);

/// Takes down what a recorder is shown: values, and lesions.
#[derive(Default)]
struct Shown {
    values: Vec<Vec<f64>>,
    lesions: Vec<Vec<Row>>,
}

impl crate::Recorder for Shown {
    fn record(&mut self, _: usize, values: &[f64]) -> ControlFlow<()> {
        self.values.push(values.to_vec());
        ControlFlow::Continue(())
    }

    fn lesions(&mut self, index: usize, lesions: &mut dyn Iterator<Item = crate::Lesion<'_>>) {
        assert_eq!(index, self.values.len());
        self.lesions.push(lesions.map(|l| (l.kind.to_owned(), l.size, l.founded, l.dormant)).collect());
    }
}

/// The list of lesions adds up to the symbols that count them, by every method; asking for it changes nothing.
#[test]
fn the_list_of_lesions_is_what_the_symbols_count() {
    let lung = Lesions::new("lung", "0.4", "0.2").initial("3").dormant("0.3", "0.05", "0.01");
    let lung = lung.large("100").growth("0.2").detection("50").count("visible", "10").emission("1e-4 * size");
    let network = Network::builder("list")
        .lesions(lung)
        .lesions(Lesions::new("liver", "0.3", "0.25").size("2"))
        .reaction("-> lung", "0.5 + lung_emission")
        .reaction("-> liver", "0.4")
        .build()
        .unwrap();
    let times = [0.0, 5.0, 12.0, 20.0];
    for method in Method::STOCHASTIC {
        for seed in 0..20 {
            let (mut shown, mut values) = (Shown::default(), Vec::new());
            let mut simulator = Simulator::new(&network, &method);
            simulator.run(&[], &times, Key::new(seed), &mut shown).unwrap();
            let mut record = |_: usize, all: &[f64]| {
                values.push(all.to_vec());
                ControlFlow::Continue(())
            };
            simulator.run(&[], &times, Key::new(seed), &mut record).unwrap();
            assert_eq!(shown.values, values, "{method}");
            assert_eq!(shown.lesions.len(), times.len());
            for ((values, lesions), time) in shown.values.iter().zip(&shown.lesions).zip(times) {
                let symbol = |name: &str| values[network.slot(name).unwrap()];
                for kind in ["lung", "liver"] {
                    let of: Vec<_> = lesions.iter().filter(|(name, ..)| name == kind).collect();
                    let sum: f64 = of.iter().map(|(_, size, ..)| size).sum();
                    assert_eq!(of.len() as f64, symbol(kind), "{method}");
                    let cells = symbol(&format!("{kind}_cells"));
                    assert!((sum - cells).abs() <= 1e-9 * cells, "{method}: {sum}, not {cells}");
                    assert!(of.iter().all(|(_, size, founded, _)| *size >= 1.0 && (0.0..=time).contains(founded)));
                }
                let count = |is: &dyn Fn(&&Row) -> bool| {
                    lesions.iter().filter(|(name, ..)| name == "lung").filter(is).count() as f64
                };
                assert_eq!(count(&|(_, size, ..)| *size >= 50.0), symbol("lung_detected"), "{method}");
                assert_eq!(count(&|(_, size, ..)| *size >= 10.0), symbol("visible"), "{method}");
                assert_eq!(count(&|(.., dormant)| *dormant), symbol("lung_dormant"), "{method}");
            }
        }
        let ensemble = crate::Ensemble {
            network: &network,
            method,
            parameters: &[],
            initial: &[],
            times: &times,
            trajectories: 30,
            key: Key::new(5),
        };
        let (trajectories, _) = ensemble.trajectories().unwrap();
        let place = ensemble.names().iter().position(|name| name == "lung").unwrap();
        let lesions = ensemble.lesions().unwrap();
        for (index, values) in trajectories.iter().enumerate() {
            let last =
                lesions.iter().filter(|at| at.trajectory == index && at.time == 20.0 && at.lesion.kind == "lung");
            assert_eq!(last.count() as f64, values[3 * values.len() / 4 + place], "{method}");
        }
    }
}

#[test]
fn a_model_file_says_the_same() {
    let text = r#"
name = "file"
[species]
P = 100
[[reactions]]
equation = "P -> P + lung"
rate = "0.01 * P"
[[lesions]]
name = "lung"
description = "colonies"
initial = 2
size = 3
large = 500
birth = "0.3"
death = "0.2 + 0.01 * size"
dormant = { probability = 0.5, waking = 0.1, death = 0 }
growth = "rate * ln(K / size)"
emission = "1e-9 * size"
detection = 1e7
own = { rate = { law = "normal", location = 0.1, spread = "0.01" }, K = { location = 1e9, spread = 0.1 } }
counts = { micro = 10, macro = "1e6" }
"#;
    let builder = crate::Builder::from_toml(text, "file.toml").unwrap();
    let written = builder.to_toml();
    let again =
        crate::Builder::from_toml(&written, "again.toml").unwrap_or_else(|problems| panic!("{problems}\n{written}"));
    assert_eq!(again.to_toml(), written);
    let names = ["lung_founded", "lung", "lung_lost", "lung_cells", "lung_dormant", "lung_emission", "micro", "macro"];
    let networks = [builder, again].map(|builder| builder.build().unwrap());
    let runs = networks.each_ref().map(|network| run(network, &Method::Direct, &names, &[0.0, 20.0], 5, 13));
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0][0][0][..2], [2.0, 2.0]);
    assert!(builder_error(&written.replace("rate * ln", "rat * ln")).contains("`rate`"));
    assert!(builder_error(&written.replace("0.01 * P", "0.01 * size")).contains("unknown name `size`"));
    assert!(builder_error(&written.replace("P -> P + lung", "lung ->")).contains("which reactions only found"));
    assert!(builder_error(&written.replace("\"normal\"", "\"norml\"")).contains("lognormal, normal, logit-normal"));
    let sbml = crate::Builder::from_toml(text, "file.toml").unwrap().to_sbml().unwrap_err().to_string();
    assert!(sbml.contains("no place in SBML"), "{sbml}");
}

fn builder_error(text: &str) -> String {
    Network::from_toml(text, "file.toml").unwrap_err().to_string()
}

#[test]
fn what_lesions_cannot_do_is_said() {
    let network =
        |birth: &str| Network::builder("bad").lesions(Lesions::new("lung", birth, "0.1").initial("1")).build().unwrap();
    let fails = |network: &Network, method: Method| {
        let mut ignore = |_: usize, _: &[f64]| ControlFlow::Continue(());
        Simulator::new(network, &method).run(&[], &[10.0], Key::new(1), &mut ignore).unwrap_err()
    };
    let negative = fails(&network("1 - time"), Method::hybrid()).to_string();
    assert!(
        negative.starts_with("the birth of lesions of `lung` is -") && negative.contains("at time 1."),
        "{negative}"
    );
    assert!(matches!(fails(&network("1"), Method::ode()), SimulationError::Individuals { .. }));
}
