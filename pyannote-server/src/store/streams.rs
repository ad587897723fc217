//! Store operations of live streams.

use std::time::Duration;

use sqlx::Row;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::queue::as_millis;
use super::{Store, StoreError, Stream, StreamStatus, sql};

/// A stream that this server has taken, as long as it renews the lease.
#[derive(Clone, Debug)]
pub(crate) struct StreamClaim {
    pub(crate) id: Uuid,
    token: String,
}

impl Store {
    /// Stores a new stream, whose URL can be used once within `token_lifetime`. Returns its id, or `None` if the team has
    /// `limit` open streams already. A stream that nobody has connected to counts until its token has expired.
    pub(crate) async fn create_stream(
        &self,
        team: &str,
        token_hash: &str,
        token_lifetime: Duration,
        limit: usize,
    ) -> Result<Option<Uuid>, StoreError> {
        let id = Uuid::new_v4();
        let create = self.database.statement(sql::CREATE_STREAM);
        let create = create
            .bind(id.to_string())
            .bind(team)
            .bind(as_millis(token_lifetime))
            .bind(token_hash)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok((self.database.write(create).await? == 1).then_some(id))
    }

    /// Returns a stream of a team.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the database cannot be read.
    pub async fn stream(&self, team: &str, id: Uuid) -> Result<Option<Stream>, StoreError> {
        let get = self.database.select(sql::GET_STREAM);
        let row = self.database.first(get.bind(id.to_string()).bind(team));
        row.await?.as_ref().map(Stream::from_row).transpose()
    }

    /// Takes a stream, if the token is valid and was not used. It counts as lost after `lease`, unless that is renewed.
    pub(crate) async fn claim_stream(
        &self,
        id: Uuid,
        token_hash: &str,
        lease: Duration,
    ) -> Result<Option<StreamClaim>, StoreError> {
        let stored = self.database.select(sql::STREAM_TOKEN);
        let stored = self.database.first(stored.bind(id.to_string())).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let stored = stored.try_get::<String, _>("token_hash")?;
        if !bool::from(stored.as_bytes().ct_eq(token_hash.as_bytes())) {
            return Ok(None);
        }
        let token = Uuid::new_v4().to_string();
        let claim = self.database.statement(sql::CLAIM_STREAM);
        let claim = claim
            .bind(&*token)
            .bind(as_millis(lease))
            .bind(id.to_string());
        let is_claimed = self.database.write(claim).await? == 1;
        Ok(is_claimed.then_some(StreamClaim { id, token }))
    }

    /// Extends the lease to `lease` from now, and makes the stream `running` if audio has arrived. Returns `false` if the
    /// stream has ended.
    pub(crate) async fn renew_stream(
        &self,
        claim: &StreamClaim,
        has_audio: bool,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let renew = self.database.statement(sql::RENEW_STREAM);
        let renew = renew
            .bind(i64::from(has_audio))
            .bind(as_millis(lease))
            .bind(claim.id.to_string())
            .bind(&*claim.token);
        Ok(self.database.write(renew).await? == 1)
    }

    /// Ends the stream. Returns `false`, and writes nothing, if it has ended already.
    pub(crate) async fn finish_stream(
        &self,
        claim: &StreamClaim,
        status: StreamStatus,
        has_audio: bool,
    ) -> Result<bool, StoreError> {
        let finish = self.database.statement(sql::FINISH_STREAM);
        let finish = finish
            .bind(status.as_str())
            .bind(i64::from(has_audio))
            .bind(claim.id.to_string())
            .bind(&*claim.token);
        Ok(self.database.write(finish).await? == 1)
    }

    /// Ends the streams whose URL was not used in time, and those of servers that were killed. Returns how many. Ends none
    /// while claims are [held](Self::hold_claims).
    pub(crate) async fn fail_lost_streams(&self) -> Result<u64, StoreError> {
        // Only one process at a time can write to SQLite.
        let has_lost = self.database.select(sql::HAS_LOST_STREAMS);
        if self.are_claims_held() || self.database.first(has_lost).await?.is_none() {
            return Ok(0);
        }
        let fail = self.database.statement(sql::FAIL_LOST_STREAMS);
        self.database.write(fail).await
    }
}
