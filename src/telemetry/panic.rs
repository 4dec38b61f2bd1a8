//! What a panic does: it is logged, and it ends the process.
//!
//! actix swallows the panic of a handler: the actor is gone and the daemon looks alive. So the
//! first panic of any thread ends the process, and the service manager starts it again from the
//! last checkpoint.
//!
//! Whatever lock the panicking thread holds, it holds on: another thread does the logging, and is
//! waited for only so long.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing::Span;

use super::{LAST_WORDS, Outlet};

/// The exit code after a panic: `EX_SOFTWARE` of `sysexits.h`.
pub const PANIC_EXIT_CODE: i32 = 70;

/// How long the log may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// From here on a panic of any thread is logged with its thread and place, and then ends the
/// process with [`PANIC_EXIT_CODE`]. For the binary only: a test that panics must fail alone.
pub fn install_panic_hook(outlet: Outlet) {
    std::panic::set_hook(Box::new(move |panic| {
        let report = Report::of(panic);
        // What the thread was doing belongs to the line, unless that is what it holds locked.
        if !report.logged(&Span::current()) && !report.logged(&Span::none()) {
            outlet.line(report.plain().as_bytes());
        }
        outlet.finish(LAST_WORDS);
        std::process::exit(PANIC_EXIT_CODE);
    }));
}

/// What is known of a panic.
#[derive(Clone)]
struct Report {
    thread: String,
    place: String,
    panic: String,
    trace: Option<String>,
}

impl Report {
    fn of(panic: &PanicHookInfo<'_>) -> Self {
        let trace = Backtrace::capture();
        let is_captured = trace.status() == BacktraceStatus::Captured;
        Self {
            thread: thread::current().name().unwrap_or("a thread without a name").to_owned(),
            place: panic.location().map(ToString::to_string).unwrap_or_default(),
            panic: panic.payload_as_str().unwrap_or("a payload that is no text").to_owned(),
            trace: is_captured.then(|| trace.to_string()),
        }
    }

    /// Whether another thread could log it in time, as said in `span`.
    fn logged(&self, span: &Span) -> bool {
        let (report, span) = (self.clone(), span.clone());
        let (done, is_done) = mpsc::channel();
        let teller = thread::Builder::new().name("panic".to_owned()).spawn(move || {
            span.in_scope(|| report.log());
            // Nobody may wait any more.
            let _ = done.send(());
        });
        teller.is_ok() && is_done.recv_timeout(PATIENCE).is_ok()
    }

    fn log(self) {
        let Self { thread, place, panic, trace } = self;
        tracing::error!(thread, place, panic, trace, "panic: the process ends");
    }

    fn plain(&self) -> String {
        let Self { thread, place, panic, .. } = self;
        format!("enasd: panic: the process ends: `{panic}` in {thread} at {place}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{LogFormat, Output, start_logs};
    use std::fmt;
    use std::process::Command;

    const CHILD: &str = "ENASD_TEST_PANIC_CHILD";

    /// Panics when it is shown, which is while it is logged.
    struct Bomb;

    impl fmt::Display for Bomb {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("the bomb is shown")
        }
    }

    /// Runs this test again in a process of its own, for a panic hook belongs to a whole process.
    /// There a thread does what `doomed` says, and its panic is logged as `panic`.
    #[track_caller]
    fn check(test: &str, doomed: fn(), panic: &str) {
        if std::env::var_os(CHILD).is_some() {
            let outlet = Outlet::stderr().unwrap();
            start_logs("info", Output::of_stderr(LogFormat::Json), &outlet).unwrap();
            install_panic_hook(outlet);
            let thread = thread::Builder::new().name("doomed".to_owned());
            let _ = thread.spawn(doomed).unwrap().join();
            unreachable!("the hook ended the process");
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("telemetry::panic::tests::{test}"), "--nocapture"])
            .env(CHILD, "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let logged = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(PANIC_EXIT_CODE), "{logged}");
        let line = logged.lines().find(|line| line.contains("panic: the process ends"));
        let line = line.unwrap_or_else(|| panic!("not logged: {logged}"));
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["thread"], "doomed");
        assert_eq!(line["panic"], panic);
        assert!(line["place"].as_str().unwrap().starts_with("src/telemetry/panic.rs:"), "{line}");
    }

    #[test]
    fn a_panic_of_any_thread_is_logged_and_ends_the_process_with_70() {
        check(
            "a_panic_of_any_thread_is_logged_and_ends_the_process_with_70",
            || panic!("the {} is gone", "weight"),
            "the weight is gone",
        );
    }

    #[test]
    fn a_panic_while_a_line_is_logged_is_logged() {
        check(
            "a_panic_while_a_line_is_logged_is_logged",
            || tracing::info!("{Bomb}"),
            "the bomb is shown",
        );
    }

    /// The fields of a span are written while its lock is held.
    #[test]
    fn a_panic_under_a_lock_of_the_logs_is_logged() {
        check(
            "a_panic_under_a_lock_of_the_logs_is_logged",
            || {
                let span = tracing::info_span!("search", phase = tracing::field::Empty);
                let _inside = span.enter();
                span.record("phase", tracing::field::display(Bomb));
            },
            "the bomb is shown",
        );
    }
}
