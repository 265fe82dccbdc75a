//! Writes a network as a model file.

use std::fmt::Write;

use super::lesions::{LARGE, Lesions};
use super::parts::{Builder, EventPart, ParameterPart, ReactionPart, Text, TriggerPart, Varies};
use super::therapies::{ArmPart, Therapy};
use crate::expression::Expression;

impl Builder {
    /// Names that come with lesions and therapies.
    fn derived(&self) -> Vec<String> {
        let of_lesions = self.lesions.iter().flat_map(Lesions::symbols).map(|symbol| symbol.value);
        of_lesions.chain(self.therapies.iter().flat_map(Therapy::symbols)).collect()
    }

    /// The network as a model file, which [`Builder::from_toml`] reads back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        line(&mut out, "name", &quoted(if self.name.is_empty() { "model" } else { &self.name }));
        text(&mut out, "title", &self.title);
        if self.description.contains('\n') {
            let _ = writeln!(out, "description = \"\"\"\n{}\"\"\"", escaped(&self.description, true));
        } else {
            text(&mut out, "description", &self.description);
        }
        text(&mut out, "time_unit", &self.time_unit.value);
        let functions = self.functions.iter().map(|part| {
            let arguments: Vec<String> = part.arguments.iter().map(|argument| quoted(&argument.value)).collect();
            let arguments = format!("arguments = [{}]", arguments.join(", "));
            (&part.name, format!("{{ {arguments}, expression = {} }}", quoted(&part.expression.value)))
        });
        table(&mut out, "functions", functions);
        let symbols = self.derived();
        let species = self.species.iter().filter(|part| !symbols.contains(&part.name.value));
        let species: Vec<_> = species.collect();
        let species = species.iter().map(|part| {
            let mut details = vec![("initial", value(&part.initial))];
            details.extend(part.rate.as_ref().map(|rate| ("rate", value(rate))));
            (&part.name, entry(details, &[("unit", &part.unit.value), ("description", &part.description)]))
        });
        table(&mut out, "species", species);
        let parameters = self.parameters.iter().filter(|part| !symbols.contains(&part.name.value));
        let parameters: Vec<_> = parameters.collect();
        let parameters = parameters.iter().map(|part| {
            let ParameterPart { name, value: number, unit, description, source, basis, range, varies } = part;
            let words = [("unit", &unit.value), ("description", description), ("source", source)];
            let mut details = vec![("value", Expression::number(*number).to_string())];
            details.extend(range.map(|range| {
                let [from, to] = range.map(|number| Expression::number(number).to_string());
                ("range", format!("[{from}, {to}]"))
            }));
            details.extend(basis.map(|basis| ("basis", quoted(basis.name()))));
            details.extend(varies.as_ref().map(|varies| ("varies", variation(varies))));
            (name, entry(details, &words))
        });
        table(&mut out, "parameters", parameters);
        let rules = self.rules.iter().map(|part| {
            let details = [("unit", &part.unit.value), ("description", &part.description)];
            (&part.name, entry(vec![("expression", quoted(&part.expression.value))], &details))
        });
        table(&mut out, "rules", rules);
        self.reactions.iter().for_each(|part| reaction(&mut out, part));
        self.events.iter().filter(|part| !part.derived).for_each(|part| event(&mut out, part));
        self.lesions.iter().for_each(|part| lesions(&mut out, part));
        self.therapies.iter().for_each(|part| therapy(&mut out, part));
        self.arms.iter().for_each(|part| arm(&mut out, part));
        out
    }
}

fn reaction(out: &mut String, part: &ReactionPart) {
    *out += "\n[[reactions]]\n";
    if part.name != part.equation.value {
        text(out, "name", &part.name);
    }
    line(out, "equation", &quoted(&part.equation.value));
    line(out, "rate", &value(&part.rate));
    text(out, "stage", &part.stage);
}

