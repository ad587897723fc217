//! Checks whether an API key is valid.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example test_key
//! ```
//!
//! Set `PYANNOTEAI_BASE_URL` to use another server with the same API.

use pyannote_api_sys::{Client, Error};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::var("PYANNOTEAI_API_KEY")
        .map_err(|_| "set PYANNOTEAI_API_KEY to your API key")?;
    let base_url = std::env::var("PYANNOTEAI_BASE_URL");
    let base_url = base_url.as_deref().unwrap_or("https://api.pyannote.ai");
    match Client::bearer(base_url, &key)?.test_key().send().await {
        Ok(response) => println!("{}: {}", response.status, response.message),
        // The `Display` implementation of the error would print all headers of the response.
        Err(Error::UnexpectedResponse(response)) => {
            return Err(format!("the service returned {}", response.status()).into());
        }
        Err(Error::CommunicationError(error)) => return Err(error.into()),
        Err(error) => {
            return Err(format!("invalid response (status {:?})", error.status()).into());
        }
    }
    Ok(())
}
