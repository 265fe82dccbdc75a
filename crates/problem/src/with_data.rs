//! A problem with other data in place of those measured.

use crate::{measurements::Reading, observe::survival_start, problem::Problem};

impl Problem {
    /// The same problem, had these data been measured, in the layout of [`crate::ProblemSimulator::data`].
    ///
    /// Values at an assay's limits are censored there. Where a row was censored by hand, as no limit of the observable says,
    /// a value at its limit is read as that row was, any other as it stands. Bounds of time intervals are left out:
    /// times are known as they are.
    #[must_use]
    pub fn with_data(&self, data: &[f64]) -> Self {
        let mut other = self.clone();
        let (mut position, mut spread) = (0, self.measurement_count());
        for series in &mut other.series {
            let observable = &self.observables[series.observable];
            let limits = [observable.lower_limit, observable.upper_limit];
            for row in &mut series.measurements {
                let value = data[position];
                row.reading = match row.reading {
                    Reading::Mean { n, sd: Some(_) } => {
                        spread += 1;
                        Reading::Mean { n, sd: Some(data[spread - 1]) }
                    }
                    reading => reading.of(row.value, limits, value),
                };
                row.value = value;
                position += 1;
            }
        }
        let seen = data[survival_start(self)..].chunks_exact(2);
        for (row, seen) in other.survival.iter_mut().zip(seen) {
            (row.time, row.event, row.interval) = (seen[0], seen[1] > 0.5, None);
        }
        other
    }
}
