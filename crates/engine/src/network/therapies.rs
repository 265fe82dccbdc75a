//! Therapies: doses in cycles, and arms, named sets of parameter values.

use super::parts::{Builder, EventPart, ParameterPart, SpeciesPart, Text, TriggerPart, Varies};
use super::variation::Law;

/// A therapy given in cycles, such as two weeks of treatment every three weeks.
///
/// It comes as a symbol of its name, its present strength, which rate laws may use, and as parameters that arms set: with
/// `drug` for the name, `drug_dose` (0: not given), `drug_start`, `drug_interval` between the starts of cycles and
/// `drug_cycles`; and either `drug_duration` of each cycle, during which the strength is the dose, or `drug_half_life`,
/// with which doses decay and add up.
///
/// With [`Therapy::after`] its start is counted from the moment at which a condition becomes true, such as a surgery. Then
/// `drug_given` and `drug_ended` are the numbers of cycles that have begun and ended.
///
/// ```
/// use metacascade_engine::{Network, Therapy};
/// let network = Network::builder("chemotherapy")
///     .species("X", "1000")
///     .therapy(Therapy::new("drug", 10.0, 2.0).cycles(7.0, 6.0))
///     .arm("chemotherapy", &[("drug_dose", 1.0)])
///     .reaction("X -> 2 X", "0.3 * X")
///     .reaction("X ->", "(0.2 + 0.5 * drug) * X")
///     .build()?;
/// let parameters = network.arm("chemotherapy").unwrap();
/// assert_eq!(parameters[network.parameter_index("drug_dose").unwrap()], 1.0);
/// # Ok::<(), metacascade_engine::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Therapy {
    pub(crate) name: Text,
    pub(crate) description: String,
    /// Defaults of the parameters: their suffixes and values.
    pub(crate) values: Vec<(&'static str, f64)>,
    /// The condition from which its start is counted.
    pub(crate) after: Option<Text>,
}

/// What may be said of a therapy: the keys of a model file and the suffixes of parameters.
pub(crate) const THERAPY: [&str; 6] = ["dose", "start", "duration", "half_life", "interval", "cycles"];

/// Suffixes of the variables that count the cycles of a therapy with a condition, begun and ended.
const COUNTERS: [&str; 2] = ["given", "ended"];

impl Therapy {
    /// One dose or window from `start`, of strength 0 unless an arm gives it; `duration` is that of the window.
    #[must_use]
    pub fn new(name: &str, start: f64, duration: f64) -> Self {
        Self::with(name.into(), String::new(), vec![("start", start), ("duration", duration)], None)
    }

    /// Doses at the start of each cycle decay with this half-life, instead of windows.
    #[must_use]
    pub fn half_life(mut self, half_life: f64) -> Self {
        self.values.retain(|(key, _)| *key != "duration");
        self.values.push(("half_life", half_life));
        self
    }

    /// Repeats it: the time between the starts of cycles, and how many there are.
    #[must_use]
    pub fn cycles(mut self, interval: f64, cycles: f64) -> Self {
        self.values.retain(|(key, _)| *key != "interval" && *key != "cycles");
        self.values.extend([("interval", interval), ("cycles", cycles)]);
        self
    }

    /// Counts its start from the moment at which the condition becomes true for the first time.
    #[must_use]
    pub fn after(mut self, condition: &str) -> Self {
        self.after = Some(condition.into());
        self
    }

    pub(super) fn with(name: Text, description: String, given: Vec<(&'static str, f64)>, after: Option<Text>) -> Self {
        let mut values = given;
        for (key, value) in [("dose", 0.0), ("start", 0.0), ("interval", 1.0), ("cycles", 1.0)] {
            if !values.iter().any(|(known, _)| *known == key) {
                values.push((key, value));
            }
        }
        values.sort_by_key(|(key, _)| THERAPY.iter().position(|known| known == key));
        Self { name, description, values, after }
    }

    pub(crate) fn decays(&self) -> bool {
        self.values.iter().any(|(key, _)| *key == "half_life")
    }

    fn parameter(&self, suffix: &str) -> Text {
        Text { value: format!("{}_{suffix}", self.name.value), span: self.name.span.clone() }
    }

    /// Names of the symbols that come with it: the strength, the parameters, the counters.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let parameters = self.values.iter().map(|(suffix, _)| self.parameter(suffix).value);
        let counters = COUNTERS.iter().filter(|_| self.after.is_some()).map(|suffix| self.parameter(suffix).value);
        [self.name.value.clone()].into_iter().chain(parameters).chain(counters).collect()
    }
}

/// A named set of parameter values, such as the treatment of a group of animals.
#[derive(Clone)]
pub(crate) struct ArmPart {
    pub name: Text,
    pub description: String,
    pub set: Vec<(Text, f64)>,
}

impl Builder {
    /// Adds a therapy.
    #[must_use]
    pub fn therapy(mut self, therapy: Therapy) -> Self {
        self.push_therapy(therapy);
        self
    }

    /// Adds an arm: a named set of parameter values.
    #[must_use]
    pub fn arm(mut self, name: &str, set: &[(&str, f64)]) -> Self {
        let set = set.iter().map(|&(name, value)| (name.into(), value)).collect();
        self.arms.push(ArmPart { name: name.into(), description: String::new(), set });
        self
    }

    /// Lets a parameter vary between subjects: each trajectory has a value of its own, drawn from a law whose location
    /// is the parameter's value; `spread` is an expression over parameters.
    #[must_use]
    pub fn varies(mut self, parameter: &str, law: Law, spread: &str) -> Self {
        if let Some(part) = self.parameters.iter_mut().find(|part| part.name.value == parameter) {
            let groups = part.varies.take().and_then(|varies| varies.groups);
            part.varies = Some(Varies { law, groups, subjects: Some(spread.into()) });
        }
        self
    }

