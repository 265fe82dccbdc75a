//! Hears how a fit is going, writes what is complete, and tells people and programs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use metacascade_inference::abc_smc::Generation;
use metacascade_inference::{Observer, Progress};
use metacascade_problem::run::{Journal, RunError, RunWriter};
use serde_json::{Value, json};

use super::line::{Line, duration, rounded, significant};
use super::{Telling, tell};
use crate::logging;

/// Time between two events of progress, and between two notes of it in the run.
const PAUSE: Duration = Duration::from_secs(1);

/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(10);

/// Columns of a line.
const WIDTH: usize = 80;

/// Columns of what spins before the live line.
const SPINNER: usize = 2;

/// What the last complete generation came to.
#[derive(Clone, Copy)]
struct Last {
    threshold: f64,
    acceptance: f64,
    effective: f64,
    /// Distance of the nearest simulation.
    nearest: f64,
}

/// Writes each generation to the run as it is complete, and shows progress.
pub struct Watcher<'w> {
    writer: &'w mut RunWriter,
    journal: &'w Journal,
    bar: ProgressBar,
    live: bool,
    started: Instant,
    cancelled: Arc<AtomicBool>,
    telling: Telling,
    /// When progress was noted last, and a plain line was written last.
    noted: Instant,
    plain: Instant,
    /// Reactions fired so far.
    events: Option<&'w dyn Fn() -> u64>,
    last: Option<Last>,
    /// The highest log posterior density that chains were seen at.
    best: f64,
    /// Why a generation could not be written.
    unwritten: Option<RunError>,
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
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(125));
        if live {
            logging::beside(Some(bar.clone()));
        }
        if journal.known() > 0 && telling == Telling::Lines {
            say!("resumed: {} answers are known from before", HumanCount(journal.known() as u64));
        }
        let now = Instant::now();
        Self {
            writer,
            journal,
            bar,
            live,
            started: now,
            cancelled,
            telling,
            noted: now,
            plain: now,
            events: None,
            last: None,
            best: f64::NEG_INFINITY,
            unwritten: None,
        }
    }

    /// The same, which tells also how many reactions fire, given how many have so far.
    pub fn counting(self, events: &'w dyn Fn() -> u64) -> Self {
        Self { events: Some(events), ..self }
    }

    /// Ends the line of progress.
    ///
    /// # Errors
    /// If the journal or a generation could not be written.
    pub fn finish(&mut self) -> Result<(), RunError> {
        self.bar.finish_and_clear();
        logging::beside(None);
        match self.unwritten.take() {
            Some(error) => Err(error),
            None => self.journal.failure().map_or(Ok(()), Err),
        }
    }

    fn say(&self, line: String) {
        if self.live {
            self.bar.println(line);
        } else if self.telling == Telling::Lines {
            say!("{line}");
        }
    }

    /// Of simulations or evaluations, how many there were a second; those that a journal knew took no time.
    fn rate(&self, done: u64) -> f64 {
        done.saturating_sub(self.journal.recalled()) as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    /// Parts of a line about what is simulated.
    fn speed(&self, line: Line, rate: f64) -> Line {
        let line = line.part(3, format!("{} simulations/s", rounded(rate)), format!("{} sim/s", rounded(rate)));
        match self.events.map(|events| events()) {
            None | Some(0) => line,
            Some(events) => {
                let rate = rounded(events as f64 / self.started.elapsed().as_secs_f64().max(1e-9));
                line.part(7, format!("{rate} events/s"), format!("{rate} ev/s"))
            }
        }
    }

    /// What a person is told.
    fn line(&self, progress: &Progress) -> Line {
        let line = Line::default();
        let left = |line: Line, left: f64, of: &str| {
            let left = duration(left);
            line.part(1, format!("{left} left{of}"), format!("{left} left"))
        };
        match *progress {
            Progress::Generation { index, simulations, target, total_simulations } => {
                let share = 100 * simulations / target.max(1);
                let mut line = line.part(0, format!("generation {index}, {share} %"), format!("gen {index}"));
                if let Some(Last { threshold, acceptance, effective, nearest }) = self.last {
                    let [threshold, nearest] = [threshold, nearest].map(significant);
                    let (acceptance, percent) = (rounded(100.0 * acceptance), 100.0 * acceptance);
                    line = line
                        .part(2, format!("threshold {threshold}"), format!("ε {threshold}"))
                        .part(4, format!("accepted {acceptance} %"), format!("acc {percent:.0}%"))
                        .part(5, format!("effective sample size {effective:.0}"), format!("ESS {effective:.0}"))
                        .part(6, format!("nearest {nearest}"), format!("best {nearest}"));
                }
                let rate = self.rate(total_simulations);
                left(self.speed(line, rate), (target - simulations) as f64 / rate.max(1e-9), " of it")
            }
            Progress::Rounds { round, rounds, simulations, target, log_likelihood } => {
                let share = 100 * simulations / target.max(1);
                let line = line
                    .part(0, format!("round {} of {rounds}", round + 1), format!("round {}/{rounds}", round + 1))
                    .part(2, format!("{} simulations, {share} %", HumanCount(simulations)), format!("{share} %"));
                let line = match log_likelihood.is_finite() {
                    true => line.part(
                        4,
                        format!("highest log-likelihood {log_likelihood:.2}"),
                        format!("best {log_likelihood:.2}"),
                    ),
                    false => line,
                };
                let rate = self.rate(simulations);
                left(self.speed(line, rate), (target - simulations) as f64 / rate.max(1e-9), "")
            }
            Progress::Chains { evaluations, effective, target, r_hat, .. } => {
                let rate = rounded(self.rate(evaluations));
                let line = if r_hat.is_finite() {
                    let seconds = self.started.elapsed().as_secs_f64();
                    let line = line
                        .part(
                            0,
                            format!("effective sample size {effective:.0} of {target:.0}"),
                            format!("ESS {effective:.0} of {target:.0}"),
                        )
                        .word(2, format!("R-hat {r_hat:.3}"));
                    left(line, (target - effective).max(0.0) * seconds / effective.max(1e-9), "")
                } else {
                    line.word(0, "chains are warming up")
                };
                let line = line.part(3, format!("{rate} evaluations/s"), format!("{rate} eval/s"));
                match self.best.is_finite() {
                    true => line.part(
                        4,
                        format!("highest log posterior {:.2}", self.best),
                        format!("best {:.2}", self.best),
                    ),
                    false => line,
                }
            }
            Progress::Starts { done, target, evaluations, log_likelihood } => {
                let rate = rounded(self.rate(evaluations));
                let seconds = self.started.elapsed().as_secs_f64();
                let line = line
                    .part(0, format!("{done} of {target} starts"), format!("{done}/{target} starts"))
                    .part(2, format!("best log-likelihood {log_likelihood:.3}"), format!("best {log_likelihood:.3}"))
                    .part(3, format!("{rate} evaluations/s"), format!("{rate} eval/s"));
                left(line, (target - done) as f64 * seconds / done.max(1) as f64, "")
            }
        }
    }

    /// What programs are told.
    fn known(&self, progress: &Progress) -> Value {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut known = match *progress {
            Progress::Generation { index, simulations, target, total_simulations } => json!({
                "phase": "generation", "index": index, "done": simulations, "target": target,
                "simulations": total_simulations, "seconds": seconds,
            }),
            Progress::Rounds { round, rounds, simulations, target, log_likelihood } => json!({
                "phase": "round", "index": round, "of": rounds, "done": simulations, "target": target,
                "log_likelihood": log_likelihood,
                "simulations": simulations, "seconds": seconds,
            }),
            Progress::Chains { evaluations, effective, target, r_hat, .. } => json!({
                "phase": "chains", "done": effective, "target": target, "r_hat": r_hat, "simulations": evaluations,
                "seconds": seconds, "log_posterior": self.best,
            }),
            Progress::Starts { done, target, evaluations, log_likelihood } => json!({
                "phase": "starts", "done": done, "target": target, "log_likelihood": log_likelihood,
                "simulations": evaluations, "seconds": seconds,
            }),
        };
        if let Some(events) = self.events {
            known["events"] = json!(events());
        }
        known
    }
}

