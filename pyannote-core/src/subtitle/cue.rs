//! Words grouped into cues: what stands on the screen at once.

use super::super::Transcript;
use super::super::clock::milliseconds;
use super::options::SubtitleOptions;
use super::word::{Word, words_of};

/// One speaker's words that are shown together.
pub(super) struct Cue {
    pub(super) speaker: String,
    start: f64,
    end: f64,
    pub(super) lines: Vec<String>,
    /// Characters of the last line.
    column: usize,
    /// Characters of all lines.
    chars: usize,
}

/// The cues of `transcript` by their start. `prefix` tells how many characters the first line of a cue gives to the
/// name of its speaker.
///
/// A cue ends with its speaker's turn, at a pause, when it is full, and after a sentence that filled a line. Speakers
/// who talk at the same time have cues at the same time.
pub(super) fn cues(
    transcript: &Transcript,
    options: &SubtitleOptions,
    prefix: impl Fn(&str) -> usize,
) -> Vec<Cue> {
    // A long name must leave room for words: then the first line gets longer than it should.
    let room = |speaker: &str| {
        let taken = prefix(speaker).min(options.line_chars / 2);
        options.line_chars - taken
    };
    let mut done = Vec::new();
    let mut open: Vec<Cue> = Vec::new();
    for word in words_of(transcript, room) {
        // Who had stopped when another began has given the turn away.
        let over = |cue: &mut Cue| cue.speaker != word.speaker && cue.end <= word.start;
        done.extend(open.extract_if(.., over));
        let first = room(&word.speaker);
        match open.iter_mut().find(|cue| cue.speaker == word.speaker) {
            Some(cue) if cue.takes(&word, options, first) => cue.add(&word, options, first),
            Some(cue) => done.push(std::mem::replace(cue, Cue::new(word))),
            None => open.push(Cue::new(word)),
        }
    }
    done.append(&mut open);
    for cue in &mut done {
        cue.end = cue.end.min(cue.start + options.max_duration.as_secs_f64());
    }
    done.sort_by(|a, b| a.start.total_cmp(&b.start));
    done
}

impl Cue {
    fn new(word: Word) -> Self {
        Self {
            speaker: word.speaker,
            start: word.start,
            end: word.end,
            lines: vec![word.text],
            column: word.chars,
            chars: word.chars,
        }
    }

    /// Start and end, in milliseconds. The end is after the start, as WebVTT asks.
    pub(super) fn times(&self) -> (u64, u64) {
        let start = milliseconds(self.start);
        (start, milliseconds(self.end).max(start.saturating_add(1)))
    }

    /// Whether `word` can be added. `first` is the room of the first line.
    fn takes(&self, word: &Word, options: &SubtitleOptions, first: usize) -> bool {
        let short = word.end - self.start <= options.max_duration.as_secs_f64();
        let close = word.start - self.end <= options.max_pause.as_secs_f64();
        let space = self.lines.len() < options.lines || self.fits_line(word, options, first);
        let whole = self.chars >= options.line_chars && !word.glued && self.ends_a_sentence();
        short && close && space && !whole
    }

    fn fits_line(&self, word: &Word, options: &SubtitleOptions, first: usize) -> bool {
        let room = if self.lines.len() == 1 {
            first
        } else {
            options.line_chars
        };
        self.column + usize::from(!word.glued) + word.chars <= room
    }

    fn ends_a_sentence(&self) -> bool {
        self.lines
            .last()
            .is_some_and(|line| line.ends_with(['.', '!', '?', '…', '。', '！', '？']))
    }

