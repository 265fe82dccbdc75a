//! Steady states and solutions of models of tumours without chance, and the equilibrium of switching.

use metacascade_engine::{Ensemble, Method, Network};
use metacascade_random::Key;

use crate::{STOCHASTIC, mean_and_variance, run};

/// Kuznetsov, Makalkin, Taylor & Perelson 1994 (Bull Math Biol 56:295): effector cells E and tumour cells T, with the
/// authors' estimates for BCL1 lymphoma.
mod kuznetsov {
    use super::*;

    const S: f64 = 1.3e4;
    const D: f64 = 0.0412;
    const P: f64 = 0.1245;
    const G: f64 = 2.019e7;
    const M: f64 = 3.422e-10;
    const N: f64 = 1.101e-7;
    const A: f64 = 0.18;
    const B: f64 = 2e-9;

    fn effectors(tumour: f64) -> f64 {
        A * (1.0 - B * tumour) / N
    }

    /// The rate of change of E where that of T vanishes.
    fn excess(tumour: f64) -> f64 {
        S + (P * tumour / (G + tumour) - M * tumour - D) * effectors(tumour)
    }

    fn steady(mut low: f64, mut high: f64) -> f64 {
        let sign = excess(low) > 0.0;
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if (excess(middle) > 0.0) == sign { low = middle } else { high = middle }
        }
        low
    }

    fn network(effectors: f64, tumour: f64) -> Network {
        Network::builder("kuznetsov")
            .species("E", &format!("{effectors:e}"))
            .species("T", &format!("{tumour:e}"))
            .reaction("-> E", "1.3e4")
            .reaction("E -> 2 E", "0.1245 * E * T / (2.019e7 + T)")
            .reaction("E ->", "3.422e-10 * E * T")
            .reaction("E ->", "0.0412 * E")
            .reaction("T -> 2 T", "0.18 * T")
            .reaction("T ->", "0.18 * 2e-9 * T * T")
            .reaction("T ->", "1.101e-7 * E * T")
            .build()
            .unwrap()
    }

    #[test]
    fn kuznetsov_steady_states() {
        let dormant = steady(1e6, 1e8);
        let saddle = steady(1e8, 3.5e8);
        let large = steady(3.5e8, 4.9e8);
        for (found, known) in [(dormant, 8.186e6), (saddle, 2.680e8), (large, 4.470e8)] {
            assert!((found / known - 1.0).abs() < 5e-4, "{found}, not {known}");
        }
        for method in [Method::ode(), Method::hybrid(), Method::tau_leap()] {
            // Both sides of the saddle lead to the stable states; what is at rest stays there.
            for (start, end) in [(dormant, dormant), (large, large), (0.9 * saddle, dormant), (1.1 * saddle, large)] {
                let network = network(effectors(start), start);
                let found = run(&network, method, &["T"], &[3000.0], 1, 8)[0][0][0];
                // The dormant state is hardly damped: chance keeps its 8e6 cells swinging by a tenth.
                let allowed = match (method == Method::tau_leap(), end == dormant) {
                    (true, true) => 0.3,
                    (true, false) => 0.02,
                    _ => 2e-3,
                };
                assert!((found / end - 1.0).abs() < allowed, "{method}: from {start} to {found}, not {end}");
            }
            let network = network(effectors(saddle), saddle);
            let found = run(&network, method, &["T"], &[3.0], 1, 8)[0][0][0];
            assert!((found / saddle - 1.0).abs() < 1e-3, "{method}: {found}, not {saddle}");
        }
    }
}

/// Hahnfeldt, Panigrahy, Folkman & Hlatky 1999 (Cancer Res 59:4770): volume V and carrying capacity K of Lewis lung
/// carcinoma, mm³ and days.
#[test]
fn hahnfeldt_growth_and_fixed_point() {
    let network = Network::builder("hahnfeldt")
        .variable("V", "200", "-0.192 * V * ln(V / K)")
        .variable("K", "625", "5.85 * V - 8.73e-3 * K * V^(2/3)")
        .build()
        .unwrap();
    let fixed = (5.85_f64 / 8.73e-3).powf(1.5);
    assert!((fixed - 17_346.5).abs() < 0.1, "{fixed}");
    for method in [Method::ode(), Method::hybrid()] {
        let found = run(&network, method, &["V", "K"], &[5.0, 10.0, 20.0, 1000.0], 1, 9);
        for (values, known) in found[0].iter().zip([1105.0, 3857.0, 11_293.0]) {
            assert!((values[0] - known).abs() < 1.0, "{method}: {values:?}, not {known}");
        }
        let last = &found[0][3];
        assert!(last.iter().all(|value| (value / fixed - 1.0).abs() < 1e-4), "{method}: {last:?}");
    }
}

/// Cells of SW620 switch to and fro at .0721 and .1335 a day: each is in the first state with probability
/// p = .649 + .351 e^{−.2056 t}, independently of the others.
#[test]
fn switching_of_sw620() {
    let (there, back) = (0.0721, 0.1335);
    let rest: f64 = back / (there + back);
    assert!((rest - 0.649).abs() < 5e-4);
    let network = Network::builder("switching")
        .species("A", "500")
        .species("B", "0")
        .reaction("A -> B", "0.0721 * A")
        .reaction("B -> A", "0.1335 * B")
        .build()
        .unwrap();
    let times = [5.0, 100.0];
    let share = |time: f64| rest + (1.0 - rest) * (-(there + back) * time).exp();
    for method in STOCHASTIC {
        let found = run(&network, method, &["A"], &times, 4000, 10);
        for (index, time) in times.into_iter().enumerate() {
            let counts: Vec<f64> = found.iter().map(|path| path[index][0]).collect();
            let ((mean, variance), p) = (mean_and_variance(&counts), share(time));
            let exact = 500.0 * p * (1.0 - p);
            // .15 % is allowed for the bias of leaps.
            let bias = if method == Method::tau_leap() { 0.0015 * 500.0 * p } else { 0.0 };
            assert!((mean - 500.0 * p).abs() < 4.0 * (exact / 4000.0).sqrt() + bias, "{method}, {time}: mean {mean}");
            let error = 4.0 * (2.0_f64 / 4000.0).sqrt() + if bias > 0.0 { 0.03 } else { 0.0 };
            assert!((variance / exact - 1.0).abs() < error, "{method}, {time}: variance {variance}, not {exact}");
        }
    }
    for method in [Method::ode(), Method::Moments] {
        let ensemble = Ensemble {
            network: &network,
            method,
            parameters: &[],
            initial: &[],
            times: &times,
            trajectories: 1,
            key: Key::new(1),
        };
        let (summary, _) = ensemble.summary().unwrap();
        for (index, time) in times.into_iter().enumerate() {
            let p = share(time);
            assert!((summary.mean[index][0] / (500.0 * p) - 1.0).abs() < 1e-4, "{method}: {:?}", summary.mean);
            if method == Method::Moments {
                let exact = (500.0 * p * (1.0 - p)).sqrt();
                assert!((summary.sd[index][0] / exact - 1.0).abs() < 1e-3, "{:?}, not {exact}", summary.sd);
            }
        }
    }
}
