//! What can be typed about runs.

use std::path::PathBuf;

/// Write the report of a run
///
/// Of a run that is not done, the report of its last complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade report runs/hypoxia-fatemap -o hypoxia.html")]
pub struct Report {
    /// A folder written by `metacascade fit`.
    pub run: PathBuf,
    /// The file to write; report.html in the run's folder unless given.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Show reports of runs in a browser, while their fits go on
///
/// Serves pages on this machine alone, and prints their address. A page says where the fit stands, and shows the report of
/// what is complete, anew whenever there is more. For a fit on another machine: ssh -L 8000:127.0.0.1:8000 HOST.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade serve runs/hypoxia-fatemap
  metacascade serve runs/* --port 8000")]
pub struct Serve {
    /// Folders that `metacascade fit` writes or has written.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// The port of 127.0.0.1 to listen on; 0 takes one that is free.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
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
#[command(after_help = "Example:
  metacascade runs --json")]
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
#[command(after_help = "Example:
  metacascade show runs/hypoxia-fatemap")]
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
