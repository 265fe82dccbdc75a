//! What several runs say beside each other.

use metacascade_inference::{Likelihood, Quantiles};
use metacascade_problem::{FitMethod, Problem, ProblemLikelihood, Run};
use metacascade_random::Key;

use crate::{
    content::{
        ComparedCheck, ComparedParameter, ComparedRun, ComparedSetting, Comparison, Content, Predicted, Verdict,
    },
    from_run::content,
    number::count,
};

/// Draws of each posterior at which the likelihood is evaluated.
const LIKELIHOODS: usize = 100;

/// Everything the page says of runs and the labels they are told apart by.
#[must_use]
pub fn comparison(runs: &[(String, Run)]) -> Comparison {
    let contents: Vec<Content> = runs.iter().map(|(_, run)| content(run)).collect();
    let same_data = runs.windows(2).all(|pair| data(&pair[0].1.problem) == data(&pair[1].1.problem));
    let compared: Vec<ComparedRun> =
        runs.iter().zip(&contents).map(|((label, run), content)| one(label, run, content)).collect();
    let parameters = parameters(runs, &contents);
    let titles: Vec<&str> = contents.iter().map(|content| content.title.as_str()).collect();
    let title = match titles.windows(2).all(|pair| pair[0] == pair[1]) {
        true => format!("{}: {} runs", titles.first().unwrap_or(&""), runs.len()),
        false => format!("{} runs", runs.len()),
    };
    Comparison {
        title,
        headline: headline(&compared, &parameters, same_data),
        parameters,
        checks: checks(&contents),
        settings: settings(&compared, &contents),
        runs: compared,
        command: String::new(),
    }
}

/// What was measured, for telling whether two problems have the same data.
fn data(problem: &Problem) -> Vec<(&str, u64, u64)> {
    let rows = problem.series().iter().flat_map(|series| {
        let id = problem.observables()[series.observable].id.as_str();
        series.measurements.iter().map(move |row| (id, row.time.to_bits(), row.value.to_bits()))
    });
    let survival = problem
        .survival()
        .iter()
        .map(|row| (problem.endpoints()[row.endpoint].formula.as_str(), row.time.to_bits(), u64::from(row.event)));
    let mut all: Vec<_> = rows.chain(survival).collect();
    all.sort_unstable();
    all
}

fn one(label: &str, run: &Run, content: &Content) -> ComparedRun {
    let verdicts = [Verdict::Determined, Verdict::PartlyDetermined, Verdict::FollowsPrior]
        .map(|verdict| content.parameters.iter().filter(|parameter| parameter.verdict == verdict).count());
    let log_likelihood = log_likelihood(run);
    let problem = &run.problem;
    let network = problem.network();
    ComparedRun {
        label: label.to_owned(),
        title: content.title.clone(),
        model: if network.title().is_empty() { network.name().to_owned() } else { network.title().to_owned() },
        method: run.settings.method.name().to_owned(),
        data: problem.measurement_count() + problem.survival().len(),
        parameters: content.parameters.len(),
        verdicts,
        log_likelihood,
        aic: log_likelihood.map(|[highest, _]| 2.0 * content.parameters.len() as f64 - 2.0 * highest),
        effective_sample_size: match &run.outcome {
            Some(outcome) => outcome.effective_sample_size,
            None => run.posterior.effective_sample_size(),
        },
        seconds: content.seconds,
        warnings: content.warnings.clone(),
    }
}

/// The highest and the mean log-likelihood over draws of the posterior, where the fit was by that likelihood: of the mean
/// field.
fn log_likelihood(run: &Run) -> Option<[f64; 2]> {
    if !matches!(run.settings.method, FitMethod::Mcmc | FitMethod::Mle) {
        return None;
    }
    let likelihood = ProblemLikelihood::new(&run.problem);
    let chosen = run.posterior.resample(LIKELIHOODS, Key::new(run.settings.seed));
    let found: Vec<f64> = chosen
        .iter()
        .filter_map(|&draw| likelihood.log_likelihood(&run.posterior.draws[draw]).ok())
        .filter(|value| value.is_finite())
        .collect();
    let highest = found.iter().copied().chain(run.outcome.as_ref().and_then(|o| o.log_likelihood)).reduce(f64::max)?;
    let mean = found.iter().sum::<f64>() / found.len().max(1) as f64;
    Some([highest, if found.is_empty() { f64::NAN } else { mean }])
}

