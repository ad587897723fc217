//! SQL dialects: the few places where SQLite and PostgreSQL differ.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Settings of each connection to SQLite. `secure_delete` overwrites deleted data with zeros.
const SQLITE_SETTINGS: &str = "
PRAGMA busy_timeout = 10000;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
PRAGMA synchronous = FULL;
";

/// Size of the parts of a job's output that are not in its row, in bytes. Both databases know it without reading them.
const REST_BYTES: &str = "\
    CAST((SELECT COALESCE(SUM(octet_length(text)), 0) FROM output_parts WHERE job_id = jobs.id) AS BIGINT)";

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
        let index = self.index();
        let [older, newest_first, backward] = self.order();
        let sql = template
            .replace("{now}", self.now())
            .replace("{skip_locked}", self.skip_locked())
            .replace("{key}", self.key())
            .replace("{position}", self.position())
            .replace("{index:", index.0)
            .replace(":index}", index.1)
            .replace("{older}", older)
            .replace("{newest_first}", newest_first)
            .replace("{backward}", backward)
            .replace("{rest_bytes}", REST_BYTES);
        AssertSqlSafe(sql).into_sql_str()
    }

    /// Begins a transaction. In SQLite, it becomes the only writer at once, since a reader cannot always become one.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BEGIN",
        }
    }

    /// Statements that each connection begins with.
    pub(super) fn settings(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => Some(SQLITE_SETTINGS),
            #[cfg(feature = "postgres")]
            Self::Postgres => None,
        }
    }

    /// Selects a row if the table of jobs exists.
    pub(super) fn find_jobs(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'jobs'",
            #[cfg(feature = "postgres")]
            Self::Postgres => "SELECT 1 WHERE to_regclass('jobs') IS NOT NULL",
        }
    }

    /// Truncates the write-ahead log: a statement that makes the connection not wait for others, the truncation itself,
    /// and a statement that makes the connection wait again. The first column of the result is 1 if the log is in use.
    pub(super) fn truncate_log(self) -> Option<[&'static str; 3]> {
        match self {
            Self::Sqlite => Some([
                "PRAGMA busy_timeout = 50",
                "PRAGMA wal_checkpoint(TRUNCATE)",
                "PRAGMA busy_timeout = 10000",
            ]),
            #[cfg(feature = "postgres")]
            Self::Postgres => None,
        }
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

    /// The function that returns the position of a text in another, or 0.
    fn position(self) -> &'static str {
        match self {
            Self::Sqlite => "instr",
            #[cfg(feature = "postgres")]
            Self::Postgres => "strpos",
        }
    }

    /// What surrounds the name of an index that a statement must use. SQLite knows neither how many jobs are open nor how
    /// many have outputs, and would sort or read more than it must. In PostgreSQL, this is a comment.
    fn index(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("INDEXED BY ", ""),
            #[cfg(feature = "postgres")]
            Self::Postgres => ("/* ", " */"),
        }
    }

    /// The order of lists: the condition that a job is older than the position $2, the order itself, and the column of an
    /// index in this order.
    ///
    /// PostgreSQL would rather read the primary key backward, and skip the jobs of all other teams. Only indexes that have
    /// the team have the negative position.
    fn order(self) -> [&'static str; 3] {
        match self {
            Self::Sqlite => ["seq < $2", "seq DESC", "seq"],
            #[cfg(feature = "postgres")]
            Self::Postgres => ["-seq > -CAST($2 AS BIGINT)", "-seq", "(-seq)"],
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
