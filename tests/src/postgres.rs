//! A temporary PostgreSQL cluster on a Unix socket, if PostgreSQL is installed.
#![allow(
    clippy::unwrap_used,
    reason = "a test cannot continue without its database"
)]
#![allow(clippy::missing_panics_doc, reason = "only tests use it")]

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A cluster with an empty database, stopped and deleted when dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// The user to run as, since PostgreSQL refuses to run as root.
    user: Option<u32>,
}

impl Cluster {
    /// Starts a cluster. Returns `None`, and says so, if PostgreSQL is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts a cluster with more options of the program `postgres`, such as `-c max_connections=1000`.
    #[must_use]
    pub fn start_with(options: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!(
                "SKIPPED: PostgreSQL is not tested, since there is none in /usr/lib/postgresql"
            );
            return None;
        };
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
            "-c listen_addresses='' -c fsync=off -k {} {options}",
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

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.path().display()
        )
    }

    /// All rows of all tables.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let file = self.path().join("dump").display().to_string();
        self.run("pg_dump", &["-d", &self.url(), "--data-only", "-f", &file]);
        fs::read(file).unwrap()
    }

    /// Processor time of all processes of the cluster so far, in seconds. 0 on other platforms than Linux.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        let file = self.path().join("data/postmaster.pid");
        let main = fs::read_to_string(file).unwrap();
        let main = main.lines().next().unwrap().to_owned();
        // Hundredths of a second.
        let ticks = |fields: &[&str]| -> f64 {
            let time = |index: usize| fields[index].parse().unwrap_or(0.0);
            // Those of the main process include its children that have ended.
            time(11)
                + time(12)
                + if fields[1] == main {
                    0.0
                } else {
                    time(13) + time(14)
                }
        };
        let Ok(processes) = fs::read_dir("/proc") else {
            return 0.0;
        };
        let mut sum = 0.0;
        for process in processes.flatten() {
            let Ok(stat) = fs::read_to_string(process.path().join("stat")) else {
                continue;
            };
            // The name of the program is in parentheses, and may contain spaces.
            let Some((_, fields)) = stat.rsplit_once(") ") else {
                continue;
            };
            let fields: Vec<&str> = fields.split(' ').collect();
            if fields[1] == main || process.file_name() == *main {
                sum += ticks(&fields);
            }
        }
        sum / 100.0
    }

    /// What the cluster has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap()
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
