//! Tables in a terminal.

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};

/// An empty table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    table
}
