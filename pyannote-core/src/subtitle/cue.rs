//! Groups tokens into cues: the text that is displayed at one time.

use super::SubtitleOptions;
use super::token::{Token, tokens};
use crate::Transcript;
use crate::time_format::to_millis;

/// Cost of a cue that ends within a word.
const COST_OF_END_IN_WORD: f64 = 6.0;
/// Cost of a cue that ends within a clause.
const COST_OF_END_IN_CLAUSE: f64 = 3.0;
/// Cost of a cue that ends after a comma or the like.
const COST_OF_END_OF_CLAUSE: f64 = 1.0;
/// Cost of a cue with hardly any text: a quarter of it if half a line is full, nothing if a line is.
const COST_OF_SHORT_CUE: f64 = 4.0;
/// Cost of text that follows a sentence in a cue, although the cue had a full line at the end of that sentence.
const COST_AFTER_SENTENCE: f64 = 2.0;

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
    /// Number of sentences that ended before the last token when a line was full.
    inner_sentences: u32,
}

/// Tokens of one speaker without a long pause, and without a change of speaker.
struct Run {
    speaker: String,
    /// The end of the tokens, in seconds.
    end: f64,
    tokens: Vec<Token>,
}

/// Returns the cues of `transcript`, sorted by start.
///
/// `prefix_chars` is the number of characters that the name of a speaker takes up in the first line of a cue.
///
/// A cue ends with its speaker's turn and at a pause. What does not fit in one cue is divided at the ends of sentences
/// and clauses, such that no cue has only a word or two. If speakers speak at the same time, their cues overlap.
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
    let runs = runs(tokens(transcript, first_line_chars), options);
    let cues = runs
        .iter()
        .flat_map(|run| run.cues(options, first_line_chars(&run.speaker)));
    let mut cues: Vec<Cue> = cues.collect();
    for cue in &mut cues {
        cue.end = cue.end.min(cue.start + options.max_duration.as_secs_f64());
    }
    cues.sort_by(|a, b| a.start.total_cmp(&b.start));
    cues
}

/// Divides tokens into runs.
fn runs(tokens: Vec<Token>, options: &SubtitleOptions) -> Vec<Run> {
    let max_pause = options.max_pause.as_secs_f64();
    let mut finished = Vec::new();
    let mut open: Vec<Run> = Vec::new();
    for token in tokens {
        // The turns of other speakers that ended before this token are over.
        let is_over = |run: &mut Run| match run.speaker == token.speaker {
            true => token.start - run.end > max_pause,
            false => run.end <= token.start,
        };
        finished.extend(open.extract_if(.., is_over));
        match open.iter_mut().find(|run| run.speaker == token.speaker) {
            Some(run) => {
                run.end = run.end.max(token.end);
                run.tokens.push(token);
            }
            None => open.push(Run {
                speaker: token.speaker.clone(),
                end: token.end,
                tokens: vec![token],
            }),
        }
    }
    finished.append(&mut open);
    finished
}

impl Run {
    /// Divides the run into the cues whose costs have the least sum.
    fn cues(&self, options: &SubtitleOptions, first_line_chars: usize) -> Vec<Cue> {
        let tokens = &self.tokens;
        // For each number of tokens: the least cost of their cues, and the first token of the last of these.
        let mut best = vec![(f64::INFINITY, 0); tokens.len() + 1];
        best[0].0 = 0.0;
        for (first, token) in tokens.iter().enumerate() {
            let mut cue = Cue::new(token);
            for end in first + 1..=tokens.len() {
                let next = tokens.get(end);
                let cost = best[first].0 + cue.cost(next, options);
                if cost < best[end].0 {
                    best[end] = (cost, first);
                }
                match next {
                    Some(next) if cue.has_room(next, options, first_line_chars) => {
                        cue.push(next, options, first_line_chars);
                    }
                    _ => break,
                }
            }
        }
        let mut cues = Vec::new();
        let mut end = tokens.len();
        while end > 0 {
            let first = best[end].1;
            let mut cue = Cue::new(&tokens[first]);
            for token in &tokens[first + 1..end] {
                cue.push(token, options, first_line_chars);
            }
            cues.push(cue);
            end = first;
        }
        cues.reverse();
        cues
    }
}

