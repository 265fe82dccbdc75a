//! Records of what goes on, on standard error: `--log-level`.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::ValueEnum;
use indicatif::ProgressBar;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Which records are written: those of a level and of all that are graver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// None.
    Off,
    /// Why work failed within.
    Error,
    /// Fall-backs, and what is not as it should be.
    #[default]
    Warn,
    /// Steps: methods and why, generations, what is resumed.
    Info,
    /// Files with their sizes and hashes, requests.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Begins to write records.
pub fn begin(level: LogLevel) {
    let records =
        fmt().with_max_level(LevelFilter::from(level)).with_writer(|| Beside).with_target(false).with_ansi(false);
    // Who asks for steps wants to know when; a lone warning is read as it comes. Only a second call would fail.
    let _ = match level {
        LogLevel::Off | LogLevel::Error | LogLevel::Warn => records.without_time().try_init(),
        LogLevel::Info | LogLevel::Debug | LogLevel::Trace => records.with_timer(Since(Instant::now())).try_init(),
    };
}

/// Seconds since a moment, in thousandths.
struct Since(Instant);

impl FormatTime for Since {
    fn format_time(&self, record: &mut Writer<'_>) -> std::fmt::Result {
        write!(record, "{:8.3} s", self.0.elapsed().as_secs_f64())
    }
}

/// The live line that is on the screen, if there is one.
static LIVE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Names the live line above which records are to be written; none when it is gone.
pub fn beside(line: Option<ProgressBar>) {
    *LIVE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// Standard error, around the live line. A record comes in one piece.
struct Beside;

impl Write for Beside {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write = || io::stderr().lock().write_all(record);
        live.map_or_else(write, |line| line.suspend(write)).map(|()| record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
