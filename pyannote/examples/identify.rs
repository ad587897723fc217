//! Who it is: makes a voiceprint of each person once, keeps it, and finds them in a recording.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example identify -- meeting.wav Ada=ada.wav Grace=grace.wav
//! ```

use std::path::Path;

use pyannote::{Client, Voiceprint};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let meeting = arguments
        .next()
        .ok_or("name a recording, and people as Name=file")?;
    let client = Client::from_env()?;

    let mut people = Vec::new();
    for argument in arguments {
        let (name, sample) = argument.split_once('=').ok_or("name people as Name=file")?;
        people.push((name.to_owned(), voiceprint(&client, sample).await?));
    }

    let media = client.upload(meeting.as_str()).skip_existing(true).await?;
    let found = client
        .identify(&media)
        .voiceprints(people)
        .threshold(50.0) // without one, every speaker matches somebody
        .await?;
    for turn in found.identified() {
        println!("{:9.3} {:9.3}  {}", turn.start, turn.end, turn.speaker());
    }
    Ok(())
}

/// The voiceprint of a sample, made once: the service deletes it after 24 h, the file beside the sample stays.
async fn voiceprint(
    client: &Client,
    sample: &str,
) -> Result<Voiceprint, Box<dyn std::error::Error>> {
    let kept = format!("{sample}.voiceprint");
    if Path::new(&kept).exists() {
        return Ok(Voiceprint::from_base64(
            std::fs::read_to_string(&kept)?.trim(),
        )?);
    }
    let media = client.upload(sample).await?;
    let voiceprint = client.voiceprint(&media).await?;
    std::fs::write(&kept, voiceprint.as_base64())?;
    Ok(voiceprint)
}
