//! Accepts a host's messages for the outbox, by the rules that an application has by HTTP.

use domain::application::Application;
use outbox::Protocol;
use sqlx::{Postgres, Transaction};
use store::outbox::has_tables_of;
use store::{StoreError, applications};

use super::mailer::Mailer;
use super::outbox::{Handed, IdempotencyKey, NotAccepted};

/// Why a message was not accepted for the outbox. No error text contains what is in the message.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// No application has this name. An operator adds it by `ppm-email application add`.
    #[error("there is no such application")]
    NoApplication,
    /// The idempotency key is not one of 1 to 255 visible ASCII characters.
    #[error("an idempotency key has 1 to 255 visible ASCII characters")]
    IdempotencyKey,
    /// The transaction is not in the `PostgreSQL` database of the email settings, or the search path
    /// of its connection does not lead to their tables first.
    #[error("the transaction does not lead to the tables of the email settings on PostgreSQL")]
    OtherDatabase,
    /// The application may not send it, the message is not valid, or it could not be stored.
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
    /// The database failed before anything was written.
    #[error("the database failed")]
    Database(#[from] StoreError),
}

impl EnqueueError {
    /// Whether the same message may be accepted later without a change of it or of the application:
    /// the rate, incomplete settings, or a failure of the database.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoApplication | Self::IdempotencyKey | Self::OtherDatabase => false,
            Self::Database(_) => true,
            Self::NotAccepted(error) => matches!(
                error,
                NotAccepted::TooFast
                    | NotAccepted::Incomplete
                    | NotAccepted::Write(_)
                    | NotAccepted::Store(_)
                    | NotAccepted::Read(_)
            ),
        }
    }
}

impl Mailer {
    /// Hands a message over as an application, whose name is compared regardless of case. Once this
    /// returns, the message survives a crash; the workers of any process on the same database send
    /// it. Returns its ID, which the logs and `ppm-email outbox` have.
    ///
    /// The message is a [`MessageRequest`](outbox::MessageRequest), or octets (RFC 5322) such as
    /// those of lettre's `Message::formatted`. The recipients of octets are in To, Cc and Bcc; lettre
    /// leaves Bcc out unless the message is built with `keep_bcc`. A message has at most 100 recipients
    /// and the size that the mail server accepts.
    ///
    /// With an idempotency key, a repeated call within 24 hours is the same message and returns the
    /// same ID. The same key with another message is refused. lettre writes the time into a message
    /// when it is built: repeat the call with the same octets.
    ///
    /// # Errors
    /// [`EnqueueError`]: it was not accepted. After [`NotAccepted::Write`] it may have been: repeat
    /// the call with the same idempotency key.
    pub async fn enqueue<'a>(
        &self,
        application: &str,
        message: impl Into<Handed<'a>>,
        idempotency_key: Option<&str>,
    ) -> Result<String, EnqueueError> {
        let handed = message.into();
        let (application, key) = self.caller(application, idempotency_key).await?;
        Ok(self.0.accept(&application, handed, key, Protocol::Local).await?)
    }

    /// Hands a message over as [`enqueue`](Self::enqueue) does, within the host's transaction: the
    /// message is sent once the transaction is committed, and is gone if it is rolled back. It is
    /// as durable as that commit.
    ///
    /// The transaction is one of sqlx 0.9 in the same `PostgreSQL` database, and its search path leads
    /// to the tables of the email settings. There is no such call on `SQLite`.
    ///
    /// Another call with the same idempotency key waits until the transaction has ended, and makes
    /// other messages of its process wait as well: keep the transaction short.
    ///
    /// # Errors
    /// [`EnqueueError`]: it was not accepted. The transaction is as it was, and can go on.
    pub async fn enqueue_within<'a>(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        application: &str,
        message: impl Into<Handed<'a>>,
        idempotency_key: Option<&str>,
    ) -> Result<String, EnqueueError> {
        let handed = message.into();
        if !has_tables_of(&self.0.store, transaction).await? {
            return Err(EnqueueError::OtherDatabase);
        }
        let (application, key) = self.caller(application, idempotency_key).await?;
        let with = Protocol::Local;
        Ok(self.0.accept_within(transaction, &application, handed, key, with).await?)
    }

    /// The application that hands a message over, and the key of its call.
    async fn caller(
        &self,
        application: &str,
        idempotency_key: Option<&str>,
    ) -> Result<(Application, Option<IdempotencyKey>), EnqueueError> {
        let key = idempotency_key
            .map(|key| IdempotencyKey::parse(key).ok_or(EnqueueError::IdempotencyKey))
            .transpose()?;
        let application = applications::by_name(&self.0.store, application).await?;
        Ok((application.ok_or(EnqueueError::NoApplication)?, key))
    }
}
