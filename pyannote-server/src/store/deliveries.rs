//! Pending webhook deliveries. A row stays until the receiver has accepted the webhook, or the last retry has failed.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::{Any, Row, Transaction};
use uuid::Uuid;

use super::dialect::Dialect;
use super::queue::as_millis;
use super::{Status, Store, StoreError, job, sql};

/// A claimed webhook delivery.
///
/// It has no `Debug`: the URL may be a secret, and the body may contain voiceprints.
pub(crate) struct Delivery {
    seq: i64,
    token: String,
    /// Job that has ended.
    pub(crate) job_id: String,
    /// URL of the receiver.
    pub(crate) url: String,
    /// Number of failed attempts.
    pub(crate) failures: usize,
    /// Why the last attempt failed.
    pub(crate) reason: Option<String>,
    /// Body of the webhook, as JSON.
    pub(crate) body: String,
}

/// Queues the webhook of a job that ends, if its request has one.
pub(super) async fn add(
    dialect: Dialect,
    transaction: &mut Transaction<'_, Any>,
    job: Uuid,
    request: &Map<String, Value>,
) -> Result<(), StoreError> {
    let Some(url) = request.get("webhook").and_then(Value::as_str) else {
        return Ok(());
    };
    let status_only = request.get("webhookStatusOnly") == Some(&Value::Bool(true));
    sqlx::query(dialect.sql(sql::ADD_DELIVERY))
        .bind(job.to_string())
        .bind(url)
        .bind(i64::from(status_only))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Store {
    /// Claims a webhook that is due. It is due again after `lease`, unless it is deleted or rescheduled before.
    pub(crate) async fn claim_delivery(
        &self,
        lease: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let token = Uuid::new_v4().to_string();
        let row = sqlx::query(self.dialect.sql(sql::CLAIM_DELIVERY))
            .bind(&*token)
            .bind(as_millis(lease))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let job_id = row.try_get::<String, _>("job_id")?;
        let status_only = row.try_get::<i64, _>("status_only")? != 0;
        let body = self.delivery_body(&job_id, status_only).await?;
        Ok(Some(Delivery {
            seq: row.try_get("seq")?,
            token,
            url: row.try_get("url")?,
            failures: usize::try_from(row.try_get::<i64, _>("failures")?).unwrap_or(usize::MAX),
            reason: row.try_get("reason")?,
            job_id,
            body,
        }))
    }

    async fn delivery_body(&self, job_id: &str, status_only: bool) -> Result<String, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::DELIVERY_BODY))
            .bind(job_id)
            .fetch_one(&self.pool)
            .await?;
        let status = Status::parse(&row.try_get::<String, _>("status")?)?;
        let mut body = json!({ "jobId": job_id, "status": status.as_str() });
        let output = row.try_get::<Option<String>, _>("output")?;
        if let Some(output) = output.filter(|_| !status_only) {
            body["output"] = job::parse_output(&output)?;
        }
        Ok(body.to_string())
    }

    /// Deletes a delivery: the receiver has accepted the webhook, or the last retry has failed.
    pub(crate) async fn delete_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::DELETE_DELIVERY))
            .bind(delivery.seq)
            .bind(&*delivery.token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Schedules another attempt after `delay`.
    pub(crate) async fn retry_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        delay: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::RETRY_DELIVERY))
            .bind(reason)
            .bind(as_millis(delay))
            .bind(delivery.seq)
            .bind(&*delivery.token)
            .execute(&self.pool)
            .await?;
        self.notify_delivery_due();
        Ok(())
    }

    /// Returns how long it is until the next webhook is due, or `None` if none is queued.
    pub(crate) async fn next_delivery(&self) -> Result<Option<Duration>, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::NEXT_DELIVERY))
            .fetch_one(&self.pool)
            .await?;
        let wait_ms = row.try_get::<Option<i64>, _>("wait")?;
        Ok(wait_ms.map(|wait_ms| Duration::from_millis(wait_ms.max(0).unsigned_abs())))
    }
}
