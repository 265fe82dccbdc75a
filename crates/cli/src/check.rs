//! `metacascade check`.

use metacascade_engine::{Diagnostic, Diagnostics};
use metacascade_problem::{Overview, Problem, overview};
use serde::Serialize;

use crate::args::Check;
use crate::error::Failed;
use crate::json::print;

/// What is written as JSON: all problems, or, where there are none, what the problem holds.
#[derive(Serialize)]
struct Checked<'a> {
    problems: Vec<Told<'a>>,
    summary: Option<&'a Overview>,
}

/// One problem with one file.
#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    help: Option<&'a str>,
}

/// Reads a problem, and says all that is wrong with it, or what it holds.
pub fn run(typed: &Check) -> Result<(), Failed> {
    match Problem::load(&typed.problem) {
        Ok(problem) => {
            let overview = overview(&problem);
            if typed.json {
                return print(&Checked { problems: Vec::new(), summary: Some(&overview) });
            }
            show(&overview);
            Ok(())
        }
        Err(problems) => {
            if typed.json {
                print(&Checked { problems: told(&problems), summary: None })?;
                return Err(Failed::Told);
            }
            Err(Failed::Input(problems))
        }
    }
}

fn told(problems: &Diagnostics) -> Vec<Told<'_>> {
    let of = |problem: &'_ Diagnostic| -> (Option<usize>, Option<usize>) {
        (problem.place.as_ref().map(|place| place.line), problem.place.as_ref().map(|place| place.column))
    };
    let told = problems.0.iter().map(|problem| {
        let (line, column) = of(problem);
        Told { file: &problem.file, line, column, message: &problem.message, help: problem.help.as_deref() }
    });
    told.collect()
}

fn show(overview: &Overview) {
    for warning in &overview.warnings {
        say!("warning: {warning}");
    }
    anstream::println!("{}: nothing is wrong\n", overview.title);
    let line = |name: &str, text: String| anstream::println!("{name:<16}{text}");
    let named = |names: &[String]| {
        names
            .iter()
            .map(|name| if name.is_empty() { "(the model as it is)" } else { name })
            .collect::<Vec<_>>()
            .join(", ")
    };
    line("subjects", overview.subjects.to_string());
    if !overview.groups.is_empty() {
        line("groups", named(&overview.groups));
    }
    for (name, parameter) in &overview.covariates {
        let sets = parameter.as_ref().map_or("carried along".to_owned(), |parameter| format!("sets `{parameter}`"));
        line("covariate", format!("{name}: {sets}"));
    }
    line("experiments", named(&overview.experiments));
    for observable in &overview.observables {
        let censored =
            if observable.censored > 0 { format!(", {} censored", observable.censored) } else { String::new() };
        let text =
            format!("{}: {} measurements{censored}, {}", observable.id, observable.measurements, observable.noise);
        line("observable", text);
    }
    if let Some((first, last)) = overview.times {
        line("times", format!("{first} to {last} {}", overview.time_unit));
    }
    if overview.followed > 0 {
        line("survival", format!("{} followed, {} events", overview.followed, overview.events));
    }
    line("free parameters", named(&overview.free_parameters));
    anstream::println!();
    match (&overview.identifiability, &overview.not_identifiable_because) {
        (Some(found), _) => {
            let all = found.singular_values.len();
            anstream::println!(
                "The means tell {} of {all} directions of the parameters better than the priors do.",
                found.told
            );
            for weak in &found.weak {
                anstream::println!("- {weak}");
            }
            if !found.silent.is_empty() {
                let names: Vec<String> = found.silent.iter().map(|name| format!("`{name}`")).collect();
                anstream::println!("- {} moves no mean: only scatter tells of it", names.join(", "));
            }
        }
        (None, because) => anstream::println!(
            "What the means tell is not known: {}.",
            because.as_deref().unwrap_or("the mean field says nothing")
        ),
    }
}
