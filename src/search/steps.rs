//! The search itself, as a value that says which work comes next and learns from what came of
//! it. It starts nothing: the plain loop ([`crate::search::run`]) and the controller actor both
//! drive it, and so have the same history.

use std::sync::Arc;

use crate::engine::learning_rate;
use crate::numbers::mean;
use crate::random::{Owner, generator};
use crate::search::replica::Replicas;
use crate::search::shared_draws;
use crate::search::strategies;
use crate::search::{
    Advantage, AdvantageReport, Applied, Arm, BestArchs, ControllerReport, Diagnosis, DrawRequest,
    DrawRule, Drawer, Finals, LearnReport, Outcome, Phase, Place, Policy, PolicyStep,
    Probabilities, PromotionWork, ReplicaState, Row, Sampled, Scored, SearchError, SharedState,
    SharedStep, StepRecord, Strategy, StrategyState, Task, TrainReport,
};

/// Everything that a restart needs.
#[derive(Clone, Debug)]
pub struct SearchState {
    /// The step that comes next.
    pub place: Place,
    /// θ, its optimizer, its baseline, and what it will learn from once more.
    pub strategy: StrategyState,
    /// The differences between the arms, of the last θ steps.
    pub advantage: Vec<f64>,
    /// The best architectures.
    pub best: BestArchs,
    /// Architectures drawn so far, both arms.
    pub archs_sampled: u64,
    /// What came of promotions, and the one under way.
    pub finals: Finals,
    /// What the last derivation told of the search.
    pub diagnosis: Diagnosis,
    /// ω and its optimizer. Its place in the data follows from `place`.
    pub shared: Arc<SharedState>,
    /// The replicas that draw, where children are trained from scratch; else none.
    pub replicas: Vec<ReplicaState>,
    /// The best children of the cycle under way, of the policy's and of the control arm's, where
    /// children are trained from scratch.
    pub of_cycle: [BestArchs; 2],
    /// What is known of the steps to come, from a search of this state that got further: in no
    /// checkpoint, for the history has it.
    pub replay: Vec<Applied>,
}

/// In the number of a validation batch: one that no step of the schedule has.
const ANOTHER_BATCH: u64 = 1 << 62;

/// The work of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Draw, then update ω with what was drawn.
    Shared {
        /// What to draw.
        sample: DrawRequest,
        /// Which update.
        step: SharedStep,
    },
    /// Draw from both arms, score both on one validation batch, then update θ.
    Controller {
        /// What to draw from the policy.
        policy: DrawRequest,
        /// What to draw uniformly; nothing where there is no control arm.
        uniform: DrawRequest,
        /// The number of the validation batch.
        batch: u64,
    },
    /// Draw, score on one validation batch, score the best of these on the whole split.
    Derive {
        /// What to draw.
        sample: DrawRequest,
        /// What to draw uniformly, for the arm against which the chosen are retrained; none where
        /// nothing is retrained.
        uniform: Option<DrawRequest>,
        /// What to draw as the policy drew at its start, to tell what it has learnt; none where no
        /// policy draws.
        at_start: Option<DrawRequest>,
        /// The number of the validation batch.
        batch: u64,
        /// The number of another, on which some of the policy's draws are scored again.
        again: u64,
    },
    /// Train children from scratch, until all of a replica's are; then update θ.
    Children,
    /// Choose the best of the cycle's children.
    Choose,
}

/// What θ has learnt from: one half of a θ step.
#[derive(Debug)]
pub struct Learnt {
    pub(super) policy: Vec<Scored>,
    pub(super) report: LearnReport,
}

/// Owns θ, the schedule, the comparison of the arms, and the best architectures.
#[derive(Debug)]
pub struct Search {
    pub(super) task: Task,
    pub(super) place: Place,
    pub(super) strategy: Box<dyn Strategy>,
    advantage: Advantage,
    pub(super) best: BestArchs,
    archs_sampled: u64,
    pub(super) finals: Finals,
    pub(super) diagnosis: Diagnosis,
    pub(super) replicas: Replicas,
    pub(super) of_cycle: [BestArchs; 2],
}

impl Search {
    /// The state at the start of a search.
    pub fn initial_state(task: &Task) -> Result<SearchState, SearchError> {
        let strategy = strategies::initial(task);
        let replicas = if task.is_stand_alone() {
            Replicas::initial(task, &strategy.drawer())?
        } else {
            Vec::new()
        };
        Ok(SearchState {
            place: Place::first(&task.config.schedule),
            strategy: strategy.state()?,
            advantage: Vec::new(),
            best: BestArchs::default(),
            archs_sampled: 0,
            finals: Finals::default(),
            diagnosis: Diagnosis::default(),
            shared: Arc::new(SharedState::initial(task)?),
            replicas,
            of_cycle: Default::default(),
            replay: Vec::new(),
        })
    }

