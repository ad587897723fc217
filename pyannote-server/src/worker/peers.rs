//! Loop that warns if other processes with the same store have another engine: it would depend on chance which of them
//! processes a job, and a server would check requests for an engine that does not process them.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use crate::error::Chain;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};

/// How often the process is recorded.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long after its last record a process counts as running.
const GONE: Duration = Duration::from_secs(90);

/// This process and the engines of the others.
struct Peers {
    id: Uuid,
    engine: String,
    /// Other engines that the log has named.
    named: BTreeSet<String>,
}

pub(super) async fn run(store: Store, engine: String, shutdown: Shutdown) {
    let mut peers = Peers::new(engine);
    loop {
        match peers.look(&store).await {
            Ok(others) => {
                for other in others {
                    let engine = &peers.engine;
                    tracing::warn!(
                        engine,
                        other,
                        "another process with the same jobs has another engine or models: all need the same"
                    );
                }
            }
            // Other statements fail, too, and say so.
            Err(error) => tracing::debug!(error = %Chain(&error), "failed to record the process"),
        }
        tokio::select! {
            () = shutdown.abort.cancelled() => break,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
    // Otherwise, a start with another engine would warn of this one.
    if let Err(error) = store.forget_process(peers.id, GONE).await {
        tracing::debug!(error = %Chain(&error), "failed to delete the record of the process");
    }
}

impl Peers {
    fn new(engine: String) -> Self {
        Self {
            id: Uuid::new_v4(),
            engine,
            named: BTreeSet::new(),
        }
    }

    /// Records the process, and returns the other engines that were not there the last time.
    async fn look(&mut self, store: &Store) -> Result<Vec<String>, StoreError> {
        store.note_process(self.id, &self.engine).await?;
        let others: BTreeSet<String> = store
            .other_engines(&self.engine, GONE)
            .await?
            .into_iter()
            .collect();
        let new = others.difference(&self.named).cloned().collect();
        self.named = others;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_process_learns_once_of_another_engine() {
        let store = Store::temporary().await.unwrap();
        let [mut server, mut same, mut other] =
            ["local", "local", "scripted"].map(|engine| Peers::new(engine.to_owned()));
        let none: [String; 0] = [];
        assert_eq!(server.look(&store).await.unwrap(), none);
        assert_eq!(same.look(&store).await.unwrap(), none);
        // Both sides, whichever starts later.
        assert_eq!(other.look(&store).await.unwrap(), ["local"]);
        assert_eq!(server.look(&store).await.unwrap(), ["scripted"]);
        assert_eq!(other.look(&store).await.unwrap(), none);
        assert_eq!(server.look(&store).await.unwrap(), none);
        // It stops, and starts again.
        store.forget_process(other.id, GONE).await.unwrap();
        assert_eq!(server.look(&store).await.unwrap(), none);
        assert_eq!(other.look(&store).await.unwrap(), none);
        assert_eq!(server.look(&store).await.unwrap(), ["scripted"]);
        // A process that was killed is forgotten after a while.
        let age = Duration::ZERO;
        store.forget_process(server.id, age).await.unwrap();
        assert_eq!(store.other_engines("", GONE).await.unwrap(), none);
    }
}
