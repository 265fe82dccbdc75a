//! Growth of large lesions: d ln(x) / dt as a function of x.

/// A curve d ln(x) / dt = constant + slope · ln(x): exponential where the slope is 0, Gompertz's where it is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Curve {
    pub constant: f64,
    pub slope: f64,
}

impl Curve {
    /// The curve through the growth at sizes 1 and e.
    pub fn through(at_one: f64, at_e: f64) -> Self {
        Self { constant: at_one, slope: at_e - at_one }
    }

    pub fn rate(self, log: f64) -> f64 {
        self.constant + self.slope * log
    }

    /// ln(x) after a duration.
    pub fn after(self, log: f64, duration: f64) -> f64 {
        let exponent = self.slope * duration;
        // (e^s − 1) / s of small numbers.
        let share = if exponent.abs() < 1e-8 { 1.0 + 0.5 * exponent } else { exponent.exp_m1() / exponent };
        log + self.rate(log) * duration * share
    }

    /// The duration until ln(x) is `target`, if it ever is.
    pub fn until(self, log: f64, target: f64) -> Option<f64> {
        let (rate, gap) = (self.rate(log), target - log);
        let relative = self.slope * gap / rate;
        let duration = if relative.abs() < 1e-8 { gap / rate } else { relative.ln_1p() / self.slope };
        Some(duration).filter(|duration| *duration >= 0.0 && duration.is_finite())
    }
}

/// Relative accuracy of ln(x) of curves that have no closed form.
const TOLERANCE: f64 = 1e-6;
/// Steps after which the rest is taken in one.
const MOST_STEPS: usize = 100_000;

/// Follows any curve by the method of Bogacki & Shampine (1989, Appl Math Lett 2:321) from ln(x) over a duration; `see`
/// is shown (time since the start, ln x) after each step and may stop it. Gives where it ended.
pub(super) fn follow(
    rate: &mut impl FnMut(f64) -> f64,
    log: f64,
    duration: f64,
    see: &mut impl FnMut(f64, f64) -> bool,
) -> (f64, f64) {
    let (mut time, mut y) = (0.0, log);
    let mut k1 = rate(y);
    let mut step = duration.min(0.1 / k1.abs().max(1e-300));
    for _ in 0..MOST_STEPS {
        if time >= duration {
            break;
        }
        step = step.min(duration - time);
        let k2 = rate(y + 0.5 * step * k1);
        let k3 = rate(y + 0.75 * step * k2);
        let new = y + step * (2.0 * k1 + 3.0 * k2 + 4.0 * k3) / 9.0;
        let k4 = rate(new);
        let error = (step * (-5.0 * k1 / 72.0 + k2 / 12.0 + k3 / 9.0 - k4 / 8.0)).abs();
        let allowed = TOLERANCE * (1.0 + y.abs());
        // Also where something is not a number: what comes of it is told later.
        if error.is_nan() || error <= allowed || step <= 1e-12 * duration {
            let last = step >= duration - time;
            (time, y, k1) = (if last { duration } else { time + step }, new, k4);
            if see(time, y) {
                break;
            }
        }
        step *= (0.9 * (allowed / error.max(1e-300)).cbrt()).clamp(0.2, 5.0);
    }
    (time, y)
}
