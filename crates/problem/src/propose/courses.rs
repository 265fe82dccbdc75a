//! Numbers over time: growth of each subject, exponential or, where it slows down, Gompertz's.

use std::collections::HashMap;

use super::{
    Reading, counts,
    draft::{Draft, Estimated, Measured, Observed},
    frame::{Column, identifiers},
    roles::{self, MOST_GROUPS, median, quoted},
};

/// Subjects from which their variation is estimated.
const FEWEST_SUBJECTS: usize = 5;

/// Growth of the second half of a course over that of the first, below which it slows down.
const SLOWER: f64 = 0.7;

/// Times of a course from which its bend is looked at.
const FEWEST_TIMES: usize = 6;

/// What is measured: one column, or, where labels tell what a row is of, the rows of one set of labels.
struct What {
    id: String,
    name: String,
    column: usize,
    rows: Vec<usize>,
}

/// One subject's measurements of one thing, by time.
type Course = Vec<(f64, f64)>;

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let time = roles::time(reading)?;
    let subject = roles::subject(reading);
    let group = roles::group(reading, subject);
    let spread = reading.free().find(|&index| {
        let column = reading.column(index);
        column.numbers.is_some() && column.says(&["sd", "std", "stdev"]) && column.least() >= 0.0
    });
    let varies = |column: &Column, index: usize| {
        let is_number = column.numbers.is_some() && column.least() < column.most();
        // A number that is the same for a subject at all times is one of the subject.
        let over_time = subject.is_none() || !roles::is_constant(reading, index, subject);
        is_number && over_time && !column.is_time_unit() && Some(index) != spread && !column.says(&["se", "sem", "n"])
    };
    let all: Vec<usize> = reading.free().filter(|&index| varies(reading.column(index), index)).collect();
    let mut values: Vec<usize> =
        reading.measured(|column| all.iter().any(|&index| reading.column(index).name == column.name));
    // Of volume and diameter one says all.
    if reading.asked.is_empty() && values.iter().any(|&index| says_volume(reading.column(index))) {
        values.retain(|&index| !reading.column(index).says(&["diameter", "diam", "length", "width"]));
    }
    let whats = whats(reading, &values, [Some(time), subject, group])?;
    // What was measured once has no course.
    let (whats, once): (Vec<What>, Vec<What>) = whats.into_iter().partition(|what| {
        let times = what.rows.iter().filter(|&&row| reading.column(what.column).number(row).is_some());
        let mut times = times.filter_map(|&row| reading.column(time).number(row));
        times.next().is_some_and(|first| times.any(|time| time != first))
    });
    for what in once {
        reading.left_out.push(format!("{}, which was measured at one time only", what.name));
    }
    let courses: Vec<HashMap<String, Course>> =
        whats.iter().map(|what| courses(reading, what, time, subject)).collect();
    let times: Vec<f64> = courses.iter().flat_map(HashMap::values).flatten().map(|point| point.0).collect();
    let (first, last) =
        (times.iter().copied().fold(f64::INFINITY, f64::min), times.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    // One time is no course.
    if courses.is_empty() || first >= last {
        return None;
    }
    for &value in &values {
        let law = match (spread, reading.column(value)) {
            (Some(_), _) => "a mean with its s.d.; normal",
            (None, column) if column.is_count() && counts::says_count(column) => {
                "whole numbers that change over time; negative-binomial"
            }
            (None, column) if column.least() >= 0.0 => "positive numbers that change over time; log-normal",
            _ => "numbers that change over time; normal",
        };
        reading.take(value, "measured", law);
    }
    if let Some(spread) = spread {
        reading.take(spread, "noise", "its name says s.d.; of the measured mean");
    }
    let unit = roles::time_unit(reading.column(time));
    let subjects: usize = courses.iter().map(HashMap::len).max().unwrap_or_default();
    let vary = subject.is_some() && subjects >= FEWEST_SUBJECTS;
    let texts = group.map_or(Vec::new(), |group| reading.column(group).distinct());
    let own = (2..=MOST_GROUPS).contains(&texts.len());
    let between = texts.len() > MOST_GROUPS && vary;
    let groups = if own { texts } else { vec!["all"] };
    let ids = identifiers(&groups);
    let mut draft = Draft {
        description: "How fast does it grow, and how do subjects differ?".to_owned(),
        simulation: "ode",
        method: "mcmc",
        ..Draft::default()
    };
    let mut model = Model { unit, ..Model::default() };
    let rate = format!("1/{unit}");
    let mut zeros = 0;
    for (what, courses) in whats.iter().zip(&courses) {
        let column = reading.column(what.column);
        let law = law(column, spread.is_some());
        let shape = shape(courses, first);
        let gompertz = shape.slower;
        let id = &what.id;
        model.add(id, &what.name, gompertz, vary, between, column.unit);
        let suffix = if whats.len() == 1 { String::new() } else { format!("_{id}") };
        let place = |parameter: &str| format!("{parameter}{suffix}");
        let start = shape.start;
        let start_unit = column.unit.unwrap_or_default();
        draft.parameters.push(Estimated::new(
            place("start"),
            format!("{} at time {first}", what.name),
            start_unit,
            [start / 20.0, start * 20.0],
        ));
        let growth = match (shape.growth > 0.0, gompertz) {
            (true, true) => [shape.growth / 5.0, shape.growth * 20.0],
            (true, false) => [shape.growth / 10.0, shape.growth * 10.0],
            // It may shrink.
            (false, _) => {
                let most = 5.0 * shape.growth.abs().max(1.0 / (last - first));
                [-most, most]
            }
        };
        let vary_growth = vary && growth[0] > 0.0;
        if !vary_growth {
            model.fixed_growth(id);
        }
        for (group_id, name) in ids.iter().zip(&groups) {
            let parameter = if own { format!("{}_{group_id}", place("growth")) } else { place("growth") };
            let about =
                if own { format!("growth of {}, {name}", what.name) } else { format!("growth of {}", what.name) };
            draft.parameters.push(Estimated::new(parameter.clone(), about, rate.clone(), growth));
            if own {
                draft.conditions.push((group_id.clone(), place("growth"), parameter));
            }
        }
        if gompertz {
            let bounds = [shape.growth / 100.0, shape.growth * 20.0];
            draft.parameters.push(Estimated::new(
                place("slowing"),
                "rate at which growth slows down",
                rate.clone(),
                bounds,
            ));
        }
        if vary {
            draft.parameters.push(Estimated::new(
                place("start_spread"),
                "spread of start between subjects",
                "",
                [0.02, 2.0],
            ));
        }
        if vary_growth {
            let about = if between { "spread of growth between groups" } else { "spread of growth between subjects" };
            draft.parameters.push(Estimated::new(place("growth_spread"), about, "", [0.02, 2.0]));
        }
        let (noise, placeholders) = match law {
            Law::Given => ("sd".to_owned(), "sd"),
            _ => (place("sigma"), ""),
        };
        match law {
            Law::Given => {}
            Law::Logarithm => draft.parameters.push(Estimated::new(
                place("sigma"),
                format!("s.d. of ln({})", what.name),
                "",
                [0.02, 1.5],
            )),
            Law::Count => {
                draft.parameters.push(Estimated::new(place("sigma"), "scatter beyond Poisson's", "", [0.01, 20.0]))
            }
            Law::Plain => {
                let width = column.most() - column.least();
                draft.parameters.push(Estimated::new(
                    place("sigma"),
                    format!("s.d. of {}", what.name),
                    start_unit,
                    [width / 200.0, width],
                ));
            }
        }
        draft.observables.push(Observed {
            id: format!("measured_{id}"),
            name: what.name.clone(),
            kind: if column.unit == Some("cells") || matches!(law, Law::Count) { "cells" } else { "amount" },
            unit: start_unit.to_owned(),
            formula: species(id),
            noise,
            placeholders,
            law: law.name(),
            ..Observed::default()
        });
        let floor = column.values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        for &row in &what.rows {
            let Some((at, value)) = reading.column(time).number(row).zip(column.number(row)) else { continue };
            let sd = spread.and_then(|spread| reading.column(spread).number(row));
            let certain = matches!(law, Law::Given) && sd.is_none_or(|sd| sd == 0.0);
            let experiment = match (own, group) {
                (true, Some(group)) => groups.iter().position(|known| *known == reading.column(group).text(row)),
                _ => Some(0),
            };
            let Some(experiment) = experiment.filter(|_| !certain) else {
                zeros += usize::from(certain);
                continue;
            };
            let below = matches!(law, Law::Logarithm) && value <= 0.0;
            draft.measurements.push(Measured {
                observable: format!("measured_{id}"),
                experiment: ids[experiment].clone(),
                time: at,
                value: if below { floor } else { value },
                subject: subject.map_or(String::new(), |_| roles::subject_name(reading, subject, row)),
                noise: sd,
                censoring: if below { "left" } else { "" },
                ..Measured::default()
            });
        }
        if column.least() <= 0.0 && matches!(law, Law::Logarithm) {
            reading
                .choose(format!("Zeros of {} are entered as below {floor}, the smallest value measured.", what.name));
        }
        reading.choose(format!(
            "Model of {}: {} growth from its value at time {first}.",
            what.name,
            if gompertz {
                "Gompertz (in most courses the second half grows slower than the first)"
            } else {
                "exponential"
            }
        ));
    }
    for (id, name) in ids.iter().zip(&groups) {
        let condition = if own { id.clone() } else { String::new() };
        draft.experiments.push((id.clone(), (*name).to_owned(), first, condition));
    }
    if between && let (Some(subject), Some(group)) = (subject, group) {
        let mut seen = std::collections::HashSet::new();
        for row in 0..reading.frame.rows {
            let name = roles::subject_name(reading, Some(subject), row);
            if seen.insert(name.clone()) {
                draft.subjects.push(vec![name, reading.column(group).text(row).to_owned(), ids[0].clone()]);
            }
        }
    }
    if vary {
        reading.choose(format!(
            "{subjects} subjects: start and growth are lognormal between them, with spreads that are estimated."
        ));
    }
    if zeros > 0 {
        reading
            .left_out
            .push(format!("{zeros} rows whose s.d. is 0 or missing: they are certain, and belong into the model"));
    }
    draft.model = model.text();
    (!draft.measurements.is_empty()).then_some(draft)
}

