//! What the daemon has to tell, asked for twice a second and again after it was gone.

use std::time::Duration;

use enasd::actors::Status;
use enasd::api::wire::{Event, HistoryReply};
use enasd::api::{ApiError, Client};
use tokio::sync::mpsc::Sender;

use crate::top::screen::News;

/// Between two looks: a person reads no faster.
const PAUSE: Duration = Duration::from_millis(500);

/// Steps before the present one whose rewards are asked for at first.
const PAST_STEPS: u64 = 5000;

/// Rows of the history in one answer. Where there are more, the next looks catch up.
const PAGE: u32 = 10_000;

/// Asks the daemon for news.
#[derive(Debug)]
pub(crate) struct Feed {
    daemon: Client,
    to: Sender<News>,
    /// The first step of the history that was not told; none before the first answer.
    history_since: Option<u64>,
    /// The number of the last event told.
    events_since: u64,
}

/// Nobody listens any more.
struct Unheard;

impl Feed {
    /// A feed of news of `daemon`.
    pub(crate) fn new(daemon: Client, to: Sender<News>) -> Self {
        Self { daemon, to, history_since: None, events_since: 0 }
    }

    /// Tells news for as long as somebody listens.
    pub(crate) async fn run(mut self) {
        loop {
            if let Err(Unheard) = self.look().await {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(&mut self) -> Result<(), Unheard> {
        let status = match self.daemon.get::<Status>("/v1/status").await {
            Ok(status) => status,
            Err(error) => return self.gone(&error).await,
        };
        let number = status.place.number;
        self.tell(News::Status(Box::new(status))).await?;
        match self.look_deeper(number).await? {
            Ok(()) => Ok(()),
            Err(ApiError::Problem(problem)) => self.tell(News::Trouble(problem.to_string())).await,
            Err(error) => self.gone(&error).await,
        }
    }

    /// Forgets what was told, since whoever answers next may be another.
    async fn gone(&mut self, error: &ApiError) -> Result<(), Unheard> {
        self.history_since = None;
        self.events_since = 0;
        self.tell(News::Gone(error.to_string())).await
    }

    async fn look_deeper(&mut self, number: u64) -> Result<Result<(), ApiError>, Unheard> {
        let since = self.history_since.unwrap_or_else(|| number.saturating_sub(PAST_STEPS));
        let path = format!("/v1/history?since={since}&limit={PAGE}");
        let HistoryReply { rows, next_since, .. } = match self.daemon.get(&path).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        self.history_since = Some(next_since);
        self.tell(News::History(rows)).await?;
        let path = format!("/v1/events?since={}", self.events_since);
        let mut events = match self.daemon.lines(&path).await {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            match events.next::<Event>().await {
                Ok(Some(event)) => {
                    self.events_since = event.seq;
                    self.tell(News::Event(event)).await?;
                }
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    async fn tell(&self, news: News) -> Result<(), Unheard> {
        self.to.send(news).await.map_err(|_| Unheard)
    }
}
