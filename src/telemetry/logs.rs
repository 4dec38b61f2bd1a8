//! Logs: fields in the journal where stderr is the journal, else lines for a person on a terminal
//! and JSON objects for a program, unless the configuration says which.

use tracing::Dispatch;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::journal::Journal;
use super::log_control::{self, LogControl};
use super::repeats::Repeats;
use super::{LogFormat, Outlet, Output, TelemetryError};

/// Starts the logs of the whole process. `filter` is a level or a list such as
/// `info,enasd::actors=debug`; lines go by `outlet`.
pub fn start_logs(
    filter: &str,
    output: Output,
    outlet: &Outlet,
) -> Result<LogControl, TelemetryError> {
    let (writer, complaint) = match output.format {
        LogFormat::Journal => match Journal::new(outlet) {
            Ok(journal) => (Box::new(journal) as Writer, None),
            Err(error) => {
                let format = if output.is_terminal { LogFormat::Text } else { LogFormat::Json };
                (lines(Output { format, ..output }, outlet), Some(error))
            }
        },
        LogFormat::Auto | LogFormat::Text | LogFormat::Json => (lines(output, outlet), None),
    };
    let (dispatch, control) = with(filter, writer)?;
    dispatch.try_init().map_err(|source| TelemetryError::LogsTwice { source })?;
    if let Some(error) = complaint {
        tracing::warn!("the journal does not answer: logs go to standard error: {error}");
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

/// Lines of text or JSON.
fn lines(output: Output, outlet: &Outlet) -> Writer {
    // Without this, a line that cannot be written is reported on stderr, which then panics.
    let lines = fmt::layer().log_internal_errors(false).with_writer(outlet.clone());
    match output.format {
        LogFormat::Text if output.is_terminal => Box::new(lines.with_target(false)),
        LogFormat::Text => Box::new(lines.with_target(false).with_ansi(false)),
        LogFormat::Auto | LogFormat::Json | LogFormat::Journal => {
            Box::new(lines.json().flatten_event(true).with_span_list(false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::outlet::tests::outlet;
    use std::io::Read;
    use std::time::Duration;

    const JSON: Output = Output { format: LogFormat::Json, is_terminal: false };

    fn logged(filter: &str, output: Output, tell: impl FnOnce(&LogControl)) -> String {
        let (outlet, mut reader) = outlet();
        let (logs, control) = with(filter, lines(output, &outlet)).unwrap();
        tracing::dispatcher::with_default(&logs, || tell(&control));
        assert!(outlet.finish(Duration::from_mins(1)));
        drop((logs, outlet));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_program_reads_one_json_object_a_line() {
        let text = logged("info", JSON, |_| {
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
        for is_terminal in [true, false] {
            let output = Output { format: LogFormat::Text, is_terminal };
            let text = logged("info", output, |_| tracing::info!("loaded"));
            assert!(text.contains("INFO") && text.trim_end().ends_with("loaded"), "{text}");
            assert_eq!(text.contains('\x1b'), is_terminal, "{text:?}");
        }
    }

    #[test]
    fn the_filter_decides_by_module_and_level() {
        let tell = |_: &LogControl| {
            tracing::debug!("quiet");
            tracing::debug!(target: "enasd::actors", "loud");
        };
        let text = logged("info,enasd::actors=debug", JSON, tell);
        assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
    }

    #[test]
    fn a_level_alone_is_that_of_enasd_and_libraries_only_warn() {
        let tell = |_: &LogControl| {
            tracing::info!("own");
            tracing::info!(target: "actix_server::builder", "chatter");
            tracing::warn!(target: "actix_server::accept", "trouble");
        };
        let text = logged("info", JSON, tell);
        assert!(text.contains("own") && text.contains("trouble"), "{text}");
        assert!(!text.contains("chatter"), "{text}");
        let text = logged("info,actix_server=info", JSON, tell);
        assert!(text.contains("chatter"), "{text}");
        let text = logged("error", JSON, tell);
        assert_eq!(text, "");
    }

    #[test]
    fn a_filter_that_does_not_parse_is_refused_with_the_way_to_write_it() {
        let error = log_control::parse("enasd=loudest").unwrap_err().to_string();
        assert!(
            error.contains("`enasd=loudest`")
                && error.contains("debug`")
                && log_control::parse("inf0").is_err(),
            "{error}"
        );
    }

    #[test]
    fn the_filter_changes_while_logs_are_written_and_a_wrong_one_changes_nothing() {
        let text = logged("info", JSON, |control| {
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
        let text = logged("debug", JSON, |_| {
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
        let text = logged("warn", JSON, |_| {
            let span = tracing::error_span!("search", phase = "shared", cycle = 2_u64);
            span.in_scope(|| tracing::warn!("here"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["span"]["phase"], &line["span"]["cycle"]), (&"shared".into(), &2.into()));
    }
}
