//! The operations of the API: path, method, rate limit, scope, and whether they can be repeated safely.

use http::Method;

use super::rate_limit::RateLimit;
use super::retry::Operation;

/// An operation of the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub(crate) enum Endpoint {
    TestKey,
    Diarize,
    Identify,
    Voiceprint,
    GetJob,
    ListJobs,
    MediaInput,
    MediaOutput,
    CreateStream,
    GetStream,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 10] = [
        Self::TestKey,
        Self::Diarize,
        Self::Identify,
        Self::Voiceprint,
        Self::GetJob,
        Self::ListJobs,
        Self::MediaInput,
        Self::MediaOutput,
        Self::CreateStream,
        Self::GetStream,
    ];

    /// The `operationId` of the specification, in snake case as in the bindings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TestKey => "test_key",
            Self::Diarize => "diarize",
            Self::Identify => "identify",
            Self::Voiceprint => "voiceprint",
            Self::GetJob => "get_job_by_id",
            Self::ListJobs => "get_jobs_by_team_v2",
            Self::MediaInput => "get_media_upload_url",
            Self::MediaOutput => "get_media_download_url",
            Self::CreateStream => "create_stream",
            Self::GetStream => "get_stream",
        }
    }

    /// Finds the operation with this [`name`](Self::name), for requests of the bindings.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.name() == name)
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::TestKey | Self::GetJob | Self::ListJobs | Self::GetStream => Method::GET,
            _ => Method::POST,
        }
    }

    /// The path, or its part before the id.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::TestKey => "/v1/test",
            Self::Diarize => "/v1/diarize",
            Self::Identify => "/v1/identify",
            Self::Voiceprint => "/v1/voiceprint",
            Self::GetJob => "/v1/jobs/",
            Self::ListJobs => "/v2/jobs",
            Self::MediaInput => "/v1/media/input",
            Self::MediaOutput => "/v1/media/output",
            Self::CreateStream => "/v1/live",
            Self::GetStream => "/v1/live/",
        }
    }

    /// What sending the same request twice would do.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::TestKey | Self::GetJob | Self::ListJobs | Self::GetStream => Operation::Read,
            Self::MediaInput | Self::MediaOutput => Operation::IdempotentWrite,
            // Streams are billed by the audio sent to them, but each one counts toward the team's limit of ten.
            Self::Diarize | Self::Identify | Self::Voiceprint | Self::CreateStream => {
                Operation::Submission
            }
        }
    }

    /// Whether the operation creates a job, whose id is in the response.
    pub(crate) fn creates_job(self) -> bool {
        matches!(self, Self::Diarize | Self::Identify | Self::Voiceprint)
    }

    /// Multiple of the attempt timeout that the operation may take: the body of a job can have 17 MB.
    pub(crate) fn timeout_multiplier(self) -> u32 {
        match self {
            Self::GetJob => 5,
            _ => 1,
        }
    }

    /// The documented rate limit.
    pub(crate) fn rate_limit(self) -> RateLimit {
        match self {
            Self::GetJob | Self::ListJobs => RateLimit::JOB_READS,
            _ => RateLimit::POSTS,
        }
    }

    /// The scopes that an API key needs, according to the specification.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        pyannote_api_sys::permissions(self.name()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_name_finds_every_endpoint() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(Endpoint::from_name(endpoint.name()), Some(endpoint));
            assert_eq!(
                endpoint as usize, index,
                "rate limiters are indexed by discriminant"
            );
        }
        assert_eq!(Endpoint::from_name("transcribe"), None);
    }

    #[test]
    fn specification_has_the_scopes_of_every_endpoint() {
        for endpoint in Endpoint::ALL {
            let scopes = pyannote_api_sys::permissions(endpoint.name());
            assert_eq!(scopes, Some(endpoint.scopes()), "{endpoint:?}");
            assert_eq!(endpoint.scopes().is_empty(), endpoint == Endpoint::TestKey);
        }
        assert_eq!(Endpoint::MediaOutput.scopes(), ["media:read"]);
    }
}
