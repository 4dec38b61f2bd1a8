//! Searches whose children are trained from scratch, as a user runs them: what they find is the same
//! however often they are killed, and whatever order the workers came in.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::{Killed, history};
use enasd::config::Config;
use enasd::data::Dataset;
use enasd::engine::ExecutorChoice;
use enasd::random::{Owner, generator};
use enasd::search::{
    Applied, Failure, Outcome, Score, Search, SearchConfig, StandAlone, StepRecord, Task,
    TrainedChild, Until, Work, child_plan, run,
};
use enasd::store::{HistoryPhase, HistoryReader, history_rows};
use rand::RngExt;

/// Small nets of NAS on pictures of stripes.
const NAS_CNN: &str = r#"
[space]
kind = "nas_cnn"
layers = 3
strides = true
[policy]
hidden = 8
skip_weight = 0.0
"#;

/// Cells of NASNet on the same, by proximal policy optimization.
const NASNET: &str = r#"
[space]
kind = "nasnet"
blocks = 2
[policy]
strategy = "ppo"
hidden = 8
"#;

/// What both of them read.
const PICTURES: &str = r#"
[data]
source = "folder"
side = 8
valid_share = 0.25
crop_padding = 0
[score]
estimator = "stand-alone"
[final]
crop_padding = 0
"#;

/// Cells of NAS that read words.
const NAS_RNN: &str = r#"
[space]
kind = "nas_rnn"
leaves = 2
[data]
source = "text"
[policy]
hidden = 8
[score]
estimator = "stand-alone"
reward = "perplexity"
[final]
bptt = 8
"#;

/// How children are trained.
const CHILDREN: &str = r#"
[net]
channels = 4
dropout_keep = 1.0
[shared]
learning_rate_period = 2
[schedule]
shared_steps = 0
batch_size = 8
controller_steps = 4
rollouts_per_step = 2
epochs_per_cycle = 2
[trial]
epochs = 2
best_of = 2
[store]
checkpoint_seconds = 0.2
[telemetry]
metrics = "off"
"#;

/// How what they choose is retrained.
const FINALS: [&str; 4] =
    ["final.seeds=1", "final.epochs=2", "final.batch_size=8", "final.channels=4"];

/// Cycles of every run here.
const CYCLES: u64 = 3;

/// Kills of a run that is killed.
const KILLS: usize = 20;

struct Rig {
    root: tempfile::TempDir,
    settings: Vec<String>,
}

/// Sentences that are easy to foretell.
fn write_text(data: &Path) {
    fs::create_dir_all(data).unwrap();
    for (name, lines) in [("train.txt", 60), ("valid.txt", 20), ("test.txt", 20)] {
        let line = |n: usize| format!("the {} cat is {} it\n", n % 5, n * n % 3);
        fs::write(data.join(name), (0..lines).map(line).collect::<Vec<_>>().concat()).unwrap();
    }
}

/// Stripes of three brightnesses, to learn from and to be tested on.
fn write_pictures(data: &Path) {
    common::write_stripes(&data.join("train"), 20);
    common::write_stripes(&data.join("test"), 8);
}

impl Rig {
    fn new(settings: &[&str]) -> Self {
        Self::of(NAS_CNN, settings)
    }

    fn of(space: &str, settings: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        let settings_of_data = if space == NAS_RNN {
            write_text(&data);
            ""
        } else {
            write_pictures(&data);
            PICTURES
        };
        let text = format!("{space}{settings_of_data}{CHILDREN}");
        fs::write(root.path().join("c.toml"), text).unwrap();
        let settings = FINALS.iter().chain(settings).map(|&setting| setting.to_owned()).collect();
        Self { root, settings }
    }