fn says_volume(column: &Column) -> bool {
    column.says(&["volume", "vol"]) || matches!(column.unit, Some("mm^3" | "cm^3" | "ml" | "ul"))
}

/// Law of noise.
#[derive(Clone, Copy)]
enum Law {
    /// Normal, with an s.d. of each row.
    Given,
    Logarithm,
    Count,
    Plain,
}

impl Law {
    fn name(self) -> &'static str {
        match self {
            Self::Given | Self::Plain => "normal",
            Self::Logarithm => "log-normal",
            Self::Count => "negative-binomial",
        }
    }
}

fn law(column: &Column, has_spread: bool) -> Law {
    match column {
        _ if has_spread => Law::Given,
        column if column.is_count() && counts::says_count(column) => Law::Count,
        column if column.least() >= 0.0 => Law::Logarithm,
        _ => Law::Plain,
    }
}

/// What is measured; none if nothing is.
fn whats(reading: &mut Reading<'_>, values: &[usize], others: [Option<usize>; 3]) -> Option<Vec<What>> {
    let [time, subject, _] = others;
    // Labels that change within a subject, or where there are no subjects within a time, say what a row is of.
    let tells = |reading: &Reading<'_>, index: usize| {
        let column = reading.column(index);
        let few = column.is_label() && (2..=12).contains(&column.distinct().len());
        few && match subject {
            Some(_) => !roles::is_constant(reading, index, subject),
            None => !roles::is_constant(reading, index, time),
        }
    };
    let labels: Vec<usize> =
        reading.free().filter(|&index| !values.contains(&index) && tells(reading, index)).collect();
    for &label in &labels {
        reading.take(label, "what is measured", "its names change within a subject or time");
    }
    let mut found: Vec<(String, usize, Vec<usize>)> = Vec::new();
    for &column in values {
        for row in 0..reading.frame.rows {
            let texts: Vec<&str> = labels.iter().map(|&label| reading.column(label).text(row)).collect();
            let name = match (texts.is_empty(), values.len()) {
                (true, _) => reading.column(column).name.clone(),
                (false, 1) => texts.join(" "),
                (false, _) => format!("{} {}", texts.join(" "), reading.column(column).name),
            };
            match found.iter_mut().find(|(known, of, _)| *known == name && *of == column) {
                Some((.., rows)) => rows.push(row),
                None => found.push((name, column, vec![row])),
            }
        }
    }
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let ids = identifiers(&names);
    let whats = found.iter().zip(ids).map(|((name, column, rows), id)| What {
        id: id.to_ascii_lowercase(),
        name: name.clone(),
        column: *column,
        rows: rows.clone(),
    });
    let whats: Vec<What> = whats.collect();
    (!whats.is_empty() && whats.len() <= 12).then_some(whats)
}

