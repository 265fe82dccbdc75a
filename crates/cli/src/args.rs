//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use metacascade_engine::RareEvent;

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

/// How to fit, for all commands that do.
#[derive(Debug, Default, clap::Args)]
pub struct Fitting {
    /// How to fit: surrogate (a likelihood learned from simulations; abc-smc where its check fails), abc-smc, abc-rejection
    /// (draws from the prior alone), mcmc (Markov chains on the likelihood of the mean field), pmmh (Markov chains on the
    /// model's own, by particle filters: for few cells), synthetic-likelihood (Markov chains on a normal law of summaries,
    /// simulated at every point) or mle (maximum of the mean field's). Unless given, the problem's choice, or surrogate
    /// where the law of the data is known, and abc-smc elsewhere.
    #[arg(long)]
    pub method: Option<String>,
    /// Particles (abc-smc, abc-rejection).
    #[arg(long, value_name = "N")]
    pub population: Option<usize>,
    /// Most simulations in all, of each data set (abc-smc, abc-rejection, surrogate).
    #[arg(long, value_name = "N")]
    pub max_simulations: Option<u64>,
    /// Most evaluations of the likelihood, or of its estimate, in all, of each data set (mcmc, pmmh,
    /// synthetic-likelihood).
    #[arg(long, value_name = "N")]
    pub max_evaluations: Option<u64>,
    /// Particles of each subject's filter (pmmh), or simulations (synthetic-likelihood) of each estimate; as many as pay,
    /// unless given.
    #[arg(long, value_name = "N")]
    pub particles: Option<usize>,
    /// What climbs from each start: gradient (L-BFGS by turns with a simplex) or cma-es, for likelihoods with jumps or many
    /// small hills (mle).
    #[arg(long, value_name = "NAME")]
    pub optimiser: Option<String>,
    /// Most wall time in seconds: no generation that would need more is finished (abc-smc).
    #[arg(long, value_name = "SECONDS")]
    pub max_seconds: Option<f64>,
    /// Seed of all randomness.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads; all processors unless given. They change no result.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
}

/// Fit a model to an experimental table, and write a report
///
/// Writes a folder with the posterior, predictions and report.html. Interrupted with Ctrl-C, it keeps what is complete, and
/// `--resume` goes on with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade fit datasets/hypoxia-fatemap
  metacascade fit datasets/sw620-switching --method mle -o runs/switching
  metacascade fit --resume runs/switching")]
pub struct Fit {
    /// A problem's folder, or its YAML file; PEtab version 1 or 2.
    #[arg(required_unless_present = "resume")]
    pub problem: Option<PathBuf>,
    /// Go on with a run that was cut off; the result is the one it would have had.
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "problem", "output", "method", "population", "optimiser", "max_simulations", "max_seconds", "seed",
    ])]
    pub resume: Option<PathBuf>,
    /// The folder to write; runs/ and the problem's name unless given.
    #[arg(short, long, value_name = "RUN")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub fitting: Fitting,
    /// Say nothing on the way.
    #[arg(short, long)]
    pub quiet: bool,
    /// Write progress and result to standard output as JSON, one event a line: started, progress, generation, done.
    #[arg(long)]
    pub json: bool,
}

