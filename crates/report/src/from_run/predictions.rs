//! Measurements beside what the posterior predicts.

use std::collections::BTreeMap;

use metacascade_inference::Quantiles;
use metacascade_problem::{NoiseDistribution, Predictive, Problem, Run};

use super::{parts::arm, samples::Samples};
use crate::{
    content::{Band, Measurement, Observable, Series},
    number::count,
};

/// An observable and an experiment, by position.
type Place = (usize, usize);

/// Groups of subjects up to which each has a panel of its own.
const GROUPS: usize = 16;

/// Values that span more than this factor are shown on a logarithmic axis.
const LOG_FACTOR: f64 = 30.0;

/// Measurements that are drawn and listed: more would make a page that no browser likes.
const SHOWN: usize = 4000;

/// Leaves as many measurements as a page bears, evenly chosen from each series, and says so.
pub fn thin(observables: &mut [Observable]) -> Option<String> {
    let all: usize = observables.iter().flat_map(|observable| &observable.series).map(|series| series.data.len()).sum();
    let step = all.div_ceil(SHOWN);
    if step < 2 {
        return None;
    }
    let mut shown = 0;
    for series in observables.iter_mut().flat_map(|observable| &mut observable.series) {
        let mut place = 0;
        series.data.retain(|_| {
            place += 1;
            place % step == 1
        });
        shown += series.data.len();
    }
    Some(format!(
        "Of {} measurements, {} are drawn and listed, evenly chosen; all numbers are of all of them.",
        count(all as u64),
        count(shown as u64)
    ))
}

/// All observables that were measured, in the order of the problem.
pub fn observables(run: &Run, samples: &Samples<'_>) -> Vec<Observable> {
    let problem = &run.problem;
    let mut data = measurements(problem);
    let bands = run.predictive.as_ref().map(bands).unwrap_or_default();
    let several = problem.experiments().len() > 1;
    let mut observables = Vec::new();
    for (index, observable) in problem.observables().iter().enumerate() {
        let places: Vec<(Place, Option<usize>)> = data.keys().copied().filter(|key| key.0.0 == index).collect();
        let one = |key: (Place, Option<usize>)| {
            let names = several.then(|| arm(problem, key.0.1)).into_iter();
            let names: Vec<String> = names.chain(key.1.map(|group| problem.groups()[group].clone())).collect();
            Series {
                arm: names.join(", "),
                data: data.remove(&key).unwrap_or_default(),
                // All groups of an arm have the prediction for a subject of a group of their kind.
                bands: bands.get(&key.0).cloned().unwrap_or_default(),
            }
        };
        let series: Vec<Series> = places.into_iter().map(one).collect();
        if series.is_empty() {
            continue;
        }
        observables.push(Observable {
            id: observable.id.clone(),
            name: observable.name.clone(),
            unit: observable.unit.clone(),
            log_axis: spans_decades(&series),
            over_time: !samples.replaces(index),
            series,
        });
    }
    observables
}

/// The measurements at each place, and of each group of subjects, if there are not too many.
fn measurements(problem: &Problem) -> BTreeMap<(Place, Option<usize>), Vec<Measurement>> {
    let mut data: BTreeMap<(Place, Option<usize>), Vec<Measurement>> = BTreeMap::new();
    let grouped = (2..=GROUPS).contains(&problem.groups().len());
    for series in problem.series() {
        let subject = &problem.trajectories()[series.trajectory];
        let replicate = match (subject.replicate.is_empty(), subject.repetition) {
            (_, 0) => subject.replicate.clone(),
            (true, repetition) => format!("{}", repetition + 1),
            (false, repetition) => format!("{} ({})", subject.replicate, repetition + 1),
        };
        let noise = problem.observables()[series.observable].noise;
        let group = subject.subject.filter(|_| grouped).and_then(|subject| problem.subjects()[subject].group);
        let rows = data.entry(((series.observable, series.experiment), group)).or_default();
        rows.extend(series.measurements.iter().map(|row| Measurement {
            time: row.time,
            // On the scale of the model's value, as predictions are.
            value: row.level(),
            sd: row.noise.filter(|_| noise == NoiseDistribution::Normal).map(|sd| sd / row.exposure),
            found_of:
                (noise.is_of_trials() || noise == NoiseDistribution::Multinomial).then_some((row.value, row.exposure)),
            replicate: replicate.clone(),
        }));
    }
    data
}

/// At each time, the median of the model without noise, and quantiles of the predictions, noise included.
fn bands(predictive: &Predictive) -> BTreeMap<Place, Vec<Band>> {
    let mut found: BTreeMap<Place, Vec<[f64; 3]>> = BTreeMap::new();
    for row in 0..predictive.time.len() {
        let place = (predictive.observable[row], predictive.experiment[row]);
        let values = [predictive.time[row], predictive.simulation[row], predictive.prediction[row]];
        found.entry(place).or_default().push(values);
    }
    let bands = found.into_iter().map(|(place, mut rows)| {
        rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let band = |rows: &[[f64; 3]]| {
            let quantiles =
                |column: usize| Quantiles::unweighted(&rows.iter().map(|row| row[column]).collect::<Vec<f64>>());
            let (model, prediction) = (quantiles(1), quantiles(2));
            Band {
                time: rows[0][0],
                median: model.at(0.5),
                lower50: prediction.at(0.25),
                upper50: prediction.at(0.75),
                lower95: prediction.at(0.025),
                upper95: prediction.at(0.975),
            }
        };
        (place, rows.chunk_by(|a, b| a[0] == b[0]).map(band).collect())
    });
    bands.collect()
}

fn spans_decades(series: &[Series]) -> bool {
    let values: Vec<f64> = series.iter().flat_map(|series| series.data.iter().map(|point| point.value)).collect();
    let positive = values.iter().copied().filter(|&value| value > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    values.iter().all(|&value| value >= 0.0) && high > LOG_FACTOR * low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observable(measurements: usize) -> Observable {
        let point = |index: usize| Measurement {
            time: index as f64,
            value: 1.0,
            sd: None,
            found_of: None,
            replicate: String::new(),
        };
        let data = (0..measurements).map(point).collect();
        Observable {
            id: "y".into(),
            name: String::new(),
            unit: String::new(),
            log_axis: false,
            over_time: true,
            series: vec![Series { arm: String::new(), data, bands: Vec::new() }],
        }
    }

    #[test]
    fn large_data_are_thinned_evenly_and_small_ones_left_alone() {
        let mut few = [observable(3999), observable(1)];
        assert_eq!(thin(&mut few), None);
        let mut many = [observable(20_000), observable(3)];
        let told = thin(&mut many);
        assert_eq!(
            told.as_deref().map(|told| told.contains("20 003") || told.contains("20\u{202f}003")),
            Some(true),
            "{told:?}"
        );
        let lengths = many.each_ref().map(|observable| observable.series[0].data.len());
        assert_eq!(lengths, [3334, 1]);
        assert_eq!(many[0].series[0].data[1].time, 6.0);
    }
}
