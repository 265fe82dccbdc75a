//! Cost of an event against the size of the network: rings of compartments with hops either way, births and deaths.
//!
//! `cargo bench -p metacascade-engine --bench scaling` prints nanoseconds an event, medians of interleaved rounds.

use std::{ops::ControlFlow, time::Instant};

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

const METHODS: [Method; 3] = [Method::Direct, Method::NextReaction, Method::CompositionRejection];
const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
const ROUNDS: usize = 5;
/// Events of one measurement.
const EVENTS: f64 = 4e5;
/// The direct method's cost grows with the size: larger networks would take minutes.
const LARGEST_DIRECT: usize = 1_000;

/// 10 cells in each compartment, hops of rate 1 to either side, a birth a unit of time, deaths of rate .1.
fn ring(size: usize) -> Result<Network, Box<dyn std::error::Error>> {
    let mut builder = Network::builder("ring");
    for site in 0..size {
        builder = builder.species(&format!("X{site}"), "10");
    }
    for site in 0..size {
        let (left, right) = ((site + size - 1) % size, (site + 1) % size);
        builder = builder
            .reaction(&format!("X{site} -> X{right}"), &format!("1 * X{site}"))
            .reaction(&format!("X{site} -> X{left}"), &format!("1 * X{site}"))
            .reaction(&format!("-> X{site}"), "1")
            .reaction(&format!("X{site} ->"), &format!("0.1 * X{site}"));
    }
    Ok(builder.build()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:>12}{:>12}{:>16}{:>24}   ns an event",
        "compartments", "direct", "next-reaction", "composition-rejection"
    );
    for size in SIZES {
        let network = ring(size)?;
        let end = EVENTS / (22.0 * size as f64);
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); METHODS.len()];
        for round in 0..ROUNDS {
            for (method, times) in METHODS.iter().zip(&mut times) {
                if *method == Method::Direct && size > LARGEST_DIRECT {
                    continue;
                }
                let mut simulator = Simulator::new(&network, method);
                // The start, where all propensities are computed, is not counted.
                let mut started = Instant::now();
                let mut record = |index: usize, values: &[f64]| {
                    if index == 0 {
                        started = Instant::now();
                    }
                    std::hint::black_box(values);
                    ControlFlow::Continue(())
                };
                let stats = simulator.run(&[], &[0.1 * end, end], Key::new(round as u64), &mut record)?;
                times.push(started.elapsed().as_secs_f64() / (0.9 * stats.events as f64));
            }
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).map_or("–".to_owned(), |seconds| format!("{:.0}", seconds * 1e9))
        };
        let [direct, next, composition] = [0, 1, 2].map(|index| median(&mut times[index]));
        println!("{size:>12}{direct:>12}{next:>16}{composition:>24}");
    }
    Ok(())
}
