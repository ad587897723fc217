use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let result = client
        .diarize("https://example.com/a \"b\".wav")
        .num_speakers(2)
        .exclusive(true)
        .confidence(true)
        .turn_level_confidence(true)
        .speech_probability(true)
        .transcription(true)
        .transcription_model("faster-whisper-large-v3-turbo")
        .model("precision-2")
        .extra("gain", pyannote::serde_json::json!(0.5))
        .extra("name", pyannote::serde_json::json!({"a":[1,null]}))
        .webhook("https://example.com/hook")
        .webhook_status_only(true)
        .timeout(std::time::Duration::from_secs_f64(60.0))
        .await?;
    std::fs::write("out/a \"b\".json", pyannote::serde_json::to_string(&result)?)?;
    std::fs::write("out/a \"b\".rttm", result.turns().to_rttm("a_\"b\"")?)?;
    std::fs::write("out/a \"b\".srt", result.words().ok_or("no transcript")?.to_srt())?;
    std::fs::write("out/a \"b\".vtt", result.words().ok_or("no transcript")?.to_webvtt())?;
    std::fs::write("out/a \"b\".txt", result.transcript().ok_or("no transcript")?.to_text())?;
    std::fs::write("out/a \"b\".csv", result.transcript().ok_or("no transcript")?.to_csv())?;
    std::fs::write("out/a \"b\".labels.txt", result.transcript().ok_or("no transcript")?.to_audacity())?;
    std::fs::write("out/a \"b\".svg", result.turns().to_svg())?;
    std::fs::write("out/a \"b\".html", result.turns().to_html())?;
    Ok(())
}
