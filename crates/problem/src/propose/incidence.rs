//! Yes or no of each subject: founders in proportion to the primary's size, one of which is enough.

use super::{
    Reading,
    draft::{Draft, Estimated, Measured, Observed},
    frame::{Column, identifiers},
    roles::{self, MOST_GROUPS, quoted},
};

/// Words of columns that say whether it happened.
const OUTCOMES: &[&str] = &[
    "met",
    "mets",
    "metastasis",
    "metastases",
    "metastatic",
    "incidence",
    "positive",
    "involved",
    "involvement",
    "take",
    "outcome",
    "ipsi",
    "contra",
    "response",
    "relapse",
    "recurrence",
    "event",
];

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let subject = roles::subject(reading);
    let named = reading.measured(|column| column.is_flag() && column.says(OUTCOMES));
    // The one that is known of most subjects, of several the first.
    let missing = |index: &usize| reading.column(*index).cells.iter().filter(|cell| cell.is_none()).count();
    let outcome = *named.iter().min_by_key(|index| missing(index))?;
    reading.take(outcome, "measured: yes or no", "0 or 1, and its name says an outcome; binomial, of one trial each");
    for &other in named.iter().filter(|other| **other != outcome) {
        let why = format!("another outcome; --value {} chooses it", reading.column(other).name);
        reading.take(other, "not used", why);
    }
    let is_size = |column: &Column| {
        let by_unit = matches!(column.unit, Some("mm^3" | "cm^3" | "ml" | "ul" | "mm" | "cm" | "mg" | "g"));
        column.numbers.is_some()
            && (by_unit || column.says(&["volume", "size", "diameter"]))
            && column.least() > 0.0
            && column.least() < column.most()
    };
    let size = reading.free().find(|&index| is_size(reading.column(index)));
    let known = |index: usize| reading.column(index).cells.iter().filter(|cell| cell.is_some()).count();
    let size = match size {
        Some(index) if 5 * known(index) < 4 * reading.frame.rows => {
            let why = format!("a size, but known of {} of {} subjects only", known(index), reading.frame.rows);
            reading.take(index, "not used", why);
            None
        }
        size => size,
    };
    if let Some(size) = size {
        reading.take(size, "covariate", "the size of the primary: a larger one emits more founders");
    }
    let group = roles::group(reading, subject);
    let id = "outcome";
    let texts = group.map_or(Vec::new(), |group| reading.column(group).distinct());
    let own = (2..=MOST_GROUPS).contains(&texts.len());
    let between = texts.len() > MOST_GROUPS;
    let groups = if own { texts } else { vec!["all"] };
    let ids = identifiers(&groups);
    let typical = size.and_then(|size| roles::median(reading.column(size).values())).unwrap_or(1.0);
    let is_length = size.is_some_and(|size| matches!(reading.column(size).unit, Some("mm" | "cm")));
    let typical = if is_length { typical.powi(3) } else { typical };
    let mut draft = Draft {
        description: "How many founders does a primary emit, and what does its size matter?".to_owned(),
        model: model(size.map(|size| reading.column(size)), is_length, between),
        simulation: "ode",
        method: "mcmc",
        ..Draft::default()
    };
    draft.observables.push(Observed {
        id: id.to_owned(),
        name: format!("probability of {}", reading.column(outcome).name),
        kind: "fraction",
        formula: "1 - exp(-founders)".to_owned(),
        law: "binomial",
        ..Observed::default()
    });
    for (group_id, name) in ids.iter().zip(&groups) {
        let parameter = if own { format!("emission_{group_id}") } else { "emission".to_owned() };
        let about = if own { format!("founders emitted, {name}") } else { "founders emitted".to_owned() };
        draft.parameters.push(Estimated::new(parameter.clone(), about, "", [1e-3 / typical, 20.0 / typical]));
        if own {
            draft.conditions.push((group_id.clone(), "emission".to_owned(), parameter));
        }
        draft.experiments.push((
            group_id.clone(),
            (*name).to_owned(),
            0.0,
            if own { group_id.clone() } else { String::new() },
        ));
    }
    if between {
        draft.parameters.push(Estimated::new("emission_spread", "spread of emission between groups", "", [0.1, 5.0]));
    }
    if let Some(size) = size {
        draft.covariates.push(reading.column(size).name.clone());
        draft.sets.push((reading.column(size).name.clone(), "size".to_owned()));
    }
    let mut left_out = 0;
    for row in 0..reading.frame.rows {
        let place = match (own, group) {
            (true, Some(group)) => groups.iter().position(|known| *known == reading.column(group).text(row)),
            _ => Some(0),
        };
        let covariate = size.map(|size| reading.column(size).number(row));
        let (Some(place), Some(value), None | Some(Some(_))) = (place, reading.column(outcome).number(row), covariate)
        else {
            left_out += 1;
            continue;
        };
        let name = roles::subject_name(reading, subject, row);
        let of_group = group.map_or(String::new(), |group| reading.column(group).text(row).to_owned());
        let mut cells = vec![name.clone(), of_group, ids[place].clone()];
        cells.extend(covariate.flatten().map(|value| value.to_string()));
        draft.subjects.push(cells);
        draft.measurements.push(Measured {
            observable: id.to_owned(),
            time: 1.0,
            value,
            subject: name,
            trials: Some(1.0),
            ..Measured::default()
        });
    }
    if left_out > 0 {
        let what = if size.is_some() { "an outcome, a group or a size" } else { "an outcome or a group" };
        reading.left_out.push(format!("{left_out} subjects without {what}"));
    }
    reading.choose("Model: founders arrive independently, in proportion to the primary's size where it is known; a subject has metastasis if there is one.");
    if between {
        reading.choose("Groups are many: emission is lognormal between them, with a spread that is estimated.");
    }
    Some(draft)
}

fn model(size: Option<&Column>, is_length: bool, between: bool) -> String {
    let rate = match (size.is_some(), is_length) {
        (false, _) => "emission",
        (true, false) => "emission * size",
        (true, true) => "emission * size^3",
    };
    let varies = if between {
        ", varies = { law = \"lognormal\", spread = \"emission_spread\", between = \"groups\" }"
    } else {
        ""
    };
    let spread = match between {
        true => {
            "emission_spread = { value = 1, description = \"spread of emission between groups, s.d. of its natural logarithm\" }\n"
        }
        false => "",
    };
    let size = size.map_or(String::new(), |column| {
        format!("size = {{ value = 1, description = {} }}\n", quoted(&format!("size of the primary: {}", column.name)))
    });
    format!(
        "name = \"incidence\"\ntitle = \"Founders of a primary, one of which is enough\"\ntime_unit = \"1\"\n\n[species]\n\
         founders = {{ initial = 0, rate = \"{rate}\", description = \"expected founders\" }}\n\n[parameters]\nemission = {{ value \
         = 1, description = \"founders emitted until subjects are looked at, per size of the primary where it is known\"{varies} }}\n\
         {spread}{size}"
    )
}
