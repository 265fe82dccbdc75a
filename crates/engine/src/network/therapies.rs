//! Therapies: doses in cycles, and arms, named sets of parameter values.

use super::parts::{Builder, EventPart, ParameterPart, SpeciesPart, Text, TriggerPart};
use super::variation::Law;

/// A therapy given in cycles, such as two weeks of treatment every three weeks.
///
/// It comes as a symbol of its name, its present strength, which rate laws may use, and as parameters that arms set: with
/// `drug` for the name, `drug_dose` (0: not given), `drug_start`, `drug_interval` between the starts of cycles and
/// `drug_cycles`; and either `drug_duration` of each cycle, during which the strength is the dose, or `drug_half_life`,
/// with which doses decay and add up.
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
}

/// What may be said of a therapy: the keys of a model file and the suffixes of parameters.
pub(crate) const THERAPY: [&str; 6] = ["dose", "start", "duration", "half_life", "interval", "cycles"];

impl Therapy {
    /// One dose or window from `start`, of strength 0 unless an arm gives it; `duration` is that of the window.
    #[must_use]
    pub fn new(name: &str, start: f64, duration: f64) -> Self {
        Self::with(name.into(), String::new(), vec![("start", start), ("duration", duration)])
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

    pub(super) fn with(name: Text, description: String, given: Vec<(&'static str, f64)>) -> Self {
        let mut values = given;
        for (key, value) in [("dose", 0.0), ("start", 0.0), ("interval", 1.0), ("cycles", 1.0)] {
            if !values.iter().any(|(known, _)| *known == key) {
                values.push((key, value));
            }
        }
        values.sort_by_key(|(key, _)| THERAPY.iter().position(|known| known == key));
        Self { name, description, values }
    }

    pub(crate) fn decays(&self) -> bool {
        self.values.iter().any(|(key, _)| *key == "half_life")
    }

    fn parameter(&self, suffix: &str) -> Text {
        Text { value: format!("{}_{suffix}", self.name.value), span: self.name.span.clone() }
    }

    /// Names of the symbols that come with it: the strength, then the parameters.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let parameters = self.values.iter().map(|(suffix, _)| self.parameter(suffix).value);
        [self.name.value.clone()].into_iter().chain(parameters).collect()
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
            part.varies = Some((law, spread.into()));
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
        let every = [format!("{name}_interval"), format!("{name}_cycles")];
        self.push_derived(&therapy.name, &format!("{name}_start"), &every, &set);
        if !therapy.decays() {
            // Cycles without a pause end once.
            let pause = format!("{name}_duration < {name}_interval");
            let last = format!("max({name}_cycles - 1, 0) * {name}_interval");
            let end = format!("{name}_start + {name}_duration + piecewise(0, {pause}, {last})");
            let ends = [every[0].clone(), format!("piecewise({name}_cycles, {pause}, min({name}_cycles, 1))")];
            self.push_derived(&therapy.name, &end, &ends, "0");
        }
        self.therapies.push(therapy);
    }

    fn push_derived(&mut self, target: &Text, at: &str, every: &[String; 2], value: &str) {
        let every = Some(every.each_ref().map(|text| text.as_str().into()));
        let (name, trigger) = (format!("{} cycle", target.value), TriggerPart::At { at: at.into(), every });
        let set = vec![(target.clone(), value.into())];
        let (delay, priority, values_from_trigger_time) = (None, None, false);
        self.events.push(EventPart { name, trigger, delay, priority, values_from_trigger_time, set, derived: true });
    }
}

#[cfg(test)]
mod tests;
