//! Ordinary differential equations: the explicit method of Dormand and Prince, and a Rosenbrock method once the
//! equations prove stiff.
//!
//! The explicit method judges after each step whether stability or accuracy limits the step (Hairer & Wanner 1996,
//! Solving Ordinary Differential Equations II, section IV.2); where it is stability, again and again, the Rosenbrock
//! method takes over, and hands back once its steps have long been short enough for the explicit one. No Jacobian is
//! ever computed for equations that are not stiff.

mod dense;
mod explicit;
mod mean_field;
mod rosenbrock;

pub(crate) use dense::Dense;
use explicit::Explicit;
pub(crate) use mean_field::{Linear, MeanField, drift, place};
use rosenbrock::Rosenbrock;

use crate::simulator::{SimulationError, Stats};

/// Equations y' = f(t, y), and systems of linear equations with their Jacobian J = ∂f/∂y.
pub(crate) trait System {
    /// Writes f(t, y).
    fn drift(&mut self, time: f64, y: &[f64], drift: &mut [f64]);

    /// Computes J at a point, to be kept, and writes ∂f/∂t.
    fn linearise(&mut self, time: f64, y: &[f64], by_time: &mut [f64]);

    /// Prepares (shift − J)·x = b to be solved; false if there is no solution.
    fn factor(&mut self, shift: f64) -> bool;

    /// Replaces b by x.
    fn solve(&mut self, b: &mut [f64]);

    /// A bound of the moduli of J's eigenvalues: its norm where lengths are measured in `scale`.
    fn norm(&self, scale: &[f64]) -> f64;

    /// Whether the integration must stop here, if it has not before.
    fn turned(&mut self, _time: f64, _y: &[f64]) -> bool {
        false
    }

    /// Writes the error allowed in a step from `old` to `new`.
    fn allow(&self, tolerance: Tolerance, old: &[f64], new: &[f64], scale: &mut [f64]) {
        for (scale, (old, new)) in scale.iter_mut().zip(old.iter().zip(new)) {
            *scale = tolerance.absolute + tolerance.relative * old.abs().max(new.abs());
        }
    }
}

/// What error of a step is allowed: absolute + relative · |y|.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

/// Largest error in units of what is allowed; infinite if a number is not finite.
fn judge(new: &[f64], scale: &[f64], error: impl Fn(usize) -> f64) -> f64 {
    let mut largest = 0.0_f64;
    for (index, (new, scale)) in new.iter().zip(scale).enumerate() {
        let error = error(index).abs() / scale;
        if !error.is_finite() || !new.is_finite() {
            return f64::INFINITY;
        }
        largest = largest.max(error);
    }
    largest
}

/// Steps judged stiff after which the Rosenbrock method takes over, and steps judged otherwise in a row that void them
/// (both as in Hairer's code DOPRI5).
const STIFF_STEPS: u32 = 15;
const VOIDING_STEPS: u32 = 6;
/// h·|λ| at which the explicit method becomes unstable (DOPRI5).
const STABLE: f64 = 3.25;
/// Rosenbrock steps in a row with h·‖J‖ < 1 after which the explicit method is tried again.
const EASY_STEPS: u32 = 20;
/// Shortest step, relative to the time and to the step first tried.
const SHORTEST: f64 = 1e-13;

/// A step that has been made.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub length: f64,
    /// Whether it reaches the end asked for.
    last: bool,
    /// The length that was right before the end was looked at.
    wanted: f64,
    /// By which factor the next should be longer.
    factor: f64,
}

/// Integrates a [`System`] from time to time, and remembers step and method in between.
pub(crate) struct Solver {
    tolerance: Tolerance,
    explicit: Explicit,
    /// Made when first needed.
    rosenbrock: Option<Rosenbrock>,
    stiff: bool,
    /// The step to try next; none after a jump.
    step: Option<f64>,
    stiff_steps: u32,
    other_steps: u32,
}

impl Solver {
    /// A solver for `size` equations.
    pub fn new(size: usize, tolerance: Tolerance) -> Self {
        let explicit = Explicit::new(size);
        Self { tolerance, explicit, rosenbrock: None, stiff: false, step: None, stiff_steps: 0, other_steps: 0 }
    }

    /// Must be told when y or f have changed in between.
    pub fn jumped(&mut self) {
        self.step = None;
        self.choose(false);
    }

    /// Starts anew with `size` equations, which may be known to be stiff.
    pub fn restart(&mut self, size: usize, stiff: bool) {
        self.explicit.resize(size);
        if let Some(rosenbrock) = &mut self.rosenbrock {
            rosenbrock.resize(size);
        }
        self.step = None;
        self.choose(stiff);
    }

    fn choose(&mut self, stiff: bool) {
        self.stiff = stiff;
        (self.stiff_steps, self.other_steps) = (0, 0);
        self.cut();
    }

