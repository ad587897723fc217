//! Formats of results, and where they are written.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pyannote_core::{FrameScores, HtmlOptions, SvgOptions, Transcript, Turns, rttm};
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::input::Input;
use crate::page;
use crate::result::{Document, Output};
use crate::table::Columns;
use crate::ui::Ui;

/// Instead of turns if there are none.
pub(crate) const NO_SPEECH: &str = "no speech was found";

/// A format of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Turns, and totals per speaker, for people.
    Table,
    /// Everything, with the output in the form of the API.
    Json,
    /// One JSON object per turn and line.
    Ndjson,
    /// Rich Transcription Time Marked, for evaluation tools.
    Rttm,
    /// SubRip subtitles; needs a transcript.
    Srt,
    /// WebVTT subtitles; needs a transcript.
    Vtt,
    /// The transcript, or else the turns, as text.
    Txt,
    /// The transcript, or else the turns, as comma-separated values.
    Csv,
    /// Labels for Audacity.
    Audacity,
    /// A timeline as an image.
    Svg,
    /// A page that plays the recording.
    Html,
    /// The form of OpenAI's diarized transcriptions.
    DiarizedJson,
}

impl Format {
    /// The end of the name of a file in this format.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Table => "table.txt",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Rttm => "rttm",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
            Self::Csv => "csv",
            Self::Audacity => "labels.txt",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::DiarizedJson => "diarized.json",
        }
    }

    /// The format of a file with this name: that of the longest extension that it ends with.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let formats = Self::value_variants().iter().copied();
        formats
            .filter(|format| name.ends_with(&format!(".{}", format.extension())))
            .max_by_key(|format| format.extension().len())
    }
}

/// Where results go, and in which formats.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Format of the result; repeatable with a directory as --output [default: table, or that of --output].
    #[arg(long = "format", short, value_name = "FORMAT")]
    pub(crate) formats: Vec<Format>,
    /// File to write instead of standard output, or directory, in which files are named after the recording.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Include the recording in HTML pages, instead of a link to it.
    #[arg(long)]
    pub(crate) embed_audio: bool,
}

impl OutputArgs {
    /// Checks the options, before anything is computed or billed.
    pub(crate) fn check(&self, ui: Ui) -> Result<()> {
        self.targets("result", ui).map(drop)
    }

    /// [`check`](Self::check), and that no file replaces the recording.
    pub(crate) fn check_for(&self, recording: &Input, ui: Ui) -> Result<()> {
        let Input::File(recording) = recording else {
            return self.check(ui);
        };
        let stem = stem_of(&recording.to_string_lossy()).to_owned();
        let targets = self.targets(&stem, ui)?;
        let mut files = targets.into_iter().filter_map(|(_, path)| path);
        files.try_for_each(|path| check_is_not(&path, recording))
    }

    /// Whether subtitles were asked for, which need a transcript.
    pub(crate) fn wants_subtitles(&self) -> bool {
        let of_file = self.output.as_deref().and_then(Format::of);
        let formats = self.formats.iter().copied().chain(of_file);
        formats
            .into_iter()
            .any(|format| matches!(format, Format::Srt | Format::Vtt))
    }

    /// Prints the warnings of a result, and writes it. `stem` is the name of files in a directory, without extension.
    ///
    /// If one format cannot be written, the others are. The error has the id of the job, from which the result can be
    /// fetched again.
    pub(crate) fn write(&self, document: &Document, stem: &str, ui: Ui) -> Result<()> {
        for warning in &document.warnings {
            ui.warn(warning);
        }
        let mut result = Ok(());
        for (format, path) in self.targets(stem, ui)? {
            result = result.and(self.write_one(document, format, path.as_deref(), ui));
        }
        if ui.is_json() {
            result = result.and(ui.print(&render(document, Format::Json, None)?));
        }
        result.map_err(|failure| match &document.job_id {
            Some(id) => failure.with_job(id).with_hint(format!(
                "the result is still there for 24 h: pyannote jobs get {id}"
            )),
            None => failure,
        })
    }

