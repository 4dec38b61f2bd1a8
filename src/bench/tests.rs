//! What a benchmark reports, counts and saves.

#![cfg(test)]

use std::time::Duration;

use candle_core::DType;

use crate::bench::pace::Work;
use crate::bench::{
    ArchChoice, BenchConfig, BenchError, BenchJob, BenchSize, DEFAULT_EXECUTOR, NetKind, Pace,
    Saves, measure, open,
};
use crate::engine::{Snapshot, from_safetensors};
use crate::space::{MicroSpace, Recurrent, Space, WholeNet};

fn micro() -> Space {
    Space::Micro(MicroSpace::default())
}

fn config(net: NetKind) -> BenchConfig {
    BenchConfig {
        arch: ArchChoice::Published.arch(micro(), 0).unwrap(),
        net,
        size: BenchSize::Images { layers: 1, channels: 2, image: [1, 6, 5] },
        batch: 3,
        steps: 2,
        threads: 1,
        seed: 7,
    }
}

fn job(config: BenchConfig) -> BenchJob {
    BenchJob::new(config, open(DEFAULT_EXECUTOR, "cpu").unwrap()).unwrap()
}

fn flat(tensors: &Snapshot) -> Vec<f32> {
    let values = tensors.values().flat_map(|tensor| {
        let tensor = tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap();
        tensor.to_vec1::<f32>().unwrap()
    });
    values.collect()
}

#[test]
fn a_pace_is_the_median_of_its_times() {
    let work = Work { items: 8, flop: 4e9 };
    let pace = |ms: &[u64]| {
        let times: Vec<Duration> = ms.iter().copied().map(Duration::from_millis).collect();
        Pace::of(&times, work, 100.0)
    };
    let odd = pace(&[500, 100, 200]);
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
    close(odd.median_ms, 200.0);
    close(odd.min_ms, 100.0);
    close(odd.max_ms, 500.0);
    close(odd.items_per_second, 40.0);
    close(odd.gflops, 20.0);
    close(odd.peak_share, 0.2);
    close(pace(&[400, 100, 300, 200]).median_ms, 250.0);
    close(pace(&[100]).median_ms, 100.0);
}

/// Parameters from the authors' counts; multiply-adds as PyTorch's `FlopCounterMode` counts them
/// in `tests/bench/torch_child.py`.
#[test]
fn the_work_of_the_published_cell_is_counted_as_others_count_it() {
    let of = |net| {
        let size = BenchSize::Images { layers: 6, channels: 20, image: [3, 32, 32] };
        job(BenchConfig { size, ..config(net) }).net().cost()
    };
    assert_eq!(of(NetKind::Shared).params, 529_300);
    assert_eq!(of(NetKind::Shared).multiply_adds, 81_101_600);
    assert_eq!(of(NetKind::Standalone).params, 608_540);
}

#[test]
fn a_report_says_what_was_run_and_counts_three_passes_a_step() {
    for net in [NetKind::Shared, NetKind::Standalone] {
        let mut job = job(config(net));
        let cost = job.net().cost();
        let report = measure(&mut job).unwrap();
        assert_eq!((report.net, report.batch, report.steps, report.threads), (net, 3, 2, 1));
        assert_eq!(report.size, config(net).size);
        assert_eq!(report.executor, open(DEFAULT_EXECUTOR, "cpu").unwrap().name());
        assert_eq!((report.params, report.multiply_adds), (cost.params, cost.multiply_adds));
        assert!(report.arch.starts_with("0 2 0 0 "), "{}", report.arch);
        for (pace, passes) in [(&report.forward, 1.0), (&report.step, 3.0)] {
            let flop = 2.0 * passes * 3.0 * cost.multiply_adds as f64;
            assert!((pace.gflops * pace.median_ms * 1e6 / flop - 1.0).abs() < 1e-9);
            assert!((pace.peak_share * report.peak_gflops / pace.gflops - 1.0).abs() < 1e-9);
            assert!(pace.min_ms <= pace.median_ms && pace.median_ms <= pace.max_ms);
        }
        let text = report.to_string();
        assert!(text.contains(&format!("{net} net of 0 2 0 0")), "{text}");
        assert!(text.contains(&format!("3 images of 1×6×5 on {}", report.executor)), "{text}");
    }
}

#[test]
fn peak_memory_is_read_where_the_system_tells_it() {
    let peak = super::peak_rss_bytes();
    assert_eq!(peak.is_some(), cfg!(target_os = "linux"));
    assert!(peak.is_none_or(|bytes| 1 << 20 < bytes));
}

#[test]
fn steps_change_the_weights_and_gradients_and_rewards_do_not() {
    let mut job = job(config(NetKind::Shared));
    let weights = job.weights().unwrap();
    let grads = job.gradients().unwrap();
    assert!(job.forward(&weights).unwrap().correct <= 3);
    assert_eq!(flat(&job.weights().unwrap()), flat(&weights));
    assert_eq!(flat(&job.gradients().unwrap().grads), flat(&grads.grads), "no dropout");
    job.step().unwrap();
    assert_ne!(flat(&job.weights().unwrap()), flat(&weights));
}

