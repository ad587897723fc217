//! `pyannote clip`: the audio of speakers or turns.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pyannote_core::{Span, Turns};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::excerpt::{file_word, range, unique, write_wav};
use crate::export::stem_of;
use crate::local::{self, AudioArgs};
use crate::result;
use crate::ui::Ui;

/// Write the audio of each speaker, or of each turn, as WAV files (mono, 16 kHz).
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote clip meeting.mp3 meeting.json -o clips
  pyannote clip meeting.mp3 meeting.json --speaker Ada --per turn -o clips")]
pub(crate) struct Clip {
    /// Recording.
    recording: PathBuf,
    /// Result: JSON of this command, a job of the API, or RTTM; `-` is the standard input.
    result: PathBuf,
    /// Only this speaker; repeatable.
    #[arg(long = "speaker", value_name = "NAME")]
    speakers: Vec<String>,
    /// What each file contains.
    #[arg(long, value_name = "WHAT", default_value = "speaker")]
    per: Per,
    /// Folder of the files.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    decoding: AudioArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Per {
    /// All turns of a speaker, one after the other.
    Speaker,
    /// One turn.
    Turn,
}

/// A file with audio.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Clip")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClipOutput {
    /// The WAV file.
    path: String,
    speaker: String,
    /// Start in the recording, in seconds; of the first turn if there are several.
    start: f64,
    /// Duration of the file, in seconds.
    duration: f64,
}

impl Clip {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        let document = result::read(&self.result)?;
        let turns = document.output.named_turns();
        let speakers = self.selected(&turns)?;
        let recording = local::decode(ui, &self.recording, self.decoding)?;
        for warning in recording.warnings() {
            ui.warn(warning);
        }
        let path = self.recording.to_string_lossy();
        let stem = stem_of(&path);
        let mut outputs = Vec::new();
        let mut write = |name: String, speaker: &str, spans: &[Span]| -> Result<()> {
            let parts: Vec<Range<usize>> =
                spans.iter().map(|span| range(&recording, *span)).collect();
            let samples: usize = parts.iter().map(Range::len).sum();
            if samples == 0 {
                ui.warn(&format!("{name} would be empty: the recording ends before"));
                return Ok(());
            }
            let path = self.output.join(format!("{name}.wav"));
            write_wav(&path, &recording, &parts)?;
            outputs.push(ClipOutput {
                path: path.display().to_string(),
                speaker: speaker.to_owned(),
                start: spans.first().map_or(0.0, |span| span.start),
                duration: samples as f64 / f64::from(pyannote_engine::SAMPLE_RATE),
            });
            Ok(())
        };
        let is_selected = |speaker: &str| speakers.contains(&speaker);
        match self.per {
            Per::Speaker => {
                let mut names = Vec::new();
                for speaker in &speakers {
                    let name = unique(&mut names, format!("{stem}-{}", file_word(speaker)));
                    let own = turns.iter().filter(|turn| turn.speaker == *speaker);
                    let spans: Vec<Span> =
                        own.map(|turn| Span::new(turn.start, turn.end)).collect();
                    write(name, speaker, &spans)?;
                }
            }
            Per::Turn => {
                for (index, turn) in turns.iter().enumerate() {
                    if is_selected(&turn.speaker) {
                        let name = format!("{stem}-{:04}-{}", index + 1, file_word(&turn.speaker));
                        write(name, &turn.speaker, &[Span::new(turn.start, turn.end)])?;
                    }
                }
            }
        }
        if ui.is_json() {
            return ui.print_json(&outputs);
        }
        let paths: String = outputs
            .iter()
            .map(|clip| format!("{}\n", clip.path))
            .collect();
        ui.print(&paths)
    }

    /// The speakers whose audio is written.
    fn selected<'a>(&'a self, turns: &'a Turns) -> Result<Vec<&'a str>> {
        let known = turns.speakers();
        if self.speakers.is_empty() {
            return Ok(known);
        }
        for speaker in &self.speakers {
            if !known.contains(&speaker.as_str()) {
                return Err(
                    Failure::usage(format!("the result has no speaker \"{speaker}\""))
                        .with_hint(format!("it has: {}", known.join(", "))),
                );
            }
        }
        Ok(self.speakers.iter().map(String::as_str).collect())
    }
}
