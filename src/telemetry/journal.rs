//! Log lines as entries of systemd's journal, with a field of its own for each of theirs: `phase`
//! is `ENASD_PHASE`.
//!
//! ```text
//! event + its spans ──► entry ──► Outlet ──► /run/systemd/journal/socket
//! ```
//!
//! A journal that hangs blocks whoever writes to it, hence the outlet. The form of an entry is
//! systemd's "Native Journal Protocol": name, line feed, length, value, line feed.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::Outlet;
use super::journal_socket::JournalSocket;

/// Where the journal listens.
const PATH: &str = "/run/systemd/journal/socket";

/// Writes events to the journal by an outlet.
#[derive(Debug)]
pub(super) struct Journal {
    socket: Arc<JournalSocket>,
    outlet: Outlet,
}

impl Journal {
    /// The journal of this machine, if it answers.
    pub(super) fn new(outlet: &Outlet) -> io::Result<Self> {
        Self::at(PATH.as_ref(), outlet)
    }

    fn at(path: &Path, outlet: &Outlet) -> io::Result<Self> {
        Ok(Self { socket: Arc::new(JournalSocket::at(path)?), outlet: outlet.clone() })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        fields.put("SPAN_NAME", format_args!("{}", span.name()));
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (mut entry, metadata) = (Fields::default(), event.metadata());
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                entry.0.extend_from_slice(&fields.0);
            }
        }
        entry.put("PRIORITY", format_args!("{}", priority(*metadata.level())));
        entry.put("SYSLOG_IDENTIFIER", format_args!("enasd"));
        entry.put("TARGET", format_args!("{}", metadata.target()));
        if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
            entry.put("CODE_FILE", format_args!("{file}"));
            entry.put("CODE_LINE", format_args!("{line}"));
        }
        event.record(&mut entry);
        self.outlet.entry(entry.0, &self.socket);
    }
}

/// A level as syslog numbers them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Fields of an entry.
#[derive(Debug, Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let mut text = String::new();
        // A value that fails to show itself is as long as it got.
        let _ = text.write_fmt(value);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(&journal_name(field.name()), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(&journal_name(field.name()), format_args!("{value:?}"));
    }
}

/// The name of a field in the journal, which takes capitals, digits and `_`.
fn journal_name(field: &str) -> String {
    if field == "message" {
        return "MESSAGE".to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("ENASD_{}", field.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io::{IoSliceMut, Read, Seek, Write};
    use std::mem::MaybeUninit;
    use std::os::unix::net::UnixDatagram;
    use std::thread;
    use std::time::Duration;

    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use tracing::Dispatch;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::outlet::tests::outlet;

    /// Far longer than anything here takes.
    const LIMIT: Duration = Duration::from_mins(1);

    /// A journal that only this test reads.
    struct Rig {
        journal: UnixDatagram,
        outlet: Outlet,
        logs: Dispatch,
        _folder: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("socket");
            let journal = UnixDatagram::bind(&path).unwrap();
            journal.set_read_timeout(Some(LIMIT)).unwrap();
            let (outlet, _) = outlet();
            let layer = Journal::at(&path, &outlet).unwrap();
            assert_eq!(journal.recv(&mut [0; 8]).unwrap(), 0, "the look whether it answers");
            let logs = tracing_subscriber::registry().with(layer).into();
            Self { journal, outlet, logs, _folder: folder }
        }

        /// The next entry, which may come as a file.
        fn entry(&self) -> BTreeMap<String, String> {
            let mut bytes = vec![0; 1 << 18];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let parts = &mut [IoSliceMut::new(&mut bytes)];
            let read = recvmsg(&self.journal, parts, &mut control, RecvFlags::empty()).unwrap();
            bytes.truncate(read.bytes);
            for message in control.drain() {
                let RecvAncillaryMessage::ScmRights(mut files) = message else { continue };
                let mut file = File::from(files.next().unwrap());
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
                assert!(file.write_all(b"x").is_err(), "it can be changed");
            }
            fields(&bytes)
        }
    }

    fn fields(mut bytes: &[u8]) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (name, rest) = (&bytes[..end], &bytes[end + 1..]);
            let (length, rest) = rest.split_first_chunk().unwrap();
            let (value, rest) = rest.split_at(u64::from_le_bytes(*length) as usize);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.insert(text(name), text(value));
            bytes = rest.strip_prefix(b"\n").unwrap();
        }
        found
    }

    #[test]
    fn an_entry_has_a_field_for_each_of_the_line_and_of_its_spans() {
        let rig = Rig::new();
        tracing::dispatcher::with_default(&rig.logs, || {
            let span =
                tracing::info_span!("search", phase = "shared", cycle = tracing::field::Empty);
            span.record("cycle", 2);
            span.in_scope(|| tracing::warn!(path.of = %"a b", n = 7, "two\nlines"));
        });
        let entry = rig.entry();
        for (name, value) in [
            ("MESSAGE", "two\nlines"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "enasd"),
            ("TARGET", "enasd::telemetry::journal::tests"),
            ("CODE_FILE", "src/telemetry/journal.rs"),
            ("SPAN_NAME", "search"),
            ("ENASD_PHASE", "shared"),
            ("ENASD_CYCLE", "2"),
            ("ENASD_PATH_OF", "a b"),
            ("ENASD_N", "7"),
        ] {
            assert_eq!(entry.get(name).map(String::as_str), Some(value), "{name}: {entry:?}");
        }
        assert!(entry["CODE_LINE"].parse::<u32>().is_ok());
    }

    #[test]
    fn an_entry_that_is_too_long_for_a_message_comes_as_a_file() {
        let rig = Rig::new();
        let long = "x".repeat(1 << 20);
        tracing::dispatcher::with_default(&rig.logs, || tracing::error!("{long}"));
        assert!(rig.entry()["MESSAGE"] == long);
    }

    #[test]
    fn a_journal_that_hangs_blocks_nobody_and_what_it_does_not_take_is_counted() {
        let rig = Rig::new();
        let mut sent = 0_u64;
        tracing::dispatcher::with_default(&rig.logs, || {
            while rig.outlet.dropped() < 10 {
                assert!(sent < 100_000, "a socket takes that much?");
                tracing::info!("line {sent}");
                sent += 1;
            }
        });
        assert!(!rig.outlet.finish(Duration::from_millis(1)), "nobody has read");
        let taken = sent - rig.outlet.dropped();
        let Rig { journal, outlet, logs, _folder } = rig;
        let reading = thread::spawn(move || {
            let mut bytes = [0; 4096];
            (0..taken).map(|_| journal.recv(&mut bytes).unwrap()).all(|length| length != 0)
        });
        assert!(reading.join().unwrap());
        assert!(outlet.finish(LIMIT));
        drop(logs);
    }

    #[test]
    fn a_journal_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (outlet, _) = outlet();
        let error = Journal::at(&folder.path().join("socket"), &outlet).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
