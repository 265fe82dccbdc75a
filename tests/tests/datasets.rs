//! Claim: fits of the real datasets give what is known about them, and say what the data do not tell.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use metacascade_problem::run::Run;
use metacascade_problem::{Problem, kaplan_meier, survival_at, thirds};
use metacascade_tests::{dataset, interval, metacascade, parameter, succeed, workspace};

/// Fits a dataset with fewer particles than its own settings ask for. The report is left to the browser test, which opens
/// those of all data sets.
fn fit(name: &str, arguments: &[&str]) -> (tempfile::TempDir, PathBuf, String) {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let mut command = metacascade();
    command.args(["fit", &format!("datasets/{name}"), "-o", run.to_str().unwrap()]).args(arguments);
    let told = succeed(&mut command);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name);
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::copy(run.join("report.html"), kept.join("report.html")).unwrap();
    (place, run, told)
}

fn brackets(run: &Path, name: &str, known: f64) {
    let (lower, upper) = interval(run, name);
    assert!((lower..=upper).contains(&known), "{name}: {lower} to {upper} for {known}");
    // An answer that says nothing would bracket anything.
    assert!(upper / lower < 3.0, "{name}: {lower} to {upper}");
}

fn overlaps(run: &Path, name: &str, low: f64, high: f64) {
    let (lower, upper) = interval(run, name);
    assert!(lower <= high && upper >= low, "{name}: {lower} to {upper} for {low} to {high}");
}

#[test]
fn sw620_cells_switch_as_known() {
    for arguments in [
        &["--population", "300", "--max-simulations", "20000"][..],
        &["--method", "surrogate"][..],
        &["--method", "mcmc"][..],
        &["--method", "mle"][..],
    ] {
        let (_place, run, _) = fit("sw620-switching", arguments);
        brackets(&run, "k_AB", 0.0721);
        brackets(&run, "k_BA", 0.1335);
        let (ab, ba) = (parameter(&run, "k_AB"), parameter(&run, "k_BA"));
        let (ab, ba) = (ab["median"].as_f64().unwrap(), ba["median"].as_f64().unwrap());
        let equilibrium = ba / (ab + ba);
        assert!((equilibrium - 0.649).abs() < 0.03, "{arguments:?}: {equilibrium}");
    }
}

