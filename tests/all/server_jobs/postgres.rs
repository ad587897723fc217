//! The store on PostgreSQL, if it is installed: a temporary cluster on a Unix socket.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pyannote_server::store::Store;
use tempfile::TempDir;

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
