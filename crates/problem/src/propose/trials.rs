//! k of n: so many of so many subjects had it.

use super::{
    Reading,
    draft::{Draft, Estimated, Measured, Observed},
    frame::{Column, identifiers},
    roles::{self, quoted},
};

/// Parameters from which a fit takes long.
const MOST_PARAMETERS: usize = 24;

/// Finds the number of all and the numbers among them.
fn columns(reading: &Reading<'_>) -> Option<(usize, Vec<usize>)> {
    let counts = |column: &Column| {
        column.is_count()
            && (column.words.first().is_some_and(|word| word == "n" || word == "k")
                || column.says(&["total", "trials", "with", "positive", "events"]))
    };
    let all: Vec<usize> = reading.free().filter(|&index| counts(reading.column(index))).collect();
    let at_most = |one: usize, other: usize| {
        let pairs = (0..reading.frame.rows)
            .filter_map(|row| reading.column(one).number(row).zip(reading.column(other).number(row)));
        pairs.clone().next().is_some() && pairs.clone().all(|(one, other)| one <= other)
    };
    let total = *all.iter().find(|&&index| all.iter().all(|&other| at_most(other, index)))?;
    let chosen = reading.measured(counts);
    let parts: Vec<usize> = all.into_iter().filter(|index| *index != total && chosen.contains(index)).collect();
    (!parts.is_empty() && reading.column(total).least() >= 1.0).then_some((total, parts))
}

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let (total, mut parts) = columns(reading)?;
    reading.take(total, "number of all", "a whole number, nowhere less than the others");
    for &part in &parts {
        reading.take(part, "measured: k of n", "a whole number, nowhere more than all; binomial");
    }
    let labels: Vec<usize> = {
        let one = |&index: &usize| reading.column(index).distinct().len() > 1;
        roles::groups(reading, None).into_iter().filter(one).collect()
    };
    for &label in &labels {
        reading.take(label, "group", "tells rows apart");
    }
    let named = |row: usize| {
        let texts: Vec<&str> = labels.iter().map(|&label| reading.column(label).text(row)).collect();
        if texts.is_empty() { "all".to_owned() } else { texts.join(" ") }
    };
    let rows: Vec<String> = (0..reading.frame.rows).map(named).collect();
    let mut groups: Vec<&str> = rows.iter().map(String::as_str).collect();
    let mut seen = std::collections::HashSet::new();
    groups.retain(|group| seen.insert(*group));
    let ids = identifiers(&groups);
    if ids.len() * parts.len() > MOST_PARAMETERS {
        for part in parts.drain(1..) {
            let why = format!("too many parameters with it; --value {} chooses it", reading.column(part).name);
            reading.take(part, "not used", why);
        }
    }
    let names: Vec<&str> = parts.iter().map(|&part| reading.column(part).name.as_str()).collect();
    // One needs no name.
    let outcomes: Vec<String> = match &names[..] {
        [_] => vec![String::new()],
        names => identifiers(names).into_iter().map(|name| format!("_{name}")).collect(),
    };
    let mut draft = Draft {
        description: "How many founders does a subject have, if one is enough?".to_owned(),
        model: model(&outcomes),
        simulation: "ode",
        method: "mcmc",
        ..Draft::default()
    };
    for (outcome, name) in outcomes.iter().zip(&names) {
        draft.observables.push(Observed {
            id: format!("with{outcome}"),
            name: format!("probability of {name}"),
            kind: "fraction",
            formula: format!("1 - exp(-founders{outcome})"),
            law: "binomial",
            ..Observed::default()
        });
        for (id, group) in ids.iter().zip(&groups) {
            let parameter =
                if ids.len() == 1 { format!("founding{outcome}") } else { format!("founding{outcome}_{id}") };
            draft.parameters.push(Estimated::new(
                parameter.clone(),
                format!("founders expected, {name}, {group}"),
                "",
                [1e-3, 20.0],
            ));
            if ids.len() > 1 {
                draft.conditions.push((id.clone(), format!("founding{outcome}"), parameter));
            }
        }
    }
    for (id, group) in ids.iter().zip(&groups) {
        let condition = if ids.len() > 1 { id.clone() } else { String::new() };
        draft.experiments.push((id.clone(), (*group).to_owned(), 0.0, condition));
    }
    let mut missing = 0;
    for (row, group) in rows.iter().enumerate() {
        let experiment =
            groups.iter().position(|known| known == group).map_or(String::new(), |index| ids[index].clone());
        for (outcome, &part) in outcomes.iter().zip(&parts) {
            let Some((value, trials)) = reading.column(part).number(row).zip(reading.column(total).number(row)) else {
                missing += 1;
                continue;
            };
            draft.measurements.push(Measured {
                observable: format!("with{outcome}"),
                experiment: experiment.clone(),
                time: 1.0,
                value,
                trials: Some(trials),
                ..Measured::default()
            });
        }
    }
    if missing > 0 {
        reading.left_out.push(format!("{missing} cells without a number"));
    }
    reading.choose("Model: founders arrive independently; a subject has it if there is one, with probability 1 - exp(-expected). The unit of time is until subjects were looked at.");
    reading.choose(format!("{} groups, each with founders of its own; noise: binomial.", ids.len()));
    Some(draft)
}

/// Expected founders of each outcome.
fn model(outcomes: &[String]) -> String {
    let mut species = String::new();
    let mut parameters = String::new();
    for outcome in outcomes {
        species += &format!(
            "founders{outcome} = {{ initial = 0, rate = \"founding{outcome}\", description = \"expected founders\" }}\n"
        );
        parameters += &format!(
            "founding{outcome} = {{ value = 1, description = \"founders expected until subjects are looked at\" }}\n"
        );
    }
    let title = quoted("Founders, one of which is enough");
    format!(
        "name = \"incidence\"\ntitle = {title}\ntime_unit = \"1\"\n\n[species]\n{species}\n[parameters]\n{parameters}"
    )
}
