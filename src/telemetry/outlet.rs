//! The way to standard error and to the journal: a thread of its own writes, behind a bounded queue.
//!
//! ```text
//! any thread ──line──► queue ──► the writing thread ──► terminal, pipe, file or journal
//!                        └─ full, or nobody takes it: dropped and counted
//! ```
//!
//! A terminal that nobody reads (Ctrl-S, a stalled link) blocks whoever writes to it, as a journal
//! that hangs does, and one that is gone fails. Here that happens to one thread that does nothing
//! else.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::tcgetwinsize;
use tracing_subscriber::fmt::MakeWriter;

use super::View;
use super::journal_socket::JournalSocket;
use super::progress::Progress;

/// Pieces that wait to be written: some minutes of a log at `info`, in some hundred kilobytes.
const CAPACITY: usize = 1024;

/// How long the end of the process waits for whoever reads what it said last.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// Columns of a terminal that does not say how many it has.
const COLUMNS: u16 = 80;

/// Takes lines and pictures for standard error, entries for the journal, and never blocks. Clones feed the same thread.
#[derive(Clone, Debug)]
pub struct Outlet {
    queue: Sender<Piece>,
    losses: Arc<Losses>,
}

/// What is to be written.
#[derive(Debug)]
enum Piece {
    /// A line as it is, with its end.
    Line(Vec<u8>),
    /// An entry of the journal.
    Entry(Vec<u8>, Arc<JournalSocket>),
    /// The progress, below all lines.
    View(View),
    /// No more progress.
    Finish,
    /// Nothing: the sender goes once all before it is written.
    Mark { _sender: Sender<()> },
}

/// Lines that did not arrive.
#[derive(Debug, Default)]
struct Losses {
    /// All of them.
    total: AtomicU64,
    /// Those that a line in the log tells of.
    told: AtomicU64,
}

impl Outlet {
    /// Starts the thread that writes to this process' standard error.
    pub fn stderr() -> io::Result<Self> {
        // A copy of its own: who holds the lock of `io::stderr` while it blocks, blocks others.
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        Self::to(Patient(stderr))
    }

    fn to(file: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, pieces) = bounded(CAPACITY);
        let losses = Arc::<Losses>::default();
        let scribe = Scribe { file, progress: None, failed: false, losses: Arc::clone(&losses) };
        thread::Builder::new().name("outlet".to_owned()).spawn(move || scribe.serve(&pieces))?;
        Ok(Self { queue, losses })
    }

    /// Has a line written, or counts it where there is no room. It comes with its end.
    pub fn line(&self, line: &[u8]) {
        self.put(Piece::Line(line.to_owned()));
    }

    /// Has an entry sent to the journal, or counts it where there is no room.
    pub(super) fn entry(&self, entry: Vec<u8>, journal: &Arc<JournalSocket>) {
        self.put(Piece::Entry(entry, Arc::clone(journal)));
    }

    fn put(&self, piece: Piece) {
        if self.queue.try_send(piece).is_err() {
            self.losses.total.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has the progress drawn below the lines. Where there is no room, the next one is drawn.
    pub fn show(&self, view: View) {
        drop(self.queue.try_send(Piece::View(view)));
    }

    /// Waits until everything handed over so far is written and the progress is off the screen, but
    /// no longer than `limit`; whether it is.
    pub fn finish(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (sender, written) = bounded(0);
        let mark = Piece::Mark { _sender: sender };
        let sent = self.queue.send_deadline(Piece::Finish, deadline).is_ok()
            && self.queue.send_deadline(mark, deadline).is_ok();
        sent && written.recv_deadline(deadline).is_err_and(|error| error.is_disconnected())
    }

    /// How many lines and entries did not arrive so far.
    pub fn dropped(&self) -> u64 {
        self.losses.total.load(Ordering::Relaxed)
    }
}

/// The writing thread.
struct Scribe<W> {
    file: W,
    /// What stands below the lines.
    progress: Option<Progress>,
    /// Whether writing failed once: from then on nothing is drawn.
    failed: bool,
    losses: Arc<Losses>,
}

impl<W: Write> Scribe<W> {
    fn serve(mut self, pieces: &Receiver<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Line(line) => {
                    let drawn = self.progress.as_ref().map(|progress| progress.above(&line));
                    let written = self.write(drawn.as_deref().unwrap_or(&line));
                    self.account(written, pieces);
                }
                Piece::Entry(entry, journal) => self.account(journal.send(&entry).is_ok(), pieces),
                Piece::View(view) if !self.failed => {
                    let progress = self.progress.get_or_insert_with(|| Progress::new(columns));
                    progress.show(&view);
                    let drawn = progress.take();
                    self.write(&drawn);
                }
                Piece::Finish => {
                    if let Some(progress) = self.progress.take() {
                        progress.finish();
                        self.write(&progress.take());
                    }
                }
                Piece::View(_) | Piece::Mark { .. } => {}
            }
        }
    }

    /// Counts a line that was not taken; tells of those that were not, once one is.
    fn account(&self, taken: bool, pieces: &Receiver<Piece>) {
        if !taken {
            self.losses.total.fetch_add(1, Ordering::Relaxed);
        } else if pieces.len() < CAPACITY / 2 {
            // There is room again for the line that tells of it.
            self.tell_losses();
        }
    }

    /// Whether it was written. A terminal that is gone and a pipe that nobody holds fail for good,
    /// a file on a full disk for a while: each line is tried.
    fn write(&mut self, bytes: &[u8]) -> bool {
        let written = self.file.write_all(bytes).is_ok();
        if !written {
            self.failed = true;
            self.progress = None;
        }
        written
    }

    fn tell_losses(&self) {
        let total = self.losses.total.load(Ordering::Relaxed);
        let lines = total - self.losses.told.swap(total, Ordering::Relaxed);
        if 0 < lines {
            tracing::warn!("{lines} lines of this log were dropped: nobody took them");
        }
    }
}

