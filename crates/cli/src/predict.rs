//! `metacascade predict`.

use std::path::{Path, PathBuf};

use metacascade_engine::Method;
use metacascade_problem::{
    ArmFile, Arms, Endpoint, FORECAST_SUBJECTS, Forecast, ForecastSettings, Problem, Run, endpoints_of, experiment,
    forecast, horizon, subjects_of, write_file, write_forecast,
};
use metacascade_random::Key;

use crate::args::Predict;
use crate::error::Failed;
use crate::{report, simulate};

/// The child of the seed's key that names the streams of predictions.
const FORECAST: u64 = u64::MAX - 2;

/// Even times at which observables are told, unless others are asked for.
const TIMES: usize = 61;

/// Everything that decides the result.
struct Plan {
    run: Run,
    /// With a model that extends that of the run, if there is one.
    extended: Option<Problem>,
    files: Vec<ArmFile>,
    arms: Arms,
    settings: ForecastSettings,
    seed: u64,
}

/// Predicts under arms, and writes tables and a page.
pub fn run(typed: &Predict) -> Result<(), Failed> {
    let plan = plan(typed)?;
    let problem = plan.problem();
    let pool = simulate::threads(typed.threads)?;
    let key = Key::new(plan.seed).child(FORECAST);
    let found = pool.install(|| forecast(problem, &plan.run.posterior, &plan.arms, &plan.settings, key));
    let found = found.map_err(Failed::usage)?;
    if found.draws.is_empty() {
        let first = found.first_failure.unwrap_or_default();
        return Err(Failed::Work(format!(
            "no draw of the posterior could be simulated under every arm; the first: {first}"
        )));
    }
    let folder = typed.output.clone().unwrap_or_else(|| typed.run.join("predict"));
    write_forecast(&folder, problem, plan.settings.experiment, &found, typed.csv)?;
    let page = write_page(typed, &plan, &found, &folder)?;
    anstream::println!("{}", page.display());
    Ok(())
}

impl Plan {
    fn problem(&self) -> &Problem {
        self.extended.as_ref().unwrap_or(&self.run.problem)
    }
}

fn plan(typed: &Predict) -> Result<Plan, Failed> {
    let run = Run::open(&typed.run)?;
    let is_file = |arm: &str| Path::new(arm).is_file() || arm.ends_with(".toml") || arm.contains(['/', '\\']);
    let files: Vec<ArmFile> = typed
        .arm
        .iter()
        .filter(|arm| is_file(arm))
        .map(|arm| ArmFile::read(Path::new(arm)))
        .collect::<Result<_, _>>()?;
    let mut models: Vec<PathBuf> = typed.model.iter().cloned().chain(files.iter().filter_map(ArmFile::model)).collect();
    models.dedup();
    if let [first, second, ..] = models.as_slice() {
        let message = format!("arms of two models: {} and {}", first.display(), second.display());
        return Err(Failed::usage(message).help("predict each by itself"));
    }
    let extended = match models.first() {
        Some(model) => Some(Problem::load_with_model(run.problem.folder(), model)?),
        None => None,
    };
    let problem = extended.as_ref().unwrap_or(&run.problem);
    let mut arms = Arms::baseline();
    let mut next_file = files.iter();
    for arm in &typed.arm {
        match is_file(arm).then(|| next_file.next()).flatten() {
            Some(file) => arms.add_file(problem, file)?,
            None => arms.add_named(problem, arm).map_err(|(message, help)| Failed::usage(message).help(help))?,
        }
    }
    if typed.arm.is_empty() {
        for arm in problem.network().arms() {
            arms.add_named(problem, &arm.name).map_err(|(message, help)| Failed::usage(message).help(help))?;
        }
    }
    let settings = settings(typed, problem)?;
    let seed = typed.seed.unwrap_or(run.settings.seed);
    Ok(Plan { run, extended, files, arms, settings, seed })
}

