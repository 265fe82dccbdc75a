//! What PEtab's two versions say beyond the fixtures: periods, steady states, version 1 and its mistakes.

use std::fs;

use metacascade_engine::Method;
use metacascade_inference::Likelihood;
use metacascade_problem::{EvaluateMethod, Problem, ProblemLikelihood, ProblemSimulator, evaluate, export};
use metacascade_random::Key;

use crate::fixture::{Copy, path};

const MODEL: &str = "\
name = \"still\"
[species]
X = 10
[parameters]
rate = 0
[[reactions]]
equation = \"X ->\"
rate = \"rate * X\"
";

/// A problem in version 1 with this model.
fn version_1() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("model.toml", MODEL);
    write(
        "old.yaml",
        "format_version: 1\nparameter_file: p.tsv\nproblems:\n- model_files: {still: {location: model.toml, language: \
         metacascade}}\n  condition_files: [c.tsv]\n  observable_files: [o.tsv]\n  measurement_files: [m.tsv]\n",
    );
    write(
        "p.tsv",
        "parameterId\tparameterScale\tlowerBound\tupperBound\tnominalValue\testimate\tobjectivePriorType\tobjectivePriorParameters\n\
         more\tlog10\t0.1\t100\t5\t1\t\t\nsd\tlin\t0\t10\t0.5\t0\tnormal\t1;2\n",
    );
    write("c.tsv", "conditionId\tconditionName\tX\nplain\tas it is\t\nfed\twith more\tmore\n");
    write(
        "o.tsv",
        "observableId\tobservableFormula\tnoiseFormula\tobservableTransformation\nx\tX\tnoiseParameter1_x\tlog10\n",
    );
    write(
        "m.tsv",
        "observableId\tsimulationConditionId\tmeasurement\ttime\tnoiseParameters\nx\tplain\t9\t1\tsd\nx\tfed\t6\t1\t0.25\n",
    );
    folder
}

#[test]
fn version_1_is_read_as_what_it_says() {
    let folder = version_1();
    for path in [folder.path().to_owned(), folder.path().join("old.yaml")] {
        let problem = Problem::load(&path).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let evaluation = evaluate(&problem, &problem.nominal(), EvaluateMethod::Ode).unwrap();
        let density = |measured: f64, y: f64, sd: f64| {
            let residual = (measured.log10() - f64::log10(y)) / sd;
            -0.5 * residual * residual - (sd * measured * 10f64.ln() * std::f64::consts::TAU.sqrt()).ln()
        };
        let expected = density(9.0, 10.0, 0.5) + density(6.0, 5.0, 0.25);
        assert!((evaluation.log_likelihood - expected).abs() < 1e-6, "{evaluation:?}");
        // Uniform in the logarithm.
        assert!((evaluation.log_prior + (5.0 * 1000f64.ln()).ln()).abs() < 1e-9, "{evaluation:?}");
        let table = problem.simulation_table(&evaluation.simulations).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "observableId\tsimulationConditionId\tsimulation\ttime\tnoiseParameters");
        assert_eq!(lines[1], "x\tplain\t10\t1\tsd");
        assert_eq!(lines[2], "x\tfed\t5\t1\t0.25");
    }
}

#[test]
fn mistakes_in_version_1_are_placed_where_they_stand() {
    for (file, from, to, parts) in [
        (
            "c.tsv",
            "with more\tmore",
            "with more\tmoer",
            &["c.tsv:3:15", "unknown name `moer`", "did you mean `more`?"][..],
        ),
        ("c.tsv", "conditionName\tX", "conditionName\tY", &["c.tsv:3:15", "no species or parameter `Y`"]),
        ("m.tsv", "x\tfed", "x\tfde", &["m.tsv:3:3", "there is no condition `fde`", "did you mean `fed`?"]),
        ("o.tsv", "\tlog10", "\tlog3", &["o.tsv:2:", "log3"]),
        ("o.tsv", "noiseParameter1_x", "noiseParameter2_x", &["m.tsv:2:", "1 values in `noiseParameters`"]),
        ("p.tsv", "1;2", "1", &["p.tsv:3:", "1 prior parameters where 2 are needed"]),
        ("p.tsv", "\tnormal\t", "\tgaussian\t", &["p.tsv:3:19", "unknown prior `gaussian`"]),
        ("p.tsv", "\t1\t\t\n", "\tyes\t\t\n", &["p.tsv:2:", "must be true or false", "`1` or `0`"]),
        ("old.yaml", "- model_files", "- model_file", &["old.yaml:4:", "unknown key `model_file`"]),
    ] {
        let folder = version_1();
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let shown = Problem::load(folder.path()).err().map_or(String::new(), |found| found.to_string());
        for part in parts {
            assert!(shown.contains(part), "{file}: {from:?} -> {to:?}: {part} is missing in\n{shown}");
        }
    }
}

