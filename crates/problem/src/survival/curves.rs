//! Kaplan–Meier curves, by which times to events are compared.
//!
//! There is no likelihood in closed form for what a simulator says of times to events. Approximate Bayesian computation
//! compares Kaplan–Meier curves: for each experiment the survival at the deciles of the event times measured in it, and,
//! where a covariate sets a parameter, at the quartiles within each third of it. Deciles put the coordinates where the
//! events are; survival at a fixed time is a share, so it is transformed by the arcsine of the root, which makes its
//! variance even. Follow-up is simulated too: a subject whose event was seen would have been followed for a time drawn
//! from the censoring times beyond it, by the Kaplan–Meier estimate of censoring.

use std::collections::BTreeMap;

use metacascade_random::rand::{Rng, RngExt as _};

use super::{Survival, visits::Visits};
use crate::{problem::Problem, subjects::thirds};

/// A time and whether an event ended it.
pub(super) type Observed = (f64, bool);

/// Subjects whose curves are compared, and where.
#[derive(Debug)]
struct Stratum {
    name: String,
    /// Positions among the problem's rows of survival.
    rows: Vec<usize>,
    /// Times at which survival is compared.
    times: Vec<f64>,
}

/// Strata and follow-up of a problem.
#[derive(Debug, Default)]
pub(crate) struct Curves {
    strata: Vec<Stratum>,
    /// The Kaplan–Meier estimate of censoring, for each row's experiment and endpoint: ascending times and the share
    /// still followed after each.
    censoring: Vec<Vec<(f64, f64)>>,
    /// When the subjects of each of these were looked at.
    visits: Vec<Visits>,
    /// Which of `censoring` and `visits` each row belongs to.
    of_row: Vec<usize>,
    /// Until when each row is simulated: the longest follow-up it may have.
    ends: Vec<f64>,
}

