//! Lines that repeat: of the same message from the same place, the first few of a minute are
//! written, and one line says how many more there were.
//!
//! Fields do not count: a step number makes no new message. What is below `info` is asked for on
//! purpose and never limited.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Lines of one message that are written in a window.
const WRITTEN: u64 = 10;

/// How long a window is.
const WINDOW: Duration = Duration::from_mins(1);

/// Messages that are counted at a time; those beyond are written as they come.
const MAX_MESSAGES: usize = 1000;

/// Counts messages, and keeps back those that repeat. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats(Arc<Mutex<BTreeMap<Key, Count>>>);

/// The place in the source, file and line, and the message.
type Key = (Option<&'static str>, Option<u32>, String);

/// One message within its window.
#[derive(Clone, Debug)]
struct Count {
    start: Instant,
    level: Level,
    lines: u64,
}

impl Count {
    fn kept_back(&self) -> u64 {
        self.lines.saturating_sub(WRITTEN)
    }

    fn is_over(&self, now: Instant) -> bool {
        WINDOW <= now.duration_since(self.start)
    }
}

impl Repeats {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<Key, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a message; whether it is to be written.
    fn note(&self, key: Key, level: Level, now: Instant) -> bool {
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(&key) {
            count.lines += 1;
            return count.lines <= WRITTEN;
        }
        if counts.len() < MAX_MESSAGES {
            counts.insert(key, Count { start: now, level, lines: 1 });
        }
        true
    }

    /// Forgets the windows that `ended`, and gives what was kept back in them.
    fn take(&self, ended: impl Fn(&Count) -> bool) -> Vec<(Level, String, u64)> {
        let mut counts = self.counts();
        let taken = counts.extract_if(.., |_, count| ended(count));
        let kept_back = taken.filter(|(_, count)| 0 < count.kept_back());
        kept_back.map(|((.., text), count)| (count.level, text, count.kept_back())).collect()
    }

    /// Says how often messages were repeated in windows that are over. To be called every few
    /// seconds: until then the messages of such a window stay limited.
    pub(super) fn tell(&self) {
        let now = Instant::now();
        say(self.take(|count| count.is_over(now)));
    }

    /// Says it of all windows: no more lines come.
    pub(super) fn tell_last(&self) {
        say(self.take(|_| true));
    }
}

fn say(kept_back: Vec<(Level, String, u64)>) {
    let within_seconds = WINDOW.as_secs();
    for (level, text, repeated) in kept_back {
        match level {
            Level::ERROR => tracing::error!(repeated, within_seconds, "repeated: {text}"),
            Level::WARN => tracing::warn!(repeated, within_seconds, "repeated: {text}"),
            _ => tracing::info!(repeated, within_seconds, "repeated: {text}"),
        }
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // In the order of levels, more is less important.
        if Level::INFO < *metadata.level() {
            return true;
        }
        let mut message = Message::default();
        event.record(&mut message);
        let key = (metadata.file(), metadata.line(), message.0);
        self.note(key, *metadata.level(), Instant::now())
    }
}

/// The message of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").expect("writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        (Some("here.rs"), Some(1), text.to_owned())
    }

    /// How many of `count` lines are written.
    fn written(repeats: &Repeats, text: &str, count: usize, now: Instant) -> usize {
        (0..count).filter(|_| repeats.note(key(text), Level::WARN, now)).count()
    }

    #[test]
    fn the_first_of_a_window_are_written_and_the_rest_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        assert_eq!(written(&repeats, "full", 10, start), 10);
        assert_eq!(written(&repeats, "full", 7, start), 0);
        assert_eq!(written(&repeats, "other", 3, start), 3);
        let taken = |now| repeats.take(|count| count.is_over(now));
        assert!(taken(start + WINDOW / 2).is_empty());
        let told = taken(start + WINDOW);
        assert_eq!(told, [(Level::WARN, "full".to_owned(), 7)]);
        // A new window.
        assert_eq!(written(&repeats, "full", 12, start + WINDOW), 10);
    }

    #[test]
    fn more_messages_than_are_counted_are_written_all() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        for number in 0..MAX_MESSAGES {
            assert!(repeats.note(key(&number.to_string()), Level::INFO, now));
        }
        assert_eq!(written(&repeats, "one more", 100, now), 100);
        assert_eq!(repeats.counts().len(), MAX_MESSAGES);
    }
}