/// The fixture of version 1 in version 2, with a course that is changed twice.
fn course() -> tempfile::TempDir {
    let folder = version_1();
    fs::remove_file(folder.path().join("old.yaml")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "problem.yaml",
        "format_version: 2.0.0\nparameter_files: [p.tsv]\nmodel_files: {still: {location: model.toml, language: \
         metacascade}}\ncondition_files: [c.tsv]\nexperiment_files: [e.tsv]\nobservable_files: [o.tsv]\n\
         measurement_files: [m.tsv]\nextensions: []\n",
    );
    write("p.tsv", "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nmore\t0.1\t100\t5\ttrue\n");
    write(
        "c.tsv",
        "conditionId\ttargetId\ttargetValue\nfed\tX\tX + more\nhalved\tX\tX / 2 + shift\nshifted\tshift\t1\n",
    );
    write("e.tsv", "experimentId\ttime\tconditionId\ncourse\t-1\tshifted\ncourse\t0\tfed\ncourse\t2\thalved\n");
    write("o.tsv", "observableId\tobservableFormula\tnoiseFormula\nx\tX + shift\t1e-9\n");
    write(
        "m.tsv",
        "observableId\texperimentId\tmeasurement\ttime\nx\tcourse\t1\t2\nx\tcourse\t1\t-1\nx\tcourse\t1\t0\nx\tcourse\t1\t9\n",
    );
    folder
}

#[test]
fn periods_change_what_every_method_simulates() {
    let folder = course();
    let problem = Problem::load(folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    // 7.5 is no number of cells.
    let (exact, rounded) = ([11.0, 16.0, 9.5, 9.5], [11.0, 16.0, 10.0, 10.0]);
    for (method, expected) in [
        (Method::ode(), exact),
        (Method::Direct, rounded),
        (Method::Ensemble, rounded),
        (Method::NextReaction, rounded),
        (Method::CompositionRejection, rounded),
        (Method::tau_leap(), rounded),
        (Method::hybrid(), rounded),
    ] {
        let simulator = ProblemSimulator::new(&problem, &method);
        let data = simulator.data(&problem.nominal(), Key::new(1)).unwrap();
        for (found, expected) in data.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{method:?}: {data:?}");
        }
    }
    let table =
        problem.simulation_table(&evaluate(&problem, &[5.0], EvaluateMethod::Ode).unwrap().simulations).unwrap();
    assert_eq!(table.lines().nth(2), Some("x\tcourse\t11\t-1"), "rows keep their order");
}

#[test]
fn steady_states_are_those_of_the_mean_field() {
    let copy = Copy::of("switching");
    copy.replace("experiments.tsv", "from_M\t0\tall_M", "from_M\t-inf\tall_M");
    let problem = copy.load();
    assert!(problem.is_steady());
    let share = |problem: &Problem| evaluate(problem, &[0.05, 0.15, 0.03], EvaluateMethod::Ode).unwrap().simulations[7];
    assert!((share(&problem) - 0.75).abs() < 1e-5, "{}", share(&problem));
    copy.replace("measurements.tsv", "from_M\t0.1278\t1", "from_M\t0.1278\tinf").replace(
        "experiments.tsv",
        "from_M\t-inf\tall_M",
        "from_M\t0\tall_M",
    );
    let problem = copy.load();
    let simulations = evaluate(&problem, &[0.05, 0.15, 0.03], EvaluateMethod::Ode).unwrap().simulations;
    assert!((simulations[13] - 0.75).abs() < 1e-5, "{simulations:?}");
    // Trajectories have none, and say so.
    let failed = ProblemSimulator::new(&problem, &Method::Direct).data(&[0.05, 0.15, 0.03], Key::new(1)).unwrap_err();
    assert!(failed.0.contains("steady states are those of the mean field"), "{failed:?}");
    let failed = evaluate(&problem, &[0.05, 0.15, 0.03], EvaluateMethod::LinearNoise).unwrap_err();
    assert!(failed.0.contains("steady state"), "{failed:?}");
}

#[test]
fn linear_noise_of_switching_is_its_exact_mean_and_variance() {
    let copy = Copy::of("switching");
    // One measurement, so that no time remembers another.
    let first = copy.read("measurements.tsv").lines().take(2).collect::<Vec<_>>().join("\n");
    copy.write("measurements.tsv", first);
    let problem = copy.load();
    let (a, b, sd, time) = (0.05, 0.15, 0.03, 1.0);
    let found = evaluate(&problem, &[a, b, sd], EvaluateMethod::LinearNoise).unwrap();
    // Cells switch independently: the number that is E is binomial.
    let cells = 500.0;
    let stays = b / (a + b) + a / (a + b) * (-(a + b) * time).exp();
    let variance = stays * (1.0 - stays) / cells + sd * sd;
    let residual: f64 = 0.9466 - stays;
    let expected = -0.5 * (residual * residual / variance + (std::f64::consts::TAU * variance).ln());
    assert!((found.log_likelihood - expected).abs() < 1e-3, "{} for {expected}", found.log_likelihood);
    let chi = residual * residual / variance;
    assert!((found.chi_squared - chi).abs() < 1e-3, "{} for {chi}", found.chi_squared);
}

