//! Claim: `simulate` follows the laws known in closed form (Bailey 1964, The Elements of Stochastic Processes, chapter
//! 8), by the exact method and by tau-leaping.

#![allow(clippy::unwrap_used)]

use metacascade_tests::{metacascade, succeed};

const TRAJECTORIES: usize = 40_000;

/// Numbers of cells at time 3, one a trajectory.
fn cells(method: &str, set: &[&str]) -> Vec<f64> {
    let mut command = metacascade();
    command.args(["simulate", "birth-death", "--times", "0,3", "--seed", "11", "--method", method]);
    command.args(["-n", &TRAJECTORIES.to_string()]);
    for assignment in set {
        command.args(["--set", assignment]);
    }
    let table = succeed(&mut command);
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let (time, x) = (header.iter().position(|h| *h == "time").unwrap(), header.iter().position(|h| *h == "X").unwrap());
    let rows = lines.map(|line| line.split(',').map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>());
    rows.filter(|row| row[time] == 3.0).map(|row| row[x]).collect()
}

/// Within four standard errors: a false alarm in 16,000 checks; tau-leaping is allowed 1 % of bias on top.
fn check(method: &str, what: &str, found: f64, exact: f64, error: f64) {
    let bias = if method == "tau-leap" { 0.01 * exact } else { 0.0 };
    assert!((found - exact).abs() < 4.0 * error + bias, "{method}, {what}: {found} for {exact} ± {error}");
}

#[test]
fn birth_and_death_from_one_cell() {
    for method in ["direct", "tau-leap"] {
        let cells = cells(method, &["birth=1", "death=0.6", "start=1"]);
        let count = cells.len() as f64;
        assert_eq!(cells.len(), TRAJECTORIES);
        for (size, exact) in [(0.0, 0.511768), (1.0, 0.0717957), (2.0, 0.0612379)] {
            let share = cells.iter().filter(|&&n| n == size).count() as f64 / count;
            check(method, &format!("P({size})"), share, exact, (exact * (1.0 - exact) / count).sqrt());
        }
        let mean = cells.iter().sum::<f64>() / count;
        check(method, "mean", mean, 3.32012, (30.8122 / count).sqrt());
        let squares = cells.iter().map(|n| (n - mean).powi(2));
        let variance = squares.clone().sum::<f64>() / count;
        // The standard error of a variance, from the fourth moment of the sample itself.
        let fourth = squares.map(|square| (square - variance).powi(2)).sum::<f64>() / count;
        check(method, "variance", variance, 30.8122, (fourth / count).sqrt());
    }
}

#[test]
fn birth_death_and_immigration_from_none() {
    for method in ["direct", "tau-leap"] {
        let cells = cells(method, &["birth=1", "death=0.6", "start=0", "immigration=0.5"]);
        let count = cells.len() as f64;
        let empty = cells.iter().filter(|&&n| n == 0.0).count() as f64 / count;
        check(method, "P(0)", empty, 0.383474, (0.383474 * 0.616526 / count).sqrt());
        let mean = cells.iter().sum::<f64>() / count;
        let variance = cells.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / count;
        check(method, "mean", mean, 2.900146, (variance / count).sqrt());
    }
}

#[test]
fn the_mean_field_is_the_mean_of_a_linear_model() {
    let mut command = metacascade();
    command.args(["simulate", "birth-death", "--times", "0:3:1", "--method", "ode", "--summary"]);
    let table = succeed(&mut command);
    assert!(table.starts_with("time,X-mean,X-sd"), "{table}");
    let last: Vec<f64> = table.lines().last().unwrap().split(',').map(|cell| cell.parse().unwrap()).collect();
    assert!((last[1] / (0.4f64 * 3.0).exp() - 1.0).abs() < 1e-5, "{table}");
}

/// The same seed gives the same numbers on any number of threads, and `--stats` says what was done.
#[test]
fn threads_change_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let stats = folder.path().join("stats.json");
    let run = |threads: &str| {
        let mut command = metacascade();
        command.args(["simulate", "sir", "--times", "0:20:2", "-n", "500", "--seed", "3", "--threads", threads]);
        command.args(["--method", "direct", "--stats", stats.to_str().unwrap()]);
        succeed(&mut command)
    };
    assert_eq!(run("1"), run("2"));
    let stats: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(stats).unwrap()).unwrap();
    assert_eq!((&stats["trajectories"], &stats["threads"]), (&500.into(), &2.into()));
    assert!(stats["events"].as_u64().unwrap() > 500 && stats["method"] == "direct");
    assert!(stats["seconds"].as_f64().unwrap() > 0.0);
}
