//! What a new specification changes for callers.

mod compare;

use std::fmt;

pub use compare::compare;

/// What a change does to callers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Impact {
    /// Documentation only.
    Wording,
    /// Callers go on as they are.
    Compatible,
    /// The service goes on to understand callers, but the generated Rust types change, so that code may no longer
    /// compile.
    Types,
    /// The service refuses what callers send, or answers what they do not expect.
    Breaking,
}

impl Impact {
    /// Whether callers have to act.
    #[must_use]
    pub fn is_breaking(self) -> bool {
        matches!(self, Self::Types | Self::Breaking)
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wording => "wording",
            Self::Compatible => "compatible",
            Self::Types => "BREAKING (types)",
            Self::Breaking => "BREAKING",
        })
    }
}

/// A change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Where, such as `DiarizeRequest.model` or `POST /v1/diarize`.
    pub place: String,
    /// What, and for whom, in words.
    pub what: String,
    /// What it does to callers.
    pub impact: Impact,
}

/// All changes, in the order of the specification.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The changes.
    pub changes: Vec<Change>,
}

impl Report {
    /// The worst that any of the changes does; `None` without a change.
    #[must_use]
    pub fn impact(&self) -> Option<Impact> {
        self.changes.iter().map(|change| change.impact).max()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(impact) = self.impact() else {
            return writeln!(f, "no change");
        };
        for change in &self.changes {
            writeln!(
                f,
                "{:<16}  {}: {}",
                change.impact, change.place, change.what
            )?;
        }
        let count = self.changes.len();
        let breaking = self
            .changes
            .iter()
            .filter(|change| change.impact.is_breaking())
            .count();
        let plural = if count == 1 { "change" } else { "changes" };
        writeln!(f, "\n{count} {plural}, {breaking} of them breaking")?;
        let step = match impact {
            Impact::Breaking | Impact::Types => "major (minor while the version is 0.x)",
            Impact::Compatible => "minor (patch while the version is 0.x)",
            Impact::Wording => "patch",
        };
        writeln!(f, "semver step: {step}")
    }
}
