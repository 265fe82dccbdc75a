use metacascade_random::Key;

use super::*;

const CONTINUOUS: [NoiseDistribution; 4] = [
    NoiseDistribution::Normal,
    NoiseDistribution::LogNormal,
    NoiseDistribution::Laplace,
    NoiseDistribution::LogLaplace,
];

/// Laws of counts, a value of the model, σ and the exposure.
const DISCRETE: [(NoiseDistribution, f64, f64, f64); 7] = [
    (NoiseDistribution::Poisson, 7.0, 1.0, 0.5),
    (NoiseDistribution::Poisson, 120.0, 1.0, 1.0),
    (NoiseDistribution::NegativeBinomial, 9.0, 0.4, 1.0),
    (NoiseDistribution::NegativeBinomial, 9.0, 1e-12, 1.0),
    (NoiseDistribution::Binomial, 0.3, 1.0, 20.0),
    (NoiseDistribution::BetaBinomial, 0.3, 0.2, 20.0),
    (NoiseDistribution::BetaBinomial, 0.9, 0.01, 50.0),
];

/// Mean and variance of each, in closed form.
fn moments((law, y, sigma, exposure): (NoiseDistribution, f64, f64, f64)) -> (f64, f64) {
    let mean = y * exposure;
    match law {
        NoiseDistribution::Poisson => (mean, mean),
        NoiseDistribution::NegativeBinomial => (mean, mean + sigma * mean * mean),
        NoiseDistribution::Binomial => (mean, mean * (1.0 - y)),
        _ => (mean, mean * (1.0 - y) * (1.0 + (exposure - 1.0) * sigma)),
    }
}

