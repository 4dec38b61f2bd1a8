//! One request and its reply over one connection, each part within a limit.
//!
//! actix-http's parser and writer do the work. Its own loop would not do: it carries out whatever
//! follows the first request, answers what it cannot parse without a body and logs that as an
//! error of this program, and has no limit on writing.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use actix_codec::{Decoder, Encoder};
use actix_http::error::ParseError;
use actix_http::h1::{Codec, Message, MessageType};
use actix_http::{ConnectionType, HttpMessage, Payload, Request, Response, ServiceConfig};
use actix_web::body::MessageBody;
use actix_web::http::{Method, header};
use actix_web::rt::time::{Instant, sleep_until, timeout};
use actix_web::web::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::date::date;
use crate::api::head::{MAX_HEAD_BYTES, check_head};
use crate::api::peer::Stream;
use crate::api::places::Waits;
use crate::api::{Limits, Problem, ProblemCode};

/// The most of a reply that has to be taken within the limit.
const PART_BYTES: usize = 16 << 10;

/// Read at a time.
const READ_BYTES: usize = 4 << 10;

/// How long what follows a request is thrown away once the reply is sent: a peer that is cut off
/// while it sends would not read why.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A connection, for one request and its reply.
pub(super) struct Exchange<T> {
    stream: T,
    codec: Codec,
    input: BytesMut,
    limits: Limits,
    /// Whether the request was `HEAD`.
    head_only: bool,
    /// When a peer that has closed its side is given up.
    given_up: Option<Instant>,
}

impl<T: Stream> Exchange<T> {
    pub(super) fn new(stream: T, config: ServiceConfig, limits: Limits) -> Self {
        let (codec, input) = (Codec::new(config), BytesMut::new());
        Self { stream, codec, input, limits, head_only: false, given_up: None }
    }

    /// The request with its whole body; none from a peer that says nothing. `max_body_bytes` says
    /// how long the body may be by the path, and `hold` finds room for it.
    pub(super) async fn receive(
        &mut self,
        max_body_bytes: fn(&str) -> usize,
        hold: impl Fn(u64) -> Result<(), Problem>,
    ) -> Result<Option<Request>, Problem> {
        let limit = self.limits.head;
        let mut request = match timeout(limit, self.receive_head()).await {
            Ok(Ok(Some(request))) => request,
            Ok(other) => return other,
            Err(_) if self.input.is_empty() => return Ok(None),
            Err(_) => return Err(late(ProblemCode::HeadTimeout, "head", limit)),
        };
        // `HEAD` is a `GET` whose body nobody wants: what answers the one answers the other.
        self.head_only = request.method() == Method::HEAD;
        if self.head_only {
            request.head_mut().method = Method::GET;
        }
        check_head(&request)?;
        if self.codec.message_type() == MessageType::Payload {
            let max_body_bytes = max_body_bytes(request.path());
            let longest = max_body_bytes as u64;
            hold(announced(&request).map_or(longest, |bytes| bytes.min(longest)))?;
            let limit = self.limits.body;
            let body = timeout(limit, self.receive_body(&request, max_body_bytes)).await;
            let body = body.unwrap_or_else(|_| Err(late(ProblemCode::BodyTimeout, "body", limit)));
            *request.payload() = Payload::from(body?);
        }
        Ok(Some(request))
    }

