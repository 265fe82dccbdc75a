//! Cost of a trajectory of the hybrid method against the size of the primary, with the same expected number of
//! metastases.
//!
//! - `cascade`: primaries that grow tenfold shed cells into the blood, of which a few found clones that grow.
//! - `stages`: five stages and one kind of lesions; the primary is resected, 20 years of follow-up, about 100 lesions.
//! - `patient`: the same with a microenvironment, four organs, dormancy and lesions of lesions (`models/patient.toml`).
//! - `lesions`: 10⁵ lesions in one subject.
//!
//! `cargo bench -p metacascade-engine --bench hybrid` prints microseconds a trajectory, medians over interleaved rounds;
//! with a name behind `--`, that row alone.

use std::{ops::ControlFlow, time::Instant};

use metacascade_engine::{Law, Lesions, Method, Network, Simulator};
use metacascade_random::Key;

/// Expected number of metastases of `cascade`.
const METASTASES: f64 = 10.0;
const GROWTH: f64 = 0.1;
const YEARS: f64 = 365.25;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Primaries that grow tenfold.
fn cascade(size: f64) -> Outcome<Network> {
    // One cell in a hundred thousand that are shed founds a metastasis, from a large primary; from a small one, which
    // sheds less, each has a better chance.
    let success = (METASTASES / (0.1 * size)).clamp(1e-5, 1e-2);
    let shed = METASTASES * GROWTH / (0.9 * size * success);
    let builder = Network::builder("cascade")
        .species("P", &format!("{:e}", 0.1 * size))
        .species("C", "0")
        .species("S", "0")
        .species("M", "0")
        .reaction("P -> 2 P", "0.3 * P")
        .reaction("P ->", "0.2 * P")
        .reaction("P -> P + C", &format!("{shed:e} * P"))
        .reaction("C ->", &format!("{:e} * C", 17.0 * (1.0 - success)))
        .reaction("C -> S", &format!("{:e} * C", 17.0 * success))
        .reaction("S -> S + M", "0.02 * S")
        .reaction("M -> 2 M", "0.3 * M")
        .reaction("M ->", "0.2 * M");
    Ok(builder.build()?)
}

/// A primary that switches and sheds until it is resected, and lesions that grow from single cells.
fn stages(size: f64) -> Outcome<Network> {
    let lesions = Lesions::new("lung", "0.06", "0.05").growth("0.001 * ln(1e11 / size)").detection("1e7");
    let found = 6e2 / size;
    let builder = Network::builder("stages")
        .species("E", "1e6")
        .species("M", "0")
        .species("C", "0")
        .rule("primary", "E + M")
        .rule("gompertz", &format!("0.002 * max(0, ln({:e} / max(primary, 1)))", 17.0 * size))
        .reaction("E -> 2 E", "(0.1 + gompertz) * E")
        .reaction("E ->", "0.1 * E")
        .reaction("M -> 2 M", "(0.1 + gompertz) * M")
        .reaction("M ->", "0.1 * M")
        .reaction("E -> M", "0.0721 * E")
        .reaction("M -> E", "0.1335 * M")
        .reaction("M -> C", "3.2e-3 * M")
        .reaction("C ->", &format!("{:e} * C", 17.0 * (1.0 - found)))
        .reaction("C -> lung", &format!("{:e} * C", 17.0 * found))
        .lesions(lesions)
        .event_when(&format!("E + M >= {size:e}"), &[("E", "0"), ("M", "0")]);
    Ok(builder.build()?)
}

/// The same in a microenvironment.
fn patient(size: f64) -> Outcome<Network> {
    let text = include_str!("models/patient.toml");
    let text = text.replace("resection_size = 1e9", &format!("resection_size = {size:e}"));
    Ok(Network::from_toml(&text.replace("seeding = 1.0", &format!("seeding = {:e}", 1e11 / size)), "patient.toml")?)
}

