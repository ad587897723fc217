//! The rows of the list: turns with their words, and words outside of turns.

use crate::span::clamp_to_recording;
use crate::{Span, Transcript, TranscriptSegment, Turns};

/// Words outside of turns share a row unless there is a longer pause between them, in seconds.
const MAX_PAUSE_S: f64 = 2.0;

/// A turn, or words of one speaker outside of turns.
#[derive(Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) speaker: &'a str,
    /// The times of the row, or `None` if they are invalid.
    pub(super) span: Option<Span>,
    pub(super) words: Vec<&'a TranscriptSegment>,
}

/// Returns the rows sorted by start, those without times last. Turns without times and words are skipped.
pub(super) fn rows<'a>(turns: &'a Turns, transcript: &'a Transcript) -> Vec<Row<'a>> {
    let by_turn = turns.words(transcript);
    let mut rows: Vec<Row<'_>> = by_turn
        .turns
        .into_iter()
        .map(|turn| Row {
            speaker: &turn.turn.speaker,
            span: clamp_to_recording(turn.turn.start, turn.turn.end),
            words: turn.words,
        })
        .filter(|row| row.span.is_some() || !row.words.is_empty())
        .collect();
    rows.extend(unassigned(by_turn.unassigned));
    rows.sort_by(|a, b| start(a).total_cmp(&start(b)));
    rows
}

fn start(row: &Row<'_>) -> f64 {
    row.span.map_or(f64::INFINITY, |span| span.start)
}

/// Groups consecutive words of a speaker.
fn unassigned(words: Vec<&TranscriptSegment>) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for word in words {
        let span = clamp_to_recording(word.start, word.end);
        if let Some(row) = rows.last_mut().filter(|row| row.speaker == word.speaker) {
            match (&mut row.span, span) {
                (None, None) => {
                    row.words.push(word);
                    continue;
                }
                (Some(row_span), Some(span))
                    if span.start >= row_span.start && span.start - row_span.end <= MAX_PAUSE_S =>
                {
                    row_span.end = row_span.end.max(span.end);
                    row.words.push(word);
                    continue;
                }
                _ => {}
            }
        }
        rows.push(Row {
            speaker: &word.speaker,
            span,
            words: vec![word],
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::{Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn rows_are_sorted_and_contain_every_word() {
        let turns = Turns::from([
            Turn::new(5.0, 8.0, "A"),
            Turn::new(0.0, 2.0, "B"),
            Turn::new(f64::NAN, 2.0, "skipped"),
            Turn::new(-3.0, -1.0, "C"),
            Turn::new(-3.0, -1.0, "skipped"),
        ]);
        let word = TranscriptSegment::new;
        let transcript = Transcript::from([
            word(1.0, 1.5, "in B", "B"),
            word(3.0, 3.5, "after", "B"),
            word(3.5, 4.0, "B", "B"),
            word(7.0, 7.5, "late", "B"),
            word(5.5, 6.0, "in A", "A"),
            word(f64::NAN, 6.0, "no", "A"),
            word(1.0, f64::NAN, "times", "A"),
            word(-2.0, -1.5, "before", "C"),
        ]);
        let rows = rows(&turns, &transcript);
        let found: Vec<(&str, Option<f64>, String)> = rows
            .iter()
            .map(|row| {
                let words: Vec<&str> = row.words.iter().map(|word| word.text.as_str()).collect();
                (
                    row.speaker,
                    row.span.map(|span| span.start),
                    words.join(" "),
                )
            })
            .collect();
        let row = |speaker, start, words: &str| (speaker, start, words.to_owned());
        assert_eq!(
            found,
            [
                row("B", Some(0.0), "in B"),
                row("B", Some(3.0), "after B"),
                row("A", Some(5.0), "in A"),
                row("B", Some(7.0), "late"),
                row("C", None, "before"),
                row("A", None, "no times"),
            ]
        );
    }
}