#[test]
fn the_exact_likelihood_of_switching_is_binomial() {
    let copy = Copy::of("switching");
    let rows = [("from_E", 0.9466, 1.0), ("from_E", 0.6543, 16.0)];
    let mut table = String::from("observableId\texperimentId\tmeasurement\ttime\n");
    rows.iter().for_each(|(id, value, time)| table.push_str(&format!("share_E\t{id}\t{value}\t{time}\n")));
    copy.write("measurements.tsv", table);
    let problem = copy.load();
    let (a, b, sd, cells) = (0.05, 0.15, 0.03, 500);
    let found = evaluate(&problem, &[a, b, sd], EvaluateMethod::Exact).unwrap();
    // The number that is E is binomial at the first time; from there, it is the sum of two binomials at the second.
    let share = |time: f64, from: f64| b / (a + b) + (from - b / (a + b)) * (-(a + b) * time).exp();
    let binomial = |n: usize, p: f64| -> Vec<f64> {
        let mut law = vec![0.0; n + 1];
        law[0] = 1.0;
        for _ in 0..n {
            for k in (0..=n).rev() {
                law[k] = law[k] * (1.0 - p) + if k > 0 { law[k - 1] * p } else { 0.0 };
            }
        }
        law
    };
    let density = |measured: f64, k: usize| {
        let residual = (measured - k as f64 / cells as f64) / sd;
        (-0.5 * residual * residual).exp() / (sd * std::f64::consts::TAU.sqrt())
    };
    let first: Vec<f64> =
        binomial(cells, share(1.0, 1.0)).iter().enumerate().map(|(k, p)| p * density(rows[0].1, k)).collect();
    let (stay, come) = (share(15.0, 1.0), share(15.0, 0.0));
    let mut exact = 0.0;
    for (k, p) in first.iter().enumerate().filter(|(_, p)| **p > 1e-14) {
        let (stayed, came) = (binomial(k, stay), binomial(cells - k, come));
        for (i, s) in stayed.iter().enumerate().filter(|(_, s)| **s > 1e-14) {
            let tail = came.iter().enumerate().map(|(j, c)| c * density(rows[1].1, i + j)).sum::<f64>();
            exact += p * s * tail;
        }
    }
    assert!((found.log_likelihood - exact.ln()).abs() < 1e-6, "{} for {}", found.log_likelihood, exact.ln());
    // So many cells are nearly normal.
    let normal = evaluate(&problem, &[a, b, sd], EvaluateMethod::LinearNoise).unwrap();
    assert!((normal.log_likelihood - found.log_likelihood).abs() < 0.1, "{normal:?} for {found:?}");
}

#[test]
fn random_damage_to_version_1_never_panics_and_names_the_file() {
    use metacascade_random::rand::RngExt;
    let mut random = Key::new(11).stream();
    let pieces: Vec<char> = "\t\n;.-+e0129(){}*/^xX_\"ä\0".chars().collect();
    for round in 0..400 {
        let folder = version_1();
        let files = ["old.yaml", "p.tsv", "c.tsv", "o.tsv", "m.tsv"];
        let path = folder.path().join(files[round % files.len()]);
        let mut text: Vec<char> = fs::read_to_string(&path).unwrap().chars().collect();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..text.len());
            match random.random_range(0..4) {
                0 => _ = text.remove(at),
                1 => text.insert(at, pieces[random.random_range(0..pieces.len())]),
                2 => text[at] = pieces[random.random_range(0..pieces.len())],
                _ => text.truncate(at.max(1)),
            }
        }
        fs::write(&path, text.into_iter().collect::<String>()).unwrap();
        match Problem::load(&folder.path().join("old.yaml")) {
            Ok(problem) => _ = evaluate(&problem, &problem.nominal(), EvaluateMethod::Ode),
            Err(found) => assert!(found.0.iter().all(|one| !one.file.is_empty() && !one.message.is_empty()), "{found}"),
        }
    }
}

#[test]
fn what_is_exported_is_the_same_problem() {
    for (name, file) in [("switching", "problem.yaml"), ("immigration", "problem.yaml")] {
        let original = Problem::load(&path(name)).unwrap();
        let files = export(&path(name).join(file)).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let copy = Problem::load(folder.path()).unwrap_or_else(|diagnostics| panic!("{name}:\n{diagnostics}"));
        assert_eq!(copy.estimated(), original.estimated());
        assert_eq!((copy.title(), copy.fit()), (original.title(), original.fit()));
        assert_eq!(copy.trajectories(), original.trajectories());
        let likelihood =
            |problem: &Problem| ProblemLikelihood::new(problem).log_likelihood(&original.nominal()).unwrap();
        let (found, expected) = (likelihood(&copy), likelihood(&original));
        assert!((found - expected).abs() < 1e-3, "{name}: {found} for {expected}");
    }
}
