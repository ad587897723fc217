//! Signals that stop the program: Ctrl-C and SIGTERM.

use std::io::{self, Write as _};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stopped;
use crate::worker::Workers;

/// Signals that ask the program to stop. While this exists, they do not end the process.
#[cfg(unix)]
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl StopSignals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Signals that ask the program to stop.
#[cfg(not(unix))]
pub(super) struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next Ctrl-C.
    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
    }
}

impl StopSignals {
    /// Waits until a start is complete. Returns `None` if a signal arrives before, which drops the start.
    ///
    /// Loading models and opening databases takes seconds, and the process of a container has no default that would end
    /// it.
    pub(super) async fn unless_stopped<T>(&mut self, start: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.next() => {
                tracing::info!("stopped while starting");
                None
            }
            started = start => Some(started),
        }
    }

    /// Waits for a signal, and stops workers and connections. A second signal ends the grace period.
    pub(super) async fn stop(mut self, workers: Workers) -> Stopped {
        self.next().await;
        if let Some(message) = stopping_message(workers.running_jobs(), workers.open_connections())
        {
            let _ = writeln!(io::stderr(), "{message}");
        }
        let mut stopped = Stopped::Gracefully;
        let second_signal = async {
            self.next().await;
            stopped = Stopped::AtOnce;
        };
        workers.stop_early(second_signal).await;
        stopped
    }
}

/// Says what the program waits for before it stops, if anything.
fn stopping_message(running_jobs: usize, connections: usize) -> Option<String> {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    let work = match (running_jobs, connections) {
        (0, 0) => return None,
        (0, connections) => format!("closing {}", count(connections, "connection")),
        (jobs, _) => format!("finishing {}", count(jobs, "job")),
    };
    Some(format!("{work}, press Ctrl-C again to stop now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_counts_jobs_before_connections() {
        for (jobs, connections, expected) in [
            (0, 0, None),
            (1, 0, Some("finishing 1 job")),
            (2, 3, Some("finishing 2 jobs")),
            (0, 1, Some("closing 1 connection")),
        ] {
            let expected = expected.map(|text| format!("{text}, press Ctrl-C again to stop now"));
            assert_eq!(stopping_message(jobs, connections), expected);
        }
    }
}
