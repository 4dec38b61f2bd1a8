//! Promotions: nets are trained from scratch to the same bits however often they are broken off,
//! the test split opens once for each candidate, and the search beside them goes on as if there
//! were none.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use enasd::data::{Opening, TestLedger};
use enasd::engine::{ExecutorChoice, Snapshot};
use enasd::search::{
    Arm, FinalConfig, Search, SearchConfig, SearchState, StepRecord, Task, Trial, TrialPlan,
    TrialState, TrialTask, Until, run,
};
use enasd::store::HistoryReader;

fn task_with(has_test: bool, change: impl FnOnce(&mut SearchConfig)) -> Task {
    let mut config = common::tiny_config();
    config.schedule.shared_steps = 3;
    config.finals = FinalConfig {
        candidates: 2,
        seeds: 2,
        epochs: 3,
        batch_size: 32,
        channels: 2,
        drop_path_keep: 0.8,
        aux_weight: 0.4,
        ..FinalConfig::default()
    };
    change(&mut config);
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    Task::new(config, common::made_images(has_test), exec).unwrap()
}

fn task() -> Task {
    task_with(true, |_| ())
}

fn searched(task: &Task, until: Until) -> (Vec<String>, SearchState) {
    let mut lines = Vec::new();
    let start = Search::initial_state(task).unwrap();
    let observe = |record: &StepRecord| lines.push(format!("{record:?}"));
    let end = run(task.clone(), &start, until, observe).unwrap();
    (lines, end)
}

fn bits(tensors: &Snapshot) -> Vec<(String, Vec<u32>)> {
    let values = |t: &candle_core::Tensor| -> Vec<u32> {
        t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
    };
    tensors.iter().map(|(name, tensor)| (name.clone(), values(tensor))).collect()
}

/// A plan for an architecture that the space's authors would know.
fn plan(task: &Task) -> TrialPlan {
    let choices = vec![0; task.space.script().options().count()];
    TrialPlan { arch: task.space.arch(&choices).unwrap(), seed: 1, recipe: task.config.finals }
}

fn trained(task: &TrialTask, plan: &TrialPlan, from: Option<&TrialState>) -> TrialState {
    let mut trial = Trial::new(task.clone(), plan.clone(), from).unwrap();
    while !trial.is_finished() {
        assert!(trial.epoch(|| false).unwrap().is_some());
    }
    trial.state().unwrap()
}

#[test]
fn the_search_goes_on_as_if_nothing_had_been_retrained() {
    let (with, end) = searched(&task(), Until::Cycles(2));
    let without = task_with(true, |config| config.finals.candidates = 0);
    let (plain, plain_end) = searched(&without, Until::Cycles(2));
    assert_eq!(with, plain);
    assert_eq!(bits(&end.shared.params), bits(&plain_end.shared.params));
    assert_eq!(plain_end.finals.champion, None);
    let finals = end.finals;
    assert!(finals.under_way.is_none() && finals.waiting.is_empty());
    assert_eq!(finals.pairs.iter().map(|pair| pair.cycle).collect::<Vec<_>>(), [0, 1]);
    let champion = finals.champion.unwrap();
    assert_eq!((champion.valid.len(), champion.test.len()), (2, 2));
    assert!([1, 2, 3, 4].contains(&champion.certificate), "{}", champion.certificate);
    assert_eq!(champion.test[0].items, 33);
    assert_ne!(champion.rival.unwrap().arm, champion.arm);
    assert!(finals.retrained.iter().all(|one| one.rewards.len() == 2));
    assert!(finals.retrained.iter().any(|one| one.arm == Arm::Random));
}

#[test]
fn stops_between_epochs_change_nothing_of_a_promotion() {
    let task = task();
    let (_, whole) = searched(&task, Until::Cycles(1));
    // Stopped after each epoch; the last one ends with the promotion.
    let mut again = Search::initial_state(&task).unwrap();
    for epoch in 1..=task.config.schedule.epochs_per_cycle {
        again = run(task.clone(), &again, Until::Epochs(epoch), |_| ()).unwrap();
    }
    assert_eq!(format!("{:?}", again.finals), format!("{:?}", whole.finals));
}

