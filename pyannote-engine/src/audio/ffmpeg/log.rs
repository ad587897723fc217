//! What ffmpeg writes to its log (`-loglevel level+info`).

use std::io::{BufRead, BufReader, Read};

/// Maximum number of bytes of a line that are read; the rest is skipped.
const MAX_LINE_BYTES: usize = 500;
/// Maximum number of characters of a message that is passed on.
const MAX_MESSAGE_CHARS: usize = 120;
/// Maximum number of audio tracks that are named.
const MAX_TRACKS: usize = 64;
/// The start of the message about a damaged packet: of the demuxer, and of the decoder up to version 6 and since.
const DAMAGE: [&str; 3] = [
    "Packet corrupt",
    "Error while decoding stream",
    "Error submitting packet to decoder",
];

/// The state of a conversion, according to the log. Its size is limited whatever ffmpeg writes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Log {
    /// Name of the input file, which is not passed on.
    input: String,
    section: Section,
    /// Number of tracks of any kind.
    pub(super) streams: usize,
    /// The index of the stream and the language of each audio track.
    audio: Vec<(usize, Option<String>)>,
    /// The index of the stream that is decoded.
    selected: Option<usize>,
    /// Duration in the header, in seconds.
    pub(super) duration_s: Option<f64>,
    /// Whether the duration is an estimate.
    is_estimated: bool,
    /// Whether there are packets that are incomplete or cannot be decoded.
    pub(super) is_damaged: bool,
    /// The first error, without paths.
    pub(super) error: Option<String>,
}

/// The part of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Section {
    #[default]
    Start,
    Input,
    Mapping,
    Output,
}

