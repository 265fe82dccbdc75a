//! Axes: domain, ticks and labels are worked out here rather than in the browser, so that every
//! number on the page is written by one function and symmetric-logarithmic axes have ticks at powers of ten.

use serde_json::{Value, json};

use crate::number;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// By their logarithm.
    Log,
    /// By sign(x) ln(1 + |x| / constant): linear around zero, logarithmic far from it.
    Symlog {
        /// Where the axis turns from linear to logarithmic.
        constant: f64,
    },
}

/// A quantitative axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// How values are laid out.
    pub scale: Scale,
    /// Lowest and highest value shown.
    pub domain: [f64; 2],
    /// Values with a tick, ascending.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// A linear axis over the finite ones of `values`, widened by `margin` times their range on either side.
    #[must_use]
    pub fn linear(values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let [lower, upper] = range(values).unwrap_or([0.0, 1.0]);
        let width = if upper > lower { upper - lower } else { lower.abs().max(1.0) };
        // A margin below zero would suggest that negative values occur.
        let floor = if lower >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let domain = [(lower - margin * width).max(floor), upper + margin * width];
        let domain = if domain[1] > domain[0] { domain } else { [lower - 0.5 * width, upper + 0.5 * width] };
        Self { scale: Scale::Linear, domain, ticks: linear_ticks(domain, 5.0) }
    }

    /// A logarithmic axis over the finite positive ones of `values`, widened by `margin` times their range in
    /// the logarithm on either side.
    #[must_use]
    pub fn log(values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let [lower, upper] = range(values.into_iter().filter(|value| *value > 0.0)).unwrap_or([1.0, 10.0]);
        let width = if upper > lower { (upper / lower).ln() } else { 1.0 };
        let widen = (width * margin.max(if upper > lower { 0.0 } else { 0.5 })).exp();
        let domain = [(lower / widen).max(f64::MIN_POSITIVE), (upper * widen).min(f64::MAX)];
        Self { scale: Scale::Log, domain, ticks: log_ticks(domain) }
    }

    /// A symmetric-logarithmic axis from zero to `highest`, linear below `constant`, which is a power of ten.
    #[must_use]
    pub fn symlog(highest: f64, constant: f64) -> Self {
        let domain = [0.0, highest.max(constant) * 1.3];
        let ticks = std::iter::once(0.0).chain(thinned(powers_of_ten([constant, domain[1]]))).collect();
        Self { scale: Scale::Symlog { constant }, domain, ticks }
    }

    /// An axis for values that span decades: logarithmic if all of `core` (measurements) are positive,
    /// symmetric-logarithmic if there are zeros, linear if there are negative ones. `fringe` (medians, ends of intervals)
    /// widens it by at most two decades beyond the core, so that an interval that reaches down to nearly nothing
    /// does not squeeze the data.
    #[must_use]
    pub fn decades(core: &[f64], fringe: &[f64]) -> Self {
        let finite = |values: &[f64]| values.iter().copied().filter(|value| value.is_finite()).collect::<Vec<_>>();
        let (core, fringe) = (finite(core), finite(fringe));
        let all = || core.iter().chain(&fringe).copied();
        let Some([lower, upper]) = range(core.iter().copied().filter(|value| *value > 0.0)) else {
            return Self::linear(all().chain([0.0]), 0.05);
        };
        if core.iter().any(|value| *value < 0.0) {
            return Self::linear(all(), 0.05);
        }
        let highest = range(all()).map_or(upper, |[_, highest]| highest).min(upper * 100.0);
        if core.contains(&0.0) {
            return Self::symlog(highest, 10_f64.powf(lower.log10().floor()));
        }
        Self::log(all().filter(|value| *value >= lower / 100.0 && *value <= highest), 0.04)
    }

    /// The same linear axis with about as many ticks.
    #[must_use]
    pub fn with_ticks(self, wanted: f64) -> Self {
        Self { ticks: linear_ticks(self.domain, wanted), ..self }
    }

    /// The value moved into the domain; NaN stays NaN.
    #[must_use]
    pub fn clamp(&self, value: f64) -> f64 {
        // Not `f64::clamp`, which panics if the domain is not ordered; `max` and `min` would lose a NaN.
        if value.is_nan() { value } else { value.max(self.domain[0]).min(self.domain[1]) }
    }

    /// A Vega-Lite position channel: `field` along this axis. The title is text, never an expression.
    #[must_use]
    pub fn channel(&self, field: &str, title: &str) -> Value {
        let mut scale = match self.scale {
            Scale::Linear => json!({"type": "linear"}),
            Scale::Log => json!({"type": "log"}),
            Scale::Symlog { constant } => json!({"type": "symlog", "constant": constant}),
        };
        scale["domain"] = json!(self.domain);
        scale["nice"] = json!(false);
        json!({
            "field": field, "type": "quantitative", "title": title, "scale": scale,
            "axis": {"values": self.ticks, "labelExpr": self.label_expression()}
        })
    }

    /// A lookup from tick to label. Holds numbers only: text from files never enters an expression.
    fn label_expression(&self) -> String {
        let labels = number::ticks(&self.ticks, self.scale != Scale::Linear);
        format!("{}[indexof({}, datum.value)]", json!(labels), json!(self.ticks))
    }
}

