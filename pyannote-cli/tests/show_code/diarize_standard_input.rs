use pyannote::Client;
use std::io::Read as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let mut recording = Vec::new();
    std::io::stdin().read_to_end(&mut recording)?;
    let media = client.upload(recording).await?;
    let job = client.diarize(&media).min_speakers(2).max_speakers(4).submit().await?;
    println!("{}", job.id());
    Ok(())
}
