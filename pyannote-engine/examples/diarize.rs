//! Prints who speaks when in an audio file: `cargo run --release -p pyannote-engine --example diarize -- meeting.mp3`.
//!
//! The first run downloads the models (82 MB) with the pip of Python 3.

use anyhow::Context;
use pyannote_engine::{Engine, Options, audio};

fn main() -> anyhow::Result<()> {
    let file = std::env::args_os()
        .nth(1)
        .context("usage: diarize AUDIO_FILE")?;
    let engine = Engine::load()?;
    let recording = audio::decode(file)?;
    let diarization = engine.diarize(&recording, Options::new())?;
    for turn in &diarization.turns {
        println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);
    }
    Ok(())
}
