//! Cost of one patient of `cascade-tme`: from a primary of 1 mm3 over diagnosis and resection to 20 years of follow-up,
//! for primaries of 1e9 and 1e11 cells at resection.
//!
//! `cargo bench -p metacascade-cascade --bench patient` prints medians over patients of one thread.

use std::ops::ControlFlow;
use std::time::Instant;

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

const PATIENTS: u64 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = metacascade_cascade::model("cascade-tme").ok_or("no model")?;
    let network = Network::from_toml(model, "cascade-tme")?;
    println!(
        "{:>10}{:>10}{:>14}{:>10}{:>10}{:>10}{:>10}",
        "resected", "threshold", "ms a patient", "steps", "events", "lesions", "detected"
    );
    for (size, capacity, adaptation, threshold) in
        [(1e9, 1e12, 4e-3, 1000.0), (1e9, 1e12, 4e-3, 100.0), (1e11, 1e14, 4e-5, 1000.0), (1e11, 1e14, 4e-5, 100.0)]
    {
        let mut parameters = network.under_arms(&["patient", "surgery"]).map_err(str::to_owned)?;
        let mut set = |name: &str, value: f64| {
            if let Some(index) = network.parameter_index(name) {
                parameters[index] = value;
            }
        };
        set("diagnosis_size", size);
        set("capacity", capacity);
        set("growth_spread", 0.0);
        set("emission_spread", 0.0);
        set("adaptation", adaptation);
        let mut simulator = Simulator::new(&network, &Method::Hybrid { threshold, tolerance: 1e-5 });
        let slots = ["metastases", "detected", "nodes"].map(|name| network.slot(name).unwrap_or_default());
        let (mut times, mut totals, mut work) = (Vec::new(), [0.0; 3], (0, 0));
        for patient in 0..PATIENTS {
            let mut record = |_: usize, values: &[f64]| {
                for (total, slot) in totals.iter_mut().zip(slots) {
                    *total += values[slot];
                }
                ControlFlow::Continue(())
            };
            let started = Instant::now();
            let end = 600.0 + 20.0 * 365.25;
            let stats = simulator.run(&parameters, &[end], Key::new(1).child(patient), &mut record)?;
            times.push(started.elapsed().as_secs_f64());
            work = (work.0 + stats.steps, work.1 + stats.events);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{size:>10.0e}{threshold:>10}{:>14.2}{:>10}{:>10}{:>10.1}{:>10.1}",
            1e3 * times[times.len() / 2],
            work.0 / PATIENTS,
            work.1 / PATIENTS,
            (totals[0] + totals[2]) / PATIENTS as f64,
            totals[1] / PATIENTS as f64
        );
    }
    Ok(())
}
