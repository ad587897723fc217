//! What the submitting program learns, written to a file at once: in memory, it would look like a leak.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::File;
use pyannote_tests::fault_proxy::now_ms;
use pyannote_tests::soak::{Callback, Entry, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ENTRIES: &str = "entries";
const CALLBACKS: &str = "callbacks";

/// What the callers and the callbacks of their client learn.
pub(crate) struct Ledger {
    folder: PathBuf,
    entries: Lines,
    callbacks: Lines,
    ended: AtomicU64,
}

impl Ledger {
    pub(crate) fn create(folder: &Path) -> Self {
        Self {
            entries: Lines::create(&folder.join(ENTRIES)),
            callbacks: Lines::create(&folder.join(CALLBACKS)),
            folder: folder.to_owned(),
            ended: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, mark: u64, event: Event) {
        if event == Event::Ended {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        self.entries.add(&Entry {
            at_ms: now_ms(),
            mark,
            event,
        });
    }

    /// The number of submissions that ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn add_callback(&self, callback: &Callback) {
        self.callbacks.add(callback);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        read(&self.folder.join(ENTRIES))
    }

    pub(crate) fn callbacks(&self) -> Vec<Callback> {
        read(&self.folder.join(CALLBACKS))
    }
}

/// A file with a JSON value per line.
pub(crate) struct Lines(Mutex<File>);

impl Lines {
    pub(crate) fn create(path: &Path) -> Self {
        Self(Mutex::new(File::create(path).unwrap()))
    }

    pub(crate) fn add(&self, value: &impl Serialize) {
        let line = serde_json::to_string(value).unwrap() + "\n";
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// Reads such a file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let lines = BufReader::new(File::open(path).unwrap()).lines();
    lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}
