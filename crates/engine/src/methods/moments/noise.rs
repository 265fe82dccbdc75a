//! The equations of means and covariances as one [`System`].
//!
//! Its Jacobian has the mean field's J for means, X ↦ JX + XJᵀ for covariances, and below the diagonal what covariances
//! owe to means. It is never formed: a system of equations is solved for means first, then for covariances.

use nalgebra::DMatrix;

use super::lyapunov::Lyapunov;
use crate::methods::ode::{Linear, System, Tolerance, drift, place};
use crate::network::TIME;
use crate::state::State;

/// Where the covariance of two species stands among those of a symmetric matrix's half; with 0 as the column, the first
/// of a row.
pub(super) fn packed(row: usize, column: usize) -> usize {
    let (row, column) = (row.max(column), row.min(column));
    row * (row + 1) / 2 + column
}

pub(super) fn unpack(half: &[f64], size: usize) -> DMatrix<f64> {
    DMatrix::from_fn(size, size, |row, column| half[packed(row, column)])
}

pub(super) fn pack(matrix: &DMatrix<f64>, half: &mut [f64]) {
    for row in 0..matrix.nrows() {
        for column in 0..=row {
            half[packed(row, column)] = matrix[(row, column)];
        }
    }
}

/// Relative step of central differences.
const DELTA: f64 = 6e-6;

pub(super) struct Noise<'s, 'n> {
    state: &'s mut State<'n>,
    /// For the drift; overwritten at each point.
    scratch: &'s mut Linear,
    ignored: Vec<f64>,
    time_dependent: bool,
    /// Where the system was linearised; made when first needed.
    point: Option<Point>,
}

struct Point {
    time: f64,
    y: Vec<f64>,
    linear: Linear,
    lyapunov: Option<Lyapunov>,
    shift: f64,
}

impl<'s, 'n> Noise<'s, 'n> {
    pub fn new(state: &'s mut State<'n>, scratch: &'s mut Linear) -> Self {
        let network = state.network;
        let rates = network.species.iter().filter_map(|species| species.rate.as_ref());
        let time_dependent = network.reads.iter().any(|reads| reads.contains(&TIME))
            || rates.into_iter().any(|rate| network.follow(rate.reads()).contains(&TIME));
        let ignored = vec![0.0; state.network.species.len()];
        Self { state, scratch, ignored, time_dependent, point: None }
    }

    /// Writes the drift of the covariances with means at `time` and `counts`.
    fn covariance_drift(&mut self, time: f64, counts: &[f64], half: &[f64], out: &mut [f64]) {
        place(self.state, time, counts);
        self.scratch.linearise(self.state, &mut self.ignored);
        out.fill(0.0);
        for (index, reaction) in self.state.network.reactions.iter().enumerate() {
            let propensity = self.state.law(index);
            for (place, &(one, change)) in reaction.changes.iter().enumerate() {
                for &(other, other_change) in &reaction.changes[..=place] {
                    out[packed(one, other)] += propensity * change * other_change;
                }
            }
        }
        for (column, entries) in self.scratch.jacobian.column_iter().enumerate() {
            for (row, &slope) in entries.iter().enumerate().filter(|(_, slope)| **slope != 0.0) {
                for other in 0..counts.len() {
                    let change = slope * half[packed(column, other)];
                    out[packed(row, other)] += if row == other { 2.0 * change } else { change };
                }
            }
        }
    }

    /// Central difference of the covariances' drift, with time moved by `delta` times `by_time`, means by `delta` times
    /// `by_counts`.
    fn difference(&mut self, point: &Point, delta: f64, by_time: f64, by_counts: &[f64]) -> Vec<f64> {
        let (counts, half) = point.y.split_at(by_counts.len());
        let mut at = |delta: f64| {
            let moved: Vec<f64> = counts.iter().zip(by_counts).map(|(count, by)| count + delta * by).collect();
            let mut out = vec![0.0; half.len()];
            self.covariance_drift(point.time + delta * by_time, &moved, half, &mut out);
            out
        };
        let (above, below) = (at(delta), at(-delta));
        above.iter().zip(below).map(|(above, below)| (above - below) / (2.0 * delta)).collect()
    }
}

impl System for Noise<'_, '_> {
    fn drift(&mut self, time: f64, y: &[f64], out: &mut [f64]) {
        let size = self.state.network.species.len();
        let ((counts, half), (counts_out, half_out)) = (y.split_at(size), out.split_at_mut(size));
        self.covariance_drift(time, counts, half, half_out);
        drift(self.state, counts_out);
    }

    fn linearise(&mut self, time: f64, y: &[f64], by_time: &mut [f64]) {
        let size = self.state.network.species.len();
        let mut point = self.point.take().unwrap_or_else(|| {
            let linear = Linear::new(self.state.network);
            Point { time, y: y.to_vec(), linear, lyapunov: None, shift: 0.0 }
        });
        point.time = time;
        point.y.copy_from_slice(y);
        let (counts_by_time, half_by_time) = by_time.split_at_mut(size);
        half_by_time.fill(0.0);
        if self.time_dependent {
            let delta = DELTA * time.abs().max(1e-3);
            half_by_time.copy_from_slice(&self.difference(&point, delta, 1.0, &vec![0.0; size]));
        }
        place(self.state, time, &y[..size]);
        point.linear.linearise(self.state, counts_by_time);
        let scale = y[..size].iter().map(|count| 1.0 + count.abs()).collect();
        point.lyapunov = Lyapunov::new(&point.linear.jacobian, scale);
        self.point = Some(point);
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.point.as_mut().is_some_and(|point| {
            point.shift = shift;
            point.lyapunov.is_some() && point.linear.factor(shift)
        })
    }

    fn solve(&mut self, b: &mut [f64]) {
        let Some(point) = self.point.take() else { return };
        let size = self.state.network.species.len();
        let (counts, half) = b.split_at_mut(size);
        point.linear.solve(counts);
        let relative = counts.iter().zip(&point.y).map(|(by, count)| by.abs() / (1.0 + count.abs()));
        let largest = relative.fold(0.0, f64::max);
        if largest > 0.0 {
            let owed = self.difference(&point, DELTA / largest, 0.0, counts);
            half.iter_mut().zip(owed).for_each(|(half, owed)| *half += owed);
        }
        if let Some(lyapunov) = &point.lyapunov {
            let mut matrix = unpack(half, size);
            lyapunov.solve(point.shift, &mut matrix);
            pack(&matrix, half);
        }
        self.point = Some(point);
    }

    /// The eigenvalues for covariances are sums of two of those for means.
    fn norm(&self, scale: &[f64]) -> f64 {
        let size = self.state.network.species.len();
        self.point.as_ref().map_or(0.0, |point| 2.0 * point.linear.norm(&scale[..size]))
    }

    /// A covariance near 0 between species that vary much is known as well as their standard deviations allow.
    fn allow(&self, tolerance: Tolerance, old: &[f64], new: &[f64], scale: &mut [f64]) {
        let size = self.state.network.species.len();
        let largest = |index: usize| old[index].abs().max(new[index].abs());
        let sd: Vec<f64> = (0..size).map(|species| largest(size + packed(species, species)).sqrt()).collect();
        for row in 0..size {
            scale[row] = tolerance.absolute + tolerance.relative * largest(row);
            for column in 0..=row {
                scale[size + packed(row, column)] = tolerance.absolute + tolerance.relative * sd[row] * sd[column];
            }
        }
    }
}
