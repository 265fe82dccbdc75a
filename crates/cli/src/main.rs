//! The command line of metacascade.

/// Writes a line to standard error, with the colours that it takes. That it cannot be written, as where it goes to a file on
/// a full disk, is no reason to lose a fit.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(anstream::stderr(), $($text)*);
    }};
}

mod args;
mod check;
mod compare;
mod convert;
mod datasets;
mod describe;
mod diagram;
mod error;
mod evaluate;
mod export;
mod fit;
mod json;
mod logging;
mod models;
mod new;
mod posterior;
mod predict;
mod probability;
mod progress;
mod report;
mod runs;
mod sbc;
mod select;
mod serve;
mod simulate;
mod table;
mod typed;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let done = typed::arguments().and_then(|arguments| {
        logging::begin(arguments.log_level);
        run(&arguments.command)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            failed.show();
            failed.exit_code()
        }
    }
}

fn run(command: &Command) -> Result<(), error::Failed> {
    match command {
        Command::Fit(typed) => fit::run(typed),
        Command::Sbc(typed) => sbc::run(typed),
        Command::Select(typed) => select::run(typed),
        Command::Check(typed) => check::run(typed),
        Command::Report(typed) => report::run(typed),
        Command::Serve(typed) => serve::run(typed),
        Command::Predict(typed) => predict::run(typed),
        Command::Compare(typed) => compare::run(typed),
        Command::Runs(typed) => runs::run(typed),
        Command::Show(typed) => runs::show(typed),
        Command::Export(typed) => export::run(typed),
        Command::Evaluate(typed) => evaluate::run(typed),
        Command::Simulate(typed) => simulate::run(typed),
        Command::Probability(typed) => probability::run(typed),
        Command::Models(typed) => models::run(typed),
        Command::Datasets(typed) => datasets::run(typed),
        Command::New(typed) => new::run(typed),
        Command::Diagram(typed) => diagram::run(typed),
        Command::Convert(typed) => convert::run(typed),
        Command::Completions(typed) => describe::completions(typed),
        Command::Man(typed) => describe::man(typed),
    }
}