fn event(out: &mut String, part: &EventPart) {
    *out += "\n[[events]]\n";
    text(out, "name", &part.name);
    match &part.trigger {
        TriggerPart::At { at, every } => {
            line(out, "at", &value(at));
            if let Some([interval, times]) = every {
                line(out, "every", &value(interval));
                line(out, "times", &value(times));
            }
        }
        TriggerPart::When { condition, initially, persistent } => {
            line(out, "when", &value(condition));
            if *initially {
                line(out, "initially", "true");
            }
            if !persistent {
                line(out, "persistent", "false");
            }
        }
    }
    for (key, text) in [("delay", &part.delay), ("priority", &part.priority)] {
        if let Some(text) = text {
            line(out, key, &value(text));
        }
    }
    if !part.values_from_trigger_time {
        line(out, "values", "\"execution\"");
    }
    let set: Vec<String> =
        part.set.iter().map(|(target, new)| format!("{} = {}", key(&target.value), value(new))).collect();
    line(out, "set", &if set.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", set.join(", ")) });
}

fn lesions(out: &mut String, part: &Lesions) {
    *out += "\n[[lesions]]\n";
    line(out, "name", &quoted(&part.name.value));
    text(out, "description", &part.description);
    for (key, text, default) in
        [("initial", &part.initial, "0"), ("size", &part.size, "1"), ("large", &part.large, LARGE)]
    {
        if text.value != default {
            line(out, key, &value(text));
        }
    }
    line(out, "birth", &value(&part.birth));
    line(out, "death", &value(&part.death));
    if let Some([probability, waking, death]) = &part.dormancy {
        let entries = [("probability", probability), ("waking", waking), ("death", death)];
        line(out, "dormant", &inline(entries.map(|(key, text)| (key, value(text)))));
    }
    for (key, text) in [("growth", &part.growth), ("emission", &part.emission), ("detection", &part.detection)] {
        if let Some(text) = text {
            line(out, key, &value(text));
        }
    }
    if !part.own.is_empty() {
        let own = part.own.iter().map(|own| {
            let entries =
                [("law", quoted(own.law.name())), ("location", value(&own.location)), ("spread", value(&own.spread))];
            (own.name.value.as_str(), inline(entries))
        });
        line(out, "own", &inline(own));
    }
    if !part.counts.is_empty() {
        let counts = part.counts.iter().map(|(name, cells)| (name.value.as_str(), value(cells)));
        line(out, "counts", &inline(counts));
    }
}

fn therapy(out: &mut String, part: &Therapy) {
    *out += "\n[[therapies]]\n";
    line(out, "name", &quoted(&part.name.value));
    text(out, "description", &part.description);
    part.after.iter().for_each(|condition| line(out, "after", &value(condition)));
    part.values.iter().for_each(|(key, value)| line(out, key, &Expression::number(*value).to_string()));
}

fn arm(out: &mut String, part: &ArmPart) {
    *out += "\n[[arms]]\n";
    line(out, "name", &quoted(&part.name.value));
    text(out, "description", &part.description);
    let set = part.set.iter().map(|(name, value)| (name.value.as_str(), Expression::number(*value).to_string()));
    line(out, "set", &inline(set));
}

/// An inline table.
fn inline<'t>(entries: impl IntoIterator<Item = (&'t str, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// A table with one line an entry.
fn table<'t>(out: &mut String, name: &str, entries: impl ExactSizeIterator<Item = (&'t Text, String)>) {
    if entries.len() > 0 {
        let _ = writeln!(out, "\n[{name}]");
        entries.for_each(|(name, value)| line(out, &key(&name.value), &value));
    }
}

/// The value alone, or a table of it and the words that are there.
fn entry(mut details: Vec<(&'static str, String)>, words: &[(&'static str, &String)]) -> String {
    let words = words.iter().filter(|(_, text)| !text.is_empty());
    details.extend(words.map(|(key, text)| (*key, quoted(text))));
    match details.as_slice() {
        [(_, value)] => value.clone(),
        _ => {
            let details: Vec<String> = details.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("{{ {} }}", details.join(", "))
        }
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

/// A line for a text that may be empty.
fn text(out: &mut String, key: &str, text: &str) {
    if !text.is_empty() {
        line(out, key, &quoted(text));
    }
}

/// A bare number where the text is one, else the text in quotes.
fn value(text: &Text) -> String {
    match text.value.parse::<f64>() {
        Ok(number) if number.is_finite() => Expression::number(number).to_string(),
        _ => quoted(&text.value),
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, false))
}

/// The inside of a basic string of TOML 1.0.
fn escaped(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' if lines => out.push(c),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out
}

/// What a parameter varies by: a table, or a list of two.
fn variation(Varies { law, groups, subjects }: &Varies) -> String {
    let part = |spread: &Text, between: &str| {
        inline([("law", quoted(law.name())), ("spread", value(spread)), ("between", quoted(between))])
    };
    match (groups, subjects) {
        (Some(groups), Some(subjects)) => format!("[{}, {}]", part(groups, "groups"), part(subjects, "subjects")),
        (Some(groups), None) => part(groups, "groups"),
        (None, Some(subjects)) => inline([("law", quoted(law.name())), ("spread", value(subjects))]),
        (None, None) => "[]".to_owned(),
    }
}
