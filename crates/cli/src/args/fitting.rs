//! What can be typed to calibrate a model.

use std::path::PathBuf;

/// How to fit, for all commands that do.
#[derive(Debug, Default, clap::Args)]
pub struct Fitting {
    /// How to fit: surrogate (a likelihood learned from simulations; abc-smc where its check fails), abc-smc, abc-rejection
    /// (draws from the prior alone), mcmc (Markov chains on the likelihood of the mean field), pmmh (Markov chains on the
    /// model's own, by particle filters: for few cells), synthetic-likelihood (Markov chains on a normal law of summaries,
    /// simulated at every point) or mle (maximum of the mean field's). Unless given, the problem's choice, or mcmc where
    /// the model is simulated by the mean field alone, surrogate where the law of the data is known, and abc-smc elsewhere.
    #[arg(long)]
    pub method: Option<String>,
    /// Particles (abc-smc, abc-rejection).
    #[arg(long, value_name = "N")]
    pub population: Option<usize>,
    /// Most simulations in all, of each data set (abc-smc, abc-rejection, surrogate). Where the law of the data is known, about
    /// a thousand more, a fifth of these at most, tell what summaries have lost.
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

impl Fitting {
    /// Whether anything is asked for that decides a result.
    pub fn is_given(&self) -> bool {
        let Self {
            method, population, max_simulations, max_evaluations, particles, optimiser, max_seconds, seed, ..
        } = self;
        let numbers = [population.is_some(), max_simulations.is_some(), max_evaluations.is_some(), particles.is_some()];
        numbers.contains(&true) || method.is_some() || optimiser.is_some() || max_seconds.is_some() || seed.is_some()
    }
}

/// Fit a model to an experimental table, and write a report
///
/// Writes a folder with the posterior, predictions and report.html. Interrupted with Ctrl-C, it keeps what is complete, and
/// `--resume` goes on with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  metacascade fit datasets/hypoxia-fatemap
  metacascade fit datasets/sw620-switching --method mle -o runs/switching
  metacascade fit datasets/sw620-switching --log-level debug 2> fit.log
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
/// intervals hold the truth. Ends with 1 if a parameter's ranks leave their 95 % band. Of a run, the method is checked as it
/// was used there, and the run's report tells what was found.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade sbc datasets/sw620-switching --replicates 200 --method abc-smc
  metacascade sbc runs/sw620-switching --replicates 200")]
pub struct Sbc {
    /// A problem's folder, or its problem.yaml; or a run's folder.
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
