//! Receives webhooks, and prints what they say.
//!
//! ```text
//! PYANNOTEAI_WEBHOOK_SECRET=whs_… cargo run --example webhook_server --features axum [ADDRESS:PORT]
//! ```
//!
//! pyannoteAI delivers over https only: put a reverse proxy or a tunnel in front, and give its address to
//! `.webhook("https://…/webhook")` of a request.

use std::error::Error;
use std::io;

use axum::Router;
use axum::routing::post;
use pyannote::output::Turns;
use pyannote::webhook::{Event, Outcome, VerifiedEvent, Verifier};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = std::env::var("PYANNOTEAI_WEBHOOK_SECRET").unwrap_or_default();
    let verifier = Verifier::new(secret).replay_guard(10_000);
    if !verifier.has_secret() {
        return Err("set PYANNOTEAI_WEBHOOK_SECRET: it is in the pyannoteAI dashboard".into());
    }
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    let app = Router::new()
        .route("/webhook", post(receive))
        .with_state(verifier);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Answers at once, since the sender waits for 10 s only. A retry may tell of the same job again: a receiver that must
/// act once stores the event here, under its job's id, before it answers.
async fn receive(VerifiedEvent(event): VerifiedEvent) {
    // A large output takes a while to read, and must not hold up other requests.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = report(&event, &mut io::stdout().lock()) {
            eprintln!("{}: {error}", event.job_id());
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
        // Biometric data: stored, and not printed.
        Outcome::Voiceprint(_) => writeln!(out, "{id}: a voiceprint, to be stored"),
        Outcome::StatusOnly => writeln!(out, "{id}: succeeded; the output is to be fetched"),
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
