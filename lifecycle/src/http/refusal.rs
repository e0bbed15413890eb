//! [`refuse`]: the response to a late request.

use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode, Version};

/// The response to a request that arrives after admission has closed ([RFC 9110, 15.6.4]).
///
/// [RFC 9110, 15.6.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4
pub(super) fn refuse<B>(version: Version, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    // HTTP/2 forbids the header (RFC 9113, 8.2.2); a GOAWAY frame does the same there.
    if version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
