//! A run at a glance: what was asked, and what came of it, without reading its tables.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{OUTCOME, Outcome, RunError, RunSettings, SETTINGS, writer::is_run};

/// A run in a list of runs.
#[derive(Debug)]
pub struct RunGlance {
    /// The run's folder.
    pub folder: PathBuf,
    /// When its outcome, or, while it has none, its folder was written last.
    pub changed: SystemTime,
    /// What was asked, and what came of it, if it has come to an end; or why this cannot be read.
    pub read: Result<(RunSettings, Option<Outcome>), RunError>,
}

impl RunGlance {
    /// Looks at a folder; none if it is no run. A hidden folder is a run that has no result yet.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || !is_run(folder) {
            return None;
        }
        let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        let changed = changed(&folder.join(OUTCOME)).or_else(|| changed(folder)).unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Self { folder: folder.to_owned(), changed, read: read(folder) })
    }
}

fn read(folder: &Path) -> Result<(RunSettings, Option<Outcome>), RunError> {
    let path = folder.join(SETTINGS);
    let text = std::fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
    let settings = toml::from_str(&text).map_err(|error| RunError::damaged(&path, error))?;
    let path = folder.join(OUTCOME);
    let outcome = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(RunError::io("read", &path)(error)),
        Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| RunError::damaged(&path, error))?),
    };
    Ok((settings, outcome))
}