/// Smallest and largest finite value.
#[must_use]
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |range, value| match range {
        None => Some([value, value]),
        Some([lower, upper]) => Some([lower.min(value), upper.max(value)]),
    })
}

/// Multiples of 1, 2 or 5 times a power of ten within the domain, about `wanted` of them.
fn linear_ticks(domain: [f64; 2], wanted: f64) -> Vec<f64> {
    let raw = (domain[1] - domain[0]) / wanted;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw);
    let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
    let first = (domain[0] / step - 1e-9).ceil();
    // Rounding through the decimal form: 3 × 0.1 is 0.3, not 0.30000000000000004.
    let tick = |index: u32| format!("{:.12e}", (first + f64::from(index)) * step).parse::<f64>().unwrap_or(f64::NAN);
    (0..20).map(tick).map(|tick| tick + 0.0).take_while(|tick| *tick <= domain[1] + 1e-9 * step).collect()
}

/// Powers of ten if the domain holds two or more, else 1, 2 and 5 times them.
fn log_ticks(domain: [f64; 2]) -> Vec<f64> {
    let powers = powers_of_ten(domain);
    if powers.len() > 2 || (powers.len() == 2 && domain[1] / domain[0] > 50.0) {
        return thinned(powers);
    }
    let lowest = domain[0].log10().floor() as i32;
    let fine: Vec<f64> = (lowest..=lowest + 2)
        .flat_map(|exponent| [1, 2, 5].map(|factor| decimal(factor, exponent)))
        .filter(|tick| *tick >= domain[0] && *tick <= domain[1])
        .collect();
    if fine.len() >= 2 { fine } else { linear_ticks(domain, 4.0) }
}

/// Powers of ten within the domain.
fn powers_of_ten(domain: [f64; 2]) -> Vec<f64> {
    let (lowest, highest) = (domain[0].log10().ceil() as i32 - 1, domain[1].log10().floor() as i32 + 1);
    (lowest..=highest)
        .map(|exponent| decimal(1, exponent))
        .filter(|power| *power >= domain[0] * (1.0 - 1e-12) && *power <= domain[1])
        .collect()
}

/// At most seven of the ticks, evenly spaced.
fn thinned(ticks: Vec<f64>) -> Vec<f64> {
    let step = ticks.len().div_ceil(7).max(1);
    ticks.into_iter().step_by(step).collect()
}

/// factor × 10^exponent, correctly rounded, as a number typed in decimal is.
fn decimal(factor: u32, exponent: i32) -> f64 {
    format!("{factor}e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_lie_within_the_axis() {
        assert_eq!(Axis::linear([0.0, 0.97], 0.0).ticks, [0.0, 0.2, 0.4, 0.6, 0.8]);
        assert_eq!(Axis::linear([-3.0, 12.0], 0.0).ticks, [0.0, 5.0, 10.0]);
        assert_eq!(Axis::log([3.0, 2e4], 0.0).ticks, [10.0, 100.0, 1000.0, 1e4]);
        assert_eq!(Axis::log([0.07, 0.35], 0.0).ticks, [0.1, 0.2]);
        assert_eq!(Axis::symlog(900.0, 1.0).ticks, [0.0, 1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn axes_of_nothing_and_of_one_value_have_a_width() {
        for axis in [
            Axis::linear([], 0.1),
            Axis::linear([f64::NAN], 0.1),
            Axis::linear([0.0], 0.0),
            Axis::linear([7.0], 0.0),
            Axis::log([-1.0], 0.0),
            Axis::log([1e-300], 0.0),
            Axis::symlog(0.0, 1.0),
            Axis::decades(&[], &[]),
            Axis::decades(&[5.0], &[f64::INFINITY]),
        ] {
            assert!(axis.domain[0] < axis.domain[1] && axis.domain.iter().all(|end| end.is_finite()), "{axis:?}");
        }
    }

    #[test]
    fn decades_choose_the_scale_by_the_measurements() {
        assert_eq!(Axis::decades(&[1.0, 1e4], &[]).scale, Scale::Log);
        assert_eq!(Axis::decades(&[0.0, 30.0, 1e4], &[]).scale, Scale::Symlog { constant: 10.0 });
        assert_eq!(Axis::decades(&[-1.0, 1e4], &[]).scale, Scale::Linear);
        // An interval down to nearly nothing does not squeeze the data.
        assert!(Axis::decades(&[10.0, 1e4], &[1e-30]).domain[0] > 1.0);
        assert!(Axis::decades(&[10.0, 1e4], &[0.2]).domain[0] < 0.2);
    }
}
