//! Uploads a file and shows how far it is.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example upload_progress -- meeting.wav
//! ```

use pyannote::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("name a file")?;
    let client = Client::from_env()?;
    let media = client
        .upload(file.as_str())
        .on_progress(|sent, total| eprint!("\r{sent} of {total} bytes"))
        .await?;
    eprintln!();
    println!("{media}");
    Ok(())
}
