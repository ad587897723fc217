use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let media = client.upload("meeting.wav").skip_existing(true).await?;
    let result = client.diarize(&media).await?;
    for turn in result.turns() {
        println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);
    }
    Ok(())
}
