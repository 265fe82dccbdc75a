//! What was typed, with what a file of settings and the environment add to it.
//!
//! An option of a command may also come from the environment (`METACASCADE_MAX_SIMULATIONS=5000`) or from a file named by
//! `--config` or `METACASCADE_CONFIG`, which has a table a command. What is typed wins over the environment, which wins over
//! the file.
//!
//! ```toml
//! [fit]
//! population = 500
//! threads = 2
//! ```

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, CommandFactory as _, FromArgMatches as _};
use metacascade_engine::suggestion;

use crate::args::Arguments;
use crate::error::Failed;

/// The option that names the file.
const CONFIG: &str = "config";

/// Reads the command line of the process.
pub fn arguments() -> Result<Arguments, Failed> {
    let program = Arguments::command();
    let typed: Vec<OsString> = std::env::args_os().collect();
    let whole = completed(&program, typed, |name| std::env::var_os(name))?;
    let matches = program.get_matches_from(whole);
    // The matches are of the same program.
    Arguments::from_arg_matches(&matches).map_err(|error| Failed::usage(error.to_string()))
}

/// What was typed with the options that the environment and the file add, behind the name of the command.
fn completed(
    program: &Command,
    typed: Vec<OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, Failed> {
    let place = typed.iter().skip(1).position(|text| {
        let text = text.to_str().unwrap_or_default();
        program.get_subcommands().any(|command| command.get_name() == text)
    });
    // Help, or a mistake: clap knows what to say.
    let Some(place) = place.map(|place| place + 2) else { return Ok(typed) };
    let Some(command) = typed[place - 1].to_str().and_then(|name| program.find_subcommand(name)) else {
        return Ok(typed);
    };
    // Options of all commands may also stand before the command.
    let is_given = |option: &Arg, words: &[OsString]| {
        is_typed(option, words) || option.is_global_set() && is_typed(option, &typed[1..place])
    };
    let mut added: Vec<OsString> = Vec::new();
    for option in options(program, command) {
        let Some(long) = option.get_long() else { continue };
        if is_given(option, &typed[place..]) {
            continue;
        }
        if let Some(value) = environment(&variable(long)).filter(|value| !value.is_empty()) {
            add(&mut added, option, long, value);
        }
    }
    if let Some(path) = config(&typed, &environment) {
        let present = [&typed[place..], &added].concat();
        for (option, value) in read(&path, program, command)? {
            let long = option.get_long().unwrap_or_default();
            if !is_given(option, &present) {
                add(&mut added, option, long, value.into());
            }
        }
    }
    let mut whole = typed;
    whole.splice(place..place, added);
    Ok(whole)
}

/// Options of a command, and of all commands, that a file or the environment may give.
fn options<'c>(program: &'c Command, command: &'c Command) -> impl Iterator<Item = &'c Arg> {
    let all = command.get_arguments().chain(program.get_arguments());
    let named = all.filter(|option| option.get_long().is_some());
    named.filter(|option| !matches!(option.get_id().as_str(), "help" | "version" | CONFIG))
}

/// The name of an option in the environment.
fn variable(long: &str) -> String {
    format!("METACASCADE_{}", long.replace('-', "_").to_ascii_uppercase())
}

/// Whether an option was typed, or another that excludes nothing else: its long name or its letter.
fn is_typed(option: &Arg, typed: &[OsString]) -> bool {
    let long = option.get_long().map(|long| format!("--{long}"));
    let letter = option.get_short().map(|letter| format!("-{letter}"));
    typed.iter().filter_map(|text| text.to_str()).any(|text| {
        let is_long = long.as_deref().is_some_and(|long| text == long || text.starts_with(&format!("{long}=")));
        is_long || letter.as_deref().is_some_and(|letter| text.starts_with(letter) && !text.starts_with("--"))
    })
}

fn add(added: &mut Vec<OsString>, option: &Arg, long: &str, value: OsString) {
    let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
    let mut text = OsString::from(format!("--{long}"));
    if is_flag {
        if value == "true" || value == "1" {
            added.push(text);
        }
        return;
    }
    // One word, so that a value may begin with a hyphen.
    text.push("=");
    text.push(value);
    added.push(text);
}

/// The file of settings, if one was named.
fn config(typed: &[OsString], environment: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let mut words = typed.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--config") => return words.next().map(PathBuf::from),
            Some(word) if word.starts_with("--config=") => return word.split_once('=').map(|(_, path)| path.into()),
            _ => {}
        }
    }
    environment(&variable(CONFIG)).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The options that a file of settings gives a command.
