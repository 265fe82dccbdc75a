//! Cost of a trajectory of the hybrid method against the size of the primary, with the same expected number of
//! metastases: primaries that grow tenfold shed cells into the blood, of which a few found lesions that grow.
//!
//! `cargo bench -p metacascade-engine --bench hybrid` prints microseconds a trajectory, medians of interleaved rounds.

use std::{ops::ControlFlow, time::Instant};

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

const SIZES: [f64; 4] = [1e4, 1e6, 1e9, 1e11];
const ROUNDS: u64 = 11;
const TRAJECTORIES: u64 = 100;
/// Expected number of metastases.
const METASTASES: f64 = 10.0;
const GROWTH: f64 = 0.1;

fn cascade(size: f64) -> Result<Network, Box<dyn std::error::Error>> {
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let networks = SIZES.map(cascade).into_iter().collect::<Result<Vec<_>, _>>()?;
    let end = 10_f64.ln() / GROWTH;
    let mut times = vec![Vec::new(); SIZES.len()];
    let mut metastases = vec![0.0; SIZES.len()];
    let mut work = vec![(0, 0); SIZES.len()];
    for round in 0..ROUNDS {
        for (index, network) in networks.iter().enumerate() {
            let mut simulator = Simulator::new(network, &Method::hybrid());
            let started = Instant::now();
            for trajectory in 0..TRAJECTORIES {
                let key = Key::new(round).child(trajectory);
                let mut record = |_: usize, values: &[f64]| {
                    metastases[index] += values[3];
                    ControlFlow::Continue(())
                };
                let stats = simulator.run(&[], &[end], key, &mut record)?;
                work[index].0 += stats.steps;
                work[index].1 += stats.events;
            }
            times[index].push(started.elapsed().as_secs_f64() / TRAJECTORIES as f64);
        }
    }
    println!("{:>10}{:>16}{:>14}{:>10}{:>10}", "cells", "us a trajectory", "metastases", "steps", "events");
    for (index, times) in times.iter_mut().enumerate() {
        times.sort_by(f64::total_cmp);
        let n = (ROUNDS * TRAJECTORIES) as f64;
        println!(
            "{:>10.0e}{:>16.1}{:>14.2}{:>10.0}{:>10.0}",
            SIZES[index],
            times[times.len() / 2] * 1e6,
            metastases[index] / n,
            work[index].0 as f64 / n,
            work[index].1 as f64 / n
        );
    }
    Ok(())
}
