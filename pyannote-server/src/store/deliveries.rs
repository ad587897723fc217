//! Pending webhook deliveries. A row stays until the receiver has accepted the webhook, or the last retry has failed.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::Row;
use uuid::Uuid;

use super::claim_filter::http_host;
use super::database::{Database, Transaction};
use super::outputs::{OutputText, json_before_output};
use super::queue::as_millis;
use super::{Busy, Status, Store, StoreError, job, sql};
use crate::error::Chain;

/// A claimed webhook delivery.
///
/// It has no `Debug`: the URL may be a secret.
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
    /// Team of the job.
    pub(crate) team: String,
    /// Host of the URL. Empty if the URL is invalid.
    pub(crate) host: String,
    status_only: bool,
}

/// The body of a webhook, without the output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryBody<'a> {
    job_id: &'a str,
    status: &'static str,
}

/// A webhook to be delivered when a job ends.
pub(super) struct NewDelivery {
    url: String,
    host: String,
    status_only: bool,
}

impl NewDelivery {
    /// Returns the webhook of a request, if it has one.
    pub(super) fn from_request(request: &Map<String, Value>) -> Option<Self> {
        let url = request.get("webhook").and_then(Value::as_str)?;
        Some(Self {
            // PostgreSQL stores no NUL, which URLs contain percent-encoded.
            url: url.replace('\0', "%00"),
            host: http_host(url).unwrap_or_default(),
            status_only: request.get("webhookStatusOnly") == Some(&Value::Bool(true)),
        })
    }
}

/// Reads the webhook of a job that is about to end, which clears its request. A request that cannot be read has none: it
/// must not keep the job from ending.
pub(super) async fn of_job(
    database: &Database,
    transaction: &mut Transaction,
    job: Uuid,
) -> Result<Option<NewDelivery>, StoreError> {
    let request = database.select(sql::OPEN_REQUEST).bind(job.to_string());
    let Some(row) = transaction.first(request).await? else {
        return Ok(None);
    };
    match job::parse_request(&row.try_get::<String, _>("request")?) {
        Ok(request) => Ok(NewDelivery::from_request(&request)),
        Err(error) => {
            tracing::warn!(%job, error = %Chain(&error), "a job ends without its webhook");
            Ok(None)
        }
    }
}

/// Queues the webhook of a job that ends, if it has one.
pub(super) async fn add(
    database: &Database,
    transaction: &mut Transaction,
    job: Uuid,
    delivery: Option<NewDelivery>,
) -> Result<(), StoreError> {
    let Some(delivery) = delivery else {
        return Ok(());
    };
    let add = database.statement(sql::ADD_DELIVERY);
    let add = add
        .bind(job.to_string())
        .bind(delivery.url)
        .bind(i64::from(delivery.status_only))
        .bind(delivery.host);
    transaction.execute(add).await?;
    Ok(())
}

impl Store {
    /// Claims a webhook that is due, of a host and team that are not `busy`. It is due again after `lease`, unless it is
    /// deleted or rescheduled before. Claims none while they are [held](Self::hold_claims).
    pub(crate) async fn claim_delivery(
        &self,
        lease: Duration,
        busy: &Busy,
    ) -> Result<Option<Delivery>, StoreError> {
        let busy = busy.to_text();
        let can_claim = self.database.select(sql::CAN_CLAIM_DELIVERY);
        let can_claim = can_claim.bind(busy.clone());
        if self.are_claims_held() || self.database.first(can_claim).await?.is_none() {
            return Ok(None);
        }
        let token = Uuid::new_v4().to_string();
        let claim = self.database.statement(sql::CLAIM_DELIVERY);
        let claim = claim.bind(&*token).bind(as_millis(lease)).bind(busy);
        let row = self.database.write_returning(claim).await?;
        let Some(row) = row else { return Ok(None) };
        // The claim is committed. So what cannot be read is no error here: the attempt fails, and counts.
        let failures = row.try_get::<i64, _>("failures").unwrap_or_default();
        Ok(Some(Delivery {
            seq: row.try_get("seq")?,
            token,
            job_id: row.try_get("job_id").unwrap_or_default(),
            url: row.try_get("url").unwrap_or_default(),
            failures: usize::try_from(failures).unwrap_or(usize::MAX),
            reason: row.try_get("reason").unwrap_or_default(),
            team: row.try_get("team").unwrap_or_default(),
            host: row.try_get("host").unwrap_or_default(),
            status_only: row.try_get("status_only").unwrap_or(1) != 0,
        }))
    }

    /// Reads the body of a webhook, as JSON.
    pub(crate) async fn delivery_body(&self, delivery: &Delivery) -> Result<Bytes, StoreError> {
        let job_id = &*delivery.job_id;
        let row = self.database.select(sql::DELIVERY_BODY).bind(job_id);
        let row = self.database.first(row).await?;
        let row = row.ok_or(sqlx::Error::RowNotFound)?;
        let status = Status::parse(&row.try_get::<String, _>("status")?)?;
        let body = DeliveryBody {
            job_id,
            status: status.as_str(),
        };
        let output = OutputText::from_row(&self.database, job::parse_id(job_id)?, &row)?;
        let invalid = |error| StoreError::invalid_job("id", error);
        let body = match output.filter(|_| !delivery.status_only) {
            None => serde_json::to_string(&body).map_err(invalid)?,
            Some(output) => {
                let prefix = json_before_output(&body).map_err(invalid)?;
                let mut body = output.read_after(prefix).await?;
                body.push('}');
                body
            }
        };
        Ok(body.into())
    }

    /// Deletes a delivery: the receiver has accepted the webhook, or the last retry has failed.
    pub(crate) async fn delete_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let delete = self.database.statement(sql::DELETE_DELIVERY);
        let delete = delete.bind(delivery.seq).bind(&*delivery.token);
        self.database.write(delete).await?;
        self.note_deletion();
        Ok(())
    }

    /// Schedules another attempt after `delay`.
    pub(crate) async fn retry_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        delay: Duration,
    ) -> Result<(), StoreError> {
        let retry = self.database.statement(sql::RETRY_DELIVERY);
        let retry = retry
            .bind(reason)
            .bind(as_millis(delay))
            .bind(delivery.seq)
            .bind(&*delivery.token);
        self.database.write(retry).await?;
        self.notify_delivery_due();
        Ok(())
    }

    /// Returns how long it is until the next webhook is due, of those whose host and team are not `busy`, or `None` if
    /// none is queued.
    pub(crate) async fn next_delivery(&self, busy: &Busy) -> Result<Option<Duration>, StoreError> {
        let next = self.database.select(sql::NEXT_DELIVERY);
        let Some(row) = self.database.first(next.bind(busy.to_text())).await? else {
            return Ok(None);
        };
        let wait_ms = row.try_get::<i64, _>("wait")?;
        Ok(Some(Duration::from_millis(wait_ms.max(0).unsigned_abs())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_has_no_nul() {
        let request = json!({ "webhook": "https://example.com/a\0b" });
        let webhook = NewDelivery::from_request(request.as_object().unwrap());
        assert_eq!(webhook.unwrap().url, "https://example.com/a%00b");
    }
}