    fn write_one(
        &self,
        document: &Document,
        format: Format,
        path: Option<&Path>,
        ui: Ui,
    ) -> Result<()> {
        let link = match self.embed_audio {
            true => AudioLink::Embed,
            false => AudioLink::From(path.unwrap_or(Path::new("page.html"))),
        };
        let is_missing = |audio: &str| !audio.contains("://") && !Path::new(audio).is_file();
        if self.embed_audio
            && format == Format::Html
            && document.audio.as_deref().is_none_or(is_missing)
        {
            ui.warn("the recording of the result is missing, so that the page cannot play it");
        }
        let text = render(document, format, Some(link))?;
        // No text at all looks like a failure.
        if text.is_empty() {
            ui.note(match document.output.named_turns().is_empty() {
                true => NO_SPEECH,
                false => "no words were found",
            });
        }
        let Some(path) = path else {
            return ui.print(&text);
        };
        if let Some(audio) = &document.audio {
            check_is_not(path, Path::new(audio))?;
        }
        write_file(path, text.as_bytes())?;
        ui.note(&format!("wrote {}", path.display()));
        Ok(())
    }

    /// Each format with its file, or `None` for standard output.
    pub(crate) fn targets(&self, stem: &str, ui: Ui) -> Result<Vec<(Format, Option<PathBuf>)>> {
        let Some(path) = self
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"))
        else {
            return match self.formats[..] {
                [] if ui.is_json() => Ok(Vec::new()),
                [] => Ok(vec![(Format::Table, None)]),
                _ if ui.is_json() => Err(Failure::usage(
                    "--format cannot be combined with --json, unless --output has a file or a directory",
                )),
                [format] => Ok(vec![(format, None)]),
                _ => Err(Failure::usage(
                    "several formats cannot be written to the standard output; pass a directory as --output",
                )),
            };
        };
        if is_directory(path) {
            let formats = match self.formats[..] {
                [] => &[Format::Json],
                ref formats => formats,
            };
            let file = |format: Format| path.join(format!("{stem}.{}", format.extension()));
            return Ok(formats
                .iter()
                .map(|&format| (format, Some(file(format))))
                .collect());
        }
        let format = match self.formats[..] {
            [format] => format,
            [] => Format::of(path).ok_or_else(|| {
                Failure::usage(format!(
                    "the extension of {} is not that of a format; pass --format",
                    path.display()
                ))
            })?,
            _ => {
                return Err(Failure::usage(format!(
                    "{} is one file, but there are several formats; pass a directory, with a `/` at its end",
                    path.display()
                )));
            }
        };
        Ok(vec![(format, Some(path.to_owned()))])
    }
}

/// Whether `path` is a directory, or is to become one: it ends with a separator.
pub(crate) fn is_directory(path: &Path) -> bool {
    path.is_dir()
        || path
            .as_os_str()
            .to_string_lossy()
            .ends_with(std::path::is_separator)
}

/// Fails if a file that is to be written is the recording, which would be lost.
pub(crate) fn check_is_not(path: &Path, recording: &Path) -> Result<()> {
    let is_same = match (path.canonicalize(), recording.canonicalize()) {
        (Ok(path), Ok(recording)) => path == recording,
        _ => false,
    };
    match is_same {
        true => Err(Failure::usage(format!(
            "{} is the recording, and is not overwritten",
            path.display()
        ))
        .with_hint("name another file or folder")),
        false => Ok(()),
    }
}

/// Writes a file, which is complete or does not change. Creates its directory if that is missing.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file_with_mode(path, bytes, 0o666)
}

/// [`write_file`], with the permissions that the user's umask, or else the file that is replaced, leaves of `mode`.
pub(crate) fn write_file_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    write_file_with(path, mode, |file| file.write_all(bytes))
}

