//! Times to events beside what the posterior predicts.

use metacascade_inference::Quantiles;
use metacascade_problem::{Replicates, Run, Seen, kaplan_meier, survival_at};

use super::parts::{Part, by_arm, by_thirds};
use crate::{
    content::{Band, Stratum, Survival},
    figures::kaplan_meier::time_axis,
};

/// Even times at which curves are compared.
const GRID: usize = 120;

/// Every endpoint: all subjects, each arm, and each third of the covariates that set a parameter.
pub fn survival(run: &Run) -> Vec<Survival> {
    let problem = &run.problem;
    let mut found = Vec::new();
    for (index, endpoint) in problem.endpoints().iter().enumerate() {
        let rows: Vec<usize> =
            (0..problem.survival().len()).filter(|&row| problem.survival()[row].endpoint == index).collect();
        let mut all = vec![(String::new(), vec![(String::new(), rows.clone())])];
        let subject = |row: usize| &problem.trajectories()[problem.survival()[row].trajectory];
        let arms = by_arm(problem, &rows, |row| subject(row).experiment);
        if arms.len() > 1 {
            all.push(("arm".to_owned(), arms));
        }
        all.extend(by_thirds(problem, &rows, |row| subject(row).subject));
        for (by, parts) in all {
            let stratum = |(name, rows): &Part| Stratum {
                name: name.clone(),
                observed: rows.iter().map(|&row| &problem.survival()[row]).map(|row| (row.time, row.event)).collect(),
                bands: Vec::new(),
            };
            let mut entry =
                Survival { endpoint: in_words(&endpoint.formula), by, strata: parts.iter().map(stratum).collect() };
            // The ticks of the axis, at which the table tells the numbers, are among the times.
            let ticks = time_axis(&entry).ticks;
            for (stratum, (_, rows)) in entry.strata.iter_mut().zip(&parts) {
                stratum.bands =
                    run.replicates.as_ref().map_or(Vec::new(), |found| bands(found, rows, stratum.end(), &ticks));
            }
            found.push(entry);
        }
    }
    found
}

/// `lung_first_detected` is the first detected lesion of a kind; a condition is told as it is written.
pub fn in_words(endpoint: &str) -> String {
    match endpoint.strip_suffix("_first_detected") {
        Some(kind) => format!("the first detected lesion ({})", kind.replace('_', " ")),
        None => endpoint.to_owned(),
    }
}

/// At each time, quantiles of the Kaplan–Meier estimates of the replicated data sets, and the median of the model's share
/// without the event in them, followed or not.
fn bands(replicates: &Replicates, rows: &[usize], end: f64, ticks: &[f64]) -> Vec<Band> {
    if replicates.draws.is_empty() {
        return Vec::new();
    }
    let mut times: Vec<f64> = (0..=GRID).map(|index| end * index as f64 / GRID as f64).collect();
    times.extend(ticks.iter().filter(|tick| **tick < end));
    times.sort_by(f64::total_cmp);
    times.dedup();
    let curves = |seen: fn(&Seen) -> (f64, bool)| -> Vec<Vec<(f64, f64)>> {
        let curve = |set: &Vec<Seen>| kaplan_meier(&rows.iter().map(|&row| seen(&set[row])).collect::<Vec<_>>());
        replicates.survival.iter().map(curve).collect()
    };
    let followed = curves(|seen| (seen.time, seen.event));
    let all = curves(|seen| (seen.event_time, true));
    let band = |time: f64| {
        let quantiles = |curves: &[Vec<(f64, f64)>]| {
            Quantiles::unweighted(&curves.iter().map(|curve| survival_at(curve, time)).collect::<Vec<f64>>())
        };
        let (predicted, model) = (quantiles(&followed), quantiles(&all));
        Band {
            time,
            median: model.at(0.5),
            lower50: predicted.at(0.25),
            upper50: predicted.at(0.75),
            lower95: predicted.at(0.025),
            upper95: predicted.at(0.975),
        }
    };
    times.into_iter().map(band).collect()
}
