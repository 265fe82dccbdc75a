//! A colony whose cells die the faster the fewer they are: deaths for each birth are .7 + 3.3/(1 + (n/15)⁴). From n cells it
//! reaches 60 before it dies out with probability S_n/S_60, S_n = Σ_{k<n} Π_{j≤k} μ_j/λ_j (Karlin & Taylor 1975, section 4.7).
//! The probability from one cell, 1.34e-11, and from ten are found by splitting (`probability`).

use metacascade_engine::{Lesions, Network};

use crate::{STOCHASTIC, assert_share, ends, run};

const START: [(u32, f64); 3] = [(20, 0.0440), (30, 0.666), (50, 0.9987)];

fn success(cells: u32) -> f64 {
    let death = |n: u32| 0.7 + 3.3 / (1.0 + (f64::from(n) / 15.0).powi(4));
    let sum = |n: u32| (0..n).map(|k| (1..=k).map(death).product::<f64>()).sum::<f64>();
    sum(cells) / sum(60)
}

#[test]
fn a_colony_passes_a_barrier() {
    assert!((success(1) / 1.34e-11 - 1.0).abs() < 0.01 && (success(10) / 3.8e-6 - 1.0).abs() < 0.01);
    for (cells, known) in START {
        let expected = success(cells);
        assert!((expected / known - 1.0).abs() < 0.01);
        let network = Network::builder("barrier")
            .species("X", &cells.to_string())
            .variable("passed", "0", "0")
            .reaction("X -> 2 X", "X")
            .reaction("X ->", "X * (0.7 + 3.3 / (1 + (X / 15)^4))")
            .event_when("X >= 60", &[("passed", "1"), ("X", "0")])
            .build()
            .unwrap();
        for method in STOCHASTIC {
            let passed = ends(&network, method, "passed", 500.0, 4000, 6).into_iter().sum();
            assert_share(&format!("{method} from {cells}"), passed, 4000.0, expected);
        }
    }
}

/// The same for lesions, whose cells are followed one by one because their death depends on the lesion's size.
#[test]
fn lesions_pass_a_barrier() {
    for (cells, _) in START {
        let death = "0.7 + 3.3 / (1 + (size / 15)^4)";
        let kind = Lesions::new("lung", "1", death).initial("4000").size(&cells.to_string());
        let network = Network::builder("barrier").lesions(kind.large("60").growth("0.01")).build().unwrap();
        for method in STOCHASTIC {
            let found = run(&network, method, &["lung", "lung_lost"], &[500.0], 1, 7);
            let [alive, lost] = found[0][0][..] else { panic!() };
            assert_eq!(alive + lost, 4000.0);
            assert_share(&format!("{method} from {cells}"), alive, 4000.0, success(cells));
        }
    }
}
