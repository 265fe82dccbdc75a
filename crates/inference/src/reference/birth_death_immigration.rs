//! Cells that divide, die and arrive, counted in replicates at several times.

use metacascade_random::{Key, Stream};
use rand_distr::{Binomial, Distribution, Gamma, Poisson};
use statrs::function::gamma::ln_gamma;

use super::{Reference, log_uniform, mean_and_sd};
use crate::{Failure, Law, Parameter, surrogate::largest};

/// Linear birth and death with immigration: counts of ten wells at six times, ten cells each at time 0.
///
/// From x cells, after a time t, with e = exp((λ−μ)t): a cell's line has died out with probability α = μ(e−1)/(λe−μ);
/// j ~ binomial(x, 1−α) lines live, and given them the count is j plus a negative binomial number of shape j + ν/λ and
/// ratio β = αλ/μ (Kendall 1948, Ann. Math. Stat. 19:1, sections 2 and 4).
pub struct BirthDeathImmigration {
    parameters: Vec<Parameter>,
    times: Vec<f64>,
    replicates: usize,
    start: f64,
}

/// The law of the count after some time.
pub(super) struct Transition {
    /// Probability that a line has died out.
    extinct: f64,
    /// Ratio of the geometric size of a line that lives.
    ratio: f64,
    /// ν/λ.
    immigration: f64,
}

impl Transition {
    /// By rates per time and a time.
    pub fn new(birth: f64, death: f64, immigration: f64, time: f64) -> Self {
        let rate = birth - death;
        // (e − 1)/(λe − μ) = g/(1 + λg) with g = (e − 1)/(λ − μ), which is t where the rates are equal.
        let growth = if (rate * time).abs() < 1e-12 { time } else { (rate * time).exp_m1() / rate };
        let share = growth / (1.0 + birth * growth);
        Self { extinct: death * share, ratio: birth * share, immigration: immigration / birth }
    }

    /// The logarithm of the probability of `to` cells from `from` cells. Summed apart from the surrogate's law of the same
    /// form, which it is to judge.
    pub fn log_probability(&self, from: f64, to: f64) -> f64 {
        let Self { extinct, ratio, immigration } = *self;
        // The number of living lines, j, is summed over, outwards from the largest term: a sum of as many terms as its
        // standard deviation is wide, not as there are cells.
        let factor = (1.0 - extinct) * (1.0 - ratio) / (extinct * ratio);
        let growth = |j: f64| (from - j) * (to - j) / ((j + 1.0) * (j + immigration)) * factor;
        let most = from.min(to);
        let mode = largest(from, to, immigration, factor).clamp(0.0, most).floor();
        let mut sum = 1.0;
        let (mut term, mut j) = (1.0, mode);
        while j < most && term > 1e-17 * sum {
            term *= growth(j);
            sum += term;
            j += 1.0;
        }
        (term, j) = (1.0, mode);
        while j > 0.0 && term > 1e-17 * sum {
            j -= 1.0;
            term /= growth(j);
            sum += term;
        }
        let lines = ln_gamma(from + 1.0) - ln_gamma(mode + 1.0) - ln_gamma(from - mode + 1.0)
            + mode * (1.0 - extinct).ln()
            + (from - mode) * extinct.ln();
        let shape = mode + immigration;
        let count = ln_gamma(to + immigration) - ln_gamma(shape) - ln_gamma(to - mode + 1.0)
            + shape * (-ratio).ln_1p()
            + (to - mode) * ratio.ln();
        lines + count + sum.ln()
    }

    fn sample(&self, from: f64, stream: &mut Stream) -> Result<f64, Failure> {
        let failure = |error: &dyn std::fmt::Display| Failure(error.to_string());
        let lines =
            Binomial::new(from as u64, 1.0 - self.extinct).map_err(|error| failure(&error))?.sample(stream) as f64;
        let odds = self.ratio / (1.0 - self.ratio);
        let mean = Gamma::new(lines + self.immigration, odds).map_err(|error| failure(&error))?.sample(stream);
        if mean <= 0.0 {
            return Ok(lines);
        }
        Ok(lines + Poisson::new(mean).map_err(|error| failure(&error))?.sample(stream))
    }
}

