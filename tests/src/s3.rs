//! A storage with the interface of S3, if the program `s3s-fs` is installed. It checks signatures, as S3 does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test cannot continue without its storage"
)]
#![allow(clippy::missing_panics_doc, reason = "only tests use it")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";
const BUCKET: &str = "recordings";
const PREFIX: &str = "media";
/// How often the start is checked, and how often at most.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const MAX_POLLS: usize = 500;

/// A storage with one empty bucket, stopped and deleted when dropped.
#[derive(Debug)]
pub struct S3 {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl S3 {
    /// Starts the storage. Returns `None`, and says so, if the program is not on the `PATH`.
    #[must_use]
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        // Another process could take the port in between, which is unlikely.
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let process = Command::new("s3s-fs")
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            eprintln!("SKIPPED: a bucket is not tested, since s3s-fs is not installed");
            return None;
        };
        let storage = Self {
            process,
            folder,
            port,
        };
        for _ in 0..MAX_POLLS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(storage);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        panic!("s3s-fs does not listen on port {port}");
    }

    /// The URL of a prefix of the bucket, as for `--media`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}/{PREFIX}")
    }

    /// The URL of the storage.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The environment variables of programs that use the bucket.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// Whether a text contains one of the secrets.
    #[must_use]
    pub fn is_secret_in(&self, text: &str) -> bool {
        [ACCESS_KEY, SECRET_KEY, "X-Amz-Signature"]
            .iter()
            .any(|secret| text.contains(secret))
    }

    /// The keys of the stored objects, without the prefix, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let root = self.folder.path().join(BUCKET).join(PREFIX);
        let mut keys = Vec::new();
        collect(&root, &root, &mut keys);
        keys.sort();
        keys
    }
}

fn collect(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        // The program keeps files of its own, whose names start with a dot.
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        {
            continue;
        }
        match path.is_dir() {
            true => collect(root, &path, keys),
            false => keys.push(path.strip_prefix(root).unwrap().display().to_string()),
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
