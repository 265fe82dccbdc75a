//! Reads a model file.

mod lesions;
mod therapies;

use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::parts::{
    Builder, EventPart, FunctionPart, ParameterPart, ReactionPart, RulePart, SpeciesPart, Text, TriggerPart,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, suggestion};

type Table<'a> = DeTable<'a>;
type Value<'a> = Spanned<DeValue<'a>>;

impl Builder {
    /// Reads the parts of a network from a model file, as [`Network::from_toml`](crate::Network::from_toml) does.
    ///
    /// # Errors
    /// Mistakes of the layout, and with them all others; what only shows when the network is built is left to
    /// [`Builder::build`].
    pub fn from_toml(source: &str, file: &str) -> Result<Self, Diagnostics> {
        read(source, file)
    }
}

fn read(source: &str, file: &str) -> Result<Builder, Diagnostics> {
    let document = DeTable::parse(source).map_err(|error| {
        let diagnostic = Diagnostic::new(file, error.message().trim().replace('\n', ", "));
        match error.span() {
            Some(span) => diagnostic.at(Place::in_source(source, span), ""),
            None => diagnostic,
        }
    })?;
    let mut reader = Reader { source, file, problems: Diagnostics::default() };
    let mut builder = reader.document(document.get_ref());
    builder.file = Some((file.to_owned(), source.to_owned()));
    if reader.problems.is_empty() {
        return Ok(builder);
    }
    // Mistakes of the layout and mistakes of the contents are shown together.
    if let Err(more) = builder.build() {
        reader.problems.extend(more);
    }
    reader.problems.0.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
    Err(reader.problems)
}

struct Reader<'s> {
    source: &'s str,
    file: &'s str,
    problems: Diagnostics,
}

