//! SQL dialects: the few places where SQLite and PostgreSQL differ.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Kind of database.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// Returns a statement in this dialect. Templates are constants of this crate, and all values are bound.
    pub(super) fn sql(self, template: &'static str) -> SqlStr {
        let sql = template
            .replace("{now}", self.now())
            .replace("{skip_locked}", self.skip_locked())
            .replace("{key}", self.key());
        AssertSqlSafe(sql).into_sql_str()
    }

    /// Current time of the database's clock, in milliseconds since 1970.
    fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            // Constant within a statement, unlike clock_timestamp(), so that indexes can be used.
            #[cfg(feature = "postgres")]
            Self::Postgres => "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Skips rows that another worker is claiming. SQLite does not need it, since it has one writer at a time.
    fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Type of an auto-incrementing primary key.
    fn key(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        }
    }
}
