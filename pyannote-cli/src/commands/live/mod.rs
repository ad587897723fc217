//! `pyannote live`: who is speaking now.

mod backend;
mod event;
#[cfg(feature = "mic")]
mod microphone;
mod source;
mod view;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pyannote::live::LiveTurns;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::export::{Format, OutputArgs};
use crate::input::Input;
use crate::local::{AudioArgs, EngineArgs};
use crate::result::{Backend, Document, Output};
use crate::service::{block_on, interrupted, parse_seconds};
use crate::ui::Ui;

use backend::Running;
pub(crate) use event::Event;
use source::{Encoding, Source};
use view::View;

/// How often the view is drawn.
const FRAME_INTERVAL: Duration = Duration::from_millis(100);

/// See who is speaking now, while the audio is recorded or played.
///
/// A terminal shows a lane for each speaker, and the turns at the end. Otherwise, and with --json, each event is printed
/// as one line of JSON as soon as it is known. A file is played in real time. Ctrl-C ends the audio, and the result so far
/// is printed and saved; pressed again, the last events are not waited for. The service bills the audio.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote live --local meeting.mp3
  pyannote live meeting.wav --save meeting.rttm
  arecord -q -f S16_LE -r 16000 -c 1 -t raw | pyannote live --local --encoding s16le -
  ffmpeg -loglevel error -i rtsp://camera/1 -f f32le -ar 16000 -ac 1 - | pyannote live - --json")]
pub(crate) struct Live {
    /// Recording, or `-` for samples from the standard input: mono, 16 kHz.
    #[arg(
        value_name = "FILE|-",
        value_parser = Input::parser(),
        required_unless_present = "mic",
        conflicts_with = "mic"
    )]
    audio: Option<Input>,
    /// Record from the microphone.
    #[cfg_attr(not(feature = "mic"), arg(long, hide = true))]
    #[cfg_attr(feature = "mic", arg(long))]
    mic: bool,
    /// Encoding of the samples on the standard input.
    #[arg(long, value_enum, default_value_t)]
    encoding: Encoding,
    /// Write the result to a file, in the format of its extension or of --format.
    #[arg(long, value_name = "PATH")]
    save: Option<PathBuf>,
    /// Format of the saved result; repeatable with a directory as --save.
    #[arg(long = "format", short, value_name = "FORMAT", requires = "save")]
    formats: Vec<Format>,
    /// Use open models on this machine: no key, no network, no costs.
    #[arg(long)]
    local: bool,
    /// Send silence while the standard input pauses; the service ends a stream that has no audio for 5 s.
    #[arg(long, help_heading = "Service", conflicts_with = "local")]
    keep_alive: bool,
    /// How often to go on with a new stream after the connection was lost.
    #[arg(
        long,
        value_name = "TIMES",
        default_value_t = 3,
        help_heading = "Service",
        conflicts_with = "local"
    )]
    reconnect: u32,
    /// How long after the audio an event may be known, in seconds: 0.2 to 5 [default: 1].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, help_heading = "On this machine", requires = "local")]
    latency: Option<Duration>,
    /// Maximum number of speakers, 1 to 8 [default: 8].
    #[arg(
        long,
        value_name = "NUMBER",
        help_heading = "On this machine",
        requires = "local"
    )]
    max_speakers: Option<usize>,
    /// Process a file as fast as possible instead of in real time.
    #[arg(long, help_heading = "On this machine", requires = "local")]
    fast: bool,
    #[command(flatten)]
    tracks: AudioArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

