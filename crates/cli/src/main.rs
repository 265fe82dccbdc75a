//! The command line of metacascade.

mod args;
mod check;
mod convert;
mod datasets;
mod diagram;
mod error;
mod evaluate;
mod fit;
mod json;
mod models;
mod new;
mod probability;
mod progress;
mod report;
mod sbc;
mod simulate;
mod table;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Fit(typed) => fit::run(&typed),
        Command::Sbc(typed) => sbc::run(&typed),
        Command::Check(typed) => check::run(&typed),
        Command::Report(typed) => report::run(&typed),
        Command::Evaluate(typed) => evaluate::run(&typed),
        Command::Simulate(typed) => simulate::run(&typed),
        Command::Probability(typed) => probability::run(&typed),
        Command::Models(typed) => models::run(&typed),
        Command::Datasets(typed) => datasets::run(&typed),
        Command::New(typed) => new::run(&typed),
        Command::Diagram(typed) => diagram::run(&typed),
        Command::Convert(typed) => convert::run(&typed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            failed.show();
            failed.exit_code()
        }
    }
}
