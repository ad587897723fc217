//! Prints who starts and stops speaking, while audio arrives on standard input: 32-bit floats, little-endian, mono, 16 kHz.
//!
//! ```sh
//! ffmpeg -loglevel error -i meeting.mp3 -f f32le -ar 16000 -ac 1 - |
//!     PYANNOTEAI_API_KEY=... cargo run --example live --features live
//! ```

use std::process::ExitCode;

use futures_util::StreamExt;
use pyannote::live::{LiveEvent, LiveSender};
use pyannote::{Client, Error};
use tokio::io::{AsyncRead, AsyncReadExt};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let client = Client::from_env()?;
    // A pause of the input does not end the stream, and a lost connection does not end the session.
    let live = client.live().keep_alive().reconnect(3);
    let session = live.connect().await?;
    eprintln!("stream {}", session.stream_id());
    let (sender, mut events) = session.split();
    tokio::spawn(send(sender, tokio::io::stdin()));
    while let Some(event) = events.next().await {
        match event? {
            LiveEvent::SpeakerStart { time, speaker } => println!("{time:9.3}  {speaker} starts"),
            LiveEvent::SpeakerEnd { time, speaker } => println!("{time:9.3}  {speaker} stops"),
            other => eprintln!("{other:?}"),
        }
    }
    for (speaker, seconds) in events.turns().speech_time_by_speaker() {
        println!("{speaker}: {seconds:.1} s");
    }
    Ok(())
}

/// Sends audio until it ends, or until the stream does: its events have the reason.
async fn send(mut sender: LiveSender, mut audio: impl AsyncRead + Unpin) {
    let mut bytes = [0; 6_400];
    let mut filled = 0;
    while let Ok(read @ 1..) = audio.read(&mut bytes[filled..]).await {
        filled += read;
        let whole = filled / 4 * 4;
        let samples = bytes[..whole].chunks_exact(4);
        let samples: Vec<f32> = samples
            .map(|sample| f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]))
            .collect();
        if sender.send(&samples).await.is_err() {
            return;
        }
        bytes.copy_within(whole..filled, 0);
        filled -= whole;
    }
    sender.finish();
}
