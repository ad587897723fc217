//! Tables for terminals.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// A table without borders.
///
/// A column whose header starts with `>` is aligned to the right.
pub(crate) struct Columns {
    table: Table,
}

impl Columns {
    pub(crate) fn new(headers: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(headers.iter().map(|header| header.trim_start_matches('>')));
        for (header, column) in headers.iter().zip(table.column_iter_mut()) {
            if header.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
            column.set_padding((0, 2));
        }
        Self { table }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A line break or an escape sequence in a name must not break the table.
        let cells = cells.into_iter().map(|cell| printable(&cell));
        self.table.add_row(cells.collect::<Vec<_>>());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl std::fmt::Display for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in self.table.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Replaces control characters, which a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\n' | '\t' => ' ',
            char if char.is_control() => char::REPLACEMENT_CHARACTER,
            char => char,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Columns::new(&[">start", "speaker"]);
        assert!(table.is_empty());
        table.row(["0.5".to_owned(), "Ada\x1b[31m".to_owned()]);
        table.row(["12.25".to_owned(), "グレース".to_owned()]);
        assert_eq!(
            table.to_string(),
            "start  speaker\n  0.5  Ada\u{fffd}[31m\n12.25  グレース\n"
        );
    }
}
