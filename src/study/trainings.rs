//! Nets that are trained from scratch, several at once, each on a thread of its own; what was
//! measured of each is kept, so that it is trained once.
//!
//! ```text
//! KEY.json      what a finished net has right
//! KEY/          one under way, where its training takes long
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use crate::search::{Score, Trial, TrialPlan, TrialState, TrialTask};
use crate::store::{TrialFolder, write_atomically};
use crate::study::{Progress, StudyError};

/// How often a net under way is kept.
const KEPT_EVERY: Duration = Duration::from_secs(30);

/// The folder of nets under way, and of finished ones that are kept.
const UNDER_WAY: &str = "under-way";

/// What is kept of a finished net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Measured {
    /// The architecture, in the native text form.
    arch: String,
    seed: u32,
    /// None where it is no number.
    nll: Option<f64>,
    correct: u64,
    items: u64,
}

/// Trains nets, and remembers what they have right of the validation split.
pub(super) struct Trainings<'a> {
    pub(super) task: &'a TrialTask,
    /// Where what was measured is kept.
    pub(super) folder: &'a Path,
    /// Whether finished nets are kept, too.
    pub(super) keeps: bool,
    pub(super) threads: usize,
}

impl Trainings<'_> {
    /// The score of each of `plans`, in their order.
    pub(super) fn scores(
        &self,
        what: &str,
        plans: &[TrialPlan],
        told: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Score>, StudyError> {
        let keys: Vec<String> = plans.iter().map(|plan| self.task.key(plan)).collect();
        let mut known = BTreeMap::new();
        for key in &keys {
            if let Some(score) = self.known(key)? {
                known.insert(key.clone(), score);
            }
        }
        let mut missing: BTreeMap<&str, &TrialPlan> = BTreeMap::new();
        for (key, plan) in keys.iter().zip(plans).filter(|(key, _)| !known.contains_key(*key)) {
            missing.insert(key, plan);
        }
        // By seed, so that a study that is stopped has whole rounds.
        let mut missing: Vec<(&str, &TrialPlan)> = missing.into_iter().collect();
        missing.sort_by_key(|(key, plan)| (plan.seed, keys.iter().position(|k| k == key)));
        let of = (known.len() + missing.len()) as u64;
        if !missing.is_empty() {
            told(Progress { what: what.to_owned(), done: known.len() as u64, of });
        }
        self.train(&missing, |key, score| {
            known.insert(key.to_owned(), score);
            told(Progress { what: what.to_owned(), done: known.len() as u64, of });
        })?;
        Ok(keys.iter().map(|key| known[key]).collect())
    }

    /// Trains each, and hands out what it scored as it is finished.
    fn train(
        &self,
        missing: &[(&str, &TrialPlan)],
        mut finished: impl FnMut(&str, Score),
    ) -> Result<(), StudyError> {
        let trials = TrialFolder::open(&self.folder.join(UNDER_WAY))?;
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let work = |sender: mpsc::Sender<_>| {
            // A net alone on a thread loses no time in waiting for others.
            let pool = ThreadPoolBuilder::new().num_threads(1).build();
            let pool = pool.map_err(|error| StudyError::Thread(io::Error::other(error)))?;
            while !stop.load(Ordering::Relaxed) {
                let Some((key, plan)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let score = pool.install(|| self.train_one(key, plan, &trials, &stop))?;
                if let Some(score) = score {
                    // Whoever counts them outlives all that train.
                    let _ = sender.send((*key, score));
                }
            }
            Ok::<(), StudyError>(())
        };
        let work = |sender| work(sender).inspect_err(|_| stop.store(true, Ordering::Relaxed));
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads.clamp(1, missing.len().max(1)))
                .map(|_| {
                    let sender = sender.clone();
                    scope.spawn(|| work(sender))
                })
                .collect();
            // Until the last of them is over.
            drop(sender);
            for (key, score) in receiver {
                finished(key, score);
            }
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// Trains one net to its end; nothing where `stop` is set on the way.
    fn train_one(
        &self,
        key: &str,
        plan: &TrialPlan,
        trials: &TrialFolder,
        stop: &AtomicBool,
    ) -> Result<Option<Score>, StudyError> {
        let Some(state) = self.to_the_end(key, plan, trials, stop)? else { return Ok(None) };
        let score = state.valid.unwrap_or_default();
        let Score { nll, correct, items } = score;
        let measured = Measured {
            arch: plan.arch.to_string(),
            seed: plan.seed,
            nll: nll.is_finite().then_some(nll),
            correct,
            items,
        };
        let text = serde_json::to_vec(&measured).map_err(StudyError::Json)?;
        if self.keeps {
            trials.put(key, plan, &state)?;
        } else {
            trials.remove(key)?;
        }
        write_atomically(&self.path(key), &text)?;
        Ok(Some(score))
    }

    /// A net at its end, from where its files are; one that is damaged is trained again. Nothing where
    /// `stop` is set on the way.
    fn to_the_end(
        &self,
        key: &str,
        plan: &TrialPlan,
        trials: &TrialFolder,
        stop: &AtomicBool,
    ) -> Result<Option<TrialState>, StudyError> {
        let state = trials.load(key).unwrap_or_default();
        let mut trial = Trial::new(self.task.clone(), plan.clone(), state.as_ref())?;
        let mut kept = Instant::now();
        while !trial.is_finished() {
            if trial.epoch(|| stop.load(Ordering::Relaxed))?.is_none() {
                return Ok(None);
            }
            if KEPT_EVERY <= kept.elapsed() && !trial.is_finished() {
                trials.put(key, plan, &trial.state()?)?;
                kept = Instant::now();
            }
        }
        Ok(Some(trial.state()?))
    }

    /// A finished net that is kept; one that is lost is trained again.
    pub(super) fn finished(&self, plan: &TrialPlan) -> Result<TrialState, StudyError> {
        let trials = TrialFolder::open(&self.folder.join(UNDER_WAY))?;
        let never = AtomicBool::new(false);
        let state = self.to_the_end(&self.task.key(plan), plan, &trials, &never)?;
        Ok(state.unwrap_or_default())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// What was measured of a net earlier. What cannot be read as that is measured again.
    fn known(&self, key: &str) -> Result<Option<Score>, StudyError> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => {
                let found = serde_json::from_slice::<Measured>(&bytes).ok();
                Ok(found.map(|net| Score::kept(net.nll, net.correct, net.items)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StudyError::File { path, source }),
        }
    }
}
