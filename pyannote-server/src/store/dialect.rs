//! Where SQLite and PostgreSQL differ. All else is the same SQL.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Which database it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// A statement in this dialect. It comes from the constants of this crate, and every value is bound.
    pub(super) fn sql(self, template: &'static str) -> SqlStr {
        let sql = template
            .replace("{now}", self.now())
            .replace("{skip_locked}", self.skip_locked())
            .replace("{key}", self.key());
        AssertSqlSafe(sql).into_sql_str()
    }

    /// The time by the clock of the database, in milliseconds since 1970.
    fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            // Stable within a statement, other than clock_timestamp(), so indexes can be used.
            #[cfg(feature = "postgres")]
            Self::Postgres => "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Passes over rows that another worker is claiming. SQLite has one writer at a time and needs none.
    fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// A key that counts up.
    fn key(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        }
    }
}
