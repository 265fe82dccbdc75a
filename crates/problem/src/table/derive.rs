//! Tables made of others: the same file, other columns and rows.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::Table;

/// Where the cells of a derived table stand in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Of each row, the row of the file.
    pub rows: Vec<usize>,
    /// Columns of the file behind columns of other names.
    pub renamed: HashMap<String, usize>,
    /// Of rows that come from columns, the column.
    pub columns: Option<Vec<usize>>,
}

impl Origin {
    pub(super) fn row(&self, row: usize) -> usize {
        self.rows.get(row).copied().unwrap_or_default()
    }

    pub(super) fn place(&self, row: usize, column: &str) -> (usize, Option<usize>) {
        let own = self.columns.as_ref().and_then(|columns| columns.get(row)).filter(|_| column.starts_with("target"));
        (self.row(row), own.or_else(|| self.renamed.get(column)).copied())
    }
}

/// Whether tables of a kind may have any columns: those of conditions in version 1, which name what they set.
pub(crate) fn open_columns(kind: &str) -> bool {
    kind == "wide condition"
}

impl Table {
    /// The names of all columns, in order.
    pub fn names(&self) -> Vec<String> {
        self.frame.columns().iter().map(|column| column.name().to_string()).collect()
    }

    /// The text of a cell by the position of its column; none if it is empty.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        let cells = self.frame.columns().get(column)?.str().ok()?;
        cells.get(row).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A table of the same file with these columns instead.
    pub fn derive(&self, columns: Vec<(&str, Vec<Option<String>>)>, origin: Origin) -> Option<Self> {
        let height = origin.rows.len();
        let columns: Vec<Column> =
            columns.into_iter().map(|(name, cells)| Series::new(name.into(), cells).into()).collect();
        let frame = DataFrame::new(height, columns).ok()?;
        Some(Self {
            file: self.file.clone(),
            source: self.source.clone(),
            header: self.header,
            rows: self.rows.clone(),
            frame,
            origin: Some(origin),
            ignored: self.ignored.clone(),
        })
    }
}
