//! Sweep over reference and hypothesis, from each change of speakers or scored regions to the next.

use std::collections::BTreeMap;

use super::options::{ScoringOptions, scorable_speech, without_slivers};
use crate::{Span, Turns};

/// All changes of active speakers and scored regions, sorted by time.
pub(super) struct Sweep<'a> {
    /// The speakers of the reference. [`ActiveSpeakers`] refer to them by index.
    pub(super) reference_speakers: Vec<&'a str>,
    /// The speakers of the hypothesis.
    pub(super) hypothesis_speakers: Vec<&'a str>,
    changes: Vec<(f64, Change)>,
}

#[derive(Clone, Copy)]
struct Change {
    track: Track,
    starts: bool,
}

#[derive(Clone, Copy)]
enum Track {
    ScoredRegion,
    ReferenceSpeaker(usize),
    HypothesisSpeaker(usize),
}

/// The speakers who are active at some time, with their number of simultaneous turns.
///
/// That number exceeds one if turns of the same speaker overlap, and then counts as often, as in pyannote.metrics.
#[derive(Default)]
pub(super) struct ActiveSpeakers {
    turn_counts: BTreeMap<usize, usize>,
    total: usize,
}

impl ActiveSpeakers {
    /// The number of simultaneous turns of all speakers.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The number of simultaneous turns of one speaker.
    pub(super) fn count(&self, speaker: usize) -> usize {
        self.turn_counts.get(&speaker).copied().unwrap_or(0)
    }

    /// The active speakers and their number of simultaneous turns.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.turn_counts
            .iter()
            .map(|(speaker, count)| (*speaker, *count))
    }

    fn update(&mut self, speaker: usize, starts: bool) {
        let count = self.turn_counts.entry(speaker).or_insert(0);
        if starts {
            *count += 1;
            self.total += 1;
        } else {
            *count = count.saturating_sub(1);
            self.total = self.total.saturating_sub(1);
        }
        if *count == 0 {
            self.turn_counts.remove(&speaker);
        }
    }
}

impl<'a> Sweep<'a> {
    /// Prepares a sweep over two lists of turns and the regions in which they are scored.
    pub(super) fn new(
        reference: &'a Turns,
        hypothesis: &'a Turns,
        options: &ScoringOptions,
    ) -> Self {
        let mut changes = Vec::new();
        let mut add = |span: Span, track| {
            let change = |starts| Change { track, starts };
            changes.push((span.start, change(true)));
            changes.push((span.end, change(false)));
        };
        let regions = options.scored_regions(reference, hypothesis);
        for region in &regions {
            add(*region, Track::ScoredRegion);
        }
        let reference_speakers = index_speakers(reference, &regions, |span, speaker| {
            add(span, Track::ReferenceSpeaker(speaker));
        });
        let hypothesis_speakers = index_speakers(hypothesis, &regions, |span, speaker| {
            add(span, Track::HypothesisSpeaker(speaker));
        });
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            reference_speakers,
            hypothesis_speakers,
            changes,
        }
    }

    /// Calls `visit` for each scored stretch of speech without a change: its duration in seconds, and the active
    /// speakers of reference and hypothesis.
    pub(super) fn run(&self, mut visit: impl FnMut(f64, &ActiveSpeakers, &ActiveSpeakers)) {
        let mut reference = ActiveSpeakers::default();
        let mut hypothesis = ActiveSpeakers::default();
        let mut scored_regions = 0_usize;
        let mut previous = f64::NEG_INFINITY;
        for &(time, change) in &self.changes {
            // Silence is skipped because it can be infinite in an unbounded region. Speech is finite, as every turn is.
            let is_speech = reference.total() + hypothesis.total() > 0;
            if is_speech && scored_regions > 0 && time > previous {
                visit(time - previous, &reference, &hypothesis);
            }
            previous = time;
            match change.track {
                Track::ScoredRegion if change.starts => scored_regions += 1,
                Track::ScoredRegion => scored_regions = scored_regions.saturating_sub(1),
                Track::ReferenceSpeaker(speaker) => reference.update(speaker, change.starts),
                Track::HypothesisSpeaker(speaker) => hypothesis.update(speaker, change.starts),
            }
        }
    }

    /// The optimal mapping: the reference speaker of each hypothesis speaker, by index, that maximizes the time in
    /// which they are active together.
    pub(super) fn optimal_mapping(&self) -> BTreeMap<usize, usize> {
        let mut cooccurrence: Vec<BTreeMap<usize, f64>> =
            vec![BTreeMap::new(); self.hypothesis_speakers.len()];
        self.run(|seconds, reference, hypothesis| {
            for (speaker, count) in hypothesis.iter() {
                for (reference_speaker, reference_count) in reference.iter() {
                    *cooccurrence[speaker]
                        .entry(reference_speaker)
                        .or_insert(0.0) += seconds * count as f64 * reference_count as f64;
                }
            }
        });
        super::assignment::assign(&cooccurrence)
    }

    /// Replaces the indices of a mapping by the names of the speakers.
    pub(super) fn named_mapping(
        &self,
        mapping: &BTreeMap<usize, usize>,
    ) -> BTreeMap<String, String> {
        let name = |(hypothesis, reference): (&usize, &usize)| {
            (
                self.hypothesis_speakers[*hypothesis].to_owned(),
                self.reference_speakers[*reference].to_owned(),
            )
        };
        mapping.iter().map(name).collect()
    }
}

/// Returns the speakers of a list, and calls `add` with the speech of each turn and the index of its speaker.
fn index_speakers<'a>(
    turns: &'a Turns,
    regions: &[Span],
    mut add: impl FnMut(Span, usize),
) -> Vec<&'a str> {
    let mut speakers = Vec::new();
    let mut indices: BTreeMap<&str, usize> = BTreeMap::new();
    for turn in turns {
        let Some(span) = scorable_speech(turn) else {
            continue;
        };
        let index = *indices.entry(&turn.speaker).or_insert_with(|| {
            speakers.push(turn.speaker.as_str());
            speakers.len() - 1
        });
        if let Some(span) = without_slivers(span, regions) {
            add(span, index);
        }
    }
    speakers
}