    fn add(&mut self, word: &Word, options: &SubtitleOptions, first: usize) {
        let fits = self.fits_line(word, options, first);
        self.end = self.end.max(word.end);
        self.chars += word.chars;
        match self.lines.last_mut() {
            Some(line) if fits => {
                let space = if word.glued { "" } else { " " };
                line.push_str(space);
                line.push_str(&word.text);
                self.column += space.len() + word.chars;
            }
            _ => {
                self.lines.push(word.text.clone());
                self.column = word.chars;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::{Transcript, TranscriptSegment};
    use super::{SubtitleOptions, cues};
    use proptest::prelude::*;

    type Segment = (f64, f64, &'static str, &'static str);

    fn shown(segments: &[Segment], options: &SubtitleOptions) -> Vec<String> {
        let segments = segments
            .iter()
            .map(|&(start, end, text, who)| TranscriptSegment::new(start, end, text, who));
        let transcript = Transcript::from(segments.collect::<Vec<_>>());
        let cue = |cue: &super::Cue| {
            let (start, end) = cue.times();
            format!("{start}-{end} {}: {}", cue.speaker, cue.lines.join(" / "))
        };
        cues(&transcript, options, |_| 0).iter().map(cue).collect()
    }

    #[test]
    fn cues_end_where_they_should() {
        let options = SubtitleOptions::default().line_chars(10);
        let cases: &[(&str, &[Segment], &[&str])] = &[
            (
                "words join",
                &[(0.0, 0.4, "a", "A"), (0.5, 1.0, "b", "A")],
                &["0-1000 A: a b"],
            ),
            (
                "the speaker changes",
                &[
                    (0.0, 0.4, "a", "A"),
                    (0.5, 1.0, "b", "B"),
                    (1.0, 2.0, "c", "A"),
                ],
                &["0-400 A: a", "500-1000 B: b", "1000-2000 A: c"],
            ),
            (
                "a turn without a pause between",
                &[
                    (0.0, 0.5, "a", "A"),
                    (0.5, 1.0, "b", "B"),
                    (1.0, 2.0, "c", "A"),
                ],
                &["0-500 A: a", "500-1000 B: b", "1000-2000 A: c"],
            ),
            (
                "a pause",
                &[(0.0, 0.5, "a", "A"), (1.6, 2.0, "b", "A")],
                &["0-500 A: a", "1600-2000 A: b"],
            ),
            (
                "no pause",
                &[(0.0, 0.5, "a", "A"), (1.5, 2.0, "b", "A")],
                &["0-2000 A: a b"],
            ),
            (
                "too long",
                &[(0.0, 4.0, "a", "A"), (4.0, 7.1, "b", "A")],
                &["0-4000 A: a", "4000-7100 A: b"],
            ),
            ("a long word", &[(0.0, 60.0, "a", "A")], &["0-7000 A: a"]),
            ("no length", &[(5.0, 5.0, "a", "A")], &["5000-5001 A: a"]),
            (
                "lines are full",
                &[(0.0, 5.0, "aaaa bbbb cccc ddddd e", "A")],
                &["0-4722 A: aaaa bbbb / cccc ddddd", "4722-5000 A: e"],
            ),
            (
                "a sentence",
                &[(0.0, 1.2, "aaaa bbbb cc. e", "A")],
                &["0-1100 A: aaaa bbbb / cc.", "1100-1200 A: e"],
            ),
            (
                "no spaces",
                &[(0.0, 2.5, "ääääääääääbbbbbbbbbbccccc", "A")],
                &["0-2000 A: ääääääääää / bbbbbbbbbb", "2000-2500 A: ccccc"],
            ),
            (
                "at the same time",
                &[
                    (0.0, 1.0, "a", "A"),
                    (0.5, 1.5, "b", "B"),
                    (1.0, 2.0, "c", "A"),
                ],
                &["0-2000 A: a c", "500-1500 B: b"],
            ),
            (
                "not in order",
                &[(3.0, 4.0, "b", "B"), (0.0, 1.0, "a", "A")],
                &["0-1000 A: a", "3000-4000 B: b"],
            ),
            ("nothing said", &[(0.0, 1.0, " \n ", "A")], &[]),
        ];
        for (what, segments, expected) in cases {
            assert_eq!(shown(segments, &options), *expected, "{what}");
        }
    }

    #[test]
    fn the_limits_can_be_set() {
        let segments = [
            (0.0, 1.0, "a", "A"),
            (4.0, 5.0, "b", "A"),
            (5.0, 9.0, "c", "A"),
        ];
        let options = SubtitleOptions::default()
            .max_pause(Duration::from_secs(3))
            .max_duration(Duration::from_secs(5));
        assert_eq!(
            shown(&segments, &options),
            ["0-5000 A: a b", "5000-9000 A: c"]
        );
    }

    proptest! {
        #[test]
        fn cues_keep_to_their_limits_and_lose_no_word(
            segments in prop::collection::vec((0.0..50.0_f64, 0.0..20.0_f64, "[a-z .]{0,80}", "[AB]"), 0..8),
            line_chars in 1..30_usize,
            lines in 1..4_usize,
            prefix in 0..50_usize,
        ) {
            let transcript = segments.iter().map(|(start, length, text, who)| TranscriptSegment::new(*start, start + length, text.as_str(), who.as_str()));
            let transcript = Transcript::from(transcript.collect::<Vec<_>>());
            let options = SubtitleOptions::default().line_chars(line_chars).lines(lines);
            let cues = cues(&transcript, &options, |_| prefix);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let said: usize = segments.iter().map(|(_, _, text, _)| letters(text)).sum();
            prop_assert_eq!(said, cues.iter().flat_map(|cue| &cue.lines).map(|line| letters(line)).sum::<usize>());
            for cue in &cues {
                let (start, end) = cue.times();
                prop_assert!(start < end && end - start <= 7001);
                prop_assert!(cue.lines.len() <= lines);
                prop_assert!(cue.lines.iter().all(|line| line.chars().count() <= line_chars && !line.is_empty()));
            }
            prop_assert!(cues.is_sorted_by(|a, b| a.start <= b.start));
        }
    }
}
