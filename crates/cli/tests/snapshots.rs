//! What commands show in a terminal of 80 columns, with and without colour, kept in `snapshots/`. After a change that is
//! meant, `UPDATE_SNAPSHOTS=1 cargo test … --test snapshots` writes them anew; the difference is then to be read.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command writes, in a terminal of 80 columns: exit code, standard output, standard error. Escape characters are
/// shown as ␛, and times are left out.
fn shown(arguments: &[&str], colour: bool) -> String {
    shown_in(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")), arguments, colour)
}

/// The same from another folder than the workspace's.
fn shown_in(folder: &Path, arguments: &[&str], colour: bool) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metacascade"));
    command.args(arguments).current_dir(folder).env("COLUMNS", "80");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("METACASCADE_")) {
        command.env_remove(name);
    }
    match colour {
        true => command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color").env_remove("NO_COLOR"),
        false => command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE"),
    };
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace('\u{1b}', "␛");
    let code = output.status.code().unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    let mut shown = format!("$ metacascade {}\n", arguments.join(" "));
    shown += &out;
    if !err.is_empty() {
        shown += &format!("--- standard error\n{err}");
    }
    if code != 0 {
        shown += &format!("--- exit code {code}\n");
    }
    shown
}

/// Text without escape sequences.
fn plain(text: &str) -> String {
    let mut parts = text.split('␛');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

fn compare(name: &str, shown: &str) {
    // What follows on standard error quotes files, and is as long as they are.
    let shown_plain = plain(shown);
    // A command to be copied is not broken.
    let lines = shown_plain.lines().skip(1).filter(|line| !line.starts_with("metacascade fit "));
    for line in lines.take_while(|line| *line != "--- standard error") {
        assert!(line.chars().count() <= 80, "{name}: {} columns: {line}", line.chars().count());
    }
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == shown, "{} differs from what is shown now:\n{shown}", path.display());
}

#[test]
fn help_of_every_command() {
    let program = shown(&["--help"], false);
    let listed = program.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 18, "{commands:?}");
    compare("help", &program);
    for command in commands {
        let help = shown(&[command, "--help"], false);
        assert!(help.contains("Usage: metacascade"), "{help}");
        compare(&format!("help-{command}"), &help);
    }
    compare("help-fit-colour", &shown(&["fit", "--help"], true));
}

#[test]
fn lists_and_checks() {
    compare("models", &shown(&["models"], false));
    compare("check", &shown(&["check", "datasets/sw620-switching"], false));
    compare("runs-none", &shown(&["runs", "datasets"], false));
    let datasets = shown(&["datasets"], false);
    assert!(plain(&datasets).lines().skip(1).all(|line| line.chars().count() <= 83), "{datasets}");
}

#[test]
fn mistakes() {
    for colour in [false, true] {
        let suffix = if colour { "-colour" } else { "" };
        let of = |name: &str, arguments: &[&str]| compare(&format!("{name}{suffix}"), &shown(arguments, colour));
        of("mistake-command", &["fits", "datasets/sw620-switching"]);
        of("mistake-method", &["fit", "datasets/sw620-switching", "--method", "abc"]);
        of("mistake-model", &["simulate", "swiching", "--times", "0,1"]);
        of("mistake-option", &["simulate", "birth-death", "--times", "0,1", "--set", "brith=2"]);
        of("mistake-run", &["show", "datasets"]);
        of("mistake-problem", &["check", "crates/cli/tests/mistaken"]);
    }
}

#[test]
fn a_problem_proposed_for_a_table() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("mice");
    let (folder, table) = (folder.to_str().unwrap(), "crates/cli/tests/volumes.csv");
    compare("new-data", &shown(&["new", folder, "--data", table], false).replace(folder, "mice"));
}

/// Wall times of fits differ.
fn timeless(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let timed = line.split_once(" s; ").and_then(|(before, after)| Some((before.rsplit_once(", ")?.0, after)));
        lines.push(timed.map_or_else(|| line.to_owned(), |(before, after)| format!("{before}, … s; {after}")));
    }
    lines.join("\n") + "\n"
}

#[test]
fn runs_listed_and_shown() {
    let place = tempfile::tempdir().unwrap();
    let runs = place.path().join("runs");
    let named = |name: &str| runs.join(name).to_str().unwrap().to_owned();
    let quick = ["--population", "100", "--max-simulations", "3000"];
    for (name, method) in [("sampled", "abc-smc"), ("climbed", "mle")] {
        let run = named(name);
        let begin = ["fit", "datasets/sw620-switching", "--quiet", "--method", method, "-o", &run];
        let told = shown(&[&begin[..], &quick].concat(), false);
        assert!(!told.contains("exit code"), "{told}");
    }
    // One that was cut off, and one that is damaged.
    for name in ["cut-off", "damaged"] {
        let copy = |file: &str| std::fs::copy(runs.join("sampled").join(file), runs.join(name).join(file)).unwrap();
        std::fs::create_dir_all(runs.join(name).join("problem")).unwrap();
        copy("settings.toml");
        copy("posterior.parquet");
        for file in std::fs::read_dir(runs.join("sampled/problem")).unwrap() {
            copy(&format!("problem/{}", file.unwrap().file_name().to_str().unwrap()));
        }
    }
    std::fs::write(runs.join("damaged/diagnostics.json"), "{").unwrap();
    // The newest comes first.
    for (name, age) in [("sampled", 3), ("climbed", 2), ("cut-off", 1), ("damaged", 0)] {
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600 * age);
        let outcome = runs.join(name).join("diagnostics.json");
        let place = if outcome.exists() { outcome } else { runs.join(name) };
        std::fs::File::open(place).unwrap().set_modified(old).unwrap();
    }
    let folder = format!("{}/", place.path().to_str().unwrap());
    let tidy = |arguments: &[&str]| timeless(&shown_in(place.path(), arguments, false).replace(&folder, ""));
    compare("runs", &tidy(&["runs"]));
    // Processors differ in the last bits, and what a fit comes to with them.
    let masked = |text: String| text.replace(|c: char| c.is_ascii_digit(), "#").replace("which ## ", "which # ");
    compare("show-abc-smc", &masked(tidy(&["show", "runs/sampled"])));
    compare("show-mle", &masked(tidy(&["show", "runs/climbed"])));
    compare("show-cut-off", &tidy(&["show", "runs/cut-off"]));
}
