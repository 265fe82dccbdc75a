//! The page on predictions under arms.

use askama::Template;

use super::{Figure, Frame, blocks, blocks::Block, tied};
use crate::{
    Error,
    content::{Assumption, EventContrast, EventCurves, Observable, OutcomeSensitivity, Predicted, Predictions, Series},
    figures::{event_free, sensitivity, sensitivity::signed},
    from_forecast::time_in_words,
    number::{percent, significant, tick},
};

#[derive(Template)]
#[template(path = "predict.html")]
struct Page<'a> {
    frame: Frame<'a>,
    content: &'a Predictions,
    headline: Vec<String>,
    warnings: Vec<String>,
    events: Vec<Event>,
    observables: Vec<Block>,
    ends: Vec<EndRow<'a>>,
    sensitivities: Vec<Block>,
    assumed: &'a [Assumption],
}

/// One event: its figure, and what arms come to.
struct Event {
    block: Block,
    /// Each arm against the first, over time.
    gains: Option<Block>,
    horizon: String,
    arms: Vec<EventArm>,
    contrasts: Vec<Contrast>,
}

struct EventArm {
    arm: String,
    event_free: [String; 2],
    restricted_mean: [String; 2],
}

struct Contrast {
    arms: String,
    hazard_ratio: [String; 3],
    restricted_mean: [String; 3],
    event_free: [String; 3],
    number: String,
}

struct EndRow<'a> {
    observable: String,
    arms: String,
    unit: &'a str,
    mean: [String; 3],
    difference: [String; 3],
    ratio: [String; 3],
}

/// Fills in the template.
pub fn render(content: &Predictions) -> Result<String, Error> {
    let names: Vec<&str> = content.arms.iter().map(|arm| arm.name.as_str()).collect();
    let unit = content.time_unit.as_str();
    let observable = |observable| blocks::predicted_over_time(observable, &names, unit);
    let page = Page {
        frame: Frame::new(&content.title),
        content,
        headline: content.headline.iter().map(|sentence| tied(sentence)).collect(),
        warnings: content.warnings.iter().map(|sentence| tied(sentence)).collect(),
        events: content.events.iter().map(|event| Event::new(event, &names, unit)).collect(),
        observables: content.observables.iter().map(observable).collect(),
        ends: content
            .ends
            .iter()
            .map(|end| EndRow {
                observable: format!("{} at {}", end.observable, with_time(end.time, unit)),
                arms: format!("{} against {}", end.arm, end.reference),
                unit: &end.unit,
                mean: words(&end.mean, |x| significant(x, 3)),
                difference: words(&end.difference, |x| significant(x, 3)),
                ratio: words(&end.ratio, |x| significant(x, 3)),
            })
            .collect(),
        sensitivities: content.sensitivities.iter().map(sensitivity_block).collect(),
        assumed: &content.assumed,
    };
    Ok(page.render()?)
}

fn with_time(time: f64, unit: &str) -> String {
    format!("{} {unit}", tick(time)).trim().to_owned()
}

/// Median, 50 % and 95 % interval.
fn words(value: &Predicted, number: impl Fn(f64) -> String) -> [String; 3] {
    let interval = |low: f64, high: f64| format!("{} – {}", number(low), number(high));
    [number(value.median), interval(value.lower50, value.upper50), interval(value.lower95, value.upper95)]
}

/// Percentage points, with a sign.
fn points(share: f64) -> String {
    let words = percent(share.abs());
    match share {
        share if share < 0.0 => format!("−{words}"),
        _ => words,
    }
}

