//! Checks whether an API key is valid.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example test_key
//! ```
//!
//! Set `PYANNOTEAI_BASE_URL` to use another server with the same API.

use std::env;
use std::process::ExitCode;

use pyannote_api_sys::{Client, Error};

#[tokio::main]
async fn main() -> ExitCode {
    match test_key().await {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn test_key() -> Result<String, String> {
    let key =
        env::var("PYANNOTEAI_API_KEY").map_err(|_| "set PYANNOTEAI_API_KEY to your API key")?;
    let base_url = env::var("PYANNOTEAI_BASE_URL");
    let base_url = base_url.as_deref().unwrap_or("https://api.pyannote.ai");
    let client = Client::bearer(base_url, &key).map_err(|error| error.to_string())?;
    match client.test_key().send().await {
        Ok(response) => Ok(format!("{}: {}", response.status, response.message)),
        Err(Error::CommunicationError(error)) => Err(error.to_string()),
        // The `Display` implementation of the error would print all headers of the response.
        Err(error) => Err(match error.status() {
            Some(status) => format!("the service returned {status}"),
            None => "the service returned an invalid response".to_owned(),
        }),
    }
}
