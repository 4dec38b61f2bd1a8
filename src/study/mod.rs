//! A study: which way of scoring architectures agrees with retraining them, and how far.
//!
//! ```text
//! validation split ─┬─ one half ─► the truth: S nets of each of A architectures, −ln nll
//!                   └─ the other ─► what is compared with it: shared scores with ω as each lever
//!                                   trains it, nets of few epochs, sizes, zero-cost measures
//! ```
//!
//! The test split is not read. Whatever takes long is kept by what its bits depend on: a study that
//! is stopped goes on, and a second one of the same task has the truth already.

mod confirm;
mod error;
mod findings;
mod levers;
mod omega;
mod regret;
mod simulate;
mod tabulate;
mod trainings;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::data::{Contents, Dataset, ImageData, ImageOrder, Scratch};
use crate::engine::{Executor, Images, ZeroCost, initial_values};
use crate::numbers::mean;
use crate::random::{Owner, generator};
use crate::search::{
    Arm, DrawRequest, DrawRule, Drawer, Estimator, EstimatorKind, Features, FinalConfig, Forecast,
    Job, Objective, Score, ScoreConfig, SearchConfig, SharedState, SharedWeights, Task, TrialPlan,
    TrialTask, ValidSet, Variance, draw,
};
use crate::space::Arch;
use crate::store::{LoadedCheckpoint, data_text, read_state};
use crate::study::findings::ceiling;
use crate::study::omega::Omega;
use crate::study::trainings::Trainings;

pub use confirm::{Confirmation, Confirmed, GroupDifference, confirm};
pub use error::StudyError;
pub use findings::{Band, Estimate, Findings, NetScore, StudiedArch};
pub use levers::{LEVERS, Lever};
pub use regret::{Regret, RegretCurve, RegretGain, RegretPoint, SearchGroup, regret};
pub use simulate::{Simulation, SimulationPlan, simulate};
pub use tabulate::{Tabulated, tabulate};

/// Epochs of the short trainings that are compared with the truth.
const SHORT: [u64; 3] = [1, 2, 5];

/// The seed of their nets: no net of the truth has it.
const SHORT_SEED: u32 = 1_000_000;

/// Training images that zero-cost measures are taken on.
const ZERO_COST_IMAGES: usize = 64;

/// Training images on which the norms of shared scores are calibrated.
const CALIBRATION: usize = 500;

/// How shared scores are taken, but for those that are taken as the authors' code does.
const SOUND: ScoreConfig = ScoreConfig {
    estimator: EstimatorKind::SharedWeights,
    reward: Objective::NegLogNll,
    images: ImageOrder::Balanced,
    calibration: CALIBRATION,
};

/// What nets are trained on, and where what was measured of them is kept.
#[derive(Debug)]
pub struct Ground {
    /// The settings of the search and of what is retrained.
    pub config: SearchConfig,
    /// What computes.
    pub exec: Arc<dyn Executor>,
    /// Nets of each architecture.
    pub seeds: u32,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// Nets that are trained at once.
    pub threads: usize,
}

impl Ground {
    /// The data, which are images: the scores of text say nothing that a net gets right or wrong. And
    /// their fingerprint.
    fn images(&self) -> Result<(Dataset, String), StudyError> {
        let scratch = Scratch::new(&self.folder.join("cache"));
        let dataset = Dataset::load_into(&self.config.data, self.config.seed, &scratch)?;
        dataset.images()?;
        let name = Contents::of(&dataset)?.blake3().to_owned();
        Ok((dataset, name))
    }
}

/// What a study is asked.
#[derive(Debug)]
pub struct StudyPlan {
    /// What it stands on.
    pub ground: Ground,
    /// Architectures: the published one where there is one, and uniform draws.
    pub archs: usize,
    /// Ways to train ω.
    pub levers: Vec<Lever>,
    /// Searches with each, of different seeds: scores are averaged over them.
    pub searches: u64,
    /// The present ω of a search, to be scored too.
    pub present: Option<PresentOmega>,
}

