//! The stochastic cases of the SBML Test Suite (Evans, Gillespie & Wilkinson 2008, Bioinformatics 24:285), in every
//! level given and by every exact method.
//!
//! `METACASCADE_SBML_SUITE` names the suite's folder, with one folder a case; without it nothing is tested.
//! `METACASCADE_SBML_TRAJECTORIES` sets how many trajectories are made of each model. Unless given, 10,000 of the newest
//! level, 2,000 in the two cases with some 10,000 individuals; and a fifth of the older levels, which differ from it in how
//! they are read alone. scripts/sbml-suite makes 10,000 of all.
//!
//! By the suite's own criterion, at each time Z = √n (x̄ − μ)/σ and Y = √(n/2) (s²/σ² − 1), s² about the true mean μ,
//! lie within ranges that each case gives, ±3 and ±5; where σ = 0 the match is exact. A right simulator leaves them at
//! most once a case. Where a quantity does so more often, the case is run again with another seed: a time that fails
//! again is a fault, and so are more than three. As |Z| > 3 has a probability of 0.0027 and neighbouring times go
//! together, about one run in twenty is run again, and one in some thousands fails by chance; seeds are fixed. In case
//! 00003 Y leaves its range by any right simulator: extinction leaves tails so heavy that Y has a standard deviation of
//! 7 by the end. It is shown, but decides nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use metacascade_engine::{Ensemble, Method, Network};
use metacascade_random::Key;

const METHODS: [Method; 4] = [Method::Direct, Method::Ensemble, Method::NextReaction, Method::CompositionRejection];

/// The case whose tails are too heavy for the range of Y.
const HEAVY: &str = "00003";

/// The cases that take most of the time.
const SLOW: [&str; 2] = ["00005", "00023"];

/// The share of trajectories that is made of older levels, as its inverse.
const OLDER: usize = 5;

/// What a case expects.
struct Case {
    name: String,
    models: Vec<PathBuf>,
    times: Vec<f64>,
    /// Name, and mean and standard deviation at each time.
    quantities: Vec<(String, Vec<f64>, Vec<f64>)>,
    mean_range: (f64, f64),
    sd_range: (f64, f64),
}

impl Case {
    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let file = |end: &str| fs::read_to_string(folder.join(format!("{name}-{end}"))).unwrap();
        let settings = file("settings.txt");
        let setting = |key: &str| settings.lines().find_map(|line| line.strip_prefix(key)).expect(key).trim();
        let range = |key: &str| {
            let (low, high) = setting(key).trim_matches(['(', ')']).split_once(',').unwrap();
            (low.trim().parse().unwrap(), high.trim().parse().unwrap())
        };
        let results = file("results.csv");
        let lines = results.lines().filter(|line| !line.trim().is_empty());
        let mut rows = lines.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let rows: Vec<Vec<f64>> = rows.map(|row| row.iter().map(|value| value.parse().unwrap()).collect()).collect();
        let column = |wanted: &str| {
            let index = header.iter().position(|name| *name == wanted).expect(wanted);
            rows.iter().map(|row| row[index]).collect::<Vec<f64>>()
        };
        let quantities = setting("variables:").split(',').map(|quantity| {
            let quantity = quantity.trim();
            (quantity.to_owned(), column(&format!("{quantity}-mean")), column(&format!("{quantity}-sd")))
        });
        let mut models: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_model(path)).collect();
        models.sort();
        assert!(!models.is_empty(), "{name} has no model");
        Self {
            models,
            times: column("time"),
            quantities: quantities.collect(),
            mean_range: range("meanRange:"),
            sd_range: range("sdRange:"),
            name,
        }
    }
}

fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "xml") && path.to_str().unwrap().contains("-sbml-")
}

/// How far a run is from what its case expects.
#[derive(Default)]
struct Found {
    /// The Z and the Y farthest from 0.
    worst: (f64, f64),
    /// Where either leaves its range: (quantity, whether Y, index of the time).
    outside: BTreeSet<(usize, bool, usize)>,
    /// Where σ = 0 is not matched.
    inexact: usize,
}

impl Found {
    /// How often the quantity that does so most often leaves its ranges.
    fn most_outside(&self) -> usize {
        let count = |wanted: usize| self.outside.iter().filter(|(quantity, ..)| *quantity == wanted).count();
        self.outside.iter().map(|(quantity, ..)| count(*quantity)).max().unwrap_or(0)
    }
}

