//! Three phenotypes that switch into each other.

use metacascade_random::{Key, Stream};
use nalgebra::{Matrix3, Vector3};
use rand_distr::{Binomial, Distribution};

use super::{Reference, log_uniform};
use crate::{Failure, Law, Parameter};

/// Epithelial, hybrid and mesenchymal cells, E ⇄ H ⇄ M: of cultures sorted for E or for M, 100 cells are typed at each
/// of four times.
///
/// Cells switch independently, so the counts are multinomial with the probabilities p(0)·exp(Qt).
pub struct Switching {
    parameters: Vec<Parameter>,
    times: Vec<f64>,
}

/// Cells typed at each time.
const CELLS: u64 = 100;

impl Switching {
    /// The problem.
    #[must_use]
    pub fn new() -> Self {
        let names = ["epithelial_to_hybrid", "hybrid_to_epithelial", "hybrid_to_mesenchymal", "mesenchymal_to_hybrid"];
        Self { parameters: names.map(|name| log_uniform(name, 0.01, 1.0)).into(), times: vec![1.0, 2.0, 4.0, 8.0] }
    }

    /// Probabilities of the three phenotypes, culture by culture, at each time.
    fn probabilities(&self, rates: &[f64]) -> Vec<[f64; 3]> {
        let [leave_e, h_to_e, h_to_m, leave_m] = [rates[0], rates[1], rates[2], rates[3]];
        // Columns sum to 0: column j is what leaves phenotype j.
        let generator = Matrix3::new(-leave_e, h_to_e, 0.0, leave_e, -h_to_e - h_to_m, leave_m, 0.0, h_to_m, -leave_m);
        let flows: Vec<Matrix3<f64>> = self.times.iter().map(|&time| (generator * time).exp()).collect();
        let cultures = [Vector3::x(), Vector3::z()];
        let state = |start: Vector3<f64>| flows.iter().map(move |flow| (flow * start).map(|p| p.max(1e-300)).into());
        cultures.into_iter().flat_map(state).collect()
    }
}

impl Default for Switching {
    fn default() -> Self {
        Self::new()
    }
}

impl Reference for Switching {
    fn name(&self) -> &'static str {
        "switching"
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn laws(&self) -> Vec<Law> {
        (0..2 * self.times.len())
            .map(|sample| Law::Multinomial { at: (3 * sample..3 * sample + 3).collect() })
            .collect()
    }

    /// Counts of E, H and M, culture by culture, at each time.
    fn simulate(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure> {
        let mut stream = key.stream();
        let mut data = Vec::new();
        for [e, h, m] in self.probabilities(parameters) {
            let mut draw = |cells: u64, p: f64| -> Result<u64, Failure> {
                let law = Binomial::new(cells, p.clamp(0.0, 1.0)).map_err(|error| Failure(error.to_string()))?;
                Ok(law.sample(&mut stream))
            };
            let first = draw(CELLS, e)?;
            let second = draw(CELLS - first, h / (h + m))?;
            data.extend([first as f64, second as f64, (CELLS - first - second) as f64]);
        }
        Ok(data)
    }

    /// Fractions of E and of M.
    fn summaries(&self, data: &[f64]) -> Vec<f64> {
        data.chunks_exact(3).flat_map(|counts| [counts[0] / CELLS as f64, counts[2] / CELLS as f64]).collect()
    }

    fn log_likelihood(&self, parameters: &[f64], data: &[f64]) -> f64 {
        let samples = self.probabilities(parameters).into_iter().zip(data.chunks_exact(3));
        let terms = samples
            .flat_map(|(p, counts)| [0, 1, 2].map(|k| if counts[k] > 0.0 { counts[k] * p[k].ln() } else { 0.0 }));
        terms.sum()
    }

    fn series(&self) -> Vec<usize> {
        vec![1; 2 * self.times.len()]
    }

    /// Fractions have no chance in them, so that this is the law itself.
    fn log_weight(
        &self,
        parameters: &[f64],
        data: &[f64],
        (series, _): (usize, usize),
        _: &mut Stream,
    ) -> Result<f64, Failure> {
        let p = self.probabilities(parameters)[series];
        let counts = &data[3 * series..3 * series + 3];
        Ok([0, 1, 2].into_iter().map(|k| if counts[k] > 0.0 { counts[k] * p[k].ln() } else { 0.0 }).sum())
    }
}
