//! A primary that grows without chance, N = e^{gt}, seeds at the rate μ·N^γ: seeds are a Poisson process, with the mean
//! μ (N^γ − 1) / (γ g) by the time the primary has N cells.

use std::f64::consts::LN_2;

use metacascade_engine::{Lesions, Method, Network};

use crate::{STOCHASTIC, TIMED, assert_poisson, assert_share, ends};

const SEEDING: f64 = 1e-9;
const SIZE: f64 = 1e9;

fn mean(exponent: f64) -> f64 {
    SEEDING * (SIZE.powf(exponent) - 1.0) / (exponent * LN_2 / 60.0)
}

/// The primary as a variable, which integrating methods follow, or as a function of time; seeds as a count or as lesions.
fn network(exponent: f64, variable: bool, lesions: bool) -> Network {
    let builder = Network::builder("seeding").parameter("grow", LN_2 / 60.0).parameter("gamma", exponent);
    let builder = match variable {
        true => builder.variable("N", "1", "grow * N"),
        false => builder.rule("N", "exp(grow * time)"),
    };
    let (builder, equation) = match lesions {
        true => (builder.lesions(Lesions::new("S", "0.5", "0.4")), "-> S"),
        false => (builder.species("S", "0"), "-> S"),
    };
    builder.reaction(equation, "1e-9 * N^gamma").build().unwrap()
}

fn end() -> f64 {
    60.0 * SIZE.log2()
}

#[test]
fn poisson_seeding_in_proportion_to_cells() {
    assert!((mean(1.0) - 86.56).abs() < 0.01);
    for method in TIMED {
        for (variable, lesions) in [(true, false), (false, false), (true, true)] {
            if variable && method != Method::hybrid() {
                continue;
            }
            let name = if lesions { "S_founded" } else { "S" };
            let seeds = ends(&network(1.0, variable, lesions), method, name, end(), 4000, 1);
            assert_poisson(&method.to_string(), &seeds, mean(1.0));
        }
    }
    let field = ends(&network(1.0, true, false), Method::ode(), "S", end(), 1, 1)[0];
    assert!((field / mean(1.0) - 1.0).abs() < 1e-4, "{field}");
}

#[test]
fn poisson_seeding_in_proportion_to_surface() {
    let exponent = 2.0 / 3.0;
    let none = (-mean(exponent)).exp();
    assert!((mean(exponent) - 0.129_842).abs() < 1e-6 && (none - 0.878_234).abs() < 1e-6);
    for method in TIMED {
        for (variable, lesions) in [(true, false), (false, false), (true, true)] {
            if variable && method != Method::hybrid() {
                continue;
            }
            let name = if lesions { "S_founded" } else { "S" };
            let seeds = ends(&network(exponent, variable, lesions), method, name, end(), 8000, 2);
            assert_poisson(&method.to_string(), &seeds, mean(exponent));
            let empty = seeds.iter().filter(|seeds| **seeds == 0.0).count() as f64;
            assert_share(&format!("{method}: none"), empty, 8000.0, none);
        }
    }
}

/// What methods that know no time of their own make of it is an error, not a number.
#[test]
fn exact_methods_refuse_rates_that_change_by_themselves() {
    use metacascade_engine::Simulator;
    use metacascade_random::Key;
    for method in STOCHASTIC.into_iter().filter(|method| method.is_exact()) {
        for variable in [true, false] {
            let network = network(1.0, variable, false);
            let mut ignore = |_: usize, _: &[f64]| std::ops::ControlFlow::Continue(());
            let parameters = network.default_parameters();
            let result = Simulator::new(&network, &method).run(&parameters, &[end()], Key::new(1), &mut ignore);
            assert!(result.is_err(), "{method}");
        }
    }
}
