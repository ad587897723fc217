use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let media = client.upload("meeting.wav").key("calls/1.wav").await?;
    println!("{media}");
    Ok(())
}
