//! `metacascade simulate`.

mod plot;

use std::io::{BufWriter, Write};
use std::time::Instant;

use metacascade_engine::{Ensemble, LesionAt, Method, Network, Stats, suggestion};
use metacascade_problem::{TableColumn, write_columns, write_file, write_table};
use metacascade_random::Key;
use serde::Serialize;

use crate::args::Simulate;
use crate::error::Failed;
use crate::models;

/// More values than this would fill the memory of a small machine.
const MOST_VALUES: usize = 1 << 30;

/// What was typed, checked.
struct Plan {
    network: Network,
    parameters: Vec<f64>,
    initial: Vec<(usize, f64)>,
    times: Vec<f64>,
    method: Method,
    why: String,
}

/// What a simulation took, as `--stats` writes it.
#[derive(Serialize)]
struct Taken<'a> {
    trajectories: usize,
    events: u64,
    steps: u64,
    seconds: f64,
    events_per_second: f64,
    method: String,
    why: &'a str,
    threads: usize,
    seed: u64,
}

/// Simulates a model.
pub fn run(typed: &Simulate) -> Result<(), Failed> {
    let plan = plan(typed)?;
    let ensemble = Ensemble {
        network: &plan.network,
        method: plan.method,
        parameters: &plan.parameters,
        initial: &plan.initial,
        times: &plan.times,
        trajectories: typed.trajectories,
        key: Key::new(typed.seed),
    };
    let pool = threads(typed.threads)?;
    let started = Instant::now();
    let (columns, stats) = pool.install(|| if typed.summary { summary(&ensemble) } else { trajectories(&ensemble) })?;
    let seconds = started.elapsed().as_secs_f64();
    tell(typed, &plan, stats, seconds, pool.current_num_threads())?;
    if let Some(path) = &typed.lesions {
        let columns = pool.install(|| lesions(&ensemble))?;
        write_columns(path, columns).map_err(|error| Failed::Work(error.to_string()))?;
    }
    if let Some(path) = &typed.plot {
        plot::write(path, typed, &plan, &columns)?;
    }
    match &typed.output {
        // Who looks at a page does not read a table besides.
        None if typed.plot.is_some() => Ok(()),
        Some(path) => write_table(path, columns).map_err(|error| Failed::Work(error.to_string())),
        None => print(&columns).map_err(|error| Failed::Work(format!("cannot write to standard output: {error}"))),
    }
}

