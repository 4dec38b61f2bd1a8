//! How long each kind of layer takes for one image, on this machine and with a given executor.
//!
//! A layer is too short to be timed alone, and every pass takes some time of its own. So nets of
//! one copy and of several are timed, and what is more is shared out:
//!
//! ```text
//! image ─┬─ layer ────┐
//!        ├─ layer ─── + ─┐          t(layer) = (T(4 copies) − T(1 copy)) / 3 − t(+)
//!        └─ …            + ─ head   t(head)  = T(head alone): what any pass takes is in it
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};

use crate::bench::BenchError;
use crate::bench::config::CLASSES;
use crate::engine::{Executor, Images, Params, Snapshot, initial_values};
use crate::net::{Layer, LayerKind, LayerTimes, Net, Norm, Shape, TensorId};
use crate::random::{Owner, generator};

/// Copies of a layer in the larger of two nets.
const COPIES: usize = 4;

/// Passes of a net that are timed at least; the shortest counts, for other programs may take a
/// part of the others.
const MIN_PASSES: usize = 7;

/// How long passes of one net are repeated: a short one needs more of them for one undisturbed.
const DURATION: Duration = Duration::from_millis(10);

/// Adds the layers of `nets` that are not in `times`, and says how many those were.
pub fn time_layers(
    exec: &dyn Executor,
    nets: impl IntoIterator<Item = Net>,
    times: &mut LayerTimes,
) -> Result<usize, BenchError> {
    let (before, mut timer) = (times.len(), Timer { exec, sums: HashMap::new() });
    for net in nets {
        let unknown: Vec<Layer> = times.unknown(&net).cloned().collect();
        for layer in unknown {
            // The layer before may have been of the same kind and shapes.
            if times.unknown(&net).any(|other| *other == layer) {
                let (ns, ns_more) = timer.layer(&layer)?;
                times.set(&layer, ns, ns_more);
            }
        }
    }
    Ok(times.len() - before)
}

/// Times layers, and sums once for each shape.
struct Timer<'a> {
    exec: &'a dyn Executor,
    sums: HashMap<Shape, f64>,
}

impl Timer<'_> {
    /// Nanoseconds of a layer, and of each further input of one that joins any number.
    fn layer(&mut self, layer: &Layer) -> Result<(u64, u64), BenchError> {
        Ok(match layer.kind {
            LayerKind::Head { .. } => (self.pass(&alone(layer))? as u64, 0),
            LayerKind::Add => (self.sum(layer.output)? as u64, 0),
            LayerKind::Gather | LayerKind::Concat => {
                let [one, many] = [1, COPIES].map(|n_inputs| self.copy(&joining(layer, n_inputs)));
                let one = one?;
                let more = (many? - one) / (COPIES - 1) as f64;
                (one as u64, more.max(0.0) as u64)
            }
            _ => (self.copy(layer)? as u64, 0),
        })
    }

    /// Nanoseconds of one copy of a layer.
    fn copy(&mut self, layer: &Layer) -> Result<f64, BenchError> {
        let [one, all] = [1, COPIES].map(|copies| self.pass(&beside_each_other(layer, copies)));
        let copy = (all? - one?) / (COPIES - 1) as f64;
        Ok((copy - self.sum(layer.output)?).max(0.0))
    }

    /// Nanoseconds of the sum of two tensors of this shape.
    fn sum(&mut self, shape: Shape) -> Result<f64, BenchError> {
        if let Some(ns) = self.sums.get(&shape) {
            return Ok(*ns);
        }
        let [one, all] = [1, COPIES].map(|sums| {
            let layers = (0..sums).map(|idx| sum(shape, [idx, 0])).collect();
            self.pass(&closed(shape, layers))
        });
        let ns = ((all? - one?) / (COPIES - 1) as f64).max(0.0);
        self.sums.insert(shape, ns);
        Ok(ns)
    }

    /// Nanoseconds of the shortest of some passes of a net for one image.
    fn pass(&self, net: &Net) -> Result<f64, BenchError> {
        let device = self.exec.device();
        let mut rng = generator(0, Owner::Bench, 0);
        let params = Params::from_tensors(&initial_values(&net.params(), &mut rng)?, device)?;
        let (weights, running) = (params.snapshot()?, running(net, device)?);
        let values = vec![0.5; net.image.n_values()];
        let pass = || -> Result<Duration, BenchError> {
            let images = Images { values: &values, labels: &[0] };
            let start = Instant::now();
            self.exec.measure(net, &weights, images.into(), Some(&running))?;
            Ok(start.elapsed())
        };
        // The first has its memory to find.
        pass()?;
        let (mut least, mut all, mut passes) = (Duration::MAX, Duration::ZERO, 0);
        while passes < MIN_PASSES || all < DURATION {
            let took = pass()?;
            (least, all, passes) = (least.min(took), all + took, passes + 1);
        }
        Ok(least.as_nanos() as f64)
    }
}

/// The layer with so many inputs, where it joins any number of them.
fn joining(layer: &Layer, n_inputs: usize) -> Layer {
    let mut layer = layer.clone();
    layer.input_shapes = vec![layer.input_shapes[0]; n_inputs];
    if layer.kind == LayerKind::Concat {
        layer.output.channels = layer.input_shapes[0].channels * n_inputs;
    }
    layer
}

