//! Outputs of jobs, as text in parts.
//!
//! The probabilities of a day of audio are tens of megabytes. The first part of an output is in the row of its job, so
//! that small outputs need no other row. The others have rows of their own, and are read one at a time while they are
//! sent. Nothing parses the text: it was valid JSON when it was stored.

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::database::{Database, Transaction};
use super::{StoreError, sql};

/// Maximum size of a part, in bytes.
pub(super) const PART_BYTES: usize = 1 << 20;

/// Text of a stored output. It has no `Debug`, because it may contain voiceprints.
pub(crate) struct OutputText {
    database: Database,
    job: Uuid,
    first: String,
    /// Size of the other parts together, in bytes.
    rest_bytes: u64,
}

impl OutputText {
    /// Reads the first part, and the size of the others, from a row with the columns `output` and `rest_bytes`. Returns
    /// `None` if the job has no output.
    pub(super) fn from_row(
        database: &Database,
        job: Uuid,
        row: &AnyRow,
    ) -> Result<Option<Self>, StoreError> {
        let Some(first) = row.try_get("output")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            database: database.clone(),
            job,
            first,
            rest_bytes: row.try_get::<i64, _>("rest_bytes")?.unsigned_abs(),
        }))
    }

    /// Returns the size, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.first.len() as u64 + self.rest_bytes
    }

    /// Reads the whole text, after `prefix`.
    pub(super) async fn read_after(self, prefix: String) -> Result<String, StoreError> {
        let mut text = prefix;
        text.reserve_exact(usize::try_from(self.bytes()).unwrap_or(0) + 1);
        text += &self.first;
        let end = text.len() as u64 + self.rest_bytes;
        let mut part = 1;
        while (text.len() as u64) < end {
            text += &read_part(&self.database, self.job, part).await?;
            part += 1;
        }
        Ok(text)
    }

    /// Returns the text, one part at a time. Fails if the output is deleted before all of it was read.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
        let Self {
            database,
            job,
            first,
            rest_bytes,
        } = self;
        let rest = stream::try_unfold((1, rest_bytes), move |(part, left)| {
            let database = database.clone();
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let text = read_part(&database, job, part).await?;
                let left = left.saturating_sub(text.len() as u64);
                Ok(Some((Bytes::from(text), (part + 1, left))))
            }
        });
        stream::StreamExt::chain(stream::iter([Ok(Bytes::from(first))]), rest)
    }
}

async fn read_part(database: &Database, job: Uuid, part: i64) -> Result<String, StoreError> {
    let select = database.select(sql::OUTPUT_PART);
    let row = database.first(select.bind(job.to_string()).bind(part));
    let row = row.await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(row.try_get("text")?)
}

/// Stores all parts of a job's output but the first, which is in its row.
pub(super) async fn add_parts<'a>(
    database: &Database,
    transaction: &mut Transaction,
    job: Uuid,
    parts: impl Iterator<Item = &'a str>,
) -> Result<(), StoreError> {
    for (part, text) in (1_i64..).zip(parts) {
        let add = database.statement(sql::ADD_OUTPUT_PART);
        let add = add.bind(job.to_string()).bind(part).bind(text);
        transaction.execute(add).await?;
    }
    Ok(())
}

/// Splits a text into parts of at most `part_bytes`, between characters. The first part may be empty.
pub(super) fn split(text: &str, part_bytes: usize) -> (&str, impl Iterator<Item = &str>) {
    let split_at = move |text: &str| text.floor_char_boundary(part_bytes);
    let (first, mut rest) = text.split_at(split_at(text));
    let parts = std::iter::from_fn(move || {
        let (part, after) = rest.split_at(split_at(rest));
        rest = after;
        (!part.is_empty()).then_some(part)
    });
    (first, parts)
}

/// Serializes an object up to the value of one more field, `output`. The value and `}` have to follow.
pub(crate) fn json_before_output(object: &impl Serialize) -> serde_json::Result<String> {
    let mut json = serde_json::to_string(object)?;
    json.pop();
    json += ",\"output\":";
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_between_characters() {
        for (text, expected) in [
            ("", vec![""]),
            ("abcd", vec!["abcd"]),
            ("abcde", vec!["abcd", "e"]),
            ("abcééé", vec!["abc", "éé", "é"]),
            ("ééabcdefgh", vec!["éé", "abcd", "efgh"]),
        ] {
            let (first, rest) = split(text, 4);
            let parts: Vec<&str> = std::iter::once(first).chain(rest).collect();
            assert_eq!(parts, expected);
        }
    }
}
