//! Tables as Parquet and CSV files.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use polars::prelude::{
    Column, CsvWriter, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter, PolarsError, PolarsResult,
    SerReader, SerWriter, Series,
};

use super::RunError;

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum TableColumn {
    /// Of numbers.
    Numbers(Vec<f64>),
    /// Of words.
    Texts(Vec<String>),
}

/// [`write_table`] with columns of words too.
///
/// # Errors
/// As [`write_table`].
pub fn write_columns(path: &Path, columns: Vec<(String, TableColumn)>) -> Result<(), RunError> {
    let columns = columns.into_iter().map(|(name, values)| match values {
        TableColumn::Numbers(values) => numbers(&name, values),
        TableColumn::Texts(values) => texts(&name, values.iter().map(String::as_str)),
    });
    write(path, columns.collect())
}

/// Writes a table of numbers to a file whose name ends in `.csv` or `.parquet`; all columns have the same length.
///
/// # Errors
/// If the name ends otherwise, the columns differ in length or share a name, or the file cannot be written. No partial
/// file is left.
pub fn write_table(path: &Path, columns: Vec<(String, Vec<f64>)>) -> Result<(), RunError> {
    write(path, columns.into_iter().map(|(name, values)| Series::new(name.into(), values).into()).collect())
}

pub(crate) fn write(path: &Path, columns: Vec<Column>) -> Result<(), RunError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => {
            let mut table = frame(path, columns)?;
            write_whole(path, |file| CsvWriter::new(file).finish(&mut table).map_err(|error| unwritten(path, error)))
        }
        Some("parquet") => write_parquet(path, columns),
        _ => Err(RunError::damaged(path, "the name of a table must end in .csv or .parquet")),
    }
}

/// Writes columns to a Parquet file; the bytes depend on the columns alone.
pub(crate) fn write_parquet(path: &Path, columns: Vec<Column>) -> Result<(), RunError> {
    let mut table = frame(path, columns)?;
    write_whole(path, |file| {
        // One thread: pages are then compressed in one order on every machine.
        let writer = ParquetWriter::new(file).set_parallel(false);
        writer.finish(&mut table).map(drop).map_err(|error| unwritten(path, error))
    })
}

/// Why a table could not be written: mostly the file system.
fn unwritten(path: &Path, error: PolarsError) -> RunError {
    match error {
        PolarsError::IO { error, .. } => {
            RunError::io("write", path)(std::io::Error::new(error.kind(), error.to_string()))
        }
        other => RunError::damaged(path, other),
    }
}

fn frame(path: &Path, columns: Vec<Column>) -> Result<DataFrame, RunError> {
    let height = columns.first().map_or(0, Column::len);
    DataFrame::new(height, columns).map_err(|error| RunError::damaged(path, error))
}

/// A column of numbers.
pub(crate) fn numbers(name: &str, values: impl IntoIterator<Item = f64>) -> Column {
    Series::new(name.into(), values.into_iter().collect::<Vec<f64>>()).into()
}

/// A column of counts.
pub(crate) fn counts(name: &str, values: impl IntoIterator<Item = u64>) -> Column {
    Series::new(name.into(), values.into_iter().collect::<Vec<u64>>()).into()
}

/// A column of text.
pub(crate) fn texts<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Column {
    Series::new(name.into(), values.into_iter().collect::<Vec<&str>>()).into()
}

/// Writes a file under a temporary name in its folder, and renames it when it is whole.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let result = File::create(&partial).map_err(RunError::io("create", path)).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush().map_err(RunError::io("write", path))?;
        drop(file);
        std::fs::rename(&partial, path).map_err(RunError::io("write", path))
    });
    if result.is_err() {
        // Best effort: the first error is the one to report.
        let _ = std::fs::remove_file(&partial);
    }
    result
}

/// Writes a file whole: under a temporary name in its folder, then renamed.
///
/// # Errors
/// If the file system refuses; the old file, if any, is then still there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_whole(path, |file| file.write_all(bytes).map_err(RunError::io("write", path)))
}

/// A Parquet file as read.
pub(crate) struct Frame<'p> {
    path: &'p Path,
    table: DataFrame,
}

impl<'p> Frame<'p> {
    pub fn read(path: &'p Path) -> Result<Self, RunError> {
        let file = File::open(path).map_err(RunError::io("read", path))?;
        let table = ParquetReader::new(file).finish().map_err(|error| RunError::damaged(path, error))?;
        Ok(Self { path, table })
    }

    fn column(&self, name: &str) -> Result<&Column, RunError> {
        self.table.column(name).map_err(|error| RunError::damaged(self.path, error))
    }

    fn damaged<T>(&self, result: PolarsResult<T>) -> Result<T, RunError> {
        result.map_err(|error| RunError::damaged(self.path, error))
    }

    /// A column of numbers without gaps.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, RunError> {
        let column = self.damaged(self.column(name)?.cast(&DataType::Float64))?;
        let values: Option<Vec<f64>> = self.damaged(column.f64())?.iter().collect();
        values.ok_or_else(|| RunError::damaged(self.path, format!("the column `{name}` has empty cells")))
    }

    /// A column of counts without gaps.
    pub fn counts(&self, name: &str) -> Result<Vec<u64>, RunError> {
        let values: Option<Vec<u64>> = self.damaged(self.column(name)?.u64())?.iter().collect();
        values.ok_or_else(|| RunError::damaged(self.path, format!("the column `{name}` has empty cells")))
    }

    /// A column of text without gaps.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, RunError> {
        let values = self.damaged(self.column(name)?.str())?.iter().map(|text| text.map(str::to_owned));
        let values: Option<Vec<String>> = values.collect();
        values.ok_or_else(|| RunError::damaged(self.path, format!("the column `{name}` has empty cells")))
    }
}
