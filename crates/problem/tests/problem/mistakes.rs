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
const S: &str = "subjects.csv";
const V: &str = "survival.tsv";

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
    // Counts, shares, limits, means.
    Case("cohort", M, "m1\t2\t4\t", "m1\t2\t4.5\t", "measurements.tsv:2:18|`poisson` noise cannot give 4.5|whole numbers"),
    Case("cohort", M, "m1\t2\t3\t10", "m1\t2\t13\t10", "measurements.tsv:7:18|13 found out of 10"),
    Case("cohort", M, "m1\t2\t3\t10", "m1\t2\t3\t", "measurements.tsv:7:20|`binomial` needs the number of `trials`"),
    Case("cohort", M, "m1\t2\t3\t10", "m1\t2\t3\t0", "measurements.tsv:7:20|number of trials cannot be 0"),
    Case("cohort", M, "\t0.5\t", "\t7.5\t", "measurements.tsv:2:21|sampled fraction cannot be 7.5|7.5 ml of 5 l"),
    Case("cohort", M, "left", "below", "measurements.tsv:12:18|`censoring` cannot be `below`|none, left, right, interval"),
    Case("cohort", M, "interval\t14", "interval\t9", "measurements.tsv:14:28|interval from 10 to 9 is empty"),
    Case("cohort", M, "interval\t14", "\t14", "measurements.tsv:14:20|upper limit without an interval"),
    Case("cohort", M, "m2\t1\t2\t\t\tleft", "m2\t1\t1\t\t\t", "measurements.tsv:12:14|1 is below what can be measured|`left`"),
    Case("cohort", M, "3.5\t6", "3.5\t", "measurements.tsv:16:25|standard deviation without the number of subjects"),
    Case("cohort", M, "3.5\t6", "-3.5\t6", "measurements.tsv:16:25|the standard deviation of 6 subjects cannot be -3.5"),
    Case("cohort", M, "part_b\t\tm2", "part_b\t\tm1", "a sample of `stain` has 1 counts of 2 observables|0 where none was seen"),
    Case("cohort", M, "0.52", "0.72", "fractions of `both` sum to 1.2, not to 1"),
    Case("cohort", O, "stain\t\t\npart_b", "\t\t\npart_b", "observables.tsv:6:|needs an `observableGroup`"),
    Case("cohort", O, "\t2\t18", "\t2\t1", "observables.tsv:8:|lower limit is not below the upper limit"),
    // Subjects and times to events.
    Case("cohort", M, "empty\tm1\t2\t4", "empty\tm9\t2\t4", "measurements.tsv:2:13|there is no subject `m9`|did you mean"),
    Case("cohort", M, "empty\tm1\t2\t4", "full\tm1\t2\t4", "measurements.tsv:2:7|the subject is not in `full`|says `empty`"),
    Case("cohort", S, "m2;left", "m1;left", "subjects.csv:3:1|the subject `m1` is listed twice|line 2"),
    Case("cohort", S, "m2;left;empty;0,5", "m2;left;empty;much", "subjects.csv:3:|`grams` sets a parameter and must be a number"),
    Case("cohort", S, "m2;left;empty", "m2;left;emty", "subjects.csv:3:9|there is no experiment `emty`|did you mean `empty`?"),
    Case("cohort", Y, "grams: dose", "grams: doze", "subjects.csv:1:32|`grams` sets no parameter|did you mean `dose`?"),
    Case("cohort", P, "hazard\t0.01", "dose\t0.01", "parameters.tsv:4:1|`dose` is also set for each subject"),
    Case("cohort", V, "m2\t20\t0", "m2\t0\t0", "survival.tsv:3:4|without follow-up|leave the subject out"),
    Case("cohort", V, "m2\t20\t0", "m2\t-20\t0", "survival.tsv:3:4|the time -20 is negative"),
    Case("cohort", V, "m2\t20\t0", "m2\t20\t2", "survival.tsv:3:7|`event` cannot be `2`"),
    Case("cohort", V, "48\t1\t96", "48\t1\t40", "survival.tsv:4:9|interval from 2 to 1.6"),
    Case("cohort", V, "m2\t20\t0", "m1\t20\t0", "survival.tsv:3:1|the subject `m1` comes twice|line 2"),
    Case("cohort", V, "0\t\twell <= 0", "0\t\twel <= 0", "survival.tsv:3:10|unknown name `wel`|did you mean `well`?"),
    // Units.
    Case("cohort", P, "0.1\ttrue\t1/day", "0.1\ttrue\t1/hour", "parameters.tsv:4:24|the unit is `1/hour`, the model's is `1/day`|24 times as large"),
    Case("cohort", P, "0.1\ttrue\t1/day", "0.1\ttrue\tmm", "parameters.tsv:4:24|the model's unit is `1/day`"),
    Case("cohort", M, "hours", "ml", "measurements.tsv:4:26|`ml` is length^3|{from: ml, to: day, by: …}"),
    Case("cohort", M, "\tml\t", "\tg\t", "measurements.tsv:15:25|`g` is mass|say by how much in `conversions`: {from: g, to: cells, by: …}"),
    Case("cohort", O, "cells\t\t2\t18", "1/day\t\t2\t18", "observables.tsv:8:8|in `observableFormula`|`observableUnit` is `1/day`"),
    Case("cohort", Y, "by: cells_per_ml", "by: cells_per_l", "`conversions` converts by `cells_per_l`|not estimated"),
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
fn hostile_files_are_named_and_do_no_harm() {
    // A link that leaves the folder.
    let copy = Copy::of("switching");
    let other = Copy::of("switching");
    fs::remove_file(copy.path().join(M)).unwrap();
    std::os::unix::fs::symlink(other.path().join(M), copy.path().join(M)).unwrap();
    let found = diagnose(&copy).to_string();
    assert!(found.contains("measurements.tsv") && found.contains("leaves the problem's folder"), "{found}");
    // A folder, and a file that claims to be huge.
    let copy = Copy::of("switching");
    fs::remove_file(copy.path().join(M)).unwrap();
    fs::create_dir(copy.path().join(M)).unwrap();
    let found = diagnose(&copy).to_string();
    assert!(found.contains("measurements.tsv") && found.contains("no regular file"), "{found}");
    fs::remove_dir(copy.path().join(M)).unwrap();
    fs::File::create(copy.path().join(M)).unwrap().set_len(1 << 40).unwrap();
    let found = diagnose(&copy).to_string();
    assert!(found.contains("measurements.tsv") && found.contains("larger than 1 GB"), "{found}");
    // Aliases that expand without end.
    let copy = Copy::of("switching");
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before.as_str(); 10].join(", ")));
    }
    let found = diagnose(copy.write(Y, text)).to_string();
    assert!(found.contains("problem.yaml"), "{found}");
    // Entities that expand without end, in a model.
    let copy = Copy::of("switching");
    let mut text = "<?xml version=\"1.0\"?>\n<!DOCTYPE sbml [<!ENTITY e0 \"x\">".to_owned();
    for level in 1..12 {
        let before = format!("&e{};", level - 1).repeat(10);
        text.push_str(&format!("<!ENTITY e{level} \"{before}\">"));
    }
    text.push_str("]>\n<sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\">&e11;</sbml>\n");
    copy.write("model.xml", text);
    copy.replace(Y, "{location: model.toml, language: metacascade}", "{location: model.xml, language: sbml}");
    let found = diagnose(&copy).to_string();
    assert!(found.contains("model.xml"), "{found}");
}

#[test]
fn a_problem_without_anything_to_estimate_is_told() {
    let copy = Copy::of("switching");
    let table = copy.read(P).replace("\ttrue\t", "\tfalse\t");
    let found = diagnose(copy.write(P, table)).to_string();
    assert!(found.contains("parameters.tsv:1:1") && found.contains("no parameter is estimated"), "{found}");
}
