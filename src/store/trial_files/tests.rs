//! Trials on disk: bit for bit, damage, and which of them is found.

use super::*;
use candle_core::{Device, Tensor};
use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

const KEYS: [&str; 3] = [
    "0123456789abcdef0123456789abcdef",
    "fedcba9876543210fedcba9876543210",
    "00000000000000000000000000000000",
];

fn plan() -> TrialPlan {
    let cell = "[identity(0)+identity(1), identity(0)+identity(1)]";
    let arch = format!("normal={cell} reduction={cell}").parse().unwrap();
    TrialPlan { arch, seed: 1, recipe: FinalConfig::default() }
}

fn tensors(values: &[f32]) -> Snapshot {
    Snapshot::from([("w".to_owned(), Tensor::new(values, &Device::Cpu).unwrap())])
}

fn state(valid: Option<Score>) -> TrialState {
    let momenta = if valid.is_some() { Snapshot::new() } else { tensors(&[3.5, -0.1]) };
    let (params, running) = (tensors(&[0.1, -0.0]), tensors(&[f32::MIN_POSITIVE]));
    TrialState { epoch: 7, params, momenta, running, valid, ..TrialState::default() }
}

fn rig() -> (tempfile::TempDir, TrialFolder) {
    let root = tempfile::tempdir().unwrap();
    let trials = TrialFolder::open(&root.path().join("trials")).unwrap();
    (root, trials)
}

#[track_caller]
fn check(valid: Option<Score>, files: &[&str]) {
    let (_root, trials) = rig();
    let written = state(valid);
    assert!(trials.load(KEYS[0]).unwrap().is_none());
    trials.put(KEYS[0], &plan(), &state(None)).unwrap();
    trials.put(KEYS[0], &plan(), &written).unwrap();
    let found = trials.load(KEYS[0]).unwrap().unwrap();
    assert_eq!(found.epoch, 7);
    assert_eq!(format!("{:?}", found.valid), format!("{:?}", written.valid));
    for (found, written) in [
        (&found.params, &written.params),
        (&found.running, &written.running),
        (&found.momenta, &written.momenta),
    ] {
        assert_eq!(to_safetensors(found).unwrap(), to_safetensors(written).unwrap());
    }
    assert_eq!(names(&trials.path.join(KEYS[0])).unwrap(), files);
    trials.remove(KEYS[0]).unwrap();
    trials.remove(KEYS[0]).unwrap();
    assert!(trials.load(KEYS[0]).unwrap().is_none());
}

#[test]
fn a_trial_reads_back_bit_for_bit_and_a_finished_one_has_no_momenta() {
    check(None, &["B3SUMS", MOMENTA, PARAMS, RUNNING, TRIAL]);
    let score = Score { nll: 0.1 + 0.2, correct: 9, items: 10 };
    check(Some(score), &["B3SUMS", PARAMS, RUNNING, TRIAL]);
    check(Some(Score { nll: f64::NAN, ..score }), &["B3SUMS", PARAMS, RUNNING, TRIAL]);
}

#[test]
fn a_flipped_bit_or_a_file_that_is_gone_is_damage() {
    let (_root, trials) = rig();
    trials.put(KEYS[0], &plan(), &state(None)).unwrap();
    let damaged = |what: &str| {
        let error = trials.load(KEYS[0]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{what}: {error}");
    };
    for name in [TRIAL, PARAMS, RUNNING, MOMENTA, "B3SUMS"] {
        let path = trials.path.join(KEYS[0]).join(name);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            damaged(&format!("byte {at} of {name}"));
        }
        fs::remove_file(&path).unwrap();
        damaged(name);
        fs::write(&path, whole).unwrap();
    }
    assert!(trials.load(KEYS[0]).unwrap().is_some());
}

