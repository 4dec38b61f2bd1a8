//! The CUDA executor against candle's in f64, on a device or on the driver that tests/cuda/mock.sh
//! builds: wherever `ENASD_CUDA_TESTS` is set.

#![cfg(test)]

use std::env;

use crate::engine::Executor;
use crate::engine::cpu_exec::agreement::{self, Between, Case, bits, cases_of, family_of};
use crate::engine::cuda_exec::CudaExec;
use crate::engine::cuda_exec::build;
use crate::engine::cuda_exec::layout::Layout;
use crate::engine::cuda_exec::ops::Region;
use crate::engine::cuda_exec::program::{Mode, Program};
use crate::engine::probe::random_arch;
use crate::net::{self, Input, LayerKind, Net, NetConfig, Shape, SharedForm, TensorId};
use crate::space::{MicroSpace, Space};

/// The executor, where there is a device to test on.
fn exec() -> Option<CudaExec> {
    env::var_os("ENASD_CUDA_TESTS")?;
    Some(CudaExec::open(0).unwrap())
}

/// Agreement, and the same bits again.
#[track_caller]
fn check(case: &Case, exec: &CudaExec, what: &str) {
    case.check(exec, what);
    let twice = [(); 2].map(|()| bits(&case.train(exec, &case.values)));
    assert!(twice[0] == twice[1], "{what}");
}

#[track_caller]
fn check_layers(layers: impl IntoIterator<Item = Between>) {
    let Some(exec) = exec() else { return };
    for (case, what) in layers.into_iter().flat_map(cases_of) {
        check(&case, &exec, &what);
    }
}

#[test]
fn dense_convolutions_agree() {
    check_layers(agreement::dense_convolutions());
}

#[test]
fn convolutions_of_any_window_agree() {
    check_layers(agreement::convolutions_of_any_window());
}

#[test]
fn separable_convolutions_agree() {
    check_layers(agreement::separable_convolutions());
}

#[test]
fn pools_agree() {
    check_layers(agreement::pools());
}

#[test]
fn reductions_and_joins_agree() {
    check_layers(agreement::reductions_and_joins());
}

/// Channels of more than one tile, in both directions.
#[test]
fn wide_layers_agree() {
    let Some(exec) = exec() else { return };
    for channels in [17, 36, 70, 130] {
        let sep = |kernel, stride| LayerKind::SepConv { kernel, stride };
        let layers: [(LayerKind, &[TensorId], usize); 8] = [
            (LayerKind::conv(3, false), &[0], channels),
            (sep(3, 1), &[1], channels),
            (sep(5, 1), &[1], channels),
            (LayerKind::Add, &[2, 3], channels),
            (sep(3, 2), &[4], channels),
            (LayerKind::FactorizedReduction { relu: true }, &[4], channels),
            (LayerKind::Gather, &[5, 6], channels + 2),
            (LayerKind::Head { dropout_keep: 0.9 }, &[7], 5),
        ];
        let shape = Shape { channels: 3, height: 9, width: 8 };
        let case = Case::new(Net::of_layers(shape, &layers), 6, 4);
        check(&case, &exec, &format!("{channels} channels"));
    }
}

#[test]
fn random_children_agree() {
    let Some(exec) = exec() else { return };
    let shapes = [(5, [3, 16, 16], 9), (7, [1, 14, 13], 6), (4, [2, 9, 11], 13)];
    for (seed, (channels, image, images)) in (0..).zip(shapes) {
        let arch = random_arch(3, seed);
        let shared = family_of(SharedForm::Shared, 3, channels, image);
        let like_alone = family_of(SharedForm::StandAlone, 3, channels, image);
        let nets = [&shared, &like_alone].map(|family| family.shared(&arch).unwrap());
        for net in nets.into_iter().chain([shared.standalone(&arch).unwrap()]) {
            check(&Case::new(net, images, seed), &exec, &format!("{arch} on {image:?}"));
        }
    }
}

