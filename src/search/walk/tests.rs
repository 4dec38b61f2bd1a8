//! The network against the reference's numbers, PyTorch's and central differences.

use super::*;
use crate::engine::Snapshot;
use crate::random::{Owner, generator};
use crate::search::theta::Layout;
use crate::search::walk::checks::{check_against_candle, check_close, check_differences, values};
use crate::search::{Policy, PolicyConfig};
use crate::space::{Arch, CellKind, Op, Space};
use candle_core::{Device, Tensor};

/// The micro architecture of the paper.
const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

/// The authors' initial operation bias.
const AUTHORS_BIAS: [f64; 5] = [10.0, 10.0, 0.0, 0.0, 0.0];

/// Bounds that are not the authors', so that none of them can be forgotten.
fn other_bounds(hidden: usize) -> PolicyConfig {
    let config = PolicyConfig { temperature: 1.7, tanh_constant: 1.3, ..PolicyConfig::default() };
    PolicyConfig { op_tanh_reduction: 2.0, hidden, ..config }
}

/// `scale·sin(k)` for k = 1, 2, … through all parameters but the operation bias, row by row.
fn filled(hidden: usize, scale: f64, op_bias: [f64; 5]) -> Snapshot {
    let shapes = [
        ("lstm.weight", vec![2 * hidden, 4 * hidden]),
        ("start.embedding", vec![hidden]),
        ("op.embedding", vec![5, hidden]),
        ("op.weight", vec![hidden, 5]),
        ("attention.w1", vec![hidden, hidden]),
        ("attention.w2", vec![hidden, hidden]),
        ("attention.v", vec![hidden]),
    ];
    let mut fill = (1..).map(|k| scale * f64::from(k).sin());
    let mut theta = Snapshot::new();
    for (name, shape) in shapes {
        let values: Vec<f64> = fill.by_ref().take(shape.iter().product()).collect();
        theta.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    }
    theta.insert("op.bias".to_owned(), Tensor::new(&op_bias, &Device::Cpu).unwrap());
    theta
}

fn choices(flat: &str) -> Vec<Choice> {
    flat.parse::<Arch>().unwrap().choices().to_vec()
}

fn script(flat: &str) -> Script {
    let space: Space = flat.parse::<Arch>().unwrap().space();
    space.script()
}

fn policy(config: &PolicyConfig, theta: &Snapshot, flat: &str) -> Policy {
    Policy::from_snapshot(config, &script(flat), theta, 0).unwrap()
}

/// The negative log probabilities of both cells of [`PUBLISHED`], and the entropy.
fn published(policy: &Policy) -> ([f64; 2], f64) {
    let (script, choices) = (script(PUBLISHED), choices(PUBLISHED));
    let run = |script: &Script, choices: &[Choice]| {
        let WalkOutcome { log_prob, entropy, .. } =
            policy.outcomes(script, &[choices], 0).unwrap()[0];
        (-log_prob, entropy)
    };
    let (both, entropy) = run(&script, &choices);
    let normal = Script(script.steps()[..script.steps().len() / 2].to_vec());
    let (normal, _) = run(&normal, &choices[..choices.len() / 2]);
    ([normal, both - normal], entropy)
}

#[track_caller]
fn check_published(
    config: &PolicyConfig,
    theta: &Snapshot,
    nll: [f64; 2],
    entropy: f64,
    tolerance: f64,
) {
    let (found, found_entropy) = published(&policy(config, theta, PUBLISHED));
    check_close(found[0], nll[0], tolerance);
    check_close(found[1], nll[1], tolerance);
    check_close(found_entropy, entropy, tolerance);
}

#[test]
fn the_published_architecture_has_the_reference_log_probability() {
    let theta = filled(64, 0.1, AUTHORS_BIAS);
    let nll = [28.441_596_649_5, 28.599_897_662_4];
    check_published(&PolicyConfig::default(), &theta, nll, 57.186_866_987_0, 1e-8);
}

#[test]
fn the_first_logits_are_the_references() {
    let layout = Layout::new(64, &script(PUBLISHED));
    let theta = Theta::from_snapshot(&layout, &filled(64, 0.1, AUTHORS_BIAS), "").unwrap();
    let bounds = Bounds::new(&PolicyConfig::default(), 0);
    let inputs = Network::inputs(Isa::best(), &theta);
    let network = Network::new(Isa::best(), &theta, bounds, &inputs);
    let first = Script(script(PUBLISHED).steps()[..2].to_vec());
    let mut tape = Tape::default();
    walk(network, &first, 1, &mut |_, _, _| Ok(0), Some(&mut tape)).unwrap();
    let Some(Moment::Decide(decided)) = tape.moments.last() else { panic!("no decision") };
    let logit = |&score: &f64| bounds.logit(decided.decision, score);
    let logits: Vec<f64> = decided.scores.iter().map(logit).collect();
    check_close(logits[0], 0.013_118_679_3, 1e-9);
    check_close(logits[1], 0.015_248_376_1, 1e-9);
}