/// [`write_file_with_mode`], for content that is not in memory.
pub(crate) fn write_file_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<()> {
    let fail = |error: io::Error| {
        // A temporary file has a path of its own, which is of no interest.
        let error = match error.raw_os_error() {
            Some(_) => error,
            None => error.kind().into(),
        };
        Failure::failed(format!("cannot write {}: {error}", path.display()))
    };
    // A link stays, and its target is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = target.metadata().ok();
    if existing.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Err(Failure::failed(format!(
            "cannot write {}: it is a folder",
            path.display()
        )));
    }
    // A device or a pipe, such as /dev/null, is written to, and not replaced by a file.
    if existing.as_ref().is_some_and(|file| !file.is_file()) {
        let file = File::options().write(true).open(&target);
        return file.and_then(|mut file| write(&mut file)).map_err(fail);
    }
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(fail)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(mode))
    };
    let mut file = builder.tempfile_in(directory).map_err(fail)?;
    // A file that was private stays private.
    #[cfg(unix)]
    if let Some(existing) = existing {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = existing.permissions().mode() & mode;
        let permissions = std::fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(permissions).map_err(fail)?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    write(file.as_file_mut()).map_err(fail)?;
    file.persist(&target).map_err(|error| fail(error.error))?;
    Ok(())
}

/// One line of NDJSON.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(title = "Turn")]
pub(crate) struct TurnOutput<'a> {
    /// Start, in seconds.
    start: f64,
    /// End, in seconds.
    end: f64,
    speaker: &'a str,
    /// What was said, if there is a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// How an HTML page refers to the recording.
#[derive(Clone, Copy)]
pub(crate) enum AudioLink<'a> {
    /// By a link from the page with this path.
    From(&'a Path),
    /// By its content.
    Embed,
}

/// Converts a result to a format. Without a link, an HTML page does not play the recording.
pub(crate) fn render(
    document: &Document,
    format: Format,
    link: Option<AudioLink<'_>>,
) -> Result<String> {
    let output = &document.output;
    Ok(match format {
        Format::Table => table(document),
        Format::Json => format!("{}\n", serde_json::to_string(document)?),
        Format::Ndjson => ndjson(document)?,
        Format::Rttm => {
            let uri = document.stem().unwrap_or("recording");
            rttm_names(&output.named_turns()).to_rttm(&rttm::sanitize_name(uri))?
        }
        Format::Srt => words(document)?.to_srt(),
        Format::Vtt => words(document)?.to_webvtt(),
        Format::Txt => match output.named_transcript() {
            Some(transcript) => transcript.to_text(),
            None => output.named_turns().to_text(),
        },
        Format::Csv => match output.named_transcript() {
            Some(transcript) => transcript.to_csv(),
            None => output.named_turns().to_csv(),
        },
        Format::Audacity => match output.named_transcript() {
            Some(transcript) => transcript.to_audacity(),
            None => output.named_turns().to_audacity(),
        },
        Format::Svg => output.named_turns().to_svg_with(&svg_options(document)),
        Format::Html => html(document, link)?,
        Format::DiarizedJson => {
            let duration = document.duration.unwrap_or_default();
            let transcription = match output.named_transcript() {
                Some(transcript) => transcript.to_diarized_json(duration),
                None => output.named_turns().to_diarized_json(duration),
            };
            format!("{}\n", serde_json::to_string(&transcription)?)
        }
    })
}

/// Turns with names that RTTM allows, which has no spaces in names. Speakers stay apart.
fn rttm_names(turns: &Turns) -> Turns {
    let mut names: Vec<(&str, String)> = Vec::new();
    for speaker in turns.speakers() {
        let plain = rttm::sanitize_name(speaker);
        let mut name = plain.clone();
        let mut number = 2;
        while names.iter().any(|(_, taken)| *taken == name) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        names.push((speaker, name));
    }
    turns.map_speakers(|speaker| {
        let found = names.iter().find(|(known, _)| *known == speaker);
        found.map_or_else(|| speaker.to_owned(), |(_, name)| name.clone())
    })
}

/// The transcript for subtitles, whose lines break best between words.
fn words(document: &Document) -> Result<Transcript> {
    let output = &document.output;
    let words = output.named_words().or_else(|| output.named_transcript());
    words.ok_or_else(|| {
        Failure::failed("subtitles need a transcript, and the result has none")
            .with_hint("pass --transcribe when the recording is diarized")
    })
}

