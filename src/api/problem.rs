//! `application/problem+json`: the one form of every error.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::Refusal;
use crate::net::NetError;
use crate::space::SpaceError;
use crate::store::StoreError;

/// The content type.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// After how many seconds one who was refused for want of room may find some.
const BUSY_SECONDS: u32 = 1;

/// What kind of error: programs decide by it, so a code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// No such route.
    NotFound,
    /// The route exists, for another method.
    MethodNotAllowed,
    /// The query string is wrong.
    BadQuery,
    /// The body is no JSON of the expected form.
    BadBody,
    /// The body is longer than is read.
    BodyTooLarge,
    /// The head of the request is no HTTP/1.1, or contradicts itself.
    BadHead,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The path with its query is longer than any.
    UrlTooLong,
    /// The header fields are longer than is read.
    HeadTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The text is no architecture, or none of this net.
    BadArch,
    /// It asks for another machine.
    WrongHost,
    /// The peer may read and not command.
    Forbidden,
    /// Nothing is kept under this id.
    UnknownArch,
    /// There is no champion yet.
    NoChampion,
    /// The weights that a best architecture was scored with are not kept any more.
    WeightsLost,
    /// It makes no sense in the daemon's state.
    RefusedState,
    /// The controller takes the request for wrong.
    RefusedRequest,
    /// It was tried and failed.
    Failed,
    /// As many as may are under way.
    Busy,
    /// The controller does not answer any more.
    Unavailable,
    /// The controller has not answered yet; the command may still be carried out.
    Timeout,
    /// The daemon is not ready: it starts, ends or does not progress.
    NotReady,
    /// A file cannot be read.
    Store,
    /// The history is not what was written, or not of this program's format.
    HistoryDamaged,
    /// The disk does not answer.
    DiskSilent,
    /// A mistake of this program.
    Internal,
    /// A code that a later version has.
    #[serde(other)]
    Other,
}

impl ProblemCode {
    /// As it goes over the wire.
    pub(super) fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("a code is written as a text"),
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownArch => StatusCode::NOT_FOUND,
            Self::WeightsLost => StatusCode::GONE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadHead
            | Self::BadQuery
            | Self::BadBody
            | Self::BadArch
            | Self::RefusedRequest => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UrlTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::RefusedState | Self::NoChampion => StatusCode::CONFLICT,
            Self::Busy
            | Self::Unavailable
            | Self::NotReady
            | Self::HistoryDamaged
            | Self::DiskSilent => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed | Self::Store | Self::Internal | Self::Other => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind.
    pub code: ProblemCode,
    /// What happened.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

impl Problem {
    /// A problem in words.
    pub fn new(code: ProblemCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let body = serde_json::to_string(self).expect("three strings are always JSON");
        let mut reply = HttpResponse::build(self.status_code());
        if self.code == ProblemCode::Busy {
            reply.insert_header((RETRY_AFTER, BUSY_SECONDS));
        }
        reply.content_type(CONTENT_TYPE).body(body)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, hint) = match refusal {
            Refusal::State { .. } => {
                (ProblemCode::RefusedState, "`enasctl status` says what the daemon does")
            }
            Refusal::Lost { .. } => (
                ProblemCode::WeightsLost,
                "no others are given for them; `?weights=present` gives its part of the present \
                 shared weights, which score otherwise",
            ),
            Refusal::Request { .. } => {
                (ProblemCode::RefusedRequest, "GET /v1/openapi.json describes every request")
            }
            _ => (ProblemCode::Failed, "the daemon's log may say more"),
        };
        Self::new(code, refusal.to_string(), hint)
    }
}

impl From<SpaceError> for Problem {
    fn from(err: SpaceError) -> Self {
        let hint = "`enasctl sample 1` prints an architecture in its native form";
        Self::new(ProblemCode::BadArch, err.to_string(), hint)
    }
}

impl From<NetError> for Problem {
    fn from(err: NetError) -> Self {
        if matches!(err, NetError::NotShared { .. } | NetError::NoNets { .. }) {
            let hint = "its texts, its drawing and what the search knows of it are to be had";
            return Self::new(ProblemCode::RefusedState, err.to_string(), hint);
        }
        let hint = "give an architecture of the space that this daemon searches";
        Self::new(ProblemCode::BadArch, err.to_string(), hint)
    }
}

impl From<StoreError> for Problem {
    fn from(err: StoreError) -> Self {
        let is_format = matches!(err, StoreError::Format { .. } | StoreError::OlderFormat { .. });
        let code = if is_format || err.is_damage() {
            ProblemCode::HistoryDamaged
        } else {
            ProblemCode::Store
        };
        Self::new(code, err.to_string(), "the search itself is not affected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back_and_unknown_ones_do_not_break_an_older_client() {
        let text = r#"{"code":"refused_state","message":"m","hint":"h"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(problem, Problem::new(ProblemCode::RefusedState, "m", "h"));
        assert_eq!(serde_json::to_string(&problem).unwrap(), text);
        let later = r#"{"code":"moon_phase","message":"m","hint":"h"}"#;
        let problem: Problem = serde_json::from_str(later).unwrap();
        assert_eq!(problem.code, ProblemCode::Other);
    }

    #[test]
    fn refusals_keep_their_words_and_get_a_status() {
        for (refusal, status) in [
            (Refusal::State { why: "paused already".into() }, 409),
            (Refusal::Request { why: "too many".into() }, 400),
            (Refusal::Failed { why: "disk full".into() }, 500),
        ] {
            let words = refusal.to_string();
            let problem = Problem::from(refusal);
            assert_eq!((problem.message, problem.code.status().as_u16()), (words, status));
        }
    }
}
