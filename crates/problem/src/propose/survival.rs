//! A time to an event of each subject, and covariates: recurrence from lesions that a primary left behind, or stages on the
//! way to the event.

use super::{
    Reading,
    draft::{Draft, Estimated},
    frame::{Column, identifiers},
    roles::{self, MOST_GROUPS},
};

/// The recurrence of a primary whose size at resection is known.
const RECURRENCE: &str = include_str!("recurrence.toml");

/// Words of events that lesions elsewhere are.
const RECURRENCES: &[&str] =
    &["dm", "dmfs", "tdm", "met", "mets", "metastasis", "recurrence", "relapse", "rfs", "dfs", "distant", "recur"];

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let is_event = |column: &Column| {
        let name = column.name.to_ascii_lowercase();
        let words = ["event", "status", "death", "dead", "relapse", "recur", "progress", "censor"];
        column.is_flag() && words.iter().any(|word| name.contains(word))
    };
    let event = reading.free().find(|&index| is_event(reading.column(index)))?;
    let subject = roles::subject(reading);
    // A subject that comes twice is one that was measured over time.
    if subject.is_some_and(|subject| reading.column(subject).distinct().len() < reading.frame.rows) {
        return None;
    }
    let dies =
        ["death", "dead", "died"].iter().any(|word| reading.column(event).name.to_ascii_lowercase().contains(word));
    // Of several times the one of this event.
    let of_deaths = |column: &Column| column.is_time_unit() && column.says(&["survival", "os", "death"]);
    let own = reading.free().find(|&index| dies && of_deaths(reading.column(index)));
    let time = match own {
        Some(own) => {
            reading.take(own, "time", "its name says a time to death");
            own
        }
        None => roles::time(reading)?,
    };
    let inverted = reading.column(event).name.to_ascii_lowercase().contains("censor");
    let what = if inverted { "1 is censored, by its name" } else { "1 where it happened, by its name" };
    reading.take(event, "event", format!("0 or 1; {what}"));
    let recurs = !dies && (reading.column(event).says(RECURRENCES) || reading.column(time).says(RECURRENCES));
    let is_size = |column: &Column| {
        let says = column.says(&["size", "diam", "diameter"]) && matches!(column.unit, Some("mm" | "cm"));
        says && column.numbers.is_some() && column.least() > 0.0 && column.least() < column.most()
    };
    let size = reading.free().find(|&index| is_size(reading.column(index))).filter(|_| recurs);
    let group = roles::group(reading, None).filter(|_| size.is_none());
    let unit = roles::time_unit(reading.column(time));
    let mut draft = match size {
        Some(size) => recurrence(reading, size),
        None => stages(reading, group, time),
    };
    let endpoint = if size.is_some() { "distant_first_detected" } else { "happened >= 1" };
    draft.survival_unit = if size.is_some() && unit != "day" { unit.to_owned() } else { String::new() };
    let carried: Vec<usize> = reading.free().filter(|&index| !reading.column(index).is_empty()).collect();
    // A covariate of the name of a parameter would set it.
    let names: Vec<&str> = carried.iter().map(|&index| reading.column(index).name.as_str()).collect();
    let covariates = identifiers(&names).into_iter().map(|name| match draft.model.contains(&format!("\n{name} =")) {
        true => format!("{name}_of_subject"),
        false => name,
    });
    draft.covariates.extend(covariates);
    for &column in &carried {
        reading.take(column, "covariate", "carried along in subjects.tsv; sets nothing");
    }
    let groups = group.map_or(Vec::new(), |group| reading.column(group).distinct());
    let own = (2..=MOST_GROUPS).contains(&groups.len());
    let ids = identifiers(&groups);
    let mut left_out = 0;
    for row in 0..reading.frame.rows {
        let read = reading.column(time).number(row).zip(reading.column(event).number(row));
        let covariate = size.map(|size| reading.column(size).number(row));
        let place = match (own, group) {
            (true, Some(group)) => groups.iter().position(|known| *known == reading.column(group).text(row)),
            _ => Some(0),
        };
        let (Some((time, flag)), None | Some(Some(_)), Some(place)) = (read, covariate, place) else {
            left_out += 1;
            continue;
        };
        let happened = (flag == 1.0) != inverted;
        if time < 0.0 || (time == 0.0 && !happened) {
            left_out += 1;
            continue;
        }
        let name = roles::subject_name(reading, subject, row);
        let experiment = if own { ids[place].clone() } else { draft.experiments[0].0.clone() };
        let mut cells = vec![name.clone(), String::new(), experiment];
        cells.extend(covariate.flatten().map(|value| value.to_string()));
        cells.extend(carried.iter().map(|&column| reading.column(column).text(row).to_owned()));
        draft.subjects.push(cells);
        draft.survival.push((name, time, happened, endpoint));
    }
    if left_out > 0 {
        reading.left_out.push(format!("{left_out} subjects without time, event or size, or without follow-up"));
    }
    (!draft.survival.is_empty()).then_some(draft)
}

