//! What can be typed.

mod fitting;
mod models;
mod runs;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::logging::LogLevel;
pub use fitting::{Check, Evaluate, Fit, Fitting, Sbc};
pub use models::{Convert, Datasets, Diagram, Models, New, Probability, Simulate};

pub use runs::{Compare, Export, ExportFormat, Predict, Report, Runs, Serve, Show};

/// Calibrated stochastic models of metastasis from experimental tables.
///
/// Exit codes: 0 done, 1 the work failed, 2 wrong input, 130 interrupted (what is complete is kept).
#[derive(Debug, Parser)]
#[command(name = "metacascade", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// A file of options (TOML), with a table for each command, such as fit; METACASCADE_ and an option's name, such as
    /// METACASCADE_THREADS=2, gives one by the environment.
    #[arg(long, global = true, value_name = "FILE")]
    #[allow(dead_code, reason = "looked for before the rest is parsed, see `typed`")]
    pub config: Option<PathBuf>,
    /// Records to write to standard error: off, error, warn, info (steps: methods and why, generations, what is resumed),
    /// debug (files with sizes and hashes) or trace.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Warn, value_name = "LEVEL", hide_possible_values = true)]
    pub log_level: LogLevel,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Fit(Fit),
    Sbc(Sbc),
    Select(crate::select::Select),
    Check(Check),
    Evaluate(Evaluate),
    Report(Report),
    Serve(Serve),
    Predict(Predict),
    Compare(Compare),
    Runs(Runs),
    Show(Show),
    Export(Export),
    Simulate(Simulate),
    Probability(Probability),
    Models(Models),
    Datasets(Datasets),
    New(New),
    Diagram(Diagram),
    Convert(Convert),
    Completions(Completions),
    Man(Man),
}

/// Write the completions of a shell to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade completions bash > ~/.local/share/bash-completion/completions/metacascade")]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Write manual pages, of the program and of each command, into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade man ~/.local/share/man/man1")]
pub struct Man {
    /// The folder to write to.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
