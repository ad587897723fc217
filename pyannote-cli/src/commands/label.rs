//! `pyannote label`: names for the speakers of a result.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use pyannote_core::Turns;
use pyannote_engine::assets::Assets;
use pyannote_engine::{Options, Recording};

use crate::error::{ErrorType, Failure, Result};
use crate::excerpt::{clear_speech, file_word, longest_clear, range, unique, write_wav};
use crate::export::{Format, OutputArgs, check_is_not, stem_of};
use crate::input::Input;
use crate::local::{self, AudioArgs, EngineArgs};
use crate::result::{self, Document};
use crate::table::printable;
use crate::ui::Ui;
use crate::voiceprints::{StoredVoiceprint, VoiceprintStore};

/// Duration of an excerpt, in seconds.
const EXCERPT_S: f64 = 6.0;
/// Maximum duration of speech for a voiceprint, in seconds.
const ENROLLMENT_S: f64 = 30.0;
/// Players of audio files, with the arguments that keep them quiet and let them end by themselves.
const PLAYERS: [(&str, &[&str]); 5] = [
    ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "quiet"]),
    ("paplay", &[]),
    ("aplay", &["-q"]),
    ("afplay", &[]),
    ("play", &["-q"]),
];

/// Give names to the speakers of a result.
///
/// Plays the longest clear turn of each speaker, asks who it is, and rewrites the result.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote label meeting.json
  pyannote label meeting.json --map SPEAKER_00=Ada --map SPEAKER_01=Grace
  pyannote label meeting.json --audio meeting.wav --clips clips --enroll")]
pub(crate) struct Label {
    /// Result: JSON of this command, a job of the API, or RTTM.
    result: PathBuf,
    /// Name of a speaker, without being asked; repeatable.
    #[arg(long, value_name = "SPEAKER=NAME", value_parser = parse_map)]
    map: Vec<(String, String)>,
    /// Recording [default: the one that the result names].
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Write the excerpts to this folder instead of playing them.
    #[arg(long, value_name = "DIR")]
    clips: Option<PathBuf>,
    /// Store a voiceprint of each speaker who gets a name, made by open models on this machine.
    #[arg(long)]
    enroll: bool,
    #[command(flatten)]
    decoding: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn parse_map(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((speaker, name)) if !speaker.is_empty() && !name.trim().is_empty() => {
            Ok((speaker.to_owned(), name.trim().to_owned()))
        }
        _ => Err("must be SPEAKER=NAME".to_owned()),
    }
}

impl Label {
    pub(crate) fn run(self, ui: Ui) -> Result<()> {
        match &self.audio {
            Some(audio) => self.output.check_for(&Input::File(audio.clone()), ui)?,
            None => self.output.check(ui)?,
        }
        let (mut document, format) = result::read_with_format(&self.result)?;
        let turns = document.output.named_turns();
        let names = match self.map.is_empty() {
            true => self.ask(&document, &turns, ui)?,
            false => self.mapped(&turns)?,
        };
        if self.enroll {
            self.enroll(&document, &turns, &names, ui)?;
        }
        document.rename(&names);
        self.write(&document, format, ui)
    }

    /// The names of `--map`.
    fn mapped(&self, turns: &Turns) -> Result<BTreeMap<String, String>> {
        let known = turns.speakers();
        for (speaker, _) in &self.map {
            if !known.contains(&speaker.as_str()) {
                return Err(
                    Failure::usage(format!("the result has no speaker \"{speaker}\""))
                        .with_hint(format!("it has: {}", known.join(", "))),
                );
            }
        }
        Ok(self.map.iter().cloned().collect())
    }

    /// Plays or writes an excerpt of each speaker, and asks for the name.
    fn ask(&self, document: &Document, turns: &Turns, ui: Ui) -> Result<BTreeMap<String, String>> {
        if !std::io::stdin().is_terminal() && self.clips.is_none() {
            return Err(Failure::usage(
                "the standard input is not a terminal, so nobody can be asked",
            )
            .with_hint("pass the names with --map SPEAKER_00=NAME"));
        }
        let audio = self.recording(document)?;
        let recording = local::decode(ui, audio, self.decoding)?;
        let player = match self.clips {
            None => Some(find_player()?),
            Some(_) => None,
        };
        let mut names = BTreeMap::new();
        let mut files = Vec::new();
        for speaker in turns.speakers() {
            let Some(span) = longest_clear(turns, speaker, EXCERPT_S) else {
                continue;
            };
            let excerpt = range(&recording, span);
            if let Some(folder) = &self.clips {
                let path = folder.join(unique(&mut files, file_word(speaker)) + ".wav");
                check_is_not(&path, audio)?;
                write_wav(&path, &recording, std::slice::from_ref(&excerpt))?;
                ui.note(&format!("wrote {}", path.display()));
            }
            let play = || match player {
                Some(player) => play(player, &recording, excerpt.clone(), ui),
                None => Ok(()),
            };
            play()?;
            if !std::io::stdin().is_terminal() {
                continue;
            }
            loop {
                match prompt(speaker, player.is_some())?.as_str() {
                    "" => break,
                    "r" if player.is_some() => play()?,
                    name => {
                        names.insert(speaker.to_owned(), name.to_owned());
                        break;
                    }
                }
            }
        }
        Ok(names)
    }