impl Observer for Watcher<'_> {
    fn generation(&mut self, generation: &Generation) -> Result<(), String> {
        let seconds = self.started.elapsed().as_secs_f64();
        let Generation { index, threshold, acceptance, effective_sample_size, .. } = *generation;
        let nearest = generation.posterior.distances.iter().copied().fold(f64::INFINITY, f64::min);
        if self.telling == Telling::Events {
            let known = json!({
                "index": index,
                "threshold": threshold,
                "acceptance": acceptance,
                "effective_sample_size": effective_sample_size,
                "nearest": nearest,
                "simulations": generation.total_simulations,
                "failures": generation.failures,
                "seconds": seconds,
            });
            tell("generation", &known);
        }
        tracing::info!(
            index,
            threshold,
            acceptance,
            effective_sample_size,
            simulations = generation.total_simulations,
            failures = generation.failures,
            "generation complete"
        );
        let (count, percent) = (rounded(generation.total_simulations as f64), 100.0 * acceptance);
        let line = Line::default()
            .part(0, format!("generation {index:>2}"), format!("gen {index:>2}"))
            .part(1, format!("threshold {threshold:>7.4}"), format!("ε {threshold:>7.4}"))
            .part(2, format!("accepted {percent:>4.1} %"), format!("acc {percent:>4.1} %"))
            .word(4, format!("ESS {effective_sample_size:>4.0}"))
            .part(5, format!("{count:>5} simulations"), format!("{count:>5} sim."))
            .word(3, format!("{seconds:>5.1} s"));
        let line = line.within(WIDTH);
        self.writer.progress(&line);
        self.say(line);
        self.plain = Instant::now();
        self.last = Some(Last { threshold, acceptance, effective: effective_sample_size, nearest });
        self.writer.generation(generation).map_err(|error| {
            let message = error.to_string();
            self.unwritten = Some(error);
            message
        })
    }

    fn progress(&mut self, progress: &Progress) {
        if let Progress::Chains { log_likelihood, .. } = *progress {
            self.best = self.best.max(log_likelihood);
        }
        let line = self.line(progress);
        self.bar.set_message(line.within(WIDTH - SPINNER));
        if self.noted.elapsed() >= PAUSE {
            self.noted = Instant::now();
            self.writer.progress(&line.within(WIDTH));
            if self.telling == Telling::Events {
                tell("progress", &self.known(progress));
            }
        }
        if !self.live && self.plain.elapsed() >= PLAIN {
            self.plain = Instant::now();
            self.say(line.within(WIDTH));
        }
    }

    fn cancelled(&self) -> bool {
        // What can no longer be written is not worth going on with.
        self.cancelled.load(Ordering::Relaxed) || self.journal.failure().is_some()
    }
}
