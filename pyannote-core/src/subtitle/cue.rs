//! Groups tokens into cues: the text that is displayed at one time.

use super::SubtitleOptions;
use super::token::{Token, tokens};
use crate::Transcript;
use crate::time_format::to_millis;

/// Tokens of one speaker that are displayed together.
pub(super) struct Cue {
    pub(super) speaker: String,
    start: f64,
    end: f64,
    pub(super) lines: Vec<String>,
    /// Characters in the last line.
    last_line_chars: usize,
    /// Characters in all lines, without spaces.
    total_chars: usize,
}

/// Returns the cues of `transcript`, sorted by start.
///
/// `prefix_chars` is the number of characters that the name of a speaker takes up in the first line of a cue.
///
/// A cue ends with its speaker's turn, at a pause, when it is full, and after a sentence once it fills a line. If
/// speakers speak at the same time, their cues overlap.
pub(super) fn cues(
    transcript: &Transcript,
    options: &SubtitleOptions,
    prefix_chars: impl Fn(&str) -> usize,
) -> Vec<Cue> {
    // At least half of the first line remains for words; a longer name makes it longer than the maximum.
    let first_line_chars = |speaker: &str| {
        let prefix = prefix_chars(speaker).min(options.max_line_chars / 2);
        options.max_line_chars - prefix
    };
    let mut finished = Vec::new();
    let mut open: Vec<Cue> = Vec::new();
    for token in tokens(transcript, first_line_chars) {
        // The turns of other speakers that ended before this token are over.
        let is_over = |cue: &mut Cue| cue.speaker != token.speaker && cue.end <= token.start;
        finished.extend(open.extract_if(.., is_over));
        let first_line = first_line_chars(&token.speaker);
        match open.iter_mut().find(|cue| cue.speaker == token.speaker) {
            Some(cue) if cue.accepts(&token, options, first_line) => {
                cue.push(&token, options, first_line);
            }
            Some(cue) => finished.push(std::mem::replace(cue, Cue::new(token))),
            None => open.push(Cue::new(token)),
        }
    }
    finished.append(&mut open);
    for cue in &mut finished {
        cue.end = cue.end.min(cue.start + options.max_duration.as_secs_f64());
    }
    finished.sort_by(|a, b| a.start.total_cmp(&b.start));
    finished
}

impl Cue {
    fn new(token: Token) -> Self {
        Self {
            speaker: token.speaker,
            start: token.start,
            end: token.end,
            lines: vec![token.text],
            last_line_chars: token.chars,
            total_chars: token.chars,
        }
    }

    /// Start and end, in milliseconds. The end is after the start, as WebVTT requires.
    pub(super) fn times_ms(&self) -> (u64, u64) {
        let start = to_millis(self.start);
        (start, to_millis(self.end).max(start.saturating_add(1)))
    }

    /// Whether `token` can be added. `first_line_chars` is the maximum length of the first line.
    fn accepts(&self, token: &Token, options: &SubtitleOptions, first_line_chars: usize) -> bool {
        let is_short = token.end - self.start <= options.max_duration.as_secs_f64();
        let is_close = token.start - self.end <= options.max_pause.as_secs_f64();
        let has_space = self.lines.len() < options.max_lines
            || self.fits_last_line(token, options, first_line_chars);
        let is_complete = self.total_chars >= options.max_line_chars
            && !token.continues_word
            && self.ends_sentence();
        is_short && is_close && has_space && !is_complete
    }

    fn fits_last_line(
        &self,
        token: &Token,
        options: &SubtitleOptions,
        first_line_chars: usize,
    ) -> bool {
        let max_chars = if self.lines.len() == 1 {
            first_line_chars
        } else {
            options.max_line_chars
        };
        let space = usize::from(!token.continues_word);
        self.last_line_chars + space + token.chars <= max_chars
    }

    fn ends_sentence(&self) -> bool {
        self.lines
            .last()
            .is_some_and(|line| line.ends_with(['.', '!', '?', '…', '。', '！', '？']))
    }