fn run(case: &Case, network: &Network, method: Method, trajectories: usize, key: Key) -> Found {
    let parameters = network.default_parameters();
    let ensemble =
        Ensemble { network, method, parameters: &parameters, initial: &[], times: &case.times, trajectories, key };
    let (summary, _) = ensemble.summary().unwrap_or_else(|error| panic!("{} by {method}: {error}", case.name));
    let n = trajectories as f64;
    let mut found = Found::default();
    for (quantity, (name, means, sds)) in case.quantities.iter().enumerate() {
        let column = summary.names.iter().position(|known| known == name).expect(name);
        for (time, (&mu, &sigma)) in means.iter().zip(sds).enumerate() {
            let (mean, sd) = (summary.mean[time][column], summary.sd[time][column]);
            if sigma == 0.0 {
                found.inexact += usize::from(mean != mu || sd != 0.0);
                continue;
            }
            let z = n.sqrt() * (mean - mu) / sigma;
            let about_truth = sd * sd * (n - 1.0) / n + (mean - mu).powi(2);
            let y = (n / 2.0).sqrt() * (about_truth / (sigma * sigma) - 1.0);
            for (is_y, value, range, worst) in
                [(false, z, case.mean_range, &mut found.worst.0), (true, y, case.sd_range, &mut found.worst.1)]
            {
                if value.abs() > worst.abs() {
                    *worst = value;
                }
                let decides = !is_y || case.name != HEAVY;
                if decides && !(range.0..=range.1).contains(&value) {
                    found.outside.insert((quantity, is_y, time));
                }
            }
        }
    }
    found
}

fn verdict(case: &Case, network: &Network, method: Method, trajectories: usize, key: Key) -> (Found, String, bool) {
    let found = run(case, network, method, trajectories, key.child(0));
    let count = found.most_outside();
    if found.inexact > 0 {
        let told = format!("FAILED: {} values without spread are not exact", found.inexact);
        return (found, told, false);
    }
    if count <= 1 {
        let apart = if case.name == HEAVY { "passed (Y apart)" } else { "passed" };
        let told = if count == 1 { format!("{apart}, 1 outside") } else { apart.to_owned() };
        return (found, told, true);
    }
    let again = run(case, network, method, trajectories, key.child(1));
    let same = found.outside.intersection(&again.outside).count();
    let fine = same == 0 && again.most_outside() <= 3;
    let told = format!(
        "{}, {count} outside, with another seed {}, {same} of them the same",
        if fine { "passed" } else { "FAILED" },
        again.most_outside(),
    );
    (found, told, fine)
}

#[test]
fn every_case_has_its_means_and_standard_deviations() {
    let Some(folder) = std::env::var_os("METACASCADE_SBML_SUITE") else {
        println!("SKIPPED: METACASCADE_SBML_SUITE does not name the folder of the suite");
        return;
    };
    let wanted = std::env::var("METACASCADE_SBML_TRAJECTORIES").ok();
    let wanted = wanted.map(|text| text.parse::<usize>().expect("METACASCADE_SBML_TRAJECTORIES is a number"));
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "the suite has no case");
    let mut failed = Vec::new();
    println!("{:<6} {:<6} {:<22} {:>6} {:>8} {:>8}  verdict", "case", "level", "method", "runs", "worst Z", "worst Y");
    for case in folders.iter().map(|folder| Case::read(folder)) {
        for (older, model) in case.models.iter().rev().enumerate() {
            let of_newest = if SLOW.contains(&case.name.as_str()) { 2_000 } else { 10_000 };
            let trajectories = wanted.unwrap_or(if older == 0 { of_newest } else { of_newest / OLDER });
            let shown = model.display().to_string();
            let level = shown.trim_end_matches(".xml").rsplit('-').next().unwrap_or_default();
            let source = fs::read_to_string(model).unwrap();
            let network = Network::from_sbml(&source, &shown).unwrap_or_else(|problems| panic!("{problems}"));
            for (index, method) in METHODS.into_iter().enumerate() {
                // Every run has its own stream: all are independent looks at the reader and the methods.
                let bytes = level.bytes().chain(case.name.bytes());
                let key = bytes.fold(Key::new(2008).child(index as u64), |key, byte| key.child(byte.into()));
                let (found, told, fine) = verdict(&case, &network, method, trajectories, key);
                let (z, y) = found.worst;
                let method = method.to_string();
                println!("{:<6} {level:<6} {method:<22} {trajectories:>6} {z:>8.2} {y:>8.2}  {told}", case.name);
                if !fine {
                    failed.push(format!("{} {level} {method}", case.name));
                }
            }
        }
    }
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}
