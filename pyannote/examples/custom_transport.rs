//! An HTTP client of one's own, limits of one's own, and the generated client on the same transport.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example custom_transport
//! ```

use std::time::Duration;

use pyannote::{Client, RateLimit, RetryPolicy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::var("PYANNOTEAI_API_KEY")?;
    let base_url = std::env::var("PYANNOTEAI_BASE_URL");
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none()) // as the SDK's own
        .connect_timeout(Duration::from_secs(3))
        .pool_max_idle_per_host(4)
        .build()?;
    let client = Client::builder()
        .api_key(key)
        .base_url(base_url.as_deref().unwrap_or("https://api.pyannote.ai"))
        .http_client(http)
        .user_agent("my-service/1.0")
        .attempt_timeout(Duration::from_secs(20))
        .total_timeout(Duration::from_secs(60))
        .retry(RetryPolicy::default().max_attempts(3))
        .rate_limit(RateLimit::per_minute(50)) // the other half is another service's
        .build()?;
    client.test_key().await?;

    // What the SDK has no method for yet, with the same key, limits and retries.
    let jobs = client.raw().get_jobs_by_team_v2().limit(5).send().await;
    match jobs {
        Ok(page) => println!("{} jobs", page.items.len()),
        // The error's own text would print every header of the answer.
        Err(error) => println!("no jobs: {:?}", error.status()),
    }
    Ok(())
}
