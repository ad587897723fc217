//! Secrets that all servers with the same store share.

use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError, sql};

/// Name of the secret that signs the URLs of uploaded media.
const MEDIA_URLS: &str = "media urls";

impl Store {
    /// Returns the secret that signs the URLs of uploaded media. The first server creates it; all others, and those after
    /// a restart, get the same.
    pub(crate) async fn media_url_secret(&self) -> Result<SecretString, StoreError> {
        if let Some(secret) = self.secret(MEDIA_URLS).await? {
            return Ok(secret);
        }
        // Two random UUIDs contain 244 random bits.
        let secret: SecretString = [Uuid::new_v4(), Uuid::new_v4()]
            .map(|uuid| uuid.simple().to_string())
            .concat()
            .into();
        let add = self.database.statement(sql::ADD_SECRET);
        let add = add.bind(MEDIA_URLS).bind(secret.expose_secret());
        self.database.write(add).await?;
        // That of another server that started at the same time may have been first.
        let secret = self.secret(MEDIA_URLS).await?;
        Ok(secret.ok_or(sqlx::Error::RowNotFound)?)
    }

    async fn secret(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        let select = self.database.select(sql::SECRET).bind(name);
        let row = self.database.first(select).await?;
        let value = row.map(|row| row.try_get::<String, _>("value"));
        Ok(value.transpose()?.map(SecretString::from))
    }
}