impl Live {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let output = self.output();
        if self.save.is_some() {
            output.check(ui.without_json())?;
            if output.wants_subtitles() {
                return Err(Failure::usage(
                    "subtitles need a transcript, and live diarization does not transcribe",
                ));
            }
        }
        let source = self.source(ui)?;
        block_on(self.follow(source, &output, ui, global))
    }

    /// Runs until the audio ends.
    async fn follow(
        &self,
        source: Source,
        output: &OutputArgs,
        ui: Ui,
        global: &Global,
    ) -> Result<()> {
        let mut interrupted = interrupted();
        let is_live = source.is_live();
        let mut running = match self.local {
            true => self.start_local(source, ui)?,
            false => self.start_service(source, ui, global).await?,
        };
        let mut turns = LiveTurns::new();
        let view = View::new(ui);
        let prints_events = ui.is_json() || !std::io::stdout().is_terminal();
        let mut ticks = interval(FRAME_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_interrupted = false;
        let end = loop {
            tokio::select! {
                event = running.next() => match event {
                    Some(Ok(event)) => {
                        event.apply(&mut turns);
                        if !prints_events {
                            event.note(ui);
                        } else if let Err(failure) = ui.print_json(&event) {
                            break Err(failure);
                        }
                    }
                    Some(Err(failure)) => break Err(failure),
                    None => break Ok(()),
                },
                _ = ticks.tick() => view.draw(&turns, running.position_s()),
                () = &mut interrupted, if !is_interrupted => {
                    is_interrupted = true;
                    running.stop();
                }
                // The second time: the last events are not waited for.
                Ok(()) = tokio::signal::ctrl_c(), if is_interrupted => break Ok(()),
            }
        };
        view.clear();
        // To the millisecond, for the turns that end now.
        let duration = (running.position_s() * 1e3).round() / 1e3;
        let document = self.document(&turns, duration, &running);
        // Whatever has happened, what is known is kept.
        let saved = self.print(&document, output, prints_events, ui);
        match (end, saved) {
            (Err(failure), Err(unsaved)) if !failure.is_closed_pipe() => {
                ui.warn(&unsaved.message);
                return Err(failure);
            }
            (Err(failure), Ok(())) | (_, Err(failure)) => return Err(failure),
            (Ok(()), Ok(())) => {}
        }
        // That is how audio without an end of its own is ended.
        match is_interrupted && !is_live {
            true => Err(Failure::new(
                ErrorType::Interrupted,
                format!("interrupted after {duration:.1} s of audio"),
            )),
            false => Ok(()),
        }
    }

    fn document(&self, turns: &LiveTurns, duration: f64, running: &Running) -> Document {
        let mut document = Document::new(Output::new(turns.turns(duration)));
        document.audio = match &self.audio {
            Some(Input::File(path)) => Some(path.display().to_string()),
            _ => None,
        };
        document.duration = Some(duration);
        document.model = running.model().map(str::to_owned);
        document.backend = Some(match self.local {
            true => Backend::Local,
            false => Backend::Service,
        });
        document
    }

    /// Prints the result, unless events were printed, and saves it.
    fn print(
        &self,
        document: &Document,
        output: &OutputArgs,
        prints_events: bool,
        ui: Ui,
    ) -> Result<()> {
        let ui = ui.without_json();
        let printed = match prints_events {
            true => Ok(()),
            false => OutputArgs::default().write(document, "live", ui),
        };
        let saved = match self.save {
            Some(_) => {
                let stem = self
                    .audio
                    .as_ref()
                    .map_or_else(|| "live".to_owned(), Input::stem);
                output.write(document, &stem, ui)
            }
            None => Ok(()),
        };
        printed.and(saved)
    }

    fn output(&self) -> OutputArgs {
        OutputArgs {
            formats: self.formats.clone(),
            output: self.save.clone(),
            embed_audio: false,
        }
    }

    fn source(&self, ui: Ui) -> Result<Source> {
        match &self.audio {
            Some(Input::File(path)) => Source::file(ui, path, self.tracks),
            Some(Input::Stdin) => {
                self.tracks.check_samples()?;
                Ok(Source::samples(self.encoding))
            }
            Some(Input::Url(_)) => Err(Failure::usage(
                "live reads files and the standard input, not URLs; use ffmpeg to read a URL",
            )),
            None => microphone(),
        }
    }
}

#[cfg(feature = "mic")]
fn microphone() -> Result<Source> {
    Ok(Source::Microphone)
}

#[cfg(not(feature = "mic"))]
fn microphone() -> Result<Source> {
    Err(
        Failure::usage("this build of the command cannot record from the microphone")
            .with_hint("install it with `cargo install pyannote-cli --features mic`, or pipe from a recorder, such as `arecord`"),
    )
}
