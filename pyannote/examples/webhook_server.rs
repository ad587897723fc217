//! Receives webhooks, verifies them, and prints their events.
//!
//! ```text
//! PYANNOTEAI_WEBHOOK_SECRET=whs_… cargo run --example webhook_server --features axum [ADDRESS:PORT]
//! ```
//!
//! pyannoteAI delivers over https only: put a reverse proxy or a tunnel in front of it, and pass its URL to
//! `.webhook("https://…/webhook")` of a request.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use axum::Router;
use axum::routing::post;
use pyannote::output::Turns;
use pyannote::webhook::{Event, Outcome, VerifiedEvent, Verifier};
use tokio::net::TcpListener;

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
    let secret = std::env::var("PYANNOTEAI_WEBHOOK_SECRET")
        .map_err(|_| "set PYANNOTEAI_WEBHOOK_SECRET to the secret in the pyannoteAI dashboard")?;
    let verifier = Verifier::new(secret)?.replay_guard(10_000);
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    let app = Router::new()
        .route("/webhook", post(receive))
        .with_state(verifier);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Responds immediately, because the sender's timeout is 10 s. A retry may deliver an event again: to handle each event
/// once, store it under its job id here, before responding.
async fn receive(VerifiedEvent(event): VerifiedEvent) {
    // Decoding a large output takes a while, and must not block other requests.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = report(&event, &mut io::stdout().lock()) {
            eprintln!("{}: {error:#}", event.job_id());
        }
    });
}

fn report(event: &Event, out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    let id = event.job_id();
    if let Some(retry) = &event.delivery().retry {
        writeln!(out, "{id}: retry {}, after {}", retry.number, retry.reason)?;
    }
    match event.outcome()? {
        Outcome::Diarization(diarization) => print_turns(out, id.as_str(), diarization.turns()),
        Outcome::Identification(found) => print_turns(out, id.as_str(), found.turns()),
        // Voiceprints are biometric data: store them, but do not print them.
        Outcome::Voiceprint(_) => writeln!(out, "{id}: a voiceprint"),
        Outcome::StatusOnly => writeln!(out, "{id}: succeeded; fetch its output"),
        Outcome::Failed { error } => writeln!(out, "{id}: failed: {}", or_no_reason(error)),
        Outcome::Canceled { error } => writeln!(out, "{id}: canceled: {}", or_no_reason(error)),
        _ => writeln!(out, "{id}: {}, with an unknown output", event.status()),
    }?;
    Ok(())
}

fn print_turns(out: &mut impl io::Write, id: &str, turns: &Turns) -> io::Result<()> {
    writeln!(out, "{id}: {} turns", turns.len())?;
    for turn in turns {
        writeln!(
            out,
            "{:9.3} s {:9.3} s  {}",
            turn.start, turn.end, turn.speaker
        )?;
    }
    Ok(())
}

fn or_no_reason(error: Option<String>) -> String {
    error.unwrap_or_else(|| "no reason given".to_owned())
}
