//! Webhooks that are to be sent. A row stays until the receiver has it, or has failed too often.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::{Any, Row, Transaction};
use uuid::Uuid;

use super::dialect::Dialect;
use super::queue::milliseconds;
use super::{Status, Store, StoreError, job, sql};

/// A webhook that this process is to send now.
#[derive(Debug)]
pub(crate) struct Delivery {
    seq: i64,
    token: String,
    /// Whose end it tells.
    pub(crate) job_id: String,
    /// Where it goes.
    pub(crate) url: String,
    /// How often it failed before.
    pub(crate) failures: usize,
    /// Why it failed the last time.
    pub(crate) reason: Option<String>,
    /// What it says.
    pub(crate) body: String,
}

/// Queues the webhook of a job that ends, if its request asks for one.
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
    /// Takes a webhook that is due. Unless it is dropped or retried within `lease`, it is due again.
    pub(crate) async fn claim_delivery(
        &self,
        lease: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let token = Uuid::new_v4().to_string();
        let row = sqlx::query(self.dialect.sql(sql::CLAIM_DELIVERY))
            .bind(&*token)
            .bind(milliseconds(lease))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let job_id = row.try_get::<String, _>("job_id")?;
        let status_only = row.try_get::<i64, _>("status_only")? != 0;
        let body = self.body(&job_id, status_only).await?;
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

    async fn body(&self, job_id: &str, status_only: bool) -> Result<String, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::DELIVERY_BODY))
            .bind(job_id)
            .fetch_one(&self.pool)
            .await?;
        let status = Status::read(&row.try_get::<String, _>("status")?)?;
        let mut body = json!({ "jobId": job_id, "status": status.as_str() });
        let output = row.try_get::<Option<String>, _>("output")?;
        if let Some(output) = output.filter(|_| !status_only) {
            body["output"] = job::json(&output)?;
        }
        Ok(body.to_string())
    }

    /// Forgets a webhook: the receiver has it, or has failed too often.
    pub(crate) async fn drop_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::DROP_DELIVERY))
            .bind(delivery.seq)
            .bind(&*delivery.token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Has a webhook sent again after `delay`.
    pub(crate) async fn retry_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        delay: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query(self.dialect.sql(sql::RETRY_DELIVERY))
            .bind(reason)
            .bind(milliseconds(delay))
            .bind(delivery.seq)
            .bind(&*delivery.token)
            .execute(&self.pool)
            .await?;
        self.due.notify_one();
        Ok(())
    }

    /// In how long the next webhook is due. None where there is none.
    pub(crate) async fn next_delivery(&self) -> Result<Option<Duration>, StoreError> {
        let row = sqlx::query(self.dialect.sql(sql::NEXT_DELIVERY))
            .fetch_one(&self.pool)
            .await?;
        let wait = row.try_get::<Option<i64>, _>("wait")?;
        Ok(wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or_default())))
    }
}