impl Log {
    /// Reads the log to its end.
    pub(super) fn read(input: &str, source: impl Read) -> Self {
        let mut log = Self {
            input: input.to_owned(),
            ..Self::default()
        };
        let mut reader = BufReader::new(source);
        let mut line = Vec::new();
        // Reads in pieces, since a line may have any length.
        while let Ok(piece) = reader.fill_buf()
            && !piece.is_empty()
        {
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            let space = MAX_LINE_BYTES.saturating_sub(line.len());
            line.extend(part.iter().take(space));
            let read = part.len() + usize::from(end.is_some());
            reader.consume(read);
            if end.is_some() {
                log.push(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        log.push(&String::from_utf8_lossy(&line));
        log
    }

    fn push(&mut self, line: &str) {
        let (level, text) = split_level(line);
        if DAMAGE.iter().any(|start| text.starts_with(start)) {
            self.is_damaged = true;
        }
        match level {
            Some("error" | "fatal" | "panic") => self.push_error(text),
            Some("warning") if text.contains("Estimating duration from bitrate") => {
                self.is_estimated = true;
            }
            Some("info") => self.push_info(text),
            _ => {}
        }
    }

    fn push_error(&mut self, text: &str) {
        if self.error.is_none() {
            let text = text.replace(&self.input, "the file");
            self.error = Some(message(&text)).filter(|text| !text.is_empty());
        }
    }

    fn push_info(&mut self, text: &str) {
        let trimmed = text.trim_start();
        if text.starts_with("Input #0") {
            self.section = Section::Input;
        } else if text.starts_with("Stream mapping") {
            self.section = Section::Mapping;
        } else if text.starts_with("Output #0") {
            self.section = Section::Output;
        } else if let Some(stream) = trimmed.strip_prefix("Stream #0:") {
            match self.section {
                Section::Input => self.push_stream(stream),
                Section::Mapping => self.selected = self.selected.or(leading_number(stream)),
                Section::Start | Section::Output => {}
            }
        } else if let Some(duration) = trimmed.strip_prefix("Duration: ")
            && self.section == Section::Input
            && !self.is_estimated
        {
            self.duration_s = duration_s(duration);
        }
    }

    /// Adds a track, as in `1[0x101](eng): Audio: ac3, 44100 Hz, mono`.
    fn push_stream(&mut self, stream: &str) {
        self.streams += 1;
        let Some((head, rest)) = stream.split_once(": ") else {
            return;
        };
        let Some(index) = leading_number(head).filter(|_| rest.starts_with("Audio:")) else {
            return;
        };
        if self.audio.len() < MAX_TRACKS {
            let language = head
                .split_once('(')
                .and_then(|(_, rest)| rest.strip_suffix(')'))
                .filter(|name| {
                    *name != "und" && name.bytes().all(|byte| byte.is_ascii_alphabetic())
                });
            self.audio.push((index, language.map(str::to_owned)));
        }
    }

    /// The language of each audio track, and whether it is the one that was decoded.
    pub(super) fn tracks(&self) -> impl Iterator<Item = (Option<&str>, bool)> {
        self.audio
            .iter()
            .map(|(index, language)| (language.as_deref(), Some(*index) == self.selected))
    }
}

/// The level of a line and its text, without the part of ffmpeg that wrote it.
fn split_level(line: &str) -> (Option<&str>, &str) {
    let mut rest = line;
    while let Some((bracketed, after)) = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        rest = after;
        if ["info", "warning", "error", "fatal", "panic"].contains(&bracketed) {
            return (Some(bracketed), rest);
        }
    }
    (None, rest)
}

/// The number at the start of a text.
fn leading_number(text: &str) -> Option<usize> {
    let end = text.find(|digit: char| !digit.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

/// A duration such as `00:01:02.34, start: …`, in seconds.
fn duration_s(text: &str) -> Option<f64> {
    let (duration, _) = text.split_once(',')?;
    let mut parts = duration.split(':').map(str::parse::<f64>);
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    Some(hours.ok()? * 3_600.0 + minutes.ok()? * 60.0 + seconds.ok()?)
}

/// A message without anything that may be a path or a URL, and without control characters.
fn message(text: &str) -> String {
    if text.contains("not on whitelist") {
        return "its format is not allowed".to_owned();
    }
    let words = text
        .split(|separator: char| separator.is_whitespace() || separator.is_control())
        .filter(|word| !word.is_empty() && !word.contains(['/', '\\']));
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_and_duration_are_read() {
        let text = "\
[info] Input #0, mpegts, from 'file:/tmp/t.ts':
[info]   Metadata:
[info]     title           : Stream #0:9: Audio: invented
[info]   Duration: 00:01:03.01, start: 1.434200, bitrate: 333 kb/s
[info]   Stream #0:0[0x100]: Video: mpeg2video (Main), 25 fps
[info]   Stream #0:1[0x101](eng): Audio: ac3 (AC-3 / 0x332D4341), 44100 Hz, mono, fltp, 96 kb/s
[info]   Stream #0:2(und): Audio: ac3 (AC-3 / 0x332D4341), 44100 Hz, mono, fltp, 96 kb/s
[info] Stream mapping:
[info]   Stream #0:2 -> #0:0 (ac3 (native) -> pcm_s16le (native))
[info] Output #0, wav, to 'pipe:1':
[info]   Stream #0:0: Audio: pcm_s16le ([1][0][0][0] / 0x0001), 16000 Hz, mono, s16, 256 kb/s
[info] size=       2kB time=00:00:00.10 bitrate= 173.1kbits/s speed=  73x
[error] Error while decoding stream #0:1: Invalid data found when processing input
";
        let log = Log::read("file:/tmp/t.ts", text.as_bytes());
        let tracks = log.tracks().collect::<Vec<_>>();
        assert_eq!(tracks, [(Some("eng"), false), (None, true)]);
        assert_eq!(
            (log.streams, log.is_damaged, log.duration_s),
            (3, true, Some(63.01))
        );

        let estimated = "\
[mp3 @ 0x1] [warning] Estimating duration from bitrate, this may be inaccurate
[info] Input #0, mp3, from 'file:/a':
[info]   Duration: 00:00:10.00, start: 0.0
";
        assert_eq!(Log::read("file:/a", estimated.as_bytes()).duration_s, None);
    }

    #[test]
    fn damage_is_recognized() {
        for (line, expected) in [
            (
                "[error] Error while decoding stream #0:1: Invalid data found",
                true,
            ),
            (
                "[aist#0:1/ac3 @ 0x5] [error] Error submitting packet to decoder: Invalid",
                true,
            ),
            (
                "[avi @ 0x5] [warning] Packet corrupt (stream = 0, dts = 12288).",
                true,
            ),
            (
                "[mpeg2video @ 0x5] [error] Invalid frame dimensions 0x0.",
                false,
            ),
            ("[info]     title           : Packet corrupt", false),
        ] {
            let log = Log::read("file:/a", line.as_bytes());
            assert_eq!(log.is_damaged, expected, "{line}");
        }
    }

    #[test]
    fn errors_contain_no_paths() {
        for (line, expected) in [
            (
                "[error] file:/home/ada lovelace/secret.avi: Invalid data found when processing input",
                "the file: Invalid data found when processing input",
            ),
            (
                "[avi @ 0x562e61c279c0] [error] Format not on whitelist 'mpegts,wav'",
                "its format is not allowed",
            ),
            (
                "[fatal] cannot open \u{1b}[31mhttps://host/a?key=1 or C:\\a\tnow",
                "cannot open or now",
            ),
        ] {
            let log = Log::read("file:/home/ada lovelace/secret.avi", line.as_bytes());
            assert_eq!(log.error.as_deref(), Some(expected), "{line}");
        }
        let long = format!("[error] {}", "x".repeat(100_000));
        let error = Log::read("file:/a", long.as_bytes()).error.unwrap();
        assert_eq!(error.chars().count(), MAX_MESSAGE_CHARS + 1);
    }

    #[test]
    fn a_flood_takes_no_memory() {
        let line = format!(
            "[info] Input #0\n{}",
            "[info]   Stream #0:1(abc): Audio: x\n".repeat(10_000)
        );
        let log = Log::read("file:/a", line.as_bytes());
        assert_eq!(log.audio.len(), MAX_TRACKS);
        assert_eq!(log.streams, 10_000);
    }
}
