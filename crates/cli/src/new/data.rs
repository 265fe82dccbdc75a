//! A problem proposed for a plain table, and what was guessed.

use std::path::Path;

use metacascade_problem::{Asked, Problem, Proposal, propose, write_file};

use crate::args::New;
use crate::error::Failed;
use crate::table::wrapped;

/// Proposes a problem for a table.
pub(super) fn read(typed: &New, table: &Path) -> Result<Proposal, Failed> {
    let mut asked = Asked { only: Vec::new(), values: typed.values.clone() };
    for text in &typed.only {
        let Some((column, text)) = text.split_once('=') else {
            return Err(Failed::usage(format!("`{text}` is not COLUMN=TEXT")).help("such as --where line=SUM149"));
        };
        asked.only.push((column.trim().to_owned(), text.trim().to_owned()));
    }
    let shown = table.display().to_string();
    let bytes = std::fs::read(table).map_err(|error| Failed::usage(format!("cannot read `{shown}`: {error}")))?;
    Ok(propose(&bytes, &shown, &asked)?)
}

/// Writes its files, and makes sure that they are a problem.
pub(super) fn write(folder: &Path, proposal: &Proposal) -> Result<(), Failed> {
    for (name, text) in &proposal.files {
        write_file(&folder.join(name), text.as_bytes())?;
    }
    match Problem::load(folder) {
        Ok(_) => Ok(()),
        Err(problems) => Err(Failed::Work(format!("no sound problem could be made of the table:\n{problems}"))),
    }
}

/// Says what was guessed, and why.
pub(super) fn show(proposal: &Proposal) {
    let mut rows = wrapped(&["column", "taken for", "why"]);
    for guess in &proposal.columns {
        rows.add_row([&guess.column, &guess.role, &guess.why]);
    }
    anstream::println!("{rows}");
    for choice in &proposal.choices {
        anstream::println!("{}", paragraph(choice));
    }
    for left_out in &proposal.left_out {
        anstream::println!("{}", paragraph(&format!("Left out: {left_out}.")));
    }
}

/// A text as an item of a list, in lines of at most 80 columns.
fn paragraph(text: &str) -> String {
    let mut lines = String::from("-");
    let mut width = 1;
    for word in text.split_whitespace() {
        if width + 1 + word.chars().count() > 80 {
            lines.push_str("\n ");
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += 1 + word.chars().count();
    }
    lines
}
