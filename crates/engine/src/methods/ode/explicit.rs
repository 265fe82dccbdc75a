//! The explicit Runge–Kutta method of order 5(4) of Dormand & Prince (1980, J Comput Appl Math 6:19), as in Hairer,
//! Nørsett & Wanner (1993), Solving Ordinary Differential Equations I, table II.5.2 and section II.4, and in their code
//! DOPRI5.

use super::{Dense, System, Tolerance, judge};

const STAGES: usize = 7;
const C: [f64; STAGES] = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
/// Weights of the stages before, for each stage but the first; the last is at the new point.
const A: [&[f64]; STAGES - 1] = [
    &[0.2],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// Of the error: order 5 less order 4.
const E: [f64; STAGES] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Of the continuous extension.
const D: [f64; STAGES] = [
    -12_715_105_075.0 / 11_282_082_432.0,
    0.0,
    87_487_479_700.0 / 32_700_410_799.0,
    -10_690_763_975.0 / 1_880_347_072.0,
    701_980_252_875.0 / 199_316_789_632.0,
    -1_453_857_185.0 / 822_651_844.0,
    69_997_945.0 / 29_380_423.0,
];

/// Exponents of the PI step control (section IV.2 of volume II; DOPRI5's β), its safety, and its bounds.
const BETA: f64 = 0.04;
const ALPHA: f64 = 0.2 - 0.75 * BETA;
const SAFETY: f64 = 0.9;
const LEAST: f64 = 0.2;
const MOST: f64 = 10.0;

pub(super) struct Explicit {
    /// Slopes of the stages; the first is that at the present point, if `known`.
    slopes: [Vec<f64>; STAGES],
    known: bool,
    /// Where the last but one stage was taken.
    sixth: Vec<f64>,
    /// Where the last attempt leads.
    pub new: Vec<f64>,
    /// The error allowed.
    scale: Vec<f64>,
    error: f64,
    previous_error: f64,
}

impl Explicit {
    pub fn new(size: usize) -> Self {
        let zeros = || vec![0.0; size];
        let slopes = std::array::from_fn(|_| zeros());
        let (sixth, new, scale) = (zeros(), zeros(), zeros());
        Self { slopes, known: false, sixth, new, scale, error: 1e-4, previous_error: 1e-4 }
    }

    /// Makes room for `size` equations.
    pub fn resize(&mut self, size: usize) {
        let vectors = self.slopes.iter_mut().chain([&mut self.sixth, &mut self.new, &mut self.scale]);
        vectors.for_each(|vector| vector.resize(size, 0.0));
    }

    /// What was learned about the point before holds no longer.
    pub fn forget(&mut self) {
        self.known = false;
        self.previous_error = 1e-4;
    }

    fn learn(&mut self, system: &mut impl System, time: f64, y: &[f64]) {
        if !self.known {
            system.drift(time, y, &mut self.slopes[0]);
            self.known = true;
        }
    }

    /// A first step from the sizes of y, y' and y'' (Hairer, Nørsett & Wanner 1993, section II.4, starting step size).
    pub fn first_step(&mut self, system: &mut impl System, time: f64, y: &[f64], tolerance: Tolerance) -> f64 {
        self.learn(system, time, y);
        system.allow(tolerance, y, y, &mut self.scale);
        let size = |vector: &dyn Fn(usize) -> f64| {
            self.scale.iter().enumerate().map(|(i, scale)| vector(i).abs() / scale).fold(0.0, f64::max)
        };
        let (value, slope) = (size(&|i| y[i]), size(&|i| self.slopes[0][i]));
        let euler = if value < 1e-5 || slope < 1e-5 { 1e-6 } else { 0.01 * value / slope };
        for (new, (y, slope)) in self.new.iter_mut().zip(y.iter().zip(&self.slopes[0])) {
            *new = y + euler * slope;
        }
        system.drift(time + euler, &self.new, &mut self.slopes[1]);
        let bend = size(&|i| self.slopes[1][i] - self.slopes[0][i]) / euler;
        let largest = slope.max(bend);
        let step = if largest <= 1e-15 { (1e-3 * euler).max(1e-6) } else { (0.01 / largest).powf(0.2) };
        step.min(100.0 * euler)
    }

    /// One step: its error in units of the tolerance, and by which factor the next should be longer.
    pub fn attempt(
        &mut self,
        system: &mut impl System,
        time: f64,
        h: f64,
        y: &[f64],
        tolerance: Tolerance,
    ) -> (f64, f64) {
        self.learn(system, time, y);
        for stage in 1..STAGES {
            let (before, rest) = self.slopes.split_at_mut(stage);
            let point = if stage == STAGES - 1 { &mut self.new } else { &mut self.sixth };
            for (index, point) in point.iter_mut().enumerate() {
                let weighted = A[stage - 1].iter().zip(&*before).map(|(a, slope)| a * slope[index]);
                *point = y[index] + h * weighted.sum::<f64>();
            }
            system.drift(time + C[stage] * h, point, &mut rest[0]);
        }
        let slopes = &self.slopes;
        let error = |index: usize| h * E.iter().zip(slopes).map(|(e, slope)| e * slope[index]).sum::<f64>();
        system.allow(tolerance, y, &self.new, &mut self.scale);
        self.error = judge(&self.new, &self.scale, error);
        let factor = SAFETY * self.error.powf(-ALPHA);
        let factor = match self.error {
            f64::INFINITY => 0.1,
            ..=1.0 => (factor * self.previous_error.powf(BETA)).clamp(LEAST, MOST),
            _ => factor.max(LEAST),
        };
        (self.error, factor)
    }

    /// Writes the last step, if it has not been accepted yet.
    pub fn dense(&self, h: f64, y: &[f64], dense: &mut Dense) {
        let slopes = &self.slopes;
        dense.set(y, &self.new, |index| {
            let change = self.new[index] - y[index];
            let start = h * slopes[0][index] - change;
            let end = change - h * slopes[STAGES - 1][index] - start;
            [start, end, h * D.iter().zip(slopes).map(|(d, slope)| d * slope[index]).sum::<f64>()]
        });
    }

    /// Moves `y` to the new point; gives h·|λ|, where λ is an estimate of the largest eigenvalue of the Jacobian from
    /// the last two stages, both taken at the end of the step (Hairer & Wanner 1996, equation IV.2.7), here with
    /// lengths measured in the tolerance.
    pub fn accept(&mut self, h: f64, y: &mut [f64]) -> f64 {
        let (mut above, mut below) = (0.0, 0.0);
        for (index, (new, scale)) in self.new.iter().zip(&self.scale).enumerate() {
            above += ((self.slopes[6][index] - self.slopes[5][index]) / scale).powi(2);
            below += ((new - self.sixth[index]) / scale).powi(2);
        }
        y.copy_from_slice(&self.new);
        self.slopes.swap(0, STAGES - 1);
        self.previous_error = self.error.max(1e-4);
        if below > 0.0 { h * (above / below).sqrt() } else { 0.0 }
    }
}
