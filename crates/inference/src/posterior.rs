//! Weighted draws from a posterior, and what is read off them.

use metacascade_random::Key;
use rand::RngExt;

use crate::Parameter;

/// Weighted draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// Names of the parameters.
    pub names: Vec<String>,
    /// A row per draw, a column per parameter, on the natural scale.
    pub draws: Vec<Vec<f64>>,
    /// A weight per draw, not negative; they sum to 1.
    pub weights: Vec<f64>,
    /// Per draw, the distance of its simulated data from the observed ones. From optimisation, the drop of the
    /// log-likelihood from its maximum.
    pub distances: Vec<f64>,
}

impl Posterior {
    /// The draws of one parameter.
    ///
    /// # Panics
    /// If there is no such parameter.
    #[must_use]
    pub fn column(&self, parameter: usize) -> Vec<f64> {
        self.draws.iter().map(|draw| draw[parameter]).collect()
    }

    /// Effective sample size, 1/Σw² (Kong, Liu & Wong 1994, J. Am. Stat. Assoc. 89:278, section 4).
    #[must_use]
    pub fn effective_sample_size(&self) -> f64 {
        1.0 / self.weights.iter().map(|weight| weight * weight).sum::<f64>()
    }

    /// Quantiles of one parameter.
    ///
    /// # Panics
    /// If there is no such parameter.
    #[must_use]
    pub fn quantiles(&self, parameter: usize) -> Quantiles {
        Quantiles::new(&self.column(parameter), &self.weights)
    }

    /// 1 − posterior variance / prior variance on the parameter's scale: 0 if the data taught nothing, 1 if they
    /// taught everything (Schad, Betancourt & Vasishth 2021, Psychol. Methods 26:103). Negative if the posterior is
    /// the wider one.
    ///
    /// # Panics
    /// If there is no such parameter.
    #[must_use]
    pub fn contraction(&self, index: usize, parameter: &Parameter) -> f64 {
        /// Points at which quantiles stand for the prior.
        const POINTS: u32 = 999;
        let scaled: Vec<f64> = self.draws.iter().map(|draw| parameter.to_scale(draw[index])).collect();
        let points = (0..POINTS).map(|point| (f64::from(point) + 0.5) / f64::from(POINTS));
        let prior: Vec<f64> = points.map(|p| parameter.to_scale(parameter.quantile(p))).collect();
        let equal = vec![1.0 / f64::from(POINTS); POINTS as usize];
        1.0 - moments(&scaled, &self.weights).1 / moments(&prior, &equal).1
    }

    /// The share of probability that posterior and prior have in common, ∫ min(posterior, prior): 1 if the data taught
    /// nothing, 0 if the posterior is where the prior has nothing; of parameters that data hardly identify, above .35
    /// (Garrett & Zeger 2000, Biometrics 56:1055). Unlike [`Posterior::contraction`], it sees a posterior that has moved
    /// without getting narrower. Estimated too low by some hundredths where draws are few.
    ///
    /// # Panics
    /// If there is no such parameter.
    #[must_use]
    pub fn overlap(&self, index: usize, parameter: &Parameter) -> f64 {
        // Where the prior is uniform. A whole number is spread evenly over its probability.
        let place = |(row, draw): (usize, &Vec<f64>)| {
            let (less, up_to) = parameter.span(draw[index]);
            less + (up_to - less) * (row as f64 * std::f64::consts::GOLDEN_RATIO).fract()
        };
        let places: Vec<f64> = self.draws.iter().enumerate().map(place).collect();
        let quantiles = Quantiles::new(&places, &self.weights);
        let parts = (2.0 * self.effective_sample_size().cbrt()).ceil();
        let edges: Vec<f64> = (0..=parts as u32).map(|part| quantiles.at(f64::from(part) / parts)).collect();
        edges.windows(2).map(|edges| (edges[1] - edges[0]).min(1.0 / parts)).sum()
    }

    /// Positions of `count` draws of equal weight, by systematic resampling; all of them once if there are no more than `count` and they weigh the same.
    #[must_use]
    pub fn resample(&self, count: usize, key: Key) -> Vec<usize> {
        let weights = &self.weights;
        let equal = weights.iter().all(|&weight| (weight * weights.len() as f64 - 1.0).abs() < 1e-9);
        if equal && weights.len() <= count {
            return (0..weights.len()).collect();
        }
        systematic(weights, count, key.stream().random())
    }
}

/// `count` positions, each as often as its weight says or one time more (systematic resampling: Kitagawa 1996, J. Comput.
/// Graph. Stat. 5:1, section 4), ascending. `offset` is uniform from 0 to 1.
pub(crate) fn systematic(weights: &[f64], count: usize, offset: f64) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let mut chosen = Vec::with_capacity(count);
    let mut cumulated = 0.0;
    for (index, weight) in weights.iter().enumerate() {
        cumulated += weight / total;
        while chosen.len() < count && chosen.len() as f64 + offset < cumulated * count as f64 {
            chosen.push(index);
        }
    }
    // Rounding may leave the last place empty.
    let last = weights.iter().rposition(|&weight| weight > 0.0);
    chosen.extend(last.into_iter().cycle().take(count - chosen.len()));
    chosen
}

/// Mean and variance of weighted values; weights sum to 1.
#[must_use]
pub fn moments(values: &[f64], weights: &[f64]) -> (f64, f64) {
    let mean: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    let variance = values.iter().zip(weights).map(|(value, weight)| (value - mean) * (value - mean) * weight).sum();
    (mean, variance)
}

