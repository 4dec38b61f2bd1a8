//! The driver: takes the search's steps one by one, by asking the crew, and carries out commands
//! between two steps. The only place that starts work.
//!
//! ```text
//!            ┌──────────── next command ────────────┐
//!            ▼                                      │
//!   Running ─┬─ Shared:      sampler ∥ trainer      ├─► observe, publish, hand to the keeper
//!            ├─ Controller:  sampler, evaluator ∥ θ │
//!            └─ Derive:      sampler, evaluator     │
//!   Paused ──── waits for a command ────────────────┘
//! ```

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{Instrument, Span};

use crate::actors::commands::Command;
use crate::actors::observer::Observer;
use crate::actors::outbox::{Outbox, Receipt};
use crate::actors::place_span::place_span;
use crate::actors::retraining::Retraining;
use crate::actors::saver::Saver;
use crate::actors::{ActorError, AdoptDrawer, Crew, LastRun, Note, RunState, Saving, nth};
use crate::search::{
    Cause, DrawRequest, Job, Outcome, Place, Sampled, Search, SearchState, SharedState, StandAlone,
    StepRecord, TrialTask, Until, ValidSet, Work, archs,
};

/// What came before the run, when it ends, and how often it saves.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// How the run before this one ended.
    pub last: LastRun,
    /// When the run ends by itself.
    pub until: Until,
    /// How often it saves.
    pub saving: watch::Receiver<Saving>,
    /// How long the disk may take for one write before it is told of.
    pub disk_patience: Duration,
    /// What is retrained on.
    pub trials: TrialTask,
    /// Has the trial workers break off.
    pub break_off: Arc<AtomicBool>,
    /// How often the test split was ever used.
    pub test_uses: u64,
}

/// Owns the search; one value, on the controller's thread.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) search: Search,
    pub(super) crew: Crew,
    pub(super) saver: Saver,
    pub(super) observer: Observer,
    pub(super) retraining: Retraining,
    /// What is retrained beside the search.
    pub(super) idle_trials: Retraining,
    /// The children of the search that are trained from scratch.
    pub(super) children: Retraining,
    /// What says when they fail.
    pub(super) alone: StandAlone,
    /// How often the test split was ever used.
    pub(super) test_uses: u64,
    /// The promotion that was told of: why and before which step it began.
    pub(super) told: Option<(Cause, u64)>,
    config: DriverConfig,
    /// What the next step draws from π, drawn while trainer or evaluator were busy.
    pub(super) ahead: Option<(DrawRequest, Vec<Sampled>)>,
    /// The step that finished last, if nobody was told of it yet.
    pub(super) last: Option<StepRecord>,
    /// A copy of ω that holds as long as no ω step is taken.
    pub(super) frozen: Option<Arc<SharedState>>,
    pub(super) paused: bool,
    pub(super) stopping: bool,
    /// The furthest step that failed, and the failures since the search last came past one.
    pub(super) failed: (u64, u32),
}

impl Driver {
    pub(super) fn new(
        search: Search,
        crew: Crew,
        observer: Observer,
        config: DriverConfig,
    ) -> Self {
        let saver = Saver::new(crew.clone(), config.saving.clone(), config.disk_patience);
        let (trials, break_off) = (config.trials.clone(), config.break_off.clone());
        let alone = StandAlone::new(search.task(), trials.data());
        Self {
            children: Retraining::of_children(&alone, crew.clone(), break_off.clone()),
            alone,
            retraining: Retraining::new(trials.clone(), crew.clone(), break_off.clone()),
            idle_trials: Retraining::idle(trials, crew.clone(), break_off),
            test_uses: config.test_uses,
            told: None,
            search,
            crew,
            saver,
            observer,
            config,
            ahead: None,
            last: None,
            frozen: None,
            paused: false,
            stopping: false,
            failed: (0, 0),
        }
    }

    /// The way to the keeper.
    pub(super) fn outbox(&self) -> &Outbox {
        self.saver.outbox()
    }