/// Rejection says what it is, and gives the particles as they were beside the corrected ones, whose intervals are narrower.
#[test]
fn rejection_tells_posteriors_before_adjustment() {
    let arguments = ["--method", "abc-rejection", "--population", "300", "--max-simulations", "10000"];
    let (_place, run, _) = fit("sw620-switching", &arguments);
    let text = std::fs::read_to_string(run.join("diagnostics.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["simulations"], 10_000);
    for (after, before) in
        told["parameters"].as_array().unwrap().iter().zip(told["before_adjustment"].as_array().unwrap())
    {
        let width = |of: &serde_json::Value| {
            let end = |end: usize| of["interval95"][end].as_f64().unwrap();
            end(1) / end(0)
        };
        assert_eq!(after["id"], before["id"]);
        assert!(width(after) < width(before), "{after} {before}");
    }
    assert!(std::fs::read_to_string(run.join("settings.toml")).unwrap().contains("abc-rejection"));
}

#[test]
fn hypoxia_fate_map_determines_growth_and_switching_and_says_what_it_does_not() {
    let (_place, run, told) = fit("hypoxia-fatemap", &["--population", "500", "--max-simulations", "60000"]);
    overlaps(&run, "growth_primary", 0.11, 0.14);
    overlaps(&run, "hypoxia_switch", 0.0155, 0.0171);
    overlaps(&run, "growth_lung", 0.16, 0.21);
    let contraction = |name: &str| parameter(&run, name)["contraction"].as_f64().unwrap();
    assert!(contraction("growth_primary") > 0.75 && contraction("hypoxia_switch") > 0.75);
    assert!(contraction("delay") < 0.2, "{}", contraction("delay"));
    assert!(told.contains("did not move from"), "{told}");
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("did not move from"), "the report says so too");
}

/// Lower end, median and upper end of the 95 % interval of a derived quantity.
fn derived(run: &Path, name: &str) -> [f64; 3] {
    let outcome = Run::open(run).unwrap().outcome.unwrap();
    let found = outcome.derived.iter().find(|one| one.id == name).unwrap_or_else(|| panic!("no {name}"));
    [found.interval95.0, found.median, found.interval95.1]
}

#[test]
fn sum_lines_settle_where_they_were_found_to() {
    let (_place, run, _) = fit("sum-switching", &[]);
    // Gupta et al. 2011, their figure 4.
    for (line, published) in [("SUM149", [0.014, 0.019, 0.967]), ("SUM159", [0.024, 0.970, 0.005])] {
        for (state, known) in ["stem", "basal", "luminal"].into_iter().zip(published) {
            let [lower, median, upper] = derived(&run, &format!("{line}_equilibrium_{state}"));
            // Published to three digits.
            assert!(lower - 5e-4 <= known && known <= upper + 5e-4, "{line} {state}: {lower} to {upper} for {known}");
            assert!((median - known).abs() < 0.015, "{line} {state}: {median} for {known}");
        }
    }
}

#[test]
fn lm2_tumours_slow_down_alike() {
    let (_place, run, _) = fit("lm2-growth", &[]);
    brackets(&run, "a", 0.558);
    brackets(&run, "b", 0.0717);
    let (lower, upper) = interval(&run, "correlation");
    // .94 between estimates, each with its error; more between the mice themselves.
    assert!(lower > 0.9 && upper <= 1.0, "{lower} to {upper}");
}

#[test]
fn xenograft_lines_emit_in_the_order_of_their_mice() {
    let (_place, run, _) = fit("pdx-resection", &[]);
    let individuals = Run::open(&run).unwrap().individuals.unwrap();
    let mut emission: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (row, quantity) in individuals.quantity.iter().enumerate() {
        if quantity == "emission" {
            emission.entry(&individuals.group[row]).or_default().push(individuals.value[row].ln());
        }
    }
    assert_eq!(emission.len(), 9, "one a line");
    let mean: BTreeMap<&str, f64> =
        emission.iter().map(|(line, values)| (*line, values.iter().sum::<f64>() / values.len() as f64)).collect();
    let clean = ["SA1146", "SA604", "SA501", "SA1139"];
    // With metastases: 15 of 15 and 3 of 3; 2 of 3 and 6 of 11; 2 of 16; none.
    let ranks: [&[&str]; 4] = [&["SA535", "SA1142"], &["SA605", "SA919"], &["SA609"], &clean];
    for pair in ranks.windows(2) {
        for (more, less) in pair[0].iter().flat_map(|more| pair[1].iter().map(move |less| (more, less))) {
            assert!(mean[more] > mean[less], "{more} {} over {less} {}", mean[more], mean[less]);
        }
    }
    let (lower, _) = interval(&run, "line_spread");
    assert!(lower > 1.0, "lines differ manyfold: {lower}");
}

#[test]
fn lymph_levels_follow_the_one_above() {
    let (_place, run, _) = fit("lymph-hnscc", &[]);
    for ratio in ["ratio_III", "ratio_IV"] {
        let [lower, _, upper] = derived(&run, ratio);
        assert!(lower > 2.0 && upper < 100.0, "{ratio}: {lower} to {upper}");
    }
}

#[test]
fn most_cells_that_arrive_in_the_liver_leave_the_blood_alive() {
    let (_place, run, told) = fit("luzzi-efficiency", &[]);
    // Luzzi et al. 1998: over 80 % extravasate; outgrowth of micrometastases is the step where most are lost.
    let [lower, median, upper] = derived(&run, "extravasating");
    assert!(lower > 0.6 && median > 0.8 && upper <= 1.0, "{lower} to {upper}");
    let [lower, _, upper] = derived(&run, "growing_out");
    assert!(lower > 1e-5 && upper < 0.03, "{lower} to {upper}");
    assert!(told.contains("did not move from"), "four fractions do not fix six rates: {told}");
}

#[test]
fn metastasis_free_survival_of_untreated_patients_is_predicted() {
    let (_place, run, _) = fit("transbig-recurrence", &["--max-simulations", "3000", "--population", "200"]);
    let run = Run::open(&run).unwrap();
    let problem = &run.problem;
    let rows = problem.survival();
    let all: Vec<usize> = (0..rows.len()).collect();
    let subject = |row: usize| problem.trajectories()[rows[row].trajectory].subject;
    let by_size = thirds(problem, all.iter().map(|&row| (row, subject(row)))).remove(0);
    assert_eq!(by_size.0, "size_cm");
    let strata: Vec<Vec<usize>> = std::iter::once(all).chain(by_size.1).collect();
    let years = [2.0, 5.0, 10.0].map(|years| years * 365.25);
    let replicates = run.replicates.as_ref().unwrap();
    assert!(replicates.survival.len() >= 300, "{}", replicates.survival.len());
    for (number, stratum) in strata.iter().enumerate() {
        assert!(stratum.len() > 40, "{number}: {}", stratum.len());
        let measured: Vec<(f64, bool)> = stratum.iter().map(|&row| (rows[row].time, rows[row].event)).collect();
        let measured = kaplan_meier(&measured);
        let curves: Vec<Vec<(f64, f64)>> = replicates
            .survival
            .iter()
            .map(|set| kaplan_meier(&stratum.iter().map(|&row| (set[row].time, set[row].event)).collect::<Vec<_>>()))
            .collect();
        for time in years {
            let known = survival_at(&measured, time);
            let mut shares: Vec<f64> = curves.iter().map(|curve| survival_at(curve, time)).collect();
            shares.sort_by(f64::total_cmp);
            let (lower, upper) = (shares[shares.len() / 40], shares[shares.len() - 1 - shares.len() / 40]);
            println!("{number} at {time}: {known:.3} in {lower:.3} to {upper:.3}");
            assert!((lower..=upper).contains(&known), "{number} at {time}: {lower} to {upper} for {known}");
            assert!(upper - lower < 0.6, "{number} at {time}: {lower} to {upper}");
        }
        if number == 0 {
            for (time, published) in years.into_iter().zip([0.929, 0.821, 0.787]) {
                assert!((survival_at(&measured, time) - published).abs() < 0.003, "the table is the one known");
            }
        }
    }
}

#[test]
fn the_index_lists_the_folders_and_each_is_complete_and_sound() {
    let listed = succeed(metacascade().args(["datasets", "--json"]));
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let mut names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let entries = std::fs::read_dir(workspace().join("datasets")).unwrap().map(Result::unwrap);
    let mut folders: Vec<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    folders.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, folders);
    let shown = succeed(metacascade().arg("datasets"));
    for one in &listed {
        let name = one["name"].as_str().unwrap();
        assert!(shown.contains(name), "{shown}");
        for key in ["title", "question", "model", "subjects", "source", "licence"] {
            assert!(one[key].as_str().is_some_and(|text| text.len() > 10), "{name}: {key}");
        }
        for file in ["README.md", "SOURCE.md"] {
            let text = std::fs::read_to_string(dataset(name).join(file)).unwrap_or_default();
            assert!(text.lines().count() > 10, "{name}: {file} is missing or says nothing");
        }
        let problem = Problem::load(&dataset(name)).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert!(problem.warnings().is_empty(), "{name}: {:?}", problem.warnings());
        assert!(one["model"].as_str().unwrap().contains("model.toml") == dataset(name).join("model.toml").exists());
    }
}
