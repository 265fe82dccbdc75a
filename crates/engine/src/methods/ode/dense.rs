//! Values within a step: the continuous extensions of DOPRI5 (order 4; Hairer, Nørsett & Wanner 1993, section II.6) and
//! of RODAS (order 3; Hairer & Wanner 1996, section VI.4), with the coefficients of the authors' codes.

/// A step's solution as a polynomial of θ, the part of the step that has passed:
/// y + θ(c₀ + (1−θ)(c₁ + θ(c₂ + (1−θ)c₃))).
#[derive(Default)]
pub(crate) struct Dense {
    start: Vec<f64>,
    coefficients: [Vec<f64>; 4],
}

impl Dense {
    /// One number within the step.
    pub fn at(&self, index: usize, theta: f64) -> f64 {
        let rest = 1.0 - theta;
        let [a, b, c, d] = self.coefficients.each_ref().map(|part| part[index]);
        self.start[index] + theta * (a + rest * (b + theta * (c + rest * d)))
    }

    /// All of them.
    pub fn write(&self, theta: f64, y: &mut [f64]) {
        y.iter_mut().enumerate().for_each(|(index, y)| *y = self.at(index, theta));
    }

    /// Sets the step from `start` to `new`, with the last three coefficients of each number.
    pub(super) fn set(&mut self, start: &[f64], new: &[f64], bend: impl Fn(usize) -> [f64; 3]) {
        self.start.clear();
        self.start.extend_from_slice(start);
        self.coefficients.iter_mut().for_each(Vec::clear);
        for (index, (start, new)) in start.iter().zip(new).enumerate() {
            let [b, c, d] = bend(index);
            self.coefficients.iter_mut().zip([new - start, b, c, d]).for_each(|(part, value)| part.push(value));
        }
    }
}
