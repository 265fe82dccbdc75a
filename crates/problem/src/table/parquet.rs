//! Parquet files, turned into text so that they are checked as all other tables are.

use std::{
    fmt::Write as _,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use metacascade_engine::Diagnostic;
use polars::prelude::{AnyValue, DataFrame, DataType, ParquetReader, PolarsResult, SerReader};

use super::limits::{MOST_BYTES, MOST_BYTES_SHOWN};
use crate::problems::Problems;

/// Rows of a file at most.
const MOST_ROWS: usize = 20_000_000;

/// Columns of a file at most.
const MOST_COLUMNS: usize = 1000;

/// Whether a file begins as Parquet files do.
pub(super) fn is_parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PAR1")
}

/// The table as text, tab separated; its first line names the columns.
pub(super) fn to_text(bytes: &[u8], file: &str, problems: &mut Problems) -> Option<String> {
    let complaint = match read(bytes) {
        Ok(frame) => match write(&frame) {
            Ok(text) => return Some(text),
            Err(message) => Diagnostic::new(file, message),
        },
        Err(message) => Diagnostic::new(file, message).help("write the table as text, separated by tabs"),
    };
    problems.push(complaint);
    None
}

/// What the file says of its size is believed only to refuse it; a damaged file may also make the library panic.
fn read(bytes: &[u8]) -> Result<DataFrame, String> {
    let attempt = || -> PolarsResult<Result<DataFrame, String>> {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let metadata = reader.get_metadata()?;
        let unpacked: u64 = metadata.row_groups.iter().map(|group| group.total_byte_size() as u64).sum();
        let columns = metadata.schema_descr.columns().len();
        if metadata.num_rows > MOST_ROWS || columns > MOST_COLUMNS || unpacked > MOST_BYTES {
            let rows = metadata.num_rows;
            return Ok(Err(format!(
                "the file claims {rows} rows, {columns} columns and {unpacked} bytes; at most {MOST_ROWS} rows, \
                 {MOST_COLUMNS} columns and {MOST_BYTES_SHOWN} are read"
            )));
        }
        reader.finish().map(Ok)
    };
    match catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(format!("the Parquet file cannot be read: {error}")),
        Err(_) => Err("the Parquet file is damaged".to_owned()),
    }
}

fn write(frame: &DataFrame) -> Result<String, String> {
    let columns = frame.columns();
    let mut text = String::new();
    let separate = |text: &mut String, index: usize| text.push(if index + 1 == columns.len() { '\n' } else { '\t' });
    for (index, column) in columns.iter().enumerate() {
        push(&mut text, column.name());
        separate(&mut text, index);
    }
    for column in columns {
        let plain = |kind: &DataType| {
            kind.is_primitive_numeric() || matches!(kind, DataType::String | DataType::Boolean | DataType::Null)
        };
        if !plain(column.dtype()) {
            let (name, kind) = (column.name(), column.dtype());
            return Err(format!("the column `{name}` holds {kind}; numbers, text and true or false can be read"));
        }
    }
    for row in 0..frame.height() {
        for (index, column) in columns.iter().enumerate() {
            match column.get(row).map_err(|error| error.to_string())? {
                AnyValue::Null => {}
                AnyValue::String(value) => push(&mut text, value),
                // The shortest text that is read back as the same number.
                AnyValue::Float64(value) => drop(write!(text, "{value}")),
                AnyValue::Float32(value) => drop(write!(text, "{value}")),
                value => drop(write!(text, "{value}")),
            }
            separate(&mut text, index);
        }
        if text.len() as u64 > MOST_BYTES {
            return Err(format!("the table is larger than {MOST_BYTES_SHOWN}"));
        }
    }
    Ok(text)
}

/// Adds a cell, quoted where it must be. A line break within a cell becomes a blank.
fn push(text: &mut String, cell: &str) {
    if cell.contains(['\t', '"', '\n', '\r']) {
        let _ = write!(text, "\"{}\"", cell.replace(['\n', '\r'], " ").replace('"', "\"\""));
    } else {
        text.push_str(cell);
    }
}
