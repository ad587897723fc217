//! Scores of many recordings, and their total.

use std::collections::{BTreeMap, BTreeSet};

use super::sweep::Sweep;
use super::{Der, Jer, ScoringOptions};
use crate::{Span, Turn, Turns};

/// The scores of many recordings, by recording and in total.
///
/// ```
/// use pyannote_core::{Evaluation, ScoringOptions, rttm, uem};
///
/// let reference = rttm::parse(
///     "SPEAKER monday 1 0 10 <NA> <NA> Ada\n\
///      SPEAKER friday 1 0 20 <NA> <NA> Ada\n\
///      SPEAKER friday 1 20 10 <NA> <NA> Bob\n",
/// )?;
/// let hypothesis = rttm::parse(
///     "SPEAKER monday 1 0 8 <NA> <NA> S0\n\
///      SPEAKER friday 1 0 30 <NA> <NA> S0\n",
/// )?;
///
/// let evaluation = Evaluation::score(&reference, &hypothesis, None, &ScoringOptions::new());
/// assert_eq!(evaluation.files[0].der.rate(), 0.2);
/// assert_eq!(evaluation.files[1].speaker_count_error(), -1);
/// assert_eq!(evaluation.der().rate(), (2.0 + 10.0) / 40.0);
///
/// // Only the first 20 s of one of them:
/// let regions = uem::parse("friday 1 0 20")?;
/// let evaluation = Evaluation::score(&reference, &hypothesis, Some(&regions), &ScoringOptions::new());
/// assert_eq!((evaluation.files.len(), evaluation.der().rate()), (1, 0.0));
/// assert_eq!(evaluation.unscored, ["monday"]);
/// # Ok::<(), pyannote_core::ParseLineError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The scores of each recording, in the order in which they were added.
    pub files: Vec<FileScore>,
    /// URIs of the recordings of reference and hypothesis that were not scored, because they have no scored regions, or
    /// no reference if no regions were given.
    pub unscored: Vec<String>,
}

/// The scores of one recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FileScore {
    /// URI of the recording.
    pub uri: String,
    /// Diarization error rate.
    pub der: Der,
    /// Jaccard error rate.
    pub jer: Jer,
    /// Number of speakers who speak in the scored regions of the reference. Collars and skipped overlap do not matter.
    pub reference_speakers: usize,
    /// Number of speakers who speak in the scored regions of the hypothesis.
    pub hypothesis_speakers: usize,
}

impl FileScore {
    /// Returns the number of speakers in the hypothesis minus that in the reference.
    #[must_use]
    pub fn speaker_count_error(&self) -> i64 {
        self.hypothesis_speakers as i64 - self.reference_speakers as i64
    }
}

impl Evaluation {
    /// Scores recordings as [`rttm::parse`](fn@crate::rttm::parse) and [`uem::parse`](crate::uem::parse) return them.
    ///
    /// Without regions, each recording of the reference is scored. With regions, exactly the recordings that have some
    /// are scored, also those without speech in the reference, and the regions replace those of `options`. A recording
    /// that is missing from the reference or the hypothesis has no turns there: a diarization without turns has no
    /// lines in RTTM. Entries of the same URI are combined.
    #[must_use]
    pub fn score(
        reference: &[(String, Turns)],
        hypothesis: &[(String, Turns)],
        regions: Option<&[(String, Vec<Span>)]>,
        options: &ScoringOptions,
    ) -> Self {
        let references = by_uri(reference);
        let hypotheses = by_uri(hypothesis);
        let mut evaluation = Self::default();
        let mut scored = BTreeSet::new();
        let mut add = |uri, options: &ScoringOptions| {
            let turns = |recordings: &BTreeMap<&str, Vec<Turn>>| {
                Turns::from(recordings.get(uri).cloned().unwrap_or_default())
            };
            evaluation.add(uri, &turns(&references), &turns(&hypotheses), options);
            scored.insert(uri);
        };
        match regions {
            None => unique_uris(reference).for_each(|uri| add(uri, options)),
            Some(list) => {
                let regions = by_uri(list);
                for uri in unique_uris(list) {
                    let regions = regions.get(uri).into_iter().flatten().copied();
                    add(uri, &options.clone().uem(regions));
                }
            }
        }
        evaluation.unscored = unique_uris(reference)
            .chain(unique_uris(hypothesis))
            .filter(|uri| scored.insert(uri))
            .map(str::to_owned)
            .collect();
        evaluation
    }