    /// Lets a parameter vary between groups of subjects, see [`Subject`](crate::Subject). It may also vary between the
    /// subjects of a group, by the same law: on its scale (logarithms of a lognormal law), the deviations add up.
    #[must_use]
    pub fn varies_between_groups(mut self, parameter: &str, law: Law, spread: &str) -> Self {
        if let Some(part) = self.parameters.iter_mut().find(|part| part.name.value == parameter) {
            let subjects = part.varies.take().and_then(|varies| varies.subjects);
            part.varies = Some(Varies { law, groups: Some(spread.into()), subjects });
        }
        self
    }

    pub(super) fn push_therapy(&mut self, therapy: Therapy) {
        let name = &therapy.name.value;
        let rate = if therapy.decays() { format!("-ln(2) / {name}_half_life * {name}") } else { "0".to_owned() };
        let (unit, description) = ("".into(), therapy.description.clone());
        let rate = Some(rate.as_str().into());
        self.species.push(SpeciesPart { name: therapy.name.clone(), initial: "0".into(), rate, unit, description });
        for &(suffix, value) in &therapy.values {
            let unit = match suffix {
                "dose" | "cycles" => "".into(),
                _ => self.time_unit.clone(),
            };
            let words = match suffix {
                "dose" => "dose, 0 where it is not given",
                "start" => "start of the first cycle",
                "duration" => "duration of each cycle",
                "half_life" => "half-life",
                "interval" => "time between the starts of cycles",
                _ => "number of cycles",
            };
            self.parameters.push(ParameterPart {
                name: therapy.parameter(suffix),
                value,
                unit,
                description: format!("{name}: {words}"),
                ..ParameterPart::default()
            });
        }
        let set = if therapy.decays() { format!("{name} + {name}_dose") } else { format!("{name}_dose") };
        match &therapy.after {
            Some(condition) => self.push_cycles_after(&therapy, condition, &set),
            None => self.push_cycles(&therapy, &set),
        }
        self.therapies.push(therapy);
    }

    /// Cycles from a time on.
    fn push_cycles(&mut self, therapy: &Therapy, set: &str) {
        let name = &therapy.name.value;
        let every = [format!("{name}_interval"), format!("{name}_cycles")];
        self.push_repeated(&therapy.name, &format!("{name}_start"), &every, set);
        if !therapy.decays() {
            // Cycles without a pause end once.
            let pause = format!("{name}_duration < {name}_interval");
            let last = format!("max({name}_cycles - 1, 0) * {name}_interval");
            let end = format!("{name}_start + {name}_duration + piecewise(0, {pause}, {last})");
            let ends = [every[0].clone(), format!("piecewise({name}_cycles, {pause}, min({name}_cycles, 1))")];
            self.push_repeated(&therapy.name, &end, &ends, "0");
        }
    }

    /// Cycles from a condition on: it begins the first, the end of each but the last the next.
    fn push_cycles_after(&mut self, therapy: &Therapy, condition: &Text, set: &str) {
        let name = &therapy.name.value;
        for suffix in COUNTERS {
            let words = if suffix == "given" { "cycles begun" } else { "cycles ended" };
            self.species.push(SpeciesPart {
                name: therapy.parameter(suffix),
                initial: "0".into(),
                rate: Some("0".into()),
                unit: "".into(),
                description: format!("{name}: {words}"),
            });
        }
        let (given, ended) = (format!("{name}_given"), format!("{name}_ended"));
        // How much of a cycle the therapy takes; all of it where there is no pause.
        let active = match therapy.decays() {
            true => "0".to_owned(),
            false => format!("min({name}_duration, {name}_interval)"),
        };
        let last = match therapy.decays() {
            true => "0".to_owned(),
            false => format!("piecewise({name}_duration, {given} >= {name}_cycles, {active})"),
        };
        let begin = [(name.clone(), set.to_owned()), (given.clone(), format!("{given} + 1"))];
        let first = format!("({}) && {given} < 1 && {name}_cycles >= 1", condition.value);
        // Mistakes are shown where the condition stands.
        let first = Text { value: first, span: condition.span.clone() };
        self.push_when(&therapy.name, first, format!("{name}_start"), &begin);
        let mut end = vec![(ended.clone(), given.clone())];
        if !therapy.decays() {
            end.push((name.clone(), "0".to_owned()));
        }
        self.push_when(&therapy.name, format!("{given} > {ended}").as_str().into(), last, &end);
        let next = format!("{ended} > 0 && {ended} >= {given} && {given} < {name}_cycles");
        self.push_when(&therapy.name, next.as_str().into(), format!("{name}_interval - {active}"), &begin);
    }

    fn push_repeated(&mut self, target: &Text, at: &str, every: &[String; 2], value: &str) {
        let every = Some(every.each_ref().map(|text| text.as_str().into()));
        self.push_cycle(target, TriggerPart::At { at: at.into(), every }, None, vec![(target.clone(), value.into())]);
    }

    fn push_when(&mut self, target: &Text, condition: Text, delay: String, set: &[(String, String)]) {
        let trigger = TriggerPart::When { condition, initially: false, persistent: true };
        let set = set.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
        self.push_cycle(target, trigger, Some(delay.as_str().into()), set);
    }

    fn push_cycle(&mut self, target: &Text, trigger: TriggerPart, delay: Option<Text>, set: Vec<(Text, Text)>) {
        let (name, priority, values_from_trigger_time) = (format!("{} cycle", target.value), None, false);
        self.events.push(EventPart { name, trigger, delay, priority, values_from_trigger_time, set, derived: true });
    }
}

#[cfg(test)]
mod tests;
