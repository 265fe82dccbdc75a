//! Steps, time and error of the mean field and of linear noise: small models, stiff ones, and larger networks.
//!
//! `cargo bench -p metacascade-engine --bench ode` prints medians; errors are relative to a run at tolerances of 1e-10.

use std::{fmt::Write as _, ops::ControlFlow, time::Instant};

use metacascade_engine::{LinearNoise, Method, Network, Simulator};
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

/// Lesions seeded by a primary that cells leave and regrow, for minutes in the blood: large numbers, small ones, and
/// rates that saturate.
const CASCADE: &str = r#"
name = "cascade"
[species]
E = 1e6
H = 1e4
M = 1e3
CAF = 100
CTL = 1e4
B = 0
L1 = 0
L2 = 0
[rules]
N = "E + H + M"
capacity = "ln(1e10 / N)"
[[reactions]]
equation = "E -> 2 E"
rate = "0.05 * E * capacity"
[[reactions]]
equation = "H -> 2 H"
rate = "0.04 * H * capacity"
[[reactions]]
equation = "M -> 2 M"
rate = "0.03 * M * capacity"
[[reactions]]
equation = "E ->"
rate = "1e-7 * E * CTL + 0.1 * E"
[[reactions]]
equation = "H ->"
rate = "1e-7 * H * CTL + 0.1 * H"
[[reactions]]
equation = "M ->"
rate = "1e-7 * M * CTL + 0.1 * M"
[[reactions]]
equation = "E -> H"
rate = "0.02 * E * (1 + CAF / (CAF + 1000))"
[[reactions]]
equation = "H -> M"
rate = "0.02 * H * (1 + CAF / (CAF + 1000))"
[[reactions]]
equation = "H -> E"
rate = "0.1 * H"
[[reactions]]
equation = "M -> H"
rate = "0.05 * M"
[[reactions]]
equation = "-> CAF"
rate = "100 * N / (N + 1e7)"
[[reactions]]
equation = "CAF ->"
rate = "0.03 * CAF"
[[reactions]]
equation = "-> CTL"
rate = "1.3e4"
[[reactions]]
equation = "-> CTL"
rate = "0.1245 * N * CTL / (2e7 + N)"
[[reactions]]
equation = "CTL ->"
rate = "0.15 * CTL"
[[reactions]]
equation = "H -> B"
rate = "2e-3 * H"
[[reactions]]
equation = "M -> B"
rate = "3e-3 * M"
[[reactions]]
equation = "B ->"
rate = "250 * B"
[[reactions]]
equation = "B -> L1"
rate = "0.01 * B"
[[reactions]]
equation = "L1 -> L2"
rate = "0.02 * L1"
[[reactions]]
equation = "L1 ->"
rate = "0.1 * L1"
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
        ("cascade", Network::from_toml(CASCADE, "cascade")?, 60.0),
        ("ring of 30", ring(30)?, 20.0),
        ("ring of 100", ring(100)?, 20.0),
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
    println!("{:>12}{:>9}{:>14}   linear noise", "model", "steps", "microseconds");
    for (name, network, until) in models.iter().filter(|(_, network, _)| network.species().len() <= 100) {
        let parameters = network.default_parameters();
        let started = Instant::now();
        let (_, stats) = LinearNoise { network, parameters: &parameters, initial: &[], times: &[*until] }.moments()?;
        println!("{name:>12}{:>9}{:>14.1}", stats.steps, 1e6 * started.elapsed().as_secs_f64());
    }
    Ok(())
}