#[test]
fn a_trial_goes_on_from_every_epoch_to_the_same_bits() {
    let task = task();
    let (trials, plan) = (TrialTask::new(&task, "data"), plan(&task));
    let whole = trained(&trials, &plan, None);
    assert!(whole.momenta.is_empty() && whole.valid.is_some());
    for stop in 1..plan.recipe.epochs {
        let mut trial = Trial::new(trials.clone(), plan.clone(), None).unwrap();
        for _ in 0..stop {
            trial.epoch(|| false).unwrap().unwrap();
        }
        let state = trial.state().unwrap();
        assert_eq!(state.epoch, stop);
        let again = trained(&trials, &plan, Some(&state));
        assert_eq!(bits(&again.params), bits(&whole.params), "stopped after epoch {stop}");
        assert_eq!(bits(&again.running), bits(&whole.running), "stopped after epoch {stop}");
        assert_eq!(again.valid, whole.valid);
    }
    // Told to stop, it gives up in the middle of an epoch, and counts none.
    let mut trial = Trial::new(trials.clone(), plan.clone(), None).unwrap();
    assert_eq!(trial.epoch(|| true).unwrap(), None);
    assert_eq!(trial.state().unwrap().epoch, 0);
}

#[test]
fn a_net_that_stands_alone_learns_what_is_easy() {
    let task = task_with(true, |config| {
        config.finals.epochs = 12;
        config.finals.channels = 4;
        config.finals.crop_padding = 0;
        config.finals.flip = false;
    });
    let trials = TrialTask::new(&task, "data");
    let plan = plan(&task);
    let state = trained(&trials, &plan, None);
    let score = state.valid.unwrap();
    assert!(0.9 < score.correct as f64 / score.items as f64, "{score:?}");
    let mut ledger = TestLedger::default();
    let Opening::Open(receipt) = ledger.open("it") else { panic!("it is known") };
    let found = trials.certify(&plan, &state, &receipt).unwrap();
    assert_eq!(found.images().iter().filter(|&&right| right).count() as u64, found.correct);
    assert!(0.9 < found.accuracy(), "{found:?}");
}

#[test]
fn everything_that_bits_depend_on_is_in_the_key_and_nothing_else() {
    let task = task();
    let (trials, plan) = (TrialTask::new(&task, "data"), plan(&task));
    let key = trials.key(&plan);
    assert_eq!(key.len(), 32);
    let more = FinalConfig { candidates: 9, seeds: 9, keep: 9, ..plan.recipe };
    assert_eq!(trials.key(&TrialPlan { recipe: more, ..plan.clone() }), key);
    let longer = FinalConfig { epochs: 4, ..plan.recipe };
    assert_ne!(trials.key(&TrialPlan { recipe: longer, ..plan.clone() }), key);
    assert_ne!(trials.key(&TrialPlan { seed: 0, ..plan.clone() }), key);
    assert_ne!(TrialTask::new(&task, "other data").key(&plan), key);
    let other = task_with(true, |config| config.seed += 1);
    assert_ne!(TrialTask::new(&other, "data").key(&plan), key);
    let mut choices = plan.arch.choices().to_vec();
    choices[0] = 1;
    let arch = task.space.arch(&choices).unwrap();
    assert_ne!(trials.key(&TrialPlan { arch, ..plan }), key);
}

