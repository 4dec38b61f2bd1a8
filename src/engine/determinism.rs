//! The same step gives the same bits, again and with any number of threads.
//!
//! candle reads `RAYON_NUM_THREADS` when its pool starts, so other numbers of threads need other
//! processes: the test runs its own binary again.

#![cfg(test)]

use std::process::Command;
use std::sync::Arc;

use crate::engine::probe::{Batch, params, random_arch, random_values, rng};
use crate::engine::{CandleExec, Executor, Noise, Sgd, SgdConfig, Snapshot, to_safetensors};
use crate::net::{self, Input, Net, NetConfig, NetFamily, Shape};
use crate::space::{MicroSpace, Space};

const MARK: &str = "digest of two steps: ";

/// Large enough for candle to split its kernels among threads (64 Ki values in the stem).
fn family() -> Arc<dyn NetFamily> {
    let config = NetConfig { layers: 1, channels: 8, ..NetConfig::default() };
    let shape = Shape { channels: 3, height: 16, width: 15 };
    let space = Space::Micro(MicroSpace::new(3).unwrap());
    net::family(space, &config, Input::Image { shape, classes: 10 }).unwrap()
}

fn nets() -> [Net; 2] {
    let arch = random_arch(3, 4);
    [family().shared(&arch).unwrap(), family().standalone(&arch).unwrap()]
}

/// BLAKE3 of the loss, the gradients, the moments and the weights of two steps.
fn digest(net: &Net) -> String {
    let params = params(&random_values(&net.params(), 1));
    let exec = CandleExec::new(candle_core::Device::Cpu);
    let mut sgd = Sgd::new(SgdConfig::default(), &Snapshot::new(), exec.device()).unwrap();
    let batch = Batch::random(net.image, 12, 10, 2);
    let mut hasher = blake3::Hasher::new();
    for step in 0..2 {
        let noise = Noise { rng: &mut rng(step), drop_path: 0.3 };
        let found = exec.train(net, &params, batch.images().into(), noise).unwrap();
        sgd.step(&params, &found.grads, 0.05).unwrap();
        hasher.update(&found.loss.to_le_bytes());
        for tensors in [&found.grads, &found.moments, &params.snapshot().unwrap()] {
            hasher.update(&to_safetensors(tensors).unwrap());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn the_same_step_gives_the_same_bits() {
    let [shared, standalone] = nets().map(|net| {
        let first = digest(&net);
        assert_eq!(first, digest(&net));
        first
    });
    assert_ne!(shared, standalone);
    // Read by the processes that the test below starts.
    println!("\n{MARK}{shared}{standalone}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let digests = ["1", "2", "3", "8"].map(|threads| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["engine::determinism::the_same_step_gives_the_same_bits", "--exact"])
            .args(["--nocapture", "--test-threads=1"])
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        let output = String::from_utf8(child.stdout).unwrap();
        let digest = output.lines().find_map(|line| line.strip_prefix(MARK));
        digest.unwrap_or_else(|| panic!("no digest in {output}")).to_owned()
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:#?}");
}
