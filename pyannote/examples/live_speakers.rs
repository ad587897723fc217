//! Who says what, live: a speech recognizer for each speaker, which gets the audio of that speaker only.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example live_speakers --features live -- meeting.f32
//! ```
//!
//! `meeting.f32` has the samples: 32-bit floats, little-endian, mono, 16 kHz. Recognizers then need no diarization of
//! their own, and overlapped speech reaches that of each speaker. The events arrive later than the audio, so the last
//! seconds of it are kept. The recognizers of this example are scripted: they print how much audio they got.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use futures_util::StreamExt;
use pyannote::Client;
use pyannote::live::{LiveEvent, SAMPLE_RATE};

/// How much audio is kept for events that arrive late, in seconds.
const KEPT_S: f64 = 30.0;
/// Samples that are sent at once: 100 ms.
const PIECE: usize = 1_600;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: live_speakers AUDIO");
        return ExitCode::from(2);
    };
    let run = async {
        let bytes = std::fs::read(path)?;
        let samples = bytes.chunks_exact(4);
        let samples: Vec<f32> = samples
            .map(|s| f32::from_le_bytes([s[0], s[1], s[2], s[3]]))
            .collect();
        transcribe(&Client::from_env()?, &samples, std::io::stdout()).await
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives the audio of each turn to the recognizer of its speaker.
pub(crate) async fn transcribe(
    client: &Client,
    samples: &[f32],
    mut output: impl Write,
) -> Result<(), Box<dyn Error>> {
    let (mut sender, mut events) = client.live().connect().await?.split();
    let mut audio = Recent::default();
    let mut recognizers: BTreeMap<String, Recognizer> = BTreeMap::new();
    let mut starts: BTreeMap<String, f64> = BTreeMap::new();
    let mut handle = |event: LiveEvent, audio: &Recent| -> std::io::Result<()> {
        match event {
            LiveEvent::SpeakerStart { time, speaker } => {
                starts.insert(speaker, time);
            }
            LiveEvent::SpeakerEnd { time, speaker } => {
                if let Some(start) = starts.remove(&speaker) {
                    let recognizer = recognizers.entry(speaker.clone()).or_default();
                    let text = recognizer.recognize(&audio.between(start, time));
                    writeln!(output, "{start:.1} {time:.1} {speaker}: {text}")?;
                }
            }
            _ => {}
        }
        Ok(())
    };
    for piece in samples.chunks(PIECE) {
        // A real recognizer would get the audio of open turns as well.
        audio.push(piece);
        let mut sending = std::pin::pin!(sender.send(piece));
        let sent = loop {
            tokio::select! {
                sent = &mut sending => break sent,
                Some(event) = events.next() => handle(event?, &audio)?,
            }
        };
        if sent.is_err() {
            // The events have the reason.
            break;
        }
    }
    sender.finish();
    while let Some(event) = events.next().await {
        handle(event?, &audio)?;
    }
    Ok(())
}

/// The last seconds of the audio.
#[derive(Default)]
struct Recent {
    samples: VecDeque<f32>,
    /// Number of samples before them.
    dropped: usize,
}

impl Recent {
    fn push(&mut self, piece: &[f32]) {
        self.samples.extend(piece);
        let excess = self.samples.len().saturating_sub(index(KEPT_S));
        self.samples.drain(..excess);
        self.dropped += excess;
    }

    /// The samples between two times, in seconds, as far as they are kept.
    fn between(&self, start: f64, end: f64) -> Vec<f32> {
        let position = |time| {
            index(time)
                .saturating_sub(self.dropped)
                .min(self.samples.len())
        };
        let (start, end) = (position(start), position(end));
        self.samples.range(start..end.max(start)).copied().collect()
    }
}

/// The position of a time, in seconds.
fn index(time: f64) -> usize {
    (time * f64::from(SAMPLE_RATE)).round() as usize
}

/// A speech recognizer that only counts.
#[derive(Default)]
struct Recognizer {
    seconds: f64,
}

impl Recognizer {
    fn recognize(&mut self, samples: &[f32]) -> String {
        let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
        self.seconds += seconds;
        format!("{seconds:.1} s of audio, {:.1} s in all", self.seconds)
    }
}
