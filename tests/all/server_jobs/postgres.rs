//! The store on PostgreSQL, if it is installed: a temporary cluster on a Unix socket.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pyannote_server::store::{Store, StreamStatus};
use pyannote_server::{LiveLimits, ScriptedEngine, Server};
use tempfile::TempDir;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::{TEAM, crash, lifecycle, secrets, submit, webhooks};

/// A cluster, stopped and deleted when dropped.
struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// The user to run as, since PostgreSQL refuses to run as root.
    user: Option<u32>,
}

impl Cluster {
    /// Starts a cluster. Returns `None` if PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().unwrap();
        let user = (fs::metadata(folder.path()).unwrap().uid() == 0).then(unprivileged);
        if let Some(user) = user {
            chown(folder.path(), Some(user), None).unwrap();
        }
        let cluster = Self {
            folder,
            programs,
            user,
        };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync"],
        );
        let options = format!(
            "-c listen_addresses='' -c fsync=off -k {}",
            cluster.path().display()
        );
        let log = cluster.path().join("log").display().to_string();
        cluster.run(
            "pg_ctl",
            &["-D", &data, "-o", &options, "-l", &log, "-w", "start"],
        );
        Some(cluster)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> String {
        self.path().join("data").display().to_string()
    }

    fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.path().display()
        )
    }

    /// All rows of all tables.
    fn dump(&self) -> Vec<u8> {
        let file = self.path().join("dump").display().to_string();
        self.run("pg_dump", &["-d", &self.url(), "--data-only", "-f", &file]);
        fs::read(file).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdout(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user);
        }
        assert!(command.status().unwrap().success(), "{program}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

/// The folder with the programs of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders.filter(|bin| bin.join("initdb").is_file()).max()
}

/// The id of the user `postgres`, or of `nobody`.
fn unprivileged() -> u32 {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    line.and_then(|line| line.split(':').nth(2)?.parse().ok())
        .unwrap_or(65534)
}

/// A stream that ends, one that is lost, and the limit of a team.
async fn live_streams_in(store: &Store) {
    let limits = LiveLimits {
        token_lifetime: Duration::from_secs(3),
        ..LiveLimits::default()
    };
    let builder = Server::builder().engine(ScriptedEngine::new()).key("key");
    let builder = builder.live_limits(limits).store(store.clone());
    let server = builder.start().await.unwrap();
    let create = async || {
        let request = reqwest::Client::new().post(format!("{}/v1/live", server.url()));
        request
            .bearer_auth("key")
            .json(&serde_json::json!({}))
            .send()
            .await
            .unwrap()
    };
    let responses = futures_util::future::join_all((0..15).map(|_| create())).await;
    let mut streams = Vec::new();
    for response in responses {
        match response.status().as_u16() {
            200 => streams.push(response.json::<serde_json::Value>().await.unwrap()),
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(streams.len(), 10);
    let url = streams[0]["url"].as_str().unwrap();
    let (mut socket, _) = connect_async(url).await.unwrap();
    connect_async(url).await.unwrap_err();
    socket.send(Message::binary(vec![0; 6_400])).await.unwrap();
    socket
        .send(Message::text(r#"{"type":"end_of_stream"}"#))
        .await
        .unwrap();
    while socket.next().await.is_some() {}
    for (index, stream) in streams.iter().enumerate() {
        let expected = match index {
            0 => StreamStatus::Done,
            _ => StreamStatus::Error,
        };
        let id = stream["id"].as_str().unwrap().parse().unwrap();
        let stream = async || store.stream("local", id).await.unwrap().unwrap();
        while stream().await.status == StreamStatus::Created {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stream = stream().await;
        assert_eq!(
            (stream.status, stream.started_at.is_some()),
            (expected, index == 0)
        );
    }
    server.stop().await;
    assert_eq!(store.delete_streams(Duration::ZERO).await.unwrap(), 10);
}

#[tokio::test]
async fn postgres_jobs() {
    let Some(cluster) = Cluster::start() else {
        eprintln!(
            "SKIPPED: the store on PostgreSQL is not tested, since there is none in /usr/lib/postgresql"
        );
        return;
    };
    let url = cluster.url();
    // Two servers start concurrently on an empty database.
    let (one, two) = tokio::join!(Store::connect(&url), Store::connect(&url));
    let store = one.unwrap();
    two.unwrap();
    lifecycle::created_running_succeeded_in(&store).await;
    webhooks::all_final_statuses_are_delivered_from(&store).await;
    assert_eq!(store.expire_outputs(Duration::ZERO).await.unwrap(), 4);

    live_streams_in(&store).await;
    secrets::are_deleted_from(&store, || cluster.dump()).await;

    let first = submit(&store, serde_json::json!({})).await;
    let second = submit(&store, serde_json::json!({})).await;
    let page = store.list(TEAM, 1, Some(second), Some("created")).await;
    assert_eq!(page.unwrap()[0].id, first);
    for id in [first, second] {
        assert!(store.cancel(TEAM, id).await.unwrap());
    }

    crash::survive(&url, 2).await;
}
