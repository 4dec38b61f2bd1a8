//! How long the head of a request may be.

use actix_http::{HttpMessage, Request};

use crate::api::{Problem, ProblemCode};

/// The longest path with its query: an architecture in its longest text form is a tenth of it.
const MAX_URL_BYTES: usize = 8 << 10;

/// All names and values of a head together: ten times those of a browser.
const MAX_FIELD_BYTES: usize = 16 << 10;

/// All that is read before a head is whole: enough to say what of it is too long. The parser takes
/// no more than 96 fields.
pub(super) const MAX_HEAD_BYTES: usize = 64 << 10;

/// Refuses a head that is too long.
pub(super) fn check_head(request: &Request) -> Result<(), Problem> {
    let url = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
    if MAX_URL_BYTES < url {
        let message = format!("the URL has {url} bytes; it may have {MAX_URL_BYTES}");
        let hint = "send an architecture in the body of POST /v1/score";
        return Err(Problem::new(ProblemCode::UrlTooLong, message, hint));
    }
    let lengths = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let fields: usize = lengths.sum();
    if MAX_FIELD_BYTES < fields {
        let message = format!("the header has {fields} bytes; it may have {MAX_FIELD_BYTES}");
        let hint = "no request of this API needs a header field";
        return Err(Problem::new(ProblemCode::HeadTooLarge, message, hint));
    }
    Ok(())
}