/// ω of a search, as its newest checkpoint has it.
#[derive(Debug)]
pub struct PresentOmega {
    /// The checkpoint.
    pub checkpoint: LoadedCheckpoint,
    /// The settings of its search.
    pub config: SearchConfig,
}

/// How far one part of a study is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub what: String,
    /// How much of it is.
    pub done: u64,
    /// Of how much.
    pub of: u64,
}

/// Both halves of the validation split, each with the fingerprint of its data.
struct Halves {
    scores: (Dataset, String),
    truth: (Dataset, String),
    /// The fingerprint of the whole data.
    whole: String,
}

/// Carries out a study; `told` is told how far it is.
pub fn study(plan: &StudyPlan, told: &mut dyn FnMut(Progress)) -> Result<Findings, StudyError> {
    let ground = &plan.ground;
    let halves = halves(ground)?;
    let task = Task::new(ground.config.clone(), halves.scores.0.clone(), ground.exec.clone())?;
    for lever in &plan.levers {
        lever.check(task.space)?;
    }
    let archs = archs(&task, plan.archs)?;
    let mut found = truth(ground, &halves, &archs, told)?;
    short(ground, &task, (&halves, &archs), (&mut found, told))?;
    sizes(&task, &archs, &mut found)?;
    zero_cost(&task, &archs, (&mut found, told))?;
    forecast(&task, &archs, &mut found)?;
    if let Some(present) = &plan.present {
        self::present(ground, present, (&halves, &archs), &mut found)?;
    }
    for lever in &plan.levers {
        shared(plan, *lever, (&halves, &archs), (&mut found, told))?;
    }
    Ok(found)
}

fn halves(plan: &Ground) -> Result<Halves, StudyError> {
    let (dataset, whole) = plan.images()?;
    let [scores, truth] = dataset.images()?.halved(plan.config.seed)?;
    let with_name = |half: ImageData| {
        let half = Dataset::from(half);
        let name = Contents::of(&half)?.blake3().to_owned();
        Ok::<_, StudyError>((half, name))
    };
    Ok(Halves { scores: with_name(scores)?, truth: with_name(truth)?, whole })
}

/// The published architecture, where the space has one, and uniform draws within the limits, each
/// once.
fn archs(task: &Task, count: usize) -> Result<Vec<Arch>, StudyError> {
    // That of the micro space has five nodes, whatever is searched.
    let published = task.space.rules().published().ok().filter(|arch| arch.space() == task.space);
    let mut found: Vec<Arch> = published.into_iter().collect();
    let mut ids: Vec<String> = found.iter().map(Arch::id).collect();
    // Small spaces hold few that differ.
    for index in 0..100 {
        let (index, rule) = (u64::MAX - index, DrawRule::OfArm);
        let request = DrawRequest { arm: Arm::Random, count, index, epoch: 0, rule };
        for sampled in draw(&Drawer::Uniform, task, task.config.seed, request)?.sampled {
            let id = sampled.arch.id();
            if found.len() < count && !ids.contains(&id) {
                ids.push(id);
                found.push(sampled.arch);
            }
        }
        if found.len() == count {
            return Ok(found);
        }
    }
    Err(StudyError::Archs { asked: count, found: found.len() })
}

