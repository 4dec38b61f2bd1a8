//! Logs on stderr: lines for a person on a terminal, JSON objects for a program.

use std::io::{self, Write};

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use super::progress::Progress;
use super::{Output, TelemetryError};

/// Starts the logs of the whole process. `filter` is a level or a list such as
/// `info,enasd::actors=debug`; `progress` owns the bar that log lines must not garble.
pub fn start_logs(filter: &str, output: Output, progress: &Progress) -> Result<(), TelemetryError> {
    let stderr = AroundBar { progress: progress.clone(), to: io::stderr };
    dispatch(filter, output, stderr)?
        .try_init()
        .map_err(|source| TelemetryError::LogsTwice { source })
}

fn dispatch<W>(filter: &str, output: Output, writer: W) -> Result<Dispatch, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    // Without this, a line that stderr does not take is reported on stderr, which then panics.
    let logs = tracing_subscriber::fmt().log_internal_errors(false);
    let logs = logs.with_env_filter(filter).with_writer(writer);
    Ok(match output {
        Output::Terminal => logs.with_target(false).into(),
        Output::Stream => logs.json().flatten_event(true).with_span_list(false).into(),
    })
}

/// Writes to `to` with the progress bar taken off the screen for that long.
struct AroundBar<F> {
    progress: Progress,
    to: F,
}

impl<'a, F, W> MakeWriter<'a> for AroundBar<F>
where
    F: Fn() -> W + 'a,
    W: Write,
{
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { progress: &self.progress, to: (self.to)() }
    }
}

/// The writer of one log line; the subscriber hands it over in one piece.
struct Line<'a, W> {
    progress: &'a Progress,
    to: W,
}

impl<W: Write> Write for Line<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { progress, to } = self;
        progress.suspend(|| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl Write for Sheet {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, output: Output, tell: impl FnOnce()) -> String {
        let sheet = Sheet::default();
        let copy = sheet.clone();
        let writer = AroundBar { progress: Progress::new(output), to: move || copy.clone() };
        tracing::dispatcher::with_default(&dispatch(filter, output, writer).unwrap(), tell);
        String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_program_reads_one_json_object_a_line() {
        let text = logged("info", Output::Stream, || {
            tracing::info!(step = 7, "first\nline");
            tracing::warn!(loss = 0.5, "second");
        });
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "first\nline");
        assert_eq!(lines[0]["step"], 7);
        assert_eq!(lines[0]["target"], "enasd::telemetry::logs::tests");
        assert_eq!(lines[1]["level"], "WARN");
    }

    #[test]
    fn a_person_reads_a_line() {
        let text = logged("info", Output::Terminal, || tracing::info!("loaded"));
        assert!(text.contains("INFO") && text.trim_end().ends_with("loaded"), "{text}");
    }

    #[test]
    fn the_filter_decides_by_module_and_level() {
        let tell = || {
            tracing::debug!("quiet");
            tracing::debug!(target: "enasd::actors", "loud");
        };
        let text = logged("info,enasd::actors=debug", Output::Stream, tell);
        assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
    }

    #[test]
    fn a_filter_that_does_not_parse_is_refused_with_the_way_to_write_it() {
        let error = dispatch("enasd=loudest", Output::Stream, io::sink).unwrap_err().to_string();
        assert!(error.contains("`enasd=loudest`") && error.contains("debug`"), "{error}");
    }
}