    /// A search that goes on from `state`.
    pub fn new(task: Task, state: &SearchState) -> Result<Self, SearchError> {
        let config = &task.config;
        let schedule = &config.schedule;
        let window = schedule.advantage_phases * schedule.controller_steps;
        let mut replicas = Replicas::from_states(&task, &state.replicas)?;
        replicas.replay(&state.replay, state.place.number(schedule));
        Ok(Self {
            place: state.place,
            strategy: strategies::from_state(&task, &state.strategy)?,
            advantage: Advantage::new(window as usize, state.advantage.clone())?,
            best: state.best.clone(),
            archs_sampled: state.archs_sampled,
            finals: state.finals.clone(),
            diagnosis: state.diagnosis,
            replicas,
            of_cycle: state.of_cycle.clone(),
            task,
        })
    }

    /// Everything that a restart needs, given what the trainer holds.
    pub fn state(&self, shared: Arc<SharedState>) -> Result<SearchState, SearchError> {
        Ok(SearchState {
            place: self.place,
            strategy: self.strategy.state()?,
            advantage: self.advantage.differences(),
            best: self.best.clone(),
            archs_sampled: self.archs_sampled,
            finals: self.finals.clone(),
            diagnosis: self.diagnosis,
            shared,
            replicas: self.replicas.states()?,
            of_cycle: self.of_cycle.clone(),
            replay: Vec::new(),
        })
    }

    /// What is searched on.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The step that comes next.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The number of the step that comes next.
    pub fn number(&self) -> u64 {
        self.place.number(&self.task.config.schedule)
    }

    /// Who draws what is learnt from.
    pub fn drawer(&self) -> Drawer {
        self.strategy.drawer()
    }

    /// Updates that the policy has had; none where no policy draws.
    pub fn policy_version(&self) -> Option<u64> {
        self.drawer().policy().map(Policy::version)
    }

    /// The best architectures.
    pub fn best(&self) -> &BestArchs {
        &self.best
    }

    /// Architectures drawn so far, both arms.
    pub fn archs_sampled(&self) -> u64 {
        self.archs_sampled
    }

    /// The policy against the random arm.
    pub fn advantage(&self) -> AdvantageReport {
        let mut rng = generator(self.task.config.seed, Owner::Bootstrap, self.number());
        self.advantage.report(&mut rng)
    }

    /// What the last derivation told of the search.
    pub fn diagnosis(&self) -> Diagnosis {
        self.diagnosis
    }

    /// The work of the step that comes next.
    pub fn work(&self) -> Work {
        self.work_at(self.place)
    }

    /// What the step after the next will draw from π, with θ as it stands once it has learnt
    /// from the next; nothing where replicas draw.
    pub fn sample_ahead(&self) -> Option<DrawRequest> {
        match self.work_at(self.place.next(&self.task.config.schedule)) {
            Work::Controller { policy: sample, .. }
            | Work::Shared { sample, .. }
            | Work::Derive { sample, .. } => Some(sample),
            Work::Children | Work::Choose => None,
        }
    }

    fn work_at(&self, place: Place) -> Work {
        let config = &self.task.config;
        let index = place.number(&config.schedule);
        let (epoch, rule) = (place.epoch, DrawRule::OfArm);
        let request = |arm, count| DrawRequest { arm, count, index, epoch, rule };
        match place.phase {
            Phase::Shared { .. } => Work::Shared {
                sample: shared_draws::request(config, place, index),
                step: SharedStep {
                    index: place.shared_step(&config.schedule),
                    learning_rate: learning_rate(&config.shared, epoch, 0.0),
                },
            },
            Phase::Controller { .. } if self.task.is_stand_alone() => Work::Children,
            Phase::Derive if self.task.is_stand_alone() => Work::Choose,
            Phase::Controller { .. } => Work::Controller {
                policy: request(Arm::Controller, config.schedule.rollouts_per_step),
                uniform: request(Arm::Random, config.schedule.of_random_arm()),
                batch: index,
            },
            Phase::Derive => {
                let samples = config.derive.samples;
                let retrains = 0 < config.finals.candidates + config.finals.sample;
                let sample = request(Arm::Derive, samples);
                let at_start = DrawRequest { rule: DrawRule::AtStart, ..sample };
                Work::Derive {
                    sample,
                    uniform: retrains.then(|| request(Arm::Random, samples)),
                    at_start: self.policy_version().map(|_| at_start),
                    batch: index,
                    again: index | ANOTHER_BATCH,
                }
            }
        }
    }

