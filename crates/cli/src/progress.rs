//! Tells how a fit is going: a live line in a terminal, a plain line a generation elsewhere; or events for other programs; or
//! nothing.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use metacascade_inference::abc_smc::Generation;
use metacascade_inference::{Observer, Progress};
use metacascade_problem::run::{Journal, RunError, RunWriter};
use metacascade_problem::{FitMethod, Problem};
use serde::Serialize;
use serde_json::json;

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
                anstream::eprintln!("{title}: {parameters} parameters, {data}");
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

/// Time between two events of progress.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes each generation to the run as it is complete, and shows progress.
pub struct Watcher<'w> {
    writer: &'w mut RunWriter,
    journal: &'w Journal,
    bar: ProgressBar,
    live: bool,
    started: Instant,
    cancelled: Arc<AtomicBool>,
    telling: Telling,
    /// When progress was told last.
    told: Instant,
}

impl<'w> Watcher<'w> {
    pub fn new(writer: &'w mut RunWriter, journal: &'w Journal, cancelled: Arc<AtomicBool>, telling: Telling) -> Self {
        let target = match telling {
            Telling::Lines => ProgressDrawTarget::stderr_with_hz(8),
            Telling::Nothing | Telling::Events => ProgressDrawTarget::hidden(),
        };
        let live = !target.is_hidden();
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a constant; the default style serves if it should ever be wrong.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:24} {msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(125));
        if journal.known() > 0 && telling == Telling::Lines {
            anstream::eprintln!("resumed: {} answers are known from before", HumanCount(journal.known() as u64));
        }
        Self { writer, journal, bar, live, started: Instant::now(), cancelled, telling, told: Instant::now() }
    }

    fn say(&self, line: String) {
        if self.live {
            self.bar.println(line);
        } else if self.telling == Telling::Lines {
            anstream::eprintln!("{line}");
        }
    }

    /// Ends the line of progress.
    ///
    /// # Errors
    /// If the journal could not be written.
    pub fn finish(&self) -> Result<(), RunError> {
        self.bar.finish_and_clear();
        self.journal.failure().map_or(Ok(()), Err)
    }
}

impl Observer for Watcher<'_> {
    fn generation(&mut self, generation: &Generation) -> Result<(), String> {
        let seconds = self.started.elapsed().as_secs_f64();
        if self.telling == Telling::Events {
            let known = json!({
                "index": generation.index,
                "threshold": generation.threshold,
                "acceptance": generation.acceptance,
                "effective_sample_size": generation.effective_sample_size,
                "simulations": generation.total_simulations,
                "failures": generation.failures,
                "seconds": seconds,
            });
            tell("generation", &known);
        }
        self.say(format!(
            "generation {:>2}  threshold {:>8.4}  acceptance {:>6.2} %  effective sample size {:>5.0}  {:>9} simulations  {seconds:>6.1} s",
            generation.index,
            generation.threshold,
            100.0 * generation.acceptance,
            generation.effective_sample_size,
            HumanCount(generation.total_simulations).to_string(),
        ));
        self.writer.generation(generation).map_err(|error| error.to_string())
    }

    fn progress(&mut self, progress: &Progress) {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        if self.telling == Telling::Events && self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            tell("progress", &known(progress, seconds));
        }
        match *progress {
            Progress::Generation { index, simulations, target, total_simulations } => {
                self.bar.set_length(target);
                self.bar.set_position(simulations);
                let rate = total_simulations as f64 / seconds;
                let left = (target - simulations) as f64 / rate.max(1e-9);
                self.bar.set_message(format!(
                    "generation {index}, {rate:.0} simulations/s, {left:.0} s left of this generation"
                ));
            }
            Progress::Rounds { round, rounds, simulations, target } => {
                self.bar.set_length(target);
                self.bar.set_position(simulations);
                let rate = simulations as f64 / seconds;
                let left = (target - simulations) as f64 / rate.max(1e-9);
                self.bar
                    .set_message(format!("round {} of {rounds}, {rate:.0} simulations/s, {left:.0} s left", round + 1));
            }
            Progress::Chains { evaluations, effective, target, r_hat, .. } => {
                self.bar.set_length(target as u64);
                self.bar.set_position(effective.clamp(0.0, target) as u64);
                let rate = evaluations as f64 / seconds;
                self.bar.set_message(format!(
                    "chains worth {effective:.0} of {target:.0} independent draws, R-hat {r_hat:.3}, {rate:.0} evaluations/s"
                ));
            }
            Progress::Starts { done, target, evaluations, log_likelihood } => {
                self.bar.set_length(target as u64);
                self.bar.set_position(done as u64);
                let (rate, left) =
                    (evaluations as f64 / seconds, (target - done) as f64 * seconds / done.max(1) as f64);
                self.bar.set_message(format!(
                    "{done} of {target} starts, log-likelihood {log_likelihood:.3}, {rate:.0} evaluations/s, {left:.0} s left"
                ));
            }
        }
    }

    fn cancelled(&self) -> bool {
        // What can no longer be written is not worth going on with.
        self.cancelled.load(Ordering::Relaxed) || self.journal.failure().is_some()
    }
}

/// What an event of progress says.
fn known(progress: &Progress, seconds: f64) -> serde_json::Value {
    match *progress {
        Progress::Generation { index, simulations, target, total_simulations } => json!({
            "phase": "generation", "index": index, "done": simulations, "target": target,
            "simulations": total_simulations, "seconds": seconds,
        }),
        Progress::Rounds { round, rounds, simulations, target } => json!({
            "phase": "round", "index": round, "of": rounds, "done": simulations, "target": target,
            "simulations": simulations, "seconds": seconds,
        }),
        Progress::Chains { evaluations, effective, target, r_hat, .. } => json!({
            "phase": "chains", "done": effective, "target": target, "r_hat": r_hat, "simulations": evaluations,
            "seconds": seconds,
        }),
        Progress::Starts { done, target, evaluations, log_likelihood } => json!({
            "phase": "starts", "done": done, "target": target, "log_likelihood": log_likelihood,
            "simulations": evaluations, "seconds": seconds,
        }),
    }
}
