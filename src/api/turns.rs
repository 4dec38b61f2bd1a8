//! Turns to make replies that are large: one at a time, since nobody counts what a reply holds
//! before it is made.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::readings::Readings;
use crate::api::{Problem, ProblemCode};

/// Who may wait for a turn: all who wait together leave most places to others.
const MAX_WAITING: usize = 16;

/// Turns, which are taken in the order of asking.
pub(super) struct Turns {
    turn: Arc<Semaphore>,
    waiting: Semaphore,
    limit: Duration,
}

/// A turn.
pub(super) struct Turn {
    permit: Arc<OwnedSemaphorePermit>,
}

impl Turns {
    /// One waits for a turn no longer than `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        let (turn, waiting) = (Arc::new(Semaphore::new(1)), Semaphore::new(MAX_WAITING));
        Self { turn, waiting, limit }
    }

    /// Waits for a turn.
    pub(super) async fn next(&self) -> Result<Turn, Problem> {
        let busy = || {
            let message = "as many large replies as may are waited for";
            Problem::new(ProblemCode::Busy, message, "try again in a moment")
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = timeout(self.limit, Arc::clone(&self.turn).acquire_owned()).await;
        let permit = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Turn { permit: Arc::new(permit) })
    }
}

impl Turn {
    /// Runs what waits for a disk. The turn is not over before that is done, be who asked for it
    /// still there or not.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        readings: &Readings,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.permit);
        let work = move || {
            let _permit = permit;
            work()
        };
        readings.read(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    const LIMIT: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn turns_come_in_order_and_few_wait_for_one() {
        let turns = Turns::new(LIMIT);
        let first = turns.next().await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(turns.next())).collect();
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        assert_eq!(turns.next().await.err().unwrap().code, ProblemCode::Busy);
        drop(first);
        assert!(waiting[1].as_mut().now_or_never().is_none());
        let second = waiting[0].as_mut().now_or_never().unwrap().unwrap();
        assert!(waiting[1].as_mut().now_or_never().is_none());
        drop(second);
        assert!(waiting[1].as_mut().now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_what_is_read_in_it_though_nobody_waits_for_that() {
        let (turns, readings) = (Turns::new(LIMIT), Readings::new(LIMIT));
        let (go_on, wait) = mpsc::channel::<()>();
        let turn = turns.next().await.unwrap();
        let work = move || {
            wait.recv().unwrap();
            Ok(())
        };
        assert!(turn.read(&readings, work).now_or_never().is_none());
        drop(turn);
        assert!(turns.next().now_or_never().is_none());
        go_on.send(()).unwrap();
        assert!(turns.next().await.is_ok());
    }
}
