//! Problems to test with, and copies of them to spoil.

use std::{
    fs,
    path::{Path, PathBuf},
};

use metacascade_problem::Problem;

/// A fixture's folder: `switching` (two states, fractions, one parameter of noise) or `immigration` (immigration and
/// death, every noise law, placeholders, conditions, replicates).
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn load(name: &str) -> Problem {
    Problem::load(&path(name)).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// A copy of a fixture that may be changed.
pub struct Copy(tempfile::TempDir);

impl Copy {
    pub fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(path(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces the first occurrence of a text, which must be there.
    pub fn replace(&self, file: &str, from: &str, to: &str) -> &Self {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        self
    }

    pub fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(file), bytes).unwrap();
        self
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    pub fn load(&self) -> Problem {
        Problem::load(self.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
    }
}
