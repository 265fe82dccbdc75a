//! Claim: what the README shows is what happens.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use metacascade_tests::{error, metacascade, succeed, workspace};

/// The first block of the README that begins with a line.
fn block(start: &str) -> String {
    let text = fs::read_to_string(workspace().join("README.md")).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    let found = blocks.map(|block| block.split_once('\n').unwrap().1).find(|block| block.starts_with(start));
    found.unwrap_or_else(|| panic!("no block starts with {start}")).to_owned()
}

#[test]
fn its_model_is_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.toml");
    fs::write(&model, block("name = \"birth-death\"")).unwrap();
    let mut command = metacascade();
    let table = succeed(command.arg("simulate").arg(&model).args(["--times", "0,3", "-n", "10000", "--summary"]));
    let mean: f64 = table.lines().last().unwrap().split(',').nth(1).unwrap().parse().unwrap();
    // Mean exp(1.2), variance 30.8: four standard errors.
    assert!((mean - 1.2f64.exp()).abs() < 4.0 * (30.8f64 / 1e4).sqrt(), "{mean}");
}

#[test]
fn its_mistake_is_shown_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    let model = block("name = \"birth-death\"").replace("\"birth * X", "\"brith * X");
    fs::write(folder.path().join("model.toml"), model).unwrap();
    let output =
        metacascade().current_dir(folder.path()).args(["simulate", "model.toml", "--times", "0,3"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(error(&output).trim(), block("error: unknown name").trim());
}

#[test]
fn its_links_lead_somewhere() {
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(workspace().join(file)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let missing = !link.starts_with("http") && !workspace().join(Path::new(link)).exists();
            assert!(!missing, "{file} links to {link}");
        }
    }
}
