//! Whole samples beside what the posterior predicts of samples as large: shares, compositions, counts of many subjects.

use std::collections::{BTreeMap, BTreeSet};

use metacascade_inference::Quantiles;
use metacascade_problem::{FigureKind, NoiseDistribution, Problem, Reading, Replicates, Run, clopper_pearson};

use super::{
    parts::{Part, Row, arm, by_group, by_thirds, rows},
    time_unit,
};
use crate::{
    content::{Composition, CountBin, Counts, Predicted, Rootogram, Share, SharePanel, Shares, Whole},
    number::tick,
};

/// Subjects measured at the same time that make up a sample.
const SAMPLE: usize = 8;

/// Samples of one kind that are drawn, each in a panel of its own.
const PANELS: usize = 16;

/// Whole numbers that have a bar of their own each.
const NUMBERS: f64 = 20.0;

/// An arm and a time, by its bits.
type Moment = (usize, u64);

impl Predicted {
    /// Of equally likely values.
    fn of(values: &[f64]) -> Self {
        let quantiles = Quantiles::unweighted(values);
        let [lower95, lower50, median, upper50, upper95] = [0.025, 0.25, 0.5, 0.75, 0.975].map(|p| quantiles.at(p));
        Self { lower95, lower50, median, upper50, upper95 }
    }
}

/// The data and the data sets simulated from the posterior.
pub struct Samples<'r> {
    problem: &'r Problem,
    rows: Vec<Row<'r>>,
    replicates: Option<&'r Replicates>,
}

impl<'r> Samples<'r> {
    pub fn new(run: &'r Run) -> Self {
        let replicates = run.replicates.as_ref().filter(|replicates| !replicates.draws.is_empty());
        Self { problem: &run.problem, rows: rows(&run.problem), replicates }
    }

    /// The rows of an observable by arm and time.
    fn moments(&self, observable: usize) -> BTreeMap<Moment, Vec<usize>> {
        let mut moments: BTreeMap<Moment, Vec<usize>> = BTreeMap::new();
        for (index, row) in self.rows.iter().enumerate().filter(|(_, row)| row.observable == observable) {
            // Times are 0 or more wherever bits decide their order.
            moments.entry((row.experiment, row.measurement.time.to_bits())).or_default().push(index);
        }
        moments
    }

    /// What a sample is called beside others of an observable: the arm where there are several, and the time.
    fn name(&self, observable: usize, (experiment, time): Moment) -> String {
        let when = match f64::from_bits(time) {
            _ if self.times(observable) < 2 => String::new(),
            time if time.is_finite() => format!("{} {}", tick(time), time_unit(self.problem)).trim_end().to_owned(),
            _ => "steady state".to_owned(),
        };
        let arm = if self.problem.experiments().len() > 1 { arm(self.problem, experiment) } else { String::new() };
        [arm, when].into_iter().filter(|part| !part.is_empty()).collect::<Vec<String>>().join(", ")
    }

    /// At how many times an observable was measured.
    fn times(&self, observable: usize) -> usize {
        let rows = self.rows.iter().filter(|row| row.observable == observable);
        rows.map(|row| row.measurement.time.to_bits()).collect::<BTreeSet<u64>>().len()
    }

    fn predicted(&self, statistic: impl Fn(&[f64]) -> f64) -> Option<Predicted> {
        let sets = &self.replicates?.measurements;
        Some(Predicted::of(&sets.iter().map(|set| statistic(set)).collect::<Vec<f64>>()))
    }

    /// How many of how many were found in some rows together, beside the same of simulated data sets.
    fn share(&self, (name, items): Part) -> Share {
        let of = items.iter().map(|&item| self.rows[item].measurement.exposure).sum();
        self.share_among((name, items), of)
    }

    fn share_among(&self, (name, items): Part, of: f64) -> Share {
        let sum = |set: &dyn Fn(usize) -> f64| items.iter().map(|&item| set(item)).sum::<f64>();
        let found = sum(&|item| self.rows[item].measurement.value);
        let predicted = self.predicted(|set| sum(&|item| set[item]) / of);
        Share { name, found, of, exact: clopper_pearson(found, of, 0.95), predicted }
    }

