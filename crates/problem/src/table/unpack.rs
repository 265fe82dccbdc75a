//! Files packed by gzip.

use std::{borrow::Cow, io::Read};

use flate2::read::MultiGzDecoder;
use metacascade_engine::Diagnostic;

use crate::problems::Problems;

/// The bytes of a file, unpacked if they are packed by gzip. A file that unpacks to more than the limit is read no
/// further.
pub(super) fn unpack<'b>(bytes: &'b [u8], most: u64, file: &str, problems: &mut Problems) -> Option<Cow<'b, [u8]>> {
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut unpacked = Vec::new();
    match MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut unpacked) {
        Ok(size) if size as u64 <= most => Some(Cow::Owned(unpacked)),
        Ok(_) => {
            let message = format!("the file unpacks to more than {most} bytes");
            problems.push(Diagnostic::new(file, message).help("split the table into several files"));
            None
        }
        Err(error) => {
            let message = format!("the file cannot be unpacked: {error}");
            problems.push(Diagnostic::new(file, message).help("it begins like a gzip file, but is damaged or cut off"));
            None
        }
    }
}
