//! The cells of a row of the measurement table.

use metacascade_engine::suggestion;

use crate::{
    noise::NoiseDistribution,
    observables::{Defined, Kind, is_positive},
    problems::{Complaint, Problems},
    scope::Scope,
    table::{Cells, Table, parse_number},
};

use super::{Override, Reading};

/// Numbers of trials beyond which counts are no longer exact.
const MOST_TRIALS: f64 = 9_007_199_254_740_992.0;

/// The columns of one table.
pub(super) struct Row<'t> {
    pub observable: Cells<'t>,
    pub experiment: Cells<'t>,
    pub measurement: Cells<'t>,
    time: Cells<'t>,
    observable_parameters: Option<Cells<'t>>,
    noise_parameters: Option<Cells<'t>>,
    replicate: Option<Cells<'t>>,
    subject: Option<Cells<'t>>,
    model: Option<Cells<'t>>,
    trials: Option<Cells<'t>>,
    sampled: Option<Cells<'t>>,
    censoring: Option<Cells<'t>>,
    upper: Option<Cells<'t>>,
    sd: Option<Cells<'t>>,
    n: Option<Cells<'t>>,
    pub unit: Option<Cells<'t>>,
    pub time_unit: Option<Cells<'t>>,
}

impl<'t> Row<'t> {
    pub fn of(table: &'t Table) -> Option<Self> {
        Some(Self {
            observable: table.column("observableId")?,
            experiment: table.column("experimentId")?,
            measurement: table.column("measurement")?,
            time: table.column("time")?,
            observable_parameters: table.column("observableParameters"),
            noise_parameters: table.column("noiseParameters"),
            replicate: table.column("replicateId"),
            subject: table.column("subjectId"),
            model: table.column("modelId"),
            trials: table.column("trials"),
            sampled: table.column("sampledFraction"),
            censoring: table.column("censoring"),
            upper: table.column("upperLimit"),
            sd: table.column("measurementSd"),
            n: table.column("measurementN"),
            unit: table.column("measurementUnit"),
            time_unit: table.column("timeUnit"),
        })
    }