impl BirthDeathImmigration {
    /// The problem.
    #[must_use]
    pub fn new() -> Self {
        let parameters =
            vec![log_uniform("birth", 0.1, 2.0), log_uniform("death", 0.1, 2.0), log_uniform("immigration", 0.3, 10.0)];
        Self { parameters, times: vec![0.5, 1.0, 1.5, 2.0, 3.0, 4.0], replicates: 10, start: 10.0 }
    }

    fn gaps(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(0.0).chain(self.times.iter().copied());
        self.times.iter().zip(before).map(|(time, before)| time - before)
    }

    fn transitions(&self, parameters: &[f64]) -> Vec<Transition> {
        self.gaps().map(|gap| Transition::new(parameters[0], parameters[1], parameters[2], gap)).collect()
    }
}

impl Default for BirthDeathImmigration {
    fn default() -> Self {
        Self::new()
    }
}

impl Reference for BirthDeathImmigration {
    fn name(&self) -> &'static str {
        "birth-death-immigration"
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn laws(&self) -> Vec<Law> {
        let width = self.times.len();
        let series = (0..self.replicates).map(|replicate| (replicate * width..(replicate + 1) * width).collect());
        vec![Law::Branching { series: series.collect(), start: self.start, gaps: self.gaps().collect() }]
    }

    /// Replicate after replicate, each in order of time.
    fn simulate(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure> {
        let transitions = self.transitions(parameters);
        let mut stream = key.stream();
        let mut data = Vec::with_capacity(self.replicates * self.times.len());
        for _ in 0..self.replicates {
            let mut count = self.start;
            for transition in &transitions {
                count = transition.sample(count, &mut stream)?;
                data.push(count);
            }
        }
        Ok(data)
    }

    /// In square roots of counts: mean and standard deviation at each time, the standard deviation of the step that
    /// leads there, and the product with the deviation before, both over replicates.
    fn summaries(&self, data: &[f64]) -> Vec<f64> {
        let width = self.times.len();
        let at = |time: usize| {
            data.chunks_exact(width).map(move |row| if time == 0 { self.start.sqrt() } else { row[time - 1].sqrt() })
        };
        let mut summaries = Vec::with_capacity(4 * width);
        for time in 1..=width {
            let (mean, sd) = mean_and_sd(at(time));
            let (before, _) = mean_and_sd(at(time - 1));
            let step = mean_and_sd(at(time).zip(at(time - 1)).map(|(now, before)| now - before)).1;
            let product = at(time).zip(at(time - 1)).map(|(now, then)| (now - mean) * (then - before)).sum::<f64>();
            summaries.extend([mean, (sd + 0.01).ln(), (step + 0.01).ln()]);
            if time > 1 {
                summaries.push(product / self.replicates as f64);
            }
        }
        summaries
    }

    fn log_likelihood(&self, parameters: &[f64], data: &[f64]) -> f64 {
        let transitions = self.transitions(parameters);
        let mut total = 0.0;
        for row in data.chunks_exact(self.times.len()) {
            let mut before = self.start;
            for (&count, transition) in row.iter().zip(&transitions) {
                total += transition.log_probability(before, count);
                before = count;
            }
        }
        total
    }

    fn series(&self) -> Vec<usize> {
        vec![self.times.len(); self.replicates]
    }

    /// The first tenth of the time since the count before is simulated: the more, the more particles it takes to know the
    /// likelihood equally well.
    fn log_weight(
        &self,
        parameters: &[f64],
        data: &[f64],
        (series, observation): (usize, usize),
        stream: &mut Stream,
    ) -> Result<f64, Failure> {
        let row = &data[series * self.times.len()..];
        let (before, began) = match observation.checked_sub(1) {
            Some(last) => (row[last], self.times[last]),
            None => (self.start, 0.0),
        };
        let gap = self.times[observation] - began;
        let part = |share: f64| Transition::new(parameters[0], parameters[1], parameters[2], share * gap);
        let simulated = part(0.1).sample(before, stream)?;
        Ok(part(0.9).log_probability(simulated, row[observation]))
    }
}