    /// Takes steps until the run is over.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<(), ActorError> {
        let result = self.steps(&mut commands).await;
        let state = match &result {
            Ok(()) => RunState::Stopped,
            Err(_) => RunState::Failed,
        };
        if let Err(error) = &result {
            self.note(Note::new("stop", format!("it ended by an error: {error}")));
            // There may be nobody to write it.
            drop(self.settle().await);
        }
        self.observer.ended(state, result.as_ref().err().map(ToString::to_string));
        result
    }

    async fn steps(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), ActorError> {
        let span = self.span(self.search.place());
        self.begin().instrument(span).await?;
        while !self.is_over() {
            let span = self.span(self.search.place());
            self.turn(commands).instrument(span).await?;
        }
        let span = self.span(self.search.place());
        self.finish().instrument(span).await
    }

    /// The fields of log lines about this step.
    fn span(&self, place: Place) -> Span {
        place_span(place, &self.search.task().config.schedule)
    }

    async fn begin(&mut self) -> Result<(), ActorError> {
        self.observer.begin(&self.search);
        self.note(Note::start(self.search.number(), &self.config.last));
        // The first checkpoint binds the state folder to these settings.
        self.save_now().await
    }

    /// Carries out what was asked, then takes a step, unless the run is over by then.
    async fn turn(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), ActorError> {
        self.take_commands(commands).await?;
        if self.is_over() {
            return Ok(());
        }
        if let Err(error) = self.retrain_sample().await {
            return self.recover(error).await;
        }
        // While nets are retrained too: a checkpoint says that the daemon is alive.
        if self.saver.is_due() {
            self.take_note().await?;
            self.save_soon().await?;
        }
        if let Some(work) = self.search.promotion_work() {
            self.tell_promotion();
            return match self.promote(work, commands).await {
                Ok(()) => Ok(()),
                Err(error) => self.recover(error).await,
            };
        }
        match self.step(commands).await {
            Ok(Some(record)) => self.finished(record).await,
            Ok(None) => Ok(()),
            Err(error) => self.recover(error).await,
        }
    }

    fn is_over(&self) -> bool {
        let schedule = &self.search.task().config.schedule;
        let is_reached = self.config.until.is_reached(self.search.place(), schedule);
        self.stopping || is_reached && !self.search.finals().has_work()
    }

    /// Carries out what was asked; while paused, waits for more.
    async fn take_commands(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), ActorError> {
        loop {
            while let Ok(command) = commands.try_recv() {
                self.take_note().await?;
                self.carry_out(command).await;
            }
            if !self.paused || self.stopping {
                return Ok(());
            }
            self.observer.publish(&self.search, RunState::Paused);
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.carry_out(command).await,
                    None => self.stopping = true,
                },
                // What was handed over before may be answered only now.
                told = self.saver.news(&mut self.observer) => told?,
            }
            self.write_notes();
            if self.saver.is_owed() {
                self.save_soon().await?;
            }
        }
    }

    /// Takes one step of the search; of children that are trained from scratch, part of one.
    async fn step(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<Option<StepRecord>, ActorError> {
        let record = match self.search.work() {
            Work::Shared { sample, step } => {
                self.frozen = None;
                let drawn = self.draw(sample).await?;
                let train = self.crew.train(archs(&drawn), step);
                // The trainer is at work: it need not wait for what the step before leaves to do.
                self.take_note().await?;
                let ahead = self.draw_ahead();
                let (trained, ahead) = futures_util::future::join(train, ahead).await;
                let trained = trained?;
                self.ahead = ahead?;
                self.observer.trained(&trained);
                self.search.finish_shared(drawn, trained.report.shared)
            }
            Work::Controller { policy, uniform, batch } => {
                self.take_note().await?;
                let start = Instant::now();
                let shared = self.shared().await?;
                let on = ValidSet::Batch(batch);
                let (arm, policy) = (policy.arm, self.draw(policy).await?);
                let scores = self.crew.evaluate(Job::new(arm, &policy, on, &shared));
                let (arm, uniform) = (uniform.arm, self.sample(uniform).await?);
                let random_scores = self.crew.evaluate(Job::new(arm, &uniform, on, &shared));
                let objective = self.search.task().objective;
                let learnt = self.search.learn(objective.scored(policy, scores.await?))?;
                // The evaluator is at work on the random arm, which θ does not learn from.
                self.adopt_drawer().await?;
                self.ahead = self.draw_ahead().await?;
                let random = objective.scored(uniform, random_scores.await?);
                let record = self.search.finish_controller(learnt, random)?;
                self.observer.learned(start.elapsed());
                record
            }
            Work::Derive { sample, uniform, at_start, batch, again } => {
                self.take_note().await?;
                let requests = (sample, uniform, at_start);
                let (policy, uniform, at_start) = self.derive_all(requests, (batch, again)).await?;
                self.search.finish_derive(policy, uniform, &at_start)
            }
            Work::Children => return self.train_children(commands).await,
            Work::Choose => {
                self.take_note().await?;
                let record = self.search.finish_choose()?;
                if record.rows.is_empty() {
                    self.tell_of_none(record.place);
                }
                record
            }
        };
        Ok(Some(record))
    }

    /// What `request` asks for, at once where it was drawn ahead.
    pub(super) async fn draw(&mut self, request: DrawRequest) -> Result<Vec<Sampled>, ActorError> {
        match self.ahead.take_if(|(ahead, _)| *ahead == request) {
            Some((_, drawn)) => Ok(drawn),
            None => self.sample(request).await,
        }
    }

    /// Draws what the step after this one wants from π.
    async fn draw_ahead(&self) -> Result<Option<(DrawRequest, Vec<Sampled>)>, ActorError> {
        let Some(request) = self.search.sample_ahead() else { return Ok(None) };
        Ok(Some((request, self.sample(request).await?)))
    }

    async fn sample(&self, request: DrawRequest) -> Result<Vec<Sampled>, ActorError> {
        self.crew.sample(request, self.search.task().config.seed).await
    }

    /// ω as it stands between two steps.
    pub(super) async fn shared(&mut self) -> Result<Arc<SharedState>, ActorError> {
        if let Some(shared) = &self.frozen {
            return Ok(shared.clone());
        }
        let shared = self.crew.snapshot().await?;
        self.frozen = Some(shared.clone());
        Ok(shared)
    }

    /// Gives the sampler what the strategy draws from now.
    pub(super) async fn adopt_drawer(&self) -> Result<(), ActorError> {
        self.crew.adopt(AdoptDrawer { drawer: self.search.drawer() }).await
    }

    /// Keeps a finished step to be published while the next is under way; one that derived is
    /// saved at once, for its architectures took long to find.
    async fn finished(&mut self, record: StepRecord) -> Result<(), ActorError> {
        let change = match &record.outcome {
            Outcome::Derive(change) => Some(change.clone()),
            Outcome::Shared(_) | Outcome::Controller(_) => None,
        };
        self.last = Some(record);
        if let Some(change) = change {
            self.take_note().await?;
            self.entered(&change).await?;
            self.save_soon().await?;
        }
        Ok(())
    }

    /// Publishes the step that finished last and hands it to the keeper.
    pub(super) async fn take_note(&mut self) -> Result<(), ActorError> {
        let Some(record) = self.last.take() else { return Ok(()) };
        // What is logged is about the step that is over, not about the one under way.
        let span = self.span(record.place);
        span.in_scope(|| self.observer.observe(&record, &self.search));
        self.saver.push(record);
        self.saver.poll(&mut self.observer)?;
        self.observer.publish(&self.search, RunState::Running);
        self.write_notes();
        while self.saver.is_full() {
            self.saver.wait_for_room(&mut self.observer).await?;
            self.observer.publish(&self.search, RunState::Running);
            self.write_notes();
        }
        Ok(())
    }

    /// Writes a checkpoint and waits for it. A full disk is no end: it is tried again later.
    async fn save_now(&mut self) -> Result<(), ActorError> {
        self.save_soon().await?;
        self.settle().await
    }

    /// Waits until the keeper has answered to all that it was handed.
    async fn settle(&mut self) -> Result<(), ActorError> {
        self.saver.settle(&mut self.observer).await?;
        self.write_notes();
        self.saver.settle(&mut self.observer).await
    }

    /// Hands the state to the keeper and goes on.
    pub(super) async fn save_soon(&mut self) -> Result<Receipt, ActorError> {
        let state = self.state().await?;
        Ok(self.saver.save(state, self.observer.verdicts()))
    }

    async fn state(&mut self) -> Result<SearchState, ActorError> {
        let shared = self.shared().await?;
        Ok(self.search.state(shared)?)
    }

    async fn finish(&mut self) -> Result<(), ActorError> {
        self.break_off().await;
        self.take_note().await?;
        self.observer.publish(&self.search, RunState::Stopping);
        self.save_now().await?;
        // There is no later to try it again: whoever waits for the end must not take it for whole.
        if let Some(why) = self.observer.checkpoint_error() {
            return Err(ActorError::Unsaved { why });
        }
        let number = nth(self.search.number());
        let message = format!("it stopped before search step {number}, and all is saved");
        self.note(Note::new("stop", message));
        self.settle().await
    }

    /// Writes down what the observer found worth an event.
    pub(super) fn write_notes(&mut self) {
        for note in self.observer.take_notes() {
            self.note(note);
        }
    }

    /// Writes an event. Nobody waits for it.
    pub(super) fn note(&self, note: Note) {
        self.outbox().note(note);
    }
}
