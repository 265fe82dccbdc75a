//! Tables made of others: the same file, other columns and rows.

use std::collections::HashMap;

use super::Table;

/// The cells of a table made of another, and where they stand in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Of each row, the row of the file.
    pub rows: Vec<usize>,
    /// Columns of the file behind columns of other names.
    pub renamed: HashMap<String, usize>,
    /// Of rows that come from columns of the file, the column.
    pub columns: Option<Vec<usize>>,
    /// What the cells hold.
    pub text: String,
}

impl Origin {
    /// The column of the file in which a cell stands.
    pub(super) fn column(&self, row: usize, name: &str) -> Option<usize> {
        let own = self.columns.as_ref().and_then(|columns| columns.get(row)).filter(|_| name.starts_with("target"));
        own.or_else(|| self.renamed.get(name)).copied()
    }
}

impl Table {
    /// The text of a cell by the position of its column; none if it is empty.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.column(self.names.get(column)?)?.text(row)
    }

    /// A table of the same file with these columns instead.
    pub fn derive(&self, columns: &[(&str, Vec<Option<String>>)], mut origin: Origin) -> Self {
        let mut cells = Vec::with_capacity(columns.len() * origin.rows.len());
        for row in 0..origin.rows.len() {
            for (_, texts) in columns {
                let start = origin.text.len();
                origin.text.push_str(texts.get(row).and_then(|text| text.as_deref()).unwrap_or_default());
                cells.push((start as u32, origin.text.len() as u32));
            }
        }
        Self {
            file: self.file.clone(),
            source: self.source.clone(),
            separator: self.separator,
            header: self.header,
            rows: self.rows.clone(),
            names: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            cells,
            quoted: HashMap::new(),
            decimal_comma: self.decimal_comma,
            ignored: self.ignored.clone(),
            origin: Some(origin),
        }
    }
}
