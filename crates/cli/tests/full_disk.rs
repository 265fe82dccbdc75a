//! A fit that cannot write any more: its journal stays, and it is resumed where there is room again. The limit that a shell
//! sets to the size of a file stands for a full disk.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

/// A fit, under a limit to the size of every file it writes, in blocks of 512 bytes or 1 KiB.
fn fit(limit: Option<u32>, arguments: &[&str]) -> Output {
    let limit = limit.map_or_else(String::new, |blocks| format!("trap '' XFSZ; ulimit -f {blocks};"));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit} exec \"$@\""), "sh", env!("CARGO_BIN_EXE_metacascade"), "fit"]);
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn posterior(run: &Path) -> Vec<u8> {
    std::fs::read(run.join("posterior.parquet")).unwrap()
}

#[test]
fn a_journal_that_cannot_be_written_stays_and_the_fit_is_resumed() {
    let place = tempfile::tempdir().unwrap();
    let (run, whole) = (place.path().join("run"), place.path().join("whole"));
    let begin = |run: &Path, limit| {
        let run = run.to_str().unwrap();
        let of_fit = ["datasets/sw620-switching", "--method", "abc-smc", "--population", "500", "--max-simulations"];
        fit(limit, &[&of_fit[..], &["12000", "-o", run]].concat())
    };
    assert!(begin(&whole, None).status.success());
    // Larger than any other file before the first generation is complete.
    let full = begin(&run, Some(64));
    let error = text(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{error}");
    assert!(error.contains("journal") && error.contains("--resume"), "{error}");
    assert!(!run.exists(), "nothing is complete");
    assert!(std::fs::metadata(place.path().join(".run.partial/journal")).unwrap().len() > 16 << 10);
    let resumed = fit(None, &["--resume", run.to_str().unwrap()]);
    let error = text(&resumed.stderr);
    assert!(resumed.status.success(), "{error}");
    assert!(error.contains("answers are known from before"), "{error}");
    assert!(posterior(&run) == posterior(&whole), "the result is what it would have been");
    assert!(!place.path().join(".run.partial").exists());
}

#[test]
fn a_disk_that_is_full_from_the_beginning_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("runs/run");
    let full = fit(Some(0), &["datasets/sw620-switching", "-o", run.to_str().unwrap()]);
    let error = text(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{error}");
    assert!(error.contains("cannot write") && !error.contains("--resume"), "{error}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
