//! Laws of categories, as chains of binomial ones.

use rayon::prelude::*;

use super::{
    basis::dot,
    hazards::Hazards,
    regression::{Family, Rows},
};
use crate::Law;

/// Categories of values below each edge and, last, the rest. What the data say within a category is lost, and an
/// estimate that loses a share f of the information moves by √f of a standard deviation: so many, though a few dozen would
/// show the shape of any law.
const CATEGORIES: u32 = 100;

/// Values that are left in the outermost categories.
const RARE: f64 = 8.0;

/// Categories at each end that may be needed to reach an observed value: one that is far out among what is simulated can say
/// more than all others.
const FURTHER: usize = 12;

/// A value that makes up this share of all has a category of its own nature.
const ATOM: f64 = 0.08;

/// Categories in a row, each as a binomial share of what the ones before have left: multinomial, and, for times that
/// are not always seen, the hazards of a life table.
pub(super) enum Categories {
    /// Counts of categories as they are.
    Counts(Vec<usize>),
    /// Values sorted into bins; with limits for times to an event, and how many observed values hardly any simulated one is
    /// beyond.
    Values { at: Vec<usize>, limits: Option<Vec<f64>>, edges: Vec<f64>, outliers: usize },
}

impl Categories {
    /// `None` for laws of another kind. Edges are quantiles of what was simulated where the weights are.
    pub fn new(law: &Law, data: &[&[f64]], weights: &[f64], observed: &[f64]) -> Option<Self> {
        let values = |at: &[usize], limits: Option<&[f64]>| {
            let largest = weights.iter().copied().fold(0.0, f64::max);
            let near = data.iter().zip(weights).filter(|(_, weight)| **weight > 0.2 * largest);
            let seen = near.flat_map(|(row, _)| {
                let seen = move |&place: &usize| limits.is_none_or(|limits| row[at[place]] < limits[place]);
                (0..at.len()).filter(seen).map(|place| row[at[place]])
            });
            let told = move |&place: &usize| limits.is_none_or(|limits| observed[at[place]] < limits[place]);
            let told = (0..at.len()).filter(told).map(|place| observed[at[place]]);
            let mut seen: Vec<f64> = seen.collect();
            seen.sort_by(f64::total_cmp);
            let outliers = told.clone().filter(|&value| is_outlier(&seen, value)).count();
            let edges = reaching(edges(&seen), told);
            Self::Values { at: at.to_vec(), limits: limits.map(<[f64]>::to_vec), edges, outliers }
        };
        Some(match law {
            Law::Multinomial { at } => Self::Counts(at.clone()),
            Law::Exchangeable { at } => values(at, None),
            Law::Survival { at, limits } => values(at, Some(limits)),
            Law::Poisson { .. } | Law::Branching { .. } | Law::Measured(_) => return None,
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Counts(at) => at.len().saturating_sub(1),
            Self::Values { edges, .. } => edges.len(),
        }
    }

    /// For each category but the last, how many there were in it, and in it or a later one.
    pub fn counts(&self, data: &[f64]) -> Vec<(f64, f64)> {
        match self {
            Self::Counts(at) => {
                let mut left: f64 = at.iter().map(|&position| data[position]).sum();
                let count = |&position: &usize| {
                    let trials = left;
                    left -= data[position];
                    (data[position], trials)
                };
                at[..self.len()].iter().map(count).collect()
            }
            Self::Values { at, limits, edges, .. } => {
                let mut counts = vec![(0.0, 0.0); edges.len()];
                for (place, &position) in at.iter().enumerate() {
                    let value = data[position];
                    let category = edges.partition_point(|&edge| edge <= value);
                    let limit = limits.as_ref().map_or(f64::INFINITY, |limits| limits[place]);
                    let whole = edges.partition_point(|&edge| edge <= limit);
                    counts[..whole.min(category + 1)].iter_mut().for_each(|count| count.1 += 1.0);
                    if category < whole {
                        counts[category].0 += 1.0;
                    } else if whole < edges.len() && whole > 0 {
                        // Of a category in which the follow-up ends, a part is seen: as if the hazard were even in it.
                        let (low, high) = (edges[whole - 1], edges[whole]);
                        counts[whole].1 += (limit - low) / (high - low);
                        counts[whole].0 += f64::from(u8::from(value < limit));
                    }
                }
                counts
            }
        }
    }

    /// Whether a category of values holds a single one that is met often: it may be of another nature than its neighbours.
    fn is_atom(&self, category: usize, data: &[&[f64]]) -> bool {
        let Self::Values { at, edges, .. } = self else { return true };
        let low = if category == 0 { f64::NEG_INFINITY } else { edges[category - 1] };
        let mut inside = data.iter().flat_map(|row| at.iter().map(|&position| row[position]));
        let mut met = None;
        let mut count = 0;
        let single = inside.all(|value| {
            if !(low..edges[category]).contains(&value) {
                return true;
            }
            count += 1;
            *met.get_or_insert(value) == value
        });
        single && count as f64 > ATOM * (at.len() * data.len()) as f64
    }

    /// Fits every category's share to simulations. What was found before is where the search begins; with `again`, its
    /// precisions are kept.
    pub fn fit(self, rows: &Rows, data: &[&[f64]], observed: &[f64], before: Option<&Shares>, again: bool) -> Shares {
        let counts: Vec<Vec<(f64, f64)>> = data.par_iter().map(|row| self.counts(row)).collect();
        let observed = self.counts(observed);
        let (mut own, mut common): (Vec<usize>, Vec<usize>) =
            (0..self.len()).partition(|&category| self.is_atom(category, data));
        if common.len() < 4 {
            own.append(&mut common);
        }
        let alone = |&category: &usize| {
            let (response, trials): (Vec<f64>, Vec<f64>) = counts.iter().map(|counts| counts[category]).unzip();
            let (coefficients, reached) = rows.maximum(Family::Binomial, rows.width(), &response, &trials);
            (Binomial { coefficients, observed: observed[category] }, reached)
        };
        let alone: Vec<(Binomial, f64)> = own.par_iter().map(alone).collect();
        let mut quality = (alone.iter().map(|(_, reached)| reached).sum::<f64>(), (alone.len() * rows.width()) as f64);
        let before = before.and_then(|before| before.row.as_ref());
        let row = (!common.is_empty()).then(|| {
            let of = |counts: &Vec<(f64, f64)>| common.iter().map(|&category| counts[category]).collect();
            let hazards = Hazards::fit(rows, &counts.iter().map(of).collect::<Vec<_>>(), &of(&observed), before, again);
            quality = (quality.0 + hazards.quality.0, quality.1 + hazards.quality.1);
            hazards
        });
        let outliers = if let Self::Values { outliers, .. } = self { outliers } else { 0 };
        Shares { alone: alone.into_iter().map(|(part, _)| part).collect(), row, quality, outliers }
    }
}

/// The law of categories as a function of the parameters, and what was observed.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    alone: Vec<Binomial>,
    row: Option<Hazards>,
    pub quality: (f64, f64),
    /// Observed values that hardly any simulated one is beyond.
    pub outliers: usize,
}