/// The course of each subject, by time.
fn courses(reading: &Reading<'_>, what: &What, time: usize, subject: Option<usize>) -> HashMap<String, Course> {
    let mut courses: HashMap<String, Course> = HashMap::new();
    for &row in &what.rows {
        if let Some(point) = reading.column(time).number(row).zip(reading.column(what.column).number(row)) {
            let name = subject.map_or(String::new(), |_| roles::subject_name(reading, subject, row));
            courses.entry(name).or_default().push(point);
        }
    }
    courses.values_mut().for_each(|course| course.sort_by(|a, b| a.0.total_cmp(&b.0)));
    courses
}

/// What courses look like: typical start and growth, and whether growth slows down.
struct Shape {
    start: f64,
    growth: f64,
    slower: bool,
}

fn shape(courses: &HashMap<String, Course>, first: f64) -> Shape {
    let positive = |course: &Course| -> Course {
        course.iter().filter(|point| point.1 > 0.0).map(|&(time, value)| (time, value.ln())).collect()
    };
    let logs: Vec<Course> = courses.values().map(positive).collect();
    let lines: Vec<(f64, f64)> = logs.iter().filter_map(|course| line(course)).collect();
    let halves: Vec<f64> = logs
        .iter()
        .filter(|course| course.len() >= FEWEST_TIMES)
        .filter_map(|course| {
            let (before, after) = course.split_at(course.len() / 2);
            let (before, after) = (line(before)?.1, line(after)?.1);
            (before > 0.0).then_some(after / before)
        })
        .collect();
    let growth = median(lines.iter().map(|line| line.1)).unwrap_or(0.0);
    let at_first = median(lines.iter().map(|(level, slope)| level + slope * first));
    let lowest = || median(logs.iter().flatten().map(|point| point.1));
    let start = at_first.or_else(lowest).map_or(1.0, f64::exp);
    let slower = growth > 0.0
        && 2 * halves.len() >= logs.len()
        && median(halves.iter().copied()).is_some_and(|ratio| ratio < SLOWER);
    Shape { start: if start.is_finite() && start > 0.0 { start } else { 1.0 }, growth, slower }
}

