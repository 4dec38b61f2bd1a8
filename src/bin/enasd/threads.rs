//! How many threads compute.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread::available_parallelism;

use enasd::daemon::DaemonError;
use enasd::engine::ExecutorChoice;

/// candle asks for the number of its threads at every matrix product: from this variable, or
/// else by reading all of `/proc/cpuinfo`.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// How many threads compute. Starts the same program over, in the same process, where the variable
/// does not say so: a program must not change its environment once it may have threads.
pub(crate) fn with_threads(executor: ExecutorChoice, wanted: usize) -> Result<usize, DaemonError> {
    let threads = executor.threads(wanted, available_parallelism().map_or(1, usize::from));
    let wanted = threads.to_string();
    if std::env::var(THREADS_VARIABLE).is_ok_and(|set| set == wanted) {
        return Ok(threads);
    }
    let failed = |error: std::io::Error| DaemonError::System {
        action: "start over with the number of threads set",
        why: error.to_string(),
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(THREADS_VARIABLE, wanted);
    Err(failed(command.exec()))
}