/// A pool of the given number of threads, or of one a processor.
pub fn threads(count: Option<usize>) -> Result<rayon::ThreadPool, Failed> {
    if count == Some(0) {
        return Err(Failed::usage("--threads must be at least 1"));
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(count.unwrap_or(0));
    builder.build().map_err(|error| Failed::Work(format!("cannot start threads: {error}")))
}

fn plan(typed: &Simulate) -> Result<Plan, Failed> {
    let network = models::find(&typed.model)?;
    let times = parse_times(&typed.times)?;
    let method: Method = typed.method.parse().map_err(|error| Failed::usage(format!("{error}")))?;
    if typed.trajectories == 0 {
        return Err(Failed::usage("-n must be at least 1"));
    }
    for path in typed.output.iter().chain(&typed.lesions) {
        if !path.extension().is_some_and(|e| e == "csv" || e == "parquet") {
            let failed = Failed::usage(format!("cannot tell the format of `{}`", path.display()));
            return Err(failed.help("name it .csv or .parquet"));
        }
    }
    if typed.lesions.is_some() && network.lesion_kinds().next().is_none() {
        return Err(Failed::usage(format!("`{}` has no lesions to list", network.name())));
    }
    let (parameters, initial) = settings(&network, &typed.model, &typed.values.arm, &typed.values.set)?;
    let rows = if typed.summary { 1 } else { typed.trajectories };
    let width = network.species().len() + network.rules().len() + 2;
    if rows.saturating_mul(times.len()).saturating_mul(width) > MOST_VALUES {
        return Err(
            Failed::usage("so many trajectories and times do not fit in memory").help("use --summary, or fewer")
        );
    }
    let end = times.last().copied().unwrap_or(0.0);
    let (method, why) = method.resolve(&network, &parameters, end, typed.trajectories);
    tracing::info!(%method, why, model = network.name(), "method of simulation");
    Ok(Plan { network, parameters, initial, times, method, why })
}

/// Parameters, and initial counts: (index of the species, count).
type Settings = (Vec<f64>, Vec<(usize, f64)>);

/// The parameters of the network named `model`, and the initial counts that replace its own, as `--arm` and
/// `--set` have them.
pub fn settings(network: &Network, model: &str, arms: &[String], set: &[String]) -> Result<Settings, Failed> {
    let names: Vec<&str> = arms.iter().map(String::as_str).collect();
    let mut parameters = network.under_arms(&names).map_err(|name| {
        let failed = Failed::usage(format!("`{}` has no arm `{name}`", network.name()));
        let known = network.arms().iter().map(|arm| arm.name.as_str());
        failed.help(suggestion(name, known).unwrap_or_else(|| match network.arms() {
            [] => "the model has none".to_owned(),
            arms => format!("its arms: {}", arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ")),
        }))
    })?;
    let mut initial = Vec::new();
    for setting in set {
        let (name, number) = assignment(setting)?;
        if let Some(index) = network.parameter_index(name) {
            parameters[index] = number;
        } else if let Some(index) = network.species_index(name) {
            initial.push((index, number));
        } else {
            let known = network.parameters().iter().map(|one| one.name.as_str());
            let known = known.chain(network.species().iter().map(|one| one.name.as_str()));
            let failed =
                Failed::usage(format!("`{name}` is neither a parameter nor a species of `{}`", network.name()));
            let help = suggestion(name, known).unwrap_or_else(|| format!("`metacascade models {}` shows them", model));
            return Err(failed.help(help));
        }
    }
    Ok((parameters, initial))
}

/// The name and the number of `--set name=value`.
pub fn assignment(setting: &str) -> Result<(&str, f64), Failed> {
    let Some((name, value)) = setting.split_once('=') else {
        return Err(Failed::usage(format!("`--set {setting}` lacks its `=`")).help("write --set name=value"));
    };
    let (name, value) = (name.trim(), value.trim());
    match value.parse().ok().filter(|number: &f64| number.is_finite()) {
        Some(number) => Ok((name, number)),
        None => Err(Failed::usage(format!("`{value}` in `--set {setting}` is not a number"))),
    }
}

/// `start:end:step`, both ends included, or a list.
pub fn parse_times(text: &str) -> Result<Vec<f64>, Failed> {
    let wrong = |message: String| Failed::usage(message).help("write --times 0:50:1 or --times 0,1,5");
    let number = |text: &str| {
        let parsed = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        parsed.ok_or_else(|| wrong(format!("`{text}` in --times is not a number")))
    };
    let times: Vec<f64> = match text.split(':').collect::<Vec<_>>()[..] {
        [list] => list.split(',').map(number).collect::<Result<_, _>>()?,
        [start, end, step] => {
            let (start, end, step) = (number(start)?, number(end)?, number(step)?);
            if step <= 0.0 || end < start {
                return Err(wrong("--times needs a positive step and an end after its start".to_owned()));
            }
            // A last time that misses the end by rounding alone is the end.
            let intervals = ((end - start) / step * (1.0 + 1e-12)).floor();
            if intervals > 1e7 {
                return Err(wrong("--times makes more than ten million times".to_owned()));
            }
            (0..=intervals as usize).map(|index| start + step * index as f64).collect()
        }
        _ => return Err(wrong(format!("`{text}` is not a range of times"))),
    };
    if times.iter().any(|time| *time < 0.0) || times.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(wrong("--times must be ascending and not negative".to_owned()));
    }
    Ok(times)
}

type Columns = Vec<(String, Vec<f64>)>;

fn summary(ensemble: &Ensemble) -> Result<(Columns, Stats), Failed> {
    let (summary, stats) = ensemble.summary()?;
    let mut columns = vec![("time".to_owned(), ensemble.times.to_vec())];
    for (index, name) in summary.names.iter().enumerate() {
        columns.push((format!("{name}-mean"), summary.mean.iter().map(|row| row[index]).collect()));
        columns.push((format!("{name}-sd"), summary.sd.iter().map(|row| row[index]).collect()));
    }
    Ok((columns, stats))
}

fn trajectories(ensemble: &Ensemble) -> Result<(Columns, Stats), Failed> {
    let (trajectories, stats) = ensemble.trajectories()?;
    let names = ensemble.names();
    let (rows, width) = (ensemble.times.len(), names.len());
    let numbered = (0..trajectories.len()).flat_map(|index| std::iter::repeat_n(index as f64, rows)).collect();
    let times = trajectories.iter().flat_map(|_| ensemble.times).copied().collect();
    let mut columns = vec![("trajectory".to_owned(), numbered), ("time".to_owned(), times)];
    for (index, name) in names.into_iter().enumerate() {
        let values = trajectories.iter().flat_map(|values| values.iter().skip(index).step_by(width));
        columns.push((name, values.copied().collect()));
    }
    Ok((columns, stats))
}

/// The lesions of all trajectories at all times, one row each.
fn lesions(ensemble: &Ensemble) -> Result<Vec<(String, TableColumn)>, Failed> {
    let lesions = ensemble.lesions()?;
    let numbers = |name: &str, value: &dyn Fn(&LesionAt) -> f64| {
        (name.to_owned(), TableColumn::Numbers(lesions.iter().map(value).collect()))
    };
    let texts = |name: &str, value: &dyn Fn(&LesionAt) -> String| {
        (name.to_owned(), TableColumn::Texts(lesions.iter().map(value).collect()))
    };
    Ok(vec![
        numbers("trajectory", &|at| at.trajectory as f64),
        numbers("time", &|at| at.time),
        texts("lesions", &|at| at.lesion.kind.to_owned()),
        numbers("size", &|at| at.lesion.size),
        numbers("founded", &|at| at.lesion.founded),
        texts("state", &|at| if at.lesion.dormant { "dormant" } else { "active" }.to_owned()),
    ])
}

fn print(columns: &Columns) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let write = |out: &mut BufWriter<_>| {
        writeln!(out, "{}", names.join(","))?;
        for row in 0..columns.first().map_or(0, |(_, values)| values.len()) {
            for (index, (_, values)) in columns.iter().enumerate() {
                write!(out, "{}{}", if index > 0 { "," } else { "" }, values[row])?;
            }
            writeln!(out)?;
        }
        out.flush()
    };
    match write(&mut out) {
        // The reader, such as `head`, has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn tell(typed: &Simulate, plan: &Plan, stats: Stats, seconds: f64, threads: usize) -> Result<(), Failed> {
    let rate = stats.events as f64 / seconds.max(1e-9);
    say!(
        "{} trajectories, {} events, {seconds:.3} s, {rate:.3e} events per second (method {}: {}; {threads} threads)",
        typed.trajectories,
        stats.events,
        plan.method,
        plan.why,
    );
    let Some(path) = &typed.stats else { return Ok(()) };
    let taken = Taken {
        trajectories: typed.trajectories,
        events: stats.events,
        steps: stats.steps,
        seconds,
        events_per_second: rate,
        method: plan.method.to_string(),
        why: &plan.why,
        threads,
        seed: typed.seed,
    };
    let text = serde_json::to_string_pretty(&taken).map_err(|error| Failed::Work(error.to_string()))?;
    Ok(write_file(path, format!("{text}\n").as_bytes())?)
}
