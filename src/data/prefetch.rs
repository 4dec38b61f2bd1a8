//! Training batches made ahead by a thread of their own, so that the trainer never waits for one.
//!
//! ```text
//! TrainStream ── thread `prefetch` ──▶ [ place+3 | place+2 | place+1 | place ] ──▶ next()
//! ```

use std::thread::{self, JoinHandle};

use crossbeam::channel::{self, Receiver};

use crate::data::{Batch, DataError, TrainStream};

/// Batches that wait at most: two would hide the making of one, four also hide a hiccup of the
/// system, and four batches of 160 CIFAR images are 8 MB.
const CAPACITY: usize = 4;

/// A thread that runs ahead in a [`TrainStream`], and the place in it.
#[derive(Debug)]
pub struct Prefetch {
    /// `None` once dropping has begun.
    batches: Option<Receiver<Result<Batch, DataError>>>,
    /// `None` once dropping has begun.
    thread: Option<JoinHandle<()>>,
    place: u64,
}

impl Prefetch {
    /// Starts to make the batches of `stream` from the one numbered `place` on.
    pub fn start(stream: TrainStream, place: u64) -> Result<Self, DataError> {
        let (sender, batches) = channel::bounded(CAPACITY);
        let fill = move || {
            let mut next = Some(place);
            while let Some(index) = next {
                let batch = stream.batch(index);
                // One that could not be read is tried again.
                if batch.is_ok() {
                    next = index.checked_add(1);
                }
                // The other side is gone: nobody wants more.
                if sender.send(batch).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(fill)
            .map_err(|source| DataError::Thread { source })?;
        Ok(Self { batches: Some(batches), thread: Some(thread), place })
    }

    /// The next batch; waits for it if it is not made yet. After an error it is still the next.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless stream that can fail is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Batch, DataError> {
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        let batch = batch.ok_or(DataError::PrefetchEnded { place: self.place })??;
        self.place = self.place.saturating_add(1);
        Ok(batch)
    }

    /// Index of the batch that [`next`](Self::next) returns next: what a checkpoint keeps.
    pub const fn place(&self) -> u64 {
        self.place
    }
}

/// Ends the thread and waits for it, at most as long as one batch takes.
impl Drop for Prefetch {
    fn drop(&mut self) {
        // A thread that waits for room wakes up when the receiver goes.
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported by the panic hook, and a drop cannot pass it on.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::image_data::tests::dataset;
    use crate::data::image_stream::tests::stream;
    use crate::data::{Batching, DataConfig, ImageStream};

    #[test]
    fn a_start_at_any_place_gives_the_batches_of_an_unbroken_run() {
        let (expected, mut prefetch) = (stream(13, 5, 7), None);
        for place in 0..40 {
            // Stopped and resumed at every seventh batch, with batches still waiting.
            if place % 7 == 0 {
                let stream = TrainStream::Images(stream(13, 5, 7));
                prefetch = Some(Prefetch::start(stream, place).unwrap());
            }
            let prefetch = prefetch.as_mut().unwrap();
            assert_eq!(prefetch.place(), place);
            let expected = Batch::Images(expected.batch(place).unwrap());
            assert_eq!(prefetch.next().unwrap(), expected);
        }
    }

    #[test]
    fn the_end_of_the_thread_is_an_error_and_moves_nothing() {
        let mut prefetch =
            Prefetch::start(TrainStream::Images(stream(13, 5, 7)), u64::MAX).unwrap();
        prefetch.next().unwrap();
        for _ in 0..2 {
            let text = prefetch.next().unwrap_err().to_string();
            assert!(text.contains("ended before batch 18446744073709551615"), "{text}");
            assert_eq!(prefetch.place(), u64::MAX);
        }
    }

    #[test]
    fn dropping_ends_the_thread_wherever_it_is() {
        for n_read in 0..6 {
            let dataset = Arc::new(dataset(13));
            let config = DataConfig::default();
            let batching = Batching::of_search(&config, 5, 35);
            let stream =
                TrainStream::Images(ImageStream::new(Arc::clone(&dataset), batching, 7).unwrap());
            let mut prefetch = Prefetch::start(stream, 0).unwrap();
            (0..n_read).for_each(|_| drop(prefetch.next().unwrap()));
            drop(prefetch);
            // The thread owned the other one.
            assert_eq!(Arc::strong_count(&dataset), 1);
        }
    }
}