impl Event {
    fn new(event: &EventCurves, arms: &[&str], unit: &str) -> Self {
        let colours: Vec<&str> = event.arms.iter().map(|arm| blocks::colour(arms, &arm.arm)).collect();
        let share = |value: &Predicted| {
            [percent(value.median), format!("{} – {}", percent(value.lower95), percent(value.upper95))]
        };
        let time = |value: &Predicted| {
            let [median, _, interval] = words(value, |x| time_in_words(x, event.horizon));
            [median, interval]
        };
        Self {
            block: Block {
                heading: format!("Share without {}", event.endpoint),
                panels: vec![Figure::new(
                    &event_free::spec(event, unit, &colours),
                    &format!("event free {}", event.endpoint),
                )],
                table: blocks::event_table(event, unit),
                wide: true,
            },
            gains: gains(event, arms, unit),
            horizon: with_time(event.horizon, unit),
            arms: event
                .arms
                .iter()
                .map(|arm| EventArm {
                    arm: arm.arm.clone(),
                    event_free: share(&arm.event_free),
                    restricted_mean: time(&arm.restricted_mean),
                })
                .collect(),
            contrasts: event.contrasts.iter().map(|one| Contrast::new(one, event.horizon)).collect(),
        }
    }
}

/// What each arm gains against the first over time: the random numbers they have in common cancel.
fn gains(event: &EventCurves, arms: &[&str], unit: &str) -> Option<Block> {
    let first = event.arms.first()?;
    let against = event.contrasts.iter().filter(|contrast| contrast.reference == first.arm);
    let series: Vec<Series> = against
        .map(|contrast| Series { arm: contrast.arm.clone(), data: Vec::new(), bands: contrast.bands.clone() })
        .collect();
    let observable = Observable {
        id: format!("gain {}", event.endpoint),
        name: "gain in the share".to_owned(),
        unit: String::new(),
        log_axis: false,
        over_time: true,
        series,
    };
    let block = blocks::predicted_over_time(&observable, arms, unit);
    let heading = format!("Gain in that share against {}", first.arm);
    (!observable.series.is_empty()).then_some(Block { heading, ..block })
}

impl Contrast {
    fn new(contrast: &EventContrast, horizon: f64) -> Self {
        let mut hazard_ratio = words(&contrast.hazard_ratio, |x| significant(x, 3));
        if contrast.defined < 1.0 {
            hazard_ratio[2] += &format!(" (of {} of draws)", percent(contrast.defined));
        }
        Self {
            arms: format!("{} against {}", contrast.arm, contrast.reference),
            hazard_ratio,
            restricted_mean: words(&contrast.restricted_mean, |x| time_in_words(x, horizon)),
            event_free: words(&contrast.event_free, points),
            number: number_needed_to_treat(&contrast.event_free),
        }
    }
}

/// How many are treated so that one more is without the event: the reciprocal of the difference of shares. Where its
/// interval holds 0, that of the number runs from benefit over infinity to harm (Altman 1998, BMJ 317:1309).
fn number_needed_to_treat(difference: &Predicted) -> String {
    let number = |share: f64| significant((1.0 / share).abs(), 2);
    let side = |share: f64| if share < 0.0 { "harm" } else { "benefit" };
    let (low, median, high) = (difference.lower95, difference.median, difference.upper95);
    if [low, median, high].iter().any(|end| end.is_nan()) {
        return "–".into();
    }
    let middle = if median == 0.0 { "∞".to_owned() } else { format!("{} to {}", number(median), side(median)) };
    let interval = match (low, high) {
        (0.0, 0.0) => return "∞: no difference".to_owned(),
        (low, high) if low > 0.0 || high < 0.0 => {
            let (small, large) = (low.abs().max(high.abs()), low.abs().min(high.abs()));
            format!("{} to {}", number(small), number(large))
        }
        (low, high) => {
            let end =
                |share: f64| if share == 0.0 { None } else { Some(format!("{} to {}", number(share), side(share))) };
            let ends: Vec<String> = [end(high), Some("∞".to_owned()), end(low)].into_iter().flatten().collect();
            ends.join(" – ")
        }
    };
    format!("{middle} ({interval})")
}