    /// Scores one more recording, with options of its own.
    ///
    /// ```
    /// use pyannote_core::{Evaluation, ScoringOptions, Turn, Turns};
    ///
    /// let reference = Turns::from([Turn::new(0.0, 10.0, "Ada")]);
    /// let mut evaluation = Evaluation::default();
    /// evaluation.add("monday", &reference, &reference, &ScoringOptions::new());
    /// evaluation.add("friday", &reference, &Turns::new(), &ScoringOptions::new());
    /// assert_eq!((evaluation.der().rate(), evaluation.jer()), (0.5, 0.5));
    /// assert_eq!(evaluation.mean_speaker_count_error(), 0.5);
    /// ```
    pub fn add(
        &mut self,
        uri: impl Into<String>,
        reference: &Turns,
        hypothesis: &Turns,
        options: &ScoringOptions,
    ) {
        let (reference_speakers, hypothesis_speakers) =
            speaker_counts(reference, hypothesis, options);
        self.files.push(FileScore {
            uri: uri.into(),
            der: Der::score(reference, hypothesis, options),
            jer: Jer::score(reference, hypothesis, options),
            reference_speakers,
            hypothesis_speakers,
        });
    }

    /// Returns the total DER: each component is the sum over all recordings. The mapping is empty.
    #[must_use]
    pub fn der(&self) -> Der {
        let mut total = Der::default();
        for FileScore { der, .. } in &self.files {
            total.total += der.total;
            total.missed_detection += der.missed_detection;
            total.false_alarm += der.false_alarm;
            total.confusion += der.confusion;
            total.correct += der.correct;
        }
        total
    }

    /// Returns the total Jaccard error rate, 0..1: the mean over the reference speakers of all recordings.
    ///
    /// If no reference has scored speech, returns 1, as pyannote.metrics does.
    #[must_use]
    pub fn jer(&self) -> f64 {
        let speakers = self.files.iter().flat_map(|file| &file.jer.by_speaker);
        mean(speakers.map(|(_, error_rate)| *error_rate)).unwrap_or(1.0)
    }

    /// Returns the mean absolute error of the number of speakers, or 0 if there are no recordings.
    #[must_use]
    pub fn mean_speaker_count_error(&self) -> f64 {
        let errors = self.files.iter().map(FileScore::speaker_count_error);
        mean(errors.map(|error| error.unsigned_abs() as f64)).unwrap_or(0.0)
    }
}

/// The items of each URI.
fn by_uri<T: Clone, L: AsRef<[T]>>(recordings: &[(String, L)]) -> BTreeMap<&str, Vec<T>> {
    let mut items: BTreeMap<&str, Vec<T>> = BTreeMap::new();
    for (uri, list) in recordings {
        let items = items.entry(uri).or_default();
        items.extend(list.as_ref().iter().cloned());
    }
    items
}

/// The URIs in order of first appearance.
fn unique_uris<L>(recordings: &[(String, L)]) -> impl Iterator<Item = &str> {
    let mut seen = BTreeSet::new();
    let uris = recordings.iter().map(|(uri, _)| uri.as_str());
    uris.filter(move |uri| seen.insert(*uri))
}