    /// Moves `y` from time `from` to `until`, or to where the system has turned; gives the time reached.
    pub fn advance(
        &mut self,
        system: &mut impl System,
        y: &mut [f64],
        from: f64,
        until: f64,
        stats: &mut Stats,
    ) -> Result<f64, SimulationError> {
        let mut time = from;
        while time < until {
            let step = self.make(system, y, time, until, stats)?;
            let reached = time + step.length;
            if system.turned(reached, self.new_point()) {
                let length = self.first_turn(system, time, step.length, y);
                self.accept(system, length, true, y);
                return Ok(time + length);
            }
            time = if step.last { until } else { reached };
            self.take(system, step, y);
        }
        Ok(until)
    }

    /// Makes a step from `y` as long as accuracy allows, at most until `until`, and leaves `y` where it is:
    /// [`Solver::take`] or [`Solver::cut`] ends it.
    pub fn make(
        &mut self,
        system: &mut impl System,
        y: &[f64],
        time: f64,
        until: f64,
        stats: &mut Stats,
    ) -> Result<Step, SimulationError> {
        let rest = until - time;
        let mut limit = None;
        loop {
            let wanted = match self.step {
                Some(step) => step,
                None => self.explicit.first_step(system, time, y, self.tolerance).min(rest),
            };
            // A last step that would leave a sliver is stretched to the end.
            let last = 1.0001 * wanted >= rest;
            let length = if last { rest } else { wanted };
            stats.step(time)?;
            let (error, factor) = self.attempt(system, time, length, y);
            if error <= 1.0 {
                return Ok(Step { length, last, wanted, factor });
            }
            let shorter = length * factor;
            let limit = *limit.get_or_insert(SHORTEST * (time.abs() + until.min(length)));
            if shorter.is_nan() || shorter <= limit {
                if self.stiff {
                    return Err(SimulationError::Stiff { time });
                }
                self.choose(true);
            }
            self.step = Some(shorter);
        }
    }

    /// Moves `y` to the end of the step just made.
    pub fn take(&mut self, system: &impl System, step: Step, y: &mut [f64]) {
        let Step { length, wanted, factor, .. } = step;
        self.accept(system, length, length < wanted, y);
        // A step cut short at the end says little about the step that would have been right.
        self.step = Some(if length < wanted { wanted.max(length * factor) } else { length * factor });
    }

    /// Ends the step just made somewhere within, where y or f may change: the next is tried with the same length.
    pub fn cut(&mut self) {
        self.explicit.forget();
        if let Some(rosenbrock) = &mut self.rosenbrock {
            rosenbrock.forget();
        }
    }

    /// Writes the step just made.
    pub fn dense(&self, step: Step, y: &[f64], dense: &mut Dense) {
        match &self.rosenbrock {
            Some(rosenbrock) if self.stiff => rosenbrock.dense(y, dense),
            _ => self.explicit.dense(step.length, y, dense),
        }
    }

    fn attempt(&mut self, system: &mut impl System, time: f64, step: f64, y: &[f64]) -> (f64, f64) {
        if self.stiff {
            let rosenbrock = self.rosenbrock.get_or_insert_with(|| Rosenbrock::new(y.len()));
            rosenbrock.attempt(system, time, step, y, self.tolerance)
        } else {
            self.explicit.attempt(system, time, step, y, self.tolerance)
        }
    }

    /// Where the last attempt leads.
    pub fn new_point(&self) -> &[f64] {
        match &self.rosenbrock {
            Some(rosenbrock) if self.stiff => &rosenbrock.new,
            _ => &self.explicit.new,
        }
    }

    /// The shortest step within `step` after which the system has turned, by bisection; it is the one attempted last.
    fn first_turn(&mut self, system: &mut impl System, time: f64, step: f64, y: &[f64]) -> f64 {
        let (mut before, mut after) = (0.0, step);
        while after - before > SHORTEST * (time.abs() + step) {
            let middle = 0.5 * (before + after);
            self.attempt(system, time, middle, y);
            if system.turned(time + middle, self.new_point()) { after = middle } else { before = middle }
        }
        self.attempt(system, time, after, y);
        after
    }

    /// Takes the new point of a step over, and the method for the next.
    fn accept(&mut self, system: &impl System, step: f64, clipped: bool, y: &mut [f64]) {
        if !self.stiff {
            let product = self.explicit.accept(step, y);
            // A step cut short says nothing about what would have limited it.
            if product > STABLE && !clipped {
                (self.stiff_steps, self.other_steps) = (self.stiff_steps + 1, 0);
            } else if !clipped {
                self.other_steps += 1;
                if self.other_steps >= VOIDING_STEPS {
                    self.stiff_steps = 0;
                }
            }
            if self.stiff_steps >= STIFF_STEPS {
                self.choose(true);
            }
        } else if let Some(rosenbrock) = &mut self.rosenbrock {
            let product = rosenbrock.accept(system, step, y);
            self.other_steps = if product < 1.0 { self.other_steps + 1 } else { 0 };
            if self.other_steps >= EASY_STEPS {
                self.choose(false);
            }
        }
    }
}

#[cfg(test)]
mod tests;
