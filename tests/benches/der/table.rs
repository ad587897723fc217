//! The Markdown table.

use std::fmt;

use pyannote::output::Der;

use crate::child::Measured;
use crate::scoring;

/// The header and the delimiter row.
pub(crate) const HEADER: &str = "\
| recording | DER % | missed % | false alarm % | confusion % | speakers (reference) | × real time, 1 thread | 2 threads | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// A row.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Number of speakers in the output and in the reference.
    pub(crate) speakers: Option<(usize, usize)>,
    pub(crate) der: Der,
    /// The measurement with one thread.
    pub(crate) one: Measured,
    /// The measurement with two threads.
    pub(crate) two: Measured,
}

impl Row {
    /// The sum of all rows, with the highest memory peak.
    pub(crate) fn total(rows: &[Self]) -> Self {
        let mut der = Der::default();
        for row in rows {
            scoring::add(&mut der, &row.der);
        }
        let sum = |of: fn(&Self) -> &Measured| Measured {
            audio_s: rows.iter().map(|row| of(row).audio_s).sum(),
            elapsed_s: rows.iter().map(|row| of(row).elapsed_s).sum(),
            peak_bytes: rows.iter().filter_map(|row| of(row).peak_bytes).max(),
            ..Measured::default()
        };
        Self {
            name: "all".to_owned(),
            speakers: None,
            der,
            one: sum(|row| &row.one),
            two: sum(|row| &row.two),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} |", self.name, scoring::cells(&self.der))?;
        match self.speakers {
            Some((found, expected)) => write!(f, " {found} ({expected}) |")?,
            None => write!(f, " - |")?,
        }
        for measured in [&self.one, &self.two] {
            write!(f, " {:.1} |", measured.audio_s / measured.elapsed_s)?;
        }
        match self.one.peak_bytes.max(self.two.peak_bytes) {
            Some(peak) => write!(f, " {:.0} |", peak as f64 / 1e6),
            None => write!(f, " - |"),
        }
    }
}
