use super::*;

const MODEL: &str = r#"
name = "blood"
time_unit = "day"

[species]
P = { initial = "start * (1 - part)", unit = "cells", description = "primary" }
C = 0

[parameters]
start = 1e6
part = { value = 0.25, source = "measured" }
clear = { value = 40, unit = "1/day" }
gate = 0.0
delay = 9

[rules]
fraction = "C / total"
total = "P + C"

[[reactions]]
name = "shedding"
equation = "P -> C"
rate = "gate * 0.01 * P"
stage = "intravasation"

[[reactions]]
equation = "C ->"
rate = "clear * C"

[[events]]
at = "delay"
set = { gate = "1" }
"#;

#[test]
fn a_model_file_is_read_in_its_own_order() {
    let network = Network::from_toml(MODEL, "model.toml").unwrap();
    let symbols: Vec<&str> = network.symbols().collect();
    assert_eq!(symbols, ["time", "P", "C", "start", "part", "clear", "gate", "delay", "fraction", "total"]);
    assert_eq!(network.slot("fraction"), Some(8));
    assert_eq!(network.rule_order, [1, 0]);
    assert_eq!(network.reactions()[0].name, "shedding");
    assert_eq!(network.reactions()[1].name, "C ->");
    assert_eq!(network.reactions()[0].changes, [(0, -1.0), (1, 1.0)]);
    assert_eq!(network.reactions()[0].proportional_to, [0]);
    assert_eq!(network.parameters()[1].source, "measured");
    assert_eq!(network.reads[0], [1, 6]);
    let (plan, firing) = (&network.plan, network.plan.firings[0]);
    assert_eq!(plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize], [0, 1]);
    // No rate reads the rules: they are computed when they are recorded.
    assert_eq!(firing.rules, (0, 0));
}

/// Each mistake: what is replaced by what, and what the message must say, with line and column.
#[test]
fn mistakes_are_shown_with_their_places() {
    for (from, to, expected) in [
        ("\"gate * 0.01 * P\"", "\"gate * 0.01 * Q\"", "unknown name `Q`|model.toml:23:23"),
        ("\"gate * 0.01 * P\"", "\"gate * 0.01 * \"", "ends too early|model.toml:23:22|help: a number"),
        ("\"gate * 0.01 * P\"", "\"gate * 0.01 * claer\"", "help: did you mean `clear`?"),
        ("\"P -> C\"", "\"P -> CC\"", "unknown species `CC`|model.toml:22:18|help: did you mean `C`?"),
        ("\"P -> C\"", "\"P -> clear\"", "`clear` is not a species"),
        ("\"P -> C\"", "\"P C\"", "lacks its arrow|help: write reactants"),
        ("gate = 0.0", "gat = 0.0", "unknown name `gate`|help: did you mean `gat`?|model.toml:23:9"),
        ("gate = 0.0", "gate = \"0\"", "a finite number was expected|model.toml:13:8"),
        ("gate = 0.0", "gate = nan", "a finite number was expected"),
        ("gate = 0.0", "exp = 0.0", "`exp` is the name of a function"),
        ("gate = 0.0", "P = 0.0", "`P` is declared twice|model.toml:13:1"),
        ("gate = 0.0", "time = 0.0", "`time` is always there"),
        ("gate = 0.0", "\"a b\" = 0.0", "`a b` cannot be a name"),
        ("at = \"delay\"", "at = \"C\"", "unknown name `C`|help: only parameters are known before"),
        ("set = { gate = \"1\" }", "set = { fraction = \"1\" }", "an event cannot set `fraction`"),
        ("set = { gate = \"1\" }", "set = { gatt = \"1\" }", "unknown name `gatt`|help: did you mean `gate`?"),
        ("set = { gate = \"1\" }", "", "the event sets nothing"),
        ("initial = \"start * (1 - part)\"", "initial = -2", "a count cannot be -2|model.toml:6:17"),
        ("\"P + C\"", "\"P + C + fraction\"", "define each other in a circle"),
        ("stage =", "stag =", "unknown key `stag`|help: did you mean `stage`?|model.toml:24:1"),
        ("rate = \"clear * C\"", "", "`rate` is missing|help: add rate"),
        ("[species]", "[specis]", "unknown key `specis`|help: did you mean `species`?"),
        ("[[reactions]]", "[reactions]", "error"),
        ("name = \"blood\"", "", "the model has no name"),
        ("time_unit = \"day\"", "time_unit = day", "model.toml:3"),
        ("unit = \"1/day\"", "unit = \"1/dya\"", "unknown unit `dya`|model.toml:12:31"),
        ("unit = \"1/day\"", "unit = \"1/hour\"", "wrong unit|24 of the unit expected|model.toml:28:9"),
        ("unit = \"1/day\"", "unit = \"day\"", "wrong unit: time is not time^-1|help: check the units"),
        ("time_unit = \"day\"", "time_unit = \"dy\"", "unknown unit `dy`|help: did you mean"),
        ("clear * C", "mass_action(clear, 2)", "mass_action takes one argument"),
        ("\"C / total\"", "\"mass_action(clear)\"", "mass_action belongs in a reaction's rate only"),
    ] {
        let source = MODEL.replacen(from, to, 1);
        assert_ne!(source, MODEL, "{from}");
        let shown = Network::from_toml(&source, "model.toml").unwrap_err().to_string();
        for part in expected.split('|') {
            assert!(shown.contains(part), "{from} => {to}: {part:?} is missing in\n{shown}");
        }
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let source = MODEL.replace("gate * 0.01 * P", "gate *").replace("clear * C", "cler * C").replace("stage", "stge");
    let problems = Network::from_toml(&source, "model.toml").unwrap_err();
    let lines: Vec<_> = problems.0.iter().filter_map(|problem| Some(problem.place.as_ref()?.line)).collect();
    assert_eq!(lines, [23, 24, 28]);
}

#[test]
fn random_damage_never_panics() {
    use metacascade_random::{Key, rand::RngExt};
    let mut random = Key::new(3).stream();
    let pieces: Vec<char> = "[]{}=\"'\\,.#\n -+*/^()exPCA01_ä\0".chars().collect();
    for _ in 0..3000 {
        let mut damaged: Vec<char> = MODEL.chars().collect();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..damaged.len());
            match random.random_range(0..3) {
                0 => _ = damaged.remove(at),
                1 => damaged.insert(at, pieces[random.random_range(0..pieces.len())]),
                _ => damaged.truncate(at.max(1)),
            }
        }
        let text: String = damaged.into_iter().collect();
        if let Err(problems) = Network::from_toml(&text, "m.toml") {
            assert!(problems.to_string().contains("m.toml"));
        }
    }
}