    fn push(&mut self, token: &Token, options: &SubtitleOptions, first_line_chars: usize) {
        let fits = self.fits_last_line(token, options, first_line_chars);
        self.end = self.end.max(token.end);
        self.total_chars += token.chars;
        match self.lines.last_mut() {
            Some(line) if fits => {
                let space = if token.continues_word { "" } else { " " };
                line.push_str(space);
                line.push_str(&token.text);
                self.last_line_chars += space.len() + token.chars;
            }
            _ => {
                self.lines.push(token.text.clone());
                self.last_line_chars = token.chars;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Cue, cues};
    use crate::{SubtitleOptions, Transcript, TranscriptSegment};

    type Segment = (f64, f64, &'static str, &'static str);

    fn format_cues(segments: &[Segment], options: &SubtitleOptions) -> Vec<String> {
        let segments = segments
            .iter()
            .map(|&(start, end, text, speaker)| TranscriptSegment::new(start, end, text, speaker));
        let transcript = Transcript::from(segments.collect::<Vec<_>>());
        let cue = |cue: &Cue| {
            let (start, end) = cue.times_ms();
            format!("{start}-{end} {}: {}", cue.speaker, cue.lines.join(" / "))
        };
        cues(&transcript, options, |_| 0).iter().map(cue).collect()
    }

    #[test]
    fn cue_boundaries() {
        let options = SubtitleOptions::default().max_line_chars(10);
        let cases: &[(&str, &[Segment], &[&str])] = &[
            (
                "words are joined",
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
                "the speaker changes without a pause",
                &[
                    (0.0, 0.5, "a", "A"),
                    (0.5, 1.0, "b", "B"),
                    (1.0, 2.0, "c", "A"),
                ],
                &["0-500 A: a", "500-1000 B: b", "1000-2000 A: c"],
            ),
            (
                "pause",
                &[(0.0, 0.5, "a", "A"), (1.6, 2.0, "b", "A")],
                &["0-500 A: a", "1600-2000 A: b"],
            ),
            (
                "short pause",
                &[(0.0, 0.5, "a", "A"), (1.5, 2.0, "b", "A")],
                &["0-2000 A: a b"],
            ),
            (
                "too long for one cue",
                &[(0.0, 4.0, "a", "A"), (4.0, 7.1, "b", "A")],
                &["0-4000 A: a", "4000-7100 A: b"],
            ),
            ("long word", &[(0.0, 60.0, "a", "A")], &["0-7000 A: a"]),
            ("no duration", &[(5.0, 5.0, "a", "A")], &["5000-5001 A: a"]),
            (
                "full lines",
                &[(0.0, 5.0, "aaaa bbbb cccc ddddd e", "A")],
                &["0-4722 A: aaaa bbbb / cccc ddddd", "4722-5000 A: e"],
            ),
            (
                "end of a sentence",
                &[(0.0, 1.2, "aaaa bbbb cc. e", "A")],
                &["0-1100 A: aaaa bbbb / cc.", "1100-1200 A: e"],
            ),
            (
                "no spaces",
                &[(0.0, 2.5, "ääääääääääbbbbbbbbbbccccc", "A")],
                &["0-2000 A: ääääääääää / bbbbbbbbbb", "2000-2500 A: ccccc"],
            ),
            (
                "speakers overlap",
                &[
                    (0.0, 1.0, "a", "A"),
                    (0.5, 1.5, "b", "B"),
                    (1.0, 2.0, "c", "A"),
                ],
                &["0-2000 A: a c", "500-1500 B: b"],
            ),
            (
                "unsorted segments",
                &[(3.0, 4.0, "b", "B"), (0.0, 1.0, "a", "A")],
                &["0-1000 A: a", "3000-4000 B: b"],
            ),
            ("blank text", &[(0.0, 1.0, " \n ", "A")], &[]),
        ];
        for (name, segments, expected) in cases {
            assert_eq!(format_cues(segments, &options), *expected, "{name}");
        }
    }

    #[test]
    fn limits_are_configurable() {
        let segments = [
            (0.0, 1.0, "a", "A"),
            (4.0, 5.0, "b", "A"),
            (5.0, 9.0, "c", "A"),
        ];
        let options = SubtitleOptions::default()
            .max_pause(Duration::from_secs(3))
            .max_duration(Duration::from_secs(5));
        assert_eq!(
            format_cues(&segments, &options),
            ["0-5000 A: a b", "5000-9000 A: c"]
        );
    }

    proptest! {
        #[test]
        fn cues_respect_limits_and_keep_every_word(
            segments in prop::collection::vec((0.0..50.0_f64, 0.0..20.0_f64, "[a-z .]{0,80}", "[AB]"), 0..8),
            max_line_chars in 1..30_usize,
            max_lines in 1..4_usize,
            prefix in 0..50_usize,
        ) {
            let transcript: Transcript = segments
                .iter()
                .map(|(start, duration, text, speaker)| {
                    TranscriptSegment::new(*start, start + duration, text.as_str(), speaker.as_str())
                })
                .collect();
            let options = SubtitleOptions::default().max_line_chars(max_line_chars).max_lines(max_lines);
            let cues = cues(&transcript, &options, |_| prefix);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let expected: usize = segments.iter().map(|(_, _, text, _)| letters(text)).sum();
            prop_assert_eq!(expected, cues.iter().flat_map(|cue| &cue.lines).map(|line| letters(line)).sum::<usize>());
            for cue in &cues {
                let (start, end) = cue.times_ms();
                prop_assert!(start < end && end - start <= 7001);
                prop_assert!(cue.lines.len() <= max_lines);
                prop_assert!(cue.lines.iter().all(|line| line.chars().count() <= max_line_chars && !line.is_empty()));
            }
            prop_assert!(cues.is_sorted_by(|a, b| a.start <= b.start));
        }
    }
}
