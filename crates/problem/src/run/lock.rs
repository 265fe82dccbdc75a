//! One process a run.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::RunError;

/// The file that is locked.
const LOCK: &str = "lock";

/// How often a lock is asked for: who looks whether it is held, holds it for an instant.
const TRIES: u32 = 5;

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(10);

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
        for tried in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tried < TRIES => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(RunError::Busy(named.to_owned())),
                Err(TryLockError::Error(error)) => return Err(RunError::io("lock", &path)(error)),
            }
        }
        Ok(Self { path, file })
    }

    /// Whether a process holds the lock of a folder.
    pub fn is_held(folder: &Path) -> bool {
        let file = File::open(folder.join(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
