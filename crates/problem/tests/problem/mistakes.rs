//! One case for each kind of mistake: the file, line and column it is found at, and what helps.

use std::fs;

use metacascade_engine::Diagnostics;
use metacascade_problem::Problem;

use crate::fixture::Copy;

/// A mistake: what is changed in a fixture, and `file:line:column|part|part` of what is shown.
struct Case(&'static str, &'static str, &'static str, &'static str, &'static str);

const M: &str = "measurements.tsv";
const O: &str = "observables.tsv";
const P: &str = "parameters.tsv";
const C: &str = "conditions.tsv";
const E: &str = "experiments.tsv";
const Y: &str = "problem.yaml";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Names of files.
    Case("switching", Y, "[measurements.tsv]", "[measurement.tsv]", "measurement.tsv|there is no such file|did you mean `measurements.tsv`?|problem.yaml, line 8"),
    Case("switching", Y, "location: model.toml", "location: ../model.toml", "problem.yaml:4:25|not a file in the problem's folder|copy the file"),
    Case("switching", Y, "[parameters.tsv]", "[/etc/passwd]", "problem.yaml:2:19|not a file in the problem's folder"),
    Case("switching", Y, "[parameters.tsv]", "[parameters.tsv, parameters.tsv]", "problem.yaml:2:35|is listed twice"),
    Case("switching", Y, "location: model.toml", "location: no_such_model", "problem.yaml:4:25|neither a file nor a shipped model|shipped models are"),
    Case("switching", Y, "[parameters.tsv]", "[]", "no parameter table is listed|parameter_files: [parameters.tsv]"),
    Case("switching", Y, "method: direct", "method: dircet", "problem.yaml:14:26|unknown value `dircet`|did you mean `direct`?"),
    Case("switching", Y, "method: direct", "method: tau-leap, epsilon: 3", "problem.yaml:14:|between 0 and 1"),
    Case("switching", "model.toml", "k_EM * E", "k_EX * E", "model.toml:19:9|unknown name `k_EX`|did you mean `k_EM`?"),
    // Layout of tables.
    Case("switching", M, "observableId", "observableID", "measurements.tsv:1:1|unknown column `observableID`|did you mean `observableId`?"),
    Case("switching", M, "\ttime", "", "measurements.tsv:1:1|lacks the column `time`|add a column `time`|4 cells where the header has 3, and so in 13 more lines"),
    Case("switching", M, "0.9466", "0.9466\"", "measurements.tsv:2:22|a stray quote|remove the quote"),
    Case("switching", M, "from_E\t0.9466", "\"from_E\t0.9466", "measurements.tsv:2:9|a stray quote|not closed on this line"),
    Case("switching", M, "0.9466\t1", "0.9466\t1\t\t7", "measurements.tsv:2:25|6 cells where the header has 4"),
    Case("switching", M, "\t0.9466", "", "measurements.tsv:2:|3 cells where the header has 4"),
    Case("switching", P, "k_EM\tE to M", "k\0EM\tE to M", "parameters.tsv:2:2|a NUL byte"),
    // Parameters.
    Case("switching", P, "k_EM\t", "k_EN\t", "parameters.tsv:2:1|nothing uses the parameter `k_EN`|did you mean `k_EM`?"),
    Case("switching", P, "k_ME\t", "k_EM\t", "parameters.tsv:3:1|`k_EM` is defined twice|line 2"),
    Case("switching", P, "k_ME\t", "k-ME\t", "parameters.tsv:3:1|`k-ME` is not an identifier"),
    Case("switching", P, "k_ME\t", "M\t", "parameters.tsv:3:1|`M` is no parameter of the model|by a condition"),
    Case("switching", P, "sigma\t", "weight\t", "parameters.tsv:4:1|the name `weight` is taken"),
    Case("switching", P, "0.001\t0.5\t0.03", "0.5\t0.001\t0.03", "parameters.tsv:4:13|not below the upper bound|exchange"),
    Case("switching", P, "0.001\t0.5\t0.03", "0.001\t0.5\t0.7", "parameters.tsv:4:23|nominal value 0.7 is outside the bounds 0.001 to 0.5"),
    Case("switching", P, "0.001\t0.5\t0.03", "0.001\tinf\t0.03", "parameters.tsv:4:13|needs finite bounds"),
    Case("switching", P, "0.001\t0.5\t0.03", "\t0.5\t0.03", "parameters.tsv:4:13|`lowerBound` is empty"),
    Case("switching", P, "0.03\ttrue", "0.03\t1", "parameters.tsv:4:28|must be true or false|`true` or `false`"),
    Case("switching", P, "500\tfalse", "\tfalse", "parameters.tsv:5:26|`nominalValue` is empty"),
    Case("switching", P, "0.07\ttrue\tlog-uniform", "0.07\ttrue\tloguniform", "parameters.tsv:2:31|unknown prior `loguniform`|did you mean `log-uniform`?"),
    Case("switching", P, "0.001;1\t1/day\nk_ME", "0.001;x\t1/day\nk_ME", "parameters.tsv:2:43|must be numbers|`log-uniform` takes lower bound; upper bound"),
    Case("switching", P, "0.001;1\t1/day\nk_ME", "0.001\t1/day\nk_ME", "parameters.tsv:2:43|1 prior parameters where 2 are needed"),
    Case("switching", P, "0.001;1\t1/day\nk_ME", "-1;1\t1/day\nk_ME", "parameters.tsv:2:43|must be positive and in order"),
    Case("switching", P, "0.001;1\t1/day\nk_ME", "2;3\t1/day\nk_ME", "parameters.tsv:2:43|no probability between the bounds"),
    Case("switching", P, "0.001;1\t1/day\nk_ME", "\t1/day\nk_ME", "parameters.tsv:2:43|has no parameters"),
    Case("switching", P, "true\t\t\t", "true\t\t1;2\t", "parameters.tsv:4:34|without a `priorDistribution`"),
    // Conditions and experiments.
    Case("switching", C, "all_M\tE", "all_M\tX", "conditions.tsv:2:7|no species or parameter `X`"),
    Case("switching", C, "all_M\tE", "all_M\ttotal", "conditions.tsv:2:7|no species or parameter `total`"),
    Case("switching", C, "all_M\tE", "all_M\tk_EM", "conditions.tsv:2:7|set here and in the parameter table"),
    Case("switching", C, "all_M\tE", "all_M\tM", "conditions.tsv:3:7|sets `M` twice|line 2"),
    Case("switching", C, "start_M", "start_X", "conditions.tsv:3:9|unknown name `start_X`|did you mean `start_M`?"),
    Case("switching", C, "start_M", "start_M + M", "conditions.tsv:3:9|may not use `M` when an experiment begins"),
    Case("switching", E, "from_M\t0\t", "from_M\t3.5\t", "measurements.tsv:9:|is before 3.5, when the experiment begins"),
    Case("switching", E, "0\tall_M", "0\tall_N", "experiments.tsv:3:10|no condition `all_N`|did you mean `all_M`?"),
    Case("switching", E, "0\tall_M", "now\tall_M", "experiments.tsv:3:8|`time` must be a finite number"),
    Case("switching", E, "from_M\t0\tall_M", "from_M\t0\tall_M\nfrom_M\t0\tall_M", "experiments.tsv:4:10|sets what another condition"),
    // Observables.
    Case("switching", O, "E / total", "E / totl", "observables.tsv:2:24|unknown name `totl`|did you mean `total`?"),
    Case("switching", O, "E / total", "E / (total", "observables.tsv:2:|in `observableFormula`"),
    Case("switching", O, "E / total", "share_E + 1", "observables.tsv:2:20|unknown name `share_E`"),
    Case("switching", O, "E / total", "", "observables.tsv:2:20|`observableFormula` is empty"),
    Case("switching", O, "\tsigma\t", "\t0\t", "observables.tsv:2:30|the noise must be positive"),
    Case("switching", O, "\tsigma\t", "\t-sigma*\t", "observables.tsv:2:|in `noiseFormula`"),
    Case("switching", O, "normal", "gaussian", "observables.tsv:2:36|`noiseDistribution` cannot be `gaussian`|normal, log-normal"),
    Case("switching", O, "fraction", "fractoin", "observables.tsv:2:43|did you mean `fraction`?"),
    Case("switching", O, "share_E\t", "E\t", "observables.tsv:2:1|has the name of something in the model|observed_E"),
    Case("immigration", O, "sd_count\tnormal", "X\tnormal", "observables.tsv:2:19|the placeholder `X` has the name of something else"),
    // Measurements.
    Case("switching", M, "share_E\tfrom_E", "share_F\tfrom_E", "measurements.tsv:2:1|there is no observable `share_F`|did you mean `share_E`?"),
    Case("switching", M, "from_E", "from_H", "measurements.tsv:2:9|there is no experiment `from_H`|did you mean"),
    Case("switching", M, "share_E\tfrom_E", "\tfrom_E", "measurements.tsv:2:1|`observableId` is empty"),
    Case("switching", M, "0.9466", "0,9466", "measurements.tsv:2:16|must be a finite number|write the decimal point as `.`: 0.9466"),
    Case("switching", M, "0.9466", "nan", "measurements.tsv:2:16|must be a finite number"),
    Case("switching", M, "0.9466", "", "measurements.tsv:2:16|`measurement` is empty"),
    Case("switching", M, "0.9466", "94.66", "measurements.tsv:2:16|a fraction cannot be 94.66|divide percentages by 100"),
    Case("switching", M, "0.9466\t1", "0.9466\t-1", "measurements.tsv:2:23|the time -1 is negative"),
    Case("immigration", M, "\t4.5\t", "\t-4.5\t", "measurements.tsv:2:13|a number of cells cannot be -4.5"),
    Case("immigration", M, "\t60\t", "\t-60\t", "measurements.tsv:13:13|an amount cannot be -60"),
    Case("immigration", M, "\t60\t", "\t0\t", "measurements.tsv:13:13|logarithmic noise cannot give 0"),
    Case("immigration", M, "1.5\ta", "1.5;2\ta", "measurements.tsv:2:20|2 values in `noiseParameters` where `count` needs 1"),
    Case("immigration", M, "1.5\ta", "0\ta", "measurements.tsv:2:20|noise of this measurement is 0, not positive|leave the row out"),
    Case("immigration", M, "1.5\ta", "-1\ta", "measurements.tsv:2:20|noise of this measurement is -1, not positive"),
    Case("immigration", M, "\tscale\t", "\tskale\t", "measurements.tsv:11:17|`skale` is neither a number nor a parameter|did you mean `scale`?"),
    Case("immigration", M, "330\t1\t2.5", "330\t1\t", "measurements.tsv:9:18|0 values in `observableParameters` where `light` needs 1"),
];

