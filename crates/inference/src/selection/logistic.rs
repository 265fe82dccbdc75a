//! Multinomial logistic regression of a class on predictors, weighted and with a penalty found by cross-validation.
//!
//! The log odds of class k against the last one are aₖ + bₖ·x. Coefficients maximise Σ wᵢ ln P(yᵢ | xᵢ) − (λ/2) Σ |bₖ|²,
//! by Newton's method (Böhning 1992, Ann. Inst. Stat. Math. 44:197, for gradient and Hessian); intercepts are free.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::logarithms::normalised;

/// Penalties tried, for predictors of variance 1, in units of the weights of the rows.
const PENALTIES: [f64; 5] = [0.03, 0.3, 3.0, 30.0, 300.0];

/// Parts of the rows, of which each is predicted from the others.
const FOLDS: usize = 5;

/// Newton's steps at most.
const STEPS: usize = 30;

/// Rows of a regression. Predictors are centred where the odds are wanted.
pub(super) struct Rows<'r> {
    pub predictors: &'r [Vec<f64>],
    pub classes: &'r [usize],
    /// Not negative, 1 on average or so.
    pub weights: &'r [f64],
    /// How many classes there are, two at least.
    pub count: usize,
}

/// Log odds of each class but the last against the last one, where all predictors are 0.
#[derive(Clone, Debug)]
pub(super) struct Odds {
    pub log_odds: Vec<f64>,
    /// Their covariance, by the sandwich of White 1982 (Econometrica 50:1, theorem 3.2).
    pub covariance: DMatrix<f64>,
}