    async fn receive_head(&mut self) -> Result<Option<Request>, Problem> {
        loop {
            match self.codec.decode(&mut self.input) {
                Ok(Some(Message::Item(request))) => return Ok(Some(request)),
                Ok(Some(Message::Chunk(_))) => unreachable!("no body before a head"),
                Ok(None) if self.input.len() <= MAX_HEAD_BYTES => {}
                Ok(None) | Err(ParseError::TooLarge) => return Err(too_large_head()),
                Err(error) => return Err(bad_head(&error.to_string())),
            }
            match self.read().await {
                Ok(0) if !self.input.is_empty() => return Err(bad_head("it breaks off")),
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
    }

    async fn receive_body(
        &mut self,
        request: &Request,
        max_bytes: usize,
    ) -> Result<Bytes, Problem> {
        if announced(request).is_some_and(|bytes| (max_bytes as u64) < bytes) {
            return Err(too_large_body(max_bytes));
        }
        if request.head().expect() {
            let written = self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            written.map_err(|error| bad_body(&error.to_string()))?;
        }
        let mut body = BytesMut::new();
        loop {
            match self.codec.decode(&mut self.input) {
                Ok(Some(Message::Chunk(Some(chunk)))) if body.len() + chunk.len() <= max_bytes => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(Message::Chunk(Some(_)))) => return Err(too_large_body(max_bytes)),
                Ok(Some(Message::Chunk(None))) => return Ok(body.freeze()),
                Ok(Some(Message::Item(_))) => unreachable!("no head before the end of a body"),
                Ok(None) => match self.read().await {
                    Ok(0) => return Err(bad_body("it breaks off")),
                    Ok(_) => {}
                    Err(error) => return Err(bad_body(&error.to_string())),
                },
                Err(error) => return Err(bad_body(&error.to_string())),
            }
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.input.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.input).await
    }

    /// What `work` gives; none if the peer is gone before that.
    pub(super) async fn unless_gone<R>(&mut self, work: impl Future<Output = R>) -> Option<R> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.peer_is_gone() => None,
        }
    }

    /// Throws away what follows the request. A peer that has closed its side may still read the
    /// reply, so it is given a while.
    async fn peer_is_gone(&mut self) {
        while self.given_up.is_none() {
            self.input.clear();
            match self.read().await {
                Ok(0) => self.given_up = Some(Instant::now() + self.limits.take),
                Ok(_) => {}
                Err(_) => self.given_up = Some(Instant::now()),
            }
        }
        if let Some(limit) = self.given_up {
            sleep_until(limit).await;
        }
    }

    /// Sends the reply, and says what it waits for meanwhile. An error means that the peer does
    /// not take it, or that it has no end.
    pub(super) async fn send<B: MessageBody>(
        &mut self,
        mut reply: Response<B>,
        now_waits: impl Fn(Waits),
    ) -> io::Result<()> {
        reply.head_mut().set_connection_type(ConnectionType::Close);
        reply.headers_mut().insert(header::DATE, date(SystemTime::now()));
        let (head, body) = reply.into_parts();
        let size = body.size();
        let mut output = BytesMut::new();
        self.codec.encode(Message::Item((head, size)), &mut output)?;
        if !self.head_only && !size.is_eof() {
            let mut body = pin!(body);
            loop {
                now_waits(Waits::Daemon);
                let mut next = poll_fn(|cx| Poll::Ready(body.as_mut().poll_next(cx))).await;
                if next.is_pending() {
                    // What there is need not wait for what comes.
                    self.write(&mut output).await?;
                    let coming = self.unless_gone(poll_fn(|cx| body.as_mut().poll_next(cx)));
                    next = Poll::Ready(coming.await.ok_or(io::ErrorKind::NotConnected)?);
                }
                let Poll::Ready(Some(chunk)) = next else {
                    break;
                };
                let mut chunk =
                    chunk.map_err(|error| io::Error::other(error.into().to_string()))?;
                now_waits(Waits::Taking);
                while !chunk.is_empty() {
                    let part = chunk.split_to(chunk.len().min(PART_BYTES));
                    self.codec.encode(Message::Chunk(Some(part)), &mut output)?;
                    self.write(&mut output).await?;
                    now_waits(Waits::Taking);
                }
            }
            self.codec.encode(Message::Chunk(None), &mut output)?;
        }
        now_waits(Waits::Taking);
        self.write(&mut output).await
    }

    async fn write(&mut self, output: &mut BytesMut) -> io::Result<()> {
        timeout(self.limits.take, self.stream.write_all(output)).await??;
        output.clear();
        Ok(())
    }

    /// Ends the connection after the reply.
    pub(super) async fn end(mut self) {
        let end = async {
            // One that is gone needs no end.
            let _ = self.stream.shutdown().await;
            while self.given_up.is_none() && self.read().await.is_ok_and(|bytes| bytes != 0) {
                self.input.clear();
            }
        };
        let _ = timeout(END_LIMIT, end).await;
    }
}

/// How many bytes the head says that the body has.
fn announced(request: &Request) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

fn bad_head(why: &str) -> Problem {
    let hint = "send HTTP/1.1: a request line, one `host`, and for a body either \
                `content-length` or `transfer-encoding: chunked`";
    Problem::new(ProblemCode::BadHead, format!("the head of the request is wrong: {why}"), hint)
}

fn too_large_head() -> Problem {
    let hint = "send a URL and `host`: no request needs another header field";
    Problem::new(ProblemCode::HeadTooLarge, "the head of the request is too large", hint)
}

fn bad_body(why: &str) -> Problem {
    let hint = "send as many bytes as the head announces";
    Problem::new(ProblemCode::BadBody, format!("the body is broken: {why}"), hint)
}

fn too_large_body(max_bytes: usize) -> Problem {
    let message = format!("the body has more than {max_bytes} bytes");
    Problem::new(ProblemCode::BodyTooLarge, message, "no request needs one that is longer")
}

fn late(code: ProblemCode, part: &str, limit: Duration) -> Problem {
    let message = format!("the {part} did not arrive within {} s", limit.as_secs_f64());
    Problem::new(code, message, "send it whole")
}
