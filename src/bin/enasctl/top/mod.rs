//! `enasctl top`: a live screen of the search.
//!
//! ```text
//! Feed ──News──► Screen ──► draw ──► terminal
//! keys ─────────►   │
//!                   └─ Command ──► daemon ──Answer──► Screen
//! ```
//!
//! [`Screen`] and the drawing know no time, no socket and no terminal, so they are tested without.

mod best;
mod command;
mod curve;
mod ends;
mod events;
mod feed;
mod frame;
mod head;
mod lines;
mod looked_at;
mod rate;
mod retraining;
mod rewards;
mod screen;
mod terminal;
mod tests;
mod theme;

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::tz::TimeZone;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, EventStream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::now;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::socket::Daemon;
use crate::top::ends::Ends;
use crate::top::feed::Feed;
use crate::top::screen::{Action, News, Screen};
use crate::top::terminal::Restored;
use crate::top::theme::Theme;

/// Between two drawings without news: ages are told in seconds.
const TICK: Duration = Duration::from_secs(1);

/// News that wait: the feed waits when there are more.
const MAX_NEWS: usize = 64;

/// Shows the screen until somebody quits.
pub(crate) async fn top(daemon: &Daemon, printer: &Printer) -> Result<(), Failure> {
    let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    if is_dumb || !printer.is_screen() || !io::stdin().is_terminal() {
        return Err(Failure::NoTerminal);
    }
    let theme = Theme::new(env::var_os("NO_COLOR").as_deref());
    let mut ends = Ends::new().map_err(Failure::Terminal)?;
    let mut terminal = Restored::new().map_err(Failure::Terminal)?;
    show(&mut terminal.0, daemon, theme, &mut ends).await.map_err(Failure::Terminal)
}

async fn show(
    terminal: &mut DefaultTerminal,
    daemon: &Daemon,
    theme: Theme,
    ends: &mut Ends,
) -> io::Result<()> {
    let (sender, mut news) = mpsc::channel(MAX_NEWS);
    let feed = Feed::new(daemon.questions.clone(), sender.clone());
    tokio::spawn(feed.run());
    let mut screen =
        Screen::new(daemon.questions.socket().display().to_string(), TimeZone::system());
    let mut keys = EventStream::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Whatever has come is taken in before it is drawn.
        while let Ok(news) = news.try_recv() {
            screen.take(news, now());
        }
        terminal.draw(|frame| frame::draw(frame, &screen, theme, now()))?;
        tokio::select! {
            Some(news) = news.recv() => screen.take(news, now()),
            _ = tick.tick() => {}
            () = ends.wait() => return Ok(()),
            event = keys.next() => match event {
                None => return Ok(()),
                Some(Err(err)) => return Err(err),
                Some(Ok(Event::Key(key))) => match screen.key(key) {
                    Action::Draw => {}
                    Action::Quit => return Ok(()),
                    Action::Send(command) => {
                        let (daemon, sender) = (daemon.work(), sender.clone());
                        tokio::spawn(async move {
                            let answer = command.send(daemon).await;
                            let answer = answer.map_err(|err| err.to_string());
                            // Whoever asked may have quit.
                            drop(sender.send(News::Answer(answer)).await);
                        });
                    }
                },
                // A new size is drawn at once; nothing else is of interest.
                Some(Ok(_)) => {}
            },
        }
    }
}
