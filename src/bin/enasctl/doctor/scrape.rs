//! One scrape of the metrics, as Prometheus does it.

use std::fmt;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a scrape may take: Prometheus waits 10 s.
const LIMIT: Duration = Duration::from_secs(10);

/// The most that is read; a scrape of enasd has 40 kB.
const MAX_BYTES: usize = 1 << 20;

/// Why there is nothing.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Nobody listens there.
    Connect(io::Error),
    /// Somebody does, and does not answer as a server of metrics would.
    Answer(String),
}

impl Silence {
    /// Whether nobody listens there.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Connect(err) if err.kind() == io::ErrorKind::ConnectionRefused)
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(err) => err.fmt(f),
            Self::Answer(why) => f.write_str(why),
        }
    }
}

/// The text of `/metrics` at `address`.
pub(crate) async fn scrape(address: &str) -> Result<String, Silence> {
    let late = |_| Silence::Answer(format!("no answer within {} s", LIMIT.as_secs()));
    timeout(LIMIT, get(address)).await.map_err(late)?
}

async fn get(address: &str) -> Result<String, Silence> {
    let stream = TcpStream::connect(address).await.map_err(Silence::Connect)?;
    let failed = |err: hyper::Error| Silence::Answer(err.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = tokio::spawn(async { drop(connection.await) });
    let request = Request::get("/metrics").header(HOST, address).body(Empty::<Bytes>::new());
    let request = request.map_err(|err| Silence::Answer(err.to_string()))?;
    let reply = sender.send_request(request).await.map_err(failed)?;
    let status = reply.status();
    if !status.is_success() {
        return Err(Silence::Answer(format!("/metrics answers {status}")));
    }
    let body = Limited::new(reply.into_body(), MAX_BYTES).collect().await;
    connection.abort();
    let bytes = body.map_err(|err| Silence::Answer(err.to_string()))?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