    fn recording<'a>(&'a self, document: &'a Document) -> Result<&'a Path> {
        match (&self.audio, &document.audio) {
            (Some(path), _) => Ok(path),
            (None, Some(audio)) if Path::new(audio).is_file() => Ok(Path::new(audio)),
            _ => Err(Failure::usage("the recording of the result is not known")
                .with_hint("pass it with --audio FILE")),
        }
    }

    /// Stores a voiceprint of each named speaker.
    fn enroll(
        &self,
        document: &Document,
        turns: &Turns,
        names: &BTreeMap<String, String>,
        ui: Ui,
    ) -> Result<()> {
        let store = VoiceprintStore::open()?;
        for name in names.values() {
            store.check_free(name, false)?;
        }
        let recording = local::decode(ui, self.recording(document)?, self.decoding)?;
        let engine = local::load(ui, Assets::locate()?, &self.engine)?;
        for (speaker, name) in names {
            let mut speech = Vec::new();
            let max_samples = (ENROLLMENT_S * f64::from(pyannote_engine::SAMPLE_RATE)) as usize;
            for span in clear_speech(turns, speaker) {
                if speech.len() < max_samples {
                    speech.extend(recording.samples(range(&recording, span))?);
                }
            }
            speech.truncate(max_samples);
            let enrolled = engine.voiceprint(&Recording::new(speech), Options::new());
            let enrollment = match enrolled {
                Ok(enrollment) => enrollment,
                // The others, and the names, are not lost.
                Err(error) => {
                    let failure = Failure::from(error);
                    ui.warn(&format!("no voiceprint of {name}: {}", failure.message));
                    continue;
                }
            };
            let voiceprint = StoredVoiceprint::new(name, &enrollment.voiceprint.to_base64(), None)?;
            store.put(&voiceprint)?;
            ui.note(&format!("stored the voiceprint of {name}"));
        }
        Ok(())
    }

    /// Rewrites the result in its own format, unless another output was asked for.
    fn write(&self, document: &Document, format: Format, ui: Ui) -> Result<()> {
        let path = self.result.to_string_lossy();
        let mut output = self.output.clone();
        let is_default = output.output.is_none() && output.formats.is_empty();
        if is_default && !ui.is_json() && self.result != Path::new("-") {
            output.output = Some(self.result.clone());
            output.formats = vec![format];
        }
        let stem = document.stem().unwrap_or_else(|| stem_of(&path));
        output.write(document, stem, ui)
    }
}

/// Asks for the name of a speaker.
fn prompt(speaker: &str, can_replay: bool) -> Result<String> {
    let replay = if can_replay { ", r to play again" } else { "" };
    let mut stderr = std::io::stderr();
    let question = format!("Who is {}? (Enter to skip{replay}) ", printable(speaker));
    let _ = stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush());
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(Failure::new(
            ErrorType::Interrupted,
            "no more answers; nothing was changed",
        ));
    }
    Ok(line.trim().to_owned())
}

type Player = (&'static str, &'static [&'static str]);

/// The first player that is installed.
fn find_player() -> Result<&'static Player> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let is_installed = |name: &str| {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        folders.iter().any(|folder| folder.join(&file).is_file())
    };
    PLAYERS
        .iter()
        .find(|(name, _)| is_installed(name))
        .ok_or_else(|| {
            let names: Vec<&str> = PLAYERS.iter().map(|(name, _)| *name).collect();
            Failure::failed("no audio player is installed").with_hint(format!(
                "install one of {}, or pass --clips DIR to write the excerpts",
                names.join(", ")
            ))
        })
}

/// Plays an excerpt. It is private, so its file is deleted before anything else happens.
fn play(
    (name, arguments): &Player,
    recording: &Recording,
    excerpt: Range<usize>,
    ui: Ui,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("excerpt.wav");
    write_wav(&path, recording, &[excerpt])?;
    let status = Command::new(name)
        .args(*arguments)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => ui.warn(&format!("{name} failed: {status}")),
        Err(error) => ui.warn(&format!("{name} failed: {error}")),
    }
    Ok(())
}
