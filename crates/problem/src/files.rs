//! The files of a problem's folder, each read once and hashed.

use std::{
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};

use metacascade_engine::{Diagnostic, Place};
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use crate::{
    document,
    problems::Problems,
    table::{
        limits::{MOST_BYTES, MOST_BYTES_SHOWN},
        unreadable,
    },
};

/// A file that was read, and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Name within the folder, with `/` between parts.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A problem's folder and what was read of it.
pub(crate) struct Folder {
    pub path: PathBuf,
    /// The name of the file that names the others.
    pub document_name: String,
    /// Its text.
    pub document: String,
    pub files: Vec<SourceFile>,
}

impl Folder {
    /// How messages name a file of the folder.
    pub fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// Notes a file and what it held.
    pub fn note(&mut self, name: &str, bytes: &[u8]) {
        let sha256 = sha256(bytes);
        tracing::debug!(file = self.shown(name), bytes = bytes.len(), sha256, "file read");
        self.files.push(SourceFile { name: name.to_owned(), sha256 });
    }

    /// A problem with what `problem.yaml` says.
    pub fn complain(&self, value: &Spanned<String>, message: String, label: &str) -> Diagnostic {
        let span: Range<usize> = document::span(value, &self.document);
        Diagnostic::new(self.shown(&self.document_name), message).at(Place::in_source(&self.document, span), label)
    }

    /// Whether a location is a path that stays in the folder; if not, a problem is added.
    pub fn is_inside(&self, location: &Spanned<String>, problems: &mut Problems) -> bool {
        let name = location.value.as_str();
        let inside = !name.is_empty()
            && !name.contains(['\\', ':', '\0'])
            && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            let complaint =
                self.complain(location, format!("`{name}` is not a file in the problem's folder"), "leaves the folder");
            problems.push(complaint.help("copy the file into the folder: a problem must be complete in itself"));
        }
        inside
    }

    /// The bytes of a file that `problem.yaml` names.
    pub fn read(&mut self, location: &Spanned<String>, problems: &mut Problems) -> Option<Vec<u8>> {
        if !self.is_inside(location, problems) {
            return None;
        }
        if self.files.iter().any(|file| file.name == location.value) {
            let complaint = self.complain(location, format!("`{}` is listed twice", location.value), "again here");
            problems.push(complaint.help("list each file once"));
            return None;
        }
        let path = self.path.join(&location.value);
        match read_inside(&path, &self.path) {
            Ok(bytes) => {
                self.note(&location.value, &bytes);
                Some(bytes)
            }
            Err(error) => {
                let diagnostic = unreadable(&path, &self.shown(&location.value), &error);
                let named = document::span(location, &self.document);
                let line = Place::in_source(&self.document, named).line;
                let help = diagnostic.help.clone();
                let named = format!("it is named in {}, line {line}", self.document_name);
                problems.push(diagnostic.help(help.map_or(named.clone(), |help| format!("{named}; {help}"))));
                None
            }
        }
    }
}

/// The bytes of a file that is one, of a size that can be read, and in the folder also if it is a link.
fn read_inside(path: &Path, folder: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if metadata.len() > MOST_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MOST_BYTES_SHOWN}")));
    }
    if !path.canonicalize()?.starts_with(folder.canonicalize()?) {
        return Err(std::io::Error::other("it is a link that leaves the problem's folder"));
    }
    std::fs::read(path)
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
