//! Where a hypothesis is scored: the evaluation map, without collars and without overlap.

use super::super::span::{covered, without};
use super::super::{Span, Turn, Turns};
use super::DerOptions;

/// pyannote takes what is not longer than this for empty, in seconds.
const EMPTY: f64 = 1e-6;

/// The speech of a turn that counts in scoring.
pub(super) fn scorable(turn: &Turn) -> Option<Span> {
    Span::of(turn).filter(|span| span.duration() > EMPTY)
}

/// The scored regions: sorted, disjoint.
pub(super) fn scored(reference: &Turns, hypothesis: &Turns, options: &DerOptions) -> Vec<Span> {
    let map = match &options.uem {
        Some(uem) => covered(uem.iter().copied(), 1),
        None => extent(reference.iter().chain(hypothesis))
            .into_iter()
            .collect(),
    };
    let speech: Vec<Span> = reference.iter().filter_map(scorable).collect();
    let mut holes = Vec::new();
    if options.collar > 0.0 {
        let half = 0.5 * options.collar;
        let bounds = speech.iter().flat_map(|span| [span.start, span.end]);
        holes.extend(bounds.map(|time| Span::new(time - half, time + half)));
    }
    if options.skip_overlap {
        // Turns, not speakers: pyannote skips where one speaker's own turns overlap as well.
        holes.extend(covered(speech.iter().copied(), 2));
    }
    without(&map, &covered(holes, 1))
}

/// From the first start to the last end.
fn extent<'a>(turns: impl Iterator<Item = &'a Turn>) -> Option<Span> {
    turns
        .filter_map(scorable)
        .reduce(|all, span| Span::new(all.start.min(span.start), all.end.max(span.end)))
}
