use futures_util::StreamExt as _;
use pyannote::Client;
use pyannote::JobStatus;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let mut jobs = client.jobs().status(JobStatus::from("failed")).stream().take(5);
    while let Some(job) = jobs.next().await {
        let job = job?;
        println!("{} {}", job.id, job.status);
    }
    Ok(())
}
