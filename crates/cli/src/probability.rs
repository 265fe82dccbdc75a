//! `metacascade probability`.

use std::time::Instant;

use metacascade_engine::{Diagnostic, Estimate, Place, ProbabilityError, RareEvent};
use metacascade_random::Key;
use serde::Serialize;

use crate::args::Probability;
use crate::error::Failed;
use crate::models;
use crate::simulate::{settings, threads};

/// A result as `--json` writes it.
#[derive(Serialize)]
struct Found<'a> {
    probability: f64,
    standard_error: f64,
    relative_error: f64,
    interval: (f64, f64),
    precise: bool,
    level: &'a str,
    levels: &'a [f64],
    shares: &'a [f64],
    replicates: usize,
    trajectories: usize,
    events: u64,
    seconds: f64,
    seed: u64,
}

/// Estimates a probability and prints it.
pub fn run(typed: &Probability) -> Result<(), Failed> {
    let network = models::find(&typed.model)?;
    let (parameters, initial) = settings(&network, &typed.model, &typed.values.arm, &typed.values.set)?;
    let asked = RareEvent {
        initial: &initial,
        unless: typed.unless.as_deref(),
        before: typed.before,
        level: typed.level.as_deref(),
        relative_error: typed.relative_error,
        maximum_events: typed.max_events,
        ..RareEvent::new(&network, &parameters, &typed.event, Key::new(typed.seed))
    };
    let pool = threads(typed.threads)?;
    let started = Instant::now();
    let found = pool.install(|| asked.estimate())?;
    let seconds = started.elapsed().as_secs_f64();
    let text = if typed.json { json(&found, typed.seed, seconds)? } else { readable(&found, seconds) };
    anstream::println!("{text}");
    if found.precise {
        return Ok(());
    }
    Err(Failed::Work(format!(
        "the relative error is {:.2} and not {} within {} events; --max-events allows more",
        found.relative_error(),
        typed.relative_error,
        typed.max_events,
    )))
}

fn readable(found: &Estimate, seconds: f64) -> String {
    let Estimate { probability, standard_error, interval: (low, high), .. } = found;
    let mut lines = vec![
        format!("probability     {}", number(*probability)),
        format!("standard error  {} ({:.1} %)", number(*standard_error), 100.0 * found.relative_error()),
        format!("95 % interval   {} to {}", number(*low), number(*high)),
    ];
    let of = &found.level;
    if !found.levels.is_empty() {
        let listed: Vec<String> = found.levels.iter().map(|level| format!("{level}")).collect();
        lines.push(format!("levels of {of}: {}", listed.join(", ")));
    }
    let stages = found.shares.len();
    let stages = if stages == 1 { "1 stage".to_owned() } else { format!("{stages} stages") };
    let Estimate { replicates, trajectories, events, .. } = found;
    lines.push(match *replicates {
        0 => "the condition holds at the start".to_owned(),
        _ => format!(
            "{replicates} replicates of {stages} with {trajectories} trajectories each; {events} events, {seconds:.3} s"
        ),
    });
    lines.join("\n")
}

/// Three digits that count, with an exponent where the number is small.
fn number(value: f64) -> String {
    if value < 0.001 && value > 0.0 { format!("{value:.2e}") } else { format!("{value:.4}") }
}

fn json(found: &Estimate, seed: u64, seconds: f64) -> Result<String, Failed> {
    let found = Found {
        probability: found.probability,
        standard_error: found.standard_error,
        relative_error: found.relative_error(),
        interval: found.interval,
        precise: found.precise,
        level: &found.level,
        levels: &found.levels,
        shares: &found.shares,
        replicates: found.replicates,
        trajectories: found.trajectories,
        events: found.events,
        seconds,
        seed,
    };
    serde_json::to_string_pretty(&found).map_err(|error| Failed::Work(error.to_string()))
}

impl From<ProbabilityError> for Failed {
    fn from(error: ProbabilityError) -> Self {
        match error {
            ProbabilityError::Expression { name, text, error } => {
                let place = Place::in_source(&text, error.span);
                let problem = Diagnostic::new(format!("--{name}"), error.message).at(place, "");
                Self::from(match error.help {
                    Some(help) => problem.help(help),
                    None => problem,
                })
            }
            ProbabilityError::Setting(_) | ProbabilityError::Unsupported(_) | ProbabilityError::Over => {
                Self::usage(error.to_string())
            }
            error => Self::Work(error.to_string()),
        }
    }
}