#[test]
fn files_of_another_trial_are_damage_and_later_ones_are_told() {
    let (_root, trials) = rig();
    trials.put(KEYS[0], &plan(), &state(None)).unwrap();
    let [from, to] = [KEYS[0], KEYS[1]].map(|key| trials.path.join(key));
    fs::rename(&from, &to).unwrap();
    let error = trials.load(KEYS[1]).unwrap_err();
    let StoreError::Corrupt { why: Defect::Trial { found }, .. } = error else { panic!("{error}") };
    assert_eq!(found, KEYS[0]);
    trials.files.put(KEYS[0], &[(TRIAL, br#"{"format": 2, "moon_phase": 1}"#)]).unwrap();
    let error = trials.load(KEYS[0]).unwrap_err();
    assert!(matches!(error, StoreError::Format { found: 2, expected: 1, .. }), "{error}");
    trials.files.put(KEYS[0], &[(TRIAL, br#"{"format": 1, "moon_phase": 1}"#)]).unwrap();
    let error = trials.load(KEYS[0]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn the_best_finished_trial_of_an_architecture_is_found() {
    let (_root, trials) = rig();
    let id = plan().arch.id();
    let of = |trials: &TrialFolder| {
        let found = trials.best_of(&id, Objective::Accuracy).unwrap();
        found.map(|found| (found.key, found.plan.seed, found.score.correct))
    };
    let put = |key: &str, seed, correct| {
        let score = Score { nll: 1.0, correct, items: 10 };
        let epoch = plan().recipe.epochs;
        let finished = TrialState { epoch, ..state(Some(score)) };
        trials.put(key, &TrialPlan { seed, ..plan() }, &finished).unwrap();
        let written = UNIX_EPOCH + Duration::from_secs(1000 + u64::from(seed));
        File::open(trials.path.join(key)).unwrap().set_modified(written).unwrap();
    };
    trials.put(KEYS[0], &plan(), &state(None)).unwrap();
    assert_eq!(of(&trials), None);
    // The best of some epochs is known before the last.
    let so_far = Some(Score { nll: 1.0, correct: 9, items: 10 });
    trials.put(KEYS[0], &plan(), &state(so_far)).unwrap();
    assert_eq!(of(&trials), None);
    put(KEYS[1], 1, 7);
    put(KEYS[2], 2, 6);
    assert_eq!(of(&trials), Some((KEYS[1].to_owned(), 1, 7)));
    // Of equals the last.
    put(KEYS[0], 3, 7);
    let looked = TrialFolder::look(&trials.path);
    let nowhere = TrialFolder::look(&trials.path.join("nowhere"));
    assert_eq!(of(&nowhere), None);
    assert_eq!(of(&looked), Some((KEYS[0].to_owned(), 3, 7)));
    assert!(trials.best_of("m5-0", Objective::Accuracy).unwrap().is_none());
    // What is damaged gives way to the next.
    fs::write(trials.path.join(KEYS[0]).join(PARAMS), "x").unwrap();
    fs::write(trials.path.join(KEYS[1]).join(TRIAL), "x").unwrap();
    assert_eq!(of(&trials), Some((KEYS[2].to_owned(), 2, 6)));
}

#[test]
fn the_last_comes_first_and_only_trials_go() {
    let (_root, trials) = rig();
    for (age, key) in KEYS.into_iter().enumerate() {
        trials.put(key, &plan(), &state(None)).unwrap();
        let written = UNIX_EPOCH + Duration::from_secs(1000 - age as u64);
        File::open(trials.path.join(key)).unwrap().set_modified(written).unwrap();
    }
    let others = ["m5-0", "notes", &KEYS[0][1..]];
    for name in others {
        fs::create_dir(trials.path.join(name)).unwrap();
    }
    assert_eq!(trials.list().unwrap(), KEYS);
    let kept = BTreeSet::from([KEYS[1].to_owned(), "m5-9".to_owned()]);
    assert_eq!(trials.retain(&kept).unwrap(), [KEYS[0], KEYS[2]]);
    assert_eq!(trials.list().unwrap(), [KEYS[1]]);
    assert_eq!(names(&trials.path).unwrap().len(), 4);
    for key in others {
        let error = trials.remove(key).unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{error}");
        assert!(trials.load(key).is_err() && trials.put(key, &plan(), &state(None)).is_err());
    }
}
