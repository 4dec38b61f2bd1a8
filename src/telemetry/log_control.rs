//! What can be changed of the logs while they are written.

use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::TelemetryError;
use super::repeats::Repeats;
use crate::setting::is_log_filter;

/// The handle of the process' logs. Clones change the same ones.
#[derive(Clone, Debug)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
    text: Arc<Mutex<String>>,
    repeats: Repeats,
}

impl LogControl {
    pub(super) fn new(
        text: &str,
        filter: reload::Handle<EnvFilter, Registry>,
        repeats: Repeats,
    ) -> Self {
        Self { filter, text: Arc::new(Mutex::new(text.to_owned())), repeats }
    }

    /// What is logged: a level, or a list such as `info,enasd::actors=debug`.
    pub fn filter(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs by another filter from here on.
    pub fn set_filter(&self, text: &str) -> Result<(), TelemetryError> {
        let filter = parse(text)?;
        // Held until both are changed, so that what is said is what holds.
        let mut said = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter.reload(filter).map_err(|source| TelemetryError::LogsGone { source })?;
        text.clone_into(&mut said);
        Ok(())
    }

    /// Says how often lines were repeated that were kept back. To be called every few seconds.
    pub fn tell_repeats(&self) {
        self.repeats.tell();
    }

    /// Says it of those too that might have gone on. To be called at the end.
    pub fn tell_last_repeats(&self) {
        self.repeats.tell_last();
    }
}

/// The filter that `text` spells.
pub(super) fn parse(text: &str) -> Result<EnvFilter, TelemetryError> {
    let refused = || TelemetryError::Filter { filter: text.to_owned() };
    let right = Some(text).filter(|text| is_log_filter(text)).ok_or_else(refused)?;
    EnvFilter::try_new(with_quiet_libraries(right)).map_err(|_| refused())
}

/// The same filter with its levels that name no module being those of enasd: of a library that is
/// not named, warnings and errors are heard, and not what it says of itself.
fn with_quiet_libraries(text: &str) -> String {
    let quiet = |part: &str| match part.parse::<LevelFilter>() {
        Ok(level) if LevelFilter::WARN < level => format!("warn,enasd={level}"),
        _ => part.to_owned(),
    };
    // The library takes no blanks around what it reads.
    text.split(',').map(str::trim).map(quiet).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = " {0,3}([A-Za-z0-9_:]{1,4}=)?(off|error|warn|info|debug|trace) {0,3}";

    proptest! {
        /// What the API's document calls a filter (the pattern of `LogLevel`) is one for the
        /// library too. `0=off     ,  debug` once was not.
        #[test]
        fn every_filter_of_the_rule_is_one_of_the_library(
            text in format!("{ONE}(,{ONE}){{0,3}}").as_str(),
        ) {
            prop_assert!(is_log_filter(&text) && parse(&text).is_ok());
        }
    }
}
