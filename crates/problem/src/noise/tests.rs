use metacascade_random::Key;

use super::*;

const LAWS: [NoiseDistribution; 4] = [
    NoiseDistribution::Normal,
    NoiseDistribution::LogNormal,
    NoiseDistribution::Laplace,
    NoiseDistribution::LogLaplace,
];

/// Densities integrate to 1 (trapezoidal rule on the scale of the law).
#[test]
fn densities_integrate_to_one() {
    for law in LAWS {
        let (y, sigma) = (2.0_f64, 0.3);
        let steps = 40_000;
        let total: f64 = (0..=steps)
            .map(|step| {
                let z = (f64::from(step) / f64::from(steps) - 0.5) * 24.0;
                let width = 24.0 / f64::from(steps);
                if law.is_logarithmic() {
                    let m = (y.ln() + z).exp();
                    law.log_density(m, y, sigma).exp() * m * width
                } else {
                    law.log_density(y + z, y, sigma).exp() * width
                }
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-6, "{law:?}: {total}");
    }
    assert_eq!(NoiseDistribution::LogNormal.log_density(1.0, 0.0, 1.0), f64::NEG_INFINITY);
    assert_eq!(NoiseDistribution::LogLaplace.log_density(-1.0, 2.0, 1.0), f64::NEG_INFINITY);
}

/// Samples follow the density: the mean of each law's negative log density is its entropy. 20,000 samples, standard
/// deviation of the log density at most 1, so 0.04 is more than 5 standard errors: a false alarm once in 1e6 seeds.
#[test]
fn samples_follow_the_density() {
    let (y, sigma) = (2.0_f64, 0.3_f64);
    let normal = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln() + sigma.ln();
    let laplace = 1.0 + (2.0 * sigma).ln();
    for (law, entropy) in LAWS.into_iter().zip([normal, normal + y.ln(), laplace, laplace + y.ln()]) {
        let mut random = Key::new(5).stream();
        let mut below = 0;
        let total: f64 = (0..20_000)
            .map(|_| {
                let m = law.sample(y, sigma, &mut random);
                below += usize::from(m < y);
                -law.log_density(m, y, sigma)
            })
            .sum();
        assert!((total / 20_000.0 - entropy).abs() < 0.04, "{law:?}: {} against {entropy}", total / 20_000.0);
        // y is the median of all four laws; the standard error of the share is 0.0035.
        assert!((below as f64 / 20_000.0 - 0.5).abs() < 0.02, "{law:?}: {below}");
    }
}
