//! The generated type of each schema in the bundle.

use pyannote_api_sys::types;
use schemars::{Schema, schema_for};

macro_rules! registry {
    ($($name:ident),* $(,)?) => {
        /// The name of each type and its schema as `schemars` derives it.
        pub(crate) fn generated() -> Vec<(&'static str, Schema)> {
            vec![$((stringify!($name), schema_for!(types::$name))),*]
        }
    };
}

registry![
    ApiError,
    Confidence,
    CreateStream,
    DiarizationJob,
    DiarizationJobOutput,
    DiarizationSegment,
    DiarizeRequest,
    GetJobsResponseV2,
    GetMediaUploadUrl,
    IdentificationJobOutput,
    IdentificationSegment,
    IdentificationVoiceprint,
    IdentifyJob,
    IdentifyRequest,
    JobCreated,
    JobListItem,
    JobStatus,
    MatchingOptions,
    MediaResponse,
    Probability,
    SpeakerProbability,
    Stream,
    StreamCreated,
    StreamStatus,
    TestResponse,
    TranscriptionConfiguration,
    TranscriptionSegment,
    ValidationError,
    ValidationErrorResponse,
    Voiceprint,
    VoiceprintJob,
    VoiceprintJobResults,
    VoiceprintRequest,
];