fn parameters(runs: &[(String, Run)], contents: &[Content]) -> Vec<ComparedParameter> {
    let mut names: Vec<&str> = Vec::new();
    for parameter in contents.iter().flat_map(|content| &content.parameters) {
        if !names.contains(&parameter.name.as_str()) {
            names.push(&parameter.name);
        }
    }
    let value = |(run, content): (&(String, Run), &Content), name: &str| {
        let index = content.parameters.iter().position(|parameter| parameter.name == name)?;
        let quantiles: Quantiles = run.1.posterior.quantiles(index);
        let [lower95, lower50, median, upper50, upper95] = [0.025, 0.25, 0.5, 0.75, 0.975].map(|p| quantiles.at(p));
        Some((Predicted { lower95, lower50, median, upper50, upper95 }, content.parameters[index].verdict))
    };
    let mut all: Vec<ComparedParameter> = names
        .into_iter()
        .filter_map(|name| {
            let first = contents.iter().find_map(|content| content.parameters.iter().find(|one| one.name == name))?;
            let values: Vec<Option<(Predicted, Verdict)>> =
                runs.iter().zip(contents).map(|both| value(both, name)).collect();
            let found = || values.iter().flatten().map(|(value, _)| value);
            let highest_low = found().map(|value| value.lower95).fold(f64::NEG_INFINITY, f64::max);
            let lowest_high = found().map(|value| value.upper95).fold(f64::INFINITY, f64::min);
            Some(ComparedParameter {
                name: name.to_owned(),
                description: first.description.clone(),
                unit: first.unit.clone(),
                log_scale: first.log_scale,
                values,
                apart: highest_low > lowest_high,
            })
        })
        .collect();
    // A stable sort: otherwise in the order of the problems.
    all.sort_by_key(|parameter| std::cmp::Reverse(parameter.values.iter().flatten().count()));
    all
}

fn checks(contents: &[Content]) -> Vec<ComparedCheck> {
    let mut found: Vec<ComparedCheck> = Vec::new();
    for check in contents.iter().flat_map(|content| &content.checks) {
        if found.iter().any(|other| other.name == check.name && other.of == check.of) {
            continue;
        }
        let same = |content: &Content| {
            content.checks.iter().find(|one| one.name == check.name && one.of == check.of).map(|one| one.p_value)
        };
        found.push(ComparedCheck {
            name: check.name.clone(),
            of: check.of.clone(),
            p_values: contents.iter().map(same).collect(),
        });
    }
    found
}

/// What was set and is not the same everywhere; what the runs' files hold too.
fn settings(runs: &[ComparedRun], contents: &[Content]) -> Vec<ComparedSetting> {
    let of = |index: usize| -> Vec<(&str, &str)> {
        let content = &contents[index];
        let own = [("method", runs[index].method.as_str()), ("model", runs[index].model.as_str())];
        let rows = content.settings.iter().chain(&content.versions);
        let rows = rows.map(|(name, value)| (name.as_str(), value.as_str()));
        let files = content.file_hashes.iter().map(|(name, hash)| (name.as_str(), hash.get(..12).unwrap_or(hash)));
        own.into_iter().chain(rows).chain(files).collect()
    };
    let all: Vec<Vec<(&str, &str)>> = (0..contents.len()).map(of).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let row = |name: &str| {
        let value = |rows: &Vec<(&str, &str)>| {
            rows.iter().find(|row| row.0 == name).map_or(String::new(), |row| row.1.to_owned())
        };
        let values: Vec<String> = all.iter().map(value).collect();
        values
            .windows(2)
            .any(|pair| pair[0] != pair[1])
            .then(|| ComparedSetting { name: name.to_owned(), values: values.clone() })
    };
    names.into_iter().filter_map(row).collect()
}

fn headline(runs: &[ComparedRun], parameters: &[ComparedParameter], same_data: bool) -> Vec<String> {
    let shared: Vec<&ComparedParameter> =
        parameters.iter().filter(|parameter| parameter.values.iter().flatten().count() > 1).collect();
    let mut sentences = vec![match same_data {
        true => format!("{} runs on the same data.", count(runs.len() as u64)),
        false => format!(
            "{} runs on data that are not the same: their likelihoods and p-values cannot be held against each other.",
            count(runs.len() as u64)
        ),
    }];
    let apart: Vec<&str> =
        shared.iter().filter(|parameter| parameter.apart).map(|parameter| parameter.name.as_str()).collect();
    if !shared.is_empty() {
        sentences.push(match apart.as_slice() {
            [] => format!("The 95 % intervals of all {} parameters that runs have in common overlap.", shared.len()),
            names => format!("95 % intervals of runs have nothing in common for {}.", names.join(", ")),
        });
    }
    let best = runs.iter().filter_map(|run| Some((run.aic?, run))).min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, best)) = best.filter(|_| same_data && runs.iter().filter(|run| run.aic.is_some()).count() > 1) {
        sentences.push(format!("By Akaike's criterion, {} describes the data best.", best.label));
    }
    sentences
}
