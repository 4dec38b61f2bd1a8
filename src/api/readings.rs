//! Readings of files and of the database, on threads that may wait for a disk.
//!
//! A few are done at a time. One whose disk does not answer gives its place to the next after a
//! while and keeps its thread, of which there are more than places: so a disk that hangs for one
//! reader hangs for no other, and a reader is told instead of kept waiting.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::web;
use tokio::sync::Semaphore;

use crate::api::{Problem, ProblemCode};

/// Threads that may wait for a disk; idle ones end.
pub(super) const THREADS: usize = 64;

/// Readings at a time: questions are few and short.
const PLACES: usize = 4;

/// The places and threads of a server's readings.
pub(super) struct Readings {
    places: Semaphore,
    /// As many as may hang: fewer than there are threads, so that no reading waits for one.
    threads: Arc<Semaphore>,
    /// How long a reading may take, with the wait for its place.
    limit: Duration,
}

impl Readings {
    pub(super) fn new(limit: Duration) -> Self {
        let threads = Arc::new(Semaphore::new(THREADS - PLACES));
        Self { places: Semaphore::new(PLACES), threads, limit }
    }

    /// Runs what waits for a disk on a thread that may.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let reading = async {
            let _place = self.places.acquire().await;
            let Ok(thread) = Arc::clone(&self.threads).try_acquire_owned() else {
                return Err(silent("the disk does not answer, and many readings wait for it"));
            };
            let work = move || {
                let _thread = thread;
                work()
            };
            web::block(work).await.unwrap_or_else(|_| {
                let message = "the reading thread was cancelled";
                Err(Problem::new(ProblemCode::Internal, message, "the daemon is ending"))
            })
        };
        let seconds = self.limit.as_secs();
        timeout(self.limit, reading).await.unwrap_or_else(|_| {
            Err(silent(format!("the disk has not answered a reading within {seconds} s")))
        })
    }
}

fn silent(message: impl Into<String>) -> Problem {
    let hint = "see `dmesg` and whether the disk of the state folder is there; the search goes on";
    Problem::new(ProblemCode::DiskSilent, message, hint)
}
