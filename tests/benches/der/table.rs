//! The table, in Markdown.

use std::fmt;

use pyannote::output::Der;

use crate::child::Measured;

/// Its first two lines.
pub(crate) const HEAD: &str = "\
| recording | DER % | missed % | false alarm % | confusion % | speakers (reference) | × real time, 1 thread | 2 threads | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// A line of it.
pub(crate) struct Line {
    pub(crate) name: String,
    /// How many were found, and how many there are.
    pub(crate) speakers: Option<(usize, usize)>,
    pub(crate) der: Option<Der>,
    /// What it cost with one thread.
    pub(crate) one: Measured,
    /// What it cost with two.
    pub(crate) two: Measured,
}

impl Line {
    /// All recordings together: their sums, and the highest peak.
    pub(crate) fn sum(lines: &[Self]) -> Self {
        let mut der = Der::default();
        for each in lines.iter().filter_map(|line| line.der.as_ref()) {
            der.total += each.total;
            der.missed_detection += each.missed_detection;
            der.false_alarm += each.false_alarm;
            der.confusion += each.confusion;
        }
        let cost = |of: fn(&Self) -> &Measured| Measured {
            audio: lines.iter().map(|line| of(line).audio).sum(),
            work: lines.iter().map(|line| of(line).work).sum(),
            peak: lines.iter().filter_map(|line| of(line).peak).max(),
            ..Measured::default()
        };
        Self {
            name: "all".to_owned(),
            speakers: None,
            der: Some(der),
            one: cost(|line| &line.one),
            two: cost(|line| &line.two),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.name)?;
        match &self.der {
            Some(der) => {
                let percent = |seconds: f64| 100.0 * seconds / der.total;
                write!(
                    f,
                    " {:.1} | {:.1} | {:.1} | {:.1} |",
                    100.0 * der.rate(),
                    percent(der.missed_detection),
                    percent(der.false_alarm),
                    percent(der.confusion)
                )?;
            }
            None => write!(f, " - | - | - | - |")?,
        }
        match self.speakers {
            Some((found, real)) => write!(f, " {found} ({real}) |")?,
            None => write!(f, " - |")?,
        }
        for cost in [&self.one, &self.two] {
            write!(f, " {:.1} |", cost.audio / cost.work)?;
        }
        match self.one.peak.max(self.two.peak) {
            Some(peak) => write!(f, " {:.0} |", peak as f64 / 1e6),
            None => write!(f, " - |"),
        }
    }
}
