use pyannote::Client;
use pyannote::MediaUrl;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let media: MediaUrl = "media://calls/1.wav".parse()?;
    client.download(&media, "1.wav").await?;
    Ok(())
}
