//! `metacascade runs` and `metacascade show`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use metacascade_problem::{Run, RunGlance, RunState, Stage};
use metacascade_report::content::Verdict;
use serde::Serialize;

use crate::args::{Runs, Show};
use crate::error::Failed;
use crate::fit::lines;
use crate::table::wrapped;
use crate::{json, posterior};

/// Lists the runs in a folder.
pub fn run(typed: &Runs) -> Result<(), Failed> {
    let folder = &typed.folder;
    let failed =
        |error: std::io::Error| Failed::usage(format!("cannot read the folder `{}`: {error}", folder.display()));
    let mut glances = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        glances.extend(RunGlance::at(&entry.map_err(failed)?.path()));
    }
    // The newest first.
    glances.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.folder.cmp(&b.folder)));
    let listed: Vec<Listed> = glances.iter().map(Listed::of).collect();
    if typed.json {
        return json::print(&listed);
    }
    if listed.is_empty() {
        anstream::println!("no runs in {}", folder.display());
        return Ok(());
    }
    let mut rows = wrapped(&["run", "problem", "method", "when", "state"]);
    for one in &listed {
        rows.add_row([&one.run, &one.problem, &one.method, &one.when, &one.state]);
    }
    anstream::println!("{rows}");
    Ok(())
}

/// A run in a list.
#[derive(Serialize)]
struct Listed {
    run: String,
    /// Title of the problem.
    problem: String,
    method: String,
    /// How long ago it was last written to.
    when: String,
    /// The same in seconds.
    seconds_ago: u64,
    /// What became of it.
    state: String,
}

impl Listed {
    fn of(glance: &RunGlance) -> Self {
        let ago = SystemTime::now().duration_since(glance.changed).unwrap_or(Duration::ZERO).as_secs();
        let name = glance.folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let (problem, method, state) = match &glance.read {
            Err(error) => (String::new(), String::new(), format!("damaged: {error}")),
            Ok((settings, outcome)) => {
                let state = RunState::of(&glance.folder);
                let (done, written) =
                    state.map_or((true, false), |state| (state.stage == Stage::Done, state.is_written));
                let state = outcome.as_ref().filter(|_| done || !written).map_or_else(
                    || if written { "under way" } else { "cut off; `fit --resume` goes on" }.to_owned(),
                    |outcome| {
                        let determined = outcome
                            .parameters
                            .iter()
                            .map(|parameter| Verdict::of(parameter.contraction, parameter.overlap))
                            .filter(|verdict| *verdict == Verdict::Determined);
                        let (told, all) = (determined.count(), outcome.parameters.len());
                        let warnings = match outcome.warnings.len() {
                            0 => String::new(),
                            1 => ", 1 warning".to_owned(),
                            more => format!(", {more} warnings"),
                        };
                        let end = if done { "done" } else { "interrupted" };
                        format!("{end}, {told} of {all} parameters determined{warnings}")
                    },
                );
                (settings.title.clone(), settings.method.name().to_owned(), state)
            }
        };
        Self { run: name, problem, method, when: words(ago), seconds_ago: ago, state }
    }
}

/// A time ago in its largest unit.
fn words(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Shows the posterior of a run.
pub fn show(typed: &Show) -> Result<(), Failed> {
    let run = Run::open(&typed.run)?;
    let settings = &run.settings;
    let Some(outcome) = &run.outcome else {
        return Err(unfinished(&typed.run));
    };
    if typed.json {
        return json::print(outcome);
    }
    anstream::println!("{}\n", settings.title);
    anstream::println!("{}", posterior::rows(&outcome.parameters));
    if !outcome.before_adjustment.is_empty() {
        anstream::println!("\n{}", posterior::before_adjustment(outcome));
    }
    for warning in &outcome.warnings {
        say!("warning: {warning}");
    }
    anstream::println!("{}, {:.1} s; {}", settings.method.name(), outcome.seconds, lines(&outcome.stopped));
    anstream::println!("{}", settings.command);
    Ok(())
}

fn unfinished(run: &Path) -> Failed {
    let shown = run.display();
    Failed::usage(format!("the run {shown} has no outcome yet: it is under way, or was interrupted"))
        .help(format!("`metacascade export {shown}` gives the last complete generation"))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn times_ago_are_told_in_their_largest_unit() {
        let told = [5, 60, 3599, 7200, 86_400, 900_000].map(words);
        assert_eq!(told, ["just now", "1 minute ago", "59 minutes ago", "2 hours ago", "1 day ago", "10 days ago"]);
    }
}
