//! Configures the transport: a custom HTTP client, timeouts and rate limits, and the generated client on top of it.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example custom_transport
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use pyannote::{ClientBuilder, RateLimit, RetryPolicy, reqwest};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none()) // required, see `ClientBuilder::http_client`
        .connect_timeout(Duration::from_secs(3))
        .pool_max_idle_per_host(4)
        .build()?;
    let client = ClientBuilder::from_env()?
        .http_client(http)
        .user_agent("my-service/1.0")
        .attempt_timeout(Duration::from_secs(20))
        .total_timeout(Duration::from_secs(60))
        .retry(RetryPolicy::default().max_attempts(3))
        .rate_limit(RateLimit::per_minute(50)) // half of the team's limit, the rest is for another service
        .build()?;
    client.test_key().await?;

    // The generated client has every operation, and uses the same API key, rate limits and retries.
    match client.raw().get_jobs_by_team_v2().limit(5).send().await {
        Ok(page) => println!("{} jobs", page.items.len()),
        // Print the status only: the message contains every header of the response.
        Err(error) => println!("could not list the jobs: status {:?}", error.status()),
    }
    Ok(())
}
