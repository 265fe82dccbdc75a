#![allow(clippy::unwrap_used)]

use super::*;

fn read(text: &str) -> (Option<Document>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), text).unwrap();
    let mut problems = Problems::default();
    let document = Document::read(folder.path(), FILE, &mut problems).map(|(document, ..)| document);
    (document, problems.into_diagnostics().to_string())
}

const GOOD: &str = "\
format_version: 2.0.0
parameter_files: [parameters.tsv]
model_files:
  m: {location: model.toml, language: metacascade}
observable_files: [observables.tsv]
measurement_files:
  - a.tsv
  - b.tsv
extensions:
  metacascade: {version: 1.0.0, required: false, title: A title, fit: {method: mle, starts: 7}}
";

#[test]
fn a_document_is_read() {
    let (document, shown) = read(GOOD);
    assert_eq!(shown, "");
    let document = document.unwrap();
    assert_eq!(document.measurement_files[1].value, "b.tsv");
    assert_eq!(&GOOD[span(&document.measurement_files[1], GOOD)], "b.tsv");
    let extension = document.extension;
    assert_eq!(extension.title.as_deref(), Some("A title"));
    assert_eq!((extension.fit.method, extension.fit.starts), (Some(FitMethod::Mle), Some(7)));
}

#[test]
fn mistakes_are_placed() {
    for (from, to, parts) in [
        (
            "fit: {method",
            "simulation: {method: moments}, fit: {method",
            &["problem.yaml:10:", "makes no trajectories to fit"][..],
        ),
        ("2.0.0", "3", &["problem.yaml:1:17", "version 3 of PEtab is not known"]),
        (
            "metacascade: {version: 1.0.0, required: false",
            "other: {version: 1.0.0, required: true",
            &["problem.yaml:10:3", "requires the extension `other`"],
        ),
        (
            "parameter_files",
            "parameter_file",
            &["problem.yaml:2:1", "unknown key `parameter_file`", "`parameter_files`"],
        ),
        ("observable_files: [observables.tsv]\n", "", &["the key `observable_files` is missing"]),
        ("mle", "abcsmc", &["problem.yaml:10:", "unknown value `abcsmc`", "did you mean `abc-smc`?"]),
        ("starts: 7", "starts: many", &["problem.yaml:10:"]),
        ("[parameters.tsv]", "[parameters.tsv", &["problem.yaml:"]),
    ] {
        let (_, shown) = read(&GOOD.replace(from, to));
        for part in parts {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }
}

#[test]
fn version_1_is_read() {
    let text = "\
format_version: 1
parameter_file: parameters.tsv
problems:
  - sbml_files: [model.xml]
    condition_files: [conditions.tsv]
    measurement_files: [m.tsv]
    observable_files: [o.tsv]
    visualization_files: []
";
    let (document, shown) = read(text);
    assert_eq!(shown, "");
    let document = document.unwrap();
    assert!(document.version_1);
    assert_eq!(&text[span(&document.parameter_files[0], text)], "parameters.tsv");
    assert_eq!(document.model_files["model0"].location.value, "model.xml");
    let (document, shown) =
        read(&text.replace("parameters.tsv", "[a.tsv, b.tsv]").replace("format_version: 1", "format_version: 1.0.0"));
    assert_eq!((document.unwrap().parameter_files[1].value.as_str(), shown.as_str()), ("b.tsv", ""));
    let (_, shown) = read(&text.replace("sbml_files", "sbml_file"));
    assert!(shown.contains("problem.yaml:4:5") && shown.contains("did you mean `sbml_files`?"), "{shown}");
}