    /// Whether whole samples of an observable are drawn instead of its values over time: at one or two times, counts of
    /// so many that are parts of a sample, or of many subjects.
    pub fn replaces(&self, observable: usize) -> bool {
        let moments = self.moments(observable);
        let few = self.times(observable) <= 2 && moments.len() <= PANELS;
        match self.problem.observables()[observable].noise {
            NoiseDistribution::Multinomial => few,
            noise if noise.is_of_trials() => few && moments.values().all(|rows| rows.len() >= SAMPLE),
            _ => false,
        }
    }

    /// Shares of pooled subjects, by group and by thirds of covariates; and of the parts of multinomial samples.
    pub fn shares(&self) -> Vec<Shares> {
        let observables = self.problem.observables().iter().enumerate();
        let mut all = Vec::new();
        for (index, observable) in observables.filter(|(_, observable)| observable.noise.is_of_trials()) {
            let moments: Vec<(Moment, Vec<usize>)> =
                self.moments(index).into_iter().filter(|(_, rows)| rows.len() >= SAMPLE).take(PANELS).collect();
            let subject = |item: usize| self.rows[item].subject;
            let mut by: BTreeMap<(usize, String), Vec<SharePanel>> = BTreeMap::new();
            for (moment, items) in moments {
                let mut add = |order: usize, what: String, parts: Vec<Part>| {
                    let rows = parts.into_iter().map(|part| self.share(part)).collect();
                    by.entry((order, what)).or_default().push(SharePanel { name: self.name(index, moment), rows });
                };
                let mut whole = vec![("all".to_owned(), items.clone())];
                whole.extend(by_group(self.problem, &items, subject));
                let what = if whole.len() > 1 { "group" } else { "" };
                add(0, what.to_owned(), whole);
                for (position, (covariate, parts)) in by_thirds(self.problem, &items, subject).into_iter().enumerate() {
                    add(1 + position, covariate, parts);
                }
            }
            all.extend(by.into_iter().map(|((_, by), panels)| Shares { title: observable.name.clone(), by, panels }));
        }
        all.extend(self.sizes());
        let counted = self.groups().into_iter().filter(|(_, parts)| parts.iter().all(|&part| self.replaces(part)));
        all.extend(counted.map(|(group, parts)| {
            let panels = self.wholes(&parts).into_iter().take(PANELS);
            let panel = |(moment, items): (Moment, Vec<Vec<usize>>)| {
                let named = |(&part, items): (&usize, Vec<usize>)| {
                    self.share((self.problem.observables()[part].name.clone(), items))
                };
                let rows = parts.iter().zip(items).map(named);
                SharePanel { name: self.name(parts[0], moment), rows: rows.collect() }
            };
            Shares { title: group, by: String::new(), panels: panels.map(panel).collect() }
        }));
        all
    }

    /// Size classes, as the shares of all lesions that are at least as large.
    fn sizes(&self) -> Vec<Shares> {
        let observables = self.problem.observables();
        let ascending = |(group, parts): (String, Vec<usize>)| {
            let counted = parts.iter().all(|&part| observables[part].noise == NoiseDistribution::Multinomial);
            let formulas: Vec<&str> = parts.iter().map(|&part| observables[part].formula.as_str()).collect();
            let order = classes(&formulas).filter(|_| counted)?;
            Some((group, order.into_iter().map(|class| parts[class]).collect::<Vec<usize>>()))
        };
        let shares = |(group, parts): (String, Vec<usize>)| {
            let panel = |(moment, items): (Moment, Vec<Vec<usize>>)| {
                let row = |class: usize| {
                    // Each row's exposure is the size of its sample.
                    let of = items[class].iter().map(|&item| self.rows[item].measurement.exposure).sum();
                    self.share_among((observables[parts[class]].name.clone(), items[class..].concat()), of)
                };
                SharePanel { name: self.name(parts[0], moment), rows: (1..parts.len()).map(row).collect() }
            };
            let panels = self.wholes(&parts).into_iter().take(PANELS).map(panel).collect();
            Shares { title: format!("{group}: of this class or a larger one"), by: String::new(), panels }
        };
        self.groups().into_iter().filter_map(ascending).map(shares).collect()
    }

