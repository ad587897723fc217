//! The Markdown table of error rates and speaker counts.

use pyannote::output::{Der, Turns};

use crate::excerpt::STARTS_S;
use crate::recordings::Recording;
use crate::scoring;

/// The header and the delimiter row.
///
/// The spread is that from the lowest to the highest of three starts: a standard deviation of three is hardly known.
pub(crate) const HEADER: &str = "\
| recording | DER %: mean (range) | missed / false alarm / confusion % | speakers | accurate: DER % | missed / false alarm / confusion % | speakers |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |";

/// The errors of a recording, or of several.
#[derive(Clone, Default)]
pub(crate) struct Errors {
    /// By start; the sum of all recordings.
    ders: Vec<Der>,
    /// Number of speakers in the output and in the reference, of each recording and start.
    speakers: Vec<(usize, usize)>,
}

impl Errors {
    /// Adds the turns of the next start.
    pub(crate) fn push(&mut self, reference: &Recording, turns: &Turns) {
        self.ders.push(scoring::der(reference, turns));
        self.speakers.push(scoring::speakers(reference, turns));
    }

    /// Adds other recordings.
    pub(crate) fn add(&mut self, other: &Self) {
        self.ders.resize(other.ders.len(), Der::default());
        for (sum, der) in self.ders.iter_mut().zip(&other.ders) {
            scoring::add(sum, der);
        }
        self.speakers.extend(&other.speakers);
    }

    fn cells(&self) -> String {
        let percent = |of: fn(&Der) -> f64| -> Vec<f64> {
            let percent = |der: &Der| 100.0 * of(der) / der.total;
            self.ders.iter().map(percent).collect()
        };
        let rates = percent(|der| der.rate() * der.total);
        format!(
            "{:.1} ({:.1}–{:.1}) | {:.1} / {:.1} / {:.1} | {}",
            mean(&rates),
            rates.iter().copied().fold(f64::INFINITY, f64::min),
            rates.iter().copied().fold(0.0, f64::max),
            mean(&percent(|der| der.missed_detection)),
            mean(&percent(|der| der.false_alarm)),
            mean(&percent(|der| der.confusion)),
            self.speaker_cell()
        )
    }

    /// The numbers of one recording, or the errors of several: the mean of their absolute values, the mean, and how
    /// many are zero.
    fn speaker_cell(&self) -> String {
        if self.speakers.len() <= STARTS_S.len() {
            let numbers = self.speakers.iter();
            let numbers: Vec<String> = numbers
                .map(|(found, expected)| format!("{found}/{expected}"))
                .collect();
            return numbers.join(" ");
        }
        let errors = self.speakers.iter();
        let errors: Vec<f64> = errors
            .map(|(found, expected)| *found as f64 - *expected as f64)
            .collect();
        let absolute: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        let exact = errors.iter().filter(|error| **error == 0.0).count();
        format!(
            "±{:.2}, {:+.2}, {:.0} % exact",
            mean(&absolute),
            mean(&errors),
            100.0 * exact as f64 / errors.len() as f64
        )
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A row.
pub(crate) fn row(name: &str, errors: &[Errors; 2]) -> String {
    format!("| {name} | {} | {} |", errors[0].cells(), errors[1].cells())
}