/// The number of speakers of reference and hypothesis in the scored regions.
fn speaker_counts(
    reference: &Turns,
    hypothesis: &Turns,
    options: &ScoringOptions,
) -> (usize, usize) {
    let options = options.without_exclusions();
    let mut speakers = (BTreeSet::new(), BTreeSet::new());
    Sweep::new(reference, hypothesis, &options).run(|_, reference, hypothesis| {
        speakers
            .0
            .extend(reference.iter().map(|(speaker, _)| speaker));
        speakers
            .1
            .extend(hypothesis.iter().map(|(speaker, _)| speaker));
    });
    (speakers.0.len(), speakers.1.len())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| {
        (sum + value, count + 1)
    });
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::Evaluation;
    use crate::{ScoringOptions, Span, Turn, Turns};

    fn recordings(list: &[(&str, f64, f64, &str)]) -> Vec<(String, Turns)> {
        let recording = |&(uri, start, end, speaker): &(&str, f64, f64, &str)| {
            (
                uri.to_owned(),
                Turns::from([Turn::new(start, end, speaker)]),
            )
        };
        list.iter().map(recording).collect()
    }

    #[test]
    fn files_are_paired_by_uri() {
        let reference = recordings(&[
            ("b", 0.0, 4.0, "A"),
            ("a", 0.0, 4.0, "A"),
            ("b", 4.0, 8.0, "B"),
            ("c", 0.0, 2.0, "A"),
        ]);
        let hypothesis = recordings(&[
            ("x", 0.0, 1.0, "s"),
            ("b", 0.0, 4.0, "s"),
            ("a", 0.0, 2.0, "s"),
            ("x", 0.0, 1.0, "s"),
            ("b", 4.0, 8.0, "t"),
        ]);
        let options = ScoringOptions::new();
        let evaluation = Evaluation::score(&reference, &hypothesis, None, &options);
        let summary = |evaluation: &Evaluation| -> Vec<(String, f64, i64)> {
            let files = evaluation.files.iter();
            files
                .map(|file| {
                    let errors = file.der.rate();
                    (file.uri.clone(), errors, file.speaker_count_error())
                })
                .collect()
        };
        let file = |uri: &str, rate, count| (uri.to_owned(), rate, count);
        assert_eq!(
            summary(&evaluation),
            [file("b", 0.0, 0), file("a", 0.5, 0), file("c", 1.0, -1)]
        );
        assert_eq!(evaluation.unscored, ["x"]);
        assert_eq!(evaluation.der().total, 14.0);
        assert_eq!(evaluation.der().missed_detection, 4.0);
        assert_eq!(evaluation.mean_speaker_count_error(), 1.0 / 3.0);

        let regions = [
            ("b".to_owned(), vec![Span::new(0.0, 1.0)]),
            ("x".to_owned(), vec![Span::new(0.0, 9.0)]),
            ("b".to_owned(), vec![Span::new(3.0, 4.0)]),
            ("c".to_owned(), vec![]),
        ];
        let evaluation = Evaluation::score(&reference, &hypothesis, Some(&regions), &options);
        assert_eq!(
            summary(&evaluation),
            [file("b", 0.0, 0), file("x", 1.0, 1), file("c", 0.0, 0)]
        );
        assert_eq!(evaluation.files[0].reference_speakers, 1);
        assert_eq!(evaluation.der().total, 2.0);
        assert_eq!(evaluation.der().false_alarm, 2.0);
        assert_eq!(evaluation.unscored, ["a"]);
    }

    #[test]
    fn collars_do_not_change_speaker_counts() {
        let reference = recordings(&[("a", 0.0, 0.2, "A"), ("a", 0.1, 9.0, "B")]);
        let options = ScoringOptions::new().collar(1.0).skip_overlap(true);
        let evaluation = Evaluation::score(&reference, &reference, None, &options);
        assert_eq!(evaluation.files[0].reference_speakers, 2);
        assert_eq!(evaluation.files[0].hypothesis_speakers, 2);
    }

    #[test]
    fn no_files_have_no_errors() {
        let evaluation = Evaluation::score(&[], &[], None, &ScoringOptions::new());
        assert_eq!(evaluation, Evaluation::default());
        assert_eq!((evaluation.der().rate(), evaluation.jer()), (0.0, 1.0));
        assert_eq!(evaluation.mean_speaker_count_error(), 0.0);
    }
}
