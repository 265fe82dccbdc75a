//! Every stochastic method in one loop against laws known in closed form.
//!
//! Seeds are fixed. Each chi-square has a false-alarm rate of 1e-4 (quantiles from scipy.stats.chi2), each z-test one
//! of 6e-5 (|z| < 4); about forty are made here, so that about one seed in three hundred would fail by chance.

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Method, Network, SimulationError, Simulator};

const EXACT: [Method; 4] = [Method::Direct, Method::Ensemble, Method::NextReaction, Method::CompositionRejection];
#[test]
fn every_name_is_a_method_that_bears_it() {
    for name in Method::NAMES {
        assert_eq!(name.parse::<Method>().unwrap().to_string(), name);
    }
    assert!("tau-leep".parse::<Method>().unwrap_err().to_string().ends_with("tau-leap, hybrid, ode, moments, auto"));
}

/// Counts of the first species at the end of `trajectories` trajectories.
fn ends(network: &Network, method: &Method, end: f64, trajectories: u64, seed: u64) -> Vec<f64> {
    let mut simulator = Simulator::new(network, method);
    let parameters = network.default_parameters();
    let mut counts = Vec::new();
    for index in 0..trajectories {
        let mut record = |_: usize, values: &[f64]| {
            counts.push(values[1]);
            ControlFlow::Continue(())
        };
        simulator.run(&parameters, &[end], Key::new(seed).child(index), &mut record).unwrap();
    }
    counts
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Chi-square of counts against the probabilities of 0, 1, 2, …; the rest of the law is one more cell.
fn chi_square(values: &[f64], law: &[f64]) -> f64 {
    let mut observed = vec![0.0; law.len() + 1];
    for value in values {
        observed[(*value as usize).min(law.len())] += 1.0;
    }
    let rest = 1.0 - law.iter().sum::<f64>();
    let expected = law.iter().chain([&rest]).map(|p| p * values.len() as f64);
    observed.iter().zip(expected).map(|(o, e): (&f64, f64)| (o - e).powi(2) / e).sum()
}

fn birth_death(initial: &str, birth: f64, death: f64) -> Network {
    Network::builder("birth-death")
        .species("X", initial)
        .parameter("birth", birth)
        .parameter("death", death)
        .reaction("X -> 2 X", "birth * X")
        .reaction("X ->", "death * X")
        .build()
        .unwrap()
}

/// Kendall 1948, Ann Math Stat 19:1, equations 8-9: modified geometric law.
#[test]
fn linear_birth_death() {
    let (birth, death, time) = (1.0_f64, 0.6, 3.0);
    let growth = ((birth - death) * time).exp();
    let extinct = death * (growth - 1.0) / (birth * growth - death);
    let eta = birth * (growth - 1.0) / (birth * growth - death);
    let law: Vec<f64> =
        (0..12).map(|n| if n == 0 { extinct } else { (1.0 - extinct) * (1.0 - eta) * eta.powi(n - 1) }).collect();
    for (value, known) in law.iter().zip([0.511_768, 0.071_795_7, 0.061_237_9]) {
        assert!((value - known).abs() < 1e-6);
    }
    for method in Method::STOCHASTIC {
        let counts = ends(&birth_death("1", birth, death), &method, time, 100_000, 1);
        let statistic = chi_square(&counts, &law);
        // 12 degrees of freedom.
        assert!(statistic < 39.13, "{method}: chi-square {statistic}");
        let (mean, variance) = mean_and_variance(&counts);
        let z = (mean - 3.320_12) / (30.8122_f64 / 1e5).sqrt();
        assert!(z.abs() < 4.0, "{method}: mean {mean}");
        assert!((variance / 30.8122 - 1.0).abs() < 0.06, "{method}: variance {variance}");
    }
}

/// Negative binomial with shape ν/λ (Bailey 1964, The Elements of Stochastic Processes, section 8.7).
#[test]
fn birth_death_immigration() {
    let (birth, death, immigration, time) = (1.0_f64, 0.6, 0.5, 3.0);
    let network = Network::builder("birth-death-immigration")
        .species("X", "0")
        .parameter("birth", birth)
        .parameter("death", death)
        .parameter("immigration", immigration)
        .reaction("X -> 2 X", "mass_action(birth)")
        .reaction("X ->", "mass_action(death)")
        .reaction("-> X", "mass_action(immigration)")
        .build()
        .unwrap();
    let growth = ((birth - death) * time).exp();
    let (shape, success) = (immigration / birth, (birth - death) / (birth * growth - death));
    let mut law = vec![success.powf(shape)];
    for n in 1..12 {
        let previous = law[n - 1];
        law.push(previous * (shape + n as f64 - 1.0) / n as f64 * (1.0 - success));
    }
    assert!((law[0] - 0.383_474).abs() < 1e-6);
    for method in Method::STOCHASTIC {
        let counts = ends(&network, &method, time, 100_000, 2);
        let statistic = chi_square(&counts, &law);
        assert!(statistic < 39.13, "{method}: chi-square {statistic}");
        let (mean, variance) = mean_and_variance(&counts);
        let z = (mean - 2.900_146) / (variance / 1e5).sqrt();
        assert!(z.abs() < 4.0, "{method}: mean {mean}");
    }
}

/// Large numbers, where leaps are long: mean x₀e^{rt}, variance x₀(λ+μ)/(λ−μ)·e^{rt}(e^{rt}−1).
#[test]
fn many_cells() {
    let (birth, death, time, initial) = (0.3_f64, 0.1, 5.0, 10_000.0);
    let growth = ((birth - death) * time).exp();
    let (mean, variance) = (initial * growth, initial * 2.0 * growth * (growth - 1.0));
    let network = birth_death("10000", birth, death);
    let trajectories = 4000;
    let counts = ends(&network, &Method::tau_leap(), time, trajectories, 3);
    let (observed_mean, observed_variance) = mean_and_variance(&counts);
    // 0.05 % is the leap's own bias, measured; the standard error of the mean is 0.024 % and that of the variance 2.2 %.
    assert!((observed_mean / mean - 1.0).abs() < 5e-4 + 4.0 * 2.4e-4, "mean {observed_mean} not {mean}");
    assert!((observed_variance / variance - 1.0).abs() < 0.10, "variance {observed_variance} not {variance}");
}

/// Cells that pass through a fast scarce intermediate: at rest its count is Poisson with mean ι/φ (Jackson 1957), and
/// what arrives behind it is Poisson too, however many times the intermediate turns over in a leap.
#[test]
fn fast_scarce_intermediate() {
    let network = |first: &str, second: &str| {
        Network::builder("blood")
            .species(first, "0")
            .species(second, "0")
            .parameter("shed", 1000.0)
            .parameter("clear", 500.0)
            .parameter("seed", 0.02)
            .reaction("-> C", "shed")
            .reaction("C ->", "(1 - seed) * clear * C")
            .reaction("C -> L", "seed * clear * C")
            .build()
            .unwrap()
    };
    for method in Method::STOCHASTIC {
        let cells = ends(&network("C", "L"), &method, 2.0, 4000, 4);
        let (mean, variance) = mean_and_variance(&cells);
        assert!((mean - 2.0).abs() < 4.0 * (2.0_f64 / 4000.0).sqrt(), "{method}: {mean}");
        assert!((variance / 2.0 - 1.0).abs() < 4.0 * (2.5_f64 / 4000.0).sqrt(), "{method}: {variance}");
        let lesions = ends(&network("L", "C"), &method, 2.0, 4000, 5);
        let expected = 0.02 * 1000.0 * (2.0 - 1.0 / 500.0);
        let (mean, variance) = mean_and_variance(&lesions);
        assert!((mean - expected).abs() < 4.0 * (expected / 4000.0).sqrt(), "{method}: {mean}");
        assert!((variance / expected - 1.0).abs() < 4.0 * (2.0_f64 / 4000.0).sqrt(), "{method}: {variance}");
    }
    let network = network("C", "L");
    let mut ignore = |_: usize, _: &[f64]| ControlFlow::Continue(());
    let mut leaper = Simulator::new(&network, &Method::tau_leap());
    let stats = leaper.run(&[1000.0, 500.0, 0.02], &[2.0], Key::new(1), &mut ignore).unwrap();
    assert!(stats.steps < 100, "fast turnover must not shorten leaps: {stats:?}");
}

/// Reversible switching is binomial in each cell: mean and variance at time t.
#[test]
fn switching_cells() {
    let network = Network::builder("switching")
        .species("A", "400")
        .species("B", "0")
        .reaction("A -> B", "0.7 * A")
        .reaction("B -> A", "0.3 * B")
        .build()
        .unwrap();
    let p = 0.3 + 0.7 * (-2.0_f64).exp();
    for method in Method::STOCHASTIC {
        let counts = ends(&network, &method, 2.0, 20_000, 6);
        let (mean, variance) = mean_and_variance(&counts);
        let exact = 400.0 * p * (1.0 - p);
        // 0.15 % is allowed for the leap's bias.
        assert!((mean - 400.0 * p).abs() < 4.0 * (exact / 2e4).sqrt() + 0.0015 * 400.0 * p, "{method}: {mean}");
        assert!((variance / exact - 1.0).abs() < 4.0 * (2.0_f64 / 2e4).sqrt() + 0.02, "{method}: {variance}");
    }
}

/// Dimerisation from 1001 cells, against the direct method: means within four standard errors and 1 %.
#[test]
fn dimerisation_agrees_between_methods() {
    let network = Network::builder("dimers")
        .species("P", "1001")
        .species("D", "0")
        .parameter("on", 0.001)
        .parameter("off", 0.1)
        .reaction("2 P -> D", "mass_action(on)")
        .reaction("D -> 2 P", "mass_action(off)")
        .build()
        .unwrap();
    let results = Method::STOCHASTIC.map(|method| mean_and_variance(&ends(&network, &method, 5.0, 3000, 7)));
    let [(exact, variance), others @ ..] = results;
    for (mean, other_variance) in others {
        assert!((exact - mean).abs() < 4.0 * (2.0 * variance / 3000.0).sqrt() + 0.01 * exact, "{exact} {mean}");
        assert!((other_variance / variance - 1.0).abs() < 4.0 * (4.0_f64 / 3000.0).sqrt() + 0.05);
    }
}

/// A ring of 300 sites with unequal hops, one cell wandering: after a long time it is at each site with probability
/// proportional to the inverse of the rate of leaving it. Sites in ten groups of thirty: 9 degrees of freedom.
#[test]
fn a_wanderer_on_a_ring_is_where_it_leaves_slowly() {
    const SITES: usize = 300;
    let rate = |site: usize| 4.0 + (site % 7) as f64 * (1.0 + site as f64 / 100.0);
    let mut builder = Network::builder("ring").species("X0", "1");
    for site in 1..SITES {
        builder = builder.species(&format!("X{site}"), "0");
    }
    for site in 0..SITES {
        // To any of several sites around, so that the walk mixes quickly.
        for step in [1, 7, 60, 131] {
            let equation = format!("X{site} -> X{}", (site + step) % SITES);
            builder = builder.reaction(&equation, &format!("{} * X{site}", rate(site)));
        }
    }
    let network = builder.build().unwrap();
    let (method, reason) = Method::Auto.resolve(&network, &[], 8.0, 1);
    assert_eq!(method, Method::CompositionRejection, "{reason}");
    let mut share = [0.0; 10];
    let total: f64 = (0..SITES).map(|site| 1.0 / rate(site)).sum();
    (0..SITES).for_each(|site| share[site / 30] += 1.0 / rate(site) / total);
    for method in EXACT {
        let mut simulator = Simulator::new(&network, &method);
        let mut found = [0.0; 10];
        for index in 0..4000 {
            let mut record = |_: usize, values: &[f64]| {
                let site = (0..SITES).find(|&site| values[1 + site] == 1.0).unwrap();
                found[site / 30] += 1.0;
                ControlFlow::Continue(())
            };
            simulator.run(&[], &[8.0], Key::new(12).child(index), &mut record).unwrap();
        }
        let terms = found.iter().zip(&share).map(|(o, p): (&f64, &f64)| (o - 4000.0 * p).powi(2) / (4000.0 * p));
        let statistic: f64 = terms.sum();
        assert!(statistic < 33.72, "{method}: chi-square {statistic}");
    }
}

#[test]
fn mean_field_of_stiff_and_growing_networks() {
    let network = Network::builder("stiff")
        .species("P", "1000")
        .species("C", "0")
        .parameter("grow", 0.12)
        .reaction("P -> 2 P", "grow * P")
        .reaction("-> C", "5 * P")
        .reaction("C ->", "500 * C")
        .build()
        .unwrap();
    let mut simulator = Simulator::new(&network, &Method::ode());
    let mut last = Vec::new();
    let mut record = |_: usize, values: &[f64]| {
        last = values.to_vec();
        ControlFlow::Continue(())
    };
    let stats = simulator.run(&[0.12], &[10.0, 40.0], Key::new(0), &mut record).unwrap();
    let primary = 1000.0 * (0.12_f64 * 40.0).exp();
    assert!((last[1] / primary - 1.0).abs() < 1e-5, "{}", last[1] / primary - 1.0);
    assert!((last[2] / (5.0 * primary / 500.12) - 1.0).abs() < 1e-5);
    assert!(stats.steps < 1000, "{stats:?}");
}

/// Explicit time in a rate law: X' = 2t gives X = t².
#[test]
fn mean_field_of_explicit_time() {
    let network = Network::builder("t").species("X", "0").reaction("-> X", "2 * time").build().unwrap();
    let end = std::cell::Cell::new(0.0);
    let mut record = |_: usize, values: &[f64]| {
        end.set(values[1]);
        ControlFlow::Continue(())
    };
    Simulator::new(&network, &Method::ode()).run(&[], &[3.0], Key::new(0), &mut record).unwrap();
    assert!((end.get() - 9.0).abs() < 1e-4, "{end:?}");
    for method in EXACT {
        let error = Simulator::new(&network, &method).run(&[], &[3.0], Key::new(0), &mut record).unwrap_err();
        assert!(matches!(error, SimulationError::TimeDependent { .. }));
    }
    let leaped = ends(&network, &Method::tau_leap(), 3.0, 4000, 8);
    let (mean, variance) = mean_and_variance(&leaped);
    assert!((mean - 9.0).abs() < 4.0 * (9.0_f64 / 4000.0).sqrt(), "{mean}");
    assert!((variance / 9.0 - 1.0).abs() < 0.12, "{variance}");
}

/// A therapy window by events: P(alive) and mean of Kendall's law with death .2/.9/.2 on [0,5), [5,10), [10,20).
#[test]
fn kendall_pulse_by_events() {
    let network = Network::builder("pulse")
        .species("X", "1")
        .parameter("birth", 0.5)
        .parameter("death", 0.2)
        .reaction("X -> 2 X", "birth * X")
        .reaction("X ->", "death * X")
        .event("5", &[("death", "0.9")])
        .event("10", &[("death", "0.2")])
        .build()
        .unwrap();
    for method in Method::STOCHASTIC {
        let counts = ends(&network, &method, 20.0, 40_000, 9);
        let alive = counts.iter().filter(|count| **count > 0.0).count() as f64 / 4e4;
        let standard_error = (0.173_312_7_f64 * (1.0 - 0.173_312_7) / 4e4).sqrt();
        assert!((alive - 0.173_312_7).abs() < 4.0 * standard_error, "{method}: alive {alive}");
        let (mean, variance) = mean_and_variance(&counts);
        assert!((mean - 12.1825).abs() < 4.0 * (variance / 4e4).sqrt(), "{method}: mean {mean}");
    }
}

/// Compartments of a ring that start empty, with births, deaths and hops to the right, hold independent Poisson numbers
/// at all times (Jahnke & Huisinga 2007, J Math Biol 54:1). The ring is large enough for the methods to look ahead.
/// Quantile of chi-square with 15 degrees of freedom, false-alarm rate 1e-4.
#[test]
fn compartments_of_a_large_ring_are_poisson() {
    let size = 16_000;
    let mut builder = Network::builder("ring").parameter("birth", 5.0).parameter("death", 0.5).parameter("hop", 1.0);
    for site in 0..size {
        let right = (site + 1) % size;
        builder = builder
            .species(&format!("X{site}"), "0")
            .reaction(&format!("-> X{site}"), "birth")
            .reaction(&format!("X{site} ->"), &format!("death * X{site}"))
            .reaction(&format!("X{site} -> X{right}"), &format!("hop * X{site}"));
    }
    let network = builder.build().unwrap();
    let time = 2.0_f64;
    let mean = 5.0 / 0.5 * (1.0 - (-0.5 * time).exp());
    let law: Vec<f64> =
        (0..15).scan((-mean).exp(), |p, k| Some(std::mem::replace(p, *p * mean / f64::from(k + 1)))).collect();
    for method in [Method::NextReaction, Method::CompositionRejection] {
        let mut counts = Vec::new();
        // Stops on the way must not matter.
        let mut record = |index: usize, values: &[f64]| {
            if index == 2 {
                counts.extend_from_slice(&values[1..=size]);
            }
            ControlFlow::Continue(())
        };
        let parameters = network.default_parameters();
        Simulator::new(&network, &method).run(&parameters, &[0.5, 1.0, time], Key::new(31), &mut record).unwrap();
        let chi_square = chi_square(&counts, &law);
        assert!(chi_square < 44.2632, "{method}: {chi_square}");
    }
}

#[test]
fn recording_times_do_not_change_a_trajectory() {
    let network = birth_death("50", 0.5, 0.5);
    let fine: Vec<f64> = (0..=100).map(|index| f64::from(index) * 0.1).collect();
    for method in EXACT {
        let mut simulator = Simulator::new(&network, &method);
        let mut end = |times: &[f64]| {
            let mut last = 0.0;
            let mut record = |_: usize, values: &[f64]| {
                last = values[1];
                ControlFlow::Continue(())
            };
            simulator.run(&[0.5, 0.5], times, Key::new(5), &mut record).unwrap();
            last
        };
        assert_eq!(end(&[10.0]), end(&fine));
    }
}

#[test]
fn impossible_reactions_are_errors_that_name_them() {
    let run = |method: Method, rate: &str| {
        let network = Network::builder("bad").species("X", "3").reaction("X ->", rate).build().unwrap();
        let mut record = |_: usize, _: &[f64]| ControlFlow::Continue(());
        Simulator::new(&network, &method).run(&[], &[100.0], Key::new(1), &mut record).unwrap_err().to_string()
    };
    for method in EXACT {
        assert!(run(method, "1").contains("`X ->` fired although `X` was used up"));
        assert!(run(method, "X - 4").contains("the propensity of `X ->` is -1"));
        assert!(run(method, "X / 0").contains("inf"));
        assert!(run(method, "0 / (X - 3)").contains("NaN"));
    }
}

#[test]
fn automatic_choice_follows_the_number_of_events() {
    let choose = |initial: &str| Method::Auto.resolve(&birth_death(initial, 0.2, 0.1), &[0.2, 0.1], 10.0, 1);
    assert_eq!(choose("100").0, Method::Direct);
    assert_eq!(choose("10000000").0, Method::tau_leap());
    assert!(choose("100").1.contains("events"));
    let drug = Network::builder("drug")
        .species("X", "100")
        .variable("dose", "1", "-0.1 * dose")
        .reaction("X ->", "dose * X")
        .build()
        .unwrap();
    let (method, why) = Method::Auto.resolve(&drug, &[], 10.0, 100);
    assert_eq!(method, Method::hybrid());
    assert_eq!(why, "the rate of `X ->` changes between events");
}
