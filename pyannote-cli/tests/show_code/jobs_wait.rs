use pyannote::Client;
use pyannote::{Diarization, Job};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let job: Job<Diarization> = client.job("3c8a89a5-dcc6-4edb-a75d-ffd64739674d");
    let result = job.wait().timeout(std::time::Duration::from_secs_f64(1.5)).await?;
    std::fs::write("a.rttm", result.turns().to_rttm("3c8a89a5-dcc6-4edb-a75d-ffd64739674d")?)?;
    Ok(())
}