    /// Observables that make up a whole, by the name of their group.
    fn groups(&self) -> Vec<(String, Vec<usize>)> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, observable) in self.problem.observables().iter().enumerate() {
            if observable.group.is_empty() {
                continue;
            }
            match groups.iter_mut().find(|(name, _)| *name == observable.group) {
                Some((_, parts)) => parts.push(index),
                None => groups.push((observable.group.clone(), vec![index])),
            }
        }
        groups.retain(|(_, parts)| parts.len() > 1);
        groups
    }

    /// The rows of each part of a whole, wherever all parts were measured.
    fn wholes(&self, parts: &[usize]) -> BTreeMap<Moment, Vec<Vec<usize>>> {
        let moments: Vec<BTreeMap<Moment, Vec<usize>>> = parts.iter().map(|&part| self.moments(part)).collect();
        let Some(first) = moments.first() else { return BTreeMap::new() };
        let whole = |moment: &Moment| {
            let rows: Option<Vec<Vec<usize>>> = moments.iter().map(|part| part.get(moment).cloned()).collect();
            Some((*moment, rows?))
        };
        first.keys().filter_map(whole).collect()
    }

    /// What parts make up of a whole over time, beside what the model predicts.
    pub fn compositions(&self) -> Vec<Composition> {
        let composition = |(group, parts): (String, Vec<usize>)| {
            let shares = |value: &dyn Fn(usize) -> f64, items: &[Vec<usize>]| -> Vec<f64> {
                let means =
                    items.iter().map(|items| items.iter().map(|&item| value(item)).sum::<f64>() / items.len() as f64);
                let means: Vec<f64> = means.map(|mean| mean.max(0.0)).collect();
                let sum: f64 = means.iter().sum();
                means.into_iter().map(|mean| if sum > 0.0 { mean / sum } else { 0.0 }).collect()
            };
            let whole = |(moment, items): (Moment, Vec<Vec<usize>>)| {
                let measured = shares(&|item| self.rows[item].measurement.value, &items);
                let sets = self.replicates.map_or(&[][..], |replicates| &replicates.measurements);
                let mut predicted = vec![0.0; if sets.is_empty() { 0 } else { parts.len() }];
                for set in sets {
                    let of = shares(&|item| set[item], &items);
                    predicted.iter_mut().zip(of).for_each(|(sum, share)| *sum += share / sets.len() as f64);
                }
                let arms = self.problem.experiments().len();
                let arm = if arms > 1 { arm(self.problem, moment.0) } else { String::new() };
                Whole { arm, time: f64::from_bits(moment.1), measured, predicted }
            };
            let wholes: Vec<Whole> = self.wholes(&parts).into_iter().map(whole).collect();
            let names = parts.iter().map(|&part| self.problem.observables()[part].name.clone()).collect();
            Composition { title: group, parts: names, wholes }
        };
        // Where samples are told share by share, bars would tell the same again.
        let over_time = |(_, parts): &(String, Vec<usize>)| parts.iter().any(|&part| !self.replaces(part));
        let mut all: Vec<Composition> = self.groups().into_iter().filter(over_time).map(composition).collect();
        all.retain(|composition| !composition.wholes.is_empty());
        all
    }

    /// Counts of many subjects at the same time: how many subjects had how many.
    pub fn counts(&self) -> Vec<Counts> {
        let observables = self.problem.observables().iter().enumerate();
        let counts = observables.filter(|(_, observable)| observable.figure() == FigureKind::CountHistogram);
        let mut all: Vec<Counts> = counts
            .map(|(index, observable)| {
                let exact = |item: &usize| self.rows[*item].measurement.reading == Reading::Exact;
                let moments = self.moments(index).into_iter().filter_map(|(moment, mut items)| {
                    items.retain(exact);
                    (items.len() >= SAMPLE).then(|| self.rootogram(self.name(index, moment), &items))
                });
                Counts { title: observable.name.clone(), panels: moments.take(PANELS).collect() }
            })
            .collect();
        all.retain(|counts| !counts.panels.is_empty());
        all
    }

    fn rootogram(&self, name: String, items: &[usize]) -> Rootogram {
        let measured: Vec<f64> = items.iter().map(|&item| self.rows[item].measurement.value).collect();
        let sets = self.replicates.map_or(&[][..], |replicates| &replicates.measurements);
        let simulated: Vec<f64> = sets.iter().flat_map(|set| items.iter().map(|&item| set[item])).collect();
        let far = if simulated.is_empty() { 0.0 } else { Quantiles::unweighted(&simulated).at(0.99) };
        let edges = edges(measured.iter().copied().fold(far, f64::max));
        let classes = edges.iter().zip(edges.iter().skip(1).copied().chain([f64::INFINITY]));
        let bin = |(&from, before): (&f64, f64)| {
            let within = |value: f64| from <= value && value < before;
            let count = |set: &[f64]| items.iter().filter(|&&item| within(set[item])).count() as f64;
            let mean = sets.iter().map(|set| count(set)).sum::<f64>() / sets.len().max(1) as f64;
            let label = match before - 1.0 {
                last if last == from => tick(from),
                last if last.is_finite() => format!("{}–{}", tick(from), tick(last)),
                _ => format!("≥ {}", tick(from)),
            };
            CountBin {
                label,
                observed: measured.iter().filter(|value| within(**value)).count(),
                expected: if sets.is_empty() { f64::NAN } else { mean },
                predicted: self.predicted(count),
            }
        };
        Rootogram { name, subjects: items.len(), bins: classes.map(bin).collect() }
    }
}

