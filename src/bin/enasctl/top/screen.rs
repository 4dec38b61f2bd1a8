//! What the screen shows, as plain data: news and keys change it, drawing reads it.

use std::collections::VecDeque;

use enasd::actors::{BestStatus, RunState, Status};
use enasd::api::wire::{Event, HistoryItem};
use jiff::tz::TimeZone;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::condition::Severity;
use crate::top::command::Command;
use crate::top::curve::Curve;
use crate::top::rate::StepRate;

/// Events that are kept: more than any screen has lines.
const MAX_EVENTS: usize = 200;

/// What came from the daemon.
#[derive(Debug)]
pub(crate) enum News {
    /// It answers: this is its status.
    Status(Box<Status>),
    /// Rows of the history that follow those told before.
    History(Vec<HistoryItem>),
    /// An event that follows those told before.
    Event(Event),
    /// It answers, but not to everything.
    Trouble(String),
    /// It does not answer, and why.
    Gone(String),
    /// What came of a command: what was done, or why not.
    Answer(Result<String, String>),
}

/// Whether the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nobody has answered yet.
    Waiting,
    /// It does.
    Up,
    /// It does not, and why.
    Down(String),
}

/// What is asked of whoever sits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// Nothing.
    None,
    /// To read what the keys do.
    Help,
    /// Whether a command is meant.
    Question(Command),
}

/// What a key asks of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing but to draw anew.
    Draw,
    /// To send a command.
    Send(Command),
    /// To end.
    Quit,
}

/// What the screen shows.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Where the daemon is.
    pub(crate) socket: String,
    /// Where whoever looks at it is: times are told as there.
    pub(crate) zone: TimeZone,
    /// Whether it answers.
    pub(crate) link: Link,
    /// The last status.
    pub(crate) status: Option<Box<Status>>,
    /// The rewards of both arms.
    pub(crate) curve: Curve,
    /// What happened, the oldest first.
    pub(crate) events: VecDeque<Event>,
    /// Steps a second.
    pub(crate) rate: StepRate,
    /// What lies over the rest.
    pub(crate) overlay: Overlay,
    /// What came of the last command.
    pub(crate) note: Option<(Severity, String)>,
    selected: usize,
}

impl Screen {
    /// A screen that has nothing to show yet.
    pub(crate) fn new(socket: String, zone: TimeZone) -> Self {
        Self {
            socket,
            zone,
            link: Link::Waiting,
            status: None,
            curve: Curve::default(),
            events: VecDeque::new(),
            rate: StepRate::default(),
            overlay: Overlay::None,
            note: None,
            selected: 0,
        }
    }

    /// Takes in what came from the daemon, at `now` in seconds since 1970.
    pub(crate) fn take(&mut self, news: News, now: f64) {
        match news {
            News::Status(status) => self.take_status(status, now),
            News::History(rows) => self.curve.push(&rows),
            News::Event(event) => {
                self.events.push_back(event);
                let excess = self.events.len().saturating_sub(MAX_EVENTS);
                self.events.drain(..excess);
            }
            News::Trouble(why) => self.note = Some((Severity::Notice, why)),
            News::Gone(why) => self.link = Link::Down(why),
            News::Answer(Ok(done)) => self.note = Some((Severity::Good, done)),
            News::Answer(Err(why)) => self.note = Some((Severity::Bad, why)),
        }
    }

    fn take_status(&mut self, status: Box<Status>, now: f64) {
        if self.link != Link::Up {
            // Perhaps another search: its past is told anew.
            self.link = Link::Up;
            self.curve = Curve::default();
            self.events.clear();
            self.rate = StepRate::default();
        }
        self.rate.push(now, status.place.number);
        self.selected = self.selected.min(status.best.len().saturating_sub(1));
        self.status = Some(status);
    }

    /// Takes in a key.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Action {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Action::Quit;
        }
        match std::mem::replace(&mut self.overlay, Overlay::None) {
            // Any key closes the help.
            Overlay::Help => Action::Draw,
            Overlay::Question(command) if key.code == KeyCode::Char('y') => self.send(command),
            Overlay::Question(command) => {
                self.note = Some((Severity::Notice, format!("{}: not done", command.name())));
                Action::Draw
            }
            Overlay::None => self.plain_key(key.code),
        }
    }

    fn plain_key(&mut self, key: KeyCode) -> Action {
        self.note = None;
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Action::Quit,
            KeyCode::Char('?') => self.overlay = Overlay::Help,
            KeyCode::Char('p') => return self.ask(Command::Pause),
            KeyCode::Char('r') => return self.ask(Command::Resume),
            KeyCode::Char('c') => return self.ask(Command::Checkpoint),
            KeyCode::Up | KeyCode::Left => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Right => {
                self.selected = (self.selected + 1).min(self.best().len().saturating_sub(1));
            }
            _ => {}
        }
        Action::Draw
    }

    /// Asks before what changes something; what changes nothing is for the daemon to refuse.
    fn ask(&mut self, command: Command) -> Action {
        let Link::Up = self.link else {
            let why = format!("{}: no daemon is there to do it", command.name());
            self.note = Some((Severity::Bad, why));
            return Action::Draw;
        };
        let is_paused = self.status.as_ref().is_some_and(|s| s.state == RunState::Paused);
        let changes = match command {
            Command::Pause => !is_paused,
            Command::Resume => is_paused,
            Command::Checkpoint => true,
        };
        if !changes {
            return self.send(command);
        }
        self.overlay = Overlay::Question(command);
        Action::Draw
    }

    fn send(&mut self, command: Command) -> Action {
        let text = format!("{}: waiting for the daemon", command.name());
        self.note = Some((Severity::Notice, text));
        Action::Send(command)
    }

    /// The best architectures, best first.
    pub(crate) fn best(&self) -> &[BestStatus] {
        self.status.as_ref().map_or(&[], |status| &status.best)
    }

    /// The place of the one that is looked at among the best.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }
}
