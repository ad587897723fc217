//! Excerpts of recordings: the samples of turns, and WAV files of them.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use pyannote_core::{Span, Turn, Turns};
use pyannote_engine::{Recording, SAMPLE_RATE, SpoolError};

use crate::error::{Failure, Result};
use crate::export::write_file_with;

/// Number of samples that are read at a time.
const BLOCK_SAMPLES: usize = 1 << 16;

/// The parts of a speaker's turns in which nobody else speaks, sorted by start.
pub(crate) fn clear_speech(turns: &Turns, speaker: &str) -> Vec<Span> {
    let others: Vec<&Turn> = turns
        .iter()
        .filter(|turn| turn.speaker != speaker)
        .collect();
    let mut clear = Vec::new();
    for turn in turns.iter().filter(|turn| turn.speaker == speaker) {
        let mut parts = vec![Span::new(turn.start, turn.end)];
        for other in others
            .iter()
            .filter(|other| other.start < turn.end && turn.start < other.end)
        {
            parts = parts
                .into_iter()
                .flat_map(|part| {
                    [
                        Span::new(part.start, part.end.min(other.start)),
                        Span::new(part.start.max(other.end), part.end),
                    ]
                })
                .filter(|part| part.start < part.end)
                .collect();
        }
        clear.extend(parts);
    }
    clear.sort_by(|a, b| a.start.total_cmp(&b.start));
    clear
}

/// The longest clear part of a speaker's turns, or else the longest turn; at most `max_s` seconds of it.
pub(crate) fn longest_clear(turns: &Turns, speaker: &str, max_s: f64) -> Option<Span> {
    let own = turns.iter().filter(|turn| turn.speaker == speaker);
    let spans: Vec<Span> = match clear_speech(turns, speaker) {
        clear if clear.is_empty() => own.map(|turn| Span::new(turn.start, turn.end)).collect(),
        clear => clear,
    };
    let longest = spans
        .into_iter()
        .max_by(|a, b| a.duration().total_cmp(&b.duration()))?;
    Some(Span::new(
        longest.start,
        longest.end.min(longest.start + max_s),
    ))
}

/// The samples of a part of a recording. Parts outside of it are left out.
pub(crate) fn range(recording: &Recording, span: Span) -> Range<usize> {
    let index = |seconds: f64| {
        let index = (seconds.max(0.0) * f64::from(SAMPLE_RATE)).round() as usize;
        index.min(recording.len())
    };
    let (start, end) = (index(span.start), index(span.end));
    start..end.max(start)
}

/// Writes parts of a recording, one after the other, as a WAV file: mono, 16 kHz, 16 bit. They are not held in memory.
pub(crate) fn write_wav(path: &Path, recording: &Recording, parts: &[Range<usize>]) -> Result<()> {
    let mut unreadable = None;
    let written = write_file_with(path, 0o666, |file| {
        encode_wav(BufWriter::new(file), recording, parts, &mut unreadable)
    });
    match unreadable {
        Some(error) => Err(Failure::of(&error)),
        None => written,
    }
}

/// Encodes parts of a recording. If it cannot be read, fails and sets `unreadable`.
fn encode_wav(
    mut out: impl Write,
    recording: &Recording,
    parts: &[Range<usize>],
    unreadable: &mut Option<SpoolError>,
) -> io::Result<()> {
    let samples: usize = parts.iter().map(Range::len).sum();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    // The header is complete, so that the file can be a pipe.
    let mut header = spec.into_header_for_infinite_file();
    let bytes = u32::try_from(samples * size_of::<i16>()).unwrap_or(u32::MAX);
    let (data, riff) = (
        header.len() - 4,
        bytes.saturating_add(header.len() as u32 - 8),
    );
    header[data..].copy_from_slice(&bytes.to_le_bytes());
    header[4..8].copy_from_slice(&riff.to_le_bytes());
    out.write_all(&header)?;
    for part in parts {
        for start in part.clone().step_by(BLOCK_SAMPLES) {
            let block = recording.samples(start..part.end.min(start + BLOCK_SAMPLES));
            let block = block.map_err(|error| {
                *unreadable = Some(error);
                io::Error::from(io::ErrorKind::Other)
            })?;
            for sample in block {
                let sample = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
                out.write_all(&sample.to_le_bytes())?;
            }
        }
    }
    out.flush()
}

/// A name as part of the name of a file.
pub(crate) fn file_word(name: &str) -> String {
    let word: String = name
        .chars()
        .map(|char| match char {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            char if char.is_control() || char.is_whitespace() => '_',
            char => char,
        })
        .collect();
    match word.trim_matches('.') {
        "" => "_".to_owned(),
        word => word.to_owned(),
    }
}

/// Makes a name unique: names of different speakers may become the same name of a file.
pub(crate) fn unique(names: &mut Vec<String>, name: String) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while names.contains(&candidate) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    names.push(candidate.clone());
    candidate
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clear_speech_is_without_other_speakers() {
        let turns = Turns::from([
            Turn::new(0.0, 10.0, "Ada"),
            Turn::new(2.0, 3.0, "Grace"),
            Turn::new(9.0, 12.0, "Grace"),
            Turn::new(5.0, 6.0, "Alan"),
            Turn::new(5.0, 6.0, "Mary"),
        ]);
        let spans = |speaker| {
            let spans = clear_speech(&turns, speaker).into_iter();
            spans.map(|span| (span.start, span.end)).collect::<Vec<_>>()
        };
        assert_eq!(spans("Ada"), [(0.0, 2.0), (3.0, 5.0), (6.0, 9.0)]);
        assert_eq!(spans("Grace"), [(10.0, 12.0)]);
        assert_eq!(spans("Mary"), []);
        let longest = |speaker| longest_clear(&turns, speaker, 2.5).unwrap();
        assert_eq!((longest("Ada").start, longest("Ada").end), (6.0, 8.5));
        assert_eq!((longest("Mary").start, longest("Mary").end), (5.0, 6.0));
        assert!(longest_clear(&turns, "nobody", 1.0).is_none());
    }

    #[test]
    fn parts_are_those_of_the_times() {
        let recording = Recording::new((0..32_000).map(|index| index as f32 / 32_000.0).collect());
        assert_eq!(range(&recording, Span::new(0.5, 1.0)), 8_000..16_000);
        assert_eq!(range(&recording, Span::new(-1.0, 99.0)), 0..32_000);
        assert!(range(&recording, Span::new(5.0, 4.0)).is_empty());
    }

    #[test]
    fn parts_become_one_file() {
        let recording = Recording::new((0..200_000).map(|n| (n % 100) as f32 / 50.0).collect());
        let mut wav = Vec::new();
        let parts = [25..27, 0..150_000, 7..7, 199_999..200_000];
        encode_wav(&mut wav, &recording, &parts, &mut None).unwrap();
        assert_eq!(wav.len(), 44 + 2 * 150_003);
        let found = hound::WavReader::new(&wav[..])
            .unwrap()
            .into_samples::<i16>()
            .map(|sample| sample.unwrap());
        let whole = recording.samples(..).unwrap();
        let expected = parts.into_iter().flat_map(|part| &whole[part]);
        let expected = expected.map(|sample| (sample.min(1.0) * 32_767.0).round() as i16);
        assert!(found.eq(expected));
    }

    #[test]
    fn names_in_names_of_files() {
        for (name, word) in [
            ("Ada L.", "Ada_L"),
            ("../x", "_x"),
            ("..", "_"),
            ("グレース", "グレース"),
        ] {
            assert_eq!(file_word(name), word);
        }
    }
}
