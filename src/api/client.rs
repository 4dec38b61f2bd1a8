//! The client: one connection a request over the daemon's socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::api::{ApiError, Problem, ProblemCode};

/// The longest answer that is read: ten times the weights of the paper's largest child.
const MAX_REPLY_BYTES: usize = 512 << 20;

/// The longest line of a stream.
const MAX_LINE_BYTES: usize = 1 << 20;

/// How long a stream may be silent: the server sends blank lines far more often.
const LINE_LIMIT: Duration = Duration::from_mins(1);

/// The type of most bodies.
const JSON: &str = "application/json";

/// The client of one daemon.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    limit: Duration,
}

impl Client {
    /// A client that waits `limit` for a whole answer.
    pub fn new(socket: &Path, limit: Duration) -> Self {
        Self { socket: socket.to_owned(), limit }
    }

    /// Where the daemon is.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The same, with another limit.
    pub fn with_limit(&self, limit: Duration) -> Self {
        Self { limit, ..self.clone() }
    }

    /// `GET`, for JSON. `path` is the path with its query.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let bytes = self.get_bytes(path).await?;
        self.parse(&bytes)
    }

    /// `GET`, for whatever bytes there are.
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, ApiError> {
        self.within(self.collect(self.request(Method::GET, path, None))).await
    }

    /// `GET`, for a file with the name that the daemon gives it: a plain one, of letters, digits,
    /// `.`, `_` and `-`.
    pub async fn get_file(&self, path: &str) -> Result<(String, Bytes), ApiError> {
        let file = async {
            let reply = self.accepted(self.request(Method::GET, path, None).await?).await?;
            let name = file_name(reply.response.headers()).ok_or_else(|| {
                let message =
                    format!("{} answers with a file without a name", self.socket.display());
                Problem::new(ProblemCode::Other, message, "is the enasd there of this version?")
            })?;
            Ok((name, self.read(reply).await?))
        };
        self.within(file).await
    }

    /// `POST` with JSON, for JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = Some((JSON, self.json(body)?));
        let bytes = self.within(self.collect(self.request(Method::POST, path, body))).await?;
        self.parse(&bytes)
    }

    /// `POST` with bytes of a type such as `image/png`, for JSON.
    pub async fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<T, ApiError> {
        let body = Some((content_type, bytes));
        let bytes = self.within(self.collect(self.request(Method::POST, path, body))).await?;
        self.parse(&bytes)
    }

    /// `PUT` with JSON, for JSON.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = Some((JSON, self.json(body)?));
        let bytes = self.within(self.collect(self.request(Method::PUT, path, body))).await?;
        self.parse(&bytes)
    }

    /// `POST` without a body, for JSON.
    pub async fn command<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let bytes = self.within(self.collect(self.request(Method::POST, path, None))).await?;
        self.parse(&bytes)
    }

    /// `GET`, for lines of JSON that may come for ever.
    pub async fn lines(&self, path: &str) -> Result<Lines, ApiError> {
        let head = async { self.accepted(self.request(Method::GET, path, None).await?).await };
        let reply = self.within(head).await?;
        Ok(Lines { client: self.clone(), reply, buffer: Vec::new(), scanned: 0 })
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let silent = || ApiError::Silent { path: self.socket.clone(), limit: self.limit };
        timeout(self.limit, work).await.map_err(|_| silent())?
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Reply, ApiError> {
        let unreachable = |source| ApiError::Unreachable { path: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let http = |source| self.http_error(source);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        // Its error also reaches whoever reads the reply.
        let connection = Connection(tokio::spawn(async { drop(connection.await) }));
        let mut request = Request::builder().method(method).uri(path).header(HOST, "enasd");
        if let Some((content_type, _)) = body {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let bytes = body.map(|(_, bytes)| bytes).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(bytes)));
        let request = request.map_err(|err| {
            let message = format!("`{path}` is no path of an API: {err}");
            Problem::new(ProblemCode::NotFound, message, "percent-encode what stands in a path")
        })?;
        let response = sender.send_request(request).await.map_err(http)?;
        Ok(Reply { response, _connection: connection })
    }

    /// Turns a problem into an error.
    async fn accepted(&self, reply: Reply) -> Result<Reply, ApiError> {
        let status = reply.response.status();
        if status.is_success() {
            return Ok(reply);
        }
        let bytes = self.read(reply).await?;
        Err(self.problem(status, &bytes).into())
    }

    async fn collect(
        &self,
        reply: impl Future<Output = Result<Reply, ApiError>>,
    ) -> Result<Bytes, ApiError> {
        let reply = self.accepted(reply.await?).await?;
        self.read(reply).await
    }

    async fn read(&self, mut reply: Reply) -> Result<Bytes, ApiError> {
        let body = Limited::new(reply.response.body_mut(), MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|err| match err.downcast::<hyper::Error>() {
            Ok(source) => self.http_error(*source),
            Err(_) => self.too_long(MAX_REPLY_BYTES),
        });
        Ok(body?.to_bytes())
    }

    fn problem(&self, status: StatusCode, bytes: &[u8]) -> Problem {
        serde_json::from_slice(bytes).unwrap_or_else(|_| {
            let message = format!("{} answers {status}", self.socket.display());
            Problem::new(ProblemCode::Other, message, "is that the socket of an enasd?")
        })
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(bytes).map_err(|source| self.reply_error(source))
    }

    fn json(&self, body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(body).map_err(|source| self.reply_error(source))
    }

    fn reply_error(&self, source: serde_json::Error) -> ApiError {
        ApiError::Reply { path: self.socket.clone(), source }
    }

    fn http_error(&self, source: hyper::Error) -> ApiError {
        ApiError::Http { path: self.socket.clone(), source }
    }

    fn too_long(&self, limit_bytes: usize) -> ApiError {
        ApiError::TooLong { path: self.socket.clone(), limit_bytes }
    }
}

