//! Distant recurrence after resection, with censored follow-up.

use metacascade_random::{Key, Stream};
use rand_distr::{Distribution, Exp1};

use super::{Reference, log_uniform, mean_and_sd};
use crate::{Failure, Law, Parameter};

/// Times from resection to distant recurrence of 90 patients, 30 with each of three sizes of the primary.
///
/// A primary that has grown as e^{rt} to N cells seeded at the rate ν per cell and day; seeds follow linear birth (λ) and
/// death with the same net growth r, and are found when M cells of one line are there. With y = M(r/λ)e^{−rt}/N, at a time
/// t after resection −ln P(none found) = νNe^{rt}/(rM)·(e^{−y} − e^{−yN}) (structure of Avanzini & Antal 2019, PLoS
/// Comput. Biol. 15:e1007423). What is found at resection already has the time 0; patients are followed for 2 to 12 years.
pub struct Recurrence {
    parameters: Vec<Parameter>,
    /// Cells at resection, and the end of follow-up in days.
    patients: Vec<(f64, f64)>,
}

const SIZES: [f64; 3] = [2e8, 1e9, 5e9];
const PATIENTS_PER_SIZE: usize = 30;

/// Cells of a lesion that is found.
const DETECTED: f64 = 1e8;

impl Recurrence {
    /// The problem.
    #[must_use]
    pub fn new() -> Self {
        let parameters = vec![
            log_uniform("seeding", 1e-11, 1e-8),
            log_uniform("growth", 0.002, 0.03),
            log_uniform("birth", 0.05, 0.5),
        ];
        let share = |patient: usize| patient as f64 / (PATIENTS_PER_SIZE - 1) as f64;
        let follow_up = move |patient| 365.25 * (2.0 + 10.0 * share(patient));
        let of_size = move |size| (0..PATIENTS_PER_SIZE).map(move |patient| (size, follow_up(patient)));
        Self { parameters, patients: SIZES.into_iter().flat_map(of_size).collect() }
    }

    /// The cumulated hazard and its slope.
    pub(super) fn hazard(parameters: &[f64], size: f64, time: f64) -> (f64, f64) {
        let (seeding, rate, birth) = (parameters[0], parameters[1], parameters[2]);
        let factor = seeding * size * (rate * time).exp() / (rate * DETECTED);
        let y = DETECTED * (rate / birth) * (-rate * time).exp() / size;
        let cumulated = factor * (-y).exp() * -(-y * (size - 1.0)).exp_m1();
        let slope = rate * factor * (second_order(y * size) - second_order(y));
        (cumulated, slope)
    }
}

/// 1 − (1 + z)e^{−z}, of which cancellation would leave nothing where z is small.
fn second_order(z: f64) -> f64 {
    if z < 0.01 {
        return z * z * (0.5 + z * (-1.0 / 3.0 + z * (0.125 + z * (-1.0 / 30.0 + z / 144.0))));
    }
    -(-z).exp_m1() - z * (-z).exp()
}

impl Default for Recurrence {
    fn default() -> Self {
        Self::new()
    }
}

impl Reference for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn laws(&self) -> Vec<Law> {
        let of_size = |group: usize| {
            let at = group * PATIENTS_PER_SIZE..(group + 1) * PATIENTS_PER_SIZE;
            Law::Survival {
                limits: self.patients[at.clone()].iter().map(|patient| patient.1).collect(),
                at: at.collect(),
            }
        };
        (0..SIZES.len()).map(of_size).collect()
    }

    /// The time of recurrence, or the end of follow-up if that comes first.
    fn simulate(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure> {
        let mut stream = key.stream();
        let time = |&(size, end): &(f64, f64)| {
            let threshold: f64 = Exp1.sample(&mut stream);
            let hazard = |time| Self::hazard(parameters, size, time).0;
            if hazard(0.0) >= threshold {
                return 0.0;
            }
            if hazard(end) < threshold {
                return end;
            }
            let (mut low, mut high) = (0.0, end);
            while high - low > 1e-6 * end {
                let middle = 0.5 * (low + high);
                if hazard(middle) < threshold { low = middle } else { high = middle }
            }
            low
        };
        Ok(self.patients.iter().map(time).collect())
    }

    /// For each size: the shares found at resection and recurred by several times, by the arcsine of the root; mean and
    /// standard deviation of the logarithm of a day more than the time, of all, and of recurrences alone, which may come
    /// within a short time.
    fn summaries(&self, data: &[f64]) -> Vec<f64> {
        let of_size = |(times, patients): (&[f64], &[(f64, f64)])| {
            let n = times.len() as f64;
            let by = [0.0, 180.0, 365.0, 730.0, 1460.0, 2920.0].map(|by| {
                let count = times.iter().filter(|&&time| time <= by).count() as f64;
                ((count + 0.375) / (n + 0.75)).sqrt().asin()
            });
            let recurred = times.iter().zip(patients).filter(|(time, (_, end))| **time > 0.0 && *time < end);
            let found: Vec<f64> = recurred.map(|(time, _)| time.ln_1p()).collect();
            let (mean, sd) = if found.is_empty() { (0.0, 0.0) } else { mean_and_sd(found.iter().copied()) };
            let (all, spread) = mean_and_sd(times.iter().map(|time| time.ln_1p()));
            by.into_iter().chain([all, spread, mean, (sd + 0.01).ln()])
        };
        // The share of those censored earlier is the same in all data sets, but for the recurrences among them.
        let patients = self.patients.chunks_exact(PATIENTS_PER_SIZE);
        data.chunks_exact(PATIENTS_PER_SIZE).zip(patients).flat_map(of_size).collect()
    }

    fn log_likelihood(&self, parameters: &[f64], data: &[f64]) -> f64 {
        let terms = self.patients.iter().zip(data).map(|(&(size, end), &time)| {
            let (cumulated, slope) = Self::hazard(parameters, size, time);
            if time >= end {
                -cumulated
            } else if time <= 0.0 {
                (-(-cumulated).exp_m1()).max(1e-300).ln()
            } else {
                slope.max(1e-300).ln() - cumulated
            }
        });
        terms.sum()
    }

    fn series(&self) -> Vec<usize> {
        vec![1; self.patients.len()]
    }

    /// The first half of the time is simulated.
    fn log_weight(
        &self,
        parameters: &[f64],
        data: &[f64],
        (series, _): (usize, usize),
        stream: &mut Stream,
    ) -> Result<f64, Failure> {
        let ((size, end), time) = (self.patients[series], data[series]);
        let (cumulated, slope) = Self::hazard(parameters, size, time);
        if time <= 0.0 {
            return Ok((-(-cumulated).exp_m1()).max(1e-300).ln());
        }
        let (half, _) = Self::hazard(parameters, size, 0.5 * time);
        let threshold: f64 = Exp1.sample(stream);
        let event = if time >= end { 0.0 } else { slope.max(1e-300).ln() };
        Ok(if half >= threshold { f64::NEG_INFINITY } else { event - (cumulated - half) })
    }
}
