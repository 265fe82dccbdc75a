//! Luria & Delbrück 1943 in the formulation of Lea & Coulson 1949 (J Genet 49:264): the wild type grows without chance,
//! mutants arise from it at random and divide as Yule's process, at the same rate. With m mutations expected, mutants
//! number n with p₀ = e^{−m} and p_n = (m/n) Σ_{i<n} p_i / (n − i + 1) (Ma, Sandri & Sarkar 1992).

use metacascade_engine::{Lesions, Method, Network};

use crate::{TIMED, chi_square, ends};

/// Cells of the wild type at the end; it starts from one, which matters to one part in so many.
const WILD: f64 = 1e6;

fn law(most: usize) -> Vec<f64> {
    let mut law = vec![(-1.0_f64).exp()];
    for n in 1..=most {
        let sum: f64 = law.iter().enumerate().map(|(i, p)| p / (n - i + 1) as f64).sum();
        law.push(sum / n as f64);
    }
    law
}

fn network(variable: bool, lesions: bool) -> Network {
    let builder = Network::builder("mutants").parameter("mutation", 1.0 / (WILD - 1.0));
    let builder = match variable {
        true => builder.variable("W", "1", "W"),
        false => builder.rule("W", "exp(time)"),
    };
    let builder = match lesions {
        true => builder.lesions(Lesions::new("M", "1", "0").large("1e9")),
        false => builder.species("M", "0").reaction("M -> 2 M", "M"),
    };
    builder.reaction("-> M", "mutation * W").build().unwrap()
}

#[test]
fn luria_delbrueck() {
    let law = law(9);
    for (value, known) in law.iter().zip([0.367_879, 0.183_940, 0.107_298, 0.068_977]) {
        assert!((value - known).abs() < 1e-6);
    }
    let cases = TIMED.map(|method| (method, false, false)).into_iter();
    let cases = cases.chain([(Method::hybrid(), true, false), (Method::hybrid(), true, true)]);
    for (method, variable, lesions) in cases {
        let name = if lesions { "M_cells" } else { "M" };
        let mutants = ends(&network(variable, lesions), method, name, WILD.ln(), 20_000, 5);
        let statistic = chi_square(&mutants, &law);
        // 10 degrees of freedom.
        assert!(statistic < 35.56, "{method}, variable {variable}, lesions {lesions}: chi-square {statistic}");
    }
}
