#![allow(clippy::unwrap_used)]

use super::{birth_death_immigration::Transition, *};
use crate::Posterior;

/// Values from the generating function, evaluated independently: λ = 1, μ = .6, t = 3.
#[test]
fn birth_and_death_follow_their_closed_form() {
    let plain = Transition::new(1.0, 0.6, 1e-12, 3.0);
    for (to, exact) in [(0.0, 0.511_768), (1.0, 0.071_795_7), (2.0, 0.061_237_9)] {
        assert!((plain.log_probability(1.0, to).exp() - exact).abs() < 2e-6, "{to}");
    }
    // With immigration ν = .5 from nothing.
    let empty = Transition::new(1.0, 0.6, 0.5, 3.0);
    assert!((empty.log_probability(0.0, 0.0).exp() - 0.383_474).abs() < 1e-6);
    // Sums and means: n₀e + ν(e − 1)/(λ − μ). Equal rates are no exception.
    for (birth, death) in [(1.0, 0.6), (0.3, 0.9), (0.7, 0.7)] {
        let law = Transition::new(birth, death, 0.5, 1.5);
        let p: Vec<f64> = (0..2000).map(|to| law.log_probability(20.0, f64::from(to)).exp()).collect();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mean: f64 = p.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
        let (rate, growth) = (birth - death, ((birth - death) * 1.5f64).exp());
        let arrived = if rate == 0.0 { 0.75 } else { 0.5 * (growth - 1.0) / rate };
        assert!((mean - 20.0 * growth - arrived).abs() < 1e-6, "{mean}");
    }
    // Of large counts only some terms are summed over: means from many cells, where a few would be missed at 1e-6.
    for (birth, death, most) in [(1.0, 0.6, 9000), (0.3, 0.9, 5000)] {
        let law = Transition::new(birth, death, 2.0, 1.5);
        let p: Vec<f64> = (0..most).map(|to| law.log_probability(3000.0, f64::from(to)).exp()).collect();
        let sum: f64 = p.iter().sum();
        let mean: f64 = p.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
        let growth = ((birth - death) * 1.5f64).exp();
        let arrived = 2.0 * (growth - 1.0) / (birth - death);
        assert!((sum - 1.0).abs() < 1e-8 && (mean / (3000.0 * growth + arrived) - 1.0).abs() < 1e-8, "{sum} {mean}");
    }
}

/// m = 1 and equal growth: .367879, .183940, .107298, .068977 (the law of Luria and Delbrück).
#[test]
fn metastases_follow_luria_and_delbruck() {
    let p = Metastases::probabilities(1.0, 1.0);
    // Lines of k members have probability 1/(k(k + 1)).
    let exact = [0.367_879, 0.183_940, 0.107_298, 0.068_977];
    assert!(p.iter().zip(exact).all(|(p, exact)| (p - exact).abs() < 1e-6), "{:?}", &p[..4]);
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn recurrence_follows_its_closed_form() {
    let parameters = [1e-11, 0.01, 0.25];
    for (years, exact) in [(5.0, 0.019_349_0), (10.0, 0.019_801_3)] {
        let (cumulated, _) = Recurrence::hazard(&parameters, 5e8, years * 365.25);
        assert!((-(-cumulated).exp_m1() - exact).abs() < 1e-6);
    }
    for time in [0.0, 50.0, 200.0, 400.0, 800.0] {
        let at = |time| Recurrence::hazard(&parameters, 5e8, time);
        let found = (at(time + 0.01).0 - at(time - 0.01).0) / 0.02 / at(time).1;
        assert!((found - 1.0).abs() < 1e-4, "{time}: {found}");
    }
}

/// Under the parameters that a data set was drawn with, the log-likelihood's slope has mean 0 (the first identity of
/// Bartlett): 4,000 data sets, |z| < 4.5, false alarm 7e-6 for each of 13 slopes. It holds only if data and likelihood are
/// of one law.
#[test]
fn data_and_likelihood_are_of_one_law() {
    for problem in all() {
        let truth: Vec<f64> = problem.parameters().iter().map(|parameter| parameter.quantile(0.6)).collect();
        let slopes: Vec<Vec<f64>> = (0..4000)
            .map(|index| {
                let data = problem.simulate(&truth, Key::new(7).child(index)).unwrap();
                let slope = |i: usize| {
                    let at = |factor: f64| {
                        let mut moved = truth.clone();
                        moved[i] *= factor;
                        problem.log_likelihood(&moved, &data)
                    };
                    (at(1.0005) - at(1.0 / 1.0005)) / (2.0 * 1.0005f64.ln())
                };
                (0..truth.len()).map(slope).collect()
            })
            .collect();
        for i in 0..truth.len() {
            let (mean, sd) = mean_and_sd(slopes.iter().map(|slope| slope[i]));
            let z = mean / (sd / 4000f64.sqrt());
            assert!(z.abs() < 4.5, "{} {}: z = {z}", problem.name(), problem.parameters()[i].name);
        }
    }
}

/// Two thirds of the scores of 10,000 exact draws are within .009 to .016; the mean of five posteriors of independent
/// draws must be .0125 ± .004 (false alarm below 1e-3; the seed is fixed).
#[test]
fn exact_draws_score_about_one_hundredth() {
    use rand_distr::{Distribution, StandardNormal};
    let parameter = Parameter {
        name: "x".into(),
        prior: Prior::Normal { mean: 0.0, sd: 5.0 },
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        scale: Scale::Lin,
    };
    let draws = |count: usize, shift: f64, seed: u64| {
        let mut stream = Key::new(seed).stream();
        let draws: Vec<Vec<f64>> =
            (0..count).map(|_| vec![shift + 2.0 * Distribution::<f64>::sample(&StandardNormal, &mut stream)]).collect();
        Posterior {
            names: vec!["x".into()],
            weights: vec![1.0 / count as f64; count],
            distances: vec![0.0; count],
            draws,
        }
    };
    let exact = draws(200_000, 0.0, 1);
    let score = |seed| error(std::slice::from_ref(&parameter), &draws(10_000, 0.0, seed), &exact);
    let mean = (2..7).map(score).sum::<f64>() / 5.0;
    assert!((mean - 0.0125).abs() < 0.004, "{mean}");
    // A shift of half a standard deviation scores .5.
    let shifted = error(std::slice::from_ref(&parameter), &draws(10_000, 1.0, 9), &exact);
    assert!((shifted - 0.5).abs() < 0.03, "{shifted}");
}
