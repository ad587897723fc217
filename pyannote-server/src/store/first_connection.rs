//! The first connection to a database, which shows whether it can be used.

use std::io;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};
use tokio::time::{Instant, sleep, timeout_at};

use super::StoreError;
use super::dialect::Dialect;
use super::open::Tables;
use crate::backoff::Backoff;
use crate::error::Chain;

/// How long a database that is not running, or that others use, is tried again.
const RETRY_LIMIT: Duration = Duration::from_secs(30);
/// Delay before the first retry.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Codes of errors that may end by themselves: SQLITE_BUSY and SQLITE_BUSY_RECOVERY of SQLite, and of PostgreSQL
/// `too_many_connections`, `admin_shutdown`, `crash_shutdown` and `cannot_connect_now`.
const TEMPORARY_CODES: [&str; 6] = ["5", "261", "53300", "57P01", "57P02", "57P03"];

/// Connects to a database and prepares it.
///
/// # Errors
///
/// Returns at once if trying again makes no sense. Otherwise logs a warning, and tries again for 30 s.
pub(super) async fn check(
    dialect: Dialect,
    options: &AnyConnectOptions,
    tables: Tables,
) -> Result<(), StoreError> {
    let deadline = Instant::now() + RETRY_LIMIT;
    let mut backoff = Backoff::new(RETRY_INTERVAL);
    let mut is_logged = false;
    loop {
        let attempt = timeout_at(deadline, prepare(dialect, options, tables));
        let error = match attempt.await {
            Ok(Err(Failure::Connection(error))) => error,
            Ok(Err(Failure::Store(error))) => return Err(error),
            Ok(Ok(())) => return Ok(()),
            Err(_) => sqlx::Error::Io(io::ErrorKind::TimedOut.into()),
        };
        let delay = backoff.next_delay();
        if !is_temporary(&error) || Instant::now() + delay >= deadline {
            return Err(StoreError::from_connecting(error));
        }
        if !is_logged {
            let limit_s = RETRY_LIMIT.as_secs();
            tracing::warn!(error = %Chain(&error), "cannot connect to the database yet; retrying for {limit_s} s");
            is_logged = true;
        }
        sleep(delay).await;
    }
}

/// Why a database cannot be used.
enum Failure {
    /// The database cannot be reached, or not be read.
    Connection(sqlx::Error),
    Store(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Connection(error)
    }
}

async fn prepare(
    dialect: Dialect,
    options: &AnyConnectOptions,
    tables: Tables,
) -> Result<(), Failure> {
    let mut connection: AnyConnection = options.connect().await?;
    if let Some(settings) = dialect.settings() {
        connection.execute(settings).await?;
    }
    if tables.must_exist()
        && connection
            .fetch_optional(dialect.find_jobs())
            .await?
            .is_none()
    {
        return Err(Failure::Store(StoreError::NoJobs));
    }
    match dialect {
        Dialect::Sqlite => {
            // Readers and the writer do not block each other. The setting is stored in the file.
            connection.execute("PRAGMA journal_mode = WAL").await?;
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => check_encoding(&mut connection).await?,
    }
    connection.close().await?;
    Ok(())
}

/// Checks that a database stores all characters, and counts the same bytes as this program.
#[cfg(feature = "postgres")]
async fn check_encoding(connection: &mut AnyConnection) -> Result<(), Failure> {
    use sqlx::Row;

    let row = sqlx::query("SELECT current_setting('server_encoding') AS encoding");
    let row = row.fetch_one(connection).await?;
    match row.try_get::<String, _>("encoding")? {
        // SQL_ASCII, which is the default without a locale, stores the bytes as they are.
        encoding if ["UTF8", "SQL_ASCII"].contains(&&*encoding) => Ok(()),
        encoding => Err(Failure::Store(StoreError::Encoding(encoding))),
    }
}

/// Whether connecting may succeed later.
fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => is_temporary_io(error.kind()),
        error => {
            let code = error.as_database_error().and_then(|error| error.code());
            code.is_some_and(|code| TEMPORARY_CODES.contains(&&*code))
        }
    }
}

/// A server that is not running refuses connections or has no socket, and its name may not be known yet.
fn is_temporary_io(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, PermissionDenied, Unsupported};
    !matches!(
        kind,
        InvalidData | InvalidInput | PermissionDenied | Unsupported
    )
}

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::store::Store;

    /// A server that speaks the protocol of PostgreSQL only to reject each connection, with the next of these codes.
    /// Returns its URL.
    async fn rejecting(codes: &[&'static str]) -> (String, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "postgres://ada:secret@{}/jobs?sslmode=disable",
            listener.local_addr().unwrap()
        );
        let codes = codes.to_vec();
        let server = tokio::spawn(async move {
            for code in codes {
                let (mut connection, _) = listener.accept().await.unwrap();
                let length = connection.read_u32().await.unwrap();
                let mut startup = vec![0; length as usize - 4];
                connection.read_exact(&mut startup).await.unwrap();
                let fields = format!("SFATAL\0VFATAL\0C{code}\0Mrejected\0\0");
                let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
                let message = [b"E", &length[..], fields.as_bytes()].concat();
                connection.write_all(&message).await.unwrap();
            }
        });
        (url, server)
    }

    #[tokio::test]
    async fn a_rejected_connection_is_final_and_one_that_comes_too_early_is_not() {
        for codes in [
            &["28P01"][..],
            &["28000"],
            &["3D000"],
            &["57P03", "3D000"],
            &["53300", "57P03", "28P01"],
        ] {
            let (url, server) = rejecting(codes).await;
            let error = Store::connect(&url).await.unwrap_err();
            assert!(matches!(error, StoreError::Rejected(_)), "{error:?}");
            let text = Chain(&error).to_string();
            assert!(
                text.contains("check the user, password and database name"),
                "{text}"
            );
            assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
            server.await.unwrap();
        }
    }

    #[test]
    fn a_server_that_is_not_running_may_start() {
        use io::ErrorKind::*;

        for (kind, expected) in [
            (ConnectionRefused, true),
            (NotFound, true),
            (TimedOut, true),
            (ConnectionReset, true),
            (Other, true),
            (PermissionDenied, false),
            (InvalidInput, false),
        ] {
            let error = sqlx::Error::Io(kind.into());
            assert_eq!(is_temporary(&error), expected, "{kind}");
            assert!(matches!(
                StoreError::from_connecting(error),
                StoreError::Unreachable(_)
            ));
        }
        assert!(!is_temporary(&sqlx::Error::Tls("no TLS".into())));
    }
}
