//! The command line of metacascade.

mod args;
mod error;
mod models;
mod simulate;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use error::Failed;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Simulate(typed) => simulate::run(&typed),
        Command::Models(typed) => models::run(&typed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            failed.show();
            failed.exit_code()
        }
    }
}
