//! What the builders share: their fields, their setters, and how they are sent.

use std::num::NonZeroU64;

use serde::Serialize;
use serde_json::{Map, Value};

use super::model::Model;
use crate::client::Client;
use crate::error::{Error, FieldError};
use crate::job::{Job, JobId, JobKind};
use crate::media::AudioUrl;
use crate::transport::Endpoint;

/// What a caller does with the id of an accepted job.
type OnAccepted = Box<dyn FnOnce(&JobId) + Send>;

/// What every submission has.
pub(crate) struct Common {
    pub(crate) client: Client,
    pub(crate) audio: AudioUrl,
    pub(crate) model: Option<Model>,
    pub(crate) webhook: Option<String>,
    pub(crate) webhook_status_only: Option<bool>,
    pub(crate) extra: Map<String, Value>,
    pub(crate) on_accepted: Option<OnAccepted>,
}

/// What diarization and identification share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speakers {
    pub(crate) num_speakers: Option<u32>,
    pub(crate) min_speakers: Option<u32>,
    pub(crate) max_speakers: Option<u32>,
    pub(crate) turn_level_confidence: Option<bool>,
    pub(crate) exclusive: Option<bool>,
    pub(crate) confidence: Option<bool>,
}

impl Common {
    pub(crate) fn new(client: Client, audio: AudioUrl) -> Self {
        Self {
            client,
            audio,
            model: None,
            webhook: None,
            webhook_status_only: None,
            extra: Map::new(),
            on_accepted: None,
        }
    }

    /// Sends a valid request, and hands the id over before anything else happens.
    pub(crate) async fn submit<T: JobKind>(
        self,
        endpoint: Endpoint,
        body: Result<Vec<u8>, Error>,
    ) -> Result<Job<T>, Error> {
        let answer = self
            .client
            .executor()
            .call(endpoint, "", &[], Some(body?))
            .await?;
        let job = Job::accepted(self.client, &answer)?;
        if let Some(on_accepted) = self.on_accepted {
            on_accepted(job.id());
        }
        Ok(job)
    }
}

impl std::fmt::Debug for Common {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Common")
            .field("audio", &self.audio)
            .field("model", &self.model)
            .field("webhook_status_only", &self.webhook_status_only)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A number of speakers as the API takes it. 0 is none, and reported by the rules.
pub(crate) fn count(speakers: Option<u32>) -> Option<NonZeroU64> {
    speakers.and_then(|speakers| NonZeroU64::new(speakers.into()))
}

/// The error of a request that breaks rules, if it does.
pub(crate) fn checked(violations: Vec<FieldError>) -> Result<(), Error> {
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::validation("the request was not sent", violations))
}

/// What the types of the bindings make of a request. They check once more: they should find nothing, but if they do, it
/// is told.
pub(crate) fn built<T>(request: Result<T, impl std::fmt::Display>) -> Result<T, Error> {
    request.map_err(|error| {
        let violation = FieldError::new("request", error.to_string());
        Error::validation("the request was not sent", vec![violation])
    })
}

/// The JSON of a request.
pub(crate) fn to_json(request: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(request).map_err(|error| {
        Error::validation("the request cannot be written as JSON", Vec::new()).with_source(error)
    })
}

/// The setters that every builder has.
macro_rules! common_setters {
    () => {
        /// The model; the service's default unless set. A name that this version does not know is sent as it is.
        pub fn model(mut self, model: impl Into<$crate::request::Model>) -> Self {
            self.common.model = Some(model.into());
            self
        }

        /// Where the service is to send the result: an https URL (http to loopback only). See
        /// [`webhook`](crate::webhook) for the receiving end.
        pub fn webhook(mut self, url: impl Into<String>) -> Self {
            self.common.webhook = Some(url.into());
            self
        }

        /// Whether the webhook is sent the status only, without the output.
        pub fn webhook_status_only(mut self, status_only: bool) -> Self {
            self.common.webhook_status_only = Some(status_only);
            self
        }

        /// A field that this version does not know yet, under the name that the API gives it.
        pub fn extra(
            mut self,
            name: impl Into<String>,
            value: impl Into<serde_json::Value>,
        ) -> Self {
            self.common.extra.insert(name.into(), value.into());
            self
        }

        /// Calls `record` with the id as soon as the job is accepted, and billed: before anything is waited for. Write
        /// it down there if the program may end before the job.
        pub fn on_accepted(mut self, record: impl FnOnce(&$crate::JobId) + Send + 'static) -> Self {
            self.common.on_accepted = Some(Box::new(record));
            self
        }
    };
}
pub(crate) use common_setters;

/// The setters of [`Speakers`].
macro_rules! speakers_setters {
    () => {
        /// The number of speakers, if it is known: at least 1, and not together with a minimum or maximum. Unless set,
        /// it is found out.
        pub fn num_speakers(mut self, speakers: u32) -> Self {
            self.speakers.num_speakers = Some(speakers);
            self
        }

        /// The least number of speakers, at least 1.
        pub fn min_speakers(mut self, speakers: u32) -> Self {
            self.speakers.min_speakers = Some(speakers);
            self
        }

        /// The greatest number of speakers.
        pub fn max_speakers(mut self, speakers: u32) -> Self {
            self.speakers.max_speakers = Some(speakers);
            self
        }

        /// Whether each turn says how sure each speaker is, 0..100.
        pub fn turn_level_confidence(mut self, include: bool) -> Self {
            self.speakers.turn_level_confidence = Some(include);
            self
        }

        /// Whether to add turns that do not overlap: one speaker at a time.
        pub fn exclusive(mut self, include: bool) -> Self {
            self.speakers.exclusive = Some(include);
            self
        }

        /// Whether to add the confidence of each frame, 0..100: 4.3 million numbers for 24 h.
        pub fn confidence(mut self, include: bool) -> Self {
            self.speakers.confidence = Some(include);
            self
        }
    };
}
pub(crate) use speakers_setters;

/// `submit`, and awaiting the builder itself: the same for every kind of job.
macro_rules! submission {
    ($builder:ident, $result:ty, $endpoint:expr) => {
        impl $builder {
            /// Checks the request without sending it.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) with every rule that is broken.
            pub fn validate(&self) -> Result<(), $crate::Error> {
                self.body().map(drop)
            }

            /// The JSON that would be sent.
            ///
            /// # Errors
            ///
            /// As [`validate`](Self::validate).
            pub fn to_json(&self) -> Result<serde_json::Value, $crate::Error> {
                $crate::transport::decode(&self.body()?)
            }

            /// Submits the job, and returns its handle as soon as it is accepted. An accepted job is billed.
            ///
            /// It is sent again only where the service certainly took nothing. Where that is not certain, the error is
            /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): a job may exist then.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) before anything is sent, and any error of a
            /// request.
            pub async fn submit(self) -> Result<$crate::Job<$result>, $crate::Error> {
                let body = self.body();
                self.common.submit($endpoint, body).await
            }
        }

        /// Submits the job and waits for its end. Where the wait fails, the error has the id of the job, which goes on.
        impl std::future::IntoFuture for $builder {
            type Output = Result<$result, $crate::Error>;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { self.submit().await?.wait().await })
            }
        }
    };
}
pub(crate) use submission;