fn html(document: &Document, link: Option<AudioLink<'_>>) -> Result<String> {
    let mut options = HtmlOptions::default();
    if let Some(audio) = document.named_audio() {
        options = options.title(audio.rsplit(['/', '\\']).next().unwrap_or(audio));
    }
    if let Some(duration) = document.duration {
        options = options.duration(duration);
    }
    if let Some(transcript) = document
        .output
        .named_words()
        .or(document.output.named_transcript())
    {
        options = options.transcript(transcript);
    }
    if let Some(model) = &document.model {
        options = options.fact("Model", model);
    }
    if let (Some(audio), Some(link)) = (&document.audio, link)
        && let Some(url) = page::recording_url(audio, link)?
    {
        options = options.audio(url).map_err(|error| Failure::of(&error))?;
    }
    for (name, scores) in curves(&document.output) {
        options = options.curve(name, scores.clone());
    }
    if let Some(scores) = document.output.named_speaker_probability() {
        options = options.speaker_scores(scores);
    }
    Ok(document.output.named_turns().to_html_with(&options))
}

fn svg_options(document: &Document) -> SvgOptions {
    let mut options = SvgOptions::default();
    if let Some(audio) = document.named_audio() {
        options = options.title(audio);
    }
    for (name, scores) in curves(&document.output) {
        options = options.curve(name, scores.clone());
    }
    if let Some(scores) = document.output.named_speaker_probability() {
        options = options.speaker_scores(scores);
    }
    options
}

/// The curves of a timeline, with their names.
fn curves(output: &Output) -> impl Iterator<Item = (&'static str, &FrameScores)> {
    let curves = [
        ("Speech probability", &output.speech_probability),
        ("Crosstalk probability", &output.crosstalk_probability),
    ];
    curves
        .into_iter()
        .filter_map(|(name, scores)| Some((name, scores.as_ref()?)))
}

/// The name of a file in a path or URL, without its extension.
pub(crate) fn stem_of(audio: &str) -> &str {
    let name = audio.rsplit(['/', '\\']).next().unwrap_or(audio);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ if name.is_empty() => "recording",
        _ => name,
    }
}

fn ndjson(document: &Document) -> Result<String> {
    let output = &document.output;
    let turns = output.named_turns();
    let transcript = output.named_transcript();
    let mut lines = String::new();
    let mut push = |turn: &TurnOutput<'_>| -> Result<()> {
        lines += &serde_json::to_string(turn)?;
        lines.push('\n');
        Ok(())
    };
    match &transcript {
        Some(transcript) => {
            for segment in transcript {
                push(&TurnOutput {
                    start: segment.start,
                    end: segment.end,
                    speaker: &segment.speaker,
                    text: Some(&segment.text),
                })?;
            }
        }
        None => {
            for turn in &turns {
                push(&TurnOutput {
                    start: turn.start,
                    end: turn.end,
                    speaker: &turn.speaker,
                    text: None,
                })?;
            }
        }
    }
    Ok(lines)
}

/// Turns or transcript, totals per speaker, overlap.
fn table(document: &Document) -> String {
    let output = &document.output;
    let transcript = output.named_transcript();
    let mut turns;
    if let Some(transcript) = &transcript {
        turns = Columns::new(&[">start", ">end", "speaker", "text"]);
        for segment in transcript {
            turns.row([
                clock(segment.start),
                clock(segment.end),
                segment.speaker.clone(),
                segment.text.clone(),
            ]);
        }
    } else {
        turns = Columns::new(&[">start", ">end", ">seconds", "speaker"]);
        for turn in &output.named_turns() {
            turns.row([
                clock(turn.start),
                clock(turn.end),
                format!("{:.2}", turn.duration()),
                turn.speaker.clone(),
            ]);
        }
    }
    if turns.is_empty() {
        return format!("{NO_SPEECH}\n");
    }
    let mut totals = Columns::new(&["speaker", ">seconds", ">share", ">turns"]);
    for speaker in &document.speakers {
        let name = match speaker.channel {
            Some(channel) => format!("{} (channel {channel})", speaker.speaker),
            None => speaker.speaker.clone(),
        };
        totals.row([
            name,
            format!("{:.2}", speaker.speech_time),
            format!("{:.1} %", 100.0 * speaker.share),
            speaker.turns.to_string(),
        ]);
    }
    format!("{turns}\n{totals}\noverlap: {:.2} s\n", document.overlap)
}

