//! Who speaks when, of a URL or a file.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example quickstart -- meeting.wav
//! ```

use pyannote::{AudioUrl, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = std::env::args().nth(1).ok_or("name a file or a URL")?;
    let client = Client::from_env()?;

    let audio: AudioUrl = if source.contains("://") {
        source.into()
    } else {
        client
            .upload(source.as_str())
            .skip_existing(true)
            .await?
            .into()
    };
    // From here on the job is billed. Its id comes first, so that it is not lost whatever happens.
    let diarization = client
        .diarize(audio)
        .on_accepted(|id| eprintln!("job {id}"))
        .await?;

    for turn in diarization.turns() {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker);
    }
    for (speaker, seconds) in diarization.turns().speech_time_by_speaker() {
        println!("{speaker} speaks for {seconds:.1} s");
    }
    Ok(())
}
