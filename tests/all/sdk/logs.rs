//! Recorded logs.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

/// A second subscriber. If there is only one, tracing asks the thread that first reaches a span or an event whether it is
/// recorded, and the threads of other tests, which have none, answer no for all threads.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// The logs of the SDK on this thread.
#[derive(Clone, Default)]
pub(super) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Records all levels, and the beginning and end of spans, until the guard is dropped.
    pub(super) fn record(&self) -> DefaultGuard {
        LazyLock::force(&SECOND);
        let logs = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("pyannote=trace")
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || logs.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// What was recorded, one event a line.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
