//! SQL statements. [`Dialect::sql`](super::dialect::Dialect::sql) replaces what is in braces.

use super::database::{Read, Write};

pub(super) const CREATE: Write = Write::new(
    "
INSERT INTO jobs (id, team, kind, status, created_at, updated_at, request, host)
VALUES ($1, $2, $3, 'created', {now}, {now}, $4, NULLIF($5, ''))
RETURNING id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, audio_ms, fetch_failures,
    storage_failures, request, output",
);

/// With the size of the parts of the output that are not in the row.
pub(super) const GET: Read = Read::new(
    "
SELECT id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, audio_ms, fetch_failures,
    storage_failures, request, output, {rest_bytes} AS rest_bytes
FROM jobs WHERE id = $1 AND team = $2",
);

/// Without the request, which may be large: clients poll their jobs.
pub(super) const GET_RESULT: Read = Read::new(
    "
SELECT id, status, created_at, updated_at, output, {rest_bytes} AS rest_bytes FROM jobs WHERE id = $1 AND team = $2",
);

/// Position of a job in the lists of its team.
pub(super) const POSITION: Read = Read::new("SELECT seq FROM jobs WHERE id = $1 AND team = $2");

/// Without requests and outputs, which may be large and are not part of lists.
pub(super) const LIST: Read = Read::new(
    "
SELECT id, status, created_at FROM jobs
WHERE team = $1 AND {older}
ORDER BY {newest_first} LIMIT $3",
);

pub(super) const LIST_WITH_STATUS: Read = Read::new(
    "
SELECT id, status, created_at FROM jobs
WHERE team = $1 AND {older} AND status = $4
ORDER BY {newest_first} LIMIT $3",
);

pub(super) const COUNT: Read =
    Read::new("SELECT status, COUNT(*) AS jobs FROM jobs GROUP BY status");

/// How long the oldest job with an uploaded recording has been waiting, in milliseconds. Its index is in this order.
pub(super) const OLDEST_STORED: Read = Read::new(
    "
SELECT {now} - created_at AS age_ms FROM jobs {index:jobs_stored:index}
WHERE status IN ('created', 'running') AND status = 'created' AND host IS NULL ORDER BY seq LIMIT 1",
);

/// The same of recordings of other hosts.
pub(super) const OLDEST_REMOTE: Read = Read::new(
    "
SELECT {now} - created_at AS age_ms FROM jobs {index:jobs_remote:index}
WHERE status IN ('created', 'running') AND status = 'created' AND host IS NOT NULL ORDER BY seq LIMIT 1",
);

/// Request of a job that has not ended. The statements that end a job clear it.
pub(super) const OPEN_REQUEST: Read =
    Read::new("SELECT request FROM jobs WHERE id = $1 AND status IN ('created', 'running')");

/// Cancels a job of the team $2, or of any team if $3 is 1.
pub(super) const CANCEL: Write = Write::new(
    "
UPDATE jobs
SET status = 'canceled', completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL,
    request = '{}', host = NULL
WHERE id = $1 AND (team = $2 OR $3 = 1) AND status IN ('created', 'running')",
);

pub(super) const STATUS: Read = Read::new("SELECT status FROM jobs WHERE id = $1");

/// Deletes the first parts of the outputs of at most $2 jobs. Keeps those of pending webhooks.
pub(super) const EXPIRE_OUTPUTS: Write = Write::new(
    "
UPDATE jobs SET output = NULL
WHERE seq IN (
    SELECT seq FROM jobs {index:jobs_with_output:index}
    WHERE output IS NOT NULL AND completed_at <= {now} - $1
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id)
    LIMIT $2
)",
);

/// Jobs whose outputs have only parts left that nobody can read.
pub(super) const LIST_UNUSED_PARTS: Read = Read::new(
    "
SELECT DISTINCT job_id FROM output_parts
WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.id = output_parts.job_id AND jobs.output IS NULL)",
);

/// Deletes at most $2 parts of the output of a job.
pub(super) const DELETE_PARTS: Write = Write::new(
    "
DELETE FROM output_parts
WHERE job_id = $1
    AND part IN (SELECT part FROM output_parts AS oldest WHERE oldest.job_id = $1 ORDER BY part LIMIT $2)",
);

/// Deletes at most $2 jobs without output. Keeps those of pending webhooks.
pub(super) const DELETE_JOBS: Write = Write::new(
    "
DELETE FROM jobs
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE completed_at <= {now} - $1 AND output IS NULL
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id)
    LIMIT $2
)",
);

/// The statements of a claim of some recordings. Only one process at a time can write to SQLite, so workers that poll
/// without finding anything should not.
#[derive(Clone, Copy)]
pub(super) struct ClaimStatements {
    /// Whether there is something to claim.
    pub(super) can_claim: Read,
    /// Claims the oldest job that waits, or whose lease has expired.
    pub(super) claim: Write,
}