impl Shares {
    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let alone = self.alone.iter().map(|part| part.log_likelihood(features)).sum::<f64>();
        alone + self.row.as_ref().map_or(0.0, |row| row.log_likelihood(features))
    }
}

/// A binomial share as a function of the parameters, and what was observed.
#[derive(Clone, Debug)]
struct Binomial {
    coefficients: Vec<f64>,
    observed: (f64, f64),
}

impl Binomial {
    fn log_likelihood(&self, features: &[f64]) -> f64 {
        let (successes, trials) = self.observed;
        if trials == 0.0 {
            return 0.0;
        }
        Family::Binomial.log_likelihood(dot(&self.coefficients, features), successes, trials)
    }
}

/// Even ones, and in both tails ever nearer to the ends, as long as enough values are left there: what is rare is
/// informative.
fn levels(values: usize) -> Vec<f64> {
    let even = (1..CATEGORIES).map(|level| f64::from(level) / f64::from(CATEGORIES));
    let least = RARE / values as f64;
    let halves = std::iter::successors(Some(0.5 / f64::from(CATEGORIES)), |level| Some(0.5 * level));
    let tail: Vec<f64> = halves.take_while(|&level| level >= least).collect();
    let upper = tail.clone().into_iter().map(|share| 1.0 - share);
    tail.into_iter().rev().chain(even).chain(upper).collect()
}

/// Edges that go on outwards as they ended, so far that what was observed lies between them.
fn reaching(mut edges: Vec<f64>, observed: impl Iterator<Item = f64>) -> Vec<f64> {
    let widest = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = observed.fold(widest, |(low, high), value| (low.min(value), high.max(value)));
    for left in (0..FURTHER).rev() {
        let Some(&[first, middle, after]) = edges.first_chunk() else { break };
        if low >= first {
            break;
        }
        edges.insert(0, if left == 0 { low } else { further(after, middle, first) });
    }
    for left in (0..FURTHER).rev() {
        let Some(&[before, middle, last]) = edges.last_chunk() else { break };
        if high < last {
            break;
        }
        edges.push(if left == 0 { high.next_up() } else { further(before, middle, last) });
    }
    edges
}

