//! Transcribes a recording, and prints what each speaker says.
//!
//! ```text
//! cargo run --release -p pyannote-engine --example transcribe -- meeting.mp3
//! ```

use std::error::Error;
use std::process::ExitCode;

use pyannote_engine::assets::Assets;
use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
use pyannote_engine::{Engine, Options, audio};

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("caused by: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: transcribe FILE")?;
    let assets = Assets::locate()?.whisper();
    assets.ensure(&mut |progress| eprintln!("{progress}"))?;
    let engine = Engine::load()?;
    let whisper = Whisper::load_beside(assets.folder(), engine.diarizer())?;
    let recording = audio::decode(path)?;
    let diarization = engine.diarize(&recording, Options::new())?;
    let transcript = diarization.transcribe(&whisper, &recording, TranscriptionOptions::new())?;
    print!("{}", transcript.turns.to_text());
    Ok(())
}
