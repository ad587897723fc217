//! Diarizes a file or a URL, and prints the turns.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example quickstart -- meeting.wav
//! ```

use std::process::ExitCode;

use pyannote::{AudioUrl, Client, Error};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(source) = std::env::args().nth(1) else {
        eprintln!("usage: quickstart FILE_OR_URL");
        return ExitCode::from(2);
    };
    match run(&source).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The alternate form includes the causes.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(source: &str) -> Result<(), Error> {
    let client = Client::from_env()?;
    let audio: AudioUrl = if source.contains("://") {
        source.into()
    } else {
        client.upload(source).skip_existing(true).await?.into()
    };
    // Once the job is accepted, it is billed. Print its id first, so that it is not lost if the program is stopped.
    let diarization = client
        .diarize(audio)
        .on_accepted(|id| eprintln!("job {id}"))
        .await?;

    for turn in diarization.turns() {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    for (speaker, seconds) in diarization.turns().speech_time_by_speaker() {
        println!("{speaker}: {seconds:.1} s");
    }
    Ok(())
}
