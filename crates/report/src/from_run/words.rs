//! Sentences.

use metacascade_inference::{self as inference, Prior};
use metacascade_problem::{kaplan_meier, survival_at};

use crate::{
    content::{Band, Combination, Observable, Parameter, Stratum, Survival, Verdict},
    number::{count, percent, significant, tick},
};

/// A prior in words, such as `log-uniform from 0.001 to 0.3`.
pub fn prior(parameter: &inference::Parameter) -> String {
    let law = match parameter.prior {
        Prior::Whole(ref law) => {
            let kind = match **law {
                Prior::Uniform { .. } => "whole, uniform".to_owned(),
                Prior::LogUniform { .. } => "whole, log-uniform".to_owned(),
                ref law => return format!("whole, {}", truncated(self::law(law), parameter)),
            };
            return range(&kind, parameter);
        }
        Prior::Uniform { .. } => return range("uniform", parameter),
        Prior::LogUniform { .. } => return range("log-uniform", parameter),
        ref prior => law(prior),
    };
    truncated(law, parameter)
}

/// A law in words, and where its parameter's bounds cut it.
fn truncated(law: String, parameter: &inference::Parameter) -> String {
    let (lower, upper) = parameter.prior.support();
    match (parameter.lower > lower, parameter.upper < upper) {
        (true, true) => format!("{law}, within {} to {}", tick(parameter.lower), tick(parameter.upper)),
        (true, false) => format!("{law}, above {}", tick(parameter.lower)),
        (false, true) => format!("{law}, below {}", tick(parameter.upper)),
        (false, false) => law,
    }
}

/// A law in words, such as `log-normal, median 0.1, s.d. of the logarithm 0.5`.
pub fn law(prior: &Prior) -> String {
    match *prior {
        Prior::Whole(ref law) => format!("whole, {}", self::law(law)),
        Prior::Uniform { lower, upper } => format!("uniform from {} to {}", tick(lower), tick(upper)),
        Prior::LogUniform { lower, upper } => format!("log-uniform from {} to {}", tick(lower), tick(upper)),
        Prior::Normal { mean, sd } => format!("normal, mean {}, s.d. {}", tick(mean), tick(sd)),
        Prior::LogNormal { log_mean, log_sd } => {
            format!("log-normal, median {}, s.d. of the logarithm {}", tick(log_mean.exp()), tick(log_sd))
        }
        Prior::Laplace { location, scale } => format!("Laplace, median {}, scale {}", tick(location), tick(scale)),
        Prior::LogLaplace { log_location, log_scale } => {
            format!("log-Laplace, median {}, scale of the logarithm {}", tick(log_location.exp()), tick(log_scale))
        }
        Prior::Gamma { shape, scale } => format!("gamma, shape {}, scale {}", tick(shape), tick(scale)),
        Prior::Exponential { scale } => format!("exponential, mean {}", tick(scale)),
        Prior::Cauchy { location, scale } => format!("Cauchy, median {}, scale {}", tick(location), tick(scale)),
        Prior::ChiSquare { degrees_of_freedom } => {
            format!("chi-square, {} degrees of freedom", tick(degrees_of_freedom))
        }
        Prior::Rayleigh { scale } => format!("Rayleigh, scale {}", tick(scale)),
    }
}

fn range(name: &str, parameter: &inference::Parameter) -> String {
    let (lower, upper) = parameter.prior.support();
    format!("{name} from {} to {}", tick(parameter.lower.max(lower)), tick(parameter.upper.min(upper)))
}

/// What was found: how much the data said, then the determined parameters with their intervals, then the others, then how
/// well the model fits.
pub fn headline(parameters: &[Parameter], observables: &[Observable], survival: &[Survival]) -> Vec<String> {
    let of = |verdict: Verdict| parameters.iter().filter(move |parameter| parameter.verdict == verdict);
    let mut sentences = vec![overview(parameters, observables, survival)];
    let found: Vec<String> = of(Verdict::Determined).map(finding).collect();
    if !found.is_empty() {
        sentences.push(format!("{}.", capitalised(&found.join("; "))));
    }
    let partly: Vec<String> = of(Verdict::PartlyDetermined).map(finding).collect();
    if !partly.is_empty() {
        sentences.push(format!("Known in part only: {}.", partly.join("; ")));
    }
    let silent: Vec<&str> = of(Verdict::FollowsPrior).map(label).collect();
    match silent.as_slice() {
        [] => {}
        [one] => sentences.push(format!(
            "The data say nothing about {one}: it did not move from its prior, and its interval is an assumption."
        )),
        [rest @ .., last] => sentences.push(format!(
            "The data say nothing about {} and {last}: they did not move from their priors, and their intervals are assumptions.",
            rest.join(", ")
        )),
    }
    sentences.extend(tied(parameters));
    sentences.extend(coverage(observables));
    sentences.extend(survival.iter().filter(|survival| survival.by.is_empty()).filter_map(within_band));
    sentences
}

