//! Where a fit stands, seen from outside while it may be going on.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{
    GENERATIONS, INDIVIDUALS, JOURNAL, OUTCOME, POSTERIOR, PREDICTIVE, PREDICTIVE_DATA, PREDICTIVE_SURVIVAL, PROFILES,
    PROGRESS, RunSettings, SETTINGS, STARTS,
    lock::Lock,
    reader::read_settings,
    writer::{beside, is_run},
};

/// What a page about a run is made of.
const FILES: [&str; 10] = [
    SETTINGS,
    GENERATIONS,
    STARTS,
    PROFILES,
    POSTERIOR,
    PREDICTIVE,
    INDIVIDUALS,
    PREDICTIVE_DATA,
    PREDICTIVE_SURVIVAL,
    OUTCOME,
];

/// How far a fit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has begun, and nothing of it is complete yet.
    Begun,
    /// A generation, or the posterior, is complete: [`super::Run::open`] reads it.
    Readable,
    /// It has come to its end.
    Done,
}

/// Where the fit to a folder stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// What was asked for, if it can be read.
    pub settings: Option<RunSettings>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether a process is fitting now; if not, and it is not done, it was cut off.
    pub is_written: bool,
    /// What the fit said last of its progress, one line of text; while it is not done.
    pub progress: Option<String>,
    /// Differs if and only if what [`super::Run::open`] reads may differ: names, sizes and times of the files.
    pub version: String,
}

impl RunState {
    /// Looks at the run in a folder, without reading its tables; none if there is no run, not even one that has no result
    /// yet.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let path = std::path::absolute(folder).ok()?;
        let (_, staging) = beside(&path, folder).ok()?;
        let begun = is_run(&staging).then(|| Lock::is_held(&staging));
        let place = match (begun, is_run(&path)) {
            // A fit that will replace the run, unless it was cut off.
            (Some(true), _) | (Some(false), false) => return Some(Self::at(&staging, Stage::Begun)),
            (_, true) => path,
            (None, false) => return None,
        };
        let done = place.join(OUTCOME).exists() && !place.join(JOURNAL).exists();
        Some(Self::at(&place, if done { Stage::Done } else { Stage::Readable }))
    }

    fn at(place: &Path, stage: Stage) -> Self {
        let progress = match stage {
            Stage::Done => None,
            Stage::Begun | Stage::Readable => fs::read_to_string(place.join(PROGRESS)).ok(),
        };
        let settings = read_settings(place).ok();
        Self { settings, stage, is_written: Lock::is_held(place), progress, version: version(place) }
    }
}

fn version(place: &Path) -> String {
    let mut text = String::new();
    for path in FILES.iter().map(|name| place.join(name)).collect::<Vec<PathBuf>>() {
        let Ok(known) = fs::metadata(&path) else { continue };
        let changed = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = write!(text, "{} {} {};", path.display(), known.len(), changed.as_nanos());
    }
    crate::files::sha256(text.as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::run::PROBLEM;

    #[test]
    fn a_fit_begins_is_readable_and_done() {
        let place = tempfile::tempdir().unwrap();
        let (run, begun) = (place.path().join("run"), place.path().join(".run.partial"));
        assert_eq!(RunState::of(&run), None);
        let make = |folder: &Path| {
            fs::create_dir_all(folder.join(PROBLEM)).unwrap();
            fs::write(folder.join(SETTINGS), "").unwrap();
        };
        make(&begun);
        let lock = Lock::take(&begun, &run).unwrap();
        fs::write(begun.join(PROGRESS), "generation 0").unwrap();
        let state = RunState::of(&run).unwrap();
        assert_eq!((state.stage, state.is_written), (Stage::Begun, true));
        assert_eq!(state.progress.as_deref(), Some("generation 0"));
        // It will replace an older run; once it is cut off, the older one is what there is.
        make(&run);
        assert_eq!(RunState::of(&run).unwrap().stage, Stage::Begun);
        drop(lock);
        let state = RunState::of(&run).unwrap();
        assert_eq!((state.stage, state.is_written), (Stage::Readable, false));
        fs::write(run.join(OUTCOME), "{}").unwrap();
        let done = RunState::of(&run).unwrap();
        assert_eq!(done.stage, Stage::Done);
        assert_ne!(done.version, state.version);
        assert_eq!(RunState::of(&run).unwrap(), done);
        // Interrupted with a result, and its journal left.
        fs::write(run.join(JOURNAL), "").unwrap();
        assert_eq!(RunState::of(&run).unwrap().stage, Stage::Readable);
    }
}
