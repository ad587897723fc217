//! The receiver: answers at once, and prints and passes on what it received afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use pyannote::http::{HeaderMap, StatusCode};
use pyannote::webhook::{Event, EventRejection, VerifiedEvent, Verifier};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::forward::Forward;
use super::output::{DeliveryOutput, WebhookOutput};
use super::{Listen, secret};
use crate::error::{Failure, Result, in_words_of_the_command};
use crate::service::{block_on, interrupted};
use crate::ui::Ui;

/// Number of requests that may wait to be printed.
const QUEUE: usize = 1_000;
/// How long requests that are being answered may take when the command ends.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What the handler of requests has.
#[derive(Clone)]
struct Receiver {
    verifier: Verifier,
    received: mpsc::Sender<Received>,
}

impl FromRef<Receiver> for Verifier {
    fn from_ref(receiver: &Receiver) -> Self {
        receiver.verifier.clone()
    }
}

/// A request that was answered.
enum Received {
    Delivery(HeaderMap, Box<Event>),
    Rejected(EventRejection),
}

pub(super) fn run(command: Listen, ui: Ui) -> Result<()> {
    let verifier = Verifier::new(secret(command.secret_file.as_deref())?)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let forward = command.forward.as_deref().map(Forward::new).transpose()?;
    block_on(listen(command, verifier, forward, ui))
}

async fn listen(
    command: Listen,
    verifier: Verifier,
    forward: Option<Forward>,
    ui: Ui,
) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, command.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::failed(format!("cannot listen on {address}: {error}"))
            .with_hint("pass another port as --port")
    })?;
    let address = listener.local_addr()?;
    if forward
        .as_ref()
        .is_some_and(|forward| forward.is_port_of_this_machine(address.port()))
    {
        return Err(Failure::usage(
            "--forward is the address of this command itself; pass the URL of another program",
        ));
    }
    let (sender, mut received) = mpsc::channel(QUEUE);
    let app = Router::new().fallback(post(receive)).with_state(Receiver {
        verifier,
        received: sender,
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());

    print(
        ui,
        &WebhookOutput::Listening {
            url: format!("http://{address}/"),
        },
    )?;
    ui.note("press Ctrl-C to stop");
    let mut forwards = JoinSet::new();
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = &mut interrupted => break,
            Some(request) = received.recv() => {
                handle(request, &command, forward.as_ref(), &mut forwards, ui)?;
            }
            Some(Ok(result)) = forwards.join_next() => print(ui, &result)?,
        }
    }
    // Deliveries that were answered are printed and passed on, since the service does not send them again.
    received.close();
    let _ = stop.send(());
    let _ = tokio::time::timeout(STOP_TIMEOUT, server).await;
    while let Some(request) = received.recv().await {
        handle(request, &command, forward.as_ref(), &mut forwards, ui)?;
    }
    let interrupted = self::interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            // Again.
            () = &mut interrupted => return Ok(()),
            result = forwards.join_next() => match result {
                Some(Ok(result)) => print(ui, &result)?,
                Some(Err(_)) => {}
                None => return Ok(()),
            },
        }
    }
}

/// Answers a request.
async fn receive(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    event: std::result::Result<VerifiedEvent, EventRejection>,
) -> Response {
    let (response, request) = match event {
        Ok(VerifiedEvent(event)) => (
            StatusCode::OK.into_response(),
            Received::Delivery(headers, Box::new(event)),
        ),
        Err(rejection) => (
            rejection.clone().into_response(),
            Received::Rejected(rejection),
        ),
    };
    match receiver.received.send(request).await {
        Ok(()) => response,
        // The command is about to end: the service tries again.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Prints a request, and passes it on in the background.
fn handle(
    request: Received,
    command: &Listen,
    forward: Option<&Forward>,
    forwards: &mut JoinSet<WebhookOutput>,
    ui: Ui,
) -> Result<()> {
    match request {
        Received::Rejected(rejection) => print(
            ui,
            &WebhookOutput::Rejected {
                status: rejection.status().as_u16(),
                reason: in_words_of_the_command(rejection.to_string()),
            },
        ),
        Received::Delivery(headers, event) => {
            // The output of a day takes a while to decode.
            let output =
                tokio::task::block_in_place(|| DeliveryOutput::new(&event, command.print_bodies));
            print(ui, &WebhookOutput::Delivery(Box::new(output)))?;
            if let Some(forward) = forward.cloned() {
                let (id, body) = (event.job_id().to_string(), event.raw().to_vec());
                forwards.spawn(async move { forward.send(id, headers, body).await });
            }
            Ok(())
        }
    }
}

fn print(ui: Ui, output: &WebhookOutput) -> Result<()> {
    match ui.is_json() {
        true => ui.print_json(output),
        false => ui.print(&output.to_text()),
    }
}
