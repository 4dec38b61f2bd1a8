//! How the driver carries out each command. What takes long goes on beside the search.

use crate::actors::commands::{Answer, Command};
use crate::actors::driver::Driver;
use crate::actors::outbox::Receipt;
use crate::actors::{
    ActorError, Checkpoint, ChildWeights, Derive, Note, Pause, Refusal, Resume, RunState, Sample,
    SampleReply, Stop, WeightsOf, WeightsReply, nth,
};
use crate::engine::{Snapshot, reason, to_safetensors};
use crate::search::{Arm, DrawRequest, DrawRule};
use crate::store::arch_weights;

/// Set in the number of a draw that is no part of the schedule, so that it repeats none of its.
const BESIDE_THE_SCHEDULE: u64 = 1 << 63;

/// The most architectures of one `sample`.
const MAX_SAMPLES: usize = 1000;

pub(super) fn failed(error: impl Into<ActorError>) -> Refusal {
    Refusal::Failed { why: error.into().to_string() }
}

/// Whoever asked may have hung up: then nobody wants the answer.
pub(super) fn answer<T>(to: Answer<T>, with: Result<T, Refusal>) {
    drop(to.send(with));
}

impl Driver {
    pub(super) async fn carry_out(&mut self, command: Command) {
        match command {
            Command::Pause(Pause, to) => answer(to, self.set_paused(true)),
            Command::Resume(Resume, to) => answer(to, self.set_paused(false)),
            Command::Checkpoint(Checkpoint, to) => match self.save_soon().await {
                Ok(receipt) => drop(actix::spawn(async { answer(to, saved(receipt).await) })),
                Err(error) => answer(to, Err(failed(error))),
            },
            Command::Derive(Derive, to) if self.search.task().is_stand_alone() => {
                answer(to, self.with_shared_weights().map(|()| Vec::new()));
            }
            Command::Derive(Derive, to) => match self.derive_beside().await {
                // Failed or not: it is tried again, and the architectures are found.
                Ok((ids, receipt)) => drop(actix::spawn(async {
                    drop(saved(receipt).await);
                    answer(to, Ok(ids));
                })),
                Err(error) => answer(to, Err(failed(error))),
            },
            Command::Stop(Stop, to) => {
                self.stopping = true;
                self.observer.publish(&self.search, RunState::Stopping);
                answer(to, Ok(()));
            }
            Command::ScoreArch(message, to) => self.score(message, to).await,
            Command::RetrainArch(message, to) => self.retrain(message, to).await,
            Command::Sample(message, to) => self.sample_beside(message, to),
            Command::ChildWeights(message, to) => answer(to, self.weights(message).await),
        }
    }

    fn set_paused(&mut self, paused: bool) -> Result<(), Refusal> {
        if self.paused == paused {
            let why =
                if paused { "the search is paused already" } else { "the search is not paused" };
            return Err(Refusal::State { why: why.to_owned() });
        }
        let exec = &self.search.task().exec;
        if paused {
            exec.rest();
        } else {
            let again = exec.wake();
            again.map_err(|error| Refusal::State { why: reason(&error) })?;
        }
        self.paused = paused;
        let kind = if paused { "pause" } else { "resume" };
        let message = format!("asked before search step {}", nth(self.search.number()));
        self.note(Note::new(kind, message));
        Ok(())
    }

    /// Derives with draws of its own; the schedule goes on as if nothing had been asked. Returns
    /// the ids of the best architectures, and whether they are on disk, once that is known.
    async fn derive_beside(&mut self) -> Result<(Vec<String>, Receipt), ActorError> {
        let number = self.search.number();
        let count = self.search.task().config.derive.samples;
        let index = number | BESIDE_THE_SCHEDULE;
        let (epoch, rule) = (self.search.place().epoch, DrawRule::OfArm);
        let sample = DrawRequest { arm: Arm::Derive, count, index, epoch, rule };
        let derived = self.derive(sample, number | BESIDE_THE_SCHEDULE).await?;
        let change = self.search.offer(derived.shortlisted);
        self.entered(&change).await?;
        let (before, entered) = (nth(number), change.entered.len());
        let message = format!("asked before search step {before}: {entered} entered the best");
        self.note(Note::new("derive", message));
        let receipt = self.save_soon().await?;
        self.observer.best(&self.search);
        self.write_notes();
        let ids = self.search.best().archs().iter().map(|best| best.arch.id()).collect();
        Ok((ids, receipt))
    }

    fn sample_beside(&self, message: Sample, to: Answer<Vec<SampleReply>>) {
        let Sample { count, seed, arm } = message;
        if !(1..=MAX_SAMPLES).contains(&count) {
            let why = format!("{count} samples were asked for; ask for 1 to {MAX_SAMPLES}");
            return answer(to, Err(Refusal::Request { why }));
        }
        let (index, epoch) = (BESIDE_THE_SCHEDULE, self.search.place().epoch);
        let request = DrawRequest { arm, count, index, epoch, rule: DrawRule::OfArm };
        let crew = self.crew.clone();
        actix::spawn(async move {
            let drawn = crew.draw(request, seed).await.map_err(failed);
            let reply = drawn.map(|drawn| {
                let reply = drawn.sampled.into_iter().map(|sampled| SampleReply {
                    arch: sampled.arch,
                    log_prob: sampled.rollout.log_prob,
                });
                reply.collect()
            });
            answer(to, reply);
        });
    }

    async fn weights(&mut self, message: ChildWeights) -> Result<WeightsReply, Refusal> {
        let ChildWeights { arch, of } = message;
        let id = arch.id();
        let best = self.search.best().archs().iter().find(|best| best.arch.id() == id);
        if of != WeightsOf::Present {
            if let Some((best, weights)) = best.zip(self.saver.weights(&id)) {
                return weights_file(weights, best.step);
            }
            if best.is_some() {
                let why =
                    format!("the weights that {id} was scored with are not in `best/` any more");
                return Err(Refusal::Lost { why });
            }
            if of == WeightsOf::Score {
                let why = format!("{id} is not among the best: no weights are kept with it");
                return Err(Refusal::State { why });
            }
        }
        self.with_shared_weights()?;
        let shared = self.shared().await.map_err(failed)?;
        let weights = arch_weights(&arch, self.search.task(), &shared.params);
        let weights = weights.map_err(|error| Refusal::Request { why: error.to_string() })?;
        weights_file(&weights, self.search.number())
    }
}

/// What came of a checkpoint.
pub(super) async fn saved(receipt: Receipt) -> Result<u64, Refusal> {
    let gone = |_| Err("the daemon ended before it was written".to_owned());
    receipt.await.unwrap_or_else(gone).map_err(|why| Refusal::Failed { why })
}

fn weights_file(weights: &Snapshot, step: u64) -> Result<WeightsReply, Refusal> {
    let bytes = to_safetensors(weights);
    let bytes = bytes.map_err(|error| Refusal::Failed { why: error.to_string() })?;
    Ok(WeightsReply { bytes, step })
}
