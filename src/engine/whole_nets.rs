//! What must hold of whole nets, whatever the numbers are.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Device;

use crate::engine::probe::{Batch, flat, params, random_values, rng};
use crate::engine::{CandleExec, Executor, Noise, Snapshot};
use crate::net::{Input, Net, NetConfig, NetFamily, Norm, Shape};
use crate::space::{Arch, Choice, Space, WholeNet};
use rand::RngExt;

const LAYERS: usize = 6;
const CLASSES: usize = 3;
const IMAGE: Shape = Shape { channels: 1, height: 9, width: 8 };

fn space() -> Space {
    Space::WholeNet(WholeNet::new(LAYERS).unwrap())
}

fn family() -> Arc<dyn NetFamily> {
    let config = NetConfig { channels: 4, dropout_keep: 0.8, ..NetConfig::default() };
    let input = Input::Image { shape: IMAGE, classes: CLASSES };
    crate::net::family(space(), &config, input).unwrap()
}

fn arch(choices: impl Fn(usize) -> Choice) -> Arch {
    let options = space().script().options().collect::<Vec<_>>();
    space().arch(&options.into_iter().map(choices).collect::<Vec<_>>()).unwrap()
}

fn batch() -> Batch {
    Batch::random(IMAGE, 5, CLASSES, 3)
}

fn logits(net: &Net, weights: &Snapshot) -> Vec<f64> {
    flat(&CandleExec::new(Device::Cpu).logits(net, weights, batch().images().into(), None).unwrap())
}

/// enas-spec, section 9.10(a): the authors' code runs the same operation whatever is chosen.
#[test]
fn every_operation_and_every_skip_of_every_layer_counts() {
    let omega = random_values(&family().shared_params(), 8);
    let base = arch(|options| Choice::from(options == 2));
    let own = logits(&family().shared(&base).unwrap(), &omega);
    for (place, options) in space().script().options().enumerate() {
        let others = (0..options as Choice).filter(|&choice| choice != base.choices()[place]);
        let mut seen = vec![own.clone()];
        for choice in others {
            let mut choices = base.choices().to_vec();
            choices[place] = choice;
            let net = family().shared(&space().arch(&choices).unwrap()).unwrap();
            let found = logits(&net, &omega);
            for seen in &seen {
                let change = found.iter().zip(seen).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(change > 1e-4, "choice {place} to {choice} changes the logits by {change}");
            }
            seen.push(found);
        }
    }
}

#[test]
fn a_child_has_gradients_for_exactly_what_it_reads() {
    let omega = random_values(&family().shared_params(), 8);
    let mut rng = rng(4);
    for _ in 0..4 {
        let script = space().script();
        let choices: Vec<Choice> =
            script.options().map(|options| rng.random_range(0..options as u32)).collect();
        let net = family().shared(&space().arch(&choices).unwrap()).unwrap();
        let noise = Noise { rng: &mut rng, drop_path: 0.0 };
        let exec = CandleExec::new(Device::Cpu);
        let found = exec.train(&net, &params(&omega), batch().images().into(), noise).unwrap();
        assert!(found.grads.keys().eq(net.params().keys()), "exactly the parameters it reads");
        assert!(found.loss.is_finite() && net.params().len() < omega.len());
        let moves = |grad: &candle_core::Tensor| flat(grad).iter().any(|value| *value != 0.0);
        let still: Vec<_> = found.grads.iter().filter(|(_, grad)| !moves(grad)).collect();
        assert!(still.is_empty(), "{:?}", still.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }
}

/// Where no channels are doubled, the net that stands alone computes what the child computes with
/// its part of ω: enas-spec, section 9.10(b).
#[test]
fn a_net_that_stands_alone_computes_what_the_child_does() {
    let omega = random_values(&family().shared_params(), 8);
    let arch = arch(|options| Choice::from(options == 2));
    let child = family().shared(&arch).unwrap();
    let mut alone = family().standalone(&arch).unwrap();
    // As wide as the child: its parameters have the child's names.
    let shapes: BTreeMap<&str, Shape> =
        child.layers.iter().map(|layer| (layer.path.as_str(), layer.output)).collect();
    let dead = alone.live_layers(true).into_iter().map(|live| !live).collect::<Vec<_>>();
    for (layer, is_dead) in alone.layers.iter_mut().zip(dead) {
        if !is_dead {
            layer.output = shapes[layer.path.as_str()];
        }
    }
    let outputs: Vec<Shape> =
        [alone.image].into_iter().chain(alone.layers.iter().map(|layer| layer.output)).collect();
    for layer in &mut alone.layers {
        layer.input_shapes = layer.inputs.iter().map(|&id| outputs[id]).collect();
    }
    alone.norm = Norm::Batch;
    assert_eq!(logits(&alone, &omega), logits(&child, &omega));
}
