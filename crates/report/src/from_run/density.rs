//! Densities of priors and posteriors on the scale they are drawn on.

use metacascade_inference::{Parameter, Quantiles, Scale, moments};

/// Points of a curve.
const POINTS: u32 = 160;

/// The prior's density per unit of the parameter's scale, between its outer thousandths.
pub fn prior(parameter: &Parameter) -> Vec<[f64; 2]> {
    let end = |p: f64| parameter.to_scale(parameter.quantile(p));
    let points = grid(end(0.001), end(0.999)).map(|scaled| {
        let value = parameter.from_scale(scaled);
        let slope = match parameter.scale {
            Scale::Lin => 1.0,
            Scale::Log10 => value * std::f64::consts::LN_10,
        };
        [value, parameter.log_density(value).exp() * slope]
    });
    points.filter(|point| point[1].is_finite()).collect()
}

/// A weighted kernel estimate of the posterior's density per unit of the parameter's scale, reflected at the bounds.
///
/// The bandwidth is Silverman's .9 min(s.d., interquartile range/1.34) n^(−1/5) (Silverman 1986, equation 3.31), n being
/// the effective sample size.
pub fn posterior(parameter: &Parameter, values: &[f64], weights: &[f64]) -> Vec<[f64; 2]> {
    let scaled: Vec<f64> = values.iter().map(|&value| parameter.to_scale(value)).collect();
    let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
    let quantiles = Quantiles::new(&scaled, weights);
    let sd = moments(&scaled, weights).1.sqrt();
    let range = (quantiles.at(0.75) - quantiles.at(0.25)) / 1.34;
    let spread = if range > 0.0 { sd.min(range) } else { sd };
    let bandwidth = 0.9 * spread * effective.powf(-0.2);
    // Rounding leaves equal draws a spread of this order.
    if bandwidth.is_nan() || bandwidth <= 1e-12 * quantiles.at(0.5).abs() {
        return Vec::new();
    }
    let (lower, upper) = (parameter.to_scale(parameter.lower), parameter.to_scale(parameter.upper));
    let start = (quantiles.at(0.0) - 3.0 * bandwidth).max(lower);
    let end = (quantiles.at(1.0) + 3.0 * bandwidth).min(upper);
    let kernel = |at: f64, centre: f64| (-0.5 * ((at - centre) / bandwidth).powi(2)).exp();
    let height = 1.0 / (bandwidth * (2.0 * std::f64::consts::PI).sqrt());
    let density = |at: f64| {
        let terms = scaled.iter().zip(weights).map(|(&value, weight)| {
            // Reflections at infinite bounds are infinitely far away.
            let reflected = kernel(at, 2.0 * lower - value) + kernel(at, 2.0 * upper - value);
            weight * (kernel(at, value) + if reflected.is_nan() { 0.0 } else { reflected })
        });
        height * terms.sum::<f64>()
    };
    grid(start, end).map(|scaled| [parameter.from_scale(scaled), density(scaled)]).collect()
}

fn grid(start: f64, end: f64) -> impl Iterator<Item = f64> {
    (0..=POINTS).map(move |point| {
        let share = f64::from(point) / f64::from(POINTS);
        start * (1.0 - share) + end * share
    })
}

#[cfg(test)]
mod tests {
    use metacascade_inference::Prior;

    use super::*;

    fn area(parameter: &Parameter, curve: &[[f64; 2]]) -> f64 {
        let scaled = |point: &[f64; 2]| parameter.to_scale(point[0]);
        curve.windows(2).map(|pair| (scaled(&pair[1]) - scaled(&pair[0])) * 0.5 * (pair[0][1] + pair[1][1])).sum()
    }

    fn parameter(prior: Prior, scale: Scale) -> Parameter {
        let (lower, upper) = prior.support();
        Parameter { name: "k".into(), prior, lower, upper, scale }
    }

    #[test]
    fn a_log_uniform_law_is_flat_on_its_scale_up_to_the_bounds() {
        let parameter = parameter(Prior::LogUniform { lower: 0.01, upper: 10.0 }, Scale::Log10);
        for point in prior(&parameter) {
            assert!((point[1] - 1.0 / 3.0).abs() < 1e-9, "{point:?}");
        }
        // Draws at its own quantiles: the estimate is flat too, also where a kernel would leak over a bound.
        let values: Vec<f64> = (0..1000).map(|i| parameter.quantile((f64::from(i) + 0.5) / 1e3)).collect();
        let curve = posterior(&parameter, &values, &[1e-3; 1000]);
        for point in &curve {
            assert!((point[1] * 3.0 - 1.0).abs() < 0.02, "{point:?}");
        }
        assert!((area(&parameter, &curve) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_normal_posterior_is_drawn_as_a_bell_of_area_one() {
        let parameter = parameter(Prior::Normal { mean: 0.0, sd: 10.0 }, Scale::Lin);
        let law = Prior::Normal { mean: 2.0, sd: 0.5 };
        let values: Vec<f64> = (0..2000).map(|i| law.quantile((f64::from(i) + 0.5) / 2e3)).collect();
        let curve = posterior(&parameter, &values, &[1.0 / 2e3; 2000]);
        assert!((area(&parameter, &curve) - 1.0).abs() < 0.01);
        // The kernel widens the bell a little.
        let top = curve.iter().map(|point| point[1]).fold(0.0, f64::max);
        assert!((top / law.log_density(2.0).exp() - 1.0).abs() < 0.04, "{top}");
    }

    #[test]
    fn a_single_value_has_no_density() {
        let parameter = parameter(Prior::Uniform { lower: 0.0, upper: 1.0 }, Scale::Lin);
        assert_eq!(posterior(&parameter, &[0.4; 10], &[0.1; 10]), Vec::<[f64; 2]>::new());
    }
}