    /// The column that names subjects.
    pub fn subject(&self) -> Option<Cells<'t>> {
        self.subject.or(self.replicate)
    }

    /// What tells trajectories of one experiment apart.
    pub fn replicate_name(&self, row: usize) -> &'t str {
        let text = |cells: Option<Cells<'t>>| cells.and_then(|cells| cells.text(row));
        text(self.subject).or_else(|| text(self.replicate)).unwrap_or_default()
    }

    pub fn check_model(&self, table: &Table, row: usize, model: &str, problems: &mut Problems) {
        if let Some(text) = self.model.and_then(|cells| cells.text(row))
            && text != model
        {
            problems.cell(table, row, "modelId", |text| {
                Complaint::new(format!("there is no model `{text}`"), "not a key of `model_files`")
                    .help(format!("the model is called `{model}`"))
            });
        }
    }

    /// A time not before the experiment's start, by `factor` in the model's unit; infinite at its steady state.
    pub fn read_time(
        &self,
        table: &Table,
        row: usize,
        factor: f64,
        start: f64,
        problems: &mut Problems,
    ) -> Option<f64> {
        let cells = &self.time;
        if cells.text(row) == Some("inf") {
            return Some(f64::INFINITY);
        }
        let time = factor * cells.number(table, row, problems)?;
        if time < start {
            problems.cell(table, row, cells.name, |_| {
                let complaint = match start == 0.0 {
                    true => format!("the time {time} is negative"),
                    false => format!("the time {time} is before {start}, when the experiment begins"),
                };
                Complaint::new(complaint, "before the beginning").help(format!("the experiment begins at time {start}"))
            });
            return None;
        }
        // -0.0 and 0.0 are one time.
        Some(time + 0.0)
    }

    /// What a measurement's value says, and its exposure, once it is sure that the value is possible. `factor` takes the
    /// row's other cells to the unit of the value.
    pub fn read_value(
        &self,
        table: &Table,
        row: usize,
        value: f64,
        factor: f64,
        defined: &Defined,
        problems: &mut Problems,
    ) -> Option<(Reading, f64)> {
        let before = problems.count();
        let exposure = self.read_exposure(table, row, defined, problems);
        let reading = self.read_reading(table, row, value, factor, defined, problems);
        let (Some(exposure), Some(reading)) = (exposure, reading) else { return None };
        check_value(table, row, value, reading, exposure, defined, problems);
        (problems.count() == before).then_some((reading, exposure))
    }

    fn read_exposure(&self, table: &Table, row: usize, defined: &Defined, problems: &mut Problems) -> Option<f64> {
        let given = |cells: Option<Cells<'t>>| cells.filter(|cells| cells.text(row).is_some());
        let (trials, sampled) = (given(self.trials), given(self.sampled));
        if defined.noise.is_of_trials() {
            let Some(cells) = trials else {
                let place = if self.trials.is_some() { "trials" } else { "measurement" };
                problems.cell(table, row, place, |_| {
                    let law = defined.noise.name();
                    Complaint::new(format!("`{law}` needs the number of `trials`"), "out of how many?")
                        .help("add the column `trials`: `measurement` is the number found among so many")
                });
                return None;
            };
            let number = cells.number(table, row, problems)?;
            if number < 1.0 || number.fract() != 0.0 || number > MOST_TRIALS {
                problems.cell(table, row, "trials", |_| {
                    Complaint::new(format!("the number of trials cannot be {number}"), "a whole number, 1 or more")
                        .help("it is the number of animals, cells or wells looked at")
                });
                return None;
            }
            return Some(number);
        }
        if trials.is_some() {
            problems.cell(table, row, "trials", |_| {
                let law = defined.noise.name();
                Complaint::new(format!("`trials` means nothing under the law `{law}`"), "of no use here")
                    .help("`trials` belongs to `binomial` and `beta-binomial`; leave the cell empty")
            });
        }
        let Some(cells) = sampled else { return Some(1.0) };
        let fraction = cells.number(table, row, problems)?;
        let usable = defined.noise != NoiseDistribution::Multinomial;
        if !(fraction > 0.0 && fraction <= 1.0 && usable) {
            problems.cell(table, row, "sampledFraction", |_| {
                let message = match usable {
                    true => format!("the sampled fraction cannot be {fraction}"),
                    false => "a multinomial sample has no sampled fraction".to_owned(),
                };
                Complaint::new(message, "above 0, and 1 at most")
                    .help("it is the share that was looked at, such as 0.0015 for 7.5 ml of 5 l")
            });
            return None;
        }
        Some(fraction)
    }

    fn read_reading(
        &self,
        table: &Table,
        row: usize,
        value: f64,
        factor: f64,
        defined: &Defined,
        problems: &mut Problems,
    ) -> Option<Reading> {
        let text = |cells: Option<Cells<'t>>| cells.and_then(|cells| cells.text(row));
        let censoring = text(self.censoring).filter(|text| *text != "none");
        let reading = match censoring {
            None => self.read_mean(table, row, factor, defined, problems)?,
            Some("left") => Reading::Below,
            Some("right") => Reading::Above,
            Some("interval") => {
                let Some(cells) = self.upper else {
                    problems.cell(table, row, "censoring", |_| {
                        Complaint::new("an interval needs an upper end", "where does it end?")
                            .help("add the column `upperLimit`; `measurement` is the lower end")
                    });
                    return None;
                };
                let upper = factor * cells.number(table, row, problems)?;
                if upper <= value {
                    problems.cell(table, row, "upperLimit", |_| {
                        Complaint::new(
                            format!("the interval from {value} to {upper} is empty"),
                            "not above `measurement`",
                        )
                        .help("`measurement` is the lower end, `upperLimit` the upper one")
                    });
                    return None;
                }
                Reading::UpTo(upper)
            }
            Some(_) => {
                problems.cell(table, row, "censoring", |text| {
                    let known = ["none", "left", "right", "interval"];
                    Complaint::new(format!("`censoring` cannot be `{text}`"), "unknown")
                        .help(suggestion(text, known).unwrap_or_else(|| format!("known are {}", known.join(", "))))
                });
                return None;
            }
        };
        if censoring.is_some() && (text(self.n).is_some() || text(self.sd).is_some()) {
            problems.cell(table, row, "censoring", |_| {
                Complaint::new("a mean of several subjects cannot be censored", "and has `measurementN`")
                    .help("give the subjects' own values")
            });
            return None;
        }
        if censoring.is_some() && defined.noise == NoiseDistribution::Multinomial {
            problems.cell(table, row, "censoring", |_| {
                Complaint::new("counts of a multinomial sample cannot be censored", "not possible")
            });
            return None;
        }
        if text(self.upper).is_some() && censoring != Some("interval") {
            problems.cell(table, row, "upperLimit", |_| {
                Complaint::new("an upper limit without an interval", "of no use here")
                    .help("write `interval` in the column `censoring`")
            });
        }
        Some(reading)
    }

    /// Mean, standard deviation and number of subjects, where they are given.
    fn read_mean(
        &self,
        table: &Table,
        row: usize,
        factor: f64,
        defined: &Defined,
        problems: &mut Problems,
    ) -> Option<Reading> {
        let given = |cells: Option<Cells<'t>>| cells.filter(|cells| cells.text(row).is_some());
        let (sd, n) = (given(self.sd), given(self.n));
        let Some(cells) = n else {
            if sd.is_some() {
                problems.cell(table, row, "measurementSd", |_| {
                    Complaint::new("a standard deviation without the number of subjects", "of how many?")
                        .help("give the number in the column `measurementN`")
                });
                return None;
            }
            return Some(Reading::Exact);
        };
        if defined.noise != NoiseDistribution::Normal {
            problems.cell(table, row, "measurementN", |_| {
                let message = format!("a mean of several subjects under the law `{}`", defined.noise.name());
                Complaint::new(message, "needs the law `normal`")
                    .help("use `normal`, whose mean and standard deviation say all, or give the subjects' own values")
            });
            return None;
        }
        let n = cells.number(table, row, problems)?;
        if n < 1.0 || n.fract() != 0.0 || n > MOST_SUBJECTS {
            problems.cell(table, row, "measurementN", |_| {
                Complaint::new(format!("the number of subjects cannot be {n}"), "a whole number, 1 or more")
                    .help(format!("up to {MOST_SUBJECTS} subjects are simulated for a mean"))
            });
            return None;
        }
        let sd = match sd {
            Some(cells) => Some(factor * cells.number(table, row, problems)?),
            None => None,
        };
        if sd.is_some_and(|sd| sd < 0.0 || (n < 2.0 && sd > 0.0)) {
            problems.cell(table, row, "measurementSd", |text| {
                Complaint::new(format!("the standard deviation of {n} subjects cannot be {text}"), "not possible")
                    .help("it is 0 or more, and one subject has none")
            });
            return None;
        }
        Some(Reading::Mean { n, sd: sd.filter(|_| n >= 2.0) })
    }

    pub fn read_overrides(
        &self,
        table: &Table,
        row: usize,
        defined: &Defined,
        scope: &mut Scope<'_>,
        problems: &mut Problems,
    ) -> Option<Box<[Override]>> {
        let (observable_placeholders, noise_placeholders) = defined.placeholders?;
        let groups = [
            ("observableParameters", self.observable_parameters, observable_placeholders),
            ("noiseParameters", self.noise_parameters, noise_placeholders),
        ];
        let mut overrides = Vec::new();
        let mut sound = true;
        for (column, cells, wanted) in groups {
            let text = cells.and_then(|cells| cells.text(row)).unwrap_or_default();
            if text.is_empty() && wanted == 0 {
                continue;
            }
            let parts: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(';').map(str::trim).collect() };
            if parts.len() != wanted {
                sound = false;
                // Without the column, the identifier is the place to complain.
                let place = if cells.is_some() { column } else { "observableId" };
                problems.cell(table, row, place, |_| {
                    let message = format!("{} values in `{column}` where `{}` needs {wanted}", parts.len(), defined.id);
                    let list = if column == "noiseParameters" { "noisePlaceholders" } else { "observablePlaceholders" };
                    Complaint::new(message, "wrong number of values")
                        .help(format!("give one value, or parameter, for each name in `{list}`, separated by `;`"))
                });
                continue;
            }
            for part in parts {
                match parse_number(part)
                    .map(Override::Number)
                    .or_else(|| scope.parameter_slot(part).map(Override::Slot))
                {
                    Some(value) => overrides.push(value),
                    None => {
                        sound = false;
                        // Without a model no name can be doubted.
                        if scope.network.is_some() {
                            problems.cell(table, row, column, |_| {
                                Complaint::new(format!("`{part}` is neither a number nor a parameter"), "unknown")
                                    .maybe_help(suggestion(part, scope.parameter_names()))
                            });
                        }
                    }
                }
            }
        }
        sound.then(|| overrides.into_boxed_slice())
    }
}

