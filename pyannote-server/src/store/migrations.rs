//! Database migrations: one per change of the tables, never edited after a release.

use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::dialect::Dialect;

/// Times are in milliseconds since 1970. Large columns come last, since SQLite reads a row from its start.
const JOBS_AND_DELIVERIES: &str = "
CREATE TABLE jobs (
    seq {key},
    id TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    started_at BIGINT,
    completed_at BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0,
    claimed_by TEXT,
    lease_until BIGINT,
    request TEXT NOT NULL,
    output TEXT
);
CREATE INDEX jobs_of_team ON jobs (team, seq);
CREATE INDEX jobs_by_status ON jobs (status);
CREATE INDEX jobs_open ON jobs (seq) WHERE status IN ('created', 'running');
CREATE INDEX jobs_with_output ON jobs (completed_at) WHERE output IS NOT NULL;
CREATE TABLE deliveries (
    seq {key},
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    status_only BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    reason TEXT,
    due_at BIGINT NOT NULL,
    claimed_by TEXT
);
CREATE INDEX deliveries_due ON deliveries (due_at);
CREATE INDEX deliveries_of_job ON deliveries (job_id);
";

/// Index for deleting jobs by age. Requests of jobs that have ended are no longer kept.
const RETENTION: &str = "
CREATE INDEX jobs_ended ON jobs (completed_at) WHERE completed_at IS NOT NULL;
UPDATE jobs SET request = '{}' WHERE status NOT IN ('created', 'running');
";

/// Removes what earlier versions deleted from SQLite's file without overwriting it.
const VACUUM: &str = "VACUUM";

/// Live streams. `lease_until` is when the token expires, or else when the server that has the stream counts as gone.
const STREAMS: &str = "
CREATE TABLE streams (
    seq {key},
    id TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    completed_at BIGINT,
    token_hash TEXT,
    claimed_by TEXT,
    lease_until BIGINT NOT NULL
);
CREATE INDEX streams_open ON streams (team) WHERE completed_at IS NULL;
CREATE INDEX streams_ended ON streams (completed_at) WHERE completed_at IS NOT NULL;
";

/// The duration of a job's recording, in milliseconds, if a worker has put the job back because it is long.
const AUDIO: &str = "ALTER TABLE jobs ADD COLUMN audio_ms BIGINT";

/// Lists, also by status, and large outputs: all parts of an output but the first.
const LISTS_AND_OUTPUTS: &str = "
DROP INDEX jobs_of_team;
CREATE INDEX jobs_of_team ON jobs (team, {backward});
CREATE INDEX jobs_of_team_by_status ON jobs (team, status, {backward});
CREATE TABLE output_parts (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    part BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job_id, part)
);
";

/// What all servers that share the database must agree on, such as the secret that signs URLs.
const SECRETS: &str = "
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
";

/// The processes that use the database, to warn if they have different engines.
const PROCESSES: &str = "
CREATE TABLE processes (
    id TEXT PRIMARY KEY,
    engine TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
";

/// What the queue knows of recordings: the host that they are fetched from, unless they were uploaded, and how often
/// loading them has failed. The queues of both kinds have an index.
const QUEUES: &str = "
ALTER TABLE jobs ADD COLUMN host TEXT;
ALTER TABLE jobs ADD COLUMN fetch_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN storage_failures BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_stored ON jobs (seq) WHERE status IN ('created', 'running') AND host IS NULL;
CREATE INDEX jobs_remote ON jobs (seq, team, host) WHERE status IN ('created', 'running') AND host IS NOT NULL;
UPDATE jobs SET status = 'created' WHERE status = 'running' AND claimed_by IS NULL;
";

/// The teams and hosts of webhooks, in the index of the queue. Those that were queued before count as of one host.
const WEBHOOK_HOSTS: &str = "
ALTER TABLE deliveries ADD COLUMN team TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN host TEXT NOT NULL DEFAULT '';
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at, seq, team, host);
";

/// Returns all migrations in a dialect.
pub(super) fn migrator(dialect: Dialect) -> Migrator {
    let migration = |version, description: &'static str, template, no_tx| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            dialect.sql(template),
            no_tx,
        )
    };
    let mut migrations = vec![
        migration(1, "jobs and deliveries", JOBS_AND_DELIVERIES, false),
        migration(2, "retention", RETENTION, false),
    ];
    if matches!(dialect, Dialect::Sqlite) {
        migrations.push(migration(3, "vacuum", VACUUM, true));
    }
    migrations.push(migration(4, "streams", STREAMS, false));
    migrations.push(migration(5, "audio", AUDIO, false));
    migrations.push(migration(6, "lists and outputs", LISTS_AND_OUTPUTS, false));
    migrations.push(migration(7, "secrets", SECRETS, false));
    migrations.push(migration(8, "processes", PROCESSES, false));
    migrations.push(migration(9, "queues", QUEUES, false));
    migrations.push(migration(10, "webhook hosts", WEBHOOK_HOSTS, false));
    Migrator::with_migrations(migrations)
}
