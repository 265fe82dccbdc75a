//! What can be typed about models and problems.

use std::path::PathBuf;

use metacascade_engine::RareEvent;

/// What a model's parameters and initial counts are.
#[derive(Debug, clap::Args)]
pub struct Values {
    /// Set the parameters of an arm of the model (see `metacascade models MODEL`); may be repeated, the last one wins.
    #[arg(long, value_name = "ARM", value_delimiter = ',')]
    pub arm: Vec<String>,
    /// Set a parameter, or a species' initial count; may be repeated; wins over --arm.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
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
  metacascade simulate cascade-core --times 0:45:0.5 -n 20 --plot cascade.html
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
    #[command(flatten)]
    pub values: Values,
    /// Threads; all processors unless given.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
    /// Mean and standard deviation instead of trajectories.
    #[arg(long)]
    pub summary: bool,
    /// Write to this file, .csv or .parquet, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw what is simulated on a page for a browser, and write the table only where -o says: a line a trajectory,
    /// intervals of more than 50, mean and standard deviation with --summary.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
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
    #[command(flatten)]
    pub values: Values,
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