fn read<'c>(path: &PathBuf, program: &'c Command, command: &'c Command) -> Result<Vec<(&'c Arg, String)>, Failed> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Failed::usage(format!("cannot read {shown}: {error}")))?;
    let tables: toml::Table = toml::from_str(&text).map_err(|error| Failed::usage(format!("{shown}: {error}")))?;
    let names = || program.get_subcommands().map(Command::get_name);
    if let Some(unknown) = tables.keys().find(|key| names().all(|name| name != key.as_str())) {
        let failed = Failed::usage(format!("{shown}: there is no command `{unknown}`"));
        let help = "each table is named for a command, such as [fit]".to_owned();
        return Err(failed.help(suggestion(unknown, names()).unwrap_or(help)));
    }
    let Some(table) = tables.get(command.get_name()) else { return Ok(Vec::new()) };
    let Some(table) = table.as_table() else {
        return Err(Failed::usage(format!("{shown}: `{}` is not a table", command.get_name())).help("write [fit]"));
    };
    let mut found = Vec::new();
    for (key, value) in table {
        let long = key.replace('_', "-");
        let Some(option) = options(program, command).find(|option| option.get_long() == Some(&long)) else {
            let known: Vec<&str> = options(program, command).filter_map(Arg::get_long).collect();
            let failed = Failed::usage(format!("{shown}: `{}` has no option `{key}`", command.get_name()));
            let list = format!("it has {}", known.join(", "));
            return Err(failed.help(suggestion(&long, known.iter().copied()).unwrap_or(list)));
        };
        let values = match value {
            toml::Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for value in values {
            found.push((option, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(typed: &[&str], environment: &[(&str, &str)]) -> Result<Vec<String>, Failed> {
        let typed = typed.iter().map(OsString::from).collect();
        let of = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let whole = completed(&Arguments::command(), typed, of)?;
        Ok(whole.into_iter().map(|text| text.into_string().unwrap()).collect())
    }

    #[test]
    fn what_is_typed_wins_over_the_environment_and_that_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[fit]\npopulation = 7\nmax_simulations = 8\nseed = 9\nquiet = true\n").unwrap();
        let path = file.path().to_str().unwrap();
        let whole = complete(
            &["metacascade", "fit", "p", "--seed=1", "--config", path],
            &[("METACASCADE_SEED", "2"), ("METACASCADE_POPULATION", "3")],
        );
        let added = ["--population=3", "--max-simulations=8", "--quiet", "p", "--seed=1", "--config", path];
        assert_eq!(whole.unwrap()[2..], added);
        // Options of all commands, before or after its name.
        let level = [("METACASCADE_LOG_LEVEL", "info")];
        assert_eq!(complete(&["metacascade", "models"], &level).unwrap()[2..], ["--log-level=info"]);
        let typed = ["metacascade", "--log-level", "off", "models"];
        assert_eq!(complete(&typed, &level).unwrap(), typed);
        // Nothing is added where nothing is said.
        let typed = ["metacascade", "models", "switching"];
        assert_eq!(complete(&typed, &[]).unwrap(), typed);
    }

    #[test]
    fn wrong_names_in_the_file_are_told_with_the_right_ones() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        for (text, expected) in
            [("[fit]\npopulaton = 7\n", "population"), ("[fti]\n", "fit"), ("fit = 3\n", "[fit]"), ("[", path)]
        {
            std::fs::write(file.path(), text).unwrap();
            let failed = complete(&["metacascade", "fit", "p", "--config", path], &[]).unwrap_err();
            assert!(format!("{failed:?}").contains(expected), "{text}: {failed:?}");
        }
    }
}