/// `Only the product of seeding and survival is fixed, neither of them by itself.`, once for each pair.
fn tied(parameters: &[Parameter]) -> Vec<String> {
    let mut told: Vec<[&str; 2]> = Vec::new();
    let mut sentences = Vec::new();
    for parameter in parameters {
        let Some(tie) = &parameter.tie else { continue };
        let Some(other) = parameters.iter().find(|other| other.name == tie.with) else { continue };
        let (one, two) = (label(parameter), label(other));
        if told.contains(&[&other.name, &parameter.name]) {
            continue;
        }
        told.push([&parameter.name, &other.name]);
        let what = match tie.of {
            Combination::Product => format!("Only the product of {one} and {two} is fixed"),
            Combination::Ratio => format!("Only the ratio of {one} to {two} is fixed"),
            Combination::Sum => format!("Only the sum of {one} and {two} is fixed"),
            Combination::Difference => format!("Only the difference of {one} and {two} is fixed"),
            Combination::Curve => format!("{} and {two} are known together only", capitalised(one)),
        };
        sentences.push(format!("{what}, not each by itself."));
    }
    sentences
}

/// `Of 3 parameters fitted to 18 measurements, 2 are determined by the data, and 1 did not move from its prior.`
fn overview(parameters: &[Parameter], observables: &[Observable], survival: &[Survival]) -> String {
    let series = observables.iter().flat_map(|observable| &observable.series);
    let measurements = series.map(|series| series.data.len()).sum();
    let all = survival.iter().filter(|survival| survival.by.is_empty()).flat_map(|survival| &survival.strata);
    let times: usize = all.map(|stratum| stratum.observed.len()).sum();
    let number = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{} {many}", count(number as u64)),
    };
    let data = match (number(measurements, "measurement", "measurements"), times) {
        (measurements, 0) => measurements,
        (_, times) if measurements == 0 => number(times, "time to an event", "times to an event"),
        (measurements, times) => {
            format!("{measurements} and {}", number(times, "time to an event", "times to an event"))
        }
    };
    let of = |verdict: Verdict| parameters.iter().filter(|parameter| parameter.verdict == verdict).count();
    let is = |number: usize| if number == 1 { "is" } else { "are" };
    let (found, partly, silent) = (of(Verdict::Determined), of(Verdict::PartlyDetermined), of(Verdict::FollowsPrior));
    let unmoved = if silent == 1 { "did not move from its prior" } else { "did not move from their priors" };
    let parts: Vec<String> = [
        (found, format!("{} determined by the data", is(found))),
        (partly, format!("{} known in part", is(partly))),
        (silent, unmoved.to_owned()),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, words)| if number == parameters.len() { words } else { format!("{number} {words}") })
    .collect();
    let fitted = match parameters.len() {
        0 => return format!("No parameter was fitted to the {data}."),
        1 => format!("The parameter fitted to {data}"),
        number if parts.len() == 1 => format!("All {number} parameters fitted to {data}"),
        number => format!("Of {number} parameters fitted to {data}"),
    };
    match parts.as_slice() {
        [one] => format!("{fitted} {one}."),
        [rest @ .., last] => format!("{fitted}, {} and {last}.", rest.join(", ")),
        [] => format!("{fitted}."),
    }
}

/// `growth of the primary is 0.12 per day (95 % interval 0.11 to 0.14)`.
fn finding(parameter: &Parameter) -> String {
    let [lower, upper] = parameter.interval_95.map(|end| significant(end, 3));
    let unit = match parameter.unit.strip_prefix("1/") {
        _ if parameter.unit.is_empty() => String::new(),
        Some(per) => format!(" per {per}"),
        None => format!(" {}", parameter.unit),
    };
    format!("{} is {}{unit} (95 % interval {lower} to {upper})", label(parameter), significant(parameter.estimate, 3))
}

