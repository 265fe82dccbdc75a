//! How often intervals cover the truth: data sets are simulated from known parameters and fitted as a user would.

use std::{fmt::Write, fs, path::Path};

use metacascade_inference::abc_smc;
use metacascade_problem::{Problem, ProblemSimulator};
use metacascade_random::Key;

use crate::{copy, dataset};

/// The SW620 problem's parameters as simulated from: k_AB, k_BA (per day), s.d. of a measured fraction.
pub const TRUTH: [f64; 3] = [0.0721, 0.1335, 0.03];

/// Share of the posterior within the intervals counted.
pub const LEVEL: f64 = 0.9;

/// The hits of a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Data sets.
    pub datasets: usize,
    /// For each parameter, how many intervals cover the truth.
    pub hits: Vec<usize>,
}

impl Coverage {
    /// The share of all intervals that cover their truth.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.hits.iter().sum::<usize>() as f64 / (self.datasets * self.hits.len()) as f64
    }
}

/// Fits data sets `0..datasets` simulated from [`TRUTH`]; `tell` hears of each, with its intervals.
///
/// # Panics
/// If a data set cannot be simulated, written or fitted.
pub fn study(datasets: usize, population: usize, mut tell: impl FnMut(usize, &[(f64, f64)])) -> Coverage {
    let original = Problem::load(&dataset("sw620-switching")).expect("the dataset is right");
    let simulator = ProblemSimulator::new(&original, &original.simulation().method());
    let mut coverage = Coverage { datasets, hits: vec![0; TRUTH.len()] };
    for index in 0..datasets {
        let data = simulator.data(&TRUTH, Key::new(2024).child(index as u64)).expect("the truth can be simulated");
        let (_place, folder) = copy(&dataset("sw620-switching"));
        write(&original, &data, &folder.join("measurements.tsv"));
        let problem = Problem::load(&folder).expect("the simulated problem is right");
        let simulator = ProblemSimulator::new(&problem, &problem.simulation().method());
        let settings = abc_smc::Settings { population, seed: index as u64, ..abc_smc::Settings::default() };
        let fit = abc_smc::run(&simulator, &settings, &mut ()).expect("the problem can be fitted");
        let ends = |parameter: usize| {
            let quantiles = fit.posterior.quantiles(parameter);
            (quantiles.at(0.5 - 0.5 * LEVEL), quantiles.at(0.5 + 0.5 * LEVEL))
        };
        let intervals: Vec<(f64, f64)> = (0..TRUTH.len()).map(ends).collect();
        for (hits, (truth, (lower, upper))) in coverage.hits.iter_mut().zip(TRUTH.iter().zip(&intervals)) {
            *hits += usize::from((lower..=upper).contains(&truth));
        }
        tell(index, &intervals);
    }
    coverage
}

/// Writes a data set as a measurement table: series after series, each in order of time.
fn write(problem: &Problem, data: &[f64], file: &Path) {
    let mut table = "observableId\texperimentId\ttime\tmeasurement\n".to_owned();
    let mut values = data.iter();
    for series in problem.series() {
        let observable = &problem.observables()[series.observable].id;
        let experiment = &problem.experiments()[series.experiment].id;
        for (row, value) in series.measurements.iter().zip(&mut values) {
            writeln!(table, "{observable}\t{experiment}\t{}\t{value}", row.time).expect("writing to a string");
        }
    }
    fs::write(file, table).expect("the table can be written");
}
