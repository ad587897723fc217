//! The compared files.

use std::path::Path;

use super::super::ffmpeg::tool::Tool;

/// A file to be made.
pub(super) struct Case {
    pub(super) name: String,
    /// The rate and channels of the sound.
    pub(super) rate: u32,
    pub(super) channels: u16,
    /// The options of the encoder.
    output: &'static str,
    change: Change,
    pub(super) fidelity: Fidelity,
    /// Whether the file has the whole sound and nothing else.
    pub(super) is_whole: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Fidelity {
    Lossless,
    Lossy,
}

/// How a file differs from what the encoder writes by default.
#[derive(Clone, Copy)]
enum Change {
    None,
    /// With a video, which starts as many seconds before the audio.
    Video(&'static str),
    /// The part from here on, in seconds, without encoding again.
    Trimmed(&'static str),
    /// Only this fraction of the file.
    Cut(f64),
    /// Twice in sequence.
    Joined,
    /// These bytes after a tag.
    Patched(&'static [u8; 4], &'static [u8]),
}

use Change::{Cut, Joined, None as Plain, Patched, Trimmed, Video};
use Fidelity::{Lossless, Lossy};

/// Extension of the file, rate, channels, options of the encoder.
type Row = (&'static str, u32, u16, &'static str);

const LOSSLESS: &[Row] = &[
    ("wav", 8_000, 1, "-c:a pcm_u8"),
    ("wav", 8_000, 1, "-c:a pcm_s16le"),
    ("wav", 16_000, 1, "-c:a pcm_s16le"),
    ("wav", 44_100, 2, "-c:a pcm_s16le"),
    ("wav", 44_100, 2, "-c:a pcm_s24le"),
    ("wav", 48_000, 2, "-c:a pcm_s32le"),
    ("wav", 48_000, 2, "-c:a pcm_f32le"),
    ("wav", 48_000, 1, "-c:a pcm_f64le"),
    ("wav", 48_000, 6, "-c:a pcm_s16le"),
    ("wav", 96_000, 2, "-c:a pcm_s24le"),
    ("wav", 16_000, 1, "-c:a pcm_s16le -rf64 always"),
    ("aiff", 8_000, 1, "-c:a pcm_s16be"),
    ("aiff", 44_100, 2, "-c:a pcm_s16be"),
    ("aiff", 44_100, 2, "-c:a pcm_s24be"),
    ("aiff", 22_050, 1, "-c:a pcm_s16le"),
    ("caf", 8_000, 1, "-c:a pcm_s16be"),
    ("caf", 44_100, 2, "-c:a pcm_s16le"),
    ("caf", 44_100, 2, "-c:a alac"),
    ("au", 16_000, 1, "-c:a pcm_s16be"),
    ("flac", 8_000, 1, "-c:a flac"),
    ("flac", 16_000, 1, "-c:a flac"),
    ("flac", 44_100, 2, "-c:a flac"),
    ("flac", 48_000, 6, "-c:a flac"),
    ("flac", 96_000, 1, "-c:a flac -sample_fmt s32"),
    ("ogg", 16_000, 1, "-c:a flac"),
    ("mka", 44_100, 2, "-c:a flac"),
    ("mkv", 16_000, 1, "-c:a flac"),
    ("mp4", 16_000, 1, "-c:a flac -strict -2"),
    ("mkv", 16_000, 1, "-c:a pcm_s16le"),
    ("mkv", 44_100, 2, "-c:a pcm_f32le"),
    ("mkv", 44_100, 2, "-c:a pcm_s24be"),
    ("mov", 16_000, 1, "-c:a pcm_s16le"),
    ("mov", 44_100, 2, "-c:a pcm_s16be"),
    ("mov", 44_100, 2, "-c:a pcm_s24le"),
    ("mov", 48_000, 6, "-c:a pcm_s16le"),
    ("m4a", 16_000, 1, "-c:a alac"),
    ("m4a", 44_100, 2, "-c:a alac"),
    ("m4a", 48_000, 2, "-c:a alac -sample_fmt s32p"),
];

const LOSSY: &[Row] = &[
    ("wav", 8_000, 1, "-c:a pcm_alaw"),
    ("wav", 8_000, 1, "-c:a pcm_mulaw"),
    ("wav", 8_000, 1, "-c:a adpcm_ms"),
    ("wav", 44_100, 2, "-c:a adpcm_ms"),
    ("wav", 16_000, 1, "-c:a adpcm_ima_wav"),
    ("wav", 44_100, 2, "-c:a adpcm_ima_wav"),
    ("wav", 44_100, 2, "-c:a libmp3lame"),
    ("au", 8_000, 1, "-c:a pcm_mulaw"),
    ("mov", 8_000, 1, "-c:a pcm_alaw"),
    ("mkv", 8_000, 1, "-c:a pcm_mulaw"),
    ("mp3", 8_000, 1, "-b:a 32k"),
    ("mp3", 16_000, 1, "-b:a 48k"),
    ("mp3", 22_050, 2, "-b:a 64k"),
    ("mp3", 32_000, 1, "-b:a 64k"),
    ("mp3", 44_100, 2, "-b:a 128k"),
    ("mp3", 44_100, 2, "-q:a 4"),
    ("mp3", 48_000, 2, "-b:a 192k -joint_stereo 0"),
    ("mp3", 44_100, 2, "-b:a 128k -write_xing 0"),
    (
        "mp3",
        44_100,
        1,
        "-b:a 64k -id3v2_version 4 -metadata title=x",
    ),
    ("mkv", 44_100, 2, "-c:a libmp3lame"),
    ("mp4", 44_100, 2, "-c:a libmp3lame"),
    ("mp2", 44_100, 2, "-c:a mp2"),
    ("mp2", 48_000, 1, "-c:a mp2 -b:a 64k"),
    ("aac", 16_000, 1, "-c:a aac -b:a 48k"),
    ("aac", 44_100, 2, "-c:a aac"),
    ("aac", 48_000, 2, "-c:a aac"),
    ("m4a", 8_000, 1, "-c:a aac -b:a 32k"),
    ("m4a", 16_000, 1, "-c:a aac -b:a 48k"),
    ("m4a", 22_050, 1, "-c:a aac -b:a 48k"),
    ("m4a", 44_100, 2, "-c:a aac"),
    ("m4a", 48_000, 2, "-c:a aac"),
    ("mp4", 44_100, 2, "-c:a aac -movflags +faststart"),
    (
        "mp4",
        44_100,
        2,
        "-c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
    ),
    (
        "mp4",
        44_100,
        2,
        "-c:a aac -movflags frag_keyframe+empty_moov -frag_duration 500000",
    ),
    ("mov", 48_000, 2, "-c:a aac"),
    ("3gp", 16_000, 1, "-c:a aac -b:a 48k"),
    ("mka", 44_100, 2, "-c:a aac"),
    ("ogg", 16_000, 1, "-c:a libvorbis"),
    ("ogg", 44_100, 2, "-c:a libvorbis"),
    ("webm", 44_100, 2, "-c:a libvorbis"),
    ("mkv", 48_000, 1, "-c:a libvorbis"),
    ("opus", 16_000, 1, "-c:a libopus -b:a 24k"),
    ("opus", 48_000, 1, "-c:a libopus -b:a 12k -application voip"),
    (
        "opus",
        48_000,
        1,
        "-c:a libopus -b:a 64k -frame_duration 60",
    ),
    (
        "opus",
        48_000,
        2,
        "-c:a libopus -b:a 96k -frame_duration 10",
    ),
    (
        "opus",
        48_000,
        6,
        "-c:a libopus -b:a 256k -mapping_family 1",
    ),
    ("webm", 48_000, 1, "-c:a libopus -b:a 32k"),
    ("webm", 48_000, 2, "-c:a libopus -b:a 64k -live 1"),
    ("mkv", 48_000, 2, "-c:a libopus -b:a 64k"),
    ("mp4", 48_000, 1, "-c:a libopus -b:a 32k"),
];

/// Odd files: changed after or while they are written.
const ODD: &[(Row, Change, Fidelity)] = &[
    // Sound that starts with the video, and later.
    (("mkv", 48_000, 1, "-c:a libopus"), Video("0"), Lossy),
    (("mkv", 48_000, 1, "-c:a libopus"), Video("0.7"), Lossy),
    (("mkv", 44_100, 2, "-c:a aac"), Video("0.7"), Lossy),
    (("mkv", 16_000, 1, "-c:a flac"), Video("1.3"), Lossless),
    (("mp4", 44_100, 2, "-c:a aac"), Video("0"), Lossy),
    (("mp4", 44_100, 2, "-c:a aac"), Video("0.7"), Lossy),
    (("mov", 16_000, 1, "-c:a pcm_s16le"), Video("0.7"), Lossless),
    // Gaps in the timestamps.
    (
        (
            "mkv",
            16_000,
            1,
            "-c:a flac -af aselect=lt(t\\,1)+gt(t\\,2.2)",
        ),
        Plain,
        Lossless,
    ),
    (
        (
            "mkv",
            48_000,
            1,
            "-c:a libopus -af aselect=lt(t\\,1)+gt(t\\,2.2)",
        ),
        Plain,
        Lossy,
    ),
    (
        (
            "webm",
            44_100,
            1,
            "-c:a libvorbis -af aselect=lt(t\\,1)+gt(t\\,2.2)",
        ),
        Plain,
        Lossy,
    ),
    (
        (
            "mp4",
            44_100,
            1,
            "-c:a aac -af aselect=lt(t\\,1)+gt(t\\,2.2)",
        ),
        Plain,
        Lossy,
    ),
    // Edit lists.
    (("m4a", 44_100, 2, "-c:a aac"), Trimmed("1.03"), Lossy),
    (("mp4", 48_000, 1, "-c:a aac"), Trimmed("0.5"), Lossy),
    (("m4a", 16_000, 1, "-c:a alac"), Trimmed("1.03"), Lossless),
    (
        ("mov", 16_000, 1, "-c:a pcm_s16le"),
        Trimmed("1.03"),
        Lossless,
    ),
    (("mkv", 48_000, 1, "-c:a libopus"), Trimmed("1.03"), Lossy),
    // Interrupted downloads and recorders.
    (("wav", 16_000, 1, "-c:a pcm_s16le"), Cut(0.7), Lossless),
    (("wav", 16_000, 1, "-c:a pcm_alaw"), Cut(0.7), Lossy),
    (("aiff", 16_000, 1, "-c:a pcm_s16be"), Cut(0.7), Lossless),
    (("caf", 16_000, 1, "-c:a pcm_s16le"), Cut(0.7), Lossless),
    (("flac", 16_000, 1, "-c:a flac"), Cut(0.7), Lossless),
    (("mp3", 44_100, 2, "-b:a 128k"), Cut(0.7), Lossy),
    (("aac", 44_100, 1, "-c:a aac"), Cut(0.7), Lossy),
    (
        ("ogg", 44_100, 1, "-c:a libvorbis -page_duration 100000"),
        Cut(0.7),
        Lossy,
    ),
    (
        ("opus", 48_000, 1, "-c:a libopus -page_duration 100000"),
        Cut(0.7),
        Lossy,
    ),
    (("mkv", 16_000, 1, "-c:a flac"), Cut(0.7), Lossless),
    (("webm", 48_000, 1, "-c:a libopus"), Cut(0.7), Lossy),
    (
        ("m4a", 44_100, 1, "-c:a aac -movflags +faststart"),
        Cut(0.7),
        Lossy,
    ),
    // Files in sequence.
    (("mp3", 44_100, 1, "-b:a 64k"), Joined, Lossy),
    (("aac", 44_100, 1, "-c:a aac"), Joined, Lossy),
    // Sizes that recorders and pipes write.
    (
        ("wav", 16_000, 1, "-c:a pcm_s16le"),
        Patched(b"data", &[0xff; 4]),
        Lossless,
    ),
    (
        ("wav", 16_000, 1, "-c:a pcm_s16le"),
        Patched(b"data", &[0; 4]),
        Lossless,
    ),
    (
        ("wav", 16_000, 1, "-c:a pcm_s16le"),
        Patched(b"RIFF", &[0; 4]),
        Lossless,
    ),
    (
        ("wav", 16_000, 1, "-c:a pcm_s16le"),
        Patched(b"RIFF", &[0xff; 4]),
        Lossless,
    ),
];

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let lossless = LOSSLESS.iter().map(|row| (*row, Plain, Lossless));
    let lossy = LOSSY.iter().map(|row| (*row, Plain, Lossy));
    lossless
        .chain(lossy)
        .chain(ODD.iter().copied())
        .enumerate()
        .map(
            |(number, ((extension, rate, channels, output), change, fidelity))| Case {
                // The codec is part of the name, for messages.
                name: format!(
                    "{number}_{}_{}.{extension}",
                    output.replace(|other: char| !other.is_ascii_alphanumeric(), ""),
                    change.name()
                ),
                rate,
                channels,
                output,
                change,
                fidelity,
                is_whole: matches!(change, Plain | Patched(..)),
            },
        )
        .collect()
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Plain => "plain",
            Video(_) => "video",
            Trimmed(_) => "trimmed",
            Cut(_) => "cut",
            Joined => "joined",
            Patched(..) => "patched",
        }
    }
}

