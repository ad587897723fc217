//! Operations of the API.

use crate::api_key::Scope;

/// An operation of the server: one of the API's ten, one of the two on pre-signed URLs, or the connection of a stream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /v1/test`
    TestKey,
    /// `POST /v1/diarize`
    Diarize,
    /// `POST /v1/identify`
    Identify,
    /// `POST /v1/voiceprint`
    Voiceprint,
    /// `GET /v1/jobs/{jobId}`
    GetJob,
    /// `GET /v2/jobs`
    ListJobs,
    /// `POST /v1/media/input`
    MediaInput,
    /// `POST /v1/media/output`
    MediaOutput,
    /// `POST /v1/live`
    CreateStream,
    /// `GET /v1/live/{id}`
    GetStream,
    /// Connection to the WebSocket URL of a stream.
    ConnectStream,
    /// `PUT` to a pre-signed URL.
    StorageUpload,
    /// `GET` from a pre-signed URL.
    StorageDownload,
}

/// The rate limit that applies to an operation. Each operation has its own count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RateLimitClass {
    Posts,
    JobReads,
    Unlimited,
}

impl Operation {
    /// Returns the operation's name: its `operationId` in the specification, if it has one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TestKey => "testKey",
            Self::Diarize => "diarize",
            Self::Identify => "identify",
            Self::Voiceprint => "voiceprint",
            Self::GetJob => "getJobById",
            Self::ListJobs => "getJobsByTeamV2",
            Self::MediaInput => "getMediaUploadURL",
            Self::MediaOutput => "getMediaDownloadURL",
            Self::CreateStream => "createStream",
            Self::GetStream => "getStream",
            Self::ConnectStream => "connectStream",
            Self::StorageUpload => "storageUpload",
            Self::StorageDownload => "storageDownload",
        }
    }

    /// Returns the scope that the API key needs, if any.
    pub(crate) fn scope(self) -> Option<Scope> {
        match self {
            Self::Diarize | Self::Identify | Self::Voiceprint => Some(Scope::JobsWrite),
            Self::GetJob | Self::ListJobs => Some(Scope::JobsRead),
            Self::MediaInput => Some(Scope::MediaWrite),
            Self::MediaOutput => Some(Scope::MediaRead),
            Self::CreateStream => Some(Scope::StreamWrite),
            Self::GetStream => Some(Scope::StreamRead),
            Self::TestKey | Self::ConnectStream | Self::StorageUpload | Self::StorageDownload => {
                None
            }
        }
    }

    /// Returns whether the API bills the operation.
    pub(crate) fn needs_credit(self) -> bool {
        matches!(
            self,
            Self::Diarize | Self::Identify | Self::Voiceprint | Self::CreateStream
        )
    }

    /// Returns whether the operation needs an API key. Pre-signed URLs carry a signature instead, those of streams a token.
    pub(crate) fn needs_key(self) -> bool {
        !matches!(
            self,
            Self::ConnectStream | Self::StorageUpload | Self::StorageDownload
        )
    }

    /// Returns the rate limit that applies. The API's documentation gives no limit for reading a live stream; the limit
    /// of the POST endpoints is used.
    pub(crate) fn rate_limit_class(self) -> RateLimitClass {
        match self {
            Self::GetJob | Self::ListJobs => RateLimitClass::JobReads,
            Self::ConnectStream | Self::StorageUpload | Self::StorageDownload => {
                RateLimitClass::Unlimited
            }
            _ => RateLimitClass::Posts,
        }
    }
}
