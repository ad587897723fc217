//! Checks that jobs and uploads are where all who need them find them: `--database`, `--data-dir` and `--media`.

use super::ServeError;
use super::worker_options::WorkerOptions;
use crate::data_dir::DataDir;

/// What a process does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Accepts jobs and processes them.
    ServerAndWorkers,
    /// Accepts jobs for workers in other processes.
    Server,
    /// Processes the jobs of servers.
    Workers,
}

/// Which of the options are given.
#[derive(Clone, Copy, Debug)]
struct Given {
    database: bool,
    data_dir: bool,
    media: bool,
}

impl Given {
    fn of(options: &WorkerOptions) -> Self {
        Self {
            database: options.database.is_some(),
            data_dir: options.data_dir.is_some(),
            media: options.media.is_some(),
        }
    }
}

/// Checks the places of a process.
pub(super) fn check(role: Role, options: &WorkerOptions) -> Result<(), ServeError> {
    check_given(role, Given::of(options))?;
    match (role, &options.data_dir) {
        (Role::Workers, Some(path)) if options.media.is_none() && !path.is_dir() => {
            let path = path.display();
            Err(format!("there is no directory {path}: pass the --data-dir of a server").into())
        }
        _ => Ok(()),
    }
}

/// Logs a warning if the places are only right for some uses.
pub(super) fn warn(role: Role, options: &WorkerOptions) {
    let given = Given::of(options);
    match (role, &options.data_dir) {
        _ if given.media => {}
        (Role::ServerAndWorkers, None) if given.database => tracing::warn!(
            "uploads are in a temporary directory, which is deleted on exit, unlike jobs: pass --data-dir or --media"
        ),
        // Right if clients only submit URLs.
        (Role::Workers, Some(path)) if !DataDir::media_in(path).is_dir() => {
            tracing::warn!(path = %path.display(), "the data directory has no uploads of a server");
        }
        _ => {}
    }
}

/// Decides whether the others find jobs and uploads. `serve` without the options has everything to itself.
fn check_given(role: Role, given: Given) -> Result<(), &'static str> {
    let has_jobs = given.database || given.data_dir;
    let has_uploads = given.media || given.data_dir;
    match role {
        Role::Server if !has_jobs => Err(
            "workers cannot find the jobs of `serve --no-work` without --data-dir or --database",
        ),
        Role::Server if !has_uploads => Err(
            "workers cannot find the uploads of `serve --no-work` without --data-dir or --media",
        ),
        Role::Workers if !has_jobs => {
            Err("workers need the jobs of a server: pass its --database, or its --data-dir")
        }
        Role::Workers if !has_uploads => {
            Err("workers need the uploads of the servers: pass their --media, or their --data-dir")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_uploads_must_be_found_by_other_processes() {
        use Role::{Server, ServerAndWorkers, Workers};
        for (role, database, data_dir, media, expected) in [
            (ServerAndWorkers, false, false, false, ""),
            (ServerAndWorkers, true, false, false, ""),
            (
                Server,
                false,
                false,
                false,
                "without --data-dir or --database",
            ),
            (
                Server,
                false,
                false,
                true,
                "without --data-dir or --database",
            ),
            (Server, true, false, false, "without --data-dir or --media"),
            (Server, true, false, true, ""),
            (Server, true, true, false, ""),
            (Server, false, true, false, ""),
            (Server, false, true, true, ""),
            (
                Workers,
                false,
                false,
                false,
                "pass its --database, or its --data-dir",
            ),
            (
                Workers,
                false,
                false,
                true,
                "pass its --database, or its --data-dir",
            ),
            (
                Workers,
                true,
                false,
                false,
                "pass their --media, or their --data-dir",
            ),
            (Workers, true, false, true, ""),
            (Workers, true, true, false, ""),
            (Workers, false, true, false, ""),
        ] {
            let given = Given {
                database,
                data_dir,
                media,
            };
            let checked = check_given(role, given);
            let is_expected = match expected {
                "" => checked.is_ok(),
                text => checked.is_err_and(|error| error.contains(text)),
            };
            assert!(is_expected, "{role:?} {given:?}: {checked:?}");
        }
    }
}
