//! Simulations as pages.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn metacascade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_metacascade")).args(arguments).output().unwrap()
}

/// The page of a simulation, and what was written to standard output.
fn plot(place: &Path, arguments: &[&str]) -> (String, String) {
    let page = place.join("out.html");
    let output = metacascade(&[&["simulate"][..], arguments, &["--plot", page.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (std::fs::read_to_string(page).unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_page_shows_lines_intervals_or_moments_and_tables_of_them() {
    let place = tempfile::tempdir().unwrap();
    let of = |arguments: &[&str]| plot(place.path(), &[&["sir", "--times", "0:60:1"], arguments].concat());
    let (lines, out) = of(&["-n", "20"]);
    assert!(out.is_empty(), "the table is written where -o says alone");
    assert!(lines.contains("20 trajectories, a line each."));
    assert!(lines.contains("\"detail\":{\"field\":\"trajectory\"") && lines.contains("Lowest to highest"));
    let (bands, _) = of(&["-n", "200"]);
    assert!(bands.contains("\"upper95\"") && bands.contains("95 % of trajectories"));
    let (moments, _) = of(&["-n", "200", "--summary"]);
    assert!(moments.contains("Standard deviation") && moments.contains("\"lower\":"));
    for page in [&lines, &bands, &moments] {
        // Self-contained, under the policy of all pages, and with tables where scripts are off.
        assert!(page.contains("http-equiv=\"Content-Security-Policy\"") && page.contains("<noscript>"));
        assert!(!page.contains("src=\"http") && !page.contains("<link rel=\"stylesheet\""));
        for species in ["S", "I", "R"] {
            assert!(
                page.contains(&format!("\"title\":\"{species} ["))
                    || page.contains(&format!("\"title\":\"{species}\""))
            );
        }
        assert!(page.contains("metacascade simulate sir --times 0:60:1"), "how to write it again");
    }
    // With a table beside it, and the same numbers in both.
    let table = place.path().join("table.csv");
    let (page, _) = of(&["-n", "1", "-o", table.to_str().unwrap()]);
    let table = std::fs::read_to_string(table).unwrap();
    let last: Vec<&str> = table.lines().last().unwrap().split(',').collect();
    let infected: f64 = last[3].parse().unwrap();
    assert!(page.contains("One trajectory.") && page.contains(&format!("<td class=\"number\">{infected}</td>")));
}

#[test]
fn what_does_not_change_is_named_and_one_time_is_enough() {
    let place = tempfile::tempdir().unwrap();
    let (page, _) = plot(place.path(), &["birth-death", "--times", "0,5", "--set", "birth=0", "--set", "death=0"]);
    assert!(page.contains("Nothing changed.") && page.contains("What did not change"));
    plot(place.path(), &["birth-death", "--times", "3", "-n", "60"]);
    let nowhere = place.path().join("none/out.html");
    let output = metacascade(&["simulate", "sir", "--times", "1", "--plot", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("out.html"));
}