fn label(parameter: &Parameter) -> &str {
    if parameter.description.is_empty() { &parameter.name } else { &parameter.description }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// How many measurements lie within the 95 % posterior predictive interval of their time.
fn coverage(observables: &[Observable]) -> Option<String> {
    let (mut inside, mut all) = (0, 0);
    for series in observables.iter().flat_map(|observable| &observable.series) {
        for point in &series.data {
            if let Some(band) = series.bands.iter().find(|band| band.time == point.time) {
                all += 1;
                inside += usize::from((band.lower95..=band.upper95).contains(&point.value));
            }
        }
    }
    (all > 0).then(|| format!("{inside} of {all} measurements lie within the model's 95 % predictive intervals."))
}

/// Whether the Kaplan–Meier curve of the data stays within its 95 % posterior predictive band.
fn within_band(survival: &Survival) -> Option<String> {
    let stratum: &Stratum = survival.strata.first().filter(|stratum| !stratum.bands.is_empty())?;
    let curve = kaplan_meier(&stratum.observed);
    // Rounding may put a curve that lies on the band's edge outside of it.
    let inside = |band: &&Band| (band.lower95 - 1e-9..=band.upper95 + 1e-9).contains(&survival_at(&curve, band.time));
    let outside = 1.0 - stratum.bands.iter().filter(inside).count() as f64 / stratum.bands.len() as f64;
    let whose = format!("the Kaplan–Meier curve of {} subjects", count(stratum.observed.len() as u64));
    Some(match outside {
        0.0 => format!("{} stays within the model's 95 % predictive band.", capitalised(&whose)),
        outside => format!(
            "{} is outside the model's 95 % predictive band for {} of the follow-up.",
            capitalised(&whose),
            percent(outside)
        ),
    })
}

#[cfg(test)]
mod tests {
    use metacascade_inference::Scale;

    use super::*;
    use crate::content::{Measurement, Series};

    fn parameter(description: &str, unit: &str, contraction: f64) -> Parameter {
        Parameter {
            name: "k".into(),
            description: description.into(),
            unit: unit.into(),
            prior: String::new(),
            estimate: 0.1234,
            interval_50: [0.12, 0.13],
            interval_80: [0.115, 0.135],
            interval_95: [0.1118, 0.1382],
            contraction,
            overlap: 1.0 - contraction,
            effective_draws: None,
            verdict: Verdict::of(contraction, 1.0 - contraction),
            tie: None,
            before_adjustment: None,
            log_scale: true,
            prior_density: Vec::new(),
            posterior_density: Vec::new(),
        }
    }

    #[test]
    fn findings_come_first_then_what_the_data_do_not_say() {
        let band = |time| Band { time, median: 1.0, lower50: 0.9, upper50: 1.1, lower95: 0.5, upper95: 1.5 };
        let point = |time, value| Measurement { time, value, sd: None, found_of: None, replicate: String::new() };
        let data = vec![point(1.0, 1.2), point(2.0, 1.6)];
        let series = vec![Series { arm: String::new(), data, bands: vec![band(1.0), band(2.0)] }];
        let observable = Observable {
            id: "y".into(),
            name: String::new(),
            unit: String::new(),
            log_axis: false,
            over_time: true,
            series,
        };
        let parameters = [
            parameter("growth", "1/day", 0.97),
            parameter("survival", "", 0.4),
            parameter("delay", "day", 0.02),
            parameter("clearance", "1/day", -0.01),
        ];
        assert_eq!(
            headline(&parameters, &[observable], &[]),
            [
                "Of 4 parameters fitted to 2 measurements, 1 is determined by the data, 1 is known in part and 2 did not \
                 move from their priors.",
                "Growth is 0.123 per day (95 % interval 0.112 to 0.138).",
                "Known in part only: survival is 0.123 (95 % interval 0.112 to 0.138).",
                "The data say nothing about delay and clearance: they did not move from their priors, and their intervals \
                 are assumptions.",
                "1 of 2 measurements lie within the model's 95 % predictive intervals.",
            ]
        );
        let first = |parameters: &[Parameter]| headline(parameters, &[], &[]).swap_remove(0);
        assert_eq!(first(&parameters[2..3]), "The parameter fitted to 0 measurements did not move from its prior.");
        assert_eq!(
            first(&parameters[2..]),
            "All 2 parameters fitted to 0 measurements did not move from their priors."
        );
        assert_eq!(first(&parameters[..1]), "The parameter fitted to 0 measurements is determined by the data.");
    }

    #[test]
    fn priors_are_told_with_their_truncation() {
        let parameter = |prior, lower, upper| {
            let name = "k".into();
            super::prior(&inference::Parameter { name, prior, lower, upper, scale: Scale::Lin })
        };
        let wide = Prior::LogUniform { lower: 0.001, upper: 0.3 };
        assert_eq!(parameter(wide.clone(), 0.001, 0.3), "log-uniform from 0.001 to 0.3");
        assert_eq!(parameter(wide, 0.01, 0.3), "log-uniform from 0.01 to 0.3");
        let normal = Prior::Normal { mean: 1.0, sd: 2.0 };
        assert_eq!(parameter(normal, 0.0, f64::INFINITY), "normal, mean 1, s.d. 2, above 0");
        let whole = |law| Prior::Whole(Box::new(law));
        let die = whole(Prior::Uniform { lower: 0.5, upper: 6.5 });
        assert_eq!(parameter(die, 1.0, 6.0), "whole, uniform from 1 to 6");
        let few = whole(Prior::Exponential { scale: 3.0 });
        assert_eq!(parameter(few, 1.0, f64::INFINITY), "whole, exponential, mean 3, above 1");
    }
}
