//! Identifies the speakers of a recording. Creates a voiceprint of each speaker once, and stores it in a file.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example identify -- meeting.wav Ada=ada.wav Grace=grace.wav
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use pyannote::{Client, Voiceprint};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let meeting = arguments.next();
    let samples: Option<Vec<(String, String)>> = arguments
        .map(|argument| {
            let (name, sample) = argument.split_once('=')?;
            Some((name.to_owned(), sample.to_owned()))
        })
        .collect();
    let (Some(meeting), Some(samples)) = (meeting, samples) else {
        eprintln!("usage: identify RECORDING NAME=SAMPLE...");
        return ExitCode::from(2);
    };
    match run(&meeting, samples).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(meeting: &str, samples: Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let mut voiceprints = BTreeMap::new();
    for (name, sample) in samples {
        let voiceprint = load_or_create(&client, &sample).await?;
        voiceprints.insert(name, voiceprint);
    }

    let media = client.upload(meeting).skip_existing(true).await?;
    let identification = client
        .identify(&media)
        .voiceprints(&voiceprints)
        .threshold(50.0) // without a threshold, every speaker matches one of the voiceprints
        .await?;
    for turn in identification.turns() {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    Ok(())
}

/// Returns the voiceprint of a sample from the file next to it, which is created the first time: the service deletes
/// voiceprints after 24 h. Voiceprints are biometric data; protect the file accordingly.
async fn load_or_create(client: &Client, sample: &str) -> Result<Voiceprint, Box<dyn Error>> {
    let path = format!("{sample}.voiceprint");
    if Path::new(&path).exists() {
        return Ok(Voiceprint::from_base64(std::fs::read_to_string(&path)?)?);
    }
    let media = client.upload(sample).await?;
    let voiceprint = client.voiceprint(&media).await?;
    std::fs::write(&path, voiceprint.as_base64())?;
    Ok(voiceprint)
}