/// The nets of every architecture, measured on one half of the validation images.
fn truth(
    plan: &Ground,
    halves: &Halves,
    archs: &[Arch],
    told: &mut dyn FnMut(Progress),
) -> Result<Findings, StudyError> {
    let (dataset, data) = &halves.truth;
    let task = Task::new(plan.config.clone(), dataset.clone(), plan.exec.clone())?;
    let trials = TrialTask::new(&task, data);
    let recipe = plan.config.finals;
    trials.check(task.space, &recipe)?;
    let nets = archs.iter().flat_map(|arch| {
        (0..plan.seeds).map(|seed| TrialPlan { arch: arch.clone(), seed, recipe })
    });
    let folder = plan.folder.join("nets");
    let trainings =
        Trainings { task: &trials, folder: &folder, keeps: false, threads: plan.threads };
    let scores = trainings.scores("nets of the truth", &nets.collect::<Vec<_>>(), told)?;
    let nets = scores.chunks_exact(plan.seeds as usize);
    let archs: Vec<StudiedArch> = archs
        .iter()
        .zip(nets)
        .map(|(arch, nets)| StudiedArch {
            id: arch.id(),
            arch: arch.to_string(),
            nets: nets.iter().copied().map(NetScore::from).collect(),
        })
        .collect();
    let rewards =
        |objective| -> Vec<Vec<f64>> { archs.iter().map(|arch| arch.rewards(objective)).collect() };
    let (logs, accuracies) = (rewards(Objective::NegLogNll), rewards(Objective::Accuracy));
    let seed = plan.config.seed;
    Ok(Findings {
        format: 1,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        space: task.space.name().to_owned(),
        data: data.clone(),
        computed_by: plan.exec.name(),
        seed,
        recipe,
        truth_images: dataset.sizes().valid,
        score_images: halves.scores.0.sizes().valid,
        variance: Variance::of(&logs),
        variance_of_accuracy: Variance::of(&accuracies),
        ceiling: ceiling(&logs, seed),
        ceiling_of_accuracy: ceiling(&accuracies, seed),
        archs,
        estimates: Vec::new(),
    })
}

/// Nets of few epochs, whose learning rate falls within them.
fn short(
    plan: &Ground,
    task: &Task,
    (halves, archs): (&Halves, &[Arch]),
    (found, told): (&mut Findings, &mut dyn FnMut(Progress)),
) -> Result<(), StudyError> {
    let trials = TrialTask::new(task, &halves.scores.1);
    let folder = plan.folder.join("nets");
    let trainings =
        Trainings { task: &trials, folder: &folder, keeps: false, threads: plan.threads };
    for epochs in SHORT {
        let recipe = FinalConfig { epochs, learning_rate_period: 0, ..plan.config.finals };
        let nets: Vec<TrialPlan> = archs
            .iter()
            .map(|arch| TrialPlan { arch: arch.clone(), seed: SHORT_SEED, recipe })
            .collect();
        let epochs = if epochs == 1 { "1 epoch".to_owned() } else { format!("{epochs} epochs") };
        let what = format!("nets of {epochs}");
        let scores = trainings.scores(&what, &nets, told)?;
        let about = "one net from scratch, −ln nll";
        found.add(&format!("{epochs} alone"), about, logs(&scores));
    }
    Ok(())
}

fn logs(scores: &[Score]) -> Vec<f64> {
    scores.iter().map(|&score| Objective::NegLogNll.reward(score)).collect()
}

fn sizes(task: &Task, archs: &[Arch], found: &mut Findings) -> Result<(), StudyError> {
    let costs = archs.iter().map(|arch| task.budget.cost(arch));
    let costs = costs.collect::<Result<Vec<_>, _>>()?;
    let params = costs.iter().map(|cost| cost.params as f64).collect();
    found.add("parameters", "of the net that stands alone", params);
    let multiply_adds = costs.iter().map(|cost| cost.multiply_adds as f64).collect();
    found.add("multiply-adds", "of the net that stands alone", multiply_adds);
    Ok(())
}

/// The three measures of nets that nobody trained.
fn zero_cost(
    task: &Task,
    archs: &[Arch],
    (found, told): (&mut Findings, &mut dyn FnMut(Progress)),
) -> Result<(), StudyError> {
    let seed = task.config.seed;
    let batch = task.dataset.images()?.calibration_batch(ZERO_COST_IMAGES, seed)?;
    let images = Images { values: &batch.images, labels: &batch.labels };
    let mut measures = Vec::new();
    for (place, arch) in archs.iter().enumerate() {
        let net = task.family.standalone(arch)?;
        let weights = initial_values(&net.params(), &mut generator(seed, Owner::Study, 0))?;
        measures.push(ZeroCost::of(&net, &weights, images)?);
        let (done, of) = (place as u64 + 1, archs.len() as u64);
        told(Progress { what: "zero-cost measures".to_owned(), done, of });
    }
    let values = |of: fn(&ZeroCost) -> f64| measures.iter().map(of).collect();
    found.add("gradient norm", "at the initial weights", values(|m| m.grad_norm));
    found.add("synflow", "at the initial weights", values(|m| m.log_synflow));
    let about = "at the initial weights (Mellor et al.)";
    found.add("Jacobian covariance", about, values(|m| m.jacobian_covariance));
    Ok(())
}

