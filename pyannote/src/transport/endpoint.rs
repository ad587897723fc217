//! The operations of the API: where each is, and what sending it twice would mean.

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

    /// The `operationId`, in the snake case that the bindings use.
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

    /// The operation of that name, for requests of the bindings.
    pub(crate) fn named(name: &str) -> Option<Self> {
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

    /// The path, or what comes before the id in it.
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

    /// What sending it twice would mean.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::TestKey | Self::GetJob | Self::ListJobs | Self::GetStream => Operation::Read,
            Self::MediaInput | Self::MediaOutput => Operation::IdempotentWrite,
            // A stream is billed by what is sent to it, but each one made counts against the team's ten.
            Self::Diarize | Self::Identify | Self::Voiceprint | Self::CreateStream => {
                Operation::Submission
            }
        }
    }

    /// How many times the timeout of an attempt it may take: the body of a job can have 17 MB.
    pub(crate) fn patience(self) -> u32 {
        match self {
            Self::GetJob => 5,
            _ => 1,
        }
    }

    /// The documented limit.
    pub(crate) fn rate_limit(self) -> RateLimit {
        match self {
            Self::GetJob | Self::ListJobs => RateLimit::JOB_READS,
            _ => RateLimit::POSTS,
        }
    }

    /// The scope that an API key needs for it.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Self::TestKey => None,
            Self::Diarize | Self::Identify | Self::Voiceprint => Some("jobs:write"),
            Self::GetJob | Self::ListJobs => Some("jobs:read"),
            Self::MediaInput => Some("media:write"),
            Self::MediaOutput => Some("media:read"),
            Self::CreateStream => Some("stream:write"),
            Self::GetStream => Some("stream:read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(Endpoint::named(endpoint.name()), Some(endpoint));
            assert_eq!(endpoint as usize, index, "limiters are kept in this order");
        }
        assert_eq!(Endpoint::named("transcribe"), None);
    }
}
