//! The one that answers in the controller's place.

use std::future::pending;
use std::sync::{Arc, mpsc};
use std::thread;

use actix::prelude::*;
use enasd::actors::{
    Checkpoint, ChildWeights, Classifier, Commands, Derive, Pause, PruneHistory, Refusal, Resume,
    RetrainArch, RetrainReply, Sample, SampleReply, ScoreArch, ScoreReply, Stop, WeightsOf,
    WeightsReply,
};
use enasd::search::Arm;
use enasd::store::{BestFolder, Pruned};

use crate::champion::{exec, shared_weights};
use crate::rig::{IDENTITIES, PUBLISHED, SCORE, id};

/// Answers in the controller's place: pauses once, never derives.
struct Stub {
    paused: bool,
    pruned: u32,
}

impl Actor for Stub {
    type Context = Context<Self>;
}

impl Handler<Pause> for Stub {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, _: Pause, _: &mut Context<Self>) -> Self::Result {
        if std::mem::replace(&mut self.paused, true) {
            return Err(Refusal::State { why: "the search is paused already".to_owned() });
        }
        Ok(())
    }
}

impl Handler<Resume> for Stub {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, _: Resume, _: &mut Context<Self>) -> Self::Result {
        self.paused = false;
        Ok(())
    }
}

impl Handler<Checkpoint> for Stub {
    type Result = Result<u64, Refusal>;

    fn handle(&mut self, _: Checkpoint, _: &mut Context<Self>) -> Self::Result {
        Err(Refusal::Failed { why: "the disk is full".to_owned() })
    }
}

impl Handler<Derive> for Stub {
    type Result = ResponseFuture<Result<Vec<String>, Refusal>>;

    fn handle(&mut self, _: Derive, _: &mut Context<Self>) -> Self::Result {
        Box::pin(pending())
    }
}

impl Handler<Stop> for Stub {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, _: Stop, _: &mut Context<Self>) -> Self::Result {
        Ok(())
    }
}

impl Handler<ScoreArch> for Stub {
    type Result = Result<ScoreReply, Refusal>;

    fn handle(&mut self, _: ScoreArch, _: &mut Context<Self>) -> Self::Result {
        Ok(ScoreReply { score: SCORE, reward: 0.75, step: 17 })
    }
}

impl Handler<RetrainArch> for Stub {
    type Result = Result<RetrainReply, Refusal>;

    fn handle(&mut self, request: RetrainArch, _: &mut Context<Self>) -> Self::Result {
        if request.arch.id() != id(PUBLISHED) {
            return Err(Refusal::State { why: "16 architectures wait already".to_owned() });
        }
        let (place, params, multiply_adds) = (2, 3_894_372, 5);
        let (epochs, seeds, step) = (630, 2, 17);
        Ok(RetrainReply { place, score: SCORE, params, multiply_adds, epochs, seeds, step })
    }
}

impl Handler<Sample> for Stub {
    type Result = Result<Vec<SampleReply>, Refusal>;

    fn handle(&mut self, request: Sample, _: &mut Context<Self>) -> Self::Result {
        let arch = if request.arm == Arm::Controller { PUBLISHED } else { IDENTITIES };
        let log_prob = -(request.seed as f64);
        let reply = SampleReply { arch: arch.parse().unwrap(), log_prob };
        Ok(vec![reply; request.count])
    }
}

impl Handler<PruneHistory> for Stub {
    type Result = Result<Pruned, Refusal>;

    fn handle(&mut self, request: PruneHistory, _: &mut Context<Self>) -> Self::Result {
        // Done in two parts.
        self.pruned += 1;
        Ok(Pruned { rows: 21, is_done: self.pruned == 2, bytes: request.bytes })
    }
}

impl Handler<ChildWeights> for Stub {
    type Result = Result<WeightsReply, Refusal>;

    fn handle(&mut self, request: ChildWeights, _: &mut Context<Self>) -> Self::Result {
        let id = request.arch.id();
        if request.of != WeightsOf::Present && id == self::id(PUBLISHED) {
            return Err(Refusal::Lost { why: format!("the weights of {id} are lost") });
        }
        // Those of one that nobody has met can be read.
        let bytes = if [PUBLISHED, IDENTITIES].map(self::id).contains(&id) {
            format!("present weights of {id}").into_bytes()
        } else {
            shared_weights(&request.arch)
        };
        Ok(WeightsReply { bytes, step: 21 })
    }
}

/// A stub on an actix system of its own.
pub(crate) struct Controller {
    system: System,
    thread: Option<thread::JoinHandle<()>>,
    pub(crate) commands: Commands,
}

impl Controller {
    /// The champions' nets are run by the real classifier.
    pub(crate) fn start(champions: Arc<BestFolder>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let system = System::new();
            let commands = system.block_on(async {
                let stub = Stub { paused: false, pruned: 0 }.start();
                let classifier = Classifier::new(champions, exec()).start();
                Commands::new(&stub, &stub, &classifier)
            });
            sender.send((System::current(), commands)).unwrap();
            system.run().unwrap();
        });
        let (system, commands) = receiver.recv().unwrap();
        Self { system, thread: Some(thread), commands }
    }

    pub(crate) fn stop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.stop();
    }
}