/// A time as `m:ss.mmm` or `h:mm:ss.mmm`.
fn clock(seconds: f64) -> String {
    let total_ms = (seconds * 1e3).round() as i64;
    let sign = if total_ms < 0 { "-" } else { "" };
    let total_ms = total_ms.unsigned_abs();
    let (total_s, ms) = (total_ms / 1_000, total_ms % 1_000);
    let (total_min, s) = (total_s / 60, total_s % 60);
    match (total_min / 60, total_min % 60) {
        (0, min) => format!("{sign}{min}:{s:02}.{ms:03}"),
        (h, min) => format!("{sign}{h}:{min:02}:{s:02}.{ms:03}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::Global;

    fn targets(formats: &[Format], output: Option<&str>) -> Result<Vec<(Format, Option<PathBuf>)>> {
        let args = OutputArgs {
            formats: formats.to_vec(),
            output: output.map(PathBuf::from),
            embed_audio: false,
        };
        args.targets("meeting", Ui::new(&Global::default()))
    }

    #[test]
    fn formats_and_files() {
        let file = |format, path: &str| vec![(format, Some(PathBuf::from(path)))];
        assert_eq!(targets(&[], None).unwrap(), [(Format::Table, None)]);
        assert_eq!(
            targets(&[Format::Csv], Some("-")).unwrap(),
            [(Format::Csv, None)]
        );
        for (path, format) in [
            ("a.json", Format::Json),
            ("a.RTTM", Format::Rttm),
            ("a.txt", Format::Txt),
            ("a.labels.txt", Format::Audacity),
            ("a.diarized.json", Format::DiarizedJson),
        ] {
            assert_eq!(targets(&[], Some(path)).unwrap(), file(format, path));
        }
        assert_eq!(
            targets(&[Format::Csv], Some("a.txt")).unwrap(),
            file(Format::Csv, "a.txt")
        );
        assert_eq!(
            targets(&[], Some("out/")).unwrap(),
            file(Format::Json, "out/meeting.json")
        );
        assert_eq!(
            targets(&[Format::Srt, Format::Svg], Some("out/"))
                .unwrap()
                .len(),
            2
        );
        for (formats, path) in [
            (&[Format::Srt, Format::Svg][..], None),
            (&[Format::Srt, Format::Svg], Some("a.srt")),
            (&[], Some("a.wav")),
        ] {
            assert!(targets(formats, path).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("target"), "old").unwrap();
        std::os::unix::fs::symlink("target", path("link")).unwrap();
        write_file(&path("link"), b"new").unwrap();
        assert!(path("link").is_symlink());
        assert_eq!(std::fs::read(path("target")).unwrap(), b"new");
    }

    #[test]
    fn times_and_names() {
        assert_eq!(clock(0.0), "0:00.000");
        assert_eq!(clock(59.9996), "1:00.000");
        assert_eq!(clock(3_661.5), "1:01:01.500");
        assert_eq!(clock(-0.5), "-0:00.500");
        for (audio, stem) in [
            ("a/b.wav", "b"),
            ("https://host/x.tar.gz", "x.tar"),
            ("media://calls/1", "1"),
            (".wav", ".wav"),
            ("a/", "recording"),
        ] {
            assert_eq!(stem_of(audio), stem);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_stays_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("meeting.json");
        for (before, mode, after) in [
            (0o600, 0o666, 0o600),
            (0o640, 0o666, 0o640),
            (0o644, 0o600, 0o600),
        ] {
            std::fs::write(&file, "old").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(before)).unwrap();
            write_file_with_mode(&file, b"new", mode).unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, after);
            assert_eq!(std::fs::read(&file).unwrap(), b"new");
        }
    }

    #[cfg(unix)]
    #[test]
    fn special_files_are_not_replaced() {
        use std::os::unix::fs::FileTypeExt as _;
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write_file(&socket, b"new").is_err());
        assert!(socket.metadata().unwrap().file_type().is_socket());
    }
}