    /// Takes note of an update of ω.
    pub fn finish_shared(&mut self, drawn: Vec<Sampled>, report: TrainReport) -> StepRecord {
        let arm = shared_draws::request(&self.task.config, self.place, self.number()).arm;
        let rows = drawn.into_iter().map(|s| row(arm, s, None)).collect();
        self.finish(rows, Outcome::Shared(report))
    }

    /// Updates θ with the scores of its own rollouts. The step is then to be finished, for which
    /// the random arm's scores are wanted, and no sooner.
    pub fn learn(&mut self, policy: Vec<Scored>) -> Result<Learnt, SearchError> {
        let report = self.strategy.learn(&policy, self.policy_step(self.place.epoch))?;
        Ok(Learnt { policy, report })
    }

    /// The step of θ that comes next, by what was drawn after so many epochs.
    pub(super) fn policy_step(&self, epoch: u64) -> PolicyStep {
        let steps = self.task.config.schedule.controller_steps;
        PolicyStep { epoch, left: steps.saturating_sub(self.place.phase.step() + 1) }
    }

    /// Compares what θ has learnt from with the random arm.
    pub fn finish_controller(
        &mut self,
        learnt: Learnt,
        random: Vec<Scored>,
    ) -> Result<StepRecord, SearchError> {
        self.compare(learnt, random, None)
    }

    pub(super) fn compare(
        &mut self,
        learnt: Learnt,
        random: Vec<Scored>,
        applied: Option<Applied>,
    ) -> Result<StepRecord, SearchError> {
        let Learnt { policy, report: learn } = learnt;
        let rewards = |scored: &[Scored]| -> Vec<f64> { scored.iter().map(|s| s.reward).collect() };
        if !random.is_empty() {
            self.advantage.push(&rewards(&policy), &rewards(&random))?;
        }
        let space = policy.first().map_or(self.task.space, |scored| scored.sampled.arch.space());
        let probabilities = Probabilities::mean(policy.iter().map(|s| &s.sampled.rollout));
        let random_reward = (!random.is_empty()).then(|| mean(&rewards(&random)));
        let accuracy = policy.iter().map(|s| s.score.accuracy()).sum::<f64>() / policy.len() as f64;
        let perplexities = policy.iter().map(|s| self.task.objective.perplexity(s.score));
        let perplexity = perplexities.sum::<Option<f64>>().map(|sum| sum / policy.len() as f64);
        let next = self.place.next(&self.task.config.schedule);
        let ends_phase = !matches!(next.phase, Phase::Controller { .. });
        let is_compared = self.task.config.schedule.random_arm;
        let advantage = (ends_phase && is_compared).then(|| self.advantage());
        let mut rows: Vec<Row> = Vec::new();
        for (arm, scored) in [(Arm::Controller, policy), (Arm::Random, random)] {
            rows.extend(scored.into_iter().map(|s| row(arm, s.sampled, Some(s.reward))));
        }
        let report = ControllerReport {
            space,
            learn,
            probabilities,
            accuracy,
            perplexity,
            random_reward,
            advantage,
            applied,
        };
        Ok(self.finish(rows, Outcome::Controller(report)))
    }

    /// What came of promotions, and the one under way.
    pub fn finals(&self) -> &Finals {
        &self.finals
    }

    /// The same, to take note of trials and certificates.
    pub fn finals_mut(&mut self) -> &mut Finals {
        &mut self.finals
    }

    /// What the promotion under way waits for; the oldest that was asked for begins where there is
    /// none. Nothing where there is nothing to promote.
    pub fn promotion_work(&mut self) -> Option<PromotionWork> {
        let finals = &mut self.finals;
        if finals.under_way.is_none() && !finals.waiting.is_empty() {
            finals.under_way = Some(finals.waiting.remove(0));
        }
        let has_test = self.task.dataset.has_test();
        Some(finals.under_way.as_ref()?.work(self.task.objective, has_test))
    }

    pub(super) fn finish(&mut self, rows: Vec<Row>, outcome: Outcome) -> StepRecord {
        let place = self.place;
        self.archs_sampled += rows.iter().filter(|row| row.is_drawn()).count() as u64;
        self.place = place.next(&self.task.config.schedule);
        StepRecord { place, rows, outcome }
    }
}

pub(super) fn row(arm: Arm, sampled: Sampled, reward: Option<f64>) -> Row {
    let Sampled { rollout, arch, .. } = sampled;
    let (log_prob, entropy) = (Some(rollout.log_prob), Some(rollout.entropy));
    Row { arm, arch, log_prob, entropy, reward }
}
