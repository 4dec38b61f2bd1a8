//! What is logged, as a text: a level, or a list such as `info,enasd::actors=debug`.
//!
//! Stricter than the log library, for which a misspelled level is the name of a module. One rule
//! for the configuration and for whoever changes the filter while it runs.

/// The log levels, and `off`.
pub const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether `text` is a level or `module=level`, or several of them separated by commas.
pub fn is_log_filter(text: &str) -> bool {
    text.split(',').all(|directive| match directive.trim().split_once('=') {
        None => LOG_LEVELS.contains(&directive.trim()),
        Some((module, level)) => {
            let is_named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
            !module.is_empty() && module.chars().all(is_named) && LOG_LEVELS.contains(&level)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_real_levels() {
        for right in ["info", "warn,enasd::search=debug", "off, actix=error"] {
            assert!(is_log_filter(right), "{right}");
        }
        for wrong in ["", "inf0", "info,", "=info", "enasd=loud", "INFO", "enasd[span]=info"] {
            assert!(!is_log_filter(wrong), "{wrong}");
        }
    }
}
