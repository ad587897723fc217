//! Connections: accepting them, limiting them, and closing them at shutdown.

mod limits;
mod listener;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shutdown::Shutdown;

pub use limits::ConnectionLimits;
pub(crate) use listener::Listener;

/// Delay after a failure to accept connections, such as a lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a client may take to send the head of its first request if others wait for its connection to be closed.
const CROWDED_HEADER_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the log says that there are too many connections.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Accepted connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    limits: ConnectionLimits,
    permits: Arc<Semaphore>,
}

impl Connections {
    pub(crate) fn new(mut limits: ConnectionLimits) -> Self {
        let max = limits::max_connections().min(Semaphore::MAX_PERMITS);
        limits.connections = limits.connections.clamp(1, max.max(1));
        Self {
            tasks: TaskTracker::new(),
            limits,
            permits: Arc::new(Semaphore::new(limits.connections)),
        }
    }

    /// Returns the number of open connections.
    pub(crate) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Serves a connection that is no longer HTTP.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(connection);
    }

    /// Waits until all connections are closed, and no more are accepted.
    pub(crate) async fn closed(&self) {
        self.tasks.wait().await;
    }

    /// Serves connections until the shutdown drains. Those with a request in progress stay open until the response has
    /// been sent, or the shutdown aborts.
    pub(crate) async fn serve(self, listener: Listener, router: Router, shutdown: Shutdown) {
        let mut room_needed = CancellationToken::new();
        let (mut crowded, mut accept_failed) = (Warning::default(), Warning::default());
        loop {
            let accepted = tokio::select! {
                accepted = listener.socket.accept() => accepted,
                () = shutdown.drain.cancelled() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => {
                    if accept_failed.is_due() {
                        tracing::error!(%error, "failed to accept connections; retrying");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_RETRY_DELAY) => {}
                        () = shutdown.drain.cancelled() => {}
                    }
                    continue;
                }
            };
            let permits = Arc::clone(&self.permits);
            let permit = match Arc::clone(&permits).try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    if crowded.is_due() {
                        let limit = self.limits.connections;
                        tracing::warn!(limit, "too many connections; new ones wait");
                    }
                    room_needed.cancel();
                    room_needed = CancellationToken::new();
                    tokio::select! {
                        // The semaphore is never closed.
                        Ok(permit) = permits.acquire_owned() => permit,
                        () = shutdown.drain.cancelled() => break,
                    }
                }
            };
            let connection = Connection {
                limits: self.limits,
                room_needed: room_needed.clone(),
                shutdown: shutdown.clone(),
                _permit: permit,
            };
            self.tasks.spawn(connection.serve(stream, router.clone()));
        }
        self.tasks.close();
    }
}

/// What a connection needs besides its stream.
struct Connection {
    limits: ConnectionLimits,
    /// Cancelled when the connection is to be closed: at once if it is idle, or after the request in progress.
    room_needed: CancellationToken,
    shutdown: Shutdown,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, router: Router) {
        let router = TowerToHyperService::new(router);
        let request_begun = Arc::new(Notify::new());
        let begun = Arc::clone(&request_begun);
        let service = service_fn(move |request| {
            begun.notify_one();
            router.call(request)
        });
        // Events of live streams are small, and must not wait for others.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.stall_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = connection.with_upgrades();
        // Closed at once, a client would lose a first request that is still on its way.
        let room_needed = async {
            self.room_needed.cancelled().await;
            let first_request = timeout(CROWDED_HEADER_TIMEOUT, request_begun.notified());
            first_request.await.is_ok()
        };
        let mut connection = pin!(connection);
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            has_begun = room_needed => {
                if !has_begun {
                    return;
                }
            }
            () = self.shutdown.drain.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            result = connection => log_end(result),
            () = self.shutdown.abort.cancelled() => {}
        }
    }
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::trace!(%error, "a connection failed");
    }
}

/// Whether only the connection failed that was about to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// A warning that is not repeated for every connection.
#[derive(Debug, Default)]
struct Warning(Option<Instant>);

impl Warning {
    /// Whether the warning has not been logged lately.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.0.is_none_or(|last| now - last >= WARNING_INTERVAL);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_connections_is_at_least_one_and_leaves_file_descriptors() {
        let connections = |connections| {
            let limits = ConnectionLimits {
                connections,
                ..ConnectionLimits::default()
            };
            let connections = Connections::new(limits);
            connections.permits.available_permits()
        };
        assert_eq!(connections(0), 1);
        assert_eq!(connections(2), 2);
        assert!(connections(usize::MAX) <= limits::max_connections());
    }
}