impl Curves {
    pub fn new(problem: &Problem) -> Self {
        let rows = problem.survival();
        let mut curves = Self::default();
        let mut groups: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let experiment = problem.trajectories()[row.trajectory].experiment;
            groups.entry((experiment, row.endpoint)).or_default().push(index);
        }
        curves.of_row = vec![0; rows.len()];
        for (position, ((experiment, endpoint), members)) in groups.into_iter().enumerate() {
            members.iter().for_each(|&row| curves.of_row[row] = position);
            let reversed: Vec<Observed> = members.iter().map(|&row| (rows[row].time, !rows[row].event)).collect();
            curves.censoring.push(kaplan_meier(&reversed));
            curves.visits.push(Visits::of(members.iter().map(|&row| &rows[row])));
            let name = format!("{} {}", problem.endpoints()[endpoint].formula, problem.experiments()[experiment].id);
            curves.add(problem, name.clone(), members.clone(), 10);
            let subject = |row: usize| problem.trajectories()[rows[row].trajectory].subject;
            for (covariate, thirds) in thirds(problem, members.iter().map(|&row| (row, subject(row)))) {
                for (third, rows) in thirds.into_iter().enumerate() {
                    curves.add(problem, format!("{name} {covariate} third {}", third + 1), rows, 4);
                }
            }
        }
        let end = |(row, of): (usize, &Survival)| match of.event {
            true => curves.follow_up(row, of.time, 0.0),
            false => of.time,
        };
        curves.ends = rows.iter().enumerate().map(end).collect();
        curves
    }

    /// The same, but all rows of an endpoint are simulated for as long as any of them, whatever their own follow-up.
    pub fn until_the_last(mut self, problem: &Problem) -> Self {
        let mut last = vec![0.0_f64; problem.endpoints().len()];
        for (row, end) in problem.survival().iter().zip(&self.ends) {
            last[row.endpoint] = last[row.endpoint].max(*end);
        }
        self.ends = problem.survival().iter().map(|row| last[row.endpoint]).collect();
        self
    }

    /// Adds a stratum that is compared at the quantiles of its event times, or, where nothing happened, at the end.
    fn add(&mut self, problem: &Problem, name: String, rows: Vec<usize>, parts: usize) {
        let survival = problem.survival();
        let mut events: Vec<f64> =
            rows.iter().map(|&row| &survival[row]).filter(|row| row.event).map(|row| row.time).collect();
        events.sort_by(f64::total_cmp);
        let mut times: Vec<f64> = (1..parts)
            .filter_map(|part| events.get((events.len() * part / parts).min(events.len().saturating_sub(1))))
            .copied()
            .collect();
        times.dedup();
        if times.is_empty() {
            times.extend(rows.iter().map(|&row| survival[row].time).reduce(f64::max));
        }
        self.strata.push(Stratum { name, rows, times });
    }

    /// What would have been seen of a subject whose event comes at `time`, if it comes.
    pub fn observe(&self, problem: &Problem, row: usize, time: f64, random: &mut impl Rng) -> Observed {
        let survival = &problem.survival()[row];
        // Drawn in any case: what one subject does must not move the numbers of another.
        let level: f64 = random.random();
        let end = match survival.event {
            false => survival.time,
            true => self.follow_up(row, survival.time, level),
        };
        self.visits[self.of_row[row]].seen(survival, time, end)
    }

    /// The time of follow-up, given that it is longer than `time`.
    fn follow_up(&self, row: usize, time: f64, level: f64) -> f64 {
        let censoring = &self.censoring[self.of_row[row]];
        let at = censoring.partition_point(|(earlier, _)| *earlier <= time);
        let still = at.checked_sub(1).map_or(1.0, |before| censoring[before].1);
        let found = censoring[at..].iter().find(|(_, share)| *share <= level * still);
        // Those followed beyond all censoring times were followed to the last time there is.
        found.or(censoring.last()).map_or(time, |(end, _)| end.max(time))
    }

    /// Until when a row must be simulated.
    pub fn end(&self, row: usize) -> f64 {
        self.ends[row]
    }

    /// The transformed survival of each stratum at each of its times, from what was seen of each row.
    pub fn summaries(&self, seen: &[Observed]) -> Vec<f64> {
        let of = |stratum: &Stratum| {
            let seen: Vec<Observed> = stratum.rows.iter().map(|&row| seen[row]).collect();
            let curve = kaplan_meier(&seen);
            let n = seen.len() as f64;
            let transform = move |time: &f64| ((at(&curve, *time) * n + 0.375) / (n + 0.75)).sqrt().asin();
            stratum.times.iter().map(transform).collect::<Vec<f64>>()
        };
        self.strata.iter().flat_map(of).collect()
    }

    pub fn names(&self) -> Vec<String> {
        let of = |stratum: &Stratum| {
            stratum.times.iter().map(|time| format!("survival {} at {time}", stratum.name)).collect::<Vec<String>>()
        };
        self.strata.iter().flat_map(of).collect()
    }
}

/// The product-limit estimate (Kaplan & Meier 1958, J. Am. Stat. Assoc. 53:457): each time at which an event happened,
/// ascending, and the share without one after it. Those censored at a time are at risk until after it.
#[must_use]
pub fn kaplan_meier(observed: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let mut observed = observed.to_vec();
    observed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut curve: Vec<(f64, f64)> = Vec::new();
    let (mut share, mut index) = (1.0, 0);
    while index < observed.len() {
        let time = observed[index].0;
        let at_risk = observed.len() - index;
        let same = observed[index..].iter().take_while(|other| other.0 == time).count();
        let events = observed[index..index + same].iter().filter(|other| other.1).count();
        if events > 0 {
            share *= 1.0 - events as f64 / at_risk as f64;
            curve.push((time, share));
        }
        index += same;
    }
    curve
}

/// The share without an event at a time.
#[must_use]
pub fn at(curve: &[(f64, f64)], time: f64) -> f64 {
    let index = curve.partition_point(|(event, _)| *event <= time);
    index.checked_sub(1).map_or(1.0, |before| curve[before].1)
}
