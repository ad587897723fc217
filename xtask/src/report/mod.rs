//! How a new specification affects callers.

mod compare;
mod operations;
mod schemas;

use std::fmt;

pub use compare::compare;

/// How a change affects callers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Impact {
    /// Only the documentation changes.
    Documentation,
    /// Existing callers keep working.
    Compatible,
    /// Existing requests keep working, but the generated Rust types change, so that code may no longer compile.
    Types,
    /// The service rejects existing requests, or responds in a way that existing callers do not expect.
    Breaking,
}

impl Impact {
    /// Whether callers may have to change their code.
    #[must_use]
    pub fn is_breaking(self) -> bool {
        matches!(self, Self::Types | Self::Breaking)
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Documentation => "documentation",
            Self::Compatible => "compatible",
            Self::Types => "BREAKING (types)",
            Self::Breaking => "BREAKING",
        })
    }
}

/// A change of the specification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Location, such as `DiarizeRequest.model` or `POST /v1/diarize`.
    pub location: String,
    /// Description, such as `removed (request)`.
    pub description: String,
    /// Effect on callers.
    pub impact: Impact,
}

/// The changes of a specification.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The changes, in the order of the specification.
    pub changes: Vec<Change>,
}

impl Report {
    /// The highest impact of all changes, or `None` if nothing changed.
    #[must_use]
    pub fn impact(&self) -> Option<Impact> {
        self.changes.iter().map(|change| change.impact).max()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(impact) = self.impact() else {
            return writeln!(f, "no changes");
        };
        for change in &self.changes {
            writeln!(
                f,
                "{:<16}  {}: {}",
                change.impact, change.location, change.description
            )?;
        }
        let count = self.changes.len();
        let breaking = self
            .changes
            .iter()
            .filter(|change| change.impact.is_breaking())
            .count();
        let noun = if count == 1 { "change" } else { "changes" };
        writeln!(f, "\n{count} {noun}, {breaking} breaking")?;
        let version_bump = match impact {
            Impact::Breaking | Impact::Types => "major (minor for 0.x versions)",
            Impact::Compatible => "minor (patch for 0.x versions)",
            Impact::Documentation => "patch",
        };
        writeln!(f, "semver bump: {version_bump}")
    }
}