/// The name of the file that is the body, where that is a plain one.
fn file_name(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (name, _) = header.split_once("filename=\"")?.1.split_once('"')?;
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (!name.starts_with('.') && !name.is_empty() && name.bytes().all(is_plain))
        .then(|| name.to_owned())
}

/// A reply whose body may still come, with the connection that brings it.
#[derive(Debug)]
struct Reply {
    response: Response<Incoming>,
    _connection: Connection,
}

/// The task of a connection. Dropping it hangs up, so that the server does not work for nobody.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Lines of JSON as they come.
#[derive(Debug)]
pub struct Lines {
    client: Client,
    reply: Reply,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no line end.
    scanned: usize,
}

impl Lines {
    /// The next line; none at the end of the stream.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ApiError> {
        loop {
            while let Some(end) = self.buffer[self.scanned..].iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=self.scanned + end).collect();
                self.scanned = 0;
                // Blank lines keep the connection alive.
                if !line.trim_ascii().is_empty() {
                    return self.client.parse(&line).map(Some);
                }
            }
            self.scanned = self.buffer.len();
            if MAX_LINE_BYTES < self.buffer.len() {
                return Err(self.client.too_long(MAX_LINE_BYTES));
            }
            let silent =
                || ApiError::Silent { path: self.client.socket.clone(), limit: LINE_LIMIT };
            let frame = timeout(LINE_LIMIT, self.reply.response.body_mut().frame())
                .await
                .map_err(|_| silent())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|source| self.client.http_error(source))?;
            if let Some(data) = frame.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(CONTENT_DISPOSITION, header.parse().unwrap())]);
        assert_eq!(file_name(&headers).as_deref(), expected, "{header}");
    }

    #[test]
    fn no_name_of_a_file_leads_elsewhere() {
        check(r#"attachment; filename="m5-1.champion-0.onnx""#, Some("m5-1.champion-0.onnx"));
        for name in ["../m5", "/etc/x", ".bashrc", "", "a b", "a\\b"] {
            check(&format!("attachment; filename=\"{name}\""), None);
        }
        check("attachment", None);
        assert_eq!(file_name(&HeaderMap::new()), None);
    }
}
