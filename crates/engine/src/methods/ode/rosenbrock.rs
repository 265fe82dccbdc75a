//! The Rosenbrock method of order 4(3) RODAS, stiffly accurate and L-stable (Hairer & Wanner 1996, Solving Ordinary
//! Differential Equations II, section VI.4), in the form of section IV.7 that multiplies by no Jacobian, with the
//! coefficients of their code of the same name.

use super::{Dense, System, Tolerance, judge};

const STAGES: usize = 6;
const GAMMA: f64 = 0.25;
/// Times of the stages, and weights of ∂f/∂t in them.
const ALPHA: [f64; STAGES] = [0.0, 0.386, 0.21, 0.63, 1.0, 1.0];
const D: [f64; STAGES] = [0.25, -0.1043, 0.1035, -0.036_200_000_000_000_23, 0.0, 0.0];
/// Where a stage is taken, by the stages before.
const A: [&[f64]; STAGES] = [
    &[],
    &[1.544],
    &[0.946_678_528_081_582_6, 0.255_701_169_898_328_4],
    &[3.314_825_187_068_521, 2.896_124_015_972_201, 0.998_641_913_997_781_7],
    &[1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895],
    &[1.221_224_509_226_641, 6.019_134_481_288_629, 12.537_083_329_320_87, -0.687_886_036_105_895, 1.0],
];
/// What stands for the products with the Jacobian.
const C: [&[f64]; STAGES] = [
    &[],
    &[-5.6688],
    &[-2.430_093_356_833_875, -0.206_359_915_709_191_5],
    &[-0.107_352_905_815_137_5, -9.594_562_251_023_355, -20.470_286_148_096_16],
    &[7.496_443_313_967_647, -10.246_804_314_643_52, -33.999_903_528_199_05, 11.708_908_932_061_6],
    &[
        8.083_246_795_921_522,
        -7.981_132_988_064_893,
        -31.521_594_328_743_71,
        16.319_305_431_231_36,
        -6.058_818_238_834_054,
    ],
];
/// Of the continuous extension.
const DENSE: [[f64; STAGES - 1]; 2] = [
    [
        10.126_235_083_445_86,
        -7.487_995_877_610_167,
        -34.800_918_615_557_47,
        -7.992_771_707_568_823,
        1.025_137_723_295_662,
    ],
    [
        -0.676_280_339_280_125_3,
        6.087_714_651_680_015,
        16.430_843_208_924_78,
        24.767_225_114_183_86,
        -6.594_389_125_716_872,
    ],
];

pub(super) struct Rosenbrock {
    /// Slope at the present point and its derivative by time, if `known`; the system then has the Jacobian too.
    slope: Vec<f64>,
    by_time: Vec<f64>,
    known: bool,
    /// Where a stage is taken.
    point: Vec<f64>,
    stages: [Vec<f64>; STAGES],
    /// Where the last attempt leads.
    pub new: Vec<f64>,
    /// The error allowed.
    scale: Vec<f64>,
}

impl Rosenbrock {
    pub fn new(size: usize) -> Self {
        let zeros = || vec![0.0; size];
        let stages = std::array::from_fn(|_| zeros());
        let (slope, by_time, point, new, scale) = (zeros(), zeros(), zeros(), zeros(), zeros());
        Self { slope, by_time, known: false, point, stages, new, scale }
    }

    /// Makes room for `size` equations.
    pub fn resize(&mut self, size: usize) {
        let single = [&mut self.slope, &mut self.by_time, &mut self.point, &mut self.new, &mut self.scale];
        self.stages.iter_mut().chain(single).for_each(|vector| vector.resize(size, 0.0));
    }

    /// What was learned about the point before holds no longer.
    pub fn forget(&mut self) {
        self.known = false;
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
        let error = self.step(system, time, h, y, tolerance);
        let factor = if error > 0.0 { 0.9 * error.powf(-0.25) } else { 6.0 };
        match error {
            f64::INFINITY => (error, 0.1),
            ..=1.0 => (error, factor.clamp(0.2, 6.0)),
            _ => (error, factor.max(0.2)),
        }
    }

    fn step(&mut self, system: &mut impl System, time: f64, h: f64, y: &[f64], tolerance: Tolerance) -> f64 {
        if !self.known {
            system.drift(time, y, &mut self.slope);
            system.linearise(time, y, &mut self.by_time);
            self.known = true;
        }
        if !system.factor(1.0 / (GAMMA * h)) {
            return f64::INFINITY;
        }
        for stage in 0..STAGES {
            let (before, rest) = self.stages.split_at_mut(stage);
            let now = &mut rest[0];
            let sum = |weights: &[f64], index: usize| -> f64 {
                weights.iter().zip(&*before).map(|(weight, stage)| weight * stage[index]).sum()
            };
            if stage == 0 {
                now.copy_from_slice(&self.slope);
            } else {
                self.point.iter_mut().enumerate().for_each(|(index, point)| *point = y[index] + sum(A[stage], index));
                system.drift(time + ALPHA[stage] * h, &self.point, now);
            }
            for (index, now) in now.iter_mut().enumerate() {
                *now += sum(C[stage], index) / h + D[stage] * h * self.by_time[index];
            }
            system.solve(now);
        }
        let last = &self.stages[STAGES - 1];
        for (new, (point, last)) in self.new.iter_mut().zip(self.point.iter().zip(last)) {
            *new = point + last;
        }
        system.allow(tolerance, y, &self.new, &mut self.scale);
        judge(&self.new, &self.scale, |index| last[index])
    }

    /// Writes the last step, if it has not been accepted yet.
    pub fn dense(&self, y: &[f64], dense: &mut Dense) {
        dense.set(y, &self.new, |index| {
            let sum = |weights: &[f64]| weights.iter().zip(&self.stages).map(|(d, stage)| d * stage[index]).sum();
            [sum(&DENSE[0]), sum(&DENSE[1]), 0.0]
        });
    }

    /// Moves `y` to the new point; gives h·‖J‖ of the step made, with lengths measured in the tolerance.
    pub fn accept(&mut self, system: &impl System, h: f64, y: &mut [f64]) -> f64 {
        y.copy_from_slice(&self.new);
        self.known = false;
        h * system.norm(&self.scale)
    }
}
