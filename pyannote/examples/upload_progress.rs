//! Uploads a file, and prints the progress.
//!
//! ```sh
//! PYANNOTEAI_API_KEY=... cargo run --example upload_progress -- meeting.wav
//! ```

use std::process::ExitCode;

use pyannote::{Client, Error};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: upload_progress FILE");
        return ExitCode::from(2);
    };
    match run(&file).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(file: &str) -> Result<(), Error> {
    let client = Client::from_env()?;
    let media = client
        .upload(file)
        .on_progress(|sent, total| eprint!("\r{sent} of {total} bytes"))
        .await;
    eprintln!();
    println!("{}", media?);
    Ok(())
}
