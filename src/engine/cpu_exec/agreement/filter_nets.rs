//! NAS's nets (Zoph and Le, 2016): filters of any sides with strides of their own, and planes that
//! are filled up before they are joined.

#![cfg(test)]

use rand::RngExt;

use super::{Case, bits};
use crate::engine::cpu_exec::CpuExec;
use crate::engine::cpu_exec::agreement::differences::drawn;
use crate::engine::kernel::Isa;
use crate::engine::probe::rng;
use crate::net::{Input, Net, NetConfig, Shape, family};
use crate::space::{Choice, NasCnn, Space};

/// A net of `n_layers` layers that is drawn with `seed`.
fn net(
    [channels, height, width]: [usize; 3],
    config: NetConfig,
    (n_layers, strides): (usize, bool),
    seed: u64,
) -> Net {
    let space = Space::NasCnn(NasCnn::new(n_layers, strides).unwrap());
    let mut rng = rng(seed);
    let script = space.script();
    let choices: Vec<_> = script.options().map(|n| rng.random_range(0..n as Choice)).collect();
    let arch = space.arch(&choices).unwrap();
    let input = Input::Image { shape: Shape { channels, height, width }, classes: 10 };
    family(space, &config, input).unwrap().standalone(&arch).unwrap()
}

fn sized(channels: usize) -> NetConfig {
    NetConfig { channels, dropout_keep: 0.8, ..NetConfig::default() }
}

#[test]
fn nets_of_filters_agree() {
    let shapes = [
        (3, true, 5, [3, 16, 16], 20),
        (4, true, 3, [1, 14, 13], 16),
        (6, true, 4, [2, 9, 11], 18),
        (4, false, 4, [1, 11, 8], 7),
    ];
    for (seed, (n_layers, strides, channels, image, images)) in (0..).zip(shapes) {
        let net = net(image, sized(channels), (n_layers, strides), seed);
        let what = format!("{n_layers} layers of filters on {image:?}");
        for isa in Isa::all() {
            Case::new(net.clone(), images, seed).check(&CpuExec::with(isa), &what);
        }
    }
}

#[test]
fn nets_of_filters_have_the_gradient_of_differences() {
    let case = Case::new(net([2, 11, 10], sized(3), (4, true), 4), 19, 6);
    case.check_differences(drawn, "filters");
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_net_of_filters() {
    let case = Case::new(net([3, 16, 15], sized(6), (5, true), 3), 70, 5);
    let expected = bits(&case.train(&CpuExec::new(), &case.values));
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let exec = CpuExec::new();
        let found = pool.install(|| bits(&case.train(&exec, &case.values)));
        assert!(found == expected, "{threads} threads");
    }
}