impl Rows<'_> {
    /// The odds; `None` where Newton's method fails, as with classes that are told apart with certainty.
    pub fn odds(&self) -> Option<Odds> {
        let scales = self.scales();
        let penalty = self.penalty(&scales)?;
        let (coefficients, hessian) = self.maximise(&scales, penalty, |_| true)?;
        let width = self.width();
        let size = coefficients.len();
        let mut spread = DMatrix::<f64>::zeros(size, size);
        let mut row = vec![0.0; width];
        for index in 0..self.classes.len() {
            self.row(index, &scales, &mut row);
            let p = self.shares(&coefficients, &row);
            let score = DVector::from_fn(size, |at, _| {
                let class = at / width;
                let hit = f64::from(u8::from(self.classes[index] == class));
                self.weights[index] * (hit - p[class]) * row[at % width]
            });
            spread.syger(1.0, &score, &score, 1.0);
        }
        spread.fill_upper_triangle_with_lower_triangle();
        let inverse = hessian.inverse();
        let covariance = &inverse * spread * &inverse;
        let intercepts: Vec<usize> = (0..self.count - 1).map(|class| class * width).collect();
        Some(Odds {
            log_odds: intercepts.iter().map(|&at| coefficients[at]).collect(),
            covariance: DMatrix::from_fn(intercepts.len(), intercepts.len(), |i, j| {
                covariance[(intercepts[i], intercepts[j])]
            }),
        })
    }

    /// An intercept, and the predictors.
    fn width(&self) -> usize {
        1 + self.predictors.first().map_or(0, Vec::len)
    }

    /// Standard deviations of the predictors; infinite for those that do not vary, which then have no part.
    fn scales(&self) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        let scale = |column: usize| {
            let values = || self.predictors.iter().map(|row| row[column]).zip(self.weights);
            let mean = values().map(|(value, weight)| value * weight).sum::<f64>() / total;
            let variance = values().map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>() / total;
            if variance > 1e-24 * mean.abs().powi(2) && variance > 0.0 { variance.sqrt() } else { f64::INFINITY }
        };
        (0..self.width() - 1).map(scale).collect()
    }

    fn row(&self, index: usize, scales: &[f64], row: &mut [f64]) {
        row[0] = 1.0;
        let values = self.predictors[index].iter().zip(scales).map(|(value, scale)| value / scale);
        row[1..].iter_mut().zip(values).for_each(|(entry, value)| *entry = value);
    }

    /// Probabilities of all classes.
    fn shares(&self, coefficients: &DVector<f64>, row: &[f64]) -> Vec<f64> {
        let width = row.len();
        let linear = |class: usize| {
            let own = coefficients.rows(class * width, width);
            own.iter().zip(row).map(|(coefficient, value)| coefficient * value).sum::<f64>()
        };
        normalised(&(0..self.count - 1).map(linear).chain([0.0]).collect::<Vec<f64>>())
    }

    /// The penalty of the highest likelihood of rows that were left out.
    fn penalty(&self, scales: &[f64]) -> Option<f64> {
        let mut best: Option<(f64, f64)> = None;
        let mut row = vec![0.0; self.width()];
        for penalty in PENALTIES {
            let mut total = 0.0;
            for fold in 0..FOLDS {
                let Some((coefficients, _)) = self.maximise(scales, penalty, |index| index % FOLDS != fold) else {
                    total = f64::NEG_INFINITY;
                    break;
                };
                for index in (fold..self.classes.len()).step_by(FOLDS) {
                    self.row(index, scales, &mut row);
                    total +=
                        self.weights[index] * self.shares(&coefficients, &row)[self.classes[index]].max(1e-300).ln();
                }
            }
            if total.is_finite() && best.is_none_or(|(highest, _)| total > highest) {
                best = Some((total, penalty));
            }
        }
        Some(best?.1)
    }

    /// The coefficients, class after class, and the penalised negative Hessian's Cholesky factors, from some of the rows.
    fn maximise(
        &self,
        scales: &[f64],
        penalty: f64,
        used: impl Fn(usize) -> bool,
    ) -> Option<(DVector<f64>, Cholesky<f64, nalgebra::Dyn>)> {
        let (width, classes) = (self.width(), self.count - 1);
        let size = width * classes;
        let mut coefficients = DVector::<f64>::zeros(size);
        let mut row = vec![0.0; width];
        let mut before = f64::NEG_INFINITY;
        let mut step = DVector::<f64>::zeros(size);
        for _ in 0..STEPS {
            let mut gradient = DVector::<f64>::zeros(size);
            let mut hessian = DMatrix::<f64>::zeros(size, size);
            let mut value = 0.0;
            for index in (0..self.classes.len()).filter(|&index| used(index)) {
                let weight = self.weights[index];
                self.row(index, scales, &mut row);
                let p = self.shares(&coefficients, &row);
                value += weight * p[self.classes[index]].max(1e-300).ln();
                for class in 0..classes {
                    let hit = f64::from(u8::from(self.classes[index] == class));
                    for (at, entry) in row.iter().enumerate() {
                        gradient[class * width + at] += weight * (hit - p[class]) * entry;
                    }
                    for other in 0..=class {
                        let factor = weight * p[class] * (f64::from(u8::from(class == other)) - p[other]);
                        for i in 0..width {
                            let scaled = factor * row[i];
                            for j in 0..width {
                                hessian[(class * width + i, other * width + j)] += scaled * row[j];
                            }
                        }
                    }
                }
            }
            for at in (0..size).filter(|at| at % width > 0) {
                value -= 0.5 * penalty * coefficients[at] * coefficients[at];
                gradient[at] -= penalty * coefficients[at];
                hessian[(at, at)] += penalty;
            }
            if value < before - 1e-9 * before.abs().max(1.0) {
                // Too far: half of the way back. The function is concave, so that this ends.
                step *= 0.5;
                coefficients -= &step;
                continue;
            }
            hessian.fill_upper_triangle_with_lower_triangle();
            let factor = Cholesky::new(hessian)?;
            step = factor.solve(&gradient);
            let gain = step.dot(&gradient);
            if gain < 1e-8 {
                return coefficients.iter().all(|value| value.is_finite()).then_some((coefficients, factor));
            }
            coefficients += &step;
            before = value;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Normal predictors, of mean m for one class and −m for the other: the log odds are 2mx, and 0.8 m at x = .4. Ten
    /// useless predictors beside it. 50 sets of 1,000: the mean must be within 4 of its standard errors, and those told must be
    /// right on average within a fifth (a chi of 49 degrees of freedom: false alarm 5 % of a side at a sixth; seeds are fixed).
    #[test]
    fn odds_of_normal_classes_are_found_with_their_errors() {
        let (shift, at) = (0.7, 0.4);
        let mut found = Vec::new();
        for set in 0..50 {
            let mut stream = Key::new(7).child(set).stream();
            let (mut predictors, mut classes) = (Vec::new(), Vec::new());
            for _ in 0..1000 {
                let class = usize::from(stream.random::<f64>() < 0.5);
                let mut row: Vec<f64> = (0..11).map(|_| StandardNormal.sample(&mut stream)).collect();
                row[0] += if class == 0 { shift } else { -shift } - at;
                predictors.push(row);
                classes.push(class);
            }
            let rows = Rows { predictors: &predictors, classes: &classes, weights: &vec![1.0; 1000], count: 2 };
            let odds = rows.odds().unwrap();
            found.push((odds.log_odds[0], odds.covariance[(0, 0)]));
        }
        let mean = found.iter().map(|(odds, _)| odds).sum::<f64>() / 50.0;
        let variance = found.iter().map(|(odds, _)| (odds - mean).powi(2)).sum::<f64>() / 49.0;
        let told = found.iter().map(|(_, variance)| variance).sum::<f64>() / 50.0;
        assert!((mean - 2.0 * shift * at).abs() < 4.0 * (variance / 50.0).sqrt() + 0.01, "{mean}");
        assert!(((told / variance).sqrt() - 1.0).abs() < 0.2, "{told} {variance}");
    }

    /// Without predictors that vary the odds are those of the counts, with the variance 1/a + 1/c.
    #[test]
    fn odds_without_predictors_are_those_of_counts() {
        let classes: Vec<usize> = (0..60).map(|index| [0, 0, 0, 1, 1, 2][index % 6]).collect();
        let rows = Rows { predictors: &vec![vec![2.0]; 60], classes: &classes, weights: &[1.0; 60], count: 3 };
        let odds = rows.odds().unwrap();
        assert!((odds.log_odds[0] - 3f64.ln()).abs() < 1e-4 && (odds.log_odds[1] - 2f64.ln()).abs() < 1e-4);
        assert!((odds.covariance[(0, 0)] - (1.0 / 30.0 + 1.0 / 10.0)).abs() < 1e-3);
    }
}
