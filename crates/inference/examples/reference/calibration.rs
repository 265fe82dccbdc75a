//! Simulation-based calibration of the methods (Talts et al. 2018, arXiv:1804.06788).

use std::time::Instant;

use metacascade_inference::diagnostics::{LEVELS, calibrate_with};
use metacascade_inference::reference::{self, Case};

use super::{
    fit::{Effort, fit},
    wanted,
};

/// Seed of truths and data.
const SEED: u64 = 2024;

/// Calibrates methods on problems, and prints a line a parameter, and to standard error a line a fit. What ends in `-raw` is
/// a method's posterior before regression adjustment.
pub fn run(methods: &str, problems: &str, replicates: usize, simulations: u64) {
    // Ranks need no more draws than there are data sets.
    let effort = Effort { simulations, draws: replicates as f64 };
    let levels: Vec<String> = LEVELS.iter().map(|level| format!("cover_{:.0}", 100.0 * level)).collect();
    println!("problem\tmethod\tparameter\treplicates\tfailures\tinside\t{}", levels.join("\t"));
    for problem in reference::all() {
        if !wanted(problems, problem.name()) {
            continue;
        }
        for method in methods.split(',') {
            let simulate = |proposal: metacascade_inference::Proposal| {
                let data = problem.simulate(&proposal.parameters, proposal.key)?;
                Ok(Case::new(&*problem, proposal.parameters, data))
            };
            let study = calibrate_with(problem.parameters(), replicates, SEED, simulate, |case, replicate| {
                let started = Instant::now();
                let fitted = fit(&case, method.trim_end_matches("-raw"), effort, replicate as u64 + 1);
                // A study may take hours.
                let (seconds, simulations) = (started.elapsed().as_secs_f64(), fitted.simulations);
                let warnings = fitted.warnings.join(" ");
                eprintln!("{}\t{method}\t{replicate}\t{simulations}\t{seconds:.1} s\t{warnings}", problem.name());
                Some(Ok(if method.ends_with("-raw") { fitted.raw.expect("adjusted") } else { fitted.posterior }))
            });
            for parameter in &study.parameters {
                let coverage: Vec<String> = parameter.coverage.iter().map(|share| format!("{share:.3}")).collect();
                println!(
                    "{}\t{method}\t{}\t{}\t{}\t{}\t{}",
                    problem.name(),
                    parameter.name,
                    study.replicates,
                    study.failures,
                    parameter.inside,
                    coverage.join("\t")
                );
            }
        }
    }
}
