//! The scopes that an API key needs.

use crate::generated::PERMISSIONS;

/// The scopes that an API key needs for an operation, from `x-api-key-permissions` of the specification.
///
/// `operation` is the name of the operation in snake case, as in
/// [`Executor::execute`](crate::hooks::Executor::execute). The result is empty if any key will do, and `None` if the specification has no such operation.
///
/// ```
/// use pyannote_api_sys::permissions;
///
/// assert_eq!(permissions("diarize"), Some(["jobs:write"].as_slice()));
/// assert_eq!(permissions("test_key"), Some([].as_slice()));
/// assert_eq!(permissions("no_such_operation"), None);
/// ```
#[must_use]
pub fn permissions(operation: &str) -> Option<&'static [&'static str]> {
    let (_, scopes) = PERMISSIONS.iter().find(|(name, _)| *name == operation)?;
    Some(scopes)
}
