//! Both ways of taking a step, against the equation and against each other.

use super::*;
use crate::engine::probe::{flat, random_values, rng, small_family, uniform};
use candle_core::Device;

const DECAY: f64 = 0.01;

fn config(clip_norm: f64) -> SgdConfig {
    SgdConfig { weight_decay: DECAY, clip_norm, ..SgdConfig::default() }
}

fn values(name: &str, values: &[f64], dtype: DType) -> Snapshot {
    let tensor = Tensor::new(values, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    Snapshot::from([(name.to_owned(), tensor)])
}

fn params(tensors: &Snapshot) -> Params {
    Params::from_tensors(tensors, &Device::Cpu).unwrap()
}

fn new(config: SgdConfig) -> Sgd {
    Sgd::new(config, &Snapshot::new(), &Device::Cpu).unwrap()
}

/// Values like those of `like`, uniform within ±`scale`.
fn noise(like: &Snapshot, scale: f64, seed: u64) -> Snapshot {
    let mut rng = rng(seed);
    let noise = like.iter().map(|(name, tensor)| {
        let values = uniform(tensor.elem_count(), &mut rng);
        let values = Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap();
        (name.clone(), (values * scale).unwrap().to_dtype(tensor.dtype()).unwrap())
    });
    noise.collect()
}

/// Two steps, the first of them clipped, by the equation in f64.
#[track_caller]
fn check_two_steps(dtype: DType, tolerance: f64) {
    let mut start = values("w", &[1.0, -2.0], dtype);
    start.extend(values("u", &[3.0], dtype));
    let (params, mut sgd) = (params(&start), new(config(2.0)));
    let norm = sgd.step(&params, &values("w", &[3.0, 4.0], dtype), 0.1).unwrap();
    assert!((norm - (3.01_f64.powi(2) + 3.98_f64.powi(2)).sqrt()).abs() < tolerance);
    sgd.step(&params, &values("w", &[0.5, -0.25], dtype), 0.1).unwrap();
    let (mut w, mut a) = ([1.0_f64, -2.0], [0.0_f64; 2]);
    for g in [[3.0, 4.0], [0.5, -0.25]] {
        let g = [g[0] + DECAY * w[0], g[1] + DECAY * w[1]];
        let norm = (g[0] * g[0] + g[1] * g[1]).sqrt();
        let clip = f64::min(1.0, 2.0 / norm);
        for i in 0..2 {
            a[i] = 0.9 * a[i] + clip * g[i];
            w[i] -= 0.1 * (clip * g[i] + 0.9 * a[i]);
        }
    }
    for (found, expected) in flat(params.get("w").unwrap()).into_iter().zip(w) {
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }
    for (found, expected) in flat(&sgd.momenta().unwrap()["w"]).into_iter().zip(a) {
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }
    assert_eq!(flat(params.get("u").unwrap()), [3.0], "no gradient, no change");
    assert!(!sgd.momenta().unwrap().contains_key("u"));
}

#[test]
fn two_steps_agree_with_the_equation() {
    check_two_steps(DType::F32, 1e-6);
    check_two_steps(DType::F64, 1e-12);
}

#[test]
fn the_step_in_place_is_the_step_by_tensors() {
    let start = random_values(&small_family(3).shared_params(), 1);
    // The norm of these gradients is well above the one bound and below the other.
    for clip_norm in [0.5, 1e3] {
        let params = [params(&start), params(&start)];
        let mut sgd = [new(config(clip_norm)), new(config(clip_norm))];
        for step in 0..4 {
            let mut grads = noise(&start, 0.2, 2 + step);
            // Every step touches other parameters.
            let mut position = 0;
            grads.retain(|_, _| {
                position += 1;
                position % 3 != step
            });
            let norm = sgd[0].fused(&params[0], &grads, 0.05).unwrap();
            let expected = sgd[1].by_tensors(&params[1], &grads, 0.05).unwrap();
            assert!((norm / expected - 1.0).abs() < 1e-6, "{norm} {expected}");
            assert!((clip_norm < norm) == (clip_norm < 1.0), "{norm} does not test {clip_norm}");
        }
        let [found, expected] = params.map(|params| params.snapshot().unwrap());
        assert_same(&found, &expected);
        let [found, expected] = sgd.map(|sgd| sgd.momenta().unwrap());
        assert_same(&found, &expected);
    }
}

#[track_caller]
fn assert_same(found: &Snapshot, expected: &Snapshot) {
    assert!(found.keys().eq(expected.keys()));
    for (name, found) in found {
        for (found, expected) in flat(found).into_iter().zip(flat(&expected[name])) {
            assert!((found - expected).abs() < 1e-6, "{name}: {found} {expected}");
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let start = random_values(&small_family(3).shared_params(), 1);
    let digests = Isa::all().into_iter().map(|isa| {
        let (params, mut sgd) = (params(&start), Sgd { isa, ..new(config(0.5)) });
        let norms: Vec<u64> = (0..3)
            .map(|step| sgd.step(&params, &noise(&start, 0.2, step), 0.05).unwrap().to_bits())
            .collect();
        let [weights, momenta] = [params.snapshot().unwrap(), sgd.momenta().unwrap()]
            .map(|tensors| crate::engine::to_safetensors(&tensors).unwrap());
        (norms, weights, momenta)
    });
    let digests: Vec<_> = digests.collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for dtype in [DType::F32, DType::F64] {
        let params = params(&values("w", &[1.0, 2.0], dtype));
        let mut sgd = new(SgdConfig::default());
        let norm = sgd.step(&params, &values("w", &[f64::NAN, 1.0], dtype), 0.1).unwrap();
        assert!(norm.is_nan());
        assert_eq!(flat(params.get("w").unwrap()), [1.0, 2.0]);
        assert!(sgd.momenta().unwrap().is_empty());
    }
}

#[test]
fn momenta_that_went_in_or_came_out_do_not_follow_later_steps() {
    for dtype in [DType::F32, DType::F64] {
        let params = params(&values("w", &[1.0, 2.0], dtype));
        let given = values("w", &[0.5, 0.25], dtype);
        let mut sgd = Sgd::new(config(5.0), &given, &Device::Cpu).unwrap();
        let taken = sgd.momenta().unwrap();
        sgd.step(&params, &values("w", &[1.0, 1.0], dtype), 0.1).unwrap();
        assert_ne!(flat(&sgd.momenta().unwrap()["w"]), [0.5, 0.25]);
        assert_eq!(flat(&given["w"]), [0.5, 0.25]);
        assert_eq!(flat(&taken["w"]), [0.5, 0.25]);
    }
}

#[test]
fn a_gradient_that_does_not_fit_is_an_error_and_a_strided_one_is_not() {
    let start = Tensor::new(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu).unwrap();
    let params = params(&Snapshot::from([("w".to_owned(), start.clone())]));
    let mut sgd = new(config(5.0));
    let short = Tensor::new(&[1.0_f32, 1.0], &Device::Cpu).unwrap();
    let err = sgd.step(&params, &Snapshot::from([("w".to_owned(), short)]), 0.1).unwrap_err();
    assert!(err.to_string().contains("comes with"), "{err}");
    let strided = start.t().unwrap().contiguous().unwrap().t().unwrap();
    let by_tensors = Params::from_tensors(&params.snapshot().unwrap(), &Device::Cpu).unwrap();
    let grads = Snapshot::from([("w".to_owned(), strided)]);
    sgd.step(&params, &grads, 0.1).unwrap();
    new(config(5.0)).by_tensors(&by_tensors, &grads, 0.1).unwrap();
    assert_same(&params.snapshot().unwrap(), &by_tensors.snapshot().unwrap());
}
