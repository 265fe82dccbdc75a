//! One process a run.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use super::RunError;

/// The file that is locked.
const LOCK: &str = "lock";

/// A run's folder that no other process may write. The system lets go of it with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock of a folder; `named` is what the user calls the run.
    ///
    /// # Errors
    /// If another process has it, or the file system refuses.
    pub fn take(folder: &Path, named: &Path) -> Result<Self, RunError> {
        let path = folder.join(LOCK);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(RunError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy(named.to_owned())),
            Err(TryLockError::Error(error)) => Err(RunError::io("lock", &path)(error)),
        }
    }

    /// The same lock, after its folder was moved.
    pub fn moved(self, folder: &Path) -> Self {
        Self { path: folder.join(LOCK), ..self }
    }

    /// Lets go, and leaves no file.
    pub fn remove(self) {
        // While it is still held: who waits for it finds it gone or takes a new one. Nobody is there to hear an error.
        let _ = std::fs::remove_file(&self.path);
        drop(self.file);
    }
}