/// Level at time 0 and slope of the line of least squares; none through fewer than two times.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let (time, value) =
        (points.iter().map(|point| point.0).sum::<f64>() / n, points.iter().map(|point| point.1).sum::<f64>() / n);
    let square: f64 = points.iter().map(|point| (point.0 - time).powi(2)).sum();
    let product: f64 = points.iter().map(|point| (point.0 - time) * (point.1 - value)).sum();
    let slope = product / square;
    slope.is_finite().then_some((value - slope * time, slope))
}

/// The species of what is measured: not the name of a function or of a parameter.
fn species(id: &str) -> String {
    format!("{id}_amount")
}

/// The parts of a model file of growth.
#[derive(Default)]
struct Model {
    unit: &'static str,
    whats: Vec<Growth>,
}

/// Growth of one thing.
struct Growth {
    id: String,
    name: String,
    unit: Option<&'static str>,
    gompertz: bool,
    vary: bool,
    vary_growth: bool,
    between: bool,
}

impl Model {
    fn add(&mut self, id: &str, name: &str, gompertz: bool, vary: bool, between: bool, unit: Option<&'static str>) {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.whats.push(Growth { id, name, unit, gompertz, vary, vary_growth: vary, between });
    }

    /// A growth that may be negative has no lognormal law.
    fn fixed_growth(&mut self, id: &str) {
        self.whats.iter_mut().filter(|what| what.id == id).for_each(|what| what.vary_growth = false);
    }