/// A net of so many copies of a layer, all on the image, and their sum.
fn beside_each_other(layer: &Layer, copies: usize) -> Net {
    let mut layers: Vec<Layer> = Vec::new();
    let mut last: Option<TensorId> = None;
    for copy in 0..copies {
        let (path, n_inputs) = (format!("copy{copy}"), layer.input_shapes.len());
        let rows = (0..n_inputs).map(|input| format!("{path}.from{input}")).collect();
        layers.push(Layer { inputs: vec![0; n_inputs], path, rows, aux: false, ..layer.clone() });
        let made = layers.len();
        if let Some(last) = last {
            layers.push(sum(layer.output, [last, made]));
        }
        last = Some(layers.len());
    }
    closed(layer.input_shapes[0], layers)
}

fn sum(shape: Shape, inputs: [TensorId; 2]) -> Layer {
    Layer {
        kind: LayerKind::Add,
        inputs: inputs.to_vec(),
        input_shapes: vec![shape; 2],
        output: shape,
        path: String::new(),
        rows: Vec::new(),
        cell: None,
        aux: false,
    }
}

/// The net of a head alone.
fn alone(head: &Layer) -> Net {
    whole(head.input_shapes[0], vec![Layer { inputs: vec![0], ..head.clone() }])
}

/// The net of these layers and a head on the last of them. What the head takes is in every net, so
/// it counts for nothing.
fn closed(image: Shape, mut layers: Vec<Layer>) -> Net {
    let last = layers.last().map_or(image, |layer| layer.output);
    layers.push(Layer {
        kind: LayerKind::Head { dropout_keep: 1.0 },
        inputs: vec![layers.len()],
        input_shapes: vec![last],
        output: Shape { channels: CLASSES, height: 1, width: 1 },
        path: "head".to_owned(),
        rows: Vec::new(),
        cell: None,
        aux: false,
    });
    whole(image, layers)
}

/// The net of these layers, of which the last writes the logits.
fn whole(image: Shape, layers: Vec<Layer>) -> Net {
    let logits = layers.len();
    Net { image, layers, logits, aux_logits: None, aux_weight: 0.0, norm: Norm::Running }
}

/// Running statistics of an image whose values are normalized already.
fn running(net: &Net, device: &Device) -> Result<Snapshot, BenchError> {
    let mut running = Snapshot::new();
    for layer in &net.layers {
        let Some([mean, variance]) = layer.statistics() else { continue };
        let channels = layer.output.channels;
        running.insert(mean, Tensor::zeros(channels, DType::F32, device)?);
        running.insert(variance, Tensor::ones(channels, DType::F32, device)?);
    }
    Ok(running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CandleExec, CpuExec};
    use crate::net::{Input, NetConfig, NetError, family};
    use crate::space::Space;

    /// A stand-alone net of each space that has nets which read images.
    fn nets() -> Vec<Net> {
        let nets = Space::each().into_iter().filter_map(|space| {
            let config = NetConfig { layers: 1, channels: 2, ..NetConfig::default() };
            let shape = Shape { channels: 1, height: 8, width: 8 };
            let family = match family(space, &config, Input::Image { shape, classes: 3 }) {
                Err(NetError::ReadsWords { .. }) => return None,
                found => found.unwrap(),
            };
            match family.standalone(&space.rules().published().unwrap()) {
                Err(NetError::NoNets { .. }) => None,
                found => Some(found.unwrap()),
            }
        });
        nets.collect()
    }

    #[test]
    fn every_layer_of_a_net_is_timed_once_by_every_executor() {
        let candle = CandleExec::new(Device::Cpu);
        for exec in [&CpuExec::new() as &dyn Executor, &candle] {
            let mut times = LayerTimes::default();
            let timed = time_layers(exec, nets(), &mut times).unwrap();
            assert_eq!(timed, times.len());
            for net in nets() {
                assert_eq!(times.unknown(&net).count(), 0);
                assert!(0.0 < times.milliseconds(&net).unwrap());
            }
            let before = times.clone();
            assert_eq!(time_layers(exec, nets(), &mut times).unwrap(), 0);
            assert_eq!(times, before);
        }
    }

    #[test]
    fn a_head_is_timed_with_its_own_classes() {
        let shape = Shape { channels: 4, height: 2, width: 2 };
        let net = closed(shape, Vec::new());
        for classes in [3, 1000] {
            let mut head = net.layers[0].clone();
            head.output.channels = classes;
            assert_eq!(alone(&head).layers[0].output.channels, classes);
            assert_eq!(alone(&head).cost().multiply_adds, 4 * classes as u64);
        }
    }

    #[test]
    fn copies_stand_beside_each_other_and_every_one_of_them_runs() {
        for layer in nets().iter().flat_map(|net| &net.layers) {
            if layer.aux || matches!(layer.kind, LayerKind::Head { .. }) {
                continue;
            }
            let net = beside_each_other(&joining(layer, layer.inputs.len()), COPIES);
            let copies = net.layers.iter().filter(|copy| copy.path.starts_with("copy"));
            assert_eq!(copies.count(), COPIES, "{}", layer.path);
            assert!(net.live_layers(false).iter().all(|is_live| *is_live), "{}", layer.path);
        }
    }
}