/// Quantiles of weighted values: linear between the middles of the values' weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    /// (value, cumulated weight up to the middle of its own), ascending.
    steps: Vec<(f64, f64)>,
}

impl Quantiles {
    /// Quantiles of values with weights that sum to 1.
    #[must_use]
    pub fn new(values: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<(f64, f64)> = values.iter().copied().zip(weights.iter().copied()).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut cumulated = 0.0;
        let middles = order.into_iter().map(|(value, weight)| {
            cumulated += weight;
            (value, cumulated - 0.5 * weight)
        });
        Self { steps: middles.collect() }
    }

    /// Quantiles of values that weigh the same.
    #[must_use]
    pub fn unweighted(values: &[f64]) -> Self {
        Self::new(values, &vec![1.0 / values.len() as f64; values.len()])
    }

    /// The quantile of probability `p`; NaN if there are no values.
    #[must_use]
    pub fn at(&self, p: f64) -> f64 {
        let above = self.steps.partition_point(|&(_, middle)| middle < p);
        match (above.checked_sub(1).map(|index| self.steps[index]), self.steps.get(above)) {
            (Some((low, from)), Some(&(high, to))) => low + (high - low) * (p - from) / (to - from),
            (Some((value, _)), None) | (None, Some(&(value, _))) => value,
            (None, None) => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prior, Scale};

    #[test]
    fn quantiles_of_equal_weights_are_the_usual_ones() {
        let quantiles = Quantiles::new(&[3.0, 1.0, 2.0], &[1.0 / 3.0; 3]);
        assert!((quantiles.at(0.5) - 2.0).abs() < 1e-12);
        assert!((quantiles.at(1.0 / 3.0) - 1.5).abs() < 1e-12);
        assert_eq!((quantiles.at(0.0), quantiles.at(1.0)), (1.0, 3.0));
        // All the weight on one value.
        assert_eq!(Quantiles::new(&[5.0, 7.0], &[1.0, 0.0]).at(0.25), 5.0);
    }

    #[test]
    fn moments_are_weighted() {
        let (mean, variance) = moments(&[0.0, 4.0], &[0.75, 0.25]);
        assert!((mean - 1.0).abs() < 1e-12 && (variance - 3.0).abs() < 1e-12);
    }

    fn posterior(draws: Vec<f64>, weights: Vec<f64>) -> Posterior {
        let distances = vec![0.0; draws.len()];
        Posterior { names: vec!["k".into()], draws: draws.into_iter().map(|x| vec![x]).collect(), weights, distances }
    }

    #[test]
    fn contraction_compares_variances_on_the_scale() {
        let parameter = Parameter {
            name: "k".into(),
            prior: Prior::LogUniform { lower: 1e-3, upper: 1.0 },
            lower: 1e-3,
            upper: 1.0,
            scale: Scale::Log10,
        };
        let prior: Vec<f64> = (0..999).map(|i| parameter.quantile((f64::from(i) + 0.5) / 999.0)).collect();
        assert!(posterior(prior, vec![1.0 / 999.0; 999]).contraction(0, &parameter).abs() < 1e-9);
        // Variance of two points a decade apart: 1/4; of the uniform prior over three decades: 9/12.
        let two = posterior(vec![0.01, 0.1], vec![0.5, 0.5]).contraction(0, &parameter);
        assert!((two - (1.0 - 0.25 / 0.75)).abs() < 1e-4, "{two}");
    }

    #[test]
    fn overlap_sees_what_moves_and_what_narrows() {
        let uniform = |lower, upper| Parameter {
            name: "k".into(),
            prior: Prior::Uniform { lower, upper },
            lower,
            upper,
            scale: Scale::Lin,
        };
        let parameter = uniform(0.0, 10.0);
        let even = |from: f64, to: f64| {
            let draws = (0..1000).map(|i| from + (to - from) * (f64::from(i) + 0.5) / 1000.0).collect();
            posterior(draws, vec![1e-3; 1000]).overlap(0, &parameter)
        };
        for (from, to, exact) in [(0.0, 10.0, 1.0), (0.0, 5.0, 0.5), (9.9, 10.0, 0.01)] {
            assert!((even(from, to) - exact).abs() < 0.002, "{from} to {to}: {}", even(from, to));
        }
        let die = Prior::Whole(Box::new(Prior::Uniform { lower: 0.5, upper: 6.5 }));
        let die = Parameter { prior: die, ..uniform(1.0, 6.0) };
        let faces = |faces: f64| (0..6000).map(|i| 1.0 + (f64::from(i) % faces)).collect();
        let overlap = |count: f64| posterior(faces(count), vec![1.0 / 6000.0; 6000]).overlap(0, &die);
        assert!((overlap(6.0) - 1.0).abs() < 0.01 && (overlap(2.0) - 1.0 / 3.0).abs() < 0.01, "{}", overlap(2.0));
    }

    #[test]
    fn resampling_takes_each_draw_in_proportion() {
        let weights = vec![0.5, 0.0, 0.3, 0.2];
        let posterior = posterior(vec![1.0; 4], weights.clone());
        assert!((posterior.effective_sample_size() - 1.0 / 0.38).abs() < 1e-12);
        let chosen = posterior.resample(1000, Key::new(3));
        for (index, weight) in weights.iter().enumerate() {
            let count = chosen.iter().filter(|&&c| c == index).count() as f64;
            assert!((count - 1000.0 * weight).abs() <= 1.0, "systematic: within one of {}", 1000.0 * weight);
        }
        let equal = super::Posterior { weights: vec![0.25; 4], ..posterior };
        assert_eq!(equal.resample(10, Key::new(3)), [0, 1, 2, 3]);
    }
}