#[test]
fn without_a_test_split_a_champion_is_chosen_and_not_certified() {
    let task = task_with(false, |_| ());
    let (_, end) = searched(&task, Until::Cycles(1));
    let champion = end.finals.champion.unwrap();
    assert_eq!((champion.certificate, champion.test.len()), (0, 0));
    assert!(end.finals.pairs.is_empty());
    let trials = TrialTask::new(&task, "data");
    let Opening::Open(receipt) = TestLedger::default().open("it") else { panic!("it is known") };
    let err = trials.certify(&champion.plan(), &TrialState::default(), &receipt).unwrap_err();
    assert!(err.to_string().contains("set `data.test_share`"), "{err}");
}

#[test]
fn recipes_that_do_not_fit_the_data_are_refused_at_once() {
    let task = task();
    let trials = TrialTask::new(&task, "data");
    let fits = task.config.finals;
    assert!(trials.check(task.space, &fits).is_ok());
    for (recipe, text) in [
        (FinalConfig { batch_size: 97, ..fits }, "set `final.batch_size` to 1 to 96"),
        (FinalConfig { crop_padding: 12, ..fits }, "`final.crop_padding` is 12"),
        (FinalConfig { cutout: 13, ..fits }, "`final.cutout` is 13"),
    ] {
        let err = trials.check(task.space, &recipe).unwrap_err();
        assert!(err.to_string().contains(text), "{err}");
    }
}

/// The daemon on `config/tiny.toml` with all that it retrains, until its first cycle is over.
fn daemon(state: &Path) -> Command {
    let mut command = common::tiny_daemon(state);
    command.args(["--until", "cycles=1", "--set", "final.candidates=1", "--set", "final.epochs=2"]);
    command
}

/// The ledger of the test split; null where there is none.
fn ledger(state: &Path) -> serde_json::Value {
    let Ok(bytes) = std::fs::read(state.join("test-split.json")) else {
        return serde_json::Value::Null;
    };
    serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["ledger"].take()
}

/// Whether the test split is open for a candidate after so many were certified.
fn is_open(state: &Path, certified: usize) -> bool {
    let ledger = ledger(state);
    ledger["open"].is_string() && ledger["certificates"].as_array().unwrap().len() == certified
}

fn is_certified(state: &Path, candidates: usize) -> bool {
    ledger(state)["certificates"].as_array().is_some_and(|found| candidates <= found.len())
}

/// Whether so many entries are in a folder of the state.
fn has(state: &Path, folder: &str, entries: usize) -> bool {
    let found = std::fs::read_dir(state.join(folder));
    entries <= found.map_or(0, Iterator::count)
}

/// A stage of a promotion, as one sees it in the state folder.
type Stage = (&'static str, fn(&Path) -> bool);

const STAGES: [Stage; 8] = [
    ("a net is in training", |state| has(state, "trials", 1)),
    ("nets of both arms are in training", |state| has(state, "trials", 2)),
    ("the last nets are in training", |state| has(state, "trials", 4)),
    ("the first candidate is looked at", |state| is_open(state, 0)),
    ("the first candidate is certified", |state| is_certified(state, 1)),
    ("the second candidate is looked at", |state| is_open(state, 1)),
    ("both candidates are certified", |state| is_certified(state, 2)),
    ("the champion is there", |state| has(state, "champions", 1)),
];

/// What a promotion leaves: the champion of the newest checkpoint, the certificates, and the
/// champion's files.
fn left(state: &Path) -> (serde_json::Value, serde_json::Value, Vec<(String, Vec<u8>)>) {
    let checkpoint = common::newest_checkpoint(state);
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let (_, finals) = checkpoint.iter().find(|(name, _)| name == "promotion.json").unwrap();
    let finals = json(finals);
    let certificates = ledger(state)["certificates"].take();
    let champions: Vec<_> =
        std::fs::read_dir(state.join("champions")).unwrap().map(|e| e.unwrap().path()).collect();
    let [champion] = &champions[..] else { panic!("{champions:?}") };
    (finals, certificates, common::files_of(champion))
}

#[test]
fn a_daemon_that_is_killed_in_every_stage_ends_with_the_same_champion() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = folder.path().join("undisturbed");
    assert!(daemon(&undisturbed).status().unwrap().success());
    let expected = left(&undisturbed);
    assert_eq!(expected.1.as_array().unwrap().len(), 2, "one candidate of each arm: {expected:?}");

    let state = folder.path().join("killed");
    for (stage, is_reached) in STAGES {
        let mut running = common::Killed(daemon(&state).spawn().unwrap());
        while !is_reached(&state) {
            let ended = running.0.try_wait().unwrap();
            assert_eq!(ended, None, "it ended before {stage}");
            std::thread::sleep(Duration::from_millis(1));
        }
        running.0.kill().unwrap();
    }
    assert!(daemon(&state).status().unwrap().success());
    // Killed while it looked at the test split, it looks again, and counts that apart.
    assert_eq!(ledger(&state)["broken_off"], 2);
    let found = left(&state);
    assert_eq!(found.0, expected.0, "the outcome of the promotion");
    assert_eq!(found.1, expected.1, "what was seen of the test split, and how often");
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&found.2), names(&expected.2));
    for ((name, bytes), (_, expected)) in found.2.iter().zip(&expected.2) {
        assert!(bytes == expected, "{name} of the champion is another");
    }
}