/// Check a fitting method on a problem: simulation-based calibration
///
/// Draws parameters from the prior, simulates a data set like the problem's with each, fits it, and counts how often the
/// intervals hold the truth. Ends with 1 if a parameter's ranks leave their 95 % band.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade sbc datasets/sw620-switching --replicates 200 --method abc-smc")]
pub struct Sbc {
    /// A problem's folder, or its problem.yaml.
    pub problem: PathBuf,
    /// Data sets to simulate and fit.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub replicates: usize,
    #[command(flatten)]
    pub fitting: Fitting,
    /// Write ranks and coverage to this file, as JSON.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Evaluate a problem at given parameters
///
/// Tells the log-likelihood of the measurements, chi², and the log densities of prior and posterior, at the nominal values
/// of the parameter table; estimated parameters without one have their prior's median.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade evaluate datasets/sw620-switching
  metacascade evaluate problem.yaml --set k=0.2 -o simulations.tsv --json")]
pub struct Evaluate {
    /// A problem's folder, or its YAML file; PEtab version 1 or 2.
    pub problem: PathBuf,
    /// Where measurements scatter from: ode (the measurement noise alone, around the mean field: what PEtab means),
    /// linear-noise (that and the fluctuations of the model, taken as normal) or exact (the same by the master equation,
    /// for models of few cells).
    #[arg(long, default_value = "ode")]
    pub method: String,
    /// Set a parameter of the parameter table; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Write PEtab's simulation table to this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Check a problem: all that is wrong with its files, or what it holds
///
/// Mistakes are told with file, line, column and what would mend them. If there are none: subjects, observables, times,
/// free parameters, and what the means of the table can and cannot tell of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade check datasets/sw620-switching --json")]
pub struct Check {
    /// A problem's folder, or its problem.yaml.
    pub problem: PathBuf,
    /// Write the result as JSON: {"problems": [{file, line, column, message, help}], "summary": …}.
    #[arg(long)]
    pub json: bool,
}

/// Write the report of a run
#[derive(Debug, clap::Args)]
pub struct Report {
    /// A folder written by `metacascade fit`.
    pub run: PathBuf,
    /// The file to write; report.html in the run's folder unless given.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Predict what happens under arms that were not in the data
///
/// Simulates a run's posterior under the model as fitted and under each arm, with the same subjects and random numbers;
/// writes tables and predict.html: observables over time, times to events, differences between arms, and which of them
/// are assumptions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade predict runs/pdx-resection --arm datasets/pdx-resection/arms/anti-VEGF.toml
  metacascade predict runs/mine --arm surgery --arm surgery,chemotherapy --times 0:60:1")]
pub struct Predict {
    /// A folder written by `metacascade fit`.
    pub run: PathBuf,
    /// An arm of the model, several of which combine (a,b), or a file of arms (TOML); may be repeated. All arms of the
    /// model unless given.
    #[arg(long, value_name = "ARM|FILE")]
    pub arm: Vec<String>,
    /// A model that extends the fitted one, such as by a therapy; a file of arms may name it too.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// An event to wait for: a condition of the model, or a symbol that ends in _first_detected; may be repeated. Those of
    /// the problem's survival tables unless given, or else the first detected lesion of each kind.
    #[arg(long, value_name = "CONDITION")]
    pub event: Vec<String>,
    /// The experiment of the problem that arms change; the first unless given.
    #[arg(long, value_name = "ID")]
    pub experiment: Option<String>,
    /// Times to predict at, start:end:step or a list; the last is the horizon of events. Until the last measurement unless
    /// given.
    #[arg(long)]
    pub times: Option<String>,
    /// Draws of the posterior.
    #[arg(long, default_value_t = metacascade_problem::FORECAST_DRAWS, value_name = "N")]
    pub draws: usize,
    /// Subjects for each draw and arm, those of the experiment again and again; 200 where events are waited for, unless
    /// there are more.
    #[arg(short = 'n', long, value_name = "N")]
    pub subjects: Option<usize>,
    /// How trajectories are simulated, as in `metacascade simulate`; the problem's way unless given.
    #[arg(long)]
    pub method: Option<String>,
    /// Seed of all randomness; the run's unless given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads; all processors unless given. They change no result.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
    /// Write the tables as CSV too.
    #[arg(long)]
    pub csv: bool,
    /// The folder to write; predict in the run's folder unless given.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Hold runs against each other
///
/// Parameters, fit, warnings and settings side by side: of the same data under several models or methods, or of several
/// data sets.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade compare runs/exact runs/mean-field -o compare.html")]
pub struct Compare {
    /// Folders written by `metacascade fit`.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE", default_value = "compare.html")]
    pub output: PathBuf,
}

/// List the runs in a folder, the newest first
#[derive(Debug, clap::Args)]
pub struct Runs {
    /// The folder that holds them.
    #[arg(default_value = "runs", value_name = "DIR")]
    pub folder: PathBuf,
    /// Write the list as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show the posterior of a run
#[derive(Debug, clap::Args)]
pub struct Show {
    /// A folder written by `metacascade fit`.
    pub run: PathBuf,
    /// Write all that came of it as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Write the draws of a run's posterior as a table
///
/// One row a draw: the parameters on their natural scale, the draw's weight and its distance. Of a run that is not done, the
/// last complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade export runs/hypoxia-fatemap --format csv -o posterior.csv")]
pub struct Export {
    /// A folder written by `metacascade fit`.
    pub run: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Formats of a posterior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Text separated by commas.
    Csv,
    /// A list of objects.
    Json,
    /// Apache Parquet; needs --output.
    Parquet,
}

/// Simulate a model
///
/// Writes one row a time and trajectory (columns trajectory, time, species, assignment rules), or with --summary one
/// row a time with mean and standard deviation over the trajectories. What it took is told on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade simulate birth-death --times 0:3:0.5 -n 10000 --summary
  metacascade simulate model.toml --times 0:50:1 -n 100 --set k=0.2 -o trajectories.parquet
  metacascade simulate cascade-core --times 20,40 -n 50 --summary --lesions sizes.csv
  metacascade simulate cascade-tme --times 0:40:1 -n 50 --arm surgery --arm anti_VEGF --summary")]
pub struct Simulate {
    /// A model file (.toml, or SBML as .xml or .sbml), or the name of a shipped model (see `metacascade models`).
    pub model: String,
    /// Recording times: start:end:step, or a list such as 0,1,5.
    #[arg(long, value_name = "TIMES")]
    pub times: String,
    /// Trajectories.
    #[arg(short = 'n', long, default_value_t = 1, value_name = "N")]
    pub trajectories: usize,
    /// Seed of all randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How to simulate: direct, ensemble, next-reaction, composition-rejection, tau-leap, hybrid, ode, moments (with
    /// --summary), or auto, which chooses and says why.
    #[arg(long, default_value = "auto")]
    pub method: String,
    /// Set the parameters of an arm of the model (see `metacascade models MODEL`); may be repeated, the last one wins.
    #[arg(long, value_name = "ARM", value_delimiter = ',')]
    pub arm: Vec<String>,
    /// Set a parameter, or a species' initial count; may be repeated; wins over --arm.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Threads; all processors unless given.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
    /// Mean and standard deviation instead of trajectories.
    #[arg(long)]
    pub summary: bool,
    /// Write to this file, .csv or .parquet, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the lesions at each time to this file, .csv or .parquet: one row a lesion (columns trajectory, time, lesions,
    /// size, founded, state).
    #[arg(long, value_name = "FILE")]
    pub lesions: Option<PathBuf>,
    /// Write what the simulation took to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
}

/// Estimate the probability of a rare event
///
/// The probability that a condition becomes true before a time, or before another condition does, by multilevel splitting
/// of exact trajectories. It may be 1e-12 or less.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade probability birth-death --event \"X >= 40\" --unless \"X <= 0\" --set birth=0.3
  metacascade probability model.toml --event \"E + H >= 100\" --before 30 --relative-error 0.05 --json")]
pub struct Probability {
    /// A model file (.toml, or SBML as .xml or .sbml), or the name of a shipped model (see `metacascade models`).
    pub model: String,
    /// The condition whose becoming true is the event, such as "X >= 60".
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub event: String,
    /// A condition that ends a trajectory before, such as "X <= 0".
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub unless: Option<String>,
    /// The time before which the event counts; if not given, trajectories end where nothing can happen any more.
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub before: Option<f64>,
    /// What grows towards the event; for events such as "X >= 60" it is X unless given.
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub level: Option<String>,
    /// The standard error asked for, relative to the probability.
    #[arg(long, default_value_t = 0.1, value_name = "E")]
    pub relative_error: f64,
    /// About how many events (firings of reactions) may be simulated in all.
    #[arg(long, default_value_t = RareEvent::MAXIMUM_EVENTS, value_name = "N")]
    pub max_events: u64,
    /// Seed of all randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Set the parameters of an arm of the model (see `metacascade models MODEL`); may be repeated, the last one wins.
    #[arg(long, value_name = "ARM", value_delimiter = ',')]
    pub arm: Vec<String>,
    /// Set a parameter, or a species' initial count; may be repeated; wins over --arm.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Threads; all processors unless given. They change no result.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
    /// Write the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// List the shipped models, or show one
#[derive(Debug, clap::Args)]
pub struct Models {
    /// Show the parameters and reactions of this model, a shipped one or a file.
    pub name: Option<String>,
}

/// List the data sets that come with metacascade
#[derive(Debug, clap::Args)]
pub struct Datasets {
    /// Write all that is known of them as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Begin a problem: a folder ready to fit
///
/// With --data, proposes observables, subjects and a model for a plain table, and says what was guessed and why: values over
/// time, fractions of states, times and events, k of n, counts, yes or no; a row or a column a time. Without, writes the tables
/// of a problem with a shipped model, a copy of the model to change, and simulated measurements to replace.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade new my-mice --data volumes.csv && metacascade fit my-mice
  metacascade new sum149 --data fractions.csv --where line=SUM149
  metacascade new my-mice --model cascade-core && metacascade fit my-mice")]
pub struct New {
    /// The folder to write.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// A table to propose a problem for: CSV, TSV, packed by gzip or not, or Parquet.
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["model", "seed"])]
    pub data: Option<PathBuf>,
    /// Use only the rows of --data in which a column holds a text; may be repeated.
    #[arg(long = "where", value_name = "COLUMN=TEXT", requires = "data")]
    pub only: Vec<String>,
    /// The column of --data that is what was measured; may be repeated; chosen by its name unless given.
    #[arg(long = "value", value_name = "COLUMN", requires = "data")]
    pub values: Vec<String>,
    /// A shipped model that people fit (see `metacascade models`).
    #[arg(long, default_value = "cascade-core")]
    pub model: String,
    /// Seed of the simulated measurements.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Draw a model: states and arrows by stage of the cascade
///
/// Writes an SVG file, which browsers show.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade diagram switching -o switching.svg")]
pub struct Diagram {
    /// A model file, or the name of a shipped model (see `metacascade models`).
    pub model: String,
    /// The file to write; one that is there is replaced.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Write a model in another format, or a problem as SBML and PEtab
///
/// Formats of models go by the names of the files: .toml is the project's own, .xml and .sbml are SBML. SBML is read in Level 2 and
/// in Level 3 core, and written in Level 3 Version 2.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade convert model.xml model.toml
  metacascade convert switching switching.xml
  metacascade convert datasets/sw620-switching --petab sw620")]
pub struct Convert {
    /// A model file, or the name of a shipped model (see `metacascade models`); with --petab a problem's folder.
    #[arg(value_name = "MODEL|PROBLEM")]
    pub model: String,
    /// The file to write; one that is there is replaced.
    #[arg(required_unless_present = "petab", conflicts_with = "petab")]
    pub output: Option<PathBuf>,
    /// Write the problem into this folder, as SBML and tables of PEtab version 2; it must be empty, if it is there.
    #[arg(long, value_name = "FOLDER")]
    pub petab: Option<PathBuf>,
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
