use futures_util::StreamExt as _;
use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let mut requests = Vec::new();
    for path in std::env::args().skip(1) {
        let media = client.upload(path.as_str()).skip_existing(true).await?;
        let request = client.diarize(&media).transcription(true);
        requests.push((path, request));
    }
    let mut submissions = client.submit_all(requests).concurrency(4);
    let mut jobs = Vec::new();
    while let Some((path, job)) = submissions.next().await {
        match job {
            Ok(job) => {
                println!("{path}: job {}", job.id());
                jobs.push(job);
            }
            Err(error) => eprintln!("{path}: {error:#}"),
        }
    }
    let mut results = client.wait_all(jobs);
    while let Some((id, result)) = results.next().await {
        match result {
            Ok(result) => {
                std::fs::write(format!("{id}.json"), pyannote::serde_json::to_string(&result)?)?;
            }
            Err(error) => eprintln!("{id}: {error:#}"),
        }
    }
    Ok(())
}
