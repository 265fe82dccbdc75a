//! `metacascade probability`: what it prints, and how it ends.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn probability(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_metacascade")).arg("probability").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Deaths at twice the rate of births, from one cell.
const MODEL: [&str; 5] = ["birth-death", "--set", "birth=0.3", "--set", "death=0.6"];

fn ask(more: &[&str]) -> Output {
    probability(&[&MODEL, more].concat())
}

#[test]
fn a_probability_of_1e_9_is_found_and_told() {
    let asked = ["--event", "X >= 30", "--unless", "X <= 0", "--seed", "3"];
    let output = ask(&[&asked[..], &["--json", "--threads", "2"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let value = |name: &str| found[name].as_f64().unwrap();
    let exact = 1.0 / (2.0_f64.powi(30) - 1.0);
    // Four standard errors; a fixed seed.
    assert!((value("probability") - exact).abs() < 4.0 * value("standard_error"), "{found}");
    assert!(value("relative_error") <= 0.1 && found["precise"] == true && found["level"] == "X");
    assert!(found["levels"].as_array().unwrap().len() > 5);

    let output = ask(&[&asked[..], &["--threads", "1"]].concat());
    let readable = text(&output.stdout);
    assert!(output.status.success());
    for expected in [format!("probability     {:.2e}", value("probability")), "levels of X: 2, ".to_owned()] {
        assert!(readable.contains(&expected), "{readable}");
    }
}

#[test]
fn a_limit_of_time_counts() {
    // Births alone: the count is geometric.
    let model = ["birth-death", "--set", "birth=0.5", "--set", "death=0", "--set", "X=1"];
    let output = probability(&[&model[..], &["--event", "X >= 9", "--before", "0.21", "--json"]].concat());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let exact = (1.0 - (-0.105_f64).exp()).powi(8);
    let deviation = found["probability"].as_f64().unwrap() - exact;
    assert!(deviation.abs() < 4.0 * found["standard_error"].as_f64().unwrap(), "{found}");
}

#[test]
fn what_is_typed_wrong_ends_with_2_and_is_underlined() {
    for (arguments, expected) in [
        (&["--event", "Y >= 30"][..], &["unknown name `Y`", "--event:1:1", "^"][..]),
        (&["--event", "X >= 30", "--unless", "X <"][..], &["--unless:1:", "^"][..]),
        (&["--event", "X >= 30", "--level", "2*X*brith"][..], &["--level:1:5", "^^^^^", "birth"][..]),
        (&["--event", "X == 30"][..], &["no level follows", "^^^^^^^", "help"][..]),
        (&["--event", "X >= 30", "--before", "-1"][..], &["must be positive"][..]),
        (&["--event", "X >= 30", "--relative-error", "0"][..], &["relative error"][..]),
        (&["--event", "X >= 30", "--unless", "X <= 1"][..], &["holds at the start"][..]),
        (&["--event", "X >= 30", "--set", "deth=1"][..], &["death"][..]),
    ] {
        let output = ask(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(expected.iter().all(|part| error.contains(part)), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn work_that_fails_ends_with_1() {
    // No birth, no second cell.
    let output = ask(&["--event", "X >= 30", "--set", "birth=0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("at most about 3.0e-5"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    // The estimate is shown although it is not as precise as asked.
    let output = ask(&["--event", "X >= 30", "--relative-error", "0.001", "--max-events", "4000000"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("probability ") && text(&output.stderr).contains("--max-events"));
}
