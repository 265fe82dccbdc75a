//! Tables made of others: the same file, other columns and rows.

use std::{collections::HashMap, sync::Arc};

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

impl Table {
    /// The text of a cell by the position of its column; none if it is empty or `NA`.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        (column < self.names.len()).then(|| self.whole(row, column)).filter(|text| !text.is_empty() && *text != "NA")
    }

    /// A table of the same file with these columns instead, each with a cell for each row of `origin`; none if it is too
    /// large.
    pub fn derive(&self, columns: Vec<(&str, Vec<Option<String>>)>, origin: Origin) -> Option<Self> {
        let height = origin.rows.len();
        let mut text = String::new();
        let mut cells = Vec::with_capacity(height * columns.len());
        for row in 0..height {
            for (_, column) in &columns {
                let start = u32::try_from(text.len()).ok()?;
                text.push_str(column.get(row)?.as_deref().unwrap_or_default().trim());
                cells.push((start, u32::try_from(text.len()).ok()?));
            }
        }
        Some(Self {
            file: self.file.clone(),
            source: Arc::clone(&self.source),
            separator: self.separator,
            header: self.header,
            rows: Arc::clone(&self.rows),
            names: columns.into_iter().map(|(name, _)| name.to_owned()).collect(),
            height,
            text: text.into(),
            cells,
            quoted: HashMap::new(),
            origin: Some(origin),
            ignored: self.ignored.clone(),
        })
    }
}
