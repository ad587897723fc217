//! What was left out of a result because it could not be decoded.

use std::fmt;

/// Maximum number of warnings of one result. The last one counts those that follow.
const MAX_WARNINGS: usize = 100;

/// A part of a response that has an unexpected form, and is therefore missing in the result.
///
/// It never contains anything of the response but the names of fields.
///
/// ```no_run
/// # async fn run(client: pyannote::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let diarization = client.diarize("https://example.com/meeting.wav").await?;
/// for warning in diarization.decode_warnings() {
///     // output.diarization[3].start: expected a number, got nothing; `output.diarization[3]` is left out
///     eprintln!("{warning}");
/// }
/// if !diarization.decode_warnings().is_empty() {
///     let id = diarization.job_id();
///     std::fs::write(format!("{id}.json"), client.job_json(id).await?)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct DecodeWarning {
    /// Path of the part in the response, such as `output.diarization[3].start`.
    pub path: String,
    /// What is wrong with the part, and what was left out.
    pub message: String,
}

impl fmt::Display for DecodeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The warnings of a result that is being decoded.
#[derive(Debug, Default)]
pub struct Warnings {
    warnings: Vec<DecodeWarning>,
    more: usize,
}

impl Warnings {
    pub(super) fn add(&mut self, path: fmt::Arguments<'_>, message: fmt::Arguments<'_>) {
        if self.warnings.len() + 1 < MAX_WARNINGS {
            self.warnings.push(DecodeWarning {
                path: path.to_string(),
                message: message.to_string(),
            });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn into_vec(mut self) -> Vec<DecodeWarning> {
        if self.more > 0 {
            self.warnings.push(DecodeWarning {
                path: "output".to_owned(),
                message: format!("{} more parts have an unexpected form", self.more),
            });
        }
        self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_warnings_is_limited() {
        let mut warnings = Warnings::default();
        for index in 0..1000 {
            warnings.add(
                format_args!("output.diarization[{index}]"),
                format_args!("odd"),
            );
        }
        let warnings = warnings.into_vec();
        assert_eq!(warnings.len(), MAX_WARNINGS);
        assert_eq!(
            warnings.last().unwrap().to_string(),
            "output: 901 more parts have an unexpected form"
        );
    }
}