#[test]
fn the_work_is_a_function_of_the_seed() {
    let work = |seed| {
        let job = job(BenchConfig { seed, ..config(NetKind::Shared) });
        (flat(&job.weights().unwrap()), flat(&job.batch().unwrap()))
    };
    assert_eq!(work(1), work(1));
    assert_ne!(work(1).0, work(2).0);
    assert_ne!(work(1).1, work(2).1);
    let arch = |seed| ArchChoice::Random.arch(micro(), seed).unwrap();
    assert_eq!(arch(1), arch(1));
    assert_ne!(arch(1), arch(2));
}

#[test]
fn saved_files_hold_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let [weights, batch, grads] = ["w", "b", "g"].map(|name| folder.path().join(name));
    let job = job(config(NetKind::Shared));
    let saves = |grads| Saves {
        weights: Some(weights.clone()),
        batch: Some(batch.clone()),
        grads: Some(grads),
    };
    saves(grads.clone()).write(&job).unwrap();
    let read = |path| std::fs::read(path).unwrap();
    let read_weights = from_safetensors(&read(&weights), DType::F32).unwrap();
    assert_eq!(flat(&read_weights), flat(&job.weights().unwrap()));
    let file = read(&batch);
    let file = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(file.tensor("images").unwrap().shape(), [3, 1, 6, 5]);
    assert_eq!(file.tensor("labels").unwrap().dtype(), safetensors::Dtype::I64);
    let file = read(&grads);
    let file = safetensors::SafeTensors::deserialize(&file).unwrap();
    let mut names: Vec<&str> = file.names();
    names.sort_unstable();
    let mut expected: Vec<&str> = read_weights.keys().map(String::as_str).collect();
    expected.push("loss");
    expected.sort_unstable();
    assert_eq!(names, expected);
    let error = saves(folder.path().join("none/g")).write(&job).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("another path to --save-grads"));
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let error = open("quick", "cpu").unwrap_err();
    assert!(error.is_usage());
    let error = error.to_string();
    assert!(error.contains("`quick`") && error.contains("`candle`"), "{error}");
    let size = BenchSize::Images { layers: 41, channels: 2, image: [1, 6, 5] };
    let large = BenchConfig { size, ..config(NetKind::Shared) };
    let error = BenchJob::new(large, open(DEFAULT_EXECUTOR, "cpu").unwrap()).unwrap_err();
    assert!(matches!(error, BenchError::Net(_)), "{error}");
    assert!(error.to_string().contains("--layers"), "{error}");
    let error = ArchChoice::from("0 0 5 1").arch(Space::WholeNet(WholeNet::default()), 0);
    let error = error.unwrap_err();
    assert!(matches!(error, BenchError::Arch(_)) && error.is_usage(), "{error}");
    assert!(error.to_string().contains("do not spell the layers of a net"), "{error}");
    let error = "both".parse::<NetKind>().unwrap_err().to_string();
    assert!(error.contains("`shared` or `standalone`"), "{error}");
}

#[test]
fn the_published_net_is_run_in_any_depth_it_has() {
    let arch = |n_layers| {
        let space = Space::WholeNet(WholeNet::new(n_layers).unwrap());
        ArchChoice::Published.arch(space, 0)
    };
    let twelve = arch(12).unwrap();
    assert!(WholeNet::PUBLISHED.replace('\n', " ").starts_with(&twelve.to_flat()));
    assert_eq!(arch(24).unwrap().to_flat(), WholeNet::PUBLISHED.replace('\n', " "));
    assert!(arch(25).is_err(), "the authors have 24 layers");
    let config = BenchConfig { arch: arch(6).unwrap(), ..config(NetKind::Shared) };
    let report =
        measure(&mut BenchJob::new(config, open("candle", "cpu").unwrap()).unwrap()).unwrap();
    assert!(0 < report.params && 0 < report.multiply_adds);
}

#[test]
fn a_net_of_words_is_run_and_counted_by_the_word() {
    let arch = ArchChoice::Published.arch(Space::Recurrent(Recurrent::default()), 0).unwrap();
    let size = BenchSize::Words { hidden: 6, vocabulary: 30, window: 4 };
    let mut job = job(BenchConfig { arch, size, ..config(NetKind::Shared) });
    let batch = job.batch().unwrap();
    assert_eq!((batch["words"].dims(), batch["next"].dims()), (&[4, 3][..], &[4, 3][..]));
    let grads = job.gradients().unwrap();
    assert_eq!(flat(&job.gradients().unwrap().grads), flat(&grads.grads), "no dropout");
    let report = measure(&mut job).unwrap();
    let flop = 2.0 * 12.0 * report.multiply_adds as f64;
    assert!((report.forward.gflops * report.forward.median_ms * 1e6 / flop - 1.0).abs() < 1e-9);
    let text = report.to_string();
    for words in ["6 features, 30 words, 900 parameters", "3 rows of 4 words on", "words/s"] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    let json = serde_json::json!(report);
    assert_eq!((&json["hidden"], &json["window"]), (&6.into(), &4.into()));
}