/// The order in which classes follow each other from small to large: where each formula is a difference `a - b` of lesions
/// of at least two sizes, and begins where the one before it ends. Of the last class the formula may have no `b`.
fn classes(formulas: &[&str]) -> Option<Vec<usize>> {
    let ends: Vec<(&str, Option<&str>)> = formulas
        .iter()
        .map(|formula| match formula.split_once('-') {
            Some((lower, upper)) => (lower.trim(), Some(upper.trim())),
            None => (formula.trim(), None),
        })
        .collect();
    let follow = |order: &[usize]| order.windows(2).all(|pair| ends[pair[0]].1 == Some(ends[pair[1]].0));
    let up: Vec<usize> = (0..formulas.len()).collect();
    let down: Vec<usize> = up.iter().rev().copied().collect();
    [up, down].into_iter().find(|order| order.len() > 2 && follow(order))
}

/// Lower ends of classes of counts up to a number: each number alone, or 0, 1, 2–3, 4–7, … where there are too many.
fn edges(highest: f64) -> Vec<f64> {
    if highest <= NUMBERS {
        return (0..=highest as u32 + 1).map(f64::from).collect();
    }
    let doubled = std::iter::successors(Some(1.0), |edge| Some(2.0 * edge)).take_while(|edge| *edge <= highest);
    std::iter::once(0.0).chain(doubled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_follow_each_other() {
        let up = ["lung - lung_1mm", "lung_1mm - lung_2mm", "lung_2mm"];
        assert_eq!(classes(&up), Some(vec![0, 1, 2]));
        assert_eq!(classes(&["c", "b - c", "a-b"]), Some(vec![2, 1, 0]));
        for formulas in [&up[..2], &["a", "b", "c"], &["a - b", "c - d", "d"]] {
            assert_eq!(classes(formulas), None);
        }
    }

    #[test]
    fn classes_of_counts_hold_one_number_each_or_double() {
        assert_eq!(edges(3.0), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(edges(70.0), [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
    }
}
