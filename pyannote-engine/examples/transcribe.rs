//! Transcribes a recording, and prints what each speaker says.
//!
//! ```text
//! cargo run --release -p pyannote-engine --example transcribe -- meeting.mp3
//! ```

use anyhow::Context;
use pyannote_engine::assets::Assets;
use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
use pyannote_engine::{Engine, Options, audio};

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .context("usage: transcribe FILE")?;
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