/// How much an outcome goes with each parameter.
pub(super) fn sensitivity_block(found: &OutcomeSensitivity) -> Block {
    let rows = found.rows.iter().map(|row| {
        let name = match row.description.as_str() {
            "" => row.parameter.clone(),
            description => format!("{}: {description}", row.parameter),
        };
        let interval = format!("{} – {}", signed(row.interval[0]), signed(row.interval[1]));
        vec![name, signed(row.coefficient), interval, row.words().to_owned()]
    });
    let columns = ["text Parameter", "Partial rank correlation", "95 % interval", "text What is known of it"];
    Block {
        heading: found.outcome.clone(),
        panels: vec![Figure::new(&sensitivity::spec(found), &format!("sensitivity {}", found.outcome))],
        table: blocks::Table::new(&columns, rows.collect()),
        wide: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ArmSet, Band, EndContrast, EventCurve, ParameterSensitivity};

    /// Names come from users' files: none may end a script or begin an element.
    #[test]
    fn names_from_files_stay_text() {
        let name = "</script><script>alert('x')</script><b>".to_owned();
        let value = Predicted { lower95: 0.1, lower50: 0.2, median: 0.3, upper50: 0.4, upper95: f64::INFINITY };
        let band = Band { time: 1.0, median: 0.5, lower50: 0.4, upper50: 0.6, lower95: 0.1, upper95: f64::NAN };
        let row = ParameterSensitivity {
            parameter: name.clone(),
            description: name.clone(),
            coefficient: 0.5,
            interval: [0.1, 0.7],
            verdict: None,
        };
        let contrast = EventContrast {
            arm: name.clone(),
            reference: name.clone(),
            hazard_ratio: value,
            defined: 0.5,
            restricted_mean: value,
            gains: 0.5,
            event_free: value,
            bands: vec![band; 3],
        };
        let curve = EventCurve { arm: name.clone(), bands: vec![band; 3], event_free: value, restricted_mean: value };
        let content = Predictions {
            title: name.clone(),
            subtitle: name.clone(),
            method: name.clone(),
            headline: vec![name.clone()],
            warnings: vec![name.clone()],
            time_unit: name.clone(),
            arms: vec![ArmSet {
                name: name.clone(),
                description: name.clone(),
                set: vec![(name.clone(), name.clone())],
            }],
            assumed: vec![Assumption {
                name: name.clone(),
                description: name.clone(),
                unit: name.clone(),
                law: name.clone(),
                source: name.clone(),
            }],
            events: vec![EventCurves {
                endpoint: name.clone(),
                horizon: 1.0,
                arms: vec![curve],
                contrasts: vec![contrast],
            }],
            observables: vec![Observable {
                id: name.clone(),
                name: name.clone(),
                unit: name.clone(),
                log_axis: true,
                over_time: true,
                series: vec![Series { arm: name.clone(), data: Vec::new(), bands: vec![band] }],
            }],
            ends: vec![EndContrast {
                observable: name.clone(),
                unit: name.clone(),
                time: 1.0,
                arm: name.clone(),
                reference: name.clone(),
                mean: value,
                difference: value,
                ratio: value,
            }],
            sensitivities: vec![OutcomeSensitivity { outcome: name.clone(), rows: vec![row] }],
            settings: vec![(name.clone(), name.clone())],
            command: name.clone(),
            ..Predictions::default()
        };
        let page = render(&content).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<b>"));
        assert_eq!(page.matches("sha256-").count(), page.matches("<script>").count());
        assert!(render(&Predictions::default()).unwrap().trim_end().ends_with("</html>"));
    }

    #[test]
    fn numbers_needed_to_treat_run_over_infinity_where_the_sign_is_not_certain() {
        let of = |lower95: f64, median: f64, upper95: f64| {
            number_needed_to_treat(&Predicted { lower95, lower50: lower95, median, upper50: upper95, upper95 })
        };
        assert_eq!(of(0.05, 0.1, 0.2), "10 to benefit (5.0 to 20)");
        assert_eq!(of(-0.2, -0.1, -0.05), "10 to harm (5.0 to 20)");
        assert_eq!(of(-0.05, 0.1, 0.2), "10 to benefit (5.0 to benefit – ∞ – 20 to harm)");
        assert_eq!(of(0.0, 0.0, 0.0), "∞: no difference");
        assert_eq!(of(f64::NAN, 0.1, 0.2), "–");
    }
}
