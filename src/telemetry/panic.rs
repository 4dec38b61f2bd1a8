//! What a panic does: it is logged, and it ends the process.
//!
//! actix swallows the panic of a handler: the actor is gone and the daemon looks alive. So the
//! first panic of any thread ends the process, and the service manager starts it again from the
//! last checkpoint.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// The exit code after a panic: `EX_SOFTWARE` of `sysexits.h`.
pub const PANIC_EXIT_CODE: i32 = 70;

/// From here on a panic of any thread is logged with its thread and place, and then ends the
/// process with [`PANIC_EXIT_CODE`]. For the binary only: a test that panics must fail alone.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        log(panic);
        std::process::exit(PANIC_EXIT_CODE);
    }));
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("a payload that is no text");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tracing::error!(thread, place, panic = message, %trace, "panic: the process ends");
    } else {
        tracing::error!(thread, place, panic = message, "panic: the process ends");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Output, Progress, start_logs};
    use std::process::Command;

    const CHILD: &str = "ENASD_TEST_PANIC_CHILD";

    /// Runs this test again in a process of its own, for a panic hook belongs to a whole process.
    #[test]
    fn a_panic_of_any_thread_is_logged_and_ends_the_process_with_70() {
        if std::env::var_os(CHILD).is_some() {
            start_logs("info", Output::Stream, &Progress::new(Output::Stream)).unwrap();
            install_panic_hook();
            let doomed = std::thread::Builder::new().name("doomed".to_owned());
            let _ = doomed.spawn(|| panic!("the {} is gone", "weight")).unwrap().join();
            unreachable!("the hook ended the process");
        }
        let name =
            "telemetry::panic::tests::a_panic_of_any_thread_is_logged_and_ends_the_process_with_70";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let logged = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(PANIC_EXIT_CODE), "{logged}");
        let line = logged.lines().find(|line| line.contains("panic: the process ends")).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["thread"], "doomed");
        assert_eq!(line["panic"], "the weight is gone");
        assert!(line["place"].as_str().unwrap().starts_with("src/telemetry/panic.rs:"), "{line}");
    }
}
