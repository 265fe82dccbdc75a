//! Interval censoring of what is simulated: an event is seen at the first visit after it, as it was in the experiment, and
//! counts as in the middle of the time since the visit before. So what is compared went through the same eyes.
//!
//! Of visits, the table tells only those between which something happened. Where no interval ends within another, all
//! subjects of an experiment may have been looked at when any was, and are ([`Visits::Shared`]). Otherwise each has visits of
//! its own, as far apart as the interval in which its event was found; those without an event, as far apart as the median
//! interval, counted back from their last ([`Visits::Own`]).

use super::{Survival, curves::Observed};

/// When the subjects of one experiment were looked at for one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Visits {
    /// All the time.
    Always,
    /// At these times, ascending.
    Shared(Vec<f64>),
    /// Each so often; those without an event so many units of time apart.
    Own(f64),
}

impl Visits {
    /// The visits that the rows of one experiment and endpoint tell of.
    pub fn of<'s>(rows: impl Iterator<Item = &'s Survival>) -> Self {
        let intervals: Vec<(f64, f64)> = rows.filter_map(|row| row.interval).collect();
        if intervals.is_empty() {
            return Self::Always;
        }
        let mut ends: Vec<f64> = intervals.iter().flat_map(|&(from, to)| [from, to]).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let within = |&(from, to): &(f64, f64)| {
            let after = ends.partition_point(|end| *end <= from);
            ends.get(after) == Some(&to)
        };
        if intervals.iter().all(within) {
            return Self::Shared(ends);
        }
        let mut widths: Vec<f64> = intervals.iter().map(|(from, to)| to - from).collect();
        widths.sort_by(f64::total_cmp);
        Self::Own(widths[widths.len() / 2])
    }

    /// What is seen of an event at `time`, of a subject that is followed until `end`. A row that gives the time of its event
    /// was looked at all the time.
    pub fn seen(&self, row: &Survival, time: f64, end: f64) -> Observed {
        // What happened at time 0 was seen there.
        let exact = row.event && row.interval.is_none();
        if time > end {
            return (end, false);
        }
        if exact || time <= 0.0 {
            return (time, true);
        }
        let (before, after) = match (self, row.interval) {
            (Self::Always, _) => return (time, true),
            // What falls into the interval of the table looks as it does there.
            (_, Some((from, to))) if from < time && time <= to => (from, to),
            (Self::Shared(visits), _) => {
                let at = visits.partition_point(|visit| *visit < time);
                let before = at.checked_sub(1).map_or(0.0, |before| visits[before]);
                (before, visits.get(at).copied().unwrap_or(end).min(end))
            }
            (Self::Own(width), interval) => {
                let (last, width) = interval.map_or((end, *width), |(from, to)| (to, to - from));
                let steps = ((time - last) / width).ceil();
                let after = last + steps * width;
                ((after - width).max(0.0), after.min(end))
            }
        };
        // The last look is at the end of follow-up.
        if after < time { (end, true) } else { (0.5 * (before + after), true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(from: f64, to: f64) -> Survival {
        Survival { trajectory: 0, endpoint: 0, time: 0.5 * (from + to), event: true, interval: Some((from, to)) }
    }

    fn free(time: f64) -> Survival {
        Survival { trajectory: 0, endpoint: 0, time, event: false, interval: None }
    }

    #[test]
    fn common_visits_are_those_of_all_subjects() {
        let rows = [found(0.0, 30.0), found(30.0, 90.0), found(90.0, 120.0), free(120.0)];
        let visits = Visits::of(rows.iter());
        assert_eq!(visits, Visits::Shared(vec![0.0, 30.0, 90.0, 120.0]));
        // Each time of the table is seen as the table says.
        for row in &rows[..3] {
            let (from, to) = row.interval.unwrap();
            for time in [from + 1e-9, 0.5 * (from + to), to] {
                assert_eq!(visits.seen(row, time, 120.0), (row.time, true));
            }
        }
        // A subject without an event is seen at the same visits.
        assert_eq!(visits.seen(&rows[3], 40.0, 120.0), (60.0, true));
        assert_eq!(visits.seen(&rows[3], 121.0, 120.0), (120.0, false));
        // Its last visit may be between those of others.
        assert_eq!(visits.seen(&free(100.0), 95.0, 100.0), (95.0, true));
        assert_eq!(visits.seen(&free(100.0), 92.0, 100.0), (95.0, true));
    }

    #[test]
    fn visits_that_cannot_be_common_are_each_subjects_own() {
        let rows = [found(0.0, 20.0), found(10.0, 40.0), free(50.0)];
        let visits = Visits::of(rows.iter());
        assert_eq!(visits, Visits::Own(30.0));
        assert_eq!(visits.seen(&rows[1], 12.0, 90.0), (25.0, true));
        assert_eq!(visits.seen(&rows[1], 41.0, 90.0), (55.0, true));
        assert_eq!(visits.seen(&rows[1], 5.0, 90.0), (5.0, true), "before the first visit counts from 0");
        assert_eq!(visits.seen(&rows[2], 30.0, 50.0), (35.0, true));
    }

    #[test]
    fn exact_times_stay_exact() {
        let exact = Survival { trajectory: 0, endpoint: 0, time: 7.0, event: true, interval: None };
        assert_eq!(Visits::of([exact.clone()].iter()), Visits::Always);
        assert_eq!(Visits::Always.seen(&free(9.0), 3.25, 9.0), (3.25, true));
        let mixed = Visits::of([exact.clone(), found(0.0, 5.0)].iter());
        assert_eq!(mixed.seen(&exact, 3.25, 9.0), (3.25, true));
    }
}
