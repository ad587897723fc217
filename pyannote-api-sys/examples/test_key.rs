//! Asks the service whether an API key is valid.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example test_key
//! ```
//!
//! `PYANNOTEAI_BASE_URL` names another server that speaks the same API.

use pyannote_api_sys::{Client, Error};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::var("PYANNOTEAI_API_KEY")
        .map_err(|_| "set PYANNOTEAI_API_KEY to your API key")?;
    let base_url = std::env::var("PYANNOTEAI_BASE_URL");
    let base_url = base_url.as_deref().unwrap_or("https://api.pyannote.ai");
    match Client::bearer(base_url, &key)?.test_key().send().await {
        Ok(answer) => println!("{}: {}", answer.status, answer.message),
        // The error's own text prints every header of the answer: say only what helps.
        Err(Error::UnexpectedResponse(answer)) => {
            return Err(format!("the service said {}", answer.status()).into());
        }
        Err(Error::CommunicationError(error)) => return Err(error.into()),
        Err(error) => {
            return Err(format!("no answer that could be read: {:?}", error.status()).into());
        }
    }
    Ok(())
}
