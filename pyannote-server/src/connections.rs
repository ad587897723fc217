//! Connections: accepting them, and closing them at shutdown.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::shutdown::Shutdown;

/// Delay after a failure to accept connections, such as a lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Accepted connections. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(TaskTracker);

impl Connections {
    /// Returns the number of open connections.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Serves a connection that is no longer HTTP.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(connection);
    }

    /// Waits until all connections are closed, and no more are accepted.
    pub(crate) async fn closed(&self) {
        self.0.wait().await;
    }

    /// Serves connections until the shutdown drains. Those with a request in progress stay open until the response has
    /// been sent, or the shutdown aborts.
    pub(crate) async fn serve(self, listener: TcpListener, router: Router, shutdown: Shutdown) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.drain.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    self.0
                        .spawn(connection(stream, router.clone(), shutdown.clone()));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "failed to accept connections; retrying");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_RETRY_DELAY) => {}
                        () = shutdown.drain.cancelled() => {}
                    }
                }
            }
        }
        self.0.close();
    }
}

/// Serves one connection.
async fn connection(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let service = TowerToHyperService::new(router);
    // Events of live streams are small, and must not wait for others.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let connection = connection.with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return log_end(result),
        () = shutdown.drain.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => log_end(result),
        () = shutdown.abort.cancelled() => {}
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