#[test]
fn memory_is_reserved_within_a_limit_or_refused_with_the_batch_that_fits() {
    let Some(exec) = exec() else { return };
    let taken = || exec.gpu.taken();
    let family = family_of(SharedForm::Shared, 3, 8, [3, 16, 16]);
    let net = family.shared(&random_arch(3, 0)).unwrap();
    let needed = exec.memory(&net, 96).unwrap().unwrap();
    exec.reserve(&[(&net, 96), (&net, 96)], Some(2 * needed)).unwrap();
    assert!(needed < taken() && taken() <= 2 * needed, "{} of {needed}", taken());
    let error = exec.reserve(&[(&net, 96), (&net, 96)], Some(needed)).unwrap_err().to_string();
    assert_eq!(taken(), 0, "what was reserved before");
    let (_, fits) = error.split_once("free; batches of ").unwrap();
    let fits: usize = fits.split_once(" fit").unwrap().0.parse().unwrap();
    assert!((1..96).contains(&fits), "{error}");
    exec.reserve(&[(&net, fits), (&net, fits)], Some(needed)).unwrap();
    assert!(exec.reserve(&[(&net, fits + 1), (&net, fits + 1)], Some(needed)).is_err());
    let nothing = exec.reserve(&[(&net, 96)], Some(1)).unwrap_err().to_string();
    assert!(nothing.contains("not even batches of one image fit"), "{nothing}");
}

/// The trainer must find room whichever of the leases another thread has.
#[test]
fn whichever_lease_is_taken_the_other_has_room() {
    let Some(exec) = exec() else { return };
    let [large, small] = [8, 2].map(|channels| {
        let family = family_of(SharedForm::Shared, 3, channels, [3, 16, 16]);
        Case::new(family.shared(&random_arch(3, 0)).unwrap(), 6, 2)
    });
    exec.reserve(&[(&large.net, 6), (&small.net, 6)], None).unwrap();
    let reserved = exec.gpu.taken();
    for _ in 0..2 {
        let other = exec.kept().leases.pop();
        large.train(&exec, &large.values);
        assert_eq!(exec.gpu.taken(), reserved);
        exec.kept().leases.insert(0, other.unwrap());
    }
}

#[test]
fn memory_is_given_back_at_rest() {
    let Some(exec) = exec() else { return };
    let family = family_of(SharedForm::Shared, 2, 4, [1, 8, 8]);
    let case = Case::new(family.shared(&random_arch(2, 1)).unwrap(), 4, 1);
    let pass = || bits(&case.train(&exec, &case.values));
    exec.reserve(&[(&case.net, 4)], None).unwrap();
    let (reserved, first) = (exec.gpu.taken(), pass());
    assert_eq!(exec.gpu.taken(), reserved, "a pass takes none beside it");
    exec.rest();
    assert_eq!(exec.gpu.taken(), 0);
    assert!(pass() == first);
    assert_eq!(exec.gpu.taken(), 0, "what somebody asks for meanwhile takes none for long");
    exec.wake().unwrap();
    assert_eq!(exec.gpu.taken(), reserved);
    assert!(pass() == first);
}

/// The published cell's net of 6 and 2 cells on images of 32×32, for 160 of them.
fn published(channels: usize, mode: Mode) -> Program {
    let config = NetConfig { layers: 6, channels, ..NetConfig::default() };
    let space = Space::Micro(MicroSpace::new(5).unwrap());
    let shape = Shape { channels: 3, height: 32, width: 32 };
    let family = net::family(space, &config, Input::Image { shape, classes: 10 }).unwrap();
    let net = family.shared(&space.rules().published().unwrap()).unwrap();
    let params = net.params();
    let dims = params.iter().map(|(name, spec)| (name.as_str(), spec.dims.as_slice()));
    build::program(&net, mode, 160, &Layout::new(dims).unwrap()).unwrap()
}

/// What a step and a score cost on a GPU, so that nobody adds a hundred launches unseen.
#[test]
fn a_step_is_few_launches_and_moves_few_bytes() {
    let cost = |channels, mode| {
        let program = published(channels, mode);
        let traffic: u64 = program.launches.iter().map(|launch| launch.traffic).sum();
        let arena = program.lens[Region::Arena as usize];
        (program.launches.len(), traffic as f64 / 1e9, 4.0 * arena as f64 / 1e9)
    };
    // Of the published cell: launches, and bytes that kernels read or write, each tensor once a launch.
    // The floor of the design is 9.4 and 16.9 GB a step.
    let [small, large] = [20, 36].map(|channels| cost(channels, Mode::Train));
    assert_eq!((small.0, large.0), (467, 467));
    assert!(small.1 < 1.3 * 9.4 && large.1 < 1.3 * 16.9, "{small:?}, {large:?}");
    assert_eq!(cost(20, Mode::Score).0, 172);
}
