//! `pyannote demo`: from a recording to its turns, with open models on this machine.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use pyannote_core::{Der, ScoringOptions, Turns, rttm};
use pyannote_engine::assets::Assets;
use pyannote_engine::{Engine, Options, audio};

use crate::timeline::timeline;

/// Diarizes a recording, or else the sample, and describes the result.
pub(crate) fn demo(file: Option<PathBuf>) -> Result<String> {
    let assets = Assets::locate()?;
    let engine = Engine::builder()
        .assets(assets.clone())
        .on_download(|progress| {
            let _ = writeln!(io::stderr(), "{progress}");
        })
        .load()?;
    let sample = assets.sample();
    let path = file.as_ref().unwrap_or(&sample.wav);

    let start = Instant::now();
    let recording = audio::decode(path).with_context(|| path.display().to_string())?;
    let diarization = engine.diarize(&recording, Options::new().on_progress(show_progress))?;
    let elapsed_s = start.elapsed().as_secs_f64();

    let turns = &diarization.turns;
    let duration_s = recording.duration();
    let mut text = format!("{}\n\n", path.display());
    for turn in turns {
        writeln!(
            text,
            "{:9.3} {:9.3}  {}",
            turn.start, turn.end, turn.speaker
        )?;
    }
    if turns.is_empty() {
        text += "no speech was found\n";
    }
    write!(text, "\n{}\n", timeline(turns, duration_s))?;
    for warning in &diarization.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    if file.is_none() {
        text += &error_rate(&sample.rttm, turns)?;
    }
    writeln!(
        text,
        "speed:  {duration_s:.1} s of audio in {elapsed_s:.2} s with decoding, {:.0} times real time",
        duration_s / elapsed_s
    )?;
    Ok(text)
}

/// Shows the completed fraction on a terminal.
fn show_progress(fraction: f64) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let end = if fraction < 1.0 { "" } else { "\r\x1b[K" };
        let _ = write!(stderr, "\rdiarizing: {:3.0} %{end}", 100.0 * fraction);
        let _ = stderr.flush();
    }
}

/// The diarization error rate against a reference, without collar and with overlapped speech.
fn error_rate(reference: &Path, turns: &Turns) -> Result<String> {
    let text = std::fs::read_to_string(reference)
        .with_context(|| format!("cannot read {}", reference.display()))?;
    let files = rttm::parse(&text)?;
    let (_, reference) = files
        .first()
        .context("the reference of the sample is empty")?;
    let der = Der::score(reference, turns, &ScoringOptions::new());
    Ok(format!(
        "DER:    {:.1} %: {:.2} s missed, {:.2} s false alarm, {:.2} s confusion, of {:.2} s of speech\n",
        100.0 * der.rate(),
        der.missed_detection,
        der.false_alarm,
        der.confusion,
        der.total
    ))
}