/// Columns of the terminal at standard error.
fn columns() -> u16 {
    let size = tcgetwinsize(io::stderr()).ok();
    size.map(|size| size.ws_col).filter(|&columns| 0 < columns).unwrap_or(COLUMNS)
}

/// A file that may have been made non-blocking by another program that shares it.
struct Patient(File);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a> MakeWriter<'a> for Outlet {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// The writer of one log line; the subscriber hands it over in one piece.
#[derive(Debug)]
pub struct Line<'a>(&'a Outlet);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.line(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, PipeReader, Read};

    /// Far longer than anything here takes.
    const LIMIT: Duration = Duration::from_mins(1);

    /// An outlet, and what is written to it.
    pub(in crate::telemetry) fn outlet() -> (Outlet, PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        (Outlet::to(writer).unwrap(), reader)
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let (outlet, reader) = outlet();
        outlet.line(b"first\n");
        outlet.line(b"second\n");
        assert!(outlet.finish(LIMIT));
        drop(outlet);
        let lines: Vec<_> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["first", "second"]);
    }

    #[test]
    fn a_pipe_that_nobody_reads_blocks_nobody_and_what_it_does_not_take_is_counted() {
        let (outlet, reader) = outlet();
        let mut sent = 0;
        while outlet.dropped() < 10 {
            assert!(sent < 100_000, "a pipe takes that much?");
            outlet.line(format!("{sent:0>200}\n").as_bytes());
            sent += 1;
        }
        assert!(!outlet.finish(Duration::from_millis(1)), "nobody has read");
        let reading = thread::spawn(move || BufReader::new(reader).lines().count() as u64);
        assert!(outlet.finish(LIMIT));
        let dropped = outlet.dropped();
        drop(outlet);
        assert_eq!(reading.join().unwrap(), sent - dropped);
    }

    #[test]
    fn the_progress_stands_below_the_lines_until_the_end() {
        let (outlet, mut reader) = outlet();
        outlet.line(b"before\n");
        outlet.show(View { doing: "shared".to_owned(), ..View::default() });
        outlet.line(b"above\n");
        assert!(outlet.finish(LIMIT));
        outlet.line(b"after\n");
        assert!(outlet.finish(LIMIT));
        drop(outlet);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let (drawn, rest) = text.strip_prefix("before\n").unwrap().split_once("above\n").unwrap();
        assert!(drawn.contains("shared") && rest.contains("shared"), "{text:?}");
        assert!(rest.ends_with("\x1b[2Kafter\n"), "{text:?}");
    }

    #[test]
    fn where_nobody_reads_any_more_every_line_is_counted_and_nothing_is_drawn() {
        let (outlet, reader) = outlet();
        drop(reader);
        for _ in 0..3 {
            outlet.line(b"lost\n");
            outlet.show(View::default());
        }
        assert!(outlet.finish(LIMIT));
        assert_eq!(outlet.dropped(), 3);
    }

    #[test]
    fn a_non_blocking_pipe_is_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut patient = Patient(File::from(std::os::fd::OwnedFd::from(writer)));
        let reading = thread::spawn(move || BufReader::new(reader).lines().count());
        let line = [vec![b'x'; 1 << 20], vec![b'\n']].concat();
        patient.write_all(&line).unwrap();
        drop(patient);
        assert_eq!(reading.join().unwrap(), 1);
    }
}