#[test]
fn without_weights_the_biases_alone_decide() {
    let theta = filled(64, 0.0, AUTHORS_BIAS);
    check_published(&PolicyConfig::default(), &theta, [28.461_758, 28.610_262], 57.186_958, 1e-6);
    let policy = policy(&PolicyConfig::default(), &theta, PUBLISHED);
    let mut rng = generator(1, Owner::Policy, 0);
    let rollout = policy.sample(&script(PUBLISHED), 1, 0, &mut rng).unwrap().remove(0);
    let expected = [
        (CellKind::Normal, [0.315_270, 0.315_270, 0.123_153, 0.123_153, 0.123_153]),
        (CellKind::Reduction, [0.254_316, 0.254_316, 0.163_789, 0.163_789, 0.163_789]),
    ];
    for (cell, expected) in expected {
        let found = rollout.probabilities.get(cell as usize, "op").unwrap();
        for (op, expected) in Op::ALL.into_iter().zip(expected) {
            check_close(found[op.idx()], expected, 1e-6);
        }
    }
}

#[test]
fn a_rollout_does_not_feel_the_others_of_its_batch() {
    let theta = filled(16, 0.4, [1.0, 0.5, 0.0, -0.5, -1.0]);
    let policy = policy(&other_bounds(16), &theta, PUBLISHED);
    let other = "1 3 0 4 2 1 2 2 0 4 3 3 4 0 1 1 5 2 0 0 \
                 0 0 0 1 1 2 2 3 3 4 2 0 4 1 0 2 1 3 5 4";
    let (a, b) = (choices(PUBLISHED), choices(other));
    let run = |batch: &[&[Choice]]| policy.outcomes(&script(other), batch, 0).unwrap();
    let (alone_a, alone_b) = (run(&[&a])[0], run(&[&b])[0]);
    // More than go through the network at once.
    let together = run(&[&a, &b, &a, &a, &b, &b, &a]);
    let expected = [alone_a, alone_b, alone_a, alone_a, alone_b, alone_b, alone_a];
    assert_eq!(together, expected, "bit for bit");
    assert!((alone_a.log_prob - alone_b.log_prob).abs() > 1e-3);
}

/// Gradients of the log probability and of the entropy, of one architecture.
fn gradients(policy: &Policy, flat: &str) -> [Snapshot; 2] {
    let choices = choices(flat);
    let by_log_prob = WalkOutcome { log_prob: 1.0, ..WalkOutcome::default() };
    let by_entropy = WalkOutcome { entropy: 1.0, ..WalkOutcome::default() };
    [by_log_prob, by_entropy].map(|weight| {
        let (grad, _) = policy.gradient(&script(flat), &[&choices], &[weight], 0).unwrap();
        grad.snapshot("").unwrap()
    })
}

