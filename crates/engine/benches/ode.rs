//! Steps, time and error of the mean field's solver: small models, stiff ones, and a large network.
//!
//! `cargo bench -p metacascade-engine --bench ode` prints medians; errors are relative to a run at tolerances of 1e-10.

use std::{fmt::Write as _, ops::ControlFlow, time::Instant};

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

const ROUNDS: usize = 15;

/// A ring of compartments with hops either way, births and deaths, filled unevenly.
fn ring(size: usize) -> Result<Network, Box<dyn std::error::Error>> {
    let mut source = "name = \"ring\"\n[species]\n".to_owned();
    for site in 0..size {
        writeln!(source, "X{site} = {}", 10 * (1 + site % 13))?;
    }
    for site in 0..size {
        let right = (site + 1) % size;
        for (equation, rate) in [
            (format!("X{site} -> X{right}"), format!("0.5 * X{site}")),
            (format!("X{right} -> X{site}"), format!("0.5 * X{right}")),
            (format!("X{site} -> 2 X{site}"), format!("0.5 * X{site} / (1 + X{site} / 100)")),
            (format!("X{site} ->"), format!("0.1 * X{site}")),
        ] {
            writeln!(source, "[[reactions]]\nequation = \"{equation}\"\nrate = \"{rate}\"")?;
        }
    }
    Ok(Network::from_toml(&source, "ring")?)
}

/// Cells shed by a growing primary that live in the blood for minutes.
const BLOOD: &str = r#"
name = "blood"
[species]
P = 1000
C = 0
L = 0
[[reactions]]
equation = "P -> 2 P"
rate = "0.12 * P"
[[reactions]]
equation = "P -> P + C"
rate = "5 * P"
[[reactions]]
equation = "C ->"
rate = "499 * C"
[[reactions]]
equation = "C -> L"
rate = "1 * C"
"#;

fn end(network: &Network, method: Method, times: &[f64]) -> Result<(Vec<f64>, u64), Box<dyn std::error::Error>> {
    let mut last = Vec::new();
    let mut record = |_: usize, values: &[f64]| {
        last = values[1..=network.species().len()].to_vec();
        ControlFlow::Continue(())
    };
    let mut simulator = Simulator::new(network, &method);
    let stats = simulator.run(&network.default_parameters(), times, Key::new(0), &mut record)?;
    Ok((last, stats.steps))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tight = Method::Ode { relative_tolerance: 1e-10, absolute_tolerance: 1e-10 };
    let models = [
        ("switching", Network::from_toml(include_str!("../../cascade/models/switching.toml"), "switching")?, 30.0),
        ("sir", Network::from_toml(include_str!("../../cascade/models/sir.toml"), "sir")?, 150.0),
        ("blood", Network::from_toml(BLOOD, "blood")?, 40.0),
        ("ring of 30", ring(30)?, 20.0),
        ("ring of 300", ring(300)?, 20.0),
    ];
    println!("{:>12}{:>9}{:>9}{:>14}{:>14}", "model", "times", "steps", "microseconds", "error");
    for (name, network, until) in &models {
        for count in [1_u32, 100] {
            let times: Vec<f64> = (1..=count).map(|index| until * f64::from(index) / f64::from(count)).collect();
            let (reference, _) = end(network, tight, &times)?;
            let (found, steps) = end(network, Method::ode(), &times)?;
            let errors =
                found.iter().zip(&reference).map(|(found, exact)| (found - exact).abs() / exact.abs().max(1.0));
            let error = errors.fold(0.0, f64::max);
            let mut seconds = Vec::new();
            for _ in 0..if network.species().len() > 100 { 1 } else { ROUNDS } {
                let started = Instant::now();
                std::hint::black_box(end(network, Method::ode(), &times)?);
                seconds.push(started.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            let median = 1e6 * seconds[seconds.len() / 2];
            println!("{name:>12}{count:>9}{steps:>9}{median:>14.1}{error:>14.1e}");
        }
    }
    Ok(())
}
