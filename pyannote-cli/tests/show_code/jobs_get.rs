use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?; // PYANNOTEAI_API_KEY
    let body = client.job_json("3c8a89a5-dcc6-4edb-a75d-ffd64739674d").await?;
    println!("{}", std::str::from_utf8(&body)?);
    Ok(())
}
