//! Progress on a terminal: what the search does, how far it is, how well, and for how long yet.
//!
//! ```text
//! cycle 1 · epoch 2/5 · shared ━━━━━━━━━━━━━━━━━────────── 63/100
//! reward 0.712 · baseline 0.698 · random 0.661 · entropy 21.4 nats · 3m left in the cycle
//! ```
//!
//! Off a terminal nothing is drawn.

use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len}\n{msg}";

/// What the bar and the line below it show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What is done: the name of the phase, and where it is not steps, what is counted.
    pub doing: String,
    /// The cycle under way, counted from 1.
    pub cycle: u64,
    /// The epoch under way of the cycle, counted from 1.
    pub epoch: u64,
    /// Epochs of a cycle.
    pub epochs: u64,
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
    fn head(&self) -> String {
        let Self { doing, cycle, epoch, epochs, .. } = self;
        format!("cycle {cycle} · epoch {epoch}/{epochs} · {doing}")
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

/// The bar on a terminal's stderr. Clones draw the same one.
#[derive(Clone, Debug)]
pub struct Progress {
    screen: MultiProgress,
    bar: ProgressBar,
}

impl Progress {
    /// A bar on a terminal; for a program, one that draws nothing.
    pub fn new(output: Output) -> Self {
        Self::on(match output {
            Output::Terminal => ProgressDrawTarget::stderr(),
            Output::Stream | Output::Journal => ProgressDrawTarget::hidden(),
        })
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE)
            .expect("a test shows that the template parses")
            .progress_chars("━╸─");
        let screen = MultiProgress::with_draw_target(target);
        let bar = screen.add(ProgressBar::new(0).with_style(style));
        Self { screen, bar }
    }

    /// Draws the bar anew.
    pub fn show(&self, view: &View) {
        if self.screen.is_hidden() {
            return;
        }
        self.bar.set_prefix(view.head());
        self.bar.set_message(view.line());
        // In this order, so that the bar of a shorter phase never stands beyond its end.
        self.bar.set_position(view.step);
        self.bar.set_length(view.steps);
    }

    /// Takes the bar off the screen, for good.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Takes the bar off the screen while `write` writes to it.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.screen.suspend(write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A terminal of which only the text and the cleared lines are kept.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<Vec<String>>>);

    impl Screen {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }

        fn taken(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.note(text);
            Ok(())
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.note(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.note("<cleared>");
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn view() -> View {
        View {
            doing: "shared".to_owned(),
            cycle: 1,
            epoch: 2,
            epochs: 5,
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
        let early = View { left: None, reward: None, baseline: None, ..view() };
        assert_eq!(early.line(), "random 0.661 · entropy 21.4 nats");
    }

    #[test]
    fn a_terminal_shows_the_bar() {
        let screen = Screen::default();
        let progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        progress.show(&view());
        let drawn = screen.taken().concat();
        assert!(drawn.contains("cycle 1 · epoch 2/5 · shared"), "{drawn}");
        assert!(drawn.contains("63/100") && drawn.contains("reward 0.712"), "{drawn}");
    }

    #[test]
    fn a_log_line_is_written_while_the_bar_is_away() {
        let screen = Screen::default();
        let progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        progress.show(&view());
        screen.taken();
        progress.suspend(|| screen.note("the log line"));
        let drawn = screen.taken();
        let line = drawn.iter().position(|text| text == "the log line").unwrap();
        assert!(drawn[..line].iter().any(|text| text == "<cleared>"), "{drawn:?}");
        assert!(!drawn[..line].concat().contains("63/100"), "{drawn:?}");
        assert!(drawn[line..].concat().contains("63/100"), "{drawn:?}");
    }

    #[test]
    fn a_finished_bar_leaves_the_screen_and_stays_away() {
        let screen = Screen::default();
        let progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        progress.show(&view());
        progress.finish();
        screen.taken();
        progress.suspend(|| ());
        assert!(!screen.taken().concat().contains("63/100"));
    }

    #[test]
    fn a_program_gets_nothing_and_no_log_line_is_lost() {
        let progress = Progress::new(Output::Stream);
        progress.show(&view());
        assert_eq!(progress.bar.position(), 0);
        assert_eq!(progress.suspend(|| 7), 7);
    }
}