/// Subjects that a row may be the mean of.
const MOST_SUBJECTS: f64 = 10_000.0;

fn check_value(
    table: &Table,
    row: usize,
    value: f64,
    reading: Reading,
    exposure: f64,
    defined: &Defined,
    problems: &mut Problems,
) {
    let law = defined.noise;
    let (lower, upper) = defined.limits;
    let exact = reading == Reading::Exact;
    let (message, help) = match defined.kind {
        _ if law.is_discrete() && (value < 0.0 || value.fract() != 0.0 || value > MOST_TRIALS) => {
            (format!("`{}` noise cannot give {value}", law.name()), "measurements are counts: whole numbers, 0 or more")
        }
        _ if law.is_of_trials() && value > exposure => {
            (format!("{value} found out of {exposure}"), "`measurement` is a count, `trials` out of how many")
        }
        Kind::Cells if value < 0.0 => {
            (format!("a number of cells cannot be {value}"), "numbers of cells are 0 or more")
        }
        Kind::Amount if value < 0.0 => (format!("an amount cannot be {value}"), "amounts are 0 or more"),
        Kind::Fraction if !law.is_discrete() && !(0.0..=1.0).contains(&value) => {
            (format!("a fraction cannot be {value}"), "fractions are between 0 and 1; divide percentages by 100")
        }
        _ if law.is_logarithmic() && value <= 0.0 => {
            (format!("logarithmic noise cannot give {value}"), "measurements must be positive, or the noise `normal`")
        }
        _ if exact && lower.is_some_and(|limit| value < limit) => (
            format!("{value} is below what can be measured"),
            "write `left` in the column `censoring` and the limit as `measurement`, or change `lowerLimit`",
        ),
        _ if exact && upper.is_some_and(|limit| value > limit) => (
            format!("{value} is above what can be measured"),
            "write `right` in the column `censoring` and the limit as `measurement`, or change `upperLimit`",
        ),
        _ => return,
    };
    problems.cell(table, row, "measurement", |_| Complaint::new(message, "not possible").help(help));
}

/// The noise of a row, if it depends on numbers alone; it must be positive.
pub(super) fn known_noise(
    table: &Table,
    row: usize,
    defined: &Defined,
    overrides: &[Override],
    problems: &mut Problems,
) -> Option<f64> {
    let observable = defined.observable.as_ref().filter(|_| defined.noise.has_noise())?;
    let slots = observable.placeholder_slots();
    if observable.noise_program.reads().iter().any(|slot| !slots.contains(slot)) {
        return None;
    }
    let mut values = vec![0.0; slots.end];
    for &slot in observable.noise_program.reads() {
        match overrides[slot - slots.start] {
            Override::Number(value) => values[slot] = value,
            Override::Slot(_) => return None,
        }
    }
    let noise = observable.noise_program.evaluate(&values);
    // A formula without any placeholder was checked with the observable table.
    if !is_positive(noise) && !observable.noise_program.reads().is_empty() {
        problems.cell(table, row, "noiseParameters", |_| {
            Complaint::new(
                format!("the noise of this measurement is {noise}, not positive"),
                "must give a value above 0",
            )
            .help("a value known without error is no measurement: leave the row out, or set it by a condition")
        });
    }
    Some(noise)
}
