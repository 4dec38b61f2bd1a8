//! How the search learns: policy, REINFORCE, the random arm, the schedule, and the plain loop.
//!
//! Nothing here knows actors, files, sockets or the clock: [`run`] is a whole search on one
//! thread, and the actors only spread the same calls over several.

mod adam;
mod advantage;
mod arm;
mod averaging;
mod backward;
mod baseline;
mod best;
mod bounds;
mod budget;
mod carried;
mod config;
mod dense;
mod derivation;
mod diagnosis;
mod drawer;
mod error;
mod estimate;
mod evolution;
mod fair;
mod final_config;
mod finals;
mod forecast;
mod input;
mod interval;
mod limit;
mod objective;
mod pair;
mod phase_rollouts;
mod policy;
mod policy_learner;
mod population;
mod ppo;
mod predictor;
mod prior;
mod promotion;
mod random;
mod random_search;
mod rank_correlation;
mod reading;
mod record;
mod reinforce;
mod request;
mod rollout;
mod run;
mod rungs;
mod sample;
mod schedule;
mod shared;
mod shared_draws;
mod shared_weights;
mod softmax;
mod steps;
mod strata;
mod strategies;
mod strategy;
mod table;
mod tape;
mod task;
mod theta;
mod trial;
mod trial_state;
mod variance;
mod verdict;
mod walk;
#[cfg(test)]
mod witness;
mod word_predictor;

pub use adam::AdamState;
pub use advantage::{Advantage, AdvantageReport, MIN_STEPS};
pub use arm::Arm;
pub use averaging::Averaging;
pub use baseline::Baseline;
pub use best::{BestArch, BestArchs, BestChange};
pub use bounds::EntropyRange;
pub use budget::{ArchCost, Budget};
pub use config::{
    DeriveConfig, LimitsConfig, PolicyConfig, ScheduleConfig, ScoreConfig, SearchConfig,
    SharedDraws, StrategyKind,
};
pub use derivation::Derived;
pub use diagnosis::{Diagnosis, SCORED_AGAIN, mean_difference, paired_difference};
pub use drawer::Drawer;
pub use error::SearchError;
pub use estimate::{Estimator, Job, ValidSet};
pub use evolution::Evolution;
pub use final_config::FinalConfig;
pub use finals::{Champion, Conclusion, Finals, Retrained, Rival, Ruling};
pub use forecast::{Features, Forecast, MIN_FORECAST};
pub use interval::Interval;
pub use limit::{Limit, Redrawn, TightLimit};
pub use objective::{Objective, Score, Scored};
pub use pair::{Pair, PairReport};
pub use phase_rollouts::{MAX_PHASE_ROLLOUTS, PhaseRollout};
pub use policy::Policy;
pub use population::Population;
pub use ppo::Ppo;
pub use predictor::{ClassProbability, PredictFault, Prediction, Predictor};
pub use promotion::{Candidate, Cause, Promotion, PromotionWork};
pub use random::Random;
pub use random_search::RandomSearch;
pub use rank_correlation::{MIN_ARCHS, RankCorrelation, kendall};
pub use record::{ControllerReport, Outcome, Row, StepRecord};
pub use reinforce::Reinforce;
pub use request::{MAX_WAITING, Unqueued};
pub use rollout::{PickProbabilities, Probabilities, Rollout, Sampled};
pub use run::{run, run_with};
pub use rungs::Rung;
pub use sample::{DrawRequest, DrawRule, Drawn, archs, draw};
pub use schedule::{Phase, Place, Until};
pub use shared::{
    ControlReport, SharedLearner, SharedReport, SharedState, SharedStep, TrainReport,
};
pub use shared_weights::SharedWeights;
pub use steps::{Learnt, Search, SearchState, Work};
pub use strategy::{LearnReport, PolicyStep, Strategy, StrategyState, UpdateReport};
pub use table::{ScoreTable, Table, TableFault};
pub use task::Task;
pub use trial::{Trial, TrialPlan, TrialReport, TrialTask};
pub use trial_state::TrialState;
pub use variance::Variance;
pub use verdict::{Comparison, Verdict};
pub use word_predictor::{TextPrediction, WordFault, WordPredictor, WordProbability};