/// What all others say of an architecture, by what it is made of.
fn forecast(task: &Task, archs: &[Arch], found: &mut Findings) -> Result<(), StudyError> {
    let truths = found.truths();
    let known = archs.iter().zip(&truths).map(|(arch, truth)| {
        Ok::<_, StudyError>((Features::of(arch, &task.budget, None)?, truth - mean(&truths)))
    });
    if let Some(forecast) = Forecast::fit(&known.collect::<Result<Vec<_>, _>>()?) {
        let about = "kernel ridge on paths and sizes, from the truths of all others";
        found.add("forecast", about, forecast.left_out().to_vec());
    }
    Ok(())
}

/// Scores with the present ω of a search, which has learnt from rewards of the other half of the
/// validation images, too.
fn present(
    plan: &Ground,
    present: &PresentOmega,
    (halves, archs): (&Halves, &[Arch]),
    found: &mut Findings,
) -> Result<(), StudyError> {
    // One that is too old to know its data is taken at its word.
    let data: Option<Contents> = match data_text(&present.checkpoint)? {
        Some(text) => Some(serde_json::from_str(text).map_err(StudyError::Json)?),
        None => None,
    };
    if data.is_some_and(|data| data.blake3() != halves.whole) {
        return Err(StudyError::OtherData);
    }
    let dataset = halves.scores.0.clone();
    let task = Task::new(present.config.clone(), dataset, plan.exec.clone())?;
    let state = read_state(&present.checkpoint, &task)?;
    let values = scored(&task, SOUND, archs, &state.shared)?;
    let about = format!("of the checkpoint before search step {}", present.checkpoint.step + 1);
    found.add("ω: present", &about, values);
    Ok(())
}

/// Scores with ω as a lever trains it.
fn shared(
    plan: &StudyPlan,
    lever: Lever,
    (halves, archs): (&Halves, &[Arch]),
    (found, told): (&mut Findings, &mut dyn FnMut(Progress)),
) -> Result<(), StudyError> {
    let ((dataset, data), ground) = (&halves.scores, &plan.ground);
    let ways = [("", SOUND), (", as the authors score", ScoreConfig::paper())];
    let mut sums = ways.map(|_| vec![0.0; archs.len()]);
    for number in 0..plan.searches {
        let name = match number {
            0 => lever.name.to_owned(),
            n => format!("{}, search {}", lever.name, n + 1),
        };
        let config = lever.config(&ground.config, ground.config.seed.wrapping_add(number));
        let exec = &ground.exec;
        let omega = Omega { name: &name, config, dataset, exec, data };
        let (task, state) = omega.train(&ground.folder.join("omega"), told)?;
        for ((_, score), sums) in ways.iter().zip(&mut sums) {
            let values = scored(&task, *score, archs, &state)?;
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    for ((suffix, _), values) in ways.iter().zip(sums) {
        found.add(&format!("ω: {}{suffix}", lever.name), lever.about, values);
    }
    Ok(())
}

/// The rewards of `archs` on the whole split with `state`, as `score` has it.
fn scored(
    task: &Task,
    score: ScoreConfig,
    archs: &[Arch],
    state: &Arc<SharedState>,
) -> Result<Vec<f64>, StudyError> {
    let config = SearchConfig { score, ..(*task.config).clone() };
    let task = Task::new(config, task.dataset.clone(), task.exec.clone())?;
    let job = Job { archs: archs.to_vec(), on: ValidSet::Whole, shared: state.clone() };
    let scores = SharedWeights::new(task).estimate(&job, &AtomicU64::new(0))?;
    Ok(scores.into_iter().map(|found| score.reward.reward(found)).collect())
}