/// 10⁵ lesions founded over a year, which grow to detection and emit.
fn crowd(founded: f64) -> Outcome<Network> {
    let lesions = Lesions::new("lung", "0.3", "0.25")
        .growth("rate * ln(1e11 / size)")
        .own("rate", Law::Lognormal, "0.002", "0.3")
        .emission("1e-13 * size^0.66")
        .dormant("0.3", "0.001", "0.001")
        .detection("1e7");
    let builder = Network::builder("crowd").species("P", "1e9").lesions(lesions);
    let builder = builder.reaction("P -> P + lung", &format!("{:e} * P", founded / YEARS * 1e-9));
    Ok(builder.reaction("-> lung", "lung_emission").event(&YEARS.to_string(), &[("P", "0")]).build()?)
}

/// A table of the benchmark: a model by size, its end, and the symbol of which the mean is shown.
struct Row {
    name: &'static str,
    model: fn(f64) -> Outcome<Network>,
    sizes: &'static [f64],
    end: f64,
    shown: &'static [&'static str],
    rounds: u64,
    trajectories: u64,
}

fn main() -> Outcome<()> {
    let four = &["lung_founded", "liver_founded", "bone_founded", "brain_founded"];
    let rows = [
        Row {
            name: "cascade",
            model: cascade,
            sizes: &[1e4, 1e6, 1e9, 1e11],
            end: 10_f64.ln() / GROWTH,
            shown: &["M"],
            rounds: 11,
            trajectories: 100,
        },
        Row {
            name: "stages",
            model: stages,
            sizes: &[1e9, 1e11],
            end: 23.0 * YEARS,
            shown: &["lung_founded"],
            rounds: 11,
            trajectories: 20,
        },
        Row {
            name: "patient",
            model: patient,
            sizes: &[1e9, 1e11],
            end: 23.0 * YEARS,
            shown: four,
            rounds: 11,
            trajectories: 5,
        },
        Row {
            name: "lesions",
            model: crowd,
            sizes: &[1e5],
            end: 20.0 * YEARS,
            shown: &["lung_founded"],
            rounds: 3,
            trajectories: 1,
        },
    ];
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for row in rows.iter().filter(|row| asked.as_ref().is_none_or(|name| name == row.name)) {
        measure(row)?;
    }
    Ok(())
}

fn measure(row: &Row) -> Outcome<()> {
    let networks = row.sizes.iter().map(|&size| (row.model)(size)).collect::<Result<Vec<_>, _>>()?;
    let mut times = vec![Vec::new(); networks.len()];
    let mut shown = vec![0.0; networks.len()];
    let mut work = vec![(0, 0); networks.len()];
    for round in 0..row.rounds {
        for (index, network) in networks.iter().enumerate() {
            let slots: Vec<usize> = row.shown.iter().filter_map(|name| network.slot(name)).collect();
            let parameters = network.default_parameters();
            let mut simulator = Simulator::new(network, &Method::hybrid());
            for trajectory in 0..row.trajectories {
                let key = Key::new(round).child(trajectory);
                let mut record = |_: usize, values: &[f64]| {
                    shown[index] += slots.iter().map(|&slot| values[slot]).sum::<f64>();
                    ControlFlow::Continue(())
                };
                let started = Instant::now();
                let stats = simulator.run(&parameters, &[row.end], key, &mut record)?;
                times[index].push(started.elapsed().as_secs_f64());
                work[index].0 += stats.steps;
                work[index].1 += stats.events;
            }
        }
    }
    println!(
        "{:>10}{:>10}{:>16}{:>14}{:>10}{:>10}",
        row.name, "cells", "us a trajectory", "metastases", "steps", "events"
    );
    for (index, times) in times.iter_mut().enumerate() {
        times.sort_by(f64::total_cmp);
        let n = times.len() as f64;
        println!(
            "{:>20.0e}{:>16.1}{:>14.2}{:>10.0}{:>10.0}",
            row.sizes[index],
            times[times.len() / 2] * 1e6,
            shown[index] / n,
            work[index].0 as f64 / n,
            work[index].1 as f64 / n
        );
    }
    Ok(())
}