fn settings(typed: &Predict, problem: &Problem) -> Result<ForecastSettings, Failed> {
    let experiment = experiment(problem, typed.experiment.as_deref()).map_err(|help| {
        let name = typed.experiment.as_deref().unwrap_or_default();
        Failed::usage(format!("the problem has no experiment `{name}`")).help(help)
    })?;
    let endpoints = match typed.event.is_empty() {
        true => endpoints_of(problem),
        false => {
            let endpoint = |formula: &String| {
                Endpoint::new(problem, formula).map_err(|(message, help)| {
                    let failed = Failed::usage(format!("in --event {formula}: {message}"));
                    match help {
                        Some(help) => failed.help(help),
                        None => failed,
                    }
                })
            };
            typed.event.iter().map(endpoint).collect::<Result<_, _>>()?
        }
    };
    let times = match &typed.times {
        Some(times) => simulate::parse_times(times)?,
        None => {
            let start = problem.experiments()[experiment].start().max(0.0);
            let end = horizon(problem, experiment).filter(|end| *end > start).ok_or_else(|| {
                Failed::usage("nothing was measured in time").help("say until when with --times, such as 0:100:1")
            })?;
            (0..TIMES).map(|index| start + (end - start) * index as f64 / (TIMES - 1) as f64).collect()
        }
    };
    let method = match &typed.method {
        Some(method) => method.parse().map_err(|error| Failed::usage(format!("{error}")))?,
        None => match problem.simulation().method() {
            // The mean field knows no chance by which an event comes to one subject and not to another.
            Method::Ode { .. } if !endpoints.is_empty() => Method::Auto,
            method => method,
        },
    };
    let table = subjects_of(problem, experiment).len();
    let chance = !matches!(method, Method::Ode { .. }) || problem.network().varies() || table > 0;
    let subjects = typed.subjects.unwrap_or(match (endpoints.is_empty(), chance) {
        (false, _) => FORECAST_SUBJECTS.max(table),
        (true, true) => FORECAST_SUBJECTS.min(table.max(20)),
        // All subjects are the same.
        (true, false) => 1,
    });
    if typed.draws == 0 || subjects == 0 {
        return Err(Failed::usage("--draws and --subjects must be at least 1"));
    }
    Ok(ForecastSettings { experiment, times, endpoints, draws: typed.draws, subjects, method })
}

fn write_page(typed: &Predict, plan: &Plan, found: &Forecast, folder: &Path) -> Result<PathBuf, Failed> {
    let mut content = metacascade_report::predictions_of(&plan.run, plan.problem(), &plan.arms, found);
    let row = |name: &str, value: String| (name.to_owned(), value);
    content.settings = vec![
        row("run", plan.run.folder().display().to_string()),
        row("draws of the posterior", found.draws.len().to_string()),
        row("subjects", found.subjects.len().to_string()),
        row("simulation", plan.settings.method.to_string()),
        row("seed", plan.seed.to_string()),
    ];
    content.command = command(typed, plan);
    let files = plan.files.iter().map(|file| (file.path().display().to_string(), file.sha256().to_owned()));
    content.file_hashes.extend(files);
    for sentence in &content.headline {
        anstream::println!("{sentence}");
    }
    let page = metacascade_report::render_predictions(&content).map_err(|error| Failed::Work(error.to_string()))?;
    let path = folder.join("predict.html");
    write_file(&path, page.as_bytes())?;
    Ok(path)
}

/// The command with everything resolved.
fn command(typed: &Predict, plan: &Plan) -> String {
    let mut words =
        vec!["metacascade".to_owned(), "predict".to_owned(), report::quoted(&typed.run.display().to_string())];
    let mut option = |name: &str, value: &str| {
        words.push(name.to_owned());
        words.push(report::quoted(value));
    };
    if let Some(model) = &typed.model {
        option("--model", &model.display().to_string());
    }
    typed.arm.iter().for_each(|arm| option("--arm", arm));
    typed.event.iter().for_each(|event| option("--event", event));
    typed.experiment.iter().for_each(|experiment| option("--experiment", experiment));
    typed.times.iter().for_each(|times| option("--times", times));
    typed.method.iter().for_each(|method| option("--method", method));
    option("--draws", &plan.settings.draws.to_string());
    option("--subjects", &plan.settings.subjects.to_string());
    option("--seed", &plan.seed.to_string());
    words.join(" ")
}