impl Cue {
    fn new(token: &Token) -> Self {
        Self {
            speaker: token.speaker.clone(),
            start: token.start,
            end: token.end,
            lines: vec![token.text.clone()],
            last_line_chars: token.chars,
            total_chars: token.chars,
            inner_sentences: 0,
        }
    }

    /// Start and end, in milliseconds. The end is after the start, as WebVTT requires.
    pub(super) fn times_ms(&self) -> (u64, u64) {
        let start = to_millis(self.start);
        (start, to_millis(self.end).max(start.saturating_add(1)))
    }

    /// How bad it is to end the cue before the token `next`, if there is one.
    fn cost(&self, next: Option<&Token>, options: &SubtitleOptions) -> f64 {
        let of_end = match next {
            Some(next) if next.continues_word => COST_OF_END_IN_WORD,
            Some(_) if self.ends_clause() => COST_OF_END_OF_CLAUSE,
            Some(_) if !self.ends_sentence() => COST_OF_END_IN_CLAUSE,
            Some(_) | None => 0.0,
        };
        let empty = 1.0 - (self.total_chars as f64 / options.max_line_chars as f64).min(1.0);
        let of_text = COST_OF_SHORT_CUE * empty * empty;
        of_end + of_text + COST_AFTER_SENTENCE * f64::from(self.inner_sentences)
    }

    /// Whether `token` can be added. `first_line_chars` is the maximum length of the first line.
    fn has_room(&self, token: &Token, options: &SubtitleOptions, first_line_chars: usize) -> bool {
        let is_short = token.end.max(self.end) - self.start <= options.max_duration.as_secs_f64();
        is_short
            && (self.lines.len() < options.max_lines
                || self.fits_last_line(token, options, first_line_chars))
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
        self.ends_with(&['.', '!', '?', '…', '。', '！', '？'])
    }

    fn ends_clause(&self) -> bool {
        self.ends_with(&[',', ';', ':', '–', '—', '、', '，', '；', '：'])
    }

    fn ends_with(&self, characters: &[char]) -> bool {
        let line = self.lines.last();
        line.is_some_and(|line| line.ends_with(characters))
    }

    fn push(&mut self, token: &Token, options: &SubtitleOptions, first_line_chars: usize) {
        let has_full_line = self.total_chars >= options.max_line_chars;
        if has_full_line && self.ends_sentence() && !token.continues_word {
            self.inner_sentences += 1;
        }
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
                &["0-2222 A: aaaa bbbb", "2222-5000 A: cccc ddddd / e"],
            ),
            (
                "end of a sentence",
                &[(0.0, 1.9, "aaaa bbbb cc. eeee ffff", "A")],
                &["0-1100 A: aaaa bbbb / cc.", "1100-1900 A: eeee ffff"],
            ),
            (
                "a word after the end of a sentence",
                &[(0.0, 1.2, "aaaa bbbb cc. e", "A")],
                &["0-1200 A: aaaa bbbb / cc. e"],
            ),
            (
                "end of a clause",
                &[(0.0, 2.5, "aaaa bbbb, cccc dddd eeee ffff", "A")],
                &["0-900 A: aaaa bbbb,", "900-2500 A: cccc dddd / eeee ffff"],
            ),
            (
                "no spaces",
                &[(0.0, 2.5, "ääääääääääbbbbbbbbbbccccc", "A")],
                &["0-1000 A: ääääääääää", "1000-2500 A: bbbbbbbbbb / ccccc"],
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
            (8.5, 9.0, "c", "A"),
            (9.0, 13.0, "d.", "A"),
            (13.0, 14.0, "e", "A"),
        ];
        let options = SubtitleOptions::default()
            .max_pause(Duration::from_secs(3))
            .max_duration(Duration::from_secs(5));
        assert_eq!(
            format_cues(&segments, &options),
            ["0-5000 A: a b", "8500-13000 A: c d.", "13000-14000 A: e"]
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