/// Lesions that the primary seeded before it was resected, at time 0.
fn recurrence(reading: &mut Reading<'_>, size: usize) -> Draft {
    reading.take(size, "covariate", "the size of the primary at resection: a larger one seeded longer and more");
    reading.choose(
        "Model: a primary that grew to the size at which it was resected, at time 0, seeded lesions; the first that reaches the \
         size of detection is the event. Growth and seeding are lognormal between subjects.",
    );
    let column = reading.column(size);
    let (name, per_cm) = (column.name.clone(), if column.unit == Some("mm") { 10.0 } else { 1.0 });
    let estimated = |id: &str, about: &str, unit: &str, bounds| Estimated::new(id, about, unit, bounds);
    Draft {
        description: "When did the metastases found later begin, how fast do they grow, and what does size tell?"
            .to_owned(),
        model: RECURRENCE.replace("SIZES_PER_CM", &per_cm.to_string()),
        parameters: vec![
            estimated("growth", "growth of primary and lesions, median", "1/day", [5e-4, 0.05]),
            estimated("growth_spread", "spread of growth between subjects", "", [0.05, 2.0]),
            estimated("seeding", "arrival of founders from 1e9 cells, median", "1/day", [1e-6, 10.0]),
            estimated("seeding_spread", "spread of seeding between subjects", "", [0.05, 4.0]),
            estimated("exponent", "power of size by which a primary seeds", "", [0.0, 1.5]),
        ],
        experiments: vec![("cohort".into(), "from 30 years before resection".into(), -10950.0, String::new())],
        covariates: vec![name.clone()],
        sets: vec![(name, "diameter".to_owned())],
        simulation: "hybrid",
        method: "abc-smc",
        simulations: 5000,
        ..Draft::default()
    }
}

/// Two stages to the event, or a way out before the first.
fn stages(reading: &mut Reading<'_>, group: Option<usize>, time: usize) -> Draft {
    reading.choose(
        "Model: a subject falls ill at one rate or is out of danger at another, and the event follows illness at a third: curves \
         with a delay and a plateau.",
    );
    let unit = roles::time_unit(reading.column(time));
    let typical = roles::median(reading.column(time).values()).filter(|time| *time > 0.0).unwrap_or(1.0);
    let bounds = [0.01 / typical, 10.0 / typical];
    let texts = group.map_or(Vec::new(), |group| reading.column(group).distinct());
    let own = (2..=MOST_GROUPS).contains(&texts.len());
    let groups = if own { texts } else { vec!["all"] };
    let ids = identifiers(&groups);
    let mut draft = Draft {
        description: "How long does it take to the event, and who is spared?".to_owned(),
        model: format!(
            "name = \"stages\"\ntitle = \"Stages on the way to an event\"\ntime_unit = \"{unit}\"\n\n[species]\nwell = {{ initial = \
             1, description = \"1 until falling ill\" }}\nill = {{ initial = 0, description = \"1 while ill\" }}\nhappened = {{ \
             initial = 0, description = \"1 once it has happened\" }}\n\n[parameters]\nfalling_ill = {{ value = {rate}, unit = \
             \"1/{unit}\", description = \"rate of falling ill\" }}\nsparing = {{ value = {rate}, unit = \"1/{unit}\", description = \
             \"rate of leaving danger\" }}\nprogression = {{ value = {rate}, unit = \"1/{unit}\", description = \"rate from illness \
             to the event\" }}\n\n[[reactions]]\nname = \"falling ill\"\nequation = \"well -> ill\"\nrate = \"falling_ill * \
             well\"\n\n[[reactions]]\nname = \"sparing\"\nequation = \"well ->\"\nrate = \"sparing * well\"\n\n[[reactions]]\nname = \
             \"progression\"\nequation = \"ill -> happened\"\nrate = \"progression * ill\"\n",
            rate = 1.0 / typical
        ),
        simulation: "direct",
        method: "abc-smc",
        simulations: 20_000,
        ..Draft::default()
    };
    let rate = format!("1/{unit}");
    for (id, name) in ids.iter().zip(&groups) {
        let parameter = if own { format!("falling_ill_{id}") } else { "falling_ill".to_owned() };
        let about = if own { format!("rate of falling ill, {name}") } else { "rate of falling ill".to_owned() };
        draft.parameters.push(Estimated::new(parameter.clone(), about, rate.clone(), bounds));
        if own {
            draft.conditions.push((id.clone(), "falling_ill".to_owned(), parameter));
        }
        let condition = if own { id.clone() } else { String::new() };
        draft.experiments.push((id.clone(), (*name).to_owned(), 0.0, condition));
    }
    draft.parameters.push(Estimated::new("sparing", "rate of leaving danger", rate.clone(), bounds));
    draft.parameters.push(Estimated::new("progression", "rate from illness to the event", rate, bounds));
    draft
}
