//! Tells how a fit is going: a live line in a terminal, plain lines now and then elsewhere; or events for other programs; or
//! nothing.

mod line;
mod watcher;

use std::io::Write as _;

use metacascade_problem::{FitMethod, Problem};
use serde::Serialize;
use serde_json::json;
pub use watcher::Watcher;

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Not at all.
    Nothing,
    /// In lines for people, on standard error.
    Lines,
    /// As JSON, one event a line, on standard output.
    Events,
}

impl Telling {
    /// What --quiet and --json ask for; events are told although no lines are.
    pub fn asked(quiet: bool, json: bool) -> Self {
        match (quiet, json) {
            (_, true) => Self::Events,
            (true, false) => Self::Nothing,
            (false, false) => Self::Lines,
        }
    }

    /// Says what is fitted.
    pub fn started(self, problem: &Problem, method: FitMethod) {
        let (title, parameters) = (problem.title(), problem.estimated().len());
        let (measurements, events) = (problem.measurement_count(), problem.survival().len());
        match self {
            Self::Nothing => {}
            Self::Lines => {
                let data = match (measurements, events) {
                    (_, 0) => format!("{measurements} measurements"),
                    (0, _) => format!("{events} times to events"),
                    _ => format!("{measurements} measurements, {events} times to events"),
                };
                say!("{title}: {parameters} parameters, {data}");
            }
            Self::Events => {
                let method = method.name();
                tell(
                    "started",
                    &json!({
                        "title": title, "method": method, "parameters": parameters, "measurements": measurements,
                        "times_to_events": events,
                    }),
                );
            }
        }
    }
}

/// Tells an event: an object with its name and what is known of it.
pub fn tell(event: &str, known: &impl Serialize) {
    /// An event.
    #[derive(Serialize)]
    struct Event<'a, T> {
        event: &'a str,
        #[serde(flatten)]
        known: &'a T,
    }
    // Numbers and texts have a form in JSON; a reader that has gone away misses nothing.
    if let Ok(line) = serde_json::to_string(&Event { event, known }) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}