#[test]
fn nothing_is_certified_while_it_cannot_be_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut running = common::Killed(daemon(&state).spawn().unwrap());
    let mut until = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert_eq!(running.0.try_wait().unwrap(), None, "it ended before {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until("a net is in training", &|| has(&state, "trials", 1));
    let in_the_way = state.join("test-split.json");
    std::fs::create_dir(&in_the_way).unwrap();
    until("somebody is told", &|| {
        let mut status = Command::new(env!("CARGO_BIN_EXE_enasctl"));
        let said = status.args(["status", "--socket"]).arg(state.with_extension("sock")).output();
        let said = said.unwrap();
        let why = String::from_utf8(said.stderr).unwrap();
        said.status.code() == Some(4) && why.contains("nothing can be certified: ")
    });
    std::fs::remove_dir(&in_the_way).unwrap();
    assert!(running.0.wait().unwrap().success());
    assert!(is_certified(&state, 2));
    let reader = HistoryReader::open(&state.join("history.sqlite")).unwrap();
    let events = reader.events(0, u32::MAX).unwrap();
    let told = events.iter().filter(|event| event.kind == "certification-failed");
    assert_eq!(told.count(), 1, "once, however often it is tried");
}

/// A net that is trained for longer goes on from where a shorter training ended, to the bits of one
/// that was trained at once.
#[test]
fn a_net_that_goes_on_has_the_bits_of_one_that_was_never_broken_off() {
    let task = task_with(true, |config| {
        config.finals = FinalConfig {
            first: 2,
            epochs: 7,
            learning_rate_period: 1,
            learning_rate_period_factor: 2,
            drop_path_keep: 1.0,
            ..config.finals
        };
    });
    let trials = TrialTask::new(&task, "");
    let train = |plan: &TrialPlan, from: Option<&TrialState>| {
        let mut trial = Trial::new(trials.clone(), plan.clone(), from).unwrap();
        while !trial.is_finished() {
            trial.epoch(|| false).unwrap();
        }
        trial.state().unwrap()
    };
    let long = plan(&task);
    let short = long.beginning().unwrap();
    assert_eq!((short.recipe.epochs, short.beginning().unwrap().recipe.epochs), (3, 1));
    let at_once = train(&long, None);
    let begun = train(&short, None);
    assert!(begun.goes_on() && begun.epoch == 3);
    let gone_on = train(&long, Some(&begun));
    assert_eq!(gone_on.epoch, 7);
    assert_eq!(bits(&gone_on.params), bits(&at_once.params));
    assert_eq!(bits(&gone_on.running), bits(&at_once.running));
    assert_eq!(gone_on.valid, at_once.valid);
    assert_ne!(trials.key(&short), trials.key(&long));
}
