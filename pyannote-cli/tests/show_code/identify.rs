use pyannote::Client;
use pyannote::Voiceprint;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let media = client.upload("meeting.wav").skip_existing(true).await?;
    // pyannote voiceprint export Ada -o Ada.voiceprint
    let voiceprint_0 = Voiceprint::from_base64(std::fs::read_to_string("Ada.voiceprint")?)?;
    // pyannote voiceprint export 'Grace H.' -o Grace_H.voiceprint
    let voiceprint_1 = Voiceprint::from_base64(std::fs::read_to_string("Grace_H.voiceprint")?)?;
    let result = client
        .identify(&media)
        .voiceprint("Ada", &voiceprint_0)
        .voiceprint("Grace H.", &voiceprint_1)
        .threshold(50.0)
        .exclusive_matching(false)
        .speaker_probability(true)
        .vad_sensitivity(-0.5)
        .await?;
    for turn in result.turns() {
        println!("{:8.3} {:8.3}  {}", turn.start, turn.end, turn.speaker);
    }
    Ok(())
}
