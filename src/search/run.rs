//! The plain loop: a whole search on one thread, without actors.
//!
//! It is the specification of what the actors do: a test requires the same history, bit for bit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::data::{Opening, TestLedger};
use crate::search::{
    Derived, DrawRequest, Estimator, Job, PromotionWork, Sampled, Scored, Search, SearchError,
    SearchState, SharedLearner, SharedState, SharedWeights, StandAlone, StepRecord, Task, Trial,
    TrialPlan, TrialState, TrialTask, Until, ValidSet, Work, archs, draw,
};

/// Searches from `state` until `until` with shared weights, and hands every finished step to
/// `observe`. Returns the state at the end.
pub fn run(
    task: Task,
    state: &SearchState,
    until: Until,
    observe: impl FnMut(&StepRecord),
) -> Result<SearchState, SearchError> {
    let mut estimator = SharedWeights::new(task.clone());
    run_with(task, state, until, &mut estimator, observe)
}

/// The same with the scores of `estimator`.
pub fn run_with(
    task: Task,
    state: &SearchState,
    until: Until,
    estimator: &mut dyn Estimator,
    mut observe: impl FnMut(&StepRecord),
) -> Result<SearchState, SearchError> {
    let schedule = task.config.schedule;
    let mut search = Search::new(task.clone(), state)?;
    let place = search.place().shared_step(&schedule);
    let mut promoter = Promoter::new(&task);
    let mut omega = if schedule.shared_steps == 0 {
        Omega::Fixed(state.shared.clone())
    } else {
        Omega::Learnt(SharedLearner::new(task, &state.shared, place)?)
    };
    promoter.promote(&mut search)?;
    while !until.is_reached(search.place(), &schedule) {
        observe(&step(&mut search, &mut omega, estimator)?);
        promoter.promote(&mut search)?;
    }
    search.state(omega.state()?)
}

/// ω, and what trains it where anything does.
enum Omega {
    Learnt(SharedLearner),
    Fixed(Arc<SharedState>),
}

impl Omega {
    fn state(&self) -> Result<Arc<SharedState>, SearchError> {
        match self {
            Self::Learnt(learner) => Ok(learner.state()?.into()),
            Self::Fixed(shared) => Ok(shared.clone()),
        }
    }
}

/// Takes one step.
fn step(
    search: &mut Search,
    omega: &mut Omega,
    estimator: &mut dyn Estimator,
) -> Result<StepRecord, SearchError> {
    let task = search.task().clone();
    let sample = |search: &Search, request: DrawRequest| {
        Ok::<_, SearchError>(draw(&search.drawer(), &task, task.config.seed, request)?.sampled)
    };
    let mut score = |arm, drawn: Vec<Sampled>, on, shared: &Arc<SharedState>| {
        let job = Job::new(arm, &drawn, on, shared);
        let scores = estimator.estimate(&job, &AtomicU64::new(0))?;
        Ok::<Vec<Scored>, SearchError>(estimator.scored(task.objective, drawn, scores))
    };
    match search.work() {
        Work::Shared { sample: request, step } => {
            let drawn = sample(search, request)?;
            let Omega::Learnt(learner) = omega else {
                unreachable!("a schedule without steps of ω has none")
            };
            let report = learner.train(&archs(&drawn), step)?;
            Ok(search.finish_shared(drawn, report.shared))
        }
        Work::Controller { policy, uniform, batch } => {
            let (shared, on) = (omega.state()?, ValidSet::Batch(batch));
            let policy = score(policy.arm, sample(search, policy)?, on, &shared)?;
            let random = score(uniform.arm, sample(search, uniform)?, on, &shared)?;
            let learnt = search.learn(policy)?;
            search.finish_controller(learnt, random)
        }
        Work::Children => learn_from_children(search),
        Work::Choose => search.finish_choose(),
        Work::Derive { sample: request, uniform, at_start, batch, again: again_batch } => {
            let shared = omega.state()?;
            let forecast = search.forecast();
            let mut derive = |request: DrawRequest| {
                let arm = request.arm;
                let drawn = score(arm, sample(search, request)?, ValidSet::Batch(batch), &shared)?;
                let short = search.shortlist(&drawn, forecast.as_ref());
                let shortlisted = score(arm, short, ValidSet::Whole, &shared)?;
                let sampled = score(arm, search.sample(arm, &drawn), ValidSet::Whole, &shared)?;
                let again = search.again(arm, &drawn);
                let again = score(arm, again, ValidSet::Batch(again_batch), &shared)?;
                Ok::<Derived, SearchError>(Derived { drawn, shortlisted, again, sampled })
            };
            let policy = derive(request)?;
            let uniform = uniform.map(&mut derive).transpose()?;
            let on_start = |request: DrawRequest| {
                score(request.arm, sample(search, request)?, ValidSet::Batch(batch), &shared)
            };
            let at_start = at_start.map(on_start).transpose()?.unwrap_or_default();
            Ok(search.finish_derive(policy, uniform, &at_start))
        }
    }
}

/// Trains children in the order of their draws until θ learns from a replica's.
fn learn_from_children(search: &mut Search) -> Result<StepRecord, SearchError> {
    let alone = StandAlone::new(search.task(), "");
    loop {
        if let Some(replica) = search.ready_replica() {
            return search.finish_children(replica);
        }
        if let Some(plan) = search.pending_children().first() {
            search.child_trained(plan, alone.train(plan)?);
        }
    }
}

/// Carries out promotions, one trial after the other, and keeps what it needs in memory.
struct Promoter {
    task: TrialTask,
    ledger: TestLedger,
}

impl Promoter {
    /// For a search on `task`. Nothing is looked up by the data's fingerprint here.
    fn new(task: &Task) -> Self {
        Self { task: TrialTask::new(task, ""), ledger: TestLedger::default() }
    }

    /// Carries out every promotion there is, and retrains the stratified sample.
    fn promote(&mut self, search: &mut Search) -> Result<(), SearchError> {
        let objective = search.task().objective;
        if let Some(sample) = &mut search.finals_mut().sample {
            for plan in sample.pending(objective) {
                sample.trained(&plan, self.train(&plan)?.valid.unwrap_or_default());
            }
        }
        search.finals_mut().conclude_sample(objective);
        while let Some(work) = search.promotion_work() {
            match work {
                PromotionWork::Train(plans) => {
                    for plan in plans {
                        let score = self.train(&plan)?.valid.unwrap_or_default();
                        if let Some(promotion) = &mut search.finals_mut().under_way {
                            promotion.trained(&plan, score);
                        }
                    }
                }
                PromotionWork::Certify(place) => {
                    let Some(promotion) = &mut search.finals_mut().under_way else { continue };
                    let certificate =
                        match self.ledger.open(&promotion.candidate_key(&self.task, place)) {
                            Opening::Known(certificate) => certificate,
                            Opening::Open(receipt) => {
                                let plans = promotion.plans(place);
                                let nets = plans.map(|plan| {
                                    self.task.certify(&plan, &self.train(&plan)?, &receipt)
                                });
                                let nets = nets.collect::<Result<_, SearchError>>()?;
                                self.ledger.close(receipt, nets)
                            }
                        };
                    promotion.certified(place, &certificate);
                }
                PromotionWork::Conclude => drop(search.finals_mut().conclude(objective)),
            }
        }
        Ok(())
    }

    /// Trains one net from scratch to its end.
    fn train(&self, plan: &TrialPlan) -> Result<TrialState, SearchError> {
        let mut trial = Trial::new(self.task.clone(), plan.clone(), None)?;
        while !trial.is_finished() {
            trial.epoch(|| false)?;
        }
        trial.state()
    }
}
