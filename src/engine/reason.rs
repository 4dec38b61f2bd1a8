//! What candle's errors say, in one line.

use candle_core::Error;

/// What helps against a device that is full.
const MEMORY_CURE: &str = "the device has too little memory: end what else uses it (`nvidia-smi` \
     lists it), or start another search with a smaller `schedule.batch_size` or `net.channels`";

/// What went wrong, without the backtrace that candle's text may go on with.
pub(crate) fn reason(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    if line.contains("OUT_OF_MEMORY") { format!("{line}; {MEMORY_CURE}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    fn traced(text: &str) -> Error {
        let backtrace = Box::new(Backtrace::force_capture());
        Error::WithBacktrace { inner: Box::new(Error::Msg(text.to_owned())), backtrace }
    }

    #[test]
    fn an_error_is_one_line_and_a_full_device_has_a_cure() {
        let error = traced("no such shape");
        assert!(error.to_string().lines().count() > 1, "{error}");
        assert_eq!(reason(&error), "no such shape");
        let full = traced("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        let text = reason(&full);
        assert!(text.contains("`schedule.batch_size`") && !text.contains('\n'), "{text}");
    }
}
