//! Claim: a fit that is killed at any moment, and resumed as often as it takes, ends with the same bytes as one that was
//! never disturbed; two processes cannot write one run.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use metacascade_tests::{error, metacascade, succeed};

fn fit(run: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = metacascade();
    command.args(["fit", "datasets/sw620-switching", "-o", run.to_str().unwrap()]).args(arguments);
    command
}

/// The Parquet files of a run, by name.
fn tables(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    let mut tables: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect();
    tables.sort();
    tables.into_iter().map(|path| (path.file_name().unwrap().into(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn a_fit_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let place = tempfile::tempdir().unwrap();
    let (mut kills, mut resumed) = (0, 0);
    for (method, arguments) in [
        ("abc-smc", &["--method", "abc-smc", "--population", "200", "--max-simulations", "12000"][..]),
        ("surrogate", &["--method", "surrogate", "--max-simulations", "2000"][..]),
        ("mcmc", &["--method", "mcmc"][..]),
        ("mle", &["--method", "mle"][..]),
    ] {
        let whole = place.path().join(format!("{method}-whole"));
        let started = Instant::now();
        succeed(&mut fit(&whole, arguments));
        let length = started.elapsed();
        let whole = tables(&whole);
        assert!(whole.len() >= 2, "{method}: {} tables", whole.len());
        // The moments differ from run to run, as this is about any of them.
        for round in 0..5_u32 {
            let run = place.path().join(format!("{method}-{round}"));
            for life in 0..4_u32 {
                let hidden = place.path().join(format!(".{method}-{round}.partial"));
                let mut command = match run.join("journal").exists() || hidden.join("settings.toml").exists() {
                    true => {
                        resumed += 1;
                        let mut command = metacascade();
                        command.args(["fit", "--resume", run.to_str().unwrap()]);
                        command
                    }
                    false => fit(&run, arguments),
                };
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                if life < 3 {
                    std::thread::sleep(length.mul_f64(f64::from((7 * round + 11 * life) % 13 + 1) / 16.0));
                    kills += u32::from(child.try_wait().unwrap().is_none());
                    child.kill().unwrap();
                    child.wait().unwrap();
                    if run.join("diagnostics.json").exists() && !run.join("journal").exists() {
                        break;
                    }
                } else {
                    assert!(child.wait().unwrap().success(), "{method} {round}");
                }
            }
            let found = tables(&run);
            let names = |tables: &[(PathBuf, Vec<u8>)]| tables.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found), names(&whole), "{method} {round}");
            for ((name, found), (_, whole)) in found.iter().zip(&whole) {
                assert!(found == whole, "{method} {round}: {}", name.display());
            }
            assert!(!run.join("journal").exists() && run.join("report.html").exists());
        }
    }
    assert!(kills >= 20 && resumed >= 10, "{kills} kills, {resumed} resumed");
}

#[test]
fn a_complete_run_has_nothing_to_resume_and_a_folder_that_is_none_is_named() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let none = metacascade().args(["fit", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(error(&none).contains("is not a run"), "{}", error(&none));
    succeed(&mut fit(&run, &["--method", "mle"]));
    let before = tables(&run);
    let complete = metacascade().args(["fit", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(complete.status.code(), Some(0), "{}", error(&complete));
    assert!(error(&complete).contains("is complete"), "{}", error(&complete));
    assert!(tables(&run) == before);
    // Of another version: what it answered may not be what this one would answer.
    std::fs::write(run.join("journal"), "metacascade-jn 1").unwrap();
    let settings = std::fs::read_to_string(run.join("settings.toml")).unwrap();
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(settings.contains(&version), "{settings}");
    std::fs::write(run.join("settings.toml"), settings.replace(&version, "version = \"9.0.0\"")).unwrap();
    let other = metacascade().args(["fit", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    assert!(error(&other).contains("version 9.0.0"), "{}", error(&other));
}

#[test]
fn a_second_process_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let arguments = ["--method", "abc-smc", "--max-simulations", "400000", "--population", "2000"];
    let mut child = fit(&run, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !place.path().join(".run.partial/settings.toml").exists() && !run.exists() {
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    for arguments in [&["fit", "datasets/sw620-switching", "-o"][..], &["fit", "--resume"][..]] {
        let second = metacascade().args(arguments).arg(&run).output().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "the first is still at work");
        assert_eq!(second.status.code(), Some(2), "{}", error(&second));
        assert!(error(&second).contains("another process"), "{}", error(&second));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
