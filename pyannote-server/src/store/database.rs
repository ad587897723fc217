//! Access to the database. All statements go through this module, so that no write is reported before it is committed.
//!
//! SQLite writes to the disk when it commits. So a row that `INSERT … RETURNING` has returned may still be lost, for
//! example because the disk is full. A caller that stops after the first row misses this error: the statement commits
//! when it is reset, and that error is dropped. So reads and writes have different types. A [`Write`] runs either in a
//! [`Transaction`], whose `COMMIT` is checked, or alone and to its end, which includes the commit.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyPool, Encode, Row, Type};

use super::StoreError;
use super::dialect::Dialect;

/// Statement that only reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read(&'static str);

/// Statement that writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write(&'static str);

impl Read {
    /// Creates a statement. Fails at compile time if it does not begin with `SELECT`.
    pub(super) const fn new(sql: &'static str) -> Self {
        assert!(is_select(sql), "not a SELECT");
        Self(sql)
    }
}

impl Write {
    /// Creates a statement. Fails at compile time if it begins with `SELECT`.
    pub(super) const fn new(sql: &'static str) -> Self {
        assert!(!is_select(sql), "a SELECT is a `Read`");
        Self(sql)
    }
}

/// A statement of either type, for tests.
#[cfg(test)]
pub(super) struct Statement(&'static str);

#[cfg(test)]
impl From<Read> for Statement {
    fn from(statement: Read) -> Self {
        Self(statement.0)
    }
}

#[cfg(test)]
impl From<Write> for Statement {
    fn from(statement: Write) -> Self {
        Self(statement.0)
    }
}

/// Whether a statement begins with `SELECT`, after an optional line break.
const fn is_select(sql: &str) -> bool {
    let sql = sql.as_bytes();
    let start = match sql {
        [b'\n', ..] => 1,
        _ => 0,
    };
    let select = b"SELECT ";
    let mut index = 0;
    while index < select.len() {
        if start + index >= sql.len() || sql[start + index] != select[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A read, to which values are bound.
pub(super) struct ReadQuery<'q>(Query<'q, Any, AnyArguments>);

/// A write, to which values are bound.
pub(super) struct WriteQuery<'q>(Query<'q, Any, AnyArguments>);

impl<'q> ReadQuery<'q> {
    /// Binds the value of the next parameter.
    pub(super) fn bind<T: Encode<'q, Any> + Type<Any> + 'q>(self, value: T) -> Self {
        Self(self.0.bind(value))
    }
}

impl<'q> WriteQuery<'q> {
    /// Binds the value of the next parameter.
    pub(super) fn bind<T: Encode<'q, Any> + Type<Any> + 'q>(self, value: T) -> Self {
        Self(self.0.bind(value))
    }
}

/// A database. Clones share its connections.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pool: AnyPool,
    dialect: Dialect,
}

impl Database {
    pub(super) fn new(pool: AnyPool, dialect: Dialect) -> Self {
        Self { pool, dialect }
    }

    pub(super) fn select<'q>(&self, statement: Read) -> ReadQuery<'q> {
        ReadQuery(sqlx::query(self.dialect.sql(statement.0)))
    }

    pub(super) fn statement<'q>(&self, statement: Write) -> WriteQuery<'q> {
        WriteQuery(sqlx::query(self.dialect.sql(statement.0)))
    }

    /// Reads all rows.
    pub(super) async fn all(&self, query: ReadQuery<'_>) -> Result<Vec<AnyRow>, StoreError> {
        Ok(query.0.fetch_all(&self.pool).await?)
    }

    /// Reads the first row, if there is one.
    pub(super) async fn first(&self, query: ReadQuery<'_>) -> Result<Option<AnyRow>, StoreError> {
        Ok(query.0.fetch_optional(&self.pool).await?)
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.acquire().await?;
        transaction.run(self.dialect.begin()).await?;
        Ok(transaction)
    }

    /// Runs a write, including the commit. Returns the number of affected rows.
    pub(super) async fn write(&self, query: WriteQuery<'_>) -> Result<u64, StoreError> {
        Ok(query.0.execute(&self.pool).await?.rows_affected())
    }

    /// Runs a write with `RETURNING`, including the commit. Returns the first row, if there is one.
    pub(super) async fn write_returning(
        &self,
        query: WriteQuery<'_>,
    ) -> Result<Option<AnyRow>, StoreError> {
        // Not `fetch_optional`, which stops after the first row.
        let rows = query.0.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().next())
    }

    /// Moves the contents of SQLite's write-ahead log into the database file and truncates the log, so that no deleted
    /// data remain in it. Returns `false` if the log is in use, without waiting. Does nothing in PostgreSQL.
    pub(super) async fn truncate_log(&self) -> Result<bool, StoreError> {
        let Some([no_wait, truncate, wait]) = self.dialect.truncate_log() else {
            return Ok(true);
        };
        let mut connection = self.acquire().await?;
        connection.run(no_wait).await?;
        let row = sqlx::query(truncate);
        let row = row.fetch_one(&mut *connection.connection).await?;
        connection.run(wait).await?;
        connection.is_finished = true;
        Ok(row.try_get::<i64, _>(0)? == 0)
    }

    /// Closes all connections, once they are not used any more.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Takes a connection, which is closed unless its use is marked as finished.
    async fn acquire(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction {
            connection: self.pool.acquire().await?,
            is_finished: false,
        })
    }

    /// The steps of SQLite's plan for a statement.
    #[cfg(test)]
    pub(super) async fn plan(&self, statement: impl Into<Statement>) -> Vec<String> {
        use sqlx::{AssertSqlSafe, SqlSafeStr};

        let Statement(template) = statement.into();
        let sql = self.dialect.sql(template);
        let explain = format!("EXPLAIN QUERY PLAN {}", sql.as_str());
        let explain = sqlx::query(AssertSqlSafe(explain).into_sql_str());
        let rows = explain.fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }

    /// The connections, for tests that prepare a state.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &AnyPool {
        &self.pool
    }
}

/// A transaction of several statements. Nothing is written unless [`commit`](Self::commit) succeeds.
///
/// A transaction that is dropped closes its connection instead of rolling back: after a failed `COMMIT`, SQLite may or
/// may not have left the transaction, and the next user of the connection must not be affected.
#[must_use = "nothing is written without `commit`"]
pub(super) struct Transaction {
    connection: PoolConnection<Any>,
    is_finished: bool,
}

impl Transaction {
    /// Runs a write to its end. Returns the number of affected rows.
    pub(super) async fn execute(&mut self, query: WriteQuery<'_>) -> Result<u64, StoreError> {
        let result = query.0.execute(&mut *self.connection).await?;
        Ok(result.rows_affected())
    }

    /// Reads the first row, if there is one.
    pub(super) async fn first(
        &mut self,
        query: ReadQuery<'_>,
    ) -> Result<Option<AnyRow>, StoreError> {
        Ok(query.0.fetch_optional(&mut *self.connection).await?)
    }

    /// Commits. Only if this succeeds has anything been written.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        self.is_finished = true;
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut *self.connection).await?;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_finished {
            self.connection.close_on_drop();
        }
    }
}
