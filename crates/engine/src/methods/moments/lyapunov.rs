//! The equation σX − JX − XJᵀ = R for symmetric R, by the Schur form of J (Bartels & Stewart 1972, Commun ACM 15:820).

use nalgebra::{Complex, DMatrix, Schur};

/// J = DUTUᴴD⁻¹ with U unitary, T upper triangular, and D a diagonal that balances J's units.
pub(super) struct Lyapunov {
    scale: Vec<f64>,
    unitary: DMatrix<Complex<f64>>,
    triangle: DMatrix<Complex<f64>>,
}

/// Iterations of the QR algorithm, for each row, after which it is given up.
const ITERATIONS: usize = 100;

impl Lyapunov {
    /// Nothing if J has no Schur form in numbers. `scale` holds the size of what each row stands for.
    pub fn new(jacobian: &DMatrix<f64>, scale: Vec<f64>) -> Option<Self> {
        let size = jacobian.nrows();
        let balanced = DMatrix::from_fn(size, size, |row, column| {
            Complex::new(jacobian[(row, column)] * scale[column] / scale[row], 0.0)
        });
        if balanced.iter().any(|entry| !entry.re.is_finite()) {
            return None;
        }
        let (unitary, triangle) = Schur::try_new(balanced, f64::EPSILON, ITERATIONS * size.max(1))?.unpack();
        Some(Self { scale, unitary, triangle })
    }

    /// Replaces R by X.
    pub fn solve(&self, shift: f64, right: &mut DMatrix<f64>) {
        let size = self.scale.len();
        let units = |row: usize, column: usize| self.scale[row] * self.scale[column];
        let balanced =
            DMatrix::from_fn(size, size, |row, column| Complex::new(right[(row, column)] / units(row, column), 0.0));
        // σY − TY − YTᴴ = UᴴRU, column by column from the last, each from its last row.
        let mut y = self.unitary.adjoint() * balanced * &self.unitary;
        let t = &self.triangle;
        for column in (0..size).rev() {
            for later in column + 1..size {
                let weight = t[(column, later)].conj();
                for row in 0..size {
                    let known = y[(row, later)];
                    y[(row, column)] += weight * known;
                }
            }
            for row in (0..size).rev() {
                let value = y[(row, column)] / (shift - t[(column, column)].conj() - t[(row, row)]);
                y[(row, column)] = value;
                for above in 0..row {
                    y[(above, column)] += t[(above, row)] * value;
                }
            }
        }
        let x = &self.unitary * y * self.unitary.adjoint();
        for column in 0..size {
            for row in 0..size {
                right[(row, column)] = x[(row, column)].re * units(row, column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residual(jacobian: &DMatrix<f64>, scale: Vec<f64>) -> f64 {
        let size = jacobian.nrows();
        let units = |row: usize, column: usize| scale[row] * scale[column];
        let right = DMatrix::from_fn(size, size, |i, j| ((1 + i * j) as f64 + (i + j) as f64 * 0.3) * units(i, j));
        let lyapunov = Lyapunov::new(jacobian, scale.clone()).unwrap();
        let mut x = right.clone();
        lyapunov.solve(3.0, &mut x);
        let left = &x * 3.0 - jacobian * &x - &x * jacobian.transpose();
        let errors = (0..size * size).map(|at| (at / size, at % size));
        errors.map(|(i, j)| ((left[(i, j)] - right[(i, j)]) / units(i, j)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn solutions_solve() {
        for size in [1, 2, 3, 5, 12, 40] {
            // Chains (defective), rotations (complex), full matrices, none at all.
            let chain = DMatrix::from_fn(size, size, |i, j| if i == j { -1.0 } else { f64::from(i == j + 1) });
            let cycle =
                DMatrix::from_fn(size, size, |i, j| f64::from((j + 1) % size == i) - f64::from((i + 1) % size == j));
            let full = DMatrix::from_fn(size, size, |i, j| ((7 * i + 3 * j * j) as f64).sin() - 0.5 * size as f64);
            for jacobian in [chain, cycle, full, DMatrix::zeros(size, size)] {
                let error = residual(&jacobian, vec![1.0; size]);
                assert!(error < 1e-9 * (size * size) as f64, "{size}: {error}");
            }
            // Units of 1 to 1e9.
            let scale: Vec<f64> = (0..size).map(|i| 10_f64.powi((i % 10) as i32)).collect();
            let uneven = DMatrix::from_fn(size, size, |i, j| -((3 * i + j) as f64).cos().abs() * scale[i] / scale[j]);
            let error = residual(&uneven, scale);
            assert!(error < 1e-9 * (size * size) as f64, "{size}, uneven: {error}");
        }
    }
}
