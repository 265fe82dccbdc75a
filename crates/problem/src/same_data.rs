//! Whether two problems have the same data, and where not.

use std::collections::HashMap;

use crate::{
    measurements::Reading,
    observe::{data_len, survival_start},
    problem::Problem,
};

/// Differences that are told.
const MOST_TOLD: usize = 5;

/// Values that differ by less than this share are the same, converted from other units.
const TOLERANCE: f64 = 1e-9;

/// Where the data of one problem stand among those of another with the same data, in the layout of
/// [`crate::ProblemSimulator::data`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameData {
    /// For each datum of the first problem its position among those of the other.
    positions: Vec<usize>,
}

/// A datum: what a table says of it, and where.
struct Datum {
    /// What was measured, of whom, when.
    name: String,
    /// What was found: numbers, the first of which is the value.
    numbers: Vec<f64>,
    /// File and line.
    place: String,
    positions: Vec<usize>,
}

impl SameData {
    /// Compares two problems: measurements by observable, experiment, subject and time, times to events by endpoint,
    /// experiment and subject. What models, conditions and laws of noise make of them may differ.
    ///
    /// # Errors
    /// The first few differences, in words, with the places in the tables.
    pub fn of(first: &Problem, other: &Problem) -> Result<Self, Vec<String>> {
        let (ours, theirs) = (data(first), data(other));
        let mut known: HashMap<&str, &Datum> = theirs.iter().map(|datum| (datum.name.as_str(), datum)).collect();
        let mut positions = vec![usize::MAX; data_len(first)];
        let mut differences = Vec::new();
        for datum in &ours {
            let Some(found) = known.remove(datum.name.as_str()) else {
                differences.push(format!("{} ({}) is not in {}", datum.name, datum.place, other.folder().display()));
                continue;
            };
            let same = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
            if datum.numbers.len() != found.numbers.len() || !datum.numbers.iter().zip(&found.numbers).all(same) {
                let [a, b] = [datum, found].map(|datum| format!("{} ({})", numbers(&datum.numbers), datum.place));
                differences.push(format!("{} is {a}, and {b}", datum.name));
                continue;
            }
            for (&at, &position) in datum.positions.iter().zip(&found.positions) {
                positions[at] = position;
            }
        }
        let more = theirs.iter().filter(|datum| known.contains_key(datum.name.as_str()));
        differences.extend(
            more.map(|datum| format!("{} ({}) is not in {}", datum.name, datum.place, first.folder().display())),
        );
        if differences.is_empty() {
            return Ok(Self { positions });
        }
        let left = differences.len().saturating_sub(MOST_TOLD);
        differences.truncate(MOST_TOLD);
        if left > 0 {
            differences.push(format!("and {left} more"));
        }
        Err(differences)
    }

    /// Data in the layout of the other problem, in that of the first.
    pub(crate) fn to_first(&self, data: &[f64]) -> Vec<f64> {
        self.positions.iter().map(|&position| data[position]).collect()
    }

    /// Data in the layout of the first problem, in that of the other.
    pub(crate) fn to_other(&self, data: &[f64]) -> Vec<f64> {
        let mut arranged = vec![f64::NAN; data.len()];
        self.positions.iter().zip(data).for_each(|(&position, &value)| arranged[position] = value);
        arranged
    }
}

/// Numbers in words.
fn numbers(numbers: &[f64]) -> String {
    // The first is the value; those that follow say how it was read.
    numbers.iter().filter(|number| !number.is_nan()).map(f64::to_string).collect::<Vec<_>>().join(" / ")
}

/// All data of a problem; those of one name are numbered.
fn data(problem: &Problem) -> Vec<Datum> {
    let mut data = Vec::with_capacity(problem.measurement_count());
    let mut spread = problem.measurement_count();
    let whom = |trajectory: usize| {
        let trajectory = &problem.trajectories()[trajectory];
        let experiment = &problem.experiments()[trajectory.experiment].id;
        let parts = [experiment, &trajectory.replicate].map(|part| part.as_str());
        let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        (if named.is_empty() { String::new() } else { format!(" of {}", named.join(", ")) }, trajectory.repetition)
    };
    for series in problem.series() {
        let observable = &problem.observables()[series.observable].id;
        let (subject, repetition) = whom(series.trajectory);
        for row in &series.measurements {
            let position = data.len();
            let mut positions = vec![position];
            let mut numbers = vec![row.value];
            match row.reading {
                Reading::Exact => {}
                Reading::Below => numbers.extend([f64::NEG_INFINITY]),
                Reading::Above => numbers.extend([f64::INFINITY]),
                Reading::UpTo(upper) => numbers.extend([upper]),
                Reading::Mean { n, sd } => {
                    numbers.extend([n]);
                    if let Some(sd) = sd {
                        numbers.push(sd);
                        positions.push(spread);
                        spread += 1;
                    }
                }
            }
            numbers.push(row.exposure);
            let (table, line) = row.source;
            let file = problem.measurement_files.get(table as usize).map_or("measurements", String::as_str);
            // Lines are counted from 1, and the first one is the header.
            let place = format!("{}, row {}", problem.folder().join(file).display(), line + 1);
            let name = format!("{observable}{subject} at {}", row.time);
            data.push((name, repetition, numbers, place, positions));
        }
    }
    let start = survival_start(problem);
    for (index, row) in problem.survival().iter().enumerate() {
        let (subject, repetition) = whom(row.trajectory);
        let name = format!("the time to {}{subject}", problem.endpoints()[row.endpoint].formula);
        let mut numbers = vec![row.time, f64::from(u8::from(row.event))];
        numbers.extend(row.interval.iter().flat_map(|&(from, to)| [from, to]));
        let place = format!("{}, survival table", problem.folder().display());
        data.push((name, repetition, numbers, place, vec![start + 2 * index, start + 2 * index + 1]));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    data.into_iter()
        .map(|(name, _, numbers, place, positions)| {
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            // Repeated rows keep the order of the table.
            let name = if *count > 1 { format!("{name} (number {count})") } else { name };
            Datum { name, numbers, place, positions }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    fn copied(change: impl Fn(&str) -> String) -> (tempfile::TempDir, Problem) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/sw620-switching");
        let place = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".tsv") || name.ends_with(".yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = if name == "measurements.tsv" { change(&text) } else { text };
                std::fs::write(place.path().join(name), text).unwrap();
            }
        }
        let problem = Problem::load(place.path()).unwrap();
        (place, problem)
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_values_do() {
        let (_kept, first) = copied(str::to_owned);
        let (_kept_too, turned) = copied(|text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1..].reverse();
            lines.join("\n") + "\n"
        });
        let same = SameData::of(&first, &turned).unwrap();
        let data = crate::observe::measured(&turned);
        assert_eq!(same.to_first(&data), crate::observe::measured(&first));
        assert_eq!(same.to_other(&same.to_first(&data)), data);
        let (_kept_as_well, other) = copied(|text| text.replace("0.835", "0.84"));
        let told = SameData::of(&first, &other).unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with("fraction_CSC of sorted_CSC at 2 is 0.835"), "{told:?}");
        assert!(told[0].contains("measurements.tsv, row 1"), "{told:?}");
        let (_kept_again, fewer) = copied(|text| text.lines().take(12).collect::<Vec<_>>().join("\n") + "\n");
        let told = SameData::of(&first, &fewer).unwrap_err();
        assert!(told.len() == MOST_TOLD + 1 && told[MOST_TOLD] == "and 8 more", "{told:?}");
        assert!(SameData::of(&fewer, &first).is_err());
    }
}
