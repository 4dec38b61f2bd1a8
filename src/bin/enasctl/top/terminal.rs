//! The terminal while it is drawn on.

use std::io;
use std::mem::ManuallyDrop;
use std::panic;

use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;

/// The terminal, given back as it was when this goes, and also by a panic: [`ratatui::try_init`]
/// sees to that, but for the cursor.
///
/// The terminal itself is never dropped: it would say on standard error that the cursor cannot be
/// shown, and panic where that is the terminal that is gone.
pub(crate) struct Restored(pub(crate) ManuallyDrop<DefaultTerminal>);

impl Restored {
    /// Takes the terminal.
    pub(crate) fn new() -> io::Result<Self> {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            drop(execute!(io::stdout(), Show));
            report(info);
        }));
        let terminal = ratatui::try_init();
        if terminal.is_err() {
            // It may have come half the way.
            drop(ratatui::try_restore());
        }
        terminal.map(ManuallyDrop::new).map(Self)
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to give back.
        drop(self.0.show_cursor());
        drop(ratatui::try_restore());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;
    use std::process::Command;

    /// Set in the process that is to panic.
    const VARIABLE: &str = "ENASCTL_TEST_PANICS";

    /// The release build aborts by a panic, so nothing may depend on what is dropped.
    #[test]
    fn a_panic_gives_the_terminal_back() {
        if env::var_os(VARIABLE).is_some() {
            let _held = ManuallyDrop::new(Restored::new().unwrap());
            panic!("on purpose");
        }
        // `script` runs a command on a terminal of its own.
        let name = "top::terminal::tests::a_panic_gives_the_terminal_back";
        let test = env::current_exe().unwrap();
        let command = format!("'{}' --exact {name} --nocapture; stty -a", test.display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        let output = script.env(VARIABLE, "1").env("RUST_BACKTRACE", "0").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text:?}"));
        let (taken, left) = (place("\u{1b}[?1049h"), place("\u{1b}[?1049l"));
        let (shown, told) = (place("\u{1b}[?25h"), place("on purpose"));
        assert!(taken < left && left < told && shown < told, "{text:?}");
        assert!(text.contains(" icanon") && text.contains(" echo "), "{text:?}");
    }
}
