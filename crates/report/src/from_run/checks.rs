//! Whether the data look like data sets simulated from the posterior: predictive p-values and probability integral
//! transforms.

use metacascade_inference::{diagnostics::UniformBand, moments};
use metacascade_problem::{Replicates, Run, kaplan_meier, survival_at};
use metacascade_random::{Key, rand::RngExt as _};

use super::{parts::rows, survival::in_words};
use crate::content::{CalibratedParameter, Calibration, Check};

/// Measurements from which on their transforms are drawn.
const FEWEST: usize = 10;

/// Measurements whose transforms are looked at, at most, evenly chosen.
const MOST: usize = 2000;

/// Times at which two survival curves are compared.
const GRID: usize = 200;

/// The children of the seed's key that break ties of discrete measurements, and that the bands are simulated from.
const TIES: u64 = 0x7069_7400;
const BAND: u64 = 0x6261_6e64;

/// One check for each observable that was measured, and one for each endpoint.
pub fn checks(run: &Run) -> Vec<Check> {
    let Some(replicates) = run.replicates.as_ref().filter(|replicates| replicates.draws.len() > 1) else {
        return Vec::new();
    };
    let rows = rows(&run.problem);
    let mut random = Key::new(run.settings.seed).child(TIES).stream();
    let mut checks = Vec::new();
    for (index, observable) in run.problem.observables().iter().enumerate() {
        // What is known as a range only has no place among the simulated values.
        let items: Vec<usize> = (0..rows.len())
            .filter(|&item| rows[item].observable == index && !rows[item].measurement.reading.is_censored())
            .collect();
        if items.is_empty() {
            continue;
        }
        let value = |item: usize| rows[item].measurement.value;
        let pit: Vec<f64> = items
            .iter()
            .step_by(items.len().div_ceil(MOST))
            .map(|&item| {
                let level: f64 = random.random();
                transform(replicates.measurements.iter().map(|set| set[item]), value(item), level)
            })
            .collect();
        let band = UniformBand::new(pit.len(), Key::new(run.settings.seed).child(BAND).child(index as u64));
        let shown = pit.len() >= FEWEST;
        // There is a series for each subject.
        let subjects = run.problem.series().iter().filter(|series| series.observable == index).count();
        checks.push(Check {
            repeated: items.len() > subjects,
            name: observable.name.clone(),
            of: "scatter about the model".into(),
            p_value: scatter(replicates, &items, value, observable.noise.is_logarithmic()),
            inside: band.holds(&pit),
            band: if shown { band.ends().collect() } else { Vec::new() },
            pit: if shown { pit } else { Vec::new() },
        });
    }
    for (index, endpoint) in run.problem.endpoints().iter().enumerate() {
        let items: Vec<usize> =
            (0..run.problem.survival().len()).filter(|&row| run.problem.survival()[row].endpoint == index).collect();
        checks.push(Check {
            name: format!("time until {}", in_words(&endpoint.formula)),
            of: "distance of the Kaplan–Meier curve from the model's".into(),
            p_value: distance(run, replicates, &items),
            pit: Vec::new(),
            band: Vec::new(),
            inside: true,
            repeated: false,
        });
    }
    checks
}

/// What was found of the method, if it was studied.
pub fn calibration(run: &Run) -> Option<Calibration> {
    let study = run.calibration.as_ref().filter(|study| study.replicates > 0)?;
    let band = UniformBand::new(study.replicates, Key::new(run.settings.seed).child(BAND));
    let of = |found: &metacascade_inference::diagnostics::Calibration| CalibratedParameter {
        name: found.name.clone(),
        ranks: found.ranks.clone(),
        coverage: found.coverage,
        inside: found.inside,
    };
    Some(Calibration {
        replicates: study.replicates,
        failures: study.failures,
        parameters: study.parameters.iter().map(of).collect(),
        band: band.ends().collect(),
    })
}

/// The share of values below one, and a random share of those that equal it (Czado, Gneiting & Held 2009, Biometrics
/// 65:1254); the value itself counts as one of them, so that as many ranks are possible as there are values and one.
fn transform(simulated: impl Iterator<Item = f64>, value: f64, level: f64) -> f64 {
    let (mut below, mut equal, mut all) = (0.0, 1.0, 1.0);
    for other in simulated {
        all += 1.0;
        match other.total_cmp(&value) {
            std::cmp::Ordering::Less => below += 1.0,
            std::cmp::Ordering::Equal => equal += 1.0,
            std::cmp::Ordering::Greater => {}
        }
    }
    (below + level * equal) / all
}