/// Densities integrate to 1 (trapezoidal rule on the scale of the law).
#[test]
fn densities_integrate_to_one() {
    for law in CONTINUOUS {
        let (y, sigma) = (2.0_f64, 0.3);
        let steps = 40_000;
        let total: f64 = (0..=steps)
            .map(|step| {
                let z = (f64::from(step) / f64::from(steps) - 0.5) * 24.0;
                let width = 24.0 / f64::from(steps);
                if law.is_logarithmic() {
                    let m = (y.ln() + z).exp();
                    law.log_density(m, y, sigma, 1.0).exp() * m * width
                } else {
                    law.log_density(y + z, y, sigma, 1.0).exp() * width
                }
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-6, "{law:?}: {total}");
    }
    assert_eq!(NoiseDistribution::LogNormal.log_density(1.0, 0.0, 1.0, 1.0), f64::NEG_INFINITY);
    assert_eq!(NoiseDistribution::LogLaplace.log_density(-1.0, 2.0, 1.0, 1.0), f64::NEG_INFINITY);
}

/// Probabilities of counts sum to 1 and have the moments of the law; tails are their sums.
#[test]
fn probabilities_of_counts_have_their_moments_and_tails() {
    for case in DISCRETE {
        let (law, y, sigma, exposure) = case;
        let (mean, variance) = moments(case);
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for count in 0..400 {
            let count = f64::from(count);
            let p = law.log_density(count, y, sigma, exposure).exp();
            (total, first, second) = (total + p, first + p * count, second + p * count * count);
            let (at_most, more) = law.log_tails(count, y, sigma, exposure);
            assert!((at_most.exp() - total).abs() < 1e-9, "{case:?} at {count}: {} {total}", at_most.exp());
            assert!((more.exp() - (1.0 - total)).abs() < 1e-9, "{case:?} at {count}");
        }
        assert!((total - 1.0).abs() < 1e-9, "{case:?}: {total}");
        assert!((first - mean).abs() < 1e-6 * mean, "{case:?}: {first} {mean}");
        assert!((second - first * first - variance).abs() < 1e-5 * variance, "{case:?}");
        assert_eq!(law.log_density(1.5, y, sigma, exposure), f64::NEG_INFINITY);
        assert_eq!(law.log_density(-1.0, y, sigma, exposure), f64::NEG_INFINITY);
    }
    assert!(NoiseDistribution::Poisson.log_density(0.0, 0.0, 1.0, 1.0).abs() < 1e-12);
    assert!(NoiseDistribution::Binomial.log_density(5.0, 1.0, 1.0, 5.0).abs() < 1e-12);
    assert_eq!(NoiseDistribution::Binomial.log_density(6.0, 0.5, 1.0, 5.0), f64::NEG_INFINITY);
}

/// Samples of counts have the law's mean and variance: 20,000 samples, 5 standard errors of the mean, and 10 % of the
/// variance, whose standard error is below 1.6 %: a false alarm once in 1e5 seeds.
#[test]
fn samples_of_counts_follow_the_law() {
    for case in DISCRETE {
        let (law, y, sigma, exposure) = case;
        let (mean, variance) = moments(case);
        let mut random = Key::new(6).stream();
        let samples: Vec<f64> = (0..20_000).map(|_| law.sample(y, sigma, exposure, &mut random)).collect();
        assert!(samples.iter().all(|&sample| sample >= 0.0 && sample.fract() == 0.0));
        let found = samples.iter().sum::<f64>() / 20_000.0;
        let spread = samples.iter().map(|sample| (sample - found).powi(2)).sum::<f64>() / 19_999.0;
        assert!((found - mean).abs() < 5.0 * (variance / 20_000.0).sqrt(), "{case:?}: {found} {mean}");
        assert!((spread / variance - 1.0).abs() < 0.1, "{case:?}: {spread} {variance}");
    }
    let mut random = Key::new(6).stream();
    for law in [NoiseDistribution::Poisson, NoiseDistribution::NegativeBinomial, NoiseDistribution::Binomial] {
        assert_eq!(law.sample(-1.0, 0.5, 3.0, &mut random), 0.0);
    }
}

/// The multinomial law against the product of its binomial parts, and its samples against their means.
#[test]
fn multinomial_samples_are_binomial_after_binomial() {
    let (counts, y) = ([3.0, 5.0, 2.0], [2.0, 2.0, 1.0]);
    let first = NoiseDistribution::Binomial.log_density(3.0, 0.4, 1.0, 10.0);
    let second = NoiseDistribution::Binomial.log_density(5.0, 2.0 / 3.0, 1.0, 7.0);
    assert!((multinomial::log_density(&counts, &y) - first - second).abs() < 1e-12);
    assert_eq!(multinomial::log_density(&counts, &[0.0, 1.0, 1.0]), f64::NEG_INFINITY);
    let mut random = Key::new(7).stream();
    let mut totals = [0.0; 3];
    for _ in 0..5000 {
        let sample = multinomial::sample(10.0, &y, &mut random);
        assert_eq!(sample.iter().sum::<f64>(), 10.0);
        totals.iter_mut().zip(sample).for_each(|(total, count)| *total += count);
    }
    // The standard error of a mean is at most 0.022: a false alarm once in 1e6 seeds.
    for (total, mean) in totals.into_iter().zip([4.0, 4.0, 2.0]) {
        assert!((total / 5000.0 - mean).abs() < 0.12, "{totals:?}");
    }
}

/// Tails of continuous laws against the integral of the density, and far out against each other.
#[test]
fn tails_are_integrals_of_the_density() {
    for law in CONTINUOUS {
        let (y, sigma) = (2.0_f64, 0.3);
        for m in [1.2, 2.0, 2.7] {
            let steps = 200_000;
            let (low, width) = (if law.is_logarithmic() { 1e-9 } else { -20.0 }, 0.0);
            let width = width + (m - low) / f64::from(steps);
            let sum: f64 = (0..steps)
                .map(|step| law.log_density(low + (f64::from(step) + 0.5) * width, y, sigma, 1.0).exp() * width)
                .sum();
            let (below, above) = law.log_tails(m, y, sigma, 1.0);
            assert!((below.exp() - sum).abs() < 1e-6, "{law:?} {m}: {} {sum}", below.exp());
            assert!((below.exp() + above.exp() - 1.0).abs() < 1e-12);
        }
    }
    // ln Φ(−31) = −484.853…; the series and the function it replaces agree where they meet.
    let tail = |z: f64| NoiseDistribution::Normal.log_tails(z, 0.0, 1.0, 1.0).0;
    assert!((tail(-30.000001) - tail(-29.999999) + 30.03 * 2e-6).abs() < 1e-6);
    assert!(tail(-1e5).is_finite());
}

/// Samples follow the density: the mean of each law's negative log density is its entropy. 20,000 samples, standard
/// deviation of the log density at most 1, so 0.04 is more than 5 standard errors: a false alarm once in 1e6 seeds.
#[test]
fn samples_follow_the_density() {
    let (y, sigma) = (2.0_f64, 0.3_f64);
    let normal = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln() + sigma.ln();
    let laplace = 1.0 + (2.0 * sigma).ln();
    for (law, entropy) in CONTINUOUS.into_iter().zip([normal, normal + y.ln(), laplace, laplace + y.ln()]) {
        let mut random = Key::new(5).stream();
        let mut below = 0;
        let total: f64 = (0..20_000)
            .map(|_| {
                let m = law.sample(y, sigma, 1.0, &mut random);
                below += usize::from(m < y);
                -law.log_density(m, y, sigma, 1.0)
            })
            .sum();
        assert!((total / 20_000.0 - entropy).abs() < 0.04, "{law:?}: {} against {entropy}", total / 20_000.0);
        // y is the median of all four laws; the standard error of the share is 0.0035.
        assert!((below as f64 / 20_000.0 - 0.5).abs() < 0.02, "{law:?}: {below}");
    }
}

/// Its ends by their definition: with the lower one as probability, as many or more are found in 2.5 % of cases, with the
/// upper one as many or fewer. 0 of 10 and 10 of 10 have one end in closed form, 1 − .025^(1/10).
#[test]
fn exact_intervals_of_shares_are_those_of_the_binomial_law() {
    let law = NoiseDistribution::Binomial;
    for (found, of) in [(1.0, 10.0), (3.0, 10.0), (7.0, 9.0), (40.0, 400.0)] {
        let [lower, upper] = super::clopper_pearson(found, of, 0.95);
        assert!((law.log_tails(found - 1.0, lower, 1.0, of).1.exp() - 0.025).abs() < 1e-6, "{found} of {of}: {lower}");
        assert!((law.log_tails(found, upper, 1.0, of).0.exp() - 0.025).abs() < 1e-6, "{found} of {of}: {upper}");
    }
    let end = 1.0 - 0.025_f64.powf(0.1);
    let [none, all] = [0.0, 10.0].map(|found| super::clopper_pearson(found, 10.0, 0.95));
    assert!(none[0] == 0.0 && (none[1] - end).abs() < 1e-9, "{none:?}");
    assert!(all[1] == 1.0 && (all[0] - 1.0 + end).abs() < 1e-9, "{all:?}");
}