// PyTorch 2.15, float64:
//
//   import torch
//   torch.set_default_dtype(torch.float64)
//   H = 64
//   NORMAL = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1"
//   REDUCE = "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
//   shapes = [("lstm.weight", (2 * H, 4 * H)), ("start.embedding", (H,)), ("op.embedding", (5, H)),
//             ("op.weight", (H, 5)), ("attention.w1", (H, H)), ("attention.w2", (H, H)), ("attention.v", (H,))]
//   def theta(scale, bias):
//       t, k = {}, 1
//       for name, shape in shapes:
//           n = torch.Size(shape).numel()
//           t[name] = (scale * torch.arange(k, k + n).double().sin()).reshape(shape).requires_grad_()
//           k += n
//       t["op.bias"] = torch.tensor(bias).double().requires_grad_()
//       return t
//   def run(t, c=1.10, reduction=2.5, temperature=1.0):
//       h, m = torch.zeros(H), torch.zeros(H)
//       fixed = torch.tensor([.25, .25, -.25, -.25, -.25])
//       nll, entropy = [0, 0], 0
//       def lstm(x):
//           nonlocal h, m
//           i, f, o, g = (torch.cat([x, h]) @ t["lstm.weight"]).split(H)
//           m = i.sigmoid() * g.tanh() + f.sigmoid() * m
//           h = o.sigmoid() * m.tanh()
//       for cell, flat in enumerate((NORMAL, REDUCE)):
//           flat = [int(s) for s in flat.split()]
//           x, nodes, keys = t["start.embedding"], [], []
//           for _ in range(2):
//               lstm(x); nodes.append(torch.zeros(H)); keys.append(h @ t["attention.w1"])
//           for b in range(5):
//               i1, o1, i2, o2 = flat[4 * b:4 * b + 4]
//               for i in (i1, i2):
//                   lstm(x)
//                   q = torch.stack([torch.tanh(k + h @ t["attention.w2"]) @ t["attention.v"] for k in keys])
//                   q = c * torch.tanh(q / temperature)
//                   lp = torch.log_softmax(q, 0)
//                   nll[cell] -= lp[i]; entropy -= (lp.exp() * lp).sum(); x = nodes[i]
//               for o in (o1, o2):
//                   lstm(x)
//                   q = c / reduction * torch.tanh((h @ t["op.weight"] + t["op.bias"]) / temperature)
//                   lp = torch.log_softmax(q + fixed if cell == 0 else q, 0)
//                   nll[cell] -= lp[o]; entropy -= (lp.exp() * lp).sum(); x = t["op.embedding"][o]
//               lstm(x); nodes.append(h); keys.append(h @ t["attention.w1"]); x = t["start.embedding"]
//       return nll, entropy
//   t = theta(.4, [1, .5, 0, -.5, -1])
//   nll, entropy = run(t, 1.3, 2.0, 1.7)
//   print([n.item() for n in nll], entropy.item())
//   for name in sorted(t):
//       row = []
//       for y in (-(nll[0] + nll[1]), entropy):
//           g, = torch.autograd.grad(y, t[name], retain_graph=True)
//           row.append((g.flatten() * torch.arange(1, g.numel() + 1).double().cos()).sum().item())
//       print(f'("{name}", [{row[0]:.10f}, {row[1]:.10f}]),')
#[test]
fn values_and_gradients_are_pytorchs() {
    let theta = filled(64, 0.4, [1.0, 0.5, 0.0, -0.5, -1.0]);
    let config = other_bounds(64);
    let nll = [26.863_212_363_274_318, 28.353_483_756_503_312];
    check_published(&config, &theta, nll, 56.395_835_410_823_74, 1e-10);
    let expected = [
        ("attention.v", [8.854_675_212_1, -3.027_552_908_1]),
        ("attention.w1", [1.640_991_600_5, -2.028_061_442_1]),
        ("attention.w2", [-1.325_378_092_6, 1.036_079_957_0]),
        ("lstm.weight", [8.105_731_991_3, -2.893_014_633_8]),
        ("op.bias", [-0.040_543_663_8, -0.611_287_648_2]),
        ("op.embedding", [-5.090_173_269_1, -0.733_827_495_8]),
        ("op.weight", [-0.011_270_513_6, -0.004_933_212_5]),
        ("start.embedding", [1.442_691_792_4, 0.397_407_328_2]),
    ];
    let found = gradients(&policy(&config, &theta, PUBLISHED), PUBLISHED);
    for (name, expected) in expected {
        for (found, expected) in found.iter().zip(expected) {
            let projected = (1..).zip(values(&found[name]));
            let projected: f64 = projected.map(|(k, grad)| grad * f64::from(k).cos()).sum();
            check_close(projected, expected, 1e-9);
        }
    }
}

#[test]
fn gradients_are_the_central_differences() {
    let flat = "1 3 0 4 2 1 2 2 0 0 1 1 1 2 2 3";
    let theta = filled(6, 0.8, [0.6, 0.3, 0.0, -0.4, -0.9]);
    check_differences(&other_bounds(6), &script(flat), &theta, (&choices(flat), 0));
    let let_go = PolicyConfig { bound_epochs: 8, ..other_bounds(6) };
    check_differences(&let_go, &script(flat), &theta, (&choices(flat), 3));
}

#[test]
fn values_and_gradients_are_candles() {
    for (hidden, scale) in [(64, 0.4), (6, 0.8)] {
        let theta = filled(hidden, scale, [1.0, 0.5, 0.0, -0.5, -1.0]);
        let config = PolicyConfig { bound_epochs: 8, ..other_bounds(hidden) };
        for (n, epoch, let_go) in [(1, 0, 0.0), (2, 0, 0.0), (7, 0, 0.0), (7, 2, 0.25), (7, 9, 1.0)]
        {
            check_against_candle(&config, &script(PUBLISHED), &theta, (n, epoch, let_go));
        }
    }
}
