//! SQL statements. [`Dialect::sql`](super::dialect::Dialect::sql) replaces `{now}` and `{skip_locked}`.

pub(super) const CREATE: &str = "
INSERT INTO jobs (id, team, kind, status, created_at, updated_at, request)
VALUES ($1, $2, $3, 'created', {now}, {now}, $4)
RETURNING id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, request, output";

pub(super) const GET: &str = "
SELECT id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, request, output
FROM jobs WHERE id = $1 AND team = $2";

/// Without outputs, which may be large and are not part of lists. No job is older than an unknown cursor.
pub(super) const LIST: &str = "
SELECT id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, request,
    CAST(NULL AS TEXT) AS output
FROM jobs
WHERE team = $1
    AND ($2 = '' OR seq < (SELECT seq FROM jobs WHERE id = $2 AND team = $1))
    AND ($3 = '' OR status = $3)
ORDER BY seq DESC LIMIT $4";

pub(super) const COUNT: &str = "SELECT status, COUNT(*) AS jobs FROM jobs GROUP BY status";

pub(super) const CANCEL: &str = "
UPDATE jobs
SET status = 'canceled', completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL
WHERE id = $1 AND team = $2 AND status IN ('created', 'running')
RETURNING request";

/// Keeps outputs of pending webhooks.
pub(super) const EXPIRE_OUTPUTS: &str = "
UPDATE jobs SET output = NULL
WHERE output IS NOT NULL AND completed_at <= $1
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id)";

/// Claims the oldest job that is waiting, or whose lease has expired.
pub(super) const CLAIM: &str = "
UPDATE jobs
SET status = 'running', attempts = attempts + 1, claimed_by = $1, lease_until = {now} + $2,
    started_at = COALESCE(started_at, {now}), updated_at = {now}
WHERE seq = (
    SELECT seq FROM jobs
    WHERE status IN ('created', 'running')
        AND (status = 'created' OR lease_until <= {now})
        AND attempts < $3
    ORDER BY seq LIMIT 1 {skip_locked}
)
RETURNING id, team, kind, status, created_at, updated_at, started_at, completed_at, attempts, request, output";

pub(super) const RENEW: &str = "
UPDATE jobs SET lease_until = {now} + $1
WHERE id = $2 AND claimed_by = $3 AND status = 'running'";

/// Does not count the attempt: the job did not cause the shutdown.
pub(super) const RELEASE: &str = "
UPDATE jobs SET lease_until = 0, claimed_by = NULL, attempts = attempts - 1
WHERE id = $1 AND claimed_by = $2 AND status = 'running'";

pub(super) const FINISH: &str = "
UPDATE jobs
SET status = $1, output = $2, completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL
WHERE id = $3 AND claimed_by = $4 AND status = 'running'";

/// The first condition is redundant, but makes SQLite use the index of open jobs.
pub(super) const LIST_EXHAUSTED: &str = "
SELECT id FROM jobs
WHERE status IN ('created', 'running') AND status = 'running' AND lease_until <= {now} AND attempts >= $1";

pub(super) const FAIL_EXHAUSTED: &str = "
UPDATE jobs
SET status = 'failed', output = $1, completed_at = {now}, updated_at = {now}, claimed_by = NULL, lease_until = NULL
WHERE id = $2 AND status = 'running' AND lease_until <= {now} AND attempts >= $3
RETURNING request";

pub(super) const ADD_DELIVERY: &str = "
INSERT INTO deliveries (job_id, url, status_only, due_at) VALUES ($1, $2, $3, {now})";

/// Makes a claimed delivery due again after the claim expires, in case the server is killed while sending it.
pub(super) const CLAIM_DELIVERY: &str = "
UPDATE deliveries SET claimed_by = $1, due_at = {now} + $2
WHERE seq = (SELECT seq FROM deliveries WHERE due_at <= {now} ORDER BY due_at, seq LIMIT 1 {skip_locked})
RETURNING seq, job_id, url, status_only, failures, reason";

pub(super) const DELIVERY_BODY: &str = "SELECT status, output FROM jobs WHERE id = $1";

pub(super) const DELETE_DELIVERY: &str =
    "DELETE FROM deliveries WHERE seq = $1 AND claimed_by = $2";

pub(super) const RETRY_DELIVERY: &str = "
UPDATE deliveries SET failures = failures + 1, reason = $1, due_at = {now} + $2, claimed_by = NULL
WHERE seq = $3 AND claimed_by = $4";

/// Time until the next delivery is due, in milliseconds.
pub(super) const NEXT_DELIVERY: &str = "SELECT MIN(due_at) - {now} AS wait FROM deliveries";