/// The condition that neither the team of a row nor its host is in a text of `Busy::to_text`.
macro_rules! not_busy {
    ($busy:literal) => {
        concat!(
            "{position}(",
            $busy,
            ", '/' || team || '/') = 0 AND {position}(",
            $busy,
            ", '/' || team || ':' || host || '/') = 0"
        )
    };
}

/// Jobs with fewer attempts than $1, unless their recording is known to be longer than $2. `lease_until` is also when a
/// job that was returned to the queue may be claimed again.
macro_rules! claim {
    ($source:ident, $index:literal) => {
        ClaimStatements {
            can_claim: Read::new(concat!(
                "
SELECT 1 FROM jobs {index:",
                $index,
                ":index}
WHERE ",
                claim!(@open),
                claim!(@$source "$3"),
                "
LIMIT 1"
            )),
            claim: Write::new(concat!(
                "
UPDATE jobs
SET status = 'running', attempts = attempts + 1, claimed_by = $3, lease_until = {now} + $4,
    started_at = COALESCE(started_at, {now}), updated_at = {now}
WHERE seq = (
    SELECT seq FROM jobs {index:",
                $index,
                ":index}
    WHERE ",
                claim!(@open),
                claim!(@$source "$5"),
                "
    ORDER BY seq LIMIT 1 {skip_locked}
)
RETURNING id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, audio_ms, fetch_failures,
    storage_failures, request, output"
            )),
        }
    };
    (@open) => {
        "status IN ('created', 'running') AND COALESCE(lease_until, 0) <= {now} AND attempts < $1
        AND (audio_ms IS NULL OR audio_ms <= $2)"
    };
    (@any $busy:literal) => {
        ""
    };
    (@stored $busy:literal) => {
        " AND host IS NULL"
    };
    (@remote $busy:literal) => {
        concat!(
            " AND host IS NOT NULL
        AND ",
            not_busy!($busy)
        )
    };
}

pub(super) const CLAIM: ClaimStatements = claim!(any, "jobs_open");

pub(super) const CLAIM_STORED: ClaimStatements = claim!(stored, "jobs_stored");

pub(super) const CLAIM_REMOTE: ClaimStatements = claim!(remote, "jobs_remote");

pub(super) const RENEW: Write = Write::new(
    "
UPDATE jobs SET lease_until = {now} + $1
WHERE id = $2 AND claimed_by = $3 AND status = 'running'",
);

/// Returns the job $1 to the queue, if the claim $2 still holds it, to be claimed again after $3 milliseconds, or if that
/// is negative, when its lease expires. Does not count the attempt, whoever holds the job now.
pub(super) const RETURN: Write = Write::new(
    "
UPDATE jobs
SET attempts = attempts - 1,
    status = CASE WHEN claimed_by = $2 THEN 'created' ELSE status END,
    updated_at = CASE WHEN claimed_by = $2 THEN {now} ELSE updated_at END,
    lease_until = CASE WHEN claimed_by = $2 AND $3 >= 0 THEN {now} + $3 ELSE lease_until END,
    audio_ms = CASE WHEN $4 >= 0 THEN $4 ELSE audio_ms END,
    fetch_failures = fetch_failures + $5,
    storage_failures = storage_failures + $6,
    claimed_by = CASE WHEN claimed_by = $2 THEN NULL ELSE claimed_by END
WHERE id = $1 AND status IN ('created', 'running') AND attempts > 0",
);

pub(super) const FINISH: Write = Write::new(
    "
UPDATE jobs
SET status = $1, output = $2, completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL,
    request = '{}', host = NULL
WHERE id = $3 AND claimed_by = $4 AND status = 'running'",
);

pub(super) const ADD_OUTPUT_PART: Write =
    Write::new("INSERT INTO output_parts (job_id, part, text) VALUES ($1, $2, $3)");

pub(super) const OUTPUT_PART: Read =
    Read::new("SELECT text FROM output_parts WHERE job_id = $1 AND part = $2");

/// The first condition is redundant, but makes SQLite use the index of open jobs.
pub(super) const LIST_EXHAUSTED: Read = Read::new(
    "
SELECT id FROM jobs
WHERE status IN ('created', 'running') AND status = 'running' AND lease_until <= {now} AND attempts >= $1",
);

pub(super) const FAIL_EXHAUSTED: Write = Write::new(
    "
UPDATE jobs
SET status = 'failed', output = $1, completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL,
    request = '{}', host = NULL
WHERE id = $2 AND status = 'running' AND lease_until <= {now} AND attempts >= $3",
);

pub(super) const ADD_DELIVERY: Write = Write::new(
    "
INSERT INTO deliveries (job_id, url, status_only, team, host, due_at)
VALUES ($1, $2, $3, (SELECT team FROM jobs WHERE id = $1), $4, {now})",
);

pub(super) const CAN_CLAIM_DELIVERY: Read = Read::new(concat!(
    "
SELECT 1 FROM deliveries WHERE due_at <= {now} AND ",
    not_busy!("$1"),
    " LIMIT 1"
));

/// Makes a claimed delivery due again after the claim expires, in case the server is killed while sending it.
pub(super) const CLAIM_DELIVERY: Write = Write::new(concat!(
    "
UPDATE deliveries SET claimed_by = $1, due_at = {now} + $2
WHERE seq = (
    SELECT seq FROM deliveries
    WHERE due_at <= {now} AND ",
    not_busy!("$3"),
    "
    ORDER BY due_at, seq LIMIT 1 {skip_locked}
)
RETURNING seq, job_id, url, status_only, failures, reason, team, host"
));

pub(super) const DELIVERY_BODY: Read =
    Read::new("SELECT status, output, {rest_bytes} AS rest_bytes FROM jobs WHERE id = $1");

pub(super) const DELETE_DELIVERY: Write =
    Write::new("DELETE FROM deliveries WHERE seq = $1 AND claimed_by = $2");

pub(super) const RETRY_DELIVERY: Write = Write::new(
    "
UPDATE deliveries SET failures = failures + 1, reason = $1, due_at = {now} + $2, claimed_by = NULL
WHERE seq = $3 AND claimed_by = $4",
);

/// Time until the next delivery is due, in milliseconds.
pub(super) const NEXT_DELIVERY: Read = Read::new(concat!(
    "
SELECT due_at - {now} AS wait FROM deliveries WHERE ",
    not_busy!("$1"),
    " ORDER BY due_at LIMIT 1"
));

/// Creates a stream of a team, unless it has as many open streams as it may have.
pub(super) const CREATE_STREAM: Write = Write::new(
    "
INSERT INTO streams (id, team, status, created_at, lease_until, token_hash)
SELECT $1, $2, 'created', {now}, {now} + $3, $4
WHERE (SELECT COUNT(*) FROM streams WHERE team = $2 AND completed_at IS NULL AND lease_until > {now}) < $5",
);

pub(super) const GET_STREAM: Read = Read::new(
    "
SELECT id, status, created_at, started_at, completed_at FROM streams WHERE id = $1 AND team = $2",
);

/// Hash of the token of a stream that nobody has connected to yet.
pub(super) const STREAM_TOKEN: Read = Read::new(
    "
SELECT token_hash FROM streams
WHERE id = $1 AND token_hash IS NOT NULL AND completed_at IS NULL AND lease_until > {now}",
);

/// Takes a stream, and deletes its token. Of several connections with the same token, one succeeds.
pub(super) const CLAIM_STREAM: Write = Write::new(
    "
UPDATE streams SET token_hash = NULL, claimed_by = $1, lease_until = {now} + $2
WHERE id = $3 AND token_hash IS NOT NULL AND completed_at IS NULL AND lease_until > {now}",
);

/// Renews the lease, and records that audio has arrived, if $1 is 1.
pub(super) const RENEW_STREAM: Write = Write::new(
    "
UPDATE streams
SET status = CASE WHEN $1 = 1 THEN 'running' ELSE status END,
    started_at = CASE WHEN $1 = 1 THEN COALESCE(started_at, {now}) ELSE started_at END,
    lease_until = {now} + $2
WHERE id = $3 AND claimed_by = $4 AND completed_at IS NULL",
);

pub(super) const FINISH_STREAM: Write = Write::new(
    "
UPDATE streams
SET status = $1, started_at = CASE WHEN $2 = 1 THEN COALESCE(started_at, {now}) ELSE started_at END,
    completed_at = {now}, claimed_by = NULL
WHERE id = $3 AND claimed_by = $4 AND completed_at IS NULL",
);

/// Ends streams whose token has expired unused, and those of servers that were killed.
pub(super) const FAIL_LOST_STREAMS: Write = Write::new(
    "
UPDATE streams SET status = 'error', completed_at = {now}, claimed_by = NULL, token_hash = NULL
WHERE completed_at IS NULL AND lease_until <= {now}",
);

/// Whether [`FAIL_LOST_STREAMS`] has something to end.
pub(super) const HAS_LOST_STREAMS: Read =
    Read::new("SELECT 1 FROM streams WHERE completed_at IS NULL AND lease_until <= {now} LIMIT 1");

/// Deletes at most $2 streams.
pub(super) const DELETE_STREAMS: Write = Write::new(
    "
DELETE FROM streams
WHERE seq IN (SELECT seq FROM streams WHERE completed_at <= {now} - $1 LIMIT $2)",
);

pub(super) const SECRET: Read = Read::new("SELECT value FROM secrets WHERE name = $1");

/// Adds a secret, unless another server was first.
pub(super) const ADD_SECRET: Write =
    Write::new("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");

pub(super) const NOTE_PROCESS: Write = Write::new(
    "
INSERT INTO processes (id, engine, seen_at) VALUES ($1, $2, {now})
ON CONFLICT (id) DO UPDATE SET seen_at = {now}",
);

pub(super) const OTHER_ENGINES: Read = Read::new(
    "
SELECT DISTINCT engine FROM processes WHERE engine <> $1 AND seen_at > {now} - $2 ORDER BY engine",
);

pub(super) const FORGET_PROCESS: Write =
    Write::new("DELETE FROM processes WHERE id = $1 OR seen_at <= {now} - $2");
