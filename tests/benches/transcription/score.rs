//! Word error rates and errors of word starts.

use std::iter;

use serde::{Deserialize, Serialize};

/// A word of a transcript, with its start in seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Word {
    pub(crate) start: f64,
    pub(crate) text: String,
}

/// A part of a reference. The start of its first word is known if it is a turn.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reference {
    pub(crate) start: Option<f64>,
    pub(crate) text: String,
}

/// Counts of errors, which are added up over recordings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// Number of words in the reference.
    pub(crate) words: usize,
    /// Substitutions, deletions and insertions.
    pub(crate) errors: usize,
    /// Differences of the starts of turns and of their first words, in seconds, for words that are correct.
    pub(crate) start_errors_s: Vec<f64>,
}

impl Score {
    pub(crate) fn add(&mut self, reference: &[Reference], found: &[Word]) {
        // Words with their start, if it is known.
        let expected: Vec<(String, Option<f64>)> = reference
            .iter()
            .flat_map(|part| {
                let starts = iter::once(part.start).chain(iter::repeat(None));
                normalize(&part.text).into_iter().zip(starts)
            })
            .collect();
        let found: Vec<(String, f64)> = found
            .iter()
            .flat_map(|word| {
                normalize(&word.text)
                    .into_iter()
                    .map(|text| (text, word.start))
            })
            .collect();
        self.words += expected.len();
        // errors[i][j]: of the first i expected and the first j found words.
        let mut errors = vec![(0..=found.len()).collect::<Vec<_>>()];
        for (i, (word, _)) in expected.iter().enumerate() {
            let mut row = vec![i + 1];
            for (j, (other, _)) in found.iter().enumerate() {
                let substituted = errors[i][j] + usize::from(word != other);
                row.push(substituted.min(errors[i][j + 1] + 1).min(row[j] + 1));
            }
            errors.push(row);
        }
        let (mut i, mut j) = (expected.len(), found.len());
        self.errors += errors[i][j];
        while i > 0 && j > 0 {
            let is_equal = expected[i - 1].0 == found[j - 1].0;
            if errors[i][j] == errors[i - 1][j - 1] + usize::from(!is_equal) {
                if let (true, Some(start)) = (is_equal, expected[i - 1].1) {
                    self.start_errors_s.push((found[j - 1].1 - start).abs());
                }
                (i, j) = (i - 1, j - 1);
            } else if errors[i][j] == errors[i - 1][j] + 1 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }

    /// The word error rate in percent.
    pub(crate) fn rate(&self) -> f64 {
        100.0 * self.errors as f64 / self.words as f64
    }

    /// Mean and maximum of the errors of word starts, in seconds.
    pub(crate) fn start_error_s(&self) -> (f64, f64) {
        let sum: f64 = self.start_errors_s.iter().sum();
        let max = self.start_errors_s.iter().copied().fold(0.0, f64::max);
        (sum / self.start_errors_s.len().max(1) as f64, max)
    }
}

/// Lower-case words without punctuation. The number of the references is spelled out.
fn normalize(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('’', "'")
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(|word| if word == "10" { "ten" } else { word }.to_owned())
        .collect()
}
