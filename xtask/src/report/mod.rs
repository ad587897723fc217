//! How a new specification affects callers.

mod compare;
mod normalize;
mod operations;
mod schemas;

use std::fmt;

pub use compare::compare;

/// How a change affects callers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Impact {
    /// Only texts and examples change.
    Wording,
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
            Self::Wording => "wording",
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
    /// What the report does not cover, and what remains to be done.
    pub notes: Vec<String>,
}

impl Report {
    /// The highest impact of all changes, or `None` if nothing changed.
    #[must_use]
    pub fn impact(&self) -> Option<Impact> {
        self.changes.iter().map(|change| change.impact).max()
    }
}

/// Lists all changes but those of wording, which are counted.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

/// A [`Report`] that lists changes of wording too.
#[derive(Clone, Copy, Debug)]
pub struct WithWording<'a>(pub &'a Report);

impl fmt::Display for WithWording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, true)
    }
}

impl Report {
    fn write(&self, f: &mut fmt::Formatter<'_>, list_wording: bool) -> fmt::Result {
        self.write_changes(f, list_wording)?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }

    fn write_changes(&self, f: &mut fmt::Formatter<'_>, list_wording: bool) -> fmt::Result {
        let Some(impact) = self.impact() else {
            return writeln!(f, "no changes");
        };
        let is_wording = |change: &&Change| change.impact == Impact::Wording;
        for change in &self.changes {
            if list_wording || !is_wording(&change) {
                writeln!(
                    f,
                    "{:<16}  {}: {}",
                    change.impact, change.location, change.description
                )?;
            }
        }
        let wording = self.changes.iter().filter(is_wording).count();
        let others = self.changes.len() - wording;
        let breaking = self
            .changes
            .iter()
            .filter(|change| change.impact.is_breaking())
            .count();
        if list_wording || others > 0 {
            writeln!(f)?;
        }
        writeln!(f, "{}, {breaking} breaking", plural(others, "change"))?;
        match (wording, list_wording) {
            (0, _) => {}
            (_, true) => writeln!(f, "{} of wording", plural(wording, "change"))?,
            (_, false) => writeln!(
                f,
                "{} of wording, which --wording lists",
                plural(wording, "change")
            )?,
        }
        let version_bump = match impact {
            Impact::Breaking | Impact::Types => "major (minor for 0.x versions)",
            Impact::Compatible => "minor (patch for 0.x versions)",
            Impact::Wording => "patch",
        };
        writeln!(f, "semver bump: {version_bump}")
    }
}

fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
