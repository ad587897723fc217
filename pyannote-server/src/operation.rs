//! What a client can ask of the server.

use crate::key::Scope;

/// An operation: the ten of the API, and the two of the storage behind pre-signed URLs.
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
    /// `PUT` to a pre-signed URL.
    StorageUpload,
    /// `GET` from a pre-signed URL.
    StorageDownload,
}

/// Which limit an operation counts towards. Each operation is counted for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LimitClass {
    Posts,
    JobReads,
    None,
}

impl Operation {
    /// The name: the `operationId` of the specification, where it has one.
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
            Self::StorageUpload => "storageUpload",
            Self::StorageDownload => "storageDownload",
        }
    }

    /// What a key needs for it. The check of a key needs nothing, and the storage goes by signatures.
    pub(crate) fn scope(self) -> Option<Scope> {
        match self {
            Self::Diarize | Self::Identify | Self::Voiceprint => Some(Scope::JobsWrite),
            Self::GetJob | Self::ListJobs => Some(Scope::JobsRead),
            Self::MediaInput => Some(Scope::MediaWrite),
            Self::MediaOutput => Some(Scope::MediaRead),
            Self::CreateStream => Some(Scope::StreamWrite),
            Self::GetStream => Some(Scope::StreamRead),
            Self::TestKey | Self::StorageUpload | Self::StorageDownload => None,
        }
    }

    /// Whether it would be billed.
    pub(crate) fn needs_credit(self) -> bool {
        matches!(
            self,
            Self::Diarize | Self::Identify | Self::Voiceprint | Self::CreateStream
        )
    }

    /// Whether it goes by a key. The storage does not.
    pub(crate) fn needs_key(self) -> bool {
        !matches!(self, Self::StorageUpload | Self::StorageDownload)
    }

    /// Its limit. The documents name none for the read of a live stream, which counts as the POST endpoints do.
    pub(crate) fn limit(self) -> LimitClass {
        match self {
            Self::GetJob | Self::ListJobs => LimitClass::JobReads,
            Self::StorageUpload | Self::StorageDownload => LimitClass::None,
            _ => LimitClass::Posts,
        }
    }
}