/// The next of a sequence, at a distance that changes as the last ones did.
fn further(before: f64, middle: f64, last: f64) -> f64 {
    let step = last - middle;
    last + step * (step / (middle - before)).clamp(0.5, 2.0)
}

/// Whether fewer of ascending values are as far out as this one than an outermost category holds.
fn is_outlier(values: &[f64], value: f64) -> bool {
    let (below, above) = (
        values.partition_point(|&other| other <= value),
        values.len() - values.partition_point(|&other| other < value),
    );
    (below.min(above) as f64) < RARE
}

/// Ascending edges between categories of about equal probability, of ascending values. One that is met often has a category
/// to itself.
fn edges(values: &[f64]) -> Vec<f64> {
    let mut edges = Vec::new();
    for level in levels(values.len()) {
        let Some(&value) = values.get((level * values.len() as f64) as usize) else { continue };
        match edges.last() {
            // Met again: the next larger value begins a new category.
            Some(&last) if last == value => edges.push(value.next_up()),
            Some(&last) if last > value => {}
            _ => edges.push(value),
        }
    }
    // Between edges there must be something: counts leave room between the values.
    edges.dedup_by(|edge, before| {
        let at = values.partition_point(|value| value < before);
        values.get(at).is_none_or(|value| value >= edge)
    });
    // Nothing lies below the first edge if it is the smallest value.
    if edges.first().is_some_and(|&edge| values.first() >= Some(&edge)) {
        edges.remove(0);
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_counted_in_a_row() {
        let counts = Categories::Counts(vec![0, 1, 2]);
        assert_eq!(counts.counts(&[3.0, 2.0, 5.0]), [(3.0, 10.0), (2.0, 7.0)]);
        let values = Categories::Values { at: vec![0, 1, 2], limits: None, edges: vec![1.0, 2.0], outliers: 0 };
        assert_eq!(values.counts(&[0.0, 1.0, 7.0]), [(1.0, 3.0), (1.0, 2.0)]);
    }

    /// Who is followed for .5 says nothing about what is below 1, which has no lower end; who is followed for 1.5, half of
    /// what can be said of [1, 2).
    #[test]
    fn follow_up_that_ends_within_a_category_tells_a_part_of_it() {
        let limits = Some(vec![0.5, 1.5, 9.0, 9.0]);
        let times = Categories::Values { at: vec![0, 1, 2, 3], limits, edges: vec![1.0, 2.0], outliers: 0 };
        assert_eq!(times.counts(&[0.2, 1.5, 1.2, 9.0]), [(0.0, 3.0), (1.0, 2.5)]);
        // An event before the end of the follow-up is seen.
        assert_eq!(times.counts(&[0.2, 1.2, 1.2, 9.0]), [(0.0, 3.0), (2.0, 2.5)]);
    }

    #[test]
    fn categories_reach_what_was_observed() {
        let edges = vec![8.0, 12.0, 15.0, 17.0];
        // Downwards in ever longer steps, upwards in ever shorter ones.
        let reached = reaching(edges.clone(), [-10.0, 18.9].into_iter());
        assert_eq!(reached.len(), 9, "{reached:?}");
        assert!((reached[2] - (8.0 - 4.0 * 4.0 / 3.0)).abs() < 1e-9 && reached[0] <= -10.0 && reached[1] > -10.0);
        assert!(reached.windows(2).all(|pair| pair[0] < pair[1]) && reached[8] > 18.9);
        assert_eq!(reaching(edges.clone(), [9.0, 16.0].into_iter()), edges);
        // Where steps become so short that none leads there, the last one is as long as it must be.
        let reached = reaching(edges, [9.0, 40.0].into_iter());
        assert!(reached.len() == 4 + FURTHER && reached[3 + FURTHER] > 40.0, "{reached:?}");
    }

    #[test]
    fn a_value_is_an_outlier_if_fewer_than_eight_are_as_far_out() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        for (value, outlier) in [(-1.0, true), (6.5, true), (7.0, false), (50.0, false), (92.0, false), (92.5, true)] {
            assert_eq!(is_outlier(&values, value), outlier, "{value}");
        }
        // Met by all.
        assert!(!is_outlier(&[3.0; 20], 3.0));
    }

    #[test]
    fn a_value_met_often_has_a_category_to_itself() {
        let mut values = vec![0.0; 50];
        values.extend((0..50).map(|i| 1.0 + f64::from(i)));
        let edges = edges(&values);
        assert!(edges[0] > 0.0 && edges[0] < 1e-300, "{edges:?}");
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]) && edges.len() > 20);
    }
}