    fn state(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn daemon(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
        command
            .args(["run", "--until", &format!("cycles={CYCLES}"), "--config"])
            .args([self.root.path().join("c.toml"), "--state".into(), self.state(name)])
            .args(["--socket".into(), self.state(name).with_extension("sock")])
            .args(self.settings.iter().flat_map(|setting| ["--set", setting]))
            .env("ENASD_DATA__PATH", self.root.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    fn run(&self, name: &str) {
        let output = self.daemon(name).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {said}", output.status);
    }

    fn config(&self) -> SearchConfig {
        let mut flags: Vec<(String, String)> = self
            .settings
            .iter()
            .map(|setting| setting.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let data = self.root.path().join("data");
        flags.push(("data.path".to_owned(), data.to_str().unwrap().to_owned()));
        let file = self.root.path().join("c.toml");
        Config::load(Some(&file), std::iter::empty(), &flags).unwrap().config.search
    }

    fn task(&self) -> Task {
        let config = self.config();
        let dataset = Dataset::load(&config.data, config.seed).unwrap();
        let exec = ExecutorChoice::Auto.on_cpu().unwrap();
        Task::new(config, dataset, exec).unwrap()
    }

    fn applied(&self, name: &str) -> Vec<Applied> {
        match HistoryReader::open(&self.state(name).join("history.sqlite")) {
            Ok(reader) => reader.applied(0).unwrap(),
            Err(_) => Vec::new(),
        }
    }

    /// Kills runs, as many as it takes, so often in all, and sees that nothing that a history once had
    /// was ever taken back, and that each is that of the plain loop. Returns the name of the last.
    fn check_kills(&self) -> String {
        let mut rng = generator(14, Owner::Split, 0);
        let mut before = Vec::new();
        let (mut kills, mut runs) = (0, 0);
        let name = |runs: usize| format!("killed{runs}");
        while kills < KILLS {
            let daemon = self.daemon(&name(runs)).stderr(Stdio::null()).spawn().unwrap();
            let mut daemon = Killed(daemon);
            sleep(Duration::from_secs_f64(rng.random_range(0.1..0.8)));
            let ended = daemon.0.try_wait().unwrap();
            drop(daemon);
            let now = self.applied(&name(runs));
            assert!(now.starts_with(&before), "kill {kills}: {before:?}, then {now:?}");
            before = now;
            if let Some(status) = ended {
                assert!(status.success(), "{status}");
                self.check(&name(runs));
                (runs, before) = (runs + 1, Vec::new());
            } else {
                kills += 1;
            }
        }
        self.run(&name(runs));
        assert!(self.applied(&name(runs)).starts_with(&before));
        self.check(&name(runs));
        name(runs)
    }

    /// Sees that a history is that of the plain loop, which goes by the order in it and trains
    /// every child itself.
    fn check(&self, name: &str) {
        let (task, applied) = (self.task(), self.applied(name));
        let alone = StandAlone::new(&task, "");
        let mut state = Search::initial_state(&task).unwrap();
        state.replay.clone_from(&applied);
        let mut records: Vec<StepRecord> = Vec::new();
        run(task.clone(), &state, Until::Cycles(CYCLES), |record| records.push(record.clone()))
            .unwrap();
        let (found, _) = history(&self.state(name));
        let (expected, _) = history_rows(&records, &task.config.schedule);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.len(), expected.len());
        let mut compared = 0;
        let learnt = |record: &&StepRecord| matches!(record.outcome, Outcome::Controller(_));
        for (record, applied) in records.iter().filter(learnt).zip(&applied) {
            for (row, child) in record.rows.iter().zip(&applied.children) {
                assert_eq!(row.arch.id(), child.arch_id);
                let trained = alone.train(&child_plan(&task, row.arch.clone())).unwrap();
                assert_eq!(trained, child.result);
                compared += 1;
            }
        }
        assert_eq!(compared, CYCLES * 2 * 4 * 4);
    }
}

#[test]
fn one_replica_is_deterministic_by_itself_and_through_twenty_kills() {
    let rig = Rig::new(&[]);
    rig.run("unbroken");
    let killed = rig.check_kills();
    assert_eq!(history(&rig.state(&killed)), history(&rig.state("unbroken")));
    // Nobody says in which order, and there is only one.
    let task = rig.task();
    // Each is scored on the whole split.
    assert_eq!(task.reward_items(), task.dataset.sizes().valid);
    let mut records: Vec<StepRecord> = Vec::new();
    let state = Search::initial_state(&task).unwrap();
    run(task.clone(), &state, Until::Cycles(CYCLES), |record| records.push(record.clone()))
        .unwrap();
    let rows = history_rows(&records, &task.config.schedule);
    assert_eq!(history(&rig.state("unbroken")), rows);
}

#[test]
fn three_replicas_are_deterministic_on_replay_through_twenty_kills() {
    let rig = Rig::new(&["trial.replicas=3"]);
    let killed = rig.check_kills();
    let applied = rig.applied(&killed);
    let replicas = |of: usize| applied.iter().filter(|applied| applied.replica == of).count();
    assert!((0..3).all(|of| 1 < replicas(of)), "{applied:?}");
    assert!(applied.iter().any(|applied| 0 < applied.age), "{applied:?}");
}

#[test]
fn nets_grow_with_the_children_that_were_drawn() {
    let settings = ["trial.first_layers=3", "trial.growth_children=16", "space.layers=6"];
    let rig = Rig::new(&[&settings[..], &["trial.replicas=3"]].concat());
    let killed = rig.check_kills();
    // The number of what each replica drew last.
    let mut draws: Vec<usize> = (0..3).collect();
    for (step, applied) in rig.applied(&killed).iter().enumerate() {
        let layers = ["s3-", "s5-", "s6-"][(draws[applied.replica] * 2 / 16).min(2)];
        let are = |child: &TrainedChild| child.arch_id.starts_with(layers);
        assert!(applied.children.iter().all(are), "step {step}: {applied:?}");
        draws[applied.replica] = 3 + step;
    }
    assert_eq!(draws.iter().max(), Some(&(3 + 23)));
}

#[test]
fn cells_of_nasnet_by_proximal_policy_optimization_too() {
    let rig = Rig::of(NASNET, &["trial.replicas=3"]);
    rig.check_kills();
}

#[test]
fn cells_that_read_words_too() {
    for replicas in ["trial.replicas=1", "trial.replicas=3"] {
        let rig = Rig::of(NAS_RNN, &[replicas, "schedule.bptt=8"]);
        rig.check_kills();
    }
}

#[test]
fn children_that_are_too_old_are_refused_and_counted() {
    let rig = Rig::new(&["trial.replicas=3", "trial.max_age=0"]);
    rig.run("state");
    let applied = rig.applied("state");
    let [learnt, refused] = [false, true].map(|is| {
        applied.iter().filter(|applied| applied.is_refused == is).map(|a| a.age).collect::<Vec<_>>()
    });
    assert!(learnt.iter().all(|age| *age == 0) && !learnt.is_empty(), "{applied:?}");
    assert!(refused.iter().all(|age| 0 < *age) && !refused.is_empty(), "{applied:?}");
    rig.check("state");
}

/// What came of the children of a history, and the rewards of those that failed for `failure`.
fn failed(rig: &Rig, failure: Failure) -> (usize, Vec<f64>) {
    let (rows, _) = history(&rig.state("state"));
    let rewards = rows.iter().filter(|row| row.phase == HistoryPhase::Controller);
    let rewards: Vec<f64> = rewards.map(|row| row.reward.unwrap()).collect();
    let applied = rig.applied("state");
    let children: Vec<_> = applied.iter().flat_map(|applied| &applied.children).collect();
    assert_eq!(children.len(), rewards.len());
    let both = children.iter().zip(&rewards);
    let failed = both.filter(|(child, _)| child.result == Err(failure));
    (children.len(), failed.map(|(_, reward)| *reward).collect())
}

#[test]
fn a_child_that_fails_is_recorded_with_the_configured_reward() {
    let rig = Rig::new(&[
        "trial.memory_mib=1",
        "net.channels=36",
        "schedule.batch_size=40",
        "trial.failed_reward=0.0625",
        "score.reward=accuracy",
    ]);
    rig.run("state");
    let (all, failed) = failed(&rig, Failure::OutOfMemory);
    assert_eq!(all as u64, CYCLES * 2 * 4 * 4);
    assert!(!failed.is_empty() && failed.len() < all, "{failed:?} of {all}");
    assert!(failed.iter().all(|reward| reward.to_bits() == 0.0625_f64.to_bits()), "{failed:?}");
    rig.check("state");
}

/// And the limit on time is one within the only epoch.
#[test]
fn a_search_of_which_no_child_has_a_score_ends_and_says_why() {
    let rig = Rig::new(&[
        "trial.seconds=0.000001",
        "trial.epochs=1",
        "trial.best_of=1",
        "score.reward=accuracy",
    ]);
    let output = rig.daemon("state").stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Starting it anew mends nothing.
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("all children of cycle 1 failed") && said.contains("in a new state folder"),
        "{said}"
    );
    let (all, failed) = failed(&rig, Failure::OutOfTime);
    assert_eq!((all, failed), (2 * 4 * 4, vec![0.0; 2 * 4 * 4]));
}

#[test]
fn a_cycle_all_of_whose_children_fail_chooses_none_and_the_search_goes_on() {
    let task = Rig::new(&["final.candidates=0"]).task();
    let state = Search::initial_state(&task).unwrap();
    let mut search = Search::new(task.clone(), &state).unwrap();
    let mut chosen = Vec::new();
    while chosen.len() < 3 {
        if let Work::Choose = search.work() {
            chosen.push(search.finish_choose().unwrap().rows.len());
            continue;
        }
        for plan in search.pending_children() {
            let score = Score { nll: 1.0, correct: 1, items: 2 };
            let result = if chosen.len() == 1 { Err(Failure::OutOfTime) } else { Ok(score) };
            search.child_trained(&plan, result);
        }
        let replica = search.ready_replica().unwrap();
        search.finish_children(replica).unwrap();
    }
    assert!(0 < chosen[0] && chosen[1] == 0 && 0 < chosen[2], "{chosen:?}");
    assert!(!search.best().archs().is_empty());
}
