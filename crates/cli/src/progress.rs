//! Shows how a fit is going: a live line in a terminal, a plain line a generation elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use metacascade_inference::abc_smc::Generation;
use metacascade_inference::{Observer, Progress};
use metacascade_problem::run::RunWriter;

/// Writes each generation to the run as it is complete, and shows progress.
pub struct Watcher<'w> {
    writer: &'w mut RunWriter,
    bar: ProgressBar,
    live: bool,
    started: Instant,
    cancelled: Arc<AtomicBool>,
}

impl<'w> Watcher<'w> {
    pub fn new(writer: &'w mut RunWriter, cancelled: Arc<AtomicBool>) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(8);
        let live = !target.is_hidden();
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a constant; the default style serves if it should ever be wrong.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:24} {msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(125));
        Self { writer, bar, live, started: Instant::now(), cancelled }
    }

    fn say(&self, line: String) {
        if self.live {
            self.bar.println(line);
        } else {
            anstream::eprintln!("{line}");
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Watcher<'_> {
    fn generation(&mut self, generation: &Generation) -> Result<(), String> {
        let seconds = self.started.elapsed().as_secs_f64();
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
        self.cancelled.load(Ordering::Relaxed)
    }
}