fn diagnose(copy: &Copy) -> Diagnostics {
    Problem::load(copy.path()).expect_err("this problem has a mistake")
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_way_out() {
    let mut wrong = String::new();
    for Case(fixture, file, from, to, expected) in CASES {
        let copy = Copy::of(fixture);
        copy.replace(file, from, to);
        let found = match Problem::load(copy.path()) {
            Ok(_) => {
                wrong.push_str(&format!("{file}: {from:?} -> {to:?} is not found\n"));
                continue;
            }
            Err(found) => found,
        };
        let shown = found.to_string();
        let missing: Vec<&str> = expected.split('|').filter(|part| !shown.contains(part)).collect();
        if !missing.is_empty() {
            wrong.push_str(&format!("{file}: {from:?} -> {to:?}: {missing:?} is missing in\n{shown}\n\n"));
        }
        // Nothing that follows from the mistake is told as another one.
        if found.0.len() > 2 {
            wrong.push_str(&format!("{file}: {from:?} -> {to:?}: {} problems\n{shown}\n\n", found.0.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let copy = Copy::of("immigration");
    copy.replace(M, "\t4.5\t", "\tmany\t")
        .replace(M, "count\tfull\t70", "cuont\tfull\t70")
        .replace(O, "gain * scale * X", "gain * scale * Y")
        .replace(P, "0.1\t100\t5", "100\t0.1\t5")
        .replace(E, "seeding", "sowing")
        .replace(C, "2 * seeded", "2 * * seeded");
    let found = diagnose(&copy);
    let files: Vec<String> =
        found.0.iter().map(|diagnostic| diagnostic.file.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(files, [P, C, E, O, M, M], "{found}");
    assert!(found.0.iter().all(|diagnostic| diagnostic.place.is_some()), "{found}");
}

#[test]
fn empty_and_missing_files_are_told() {
    for (text, part) in [("", "the measurement table is empty"), ("\n\r\n", "the measurement table is empty")] {
        let copy = Copy::of("switching");
        let found = diagnose(copy.write(M, text)).to_string();
        assert!(found.contains(part) && found.contains("observableId, experimentId, measurement, time"), "{found}");
    }
    let copy = Copy::of("switching");
    let found = diagnose(copy.write(M, "observableId\texperimentId\tmeasurement\ttime\n")).to_string();
    assert!(found.contains("measurements.tsv:1:1") && found.contains("has no rows"), "{found}");
    let copy = Copy::of("switching");
    fs::remove_file(copy.path().join("model.toml")).unwrap();
    let found = diagnose(&copy);
    assert_eq!(found.0.len(), 1, "{found}");
    assert!(found.0[0].file.ends_with("model.toml"), "{found}");
    fs::remove_file(copy.path().join(Y)).unwrap();
    let found = diagnose(&copy).to_string();
    assert!(found.contains("problem.yaml") && found.contains("there is no such file"), "{found}");
}

#[test]
fn binary_and_foreign_encodings_are_told() {
    let copy = Copy::of("switching");
    let utf16: Vec<u8> =
        "\u{FEFF}".encode_utf16().chain(copy.read(M).encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let found = diagnose(copy.write(M, utf16)).to_string();
    assert!(found.contains("UTF-16") && found.contains("save it as UTF-8"), "{found}");
    let copy = Copy::of("switching");
    let mut latin: Vec<u8> = copy.read(P).into_bytes();
    let at = latin.windows(5).position(|bytes| bytes == b"noise").unwrap();
    latin[at] = 0xE4;
    let found = diagnose(copy.write(P, latin)).to_string();
    assert!(found.contains("parameters.tsv:4:7") && found.contains("not UTF-8"), "{found}");
}

#[test]
fn a_problem_without_anything_to_estimate_is_told() {
    let copy = Copy::of("switching");
    let table = copy.read(P).replace("\ttrue\t", "\tfalse\t");
    let found = diagnose(copy.write(P, table)).to_string();
    assert!(found.contains("parameters.tsv:1:1") && found.contains("no parameter is estimated"), "{found}");
}