impl Case {
    /// Creates the file. Returns `false` if this ffmpeg cannot.
    pub(super) fn create(&self, tool: &Tool, source: &Path, path: &Path) -> bool {
        let input = format!("-i {}", source.display());
        match self.change {
            Video(offset) => {
                let video = "-f lavfi -i testsrc=d=3:s=64x64:r=10";
                let late = format!("-itsoffset {offset} {input}");
                let output = format!("-c:v mpeg4 {}", self.output);
                return tool.create(&[video, &late], &output, path);
            }
            Trimmed(start) => {
                let whole = path.with_file_name(format!("whole_{}", self.name));
                let trimmed = format!("-ss {start} -i {}", whole.display());
                return tool.create(&[&input], self.output, &whole)
                    && tool.create(&[&trimmed], "-c copy", path);
            }
            _ => {}
        }
        if !tool.create(&[&input], self.output, path) {
            return false;
        }
        let mut bytes = std::fs::read(path).unwrap();
        match self.change {
            Cut(fraction) => bytes.truncate((bytes.len() as f64 * fraction) as usize),
            Joined => bytes.extend_from_within(..),
            Patched(tag, value) => {
                let at = bytes.windows(4).position(|window| window == tag).unwrap() + 4;
                bytes[at..at + value.len()].copy_from_slice(value);
            }
            _ => return true,
        }
        std::fs::write(path, bytes).unwrap();
        true
    }
}
