//! Where a result comes from: the body that it was decoded from, and what could not be decoded.

use std::fmt;

use bytes::Bytes;

use super::decode_warning::DecodeWarning;

/// The body of a result, if it is kept, and the warnings of its decoding.
#[derive(Clone, Default, PartialEq)]
pub struct Origin {
    pub(super) raw: Option<Bytes>,
    pub(super) decode_warnings: Vec<DecodeWarning>,
}

/// Omits the body, which may contain voiceprints.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.raw.as_ref().map(Bytes::len);
        f.debug_struct("Origin")
            .field("raw_bytes", &raw)
            .field("decode_warnings", &self.decode_warnings)
            .finish()
    }
}

/// Adds to a result, with fields `warning` and `origin`, the accessors that all results have.
macro_rules! impl_origin {
    ($result:ident) => {
        impl $result {
            /// Returns the warning of the service: for example that it could not return the requested number of
            /// speakers.
            #[must_use]
            pub fn warning(&self) -> Option<&str> {
                self.warning.as_deref()
            }

            /// Returns the parts of the response that have an unexpected form, and are therefore missing in the result;
            /// usually none.
            ///
            /// An invalid item, such as a word without a start, does not affect the rest of a result that was billed: it
            /// is left out and named here. The complete JSON is available from
            /// [`Client::job_json`](crate::Client::job_json), until the service deletes it.
            ///
            /// These warnings are the SDK's own, unlike [`warning`](Self::warning), and are not serialized.
            #[must_use]
            pub fn decode_warnings(&self) -> &[crate::DecodeWarning] {
                &self.origin.decode_warnings
            }

            /// Returns the JSON body that the result was decoded from, with fields that this version does not know, if
            /// [`ClientBuilder::keep_raw_bodies`](crate::ClientBuilder::keep_raw_bodies) is set. It may contain a
            /// voiceprint; keep it out of logs.
            #[must_use]
            pub fn raw(&self) -> Option<&[u8]> {
                self.origin.raw.as_deref()
            }
        }
    };
}
pub(super) use impl_origin;
