//! Logs: fields in the journal where stderr is the journal, else lines for a person on a terminal
//! and JSON objects for a program.

use std::io::{self, Write};

use tracing::Dispatch;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::log_control::{self, LogControl};
use super::progress::Progress;
use super::repeats::Repeats;
use super::{Output, TelemetryError};

/// Starts the logs of the whole process. `filter` is a level or a list such as
/// `info,enasd::actors=debug`; `progress` owns the bar that log lines must not garble.
pub fn start_logs(
    filter: &str,
    output: Output,
    progress: &Progress,
) -> Result<LogControl, TelemetryError> {
    let stderr = AroundBar { progress: progress.clone(), to: io::stderr };
    let (dispatch, control, complaint) = match output {
        Output::Journal => match journal() {
            Ok(journal) => with(filter, journal).map(|(logs, control)| (logs, control, None)),
            Err(error) => with(filter, lines(Output::Stream, stderr))
                .map(|(logs, control)| (logs, control, Some(error))),
        },
        output => with(filter, lines(output, stderr)).map(|(logs, control)| (logs, control, None)),
    }?;
    dispatch.try_init().map_err(|source| TelemetryError::LogsTwice { source })?;
    if let Some(error) = complaint {
        tracing::warn!("the journal does not answer: logs go to stderr as JSON: {error}");
    }
    Ok(control)
}

/// What writes events somewhere.
type Writer = Box<dyn Layer<Layered<Repeats, Filtered>> + Send + Sync>;

/// The registry with the filter that can be changed.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;

/// What passes the filter and does not repeat goes to `writer`.
fn with(filter: &str, writer: Writer) -> Result<(Dispatch, LogControl), TelemetryError> {
    let repeats = Repeats::default();
    let (layer, handle) = reload::Layer::new(log_control::parse(filter)?);
    let control = LogControl::new(filter, handle, repeats.clone());
    Ok((tracing_subscriber::registry().with(layer).with(repeats).with(writer).into(), control))
}

/// Fields of their own in the journal: `ENASD_PHASE=shared` for `phase`.
fn journal() -> io::Result<Writer> {
    let journal = tracing_journald::layer()?
        .with_field_prefix(Some("ENASD".to_owned()))
        .with_syslog_identifier("enasd".to_owned())
        .with_priority_mappings(PriorityMappings {
            info: Priority::Informational,
            debug: Priority::Debug,
            ..PriorityMappings::new()
        });
    Ok(Box::new(journal))
}

/// Lines of text or JSON.
fn lines<W>(output: Output, writer: W) -> Writer
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Without this, a line that stderr does not take is reported on stderr, which then panics.
    let lines = fmt::layer().log_internal_errors(false).with_writer(writer);
    match output {
        Output::Terminal => Box::new(lines.with_target(false)),
        Output::Stream | Output::Journal => {
            Box::new(lines.json().flatten_event(true).with_span_list(false))
        }
    }
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

    fn logged(filter: &str, output: Output, tell: impl FnOnce(&LogControl)) -> String {
        let sheet = Sheet::default();
        let copy = sheet.clone();
        let writer = AroundBar { progress: Progress::new(output), to: move || copy.clone() };
        let (logs, control) = with(filter, lines(output, writer)).unwrap();
        tracing::dispatcher::with_default(&logs, || tell(&control));
        String::from_utf8(sheet.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_program_reads_one_json_object_a_line() {
        let text = logged("info", Output::Stream, |_| {
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
        let text = logged("info", Output::Terminal, |_| tracing::info!("loaded"));
        assert!(text.contains("INFO") && text.trim_end().ends_with("loaded"), "{text}");
    }

    #[test]
    fn the_filter_decides_by_module_and_level() {
        let tell = |_: &LogControl| {
            tracing::debug!("quiet");
            tracing::debug!(target: "enasd::actors", "loud");
        };
        let text = logged("info,enasd::actors=debug", Output::Stream, tell);
        assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
    }

    #[test]
    fn a_level_alone_is_that_of_enasd_and_libraries_only_warn() {
        let tell = |_: &LogControl| {
            tracing::info!("own");
            tracing::info!(target: "actix_server::builder", "chatter");
            tracing::warn!(target: "actix_server::accept", "trouble");
        };
        let text = logged("info", Output::Stream, tell);
        assert!(text.contains("own") && text.contains("trouble"), "{text}");
        assert!(!text.contains("chatter"), "{text}");
        let text = logged("info,actix_server=info", Output::Stream, tell);
        assert!(text.contains("chatter"), "{text}");
        let text = logged("error", Output::Stream, tell);
        assert_eq!(text, "");
    }

    #[test]
    fn a_filter_that_does_not_parse_is_refused_with_the_way_to_write_it() {
        let error = log_control::parse("enasd=loudest").unwrap_err().to_string();
        assert!(error.contains("`enasd=loudest`") && error.contains("debug`"), "{error}");
    }

    #[test]
    fn the_filter_changes_while_logs_are_written_and_a_wrong_one_changes_nothing() {
        let text = logged("info", Output::Stream, |control| {
            tracing::debug!("before");
            control.set_filter("debug").unwrap();
            tracing::debug!("between");
            let error = control.set_filter("x=loudest").unwrap_err().to_string();
            assert!(error.contains("`x=loudest`"), "{error}");
            assert_eq!(control.filter(), "debug");
            tracing::debug!("still");
            control.set_filter("warn").unwrap();
            tracing::info!("after");
        });
        let found = |word: &str| text.contains(word);
        assert_eq!(["before", "between", "still", "after"].map(found), [false, true, true, false]);
    }

    #[test]
    fn lines_that_repeat_are_kept_back_and_others_are_not() {
        let text = logged("debug", Output::Stream, |_| {
            for step in 0..100 {
                tracing::warn!(step, "the disk is full");
                tracing::debug!(step, "wanted");
                tracing::info!("number {step}");
            }
        });
        let count = |word: &str| text.matches(word).count();
        assert_eq!((count("the disk is full"), count("wanted"), count("number")), (10, 100, 100));
    }

    #[test]
    fn a_line_carries_the_fields_of_its_span() {
        let text = logged("warn", Output::Stream, |_| {
            let span = tracing::error_span!("search", phase = "shared", cycle = 2_u64);
            span.in_scope(|| tracing::warn!("here"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["span"]["phase"], &line["span"]["cycle"]), (&"shared".into(), &2.into()));
    }
}
