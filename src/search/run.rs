//! The plain loop: a whole search on one thread, without actors.
//!
//! It is the specification of what the actors do: a test requires the same history, bit for bit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::search::{
    DrawRequest, Estimator, Job, Sampled, Scored, Search, SearchError, SearchState, SharedLearner,
    SharedState, SharedWeights, StepRecord, Task, Until, ValidSet, Work, archs, draw,
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
    let mut learner = SharedLearner::new(task, &state.shared, place)?;
    while !until.is_reached(search.place(), &schedule) {
        observe(&step(&mut search, &mut learner, estimator)?);
    }
    search.state(learner.state()?.into())
}

/// Takes one step.
fn step(
    search: &mut Search,
    learner: &mut SharedLearner,
    estimator: &mut dyn Estimator,
) -> Result<StepRecord, SearchError> {
    let task = search.task().clone();
    let sample = |search: &Search, request: DrawRequest| {
        draw(search.policy(), task.space, task.config.seed, request)
    };
    let mut score = |drawn: Vec<Sampled>, on, shared: &Arc<SharedState>| {
        let job = Job { archs: archs(&drawn), on, shared: shared.clone() };
        let scores = estimator.estimate(&job, &AtomicU64::new(0))?;
        Ok::<Vec<Scored>, SearchError>(task.objective.scored(drawn, scores))
    };
    match search.work() {
        Work::Shared { sample: request, step } => {
            let drawn = sample(search, request)?;
            let report = learner.train(&archs(&drawn), step)?;
            Ok(search.finish_shared(drawn, report))
        }
        Work::Controller { policy, uniform, batch } => {
            let (shared, on) = (learner.state()?.into(), ValidSet::Batch(batch));
            let policy = score(sample(search, policy)?, on, &shared)?;
            let random = score(sample(search, uniform)?, on, &shared)?;
            let learnt = search.learn(policy)?;
            search.finish_controller(learnt, random)
        }
        Work::Derive { sample: request, batch } => {
            let shared = learner.state()?.into();
            let drawn = score(sample(search, request)?, ValidSet::Batch(batch), &shared)?;
            let short = score(search.shortlist(&drawn), ValidSet::Whole, &shared)?;
            Ok(search.finish_derive(drawn, short))
        }
    }
}