    fn text(&self) -> String {
        let (mut lines, mut parameters) = (String::new(), String::new());
        for what in &self.whats {
            let suffix = if self.whats.len() == 1 { String::new() } else { format!("_{}", what.id) };
            let (id, name) = (species(&what.id), &what.name);
            // Units that the engine does not know as such (%) are left out.
            let amount =
                what.unit.filter(|unit| *unit != "%").map_or(String::new(), |unit| format!(", unit = \"{unit}\""));
            let rate = match what.gompertz {
                true => format!("(growth{suffix} - slowing{suffix} * ln({id} / start{suffix})) * {id}"),
                false => format!("growth{suffix} * {id}"),
            };
            lines += &format!(
                "{id} = {{ initial = \"start{suffix}\", rate = \"{rate}\"{amount}, description = {} }}\n",
                quoted(name)
            );
            let varies = |on: bool, spread: &str| match on {
                true => format!(", varies = {{ law = \"lognormal\", spread = \"{spread}{suffix}\" }}"),
                false => String::new(),
            };
            let both = format!(
                ", varies = {{ law = \"lognormal\", spread = \"growth_spread{suffix}\", between = \"groups\" }}"
            );
            let growth = match what.vary_growth && what.between {
                true => both,
                false => varies(what.vary_growth, "growth_spread"),
            };
            let start = varies(what.vary, "start_spread");
            let about = quoted(&format!("{name} at the first time"));
            parameters += &format!("start{suffix} = {{ value = 1{amount}{start}, description = {about} }}\n");
            let about = quoted(&format!("growth of {name} at the first time"));
            let unit = self.unit;
            parameters +=
                &format!("growth{suffix} = {{ value = 0.1, unit = \"1/{unit}\"{growth}, description = {about} }}\n");
            let mut spread = |on: bool, name: &str, of: &str| {
                if on {
                    parameters += &format!(
                        "{name}{suffix} = {{ value = 0.3, description = \"spread of {of}, s.d. of its natural logarithm\" }}\n"
                    );
                }
            };
            spread(what.vary, "start_spread", "the start between subjects");
            let of = if what.between { "growth between groups" } else { "growth between subjects" };
            spread(what.vary_growth, "growth_spread", of);
            if what.gompertz {
                parameters += &format!(
                    "slowing{suffix} = {{ value = 0.05, unit = \"1/{unit}\", description = \"rate at which growth slows down\" }}\n"
                );
            }
        }
        format!(
            "name = \"growth\"\ntitle = \"Growth of each subject\"\ntime_unit = \"{}\"\n\n[species]\n{lines}\n\
             [parameters]\n{parameters}",
            self.unit
        )
    }
}