/// The p-value of the sum of squared deviations from the model's mean, in units of its standard deviation (Gelman, Meng &
/// Stern 1996, Stat. Sinica 6:733), of logarithms where noise is that of the logarithm and no value is 0.
fn scatter(replicates: &Replicates, items: &[usize], value: impl Fn(usize) -> f64, is_logarithmic: bool) -> f64 {
    let positive = items.iter().all(|&item| replicates.measurements.iter().all(|set| set[item] > 0.0));
    let scaled = |value: f64| if is_logarithmic && positive { value.ln() } else { value };
    let sets: Vec<Vec<f64>> =
        replicates.measurements.iter().map(|set| items.iter().map(|&item| scaled(set[item])).collect()).collect();
    let equal = vec![1.0 / sets.len() as f64; sets.len()];
    let law = |index: usize| moments(&sets.iter().map(|set| set[index]).collect::<Vec<f64>>(), &equal);
    let laws: Vec<(f64, f64)> = (0..items.len()).map(law).collect();
    let sum = |values: &[f64]| {
        let terms = values.iter().zip(&laws).filter(|(_, (_, variance))| *variance > 0.0);
        terms.map(|(value, (mean, variance))| (value - mean).powi(2) / variance).sum::<f64>()
    };
    let data = sum(&items.iter().map(|&item| scaled(value(item))).collect::<Vec<f64>>());
    sets.iter().filter(|set| sum(set) >= data).count() as f64 / sets.len() as f64
}

/// The p-value of the largest distance of a Kaplan–Meier curve from the mean of all simulated ones.
fn distance(run: &Run, replicates: &Replicates, items: &[usize]) -> f64 {
    let row = |item: usize| &run.problem.survival()[item];
    let end = items.iter().map(|&item| row(item).time).fold(0.0, f64::max);
    let times: Vec<f64> = (1..=GRID).map(|index| end * index as f64 / GRID as f64).collect();
    let shares = |observed: Vec<(f64, bool)>| -> Vec<f64> {
        let curve = kaplan_meier(&observed);
        times.iter().map(|&time| survival_at(&curve, time)).collect()
    };
    let data = shares(items.iter().map(|&item| (row(item).time, row(item).event)).collect());
    let simulated: Vec<Vec<f64>> = replicates
        .survival
        .iter()
        .map(|set| shares(items.iter().map(|&item| (set[item].time, set[item].event)).collect()))
        .collect();
    let mean: Vec<f64> = (0..GRID)
        .map(|index| simulated.iter().map(|shares| shares[index]).sum::<f64>() / simulated.len() as f64)
        .collect();
    let largest = |shares: &[f64]| shares.iter().zip(&mean).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let found = largest(&data);
    simulated.iter().filter(|shares| largest(shares) >= found).count() as f64 / simulated.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transform_is_a_rank_among_simulated_values() {
        let simulated = || [1.0, 2.0, 2.0, 5.0].into_iter();
        // Below all, above all, and in the middle of three that are equal.
        for (value, level, expected) in [(0.0, 0.5, 0.1), (9.0, 0.5, 0.9), (2.0, 0.5, 0.5), (2.0, 0.0, 0.2)] {
            assert!((transform(simulated(), value, level) - expected).abs() < 1e-12, "{value}");
        }
    }

    /// Every second of 100 data sets deviates by 1, the others by 3: data that deviate by 2 lie between.
    #[test]
    fn the_p_value_is_the_share_of_data_sets_that_deviate_more() {
        let sets: Vec<Vec<f64>> = (0..100)
            .map(|set| vec![if set % 4 < 2 { 1.0 } else { -1.0 } * if set % 2 == 0 { 1.0 } else { 3.0 }])
            .collect();
        let replicates = Replicates { draws: (0..100).collect(), measurements: sets, survival: vec![Vec::new(); 100] };
        assert_eq!(scatter(&replicates, &[0], |_| 2.0, false), 0.5);
        assert_eq!(scatter(&replicates, &[0], |_| 0.0, false), 1.0);
        assert_eq!(scatter(&replicates, &[0], |_| -4.0, true), 0.0);
    }
}
