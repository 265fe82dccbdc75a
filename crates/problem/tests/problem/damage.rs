//! Random damage to a sound problem: never a panic, and every message names a file.

use metacascade_problem::Problem;
use proptest::prelude::*;

use crate::fixture::Copy;

const FILES: [&str; 9] = [
    "problem.yaml",
    "model.toml",
    "parameters.tsv",
    "conditions.tsv",
    "experiments.tsv",
    "observables.tsv",
    "measurements.tsv",
    "subjects.csv",
    "survival.tsv",
];

/// What is done to one file.
#[derive(Clone, Debug)]
enum Damage {
    /// The cells at two places of a table are exchanged.
    Swap(usize, usize),
    /// A cell is replaced.
    Retype(usize, String),
    /// Bytes are cut off the end.
    Truncate(usize),
    /// A line is left out.
    DropLine(usize),
    /// A cell is left out, and those behind it move.
    DropCell(usize),
    /// A byte is replaced.
    Byte(usize, u8),
    /// Bytes of no meaning, which may begin like a file of some format.
    Noise(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let texts = prop_oneof![
        Just(String::new()),
        Just("\"".to_owned()),
        Just("-1".to_owned()),
        Just("1e999".to_owned()),
        Just("NaN".to_owned()),
        Just("a;b;;".to_owned()),
        Just("((((X".to_owned()),
        Just("1/0".to_owned()),
        Just("é\u{301}☃".to_owned()),
        Just("NA".to_owned()),
        Just("1,5".to_owned()),
        Just("interval".to_owned()),
        Just("left".to_owned()),
        Just("multinomial".to_owned()),
        Just("1e300".to_owned()),
        ".{0,12}",
    ];
    prop_oneof![
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (any::<usize>(), texts).prop_map(|(at, text)| Damage::Retype(at, text)),
        any::<usize>().prop_map(Damage::Truncate),
        any::<usize>().prop_map(Damage::DropLine),
        any::<usize>().prop_map(Damage::DropCell),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        noise().prop_map(Damage::Noise),
    ]
}

/// Noise behind the first bytes of text, gzip and Parquet files, or none.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let starts = prop_oneof![
        Just(b"".to_vec()),
        Just(b"\x1F\x8B\x08\x00".to_vec()),
        Just(b"PAR1".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        Just(b"\xFF\xFE".to_vec()),
        Just(b"<?xml".to_vec()),
    ];
    let ends = prop_oneof![Just(b"".to_vec()), Just(b"\x08\x00\x00\x00PAR1".to_vec())];
    (starts, prop::collection::vec(any::<u8>(), 0..200), ends)
        .prop_map(|(start, middle, end)| [start, middle, end].concat())
}

fn spoil(text: &str, damage: &Damage) -> Vec<u8> {
    // Tables are cut at tabs, other files at blanks.
    let separator = ['\t', ';'].into_iter().find(|&separator| text.contains(separator)).unwrap_or(' ');
    let mut lines: Vec<Vec<String>> =
        text.split('\n').map(|line| line.split(separator).map(str::to_owned).collect()).collect();
    let places: Vec<(usize, usize)> =
        lines.iter().enumerate().flat_map(|(line, cells)| (0..cells.len()).map(move |cell| (line, cell))).collect();
    match damage {
        Damage::Swap(a, b) => {
            let (a, b) = (places[a % places.len()], places[b % places.len()]);
            let first = lines[a.0][a.1].clone();
            lines[a.0][a.1] = std::mem::replace(&mut lines[b.0][b.1], first);
        }
        Damage::Retype(at, text) => {
            let (line, cell) = places[at % places.len()];
            lines[line][cell].clone_from(text);
        }
        Damage::DropLine(at) => {
            lines.remove(at % lines.len());
        }
        Damage::DropCell(at) => {
            let (line, cell) = places[at % places.len()];
            lines[line].remove(cell);
        }
        Damage::Noise(bytes) => return bytes.clone(),
        Damage::Truncate(at) => return text.as_bytes()[..at % text.len()].to_vec(),
        Damage::Byte(at, byte) => {
            let mut bytes = text.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = *byte;
            return bytes;
        }
    }
    let separator = separator.to_string();
    lines.iter().map(|cells| cells.join(&separator)).collect::<Vec<_>>().join("\n").into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, rng_seed: prop::test_runner::RngSeed::Fixed(20), ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_always_names_a_file(
        fixture in prop_oneof![Just("switching"), Just("immigration"), Just("cohort")],
        damages in prop::collection::vec((0..FILES.len(), damage()), 1..3),
    ) {
        let copy = Copy::of(fixture);
        for (file, damage) in &damages {
            let path = copy.path().join(FILES[*file]);
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            if !text.is_empty() {
                std::fs::write(&path, spoil(&text, damage)).unwrap();
            }
        }
        if let Err(found) = Problem::load(copy.path()) {
            prop_assert!(!found.is_empty());
            for diagnostic in &found.0 {
                prop_assert!(FILES.iter().any(|file| diagnostic.file.ends_with(file)) || diagnostic.file.contains(copy.path().to_str().unwrap()), "{found}");
                prop_assert!(!diagnostic.message.is_empty());
            }
            let _ = found.render(true);
        }
    }
}
