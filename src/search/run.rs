//! The plain loop: a whole search on one thread, without actors.
//!
//! It is the specification of what the actors do: a test requires the same history, bit for bit.

use crate::search::{
    SampleRequest, Sampled, Score, Scorer, Search, SearchError, SearchState, SharedLearner,
    StepRecord, Task, Until, ValidSet, Work, draw,
};
use crate::space::Arch;

/// Searches from `state` until `until`, and hands every finished step to `observe`. Returns the
/// state at the end.
pub fn run(
    task: Task,
    state: &SearchState,
    until: Until,
    mut observe: impl FnMut(&StepRecord),
) -> Result<SearchState, SearchError> {
    let schedule = task.config.schedule;
    let mut search = Search::new(task.clone(), state)?;
    let scorer = Scorer::new(task.clone());
    let place = search.place().shared_step(&schedule);
    let mut learner = SharedLearner::new(task, &state.shared, place)?;
    while !until.is_reached(search.place(), &schedule) {
        observe(&step(&mut search, &mut learner, &scorer)?);
    }
    search.state(learner.state()?.into())
}

/// Takes one step.
fn step(
    search: &mut Search,
    learner: &mut SharedLearner,
    scorer: &Scorer,
) -> Result<StepRecord, SearchError> {
    let task = search.task().clone();
    let sample = |search: &Search, request: SampleRequest| {
        draw(search.reinforce().policy(), task.space, task.config.seed, request)
    };
    match search.work() {
        Work::Shared { sample: request, step } => {
            let drawn = sample(search, request)?;
            let report = learner.train(&archs(&drawn), step)?;
            Ok(search.finish_shared(drawn, report))
        }
        Work::Controller { policy, uniform, batch } => {
            let shared = learner.state()?.params;
            let score = |drawn: Vec<Sampled>| {
                let scores = scorer.score(&shared, &archs(&drawn), ValidSet::Batch(batch))?;
                Ok::<_, SearchError>(pair(drawn, scores))
            };
            let policy = score(sample(search, policy)?)?;
            let random = score(sample(search, uniform)?)?;
            let learnt = search.learn(policy)?;
            search.finish_controller(learnt, random)
        }
        Work::Derive { sample: request, batch } => {
            let shared = learner.state()?.params;
            let drawn = sample(search, request)?;
            let scores = scorer.score(&shared, &archs(&drawn), ValidSet::Batch(batch))?;
            let drawn = pair(drawn, scores);
            let short = search.shortlist(&drawn);
            let scores = scorer.score(&shared, &short, ValidSet::Whole)?;
            Ok(search.finish_derive(drawn, pair(short, scores)))
        }
    }
}

/// The architectures of a draw.
pub fn archs(drawn: &[Sampled]) -> Vec<Arch> {
    drawn.iter().map(|sampled| sampled.arch.clone()).collect()
}

/// What was scored, with its score.
pub fn pair<T>(scored: Vec<T>, scores: Vec<Score>) -> Vec<(T, Score)> {
    scored.into_iter().zip(scores).collect()
}
