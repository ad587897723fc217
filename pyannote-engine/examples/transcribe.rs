//! Transcribes a recording, and prints what each speaker says.
//!
//! ```text
//! cargo run --release -p pyannote-engine --example transcribe -- meeting.mp3
//! ```

use std::error::Error;

use pyannote_engine::assets::Assets;
use pyannote_engine::transcription::{TranscriptionOptions, Whisper};
use pyannote_engine::{Engine, Options, audio};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: transcribe FILE")?;
    let assets = Assets::locate()?.whisper();
    assets.ensure(&mut |progress| eprintln!("{progress}"))?;
    let whisper = Whisper::load(assets.folder())?;
    let recording = audio::decode(path)?;
    let turns = Engine::load()?.diarize(&recording, Options::new())?.turns;
    let speech: Vec<_> = turns.iter().map(|turn| (turn.start, turn.end)).collect();
    let transcription = whisper.transcribe(&recording, &speech, TranscriptionOptions::new())?;
    let words = turns.assign_words(transcription.words.into_iter().map(Into::into));
    print!("{}", words.turn_level("unknown", 1.0).to_text());
    Ok(())
}
