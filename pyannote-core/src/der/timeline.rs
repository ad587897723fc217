//! Reference and hypothesis on one timeline, swept from change to change.

use std::collections::BTreeMap;

use super::super::{Span, Turns};
use super::regions::scorable;

/// Every change of who speaks and of what is scored, in the order of time.
pub(super) struct Timeline<'a> {
    /// The speakers of the reference; the sweep knows them by their place here.
    pub(super) reference: Vec<&'a str>,
    /// The speakers of the hypothesis.
    pub(super) hypothesis: Vec<&'a str>,
    changes: Vec<(f64, Change)>,
}

#[derive(Clone, Copy)]
struct Change {
    of: Lane,
    starts: bool,
}

#[derive(Clone, Copy)]
enum Lane {
    Scored,
    Reference(usize),
    Hypothesis(usize),
}

/// Who speaks at a time, and how many turns each has there: more than one where a speaker's own turns overlap.
#[derive(Default)]
pub(super) struct Active {
    counts: BTreeMap<usize, usize>,
    total: usize,
}

impl Active {
    /// How many turns there are.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How many turns of a speaker there are.
    pub(super) fn count(&self, speaker: usize) -> usize {
        self.counts.get(&speaker).copied().unwrap_or(0)
    }

    /// The speakers who speak, and how many turns each has.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.counts
            .iter()
            .map(|(speaker, count)| (*speaker, *count))
    }

    fn change(&mut self, speaker: usize, starts: bool) {
        let count = self.counts.entry(speaker).or_insert(0);
        if starts {
            *count += 1;
            self.total += 1;
        } else {
            *count = count.saturating_sub(1);
            self.total = self.total.saturating_sub(1);
        }
        if *count == 0 {
            self.counts.remove(&speaker);
        }
    }
}

impl<'a> Timeline<'a> {
    /// The timeline of two lists and of the regions, disjoint, in which they are scored.
    pub(super) fn new(reference: &'a Turns, hypothesis: &'a Turns, regions: &[Span]) -> Self {
        let mut changes =
            Vec::with_capacity(2 * (reference.len() + hypothesis.len() + regions.len()));
        let mut add = |span: Span, of| {
            changes.push((span.start, Change { of, starts: true }));
            changes.push((span.end, Change { of, starts: false }));
        };
        for region in regions {
            add(*region, Lane::Scored);
        }
        let reference = number(reference, |span, speaker| {
            add(span, Lane::Reference(speaker))
        });
        let hypothesis = number(hypothesis, |span, speaker| {
            add(span, Lane::Hypothesis(speaker))
        });
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            reference,
            hypothesis,
            changes,
        }
    }

    /// Shows each scored stretch of speech in which nothing changes: its seconds, and who speaks in either list.
    pub(super) fn sweep(&self, mut show: impl FnMut(f64, &Active, &Active)) {
        let (mut reference, mut hypothesis) = (Active::default(), Active::default());
        let mut scored = 0_usize;
        let mut since = f64::NEG_INFINITY;
        for &(time, change) in &self.changes {
            // Silence on both sides is not shown: a region without bounds has endless stretches of it, but a stretch in
            // which someone speaks is finite, as every turn is.
            let speech = reference.total() + hypothesis.total() > 0;
            if speech && scored > 0 && time > since {
                show(time - since, &reference, &hypothesis);
            }
            since = time;
            match change.of {
                Lane::Scored if change.starts => scored += 1,
                Lane::Scored => scored = scored.saturating_sub(1),
                Lane::Reference(speaker) => reference.change(speaker, change.starts),
                Lane::Hypothesis(speaker) => hypothesis.change(speaker, change.starts),
            }
        }
    }
}

/// Numbers the speakers of a list, and shows each turn with its speaker's number.
fn number(turns: &Turns, mut show: impl FnMut(Span, usize)) -> Vec<&str> {
    let mut names = Vec::new();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for turn in turns {
        let Some(span) = scorable(turn) else {
            continue;
        };
        let number = *numbers.entry(&turn.speaker).or_insert_with(|| {
            names.push(turn.speaker.as_str());
            names.len() - 1
        });
        show(span, number);
    }
    names
}
