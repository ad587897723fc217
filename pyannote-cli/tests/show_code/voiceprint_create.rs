use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let media = client.upload("ada.wav").skip_existing(true).await?;
    let result = client.voiceprint(&media).model("precision-3").await?;
    // Biometric data: keep it private, and no longer than necessary.
    std::fs::write("Ada.voiceprint", result.as_base64())?;
    Ok(())
}
