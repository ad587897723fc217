//! Diarizes a recording with the SDK, as with pyannoteAI itself, but with a server on this machine.
//!
//! ```sh
//! cargo run --release -p pyannote-server --example sdk                  # a 30 s sample
//! cargo run --release -p pyannote-server --example sdk -- meeting.wav   # your own recording
//! ```
//!
//! It needs no API key. The first run downloads the models (82 MB, with pip from Python 3).

use std::path::PathBuf;

use pyannote::Client;
use pyannote_engine::assets::Assets;
use pyannote_engine::{Engine, LoadError};
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let recording = match std::env::args_os().nth(1) {
        Some(file) => PathBuf::from(file),
        None => Assets::locate()?.sample().wav,
    };
    // Blocks the thread: downloads the models on the first run, then reads them from the cache directory.
    let engine: Result<Engine, LoadError> = tokio::task::spawn_blocking(Engine::load).await?;

    // Starts a server on a free port.
    let server = Server::builder()
        .engine(DiarizerEngine::from(engine?))
        .key("test-key")
        .start()
        .await?;

    // From here on, only the base URL and the API key differ from using pyannoteAI itself.
    let client = Client::builder()
        .base_url(server.url())
        .api_key(server.api_key())
        .build()?;
    let media = client.upload(&recording).await?;
    let diarization = client.diarize(&media).await?; // submits the job and waits for it
    for turn in diarization.turns() {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    server.stop().await;
    Ok(())
}