impl Reader<'_> {
    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let mut diagnostic = Diagnostic::new(self.file, message).at(Place::in_source(self.source, span), "");
        diagnostic.help = help;
        self.problems.push(diagnostic);
    }

    fn document(&mut self, table: &Table) -> Builder {
        self.keys(
            table,
            &[
                "name",
                "title",
                "description",
                "time_unit",
                "functions",
                "species",
                "parameters",
                "rules",
                "reactions",
                "events",
                "lesions",
                "therapies",
                "arms",
            ],
        );
        let mut builder = Builder::new("");
        builder.name = self.words(table, "name");
        builder.title = self.words(table, "title");
        builder.description = self.words(table, "description").trim().to_owned();
        if let Some(unit) = table.get("time_unit") {
            builder.time_unit = self.expression(unit);
        }
        if builder.name.is_empty() {
            self.problem(0..0, "the model has no name", Some("begin the file with name = \"…\"".to_owned()));
        }
        for (name, value) in self.entries(table, "species") {
            let detail = value.get_ref().as_table();
            if let Some(detail) = detail {
                self.keys(detail, &["initial", "rate", "unit", "description"]);
            }
            let initial = match detail {
                Some(detail) => detail.get("initial"),
                None => Some(value),
            };
            let initial = match initial {
                Some(initial) => self.expression(initial),
                None => "0".into(),
            };
            let rate = detail.and_then(|detail| detail.get("rate")).map(|rate| self.expression(rate));
            let (unit, description) = self.about(value);
            builder.species.push(SpeciesPart { name, initial, rate, unit, description });
        }
        for (name, value) in self.entries(table, "parameters") {
            let detail = value.get_ref().as_table();
            if let Some(detail) = detail {
                self.keys(detail, &["value", "unit", "description", "source", "basis", "range", "varies"]);
            }
            let number = match detail {
                Some(detail) => detail.get("value"),
                None => Some(value),
            };
            let number = match number {
                Some(number) => self.number(number),
                None => {
                    self.problem(
                        value.span(),
                        format!("parameter `{}` has no value", name.value),
                        Some("add value = …".into()),
                    );
                    0.0
                }
            };
            let (unit, description) = self.about(value);
            let source = detail.map(|detail| self.words(detail, "source")).unwrap_or_default();
            let varies = detail.and_then(|detail| self.varies(detail));
            let basis = detail.and_then(|detail| self.basis(detail));
            let range = detail.and_then(|detail| self.range(detail));
            builder.parameters.push(ParameterPart {
                name,
                value: number,
                unit,
                description,
                source,
                basis,
                range,
                varies,
            });
        }
        for (name, value) in self.entries(table, "rules") {
            let detail = value.get_ref().as_table();
            if let Some(detail) = detail {
                self.keys(detail, &["expression", "unit", "description"]);
            }
            let expression = match detail {
                Some(detail) => self.required(detail, "expression", value.span()),
                None => self.expression(value),
            };
            let (unit, description) = self.about(value);
            builder.rules.push(RulePart { name, expression, unit, description });
        }
        for (entry, span) in self.tables(table, "reactions") {
            self.keys(entry, &["name", "equation", "rate", "stage", "description", "source"]);
            let equation = self.required(entry, "equation", span.clone());
            let rate = self.required(entry, "rate", span);
            let name = match self.words(entry, "name") {
                name if name.is_empty() => equation.value.clone(),
                name => name,
            };
            let stage = self.words(entry, "stage");
            builder.reactions.push(ReactionPart { name, equation, rate, stage });
        }
        for (name, value) in self.entries(table, "functions") {
            builder.functions.extend(self.function(name, value));
        }
        for (entry, span) in self.tables(table, "events") {
            builder.events.push(self.event(entry, span));
        }
        for (entry, span) in self.tables(table, "lesions") {
            builder.push_lesions(self.lesions(entry, span));
        }
        for (entry, span) in self.tables(table, "therapies") {
            builder.push_therapy(self.therapy(entry, span));
        }
        for (entry, span) in self.tables(table, "arms") {
            builder.arms.push(self.arm(entry, span));
        }
        builder
    }

    /// `f = { arguments = ["x", "K"], expression = "x / (K + x)" }`
    fn function(&mut self, name: Text, value: &Value) -> Option<FunctionPart> {
        let Some(detail) = value.get_ref().as_table() else {
            let help = "write { arguments = [\"x\"], expression = \"…\" }".to_owned();
            self.problem(value.span(), format!("function `{}` must be a table", name.value), Some(help));
            return None;
        };
        self.keys(detail, &["arguments", "expression", "description"]);
        let mut arguments = Vec::new();
        match detail.get("arguments").map(|list| (list.span(), list.get_ref().as_array())) {
            Some((_, Some(list))) => {
                for argument in list.iter() {
                    match argument.get_ref().is_str() {
                        true => arguments.push(self.expression(argument)),
                        false => self.problem(argument.span(), "an argument's name in quotes was expected", None),
                    }
                }
            }
            Some((span, None)) => self.problem(span, "`arguments` must be a list of names", None),
            None => self.problem(value.span(), "`arguments` is missing", Some("add arguments = [\"x\"]".to_owned())),
        }
        Some(FunctionPart { name, arguments, expression: self.required(detail, "expression", value.span()) })
    }

    fn event(&mut self, entry: &Table, span: Range<usize>) -> EventPart {
        let known = [
            "name",
            "at",
            "every",
            "times",
            "when",
            "initially",
            "persistent",
            "delay",
            "priority",
            "values",
            "set",
            "description",
        ];
        self.keys(entry, &known);
        let trigger = match (entry.get("at"), entry.get("when")) {
            (None, Some(condition)) => TriggerPart::When {
                condition: self.expression(condition),
                initially: self.flag(entry, "initially", false),
                persistent: self.flag(entry, "persistent", true),
            },
            (at, when) => {
                for key in ["initially", "persistent"] {
                    if let Some(value) = entry.get(key) {
                        let help = Some("`at` needs neither".to_owned());
                        self.problem(value.span(), format!("`{key}` belongs to events with `when`"), help);
                    }
                }
                if at.is_some() && when.is_some() {
                    self.problem(span.clone(), "an event has either `at` or `when`", None);
                }
                let every = entry
                    .get("every")
                    .map(|every| [self.expression(every), self.required(entry, "times", span.clone())]);
                TriggerPart::At { at: self.required(entry, "at", span.clone()), every }
            }
        };
        let values_from_trigger_time = match entry.get("values").map(|value| (value.span(), value.get_ref().as_str())) {
            None | Some((_, Some("trigger"))) => true,
            Some((_, Some("execution"))) => false,
            Some((span, _)) => {
                let help =
                    Some("\"trigger\" (the default): computed before the delay; \"execution\": after it".to_owned());
                self.problem(span, "`values` is \"trigger\" or \"execution\"", help);
                true
            }
        };
        let delay = entry.get("delay").map(|delay| self.expression(delay));
        let priority = entry.get("priority").map(|priority| self.expression(priority));
        let mut set = Vec::new();
        for (target, value) in self.entries(entry, "set") {
            let value = self.expression(value);
            set.push((target, value));
        }
        if set.is_empty() && !entry.contains_key("set") {
            self.problem(span, "the event sets nothing", Some("add set = { name = \"value\" }".into()));
        }
        let name = self.words(entry, "name");
        EventPart { name, trigger, delay, priority, values_from_trigger_time, set, derived: false }
    }

    fn flag(&mut self, table: &Table, key: &str, default: bool) -> bool {
        match table.get(key).map(|value| (value.span(), value.get_ref().as_bool())) {
            None => default,
            Some((_, Some(flag))) => flag,
            Some((span, None)) => {
                self.problem(span, format!("`{key}` is true or false"), None);
                default
            }
        }
    }

    /// Reports keys that mean nothing here.
    fn keys(&mut self, table: &Table, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let help = suggestion(name, known.iter().copied())
                    .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.problem(key.span(), format!("unknown key `{name}`"), Some(help));
            }
        }
    }

    /// The entries of a sub-table in the order of the file.
    fn entries<'t, 'a>(&mut self, table: &'t Table<'a>, key: &str) -> Vec<(Text, &'t Value<'a>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(entries) = value.get_ref().as_table() else {
            self.problem(
                value.span(),
                format!("`{key}` must be a table"),
                Some(format!("write [{key}] and one line an entry")),
            );
            return Vec::new();
        };
        let mut found: Vec<_> = entries.iter().collect();
        found.sort_by_key(|(key, _)| key.span().start);
        found
            .into_iter()
            .map(|(key, value)| (Text { value: key.get_ref().to_string(), span: Some(key.span()) }, value))
            .collect()
    }

    /// The tables of an array of tables.
    fn tables<'t, 'a>(&mut self, table: &'t Table<'a>, key: &str) -> Vec<(&'t Table<'a>, Range<usize>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let entries = value.get_ref().as_array().map(|array| array.iter().collect::<Vec<_>>()).unwrap_or_default();
        let found: Vec<_> = entries.iter().filter_map(|e| Some((e.get_ref().as_table()?, e.span()))).collect();
        if found.len() != entries.len() || value.get_ref().as_array().is_none() {
            self.problem(
                value.span(),
                format!("`{key}` must be a list of tables"),
                Some(format!("begin each entry with [[{key}]]")),
            );
        }
        found
    }

    fn words(&mut self, table: &Table, key: &str) -> String {
        match table.get(key) {
            None => String::new(),
            Some(value) => match value.get_ref().as_str() {
                Some(text) => text.to_owned(),
                None => {
                    self.problem(value.span(), format!("`{key}` must be a text in quotes"), None);
                    String::new()
                }
            },
        }
    }

    /// Unit and description.
    fn about(&mut self, value: &Value) -> (Text, String) {
        let Some(detail) = value.get_ref().as_table() else { return ("".into(), String::new()) };
        let unit = match detail.get("unit") {
            Some(unit) if unit.get_ref().is_str() => self.expression(unit),
            Some(unit) => {
                self.problem(unit.span(), "`unit` must be a text in quotes", None);
                "".into()
            }
            None => "".into(),
        };
        (unit, self.words(detail, "description"))
    }

    fn required(&mut self, table: &Table, key: &str, span: Range<usize>) -> Text {
        match table.get(key) {
            Some(value) => self.expression(value),
            None => {
                self.problem(span, format!("`{key}` is missing"), Some(format!("add {key} = \"…\"")));
                "0".into()
            }
        }
    }

    /// An expression: a text in quotes or a bare number.
    fn expression(&mut self, value: &Value) -> Text {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(text) => {
                let written = self.source.get(span.clone()).unwrap_or_default();
                let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| written.starts_with(*quote));
                let quote = quote.map_or(0, str::len);
                let inner = span.start + quote..span.end.saturating_sub(quote).max(span.start + quote);
                Text { value: text.to_string(), span: Some(inner) }
            }
            DeValue::Integer(_) | DeValue::Float(_) => {
                let number = self.number(value);
                Text { value: number.to_string(), span: Some(span) }
            }
            _ => {
                self.problem(span, "a number or an expression in quotes was expected", None);
                "0".into()
            }
        }
    }

    fn number(&mut self, value: &Value) -> f64 {
        let number = match value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if f64::is_finite(number) => number,
            _ => {
                self.problem(value.span(), "a finite number was expected", Some("write it without quotes".into()));
                0.0
            }
        }
    }
}
