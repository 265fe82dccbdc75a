//! Models go to SBML and back, and are simulated from either with the same numbers.

use std::fs;

use metacascade_tests::{error, metacascade, succeed};

#[test]
fn shipped_models_go_to_sbml_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["birth-death", "sir", "switching"] {
        let (sbml, toml) = (folder.path().join(format!("{model}.xml")), folder.path().join(format!("{model}.toml")));
        succeed(metacascade().args(["convert", model]).arg(&sbml));
        succeed(metacascade().arg("convert").args([&sbml, &toml]));
        let simulate = |model: &std::ffi::OsStr| {
            let typed = ["--times", "0:4:1", "-n", "3", "--method", "direct", "--seed", "9"];
            succeed(metacascade().arg("simulate").arg(model).args(typed))
        };
        let expected = simulate(model.as_ref());
        assert_eq!(expected.lines().count(), 1 + 3 * 5);
        assert_eq!(simulate(sbml.as_os_str()), expected);
        assert_eq!(simulate(toml.as_os_str()), expected);
        // Words, units, species and parameters; mass_action is written out.
        let shown = |model: &std::ffi::OsStr| {
            let shown = succeed(metacascade().arg("models").arg(model));
            shown.split("\n stage ").next().unwrap_or_default().trim_end_matches('─').to_owned()
        };
        assert_eq!(shown(toml.as_os_str()), shown(model.as_ref()));
    }
    // Nothing but the models is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
}

#[test]
fn what_cannot_be_converted_is_told_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (sbml, toml) = (folder.path().join("m.xml"), folder.path().join("m.toml"));
    fs::write(
        &sbml,
        "<sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\" level=\"3\" version=\"2\">\n\
         <model id=\"m\"><listOfRules>\n<algebraicRule/>\n</listOfRules></model></sbml>",
    )
    .unwrap();
    let output = metacascade().arg("convert").args([&sbml, &toml]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let shown = error(&output);
    assert!(shown.contains("algebraic rules are not supported") && shown.contains("m.xml:3:1"), "{shown}");
    assert!(!toml.exists());
}
