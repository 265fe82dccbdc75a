//! How a command fails: what is shown, and the exit code.

use std::process::ExitCode;

use metacascade_engine::{Diagnostic, Diagnostics, SimulationError};
use metacascade_problem::RunError;

/// Why a command could not do what was asked.
#[derive(Debug)]
pub enum Failed {
    /// What was given is wrong: files with their places.
    Input(Diagnostics),
    /// What was given is wrong, and has been told.
    Told,
    /// What was typed is wrong, and what would be right.
    Usage { message: String, help: Option<String> },
    /// The input was right, but the work failed.
    Work(String),
    /// What came of the work could not be written, such as to a full disk, and how to go on.
    Unwritten { message: String, help: Option<String> },
    /// The user ended it; where the rest is.
    Interrupted(String),
}

impl Failed {
    /// Something wrong with what was typed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// The same with what would be right.
    pub fn help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Usage { message, .. } => Self::Usage { message, help: Some(text.into()) },
            other => other,
        }
    }

    /// Shows the reason on standard error.
    pub fn show(&self) {
        // A terminal, unless NO_COLOR or CLICOLOR_FORCE say otherwise.
        let color = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        let error = if color { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        match self {
            Self::Input(problems) => {
                say!("{}", problems.render(color));
                if problems.0.len() > 1 {
                    say!("\n{error}: {} problems in the input", problems.0.len());
                }
            }
            Self::Usage { message, help } | Self::Unwritten { message, help } => {
                say!("{error}: {message}");
                if let Some(help) = help {
                    say!("  help: {help}");
                }
            }
            Self::Told => {}
            Self::Work(message) => say!("{error}: {message}"),
            Self::Interrupted(message) => say!("interrupted: {message}"),
        }
    }

    /// 2 for wrong input, 1 for failed work, 130 for an interruption.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) | Self::Told | Self::Usage { .. } => ExitCode::from(2),
            Self::Work(_) | Self::Unwritten { .. } => ExitCode::from(1),
            Self::Interrupted(_) => ExitCode::from(130),
        }
    }
}

impl From<Diagnostics> for Failed {
    fn from(problems: Diagnostics) -> Self {
        Self::Input(problems)
    }
}

impl From<Diagnostic> for Failed {
    fn from(problem: Diagnostic) -> Self {
        Self::Input(problem.into())
    }
}

impl From<RunError> for Failed {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Problem(problems) => Self::Input(problems),
            RunError::Occupied(_) | RunError::NotARun(_) | RunError::Busy(_) | RunError::Version { .. } => {
                Self::usage(error.to_string())
            }
            RunError::Io { action: "write" | "create" | "replace", .. } => {
                Self::Unwritten { message: error.to_string(), help: None }
            }
            error => Self::Work(error.to_string()),
        }
    }
}

impl From<SimulationError> for Failed {
    fn from(error: SimulationError) -> Self {
        Self::Work(error.to_string())
    }
}
