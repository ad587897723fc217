//! Headers that a user adds to requests.

use http::{HeaderName, HeaderValue};

use crate::transport::RESERVED_HEADERS;

/// Parses a header. The value is marked as sensitive, since it may be a secret of a gateway.
///
/// # Errors
///
/// What is wrong with the header. The message does not quote the value.
pub(crate) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Ok(header) = HeaderName::try_from(name) else {
        return Err(format!("{name:?} is not a valid header name"));
    };
    if RESERVED_HEADERS.contains(&header) {
        return Err(format!("the header {name} is set by the client itself"));
    }
    let Ok(mut value) = HeaderValue::try_from(value) else {
        return Err(format!(
            "the value of the header {name} has characters that are not allowed in headers"
        ));
    };
    value.set_sensitive(true);
    Ok((header, value))
}
