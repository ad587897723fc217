//! Excerpts of recordings: the samples of turns, and WAV files of them.

use std::io::Cursor;
use std::path::Path;

use pyannote_core::{Span, Turn, Turns};
use pyannote_engine::{Recording, SAMPLE_RATE};

use crate::error::{Failure, Result};
use crate::export::write_file;

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
pub(crate) fn samples(recording: &Recording, span: Span) -> &[f32] {
    let index = |seconds: f64| {
        let index = (seconds.max(0.0) * f64::from(SAMPLE_RATE)).round() as usize;
        index.min(recording.samples.len())
    };
    let (start, end) = (index(span.start), index(span.end));
    &recording.samples[start..end.max(start)]
}

/// Writes samples as a WAV file: mono, 16 kHz, 16 bit.
pub(crate) fn write_wav(path: &Path, samples: &[f32]) -> Result<()> {
    let wav = encode_wav(samples).map_err(|error| Failure::of(&error).context(path.display()))?;
    write_file(path, &wav)
}

fn encode_wav(samples: &[f32]) -> std::result::Result<Vec<u8>, hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
    for sample in samples {
        writer.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
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
    fn samples_are_those_of_the_times() {
        let recording = Recording::new((0..32_000).map(|index| index as f32 / 32_000.0).collect());
        assert_eq!(samples(&recording, Span::new(0.5, 1.0)).len(), 8_000);
        assert_eq!(samples(&recording, Span::new(0.5, 1.0))[0], 0.25);
        assert_eq!(samples(&recording, Span::new(-1.0, 99.0)).len(), 32_000);
        assert!(samples(&recording, Span::new(5.0, 4.0)).is_empty());
        let wav = encode_wav(&[0.5, 2.0]).unwrap();
        let samples = hound::WavReader::new(&wav[..])
            .unwrap()
            .into_samples::<i16>();
        assert_eq!(
            samples.map(|sample| sample.unwrap()).collect::<Vec<_>>(),
            [16_384, i16::MAX]
        );
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
