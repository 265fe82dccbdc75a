//! Measurements that make up a whole: observables with a common `observableGroup`.

use std::collections::BTreeMap;

use crate::{
    noise::NoiseDistribution,
    observables::{Defined, Kind},
    problems::{Complaint, Problems},
    table::Table,
};

use super::{Found, Reading};

/// How far measured fractions may be from 1 together, for rounding.
const ROUNDING: f64 = 0.02;

/// Group, trajectory and the bits of the time.
type Key<'d> = (&'d str, (usize, usize, usize), u64);

/// The parts measured on one trajectory at one time.
#[derive(Default)]
struct Whole {
    sum: f64,
    members: Vec<usize>,
}

/// Fractions of a group must sum to 1 where all of the group were measured; the size of a multinomial sample is the sum
/// of its counts.
pub(super) fn check(found: &mut [Found], observables: &[Defined], tables: &[Table], problems: &mut Problems) {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for defined in observables.iter().filter(|defined| !defined.group.is_empty()) {
        *sizes.entry(&defined.group).or_default() += 1;
    }
    if sizes.is_empty() {
        return;
    }
    let mut wholes: BTreeMap<Key<'_>, Whole> = BTreeMap::new();
    for (index, row) in found.iter().enumerate() {
        let defined = &observables[row.observable];
        if !defined.group.is_empty() {
            let key = (defined.group.as_str(), row.trajectory(), row.measurement.time.to_bits());
            let whole = wholes.entry(key).or_default();
            whole.sum += row.measurement.value;
            whole.members.push(index);
        }
    }
    for ((group, ..), whole) in wholes {
        let (table, row) = whole.members.iter().map(|&index| found[index].measurement.source).max().unwrap_or_default();
        let table = &tables[table as usize];
        let defined = || whole.members.iter().map(|&index| &observables[found[index].observable]);
        let complete = whole.members.len() == sizes[group];
        if defined().any(|defined| defined.noise == NoiseDistribution::Multinomial) {
            if !complete || defined().any(|defined| defined.noise != NoiseDistribution::Multinomial) {
                problems.cell(table, row as usize, "observableId", |_| {
                    let (some, all) = (whole.members.len(), sizes[group]);
                    let message = format!("a sample of `{group}` has {some} counts of {all} observables");
                    Complaint::new(message, "of this subject at this time").help(
                        "a multinomial sample needs one count for each observable of its group, 0 where none was seen",
                    )
                });
            } else if whole.sum <= 0.0 {
                problems.cell(table, row as usize, "measurement", |_| {
                    Complaint::new(format!("a sample of `{group}` is empty"), "all of its counts are 0")
                        .help("leave its rows out")
                });
            }
            for index in whole.members {
                found[index].measurement.exposure = whole.sum;
            }
            continue;
        }
        let exact = whole.members.iter().all(|&index| found[index].measurement.reading == Reading::Exact);
        let fractions = defined().all(|defined| defined.kind == Kind::Fraction && !defined.noise.is_discrete());
        if complete && exact && fractions && (whole.sum - 1.0).abs() > ROUNDING {
            problems.cell(table, row as usize, "measurement", |_| {
                let message = format!("the fractions of `{group}` sum to {}, not to 1", round(whole.sum));
                Complaint::new(message, "the last of them")
                    .help("give what all observables of the group share, or leave `observableGroup` empty")
            });
        }
    }
}

/// Four digits are enough to see what is wrong.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
