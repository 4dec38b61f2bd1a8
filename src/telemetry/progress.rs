//! Progress on a terminal: what the search does, how far it is, how well, and for how long yet.
//!
//! ```text
//! cycle 3 · epoch 12 (2/5) · shared ━━━━━━━━━━━━━━━━━────────── 63/100
//! reward 0.712 · baseline 0.698 · random 0.661 · entropy 21.4 nats · 3m left in the cycle
//! ```
//!
//! It is drawn in memory: what to write is asked for, so that no terminal can fail or block here.

use std::fmt::Arguments;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// Drawings a second; the steps of a small search are shorter.
const DRAWINGS: u8 = 20;

const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len}\n{msg}";

/// What the bar and the line below it show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What is done: the name of the phase, and where it is not steps, what is counted.
    pub doing: String,
    /// The cycle under way, counted from 1; 0 before the search.
    pub cycle: u64,
    /// The epoch under way, counted from the start of the search, and which of its cycle it is.
    pub epoch: String,
    /// The step under way of the phase, counted from 1.
    pub step: u64,
    /// Steps of the phase.
    pub steps: u64,
    /// Mean reward of the policy's last architectures.
    pub reward: Option<f64>,
    /// The moving average of rewards.
    pub baseline: Option<f64>,
    /// Mean reward of the last random architectures.
    pub random_reward: Option<f64>,
    /// Entropy of the policy over all decisions of an architecture.
    pub entropy_nats: Option<f64>,
    /// Expected time to the end of the cycle, once it can be told.
    pub left: Option<Duration>,
}

impl View {
    /// The data are read, and so many `images` are there.
    pub fn reading(images: u64) -> Self {
        Self { doing: format!("reading the data: {images} images"), ..Self::default() }
    }

    fn head(&self) -> String {
        let Self { doing, cycle, epoch, .. } = self;
        if *cycle == 0 {
            return doing.clone();
        }
        format!("cycle {cycle} · epoch {epoch} · {doing}")
    }

    /// What has been measured; the line grows with the first steps.
    fn line(&self) -> String {
        let number = |name: &str, value: Option<f64>| Some(format!("{name} {:.3}", value?));
        let entropy = self.entropy_nats.map(|nats| format!("entropy {nats:.1} nats"));
        let left = self.left.map(|time| format!("{:#} left in the cycle", HumanDuration(time)));
        let parts = [
            number("reward", self.reward),
            number("baseline", self.baseline),
            number("random", self.random_reward),
            entropy,
            left,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

/// The bar, and the text that draws it.
#[derive(Debug)]
pub(super) struct Progress {
    sheet: Sheet,
    bar: ProgressBar,
}

impl Progress {
    /// A bar for a terminal that has so many `columns` at the time.
    pub(super) fn new(columns: fn() -> u16) -> Self {
        let sheet = Sheet { columns, text: Arc::default() };
        let style = ProgressStyle::with_template(TEMPLATE)
            .expect("a test shows that the template parses")
            .progress_chars("━╸─");
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(sheet.clone()), DRAWINGS);
        Self { sheet, bar: ProgressBar::with_draw_target(Some(0), target).with_style(style) }
    }

    /// Draws the bar anew.
    pub(super) fn show(&self, view: &View) {
        self.bar.set_prefix(view.head());
        self.bar.set_message(view.line());
        // In this order, so that the bar of a shorter phase never stands beyond its end.
        self.bar.set_position(view.step);
        self.bar.set_length(view.steps);
    }

    /// Takes the bar off the screen, for good.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// A line above the bar, with all that was drawn before.
    pub(super) fn above(&self, line: &[u8]) -> Vec<u8> {
        self.bar.suspend(|| self.sheet.text().extend_from_slice(line));
        self.take()
    }

    /// What has to be written for what was done since the last time.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.sheet.text())
    }
}

/// A terminal in memory: the codes that it is given are kept. Clones are the same one.
#[derive(Clone, Debug)]
struct Sheet {
    columns: fn() -> u16,
    text: Arc<Mutex<Vec<u8>>>,
}

impl Sheet {
    fn text(&self) -> MutexGuard<'_, Vec<u8>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, text: Arguments<'_>) -> io::Result<()> {
        io::Write::write_fmt(&mut *self.text(), text)
    }

    /// Moves the cursor; a terminal would take 0 places for one.
    fn go(&self, places: usize, direction: char) -> io::Result<()> {
        if places == 0 { Ok(()) } else { self.push(format_args!("\x1b[{places}{direction}")) }
    }
}

impl TermLike for Sheet {
    fn width(&self) -> u16 {
        (self.columns)()
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.go(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.go(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.go(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.go(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.push(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.push(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push(format_args!("\r\x1b[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEARED: &str = "\x1b[2K";

    fn progress() -> Progress {
        Progress::new(|| 120)
    }

    fn drawn(progress: &Progress) -> String {
        String::from_utf8(progress.take()).unwrap()
    }

    fn view() -> View {
        View {
            doing: "shared".to_owned(),
            cycle: 3,
            epoch: "12 (2/5)".to_owned(),
            step: 63,
            steps: 100,
            reward: Some(0.7124),
            baseline: Some(0.698),
            random_reward: Some(0.661),
            entropy_nats: Some(21.44),
            left: Some(Duration::from_mins(3)),
        }
    }

    #[test]
    fn the_line_shows_what_has_been_measured() {
        let whole = "reward 0.712 · baseline 0.698 · random 0.661 · entropy 21.4 nats · 3m left in the cycle";
        assert_eq!(view().line(), whole);
        assert_eq!(View::default().line(), "");
        assert_eq!(View::reading(512).head(), "reading the data: 512 images");
        let early = View { left: None, reward: None, baseline: None, ..view() };
        assert_eq!(early.line(), "random 0.661 · entropy 21.4 nats");
    }

    #[test]
    fn a_terminal_shows_the_bar() {
        let progress = progress();
        progress.show(&view());
        let drawn = drawn(&progress);
        assert!(drawn.contains("cycle 3 · epoch 12 (2/5) · shared"), "{drawn}");
        assert!(drawn.contains("63/100") && drawn.contains("reward 0.712"), "{drawn}");
    }

    #[test]
    fn a_log_line_is_written_while_the_bar_is_away() {
        let progress = progress();
        progress.show(&view());
        progress.take();
        let drawn = String::from_utf8(progress.above(b"the log line\n")).unwrap();
        let (before, after) = drawn.split_once("the log line\n").unwrap();
        assert!(before.contains(CLEARED) && !before.contains("63/100"), "{drawn:?}");
        assert!(after.contains("63/100"), "{drawn:?}");
    }

    #[test]
    fn a_finished_bar_leaves_the_screen_and_stays_away() {
        let progress = progress();
        progress.show(&view());
        progress.finish();
        progress.take();
        assert_eq!(progress.above(b"the log line\n"), b"the log line\n");
    }
}
