//! The controller: the mailbox of the driver, which owns θ and the schedule. The only actor that
//! starts work.

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use tokio::sync::{mpsc, oneshot};

use crate::actors::commands::{Answer, Command};
use crate::actors::driver::Driver;
use crate::actors::observer::Observer;
use crate::actors::outbox::Outbox;
use crate::actors::{
    ActorError, Checkpoint, ChildWeights, Crew, Derive, DriverConfig, Note, Pause, Refusal, Resume,
    Sample, SampleReply, Score, ScoreReply, Stop,
};
use crate::search::Search;
use crate::store::StoreError;
use crate::telemetry::{self, Metrics};

/// Commands that may wait for the step under way; more are refused, for each has somebody waiting.
const MAX_WAITING_COMMANDS: usize = 16;

/// What the controller is born with and hands on when it starts.
#[derive(Debug)]
struct Start {
    driver: Driver,
    commands: mpsc::Receiver<Command>,
    ended: oneshot::Sender<Result<(), ActorError>>,
}

/// How a run ended; the receiver of [`Controller::new`] gets it.
pub type End = oneshot::Receiver<Result<(), ActorError>>;

/// Forwards commands to the driver, and reports how the run ended.
#[derive(Debug)]
pub struct Controller {
    commands: mpsc::Sender<Command>,
    outbox: Outbox,
    metrics: Metrics,
    /// What runs as soon as the actor is started.
    start: Option<Start>,
}

impl Controller {
    /// A controller that drives `search` by the crew as soon as it is started. The receiver gets
    /// the end of the run.
    pub fn new(
        search: Search,
        crew: Crew,
        observer: Observer,
        config: DriverConfig,
    ) -> (Self, End) {
        let (commands, receiver) = mpsc::channel(MAX_WAITING_COMMANDS);
        let (ended, end) = oneshot::channel();
        let metrics = crew.metrics.clone();
        let driver = Driver::new(search, crew, observer, config);
        let outbox = driver.outbox().clone();
        let start = Some(Start { driver, commands: receiver, ended });
        (Self { commands, outbox, metrics, start }, end)
    }

    fn forward<T: 'static>(
        &self,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> ResponseFuture<Result<T, Refusal>> {
        let (answer, answered) = oneshot::channel();
        let asked = self.metrics.asked(telemetry::Actor::Controller);
        let sent = self.commands.try_send(command(answer));
        Box::pin(async move {
            let _asked = asked;
            if let Err(error) = sent {
                let why = match error {
                    mpsc::error::TrySendError::Full(_) => "too many commands wait already",
                    mpsc::error::TrySendError::Closed(_) => "the run is over",
                };
                return Err(Refusal::State { why: why.to_owned() });
            }
            answered.await.unwrap_or_else(|_| {
                Err(Refusal::State { why: "the run ended before the command's turn".to_owned() })
            })
        })
    }
}

impl Actor for Controller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(Start { driver, commands, ended }) = self.start.take() {
            let run = driver.run(commands).into_actor(self).map(|end, _, _| {
                // Nobody waits for the end where the whole process goes down.
                drop(ended.send(end));
            });
            ctx.spawn(run);
        }
    }
}

impl Handler<Note> for Controller {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: Note, _: &mut Context<Self>) -> Self::Result {
        self.outbox.forward(message);
        Ok(())
    }
}

/// One handler that only forwards.
macro_rules! forwards {
    ($message:ty, $reply:ty, $command:expr) => {
        impl Handler<$message> for Controller {
            type Result = ResponseFuture<Result<$reply, Refusal>>;

            fn handle(&mut self, message: $message, _: &mut Context<Self>) -> Self::Result {
                let command: fn($message, Answer<$reply>) -> Command = $command;
                self.forward(|answer| command(message, answer))
            }
        }
    };
}

forwards!(Pause, (), |_, answer| Command::Pause(answer));
forwards!(Resume, (), |_, answer| Command::Resume(answer));
forwards!(Checkpoint, u64, |_, answer| Command::Checkpoint(answer));
forwards!(Derive, Vec<String>, |_, answer| Command::Derive(answer));
forwards!(Stop, (), |_, answer| Command::Stop(answer));
forwards!(Score, ScoreReply, Command::Score);
forwards!(Sample, Vec<SampleReply>, Command::Sample);
forwards!(ChildWeights, Vec<u8>, Command::Weights);
