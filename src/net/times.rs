//! How long nets take on one machine, as the sum over their layers.
//!
//! ```text
//! time of a net = Σ over its layers of  first input + further inputs · time of one more
//! ```
//!
//! A table has the times of every kind of layer by the shapes that it reads and writes. What a net
//! takes follows from the table alone, not from the load of the machine when it is asked; the table
//! is measured once ([`time_layers`](crate::bench::time_layers)).

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::net::{Layer, LayerKind, Net, Shape, Window};

/// The time of one layer for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerTime {
    /// Nanoseconds with one input, or with the two of a sum.
    ns: u64,
    /// Nanoseconds of each further input of a layer that joins any number of them.
    ns_more: u64,
    /// What it does, by which it is compared with layers of its kind that are not in the table:
    /// multiply-adds, or values written where these are more. A file that says none is refused.
    work: NonZeroU64,
}

impl LayerTime {
    /// Nanoseconds with `n_inputs` inputs. Not in whole numbers: those of a file may be any.
    fn with(&self, n_inputs: u64) -> f64 {
        self.ns as f64 + self.ns_more as f64 * (n_inputs - 1) as f64
    }
}

/// The times of layers, by kind and then by shapes. Whole numbers, so that a sum is the same after
/// a way through a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerTimes(BTreeMap<String, BTreeMap<String, LayerTime>>);

impl LayerTimes {
    /// Milliseconds that one image takes in `net`; none where a kind of layer is not in the table.
    pub fn milliseconds(&self, net: &Net) -> Option<f64> {
        let times = timed(net).map(|layer| self.of(layer));
        let ns = times.sum::<Option<f64>>()?;
        Some(ns / 1e6)
    }

    /// The layers of `net` that are not in the table.
    pub fn unknown<'n>(&self, net: &'n Net) -> impl Iterator<Item = &'n Layer> {
        timed(net).filter(|layer| {
            let (kind, shapes) = key(layer);
            !self.0.get(&kind).is_some_and(|known| known.contains_key(&shapes))
        })
    }

    /// Sets the time of layers like `layer`: nanoseconds, and those of each further input.
    pub fn set(&mut self, layer: &Layer, ns: u64, ns_more: u64) {
        let (kind, shapes) = key(layer);
        let time = LayerTime { ns, ns_more, work: work(layer) };
        self.0.entry(kind).or_default().insert(shapes, time);
    }

    /// How many layers are in the table.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Nanoseconds of a layer. One that is not in the table takes as much longer than the one of
    /// its kind that does nearly as much, as it does more.
    fn of(&self, layer: &Layer) -> Option<f64> {
        let (kind, shapes) = key(layer);
        let known = self.0.get(&kind)?;
        if let Some(time) = known.get(&shapes) {
            return Some(time.with(joined(layer)));
        }
        let work = work(layer).get() as f64;
        let off = |time: &LayerTime| (work / time.work.get() as f64).ln().abs();
        let near = known.values().min_by(|a, b| off(a).total_cmp(&off(b)))?;
        Some((near.with(joined(layer)) * work / near.work.get() as f64).round())
    }
}

/// The layers that a forward pass for the logits alone spends time on.
fn timed(net: &Net) -> impl Iterator<Item = &Layer> {
    // Outside training nothing is dropped.
    let layers = net.evaluated().map(|(_, layer)| layer);
    layers.filter(|layer| !matches!(layer.kind, LayerKind::DropPath { .. }))
}

/// The name of a layer's kind and that of its shapes.
fn key(layer: &Layer) -> (String, String) {
    let relu = |relu: bool| if relu { "_relu" } else { "" };
    let kind = match layer.kind {
        LayerKind::Conv { window, relu: is } => format!("conv_{}{}", slid(window), relu(is)),
        LayerKind::SepConv { kernel, stride } => format!("sep_conv_{kernel}x{kernel}_by_{stride}"),
        LayerKind::AvgPool { stride } => format!("avg_pool_by_{stride}"),
        LayerKind::MaxPool { stride } => format!("max_pool_by_{stride}"),
        LayerKind::FactorizedReduction { relu: is } => format!("reduction{}", relu(is)),
        LayerKind::Pad { .. } => "pad".to_owned(),
        LayerKind::Add => "add".to_owned(),
        LayerKind::Gather => "gather".to_owned(),
        LayerKind::Concat => "concat".to_owned(),
        LayerKind::Zeros => "zeros".to_owned(),
        LayerKind::DropPath { .. } => "drop_path".to_owned(),
        LayerKind::AuxPool => "aux_pool".to_owned(),
        LayerKind::Head { .. } => "head".to_owned(),
        LayerKind::Embed { .. } => "embed".to_owned(),
        LayerKind::Recurrent { .. } => "recurrent".to_owned(),
        LayerKind::TiedSoftmax { .. } => "tied_softmax".to_owned(),
    };
    let input = spelled(layer.input_shapes[0]);
    let shapes = if joins(layer) { input } else { format!("{input} to {}", spelled(layer.output)) };
    (kind, shapes)
}

/// Kernel, stride and dilation; those of 1 are left out.
fn slid(Window { rows, columns }: Window) -> String {
    let kernel = format!("{}x{}", rows.kernel, columns.kernel);
    let stride = match [rows.stride, columns.stride] {
        [1, 1] => String::new(),
        [down, across] => format!("_by_{down}x{across}"),
    };
    let dilation = match rows.dilation {
        1 => String::new(),
        dilation => format!("_dilated_{dilation}"),
    };
    kernel + &stride + &dilation
}

fn spelled(Shape { channels, height, width }: Shape) -> String {
    format!("{channels}x{height}x{width}")
}

/// Whether a layer takes any number of inputs, all of one shape.
fn joins(layer: &Layer) -> bool {
    matches!(layer.kind, LayerKind::Gather | LayerKind::Concat)
}

/// Inputs that a layer joins, 1 or more.
fn joined(layer: &Layer) -> u64 {
    if joins(layer) { layer.inputs.len().max(1) as u64 } else { 1 }
}

/// What a layer does for one of the inputs that it joins.
fn work(layer: &Layer) -> NonZeroU64 {
    let values = layer.output.n_values() as u64;
    let work = layer.multiply_adds().max(values) / joined(layer);
    NonZeroU64::new(work).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Input, NetConfig, family};
    use crate::space::{Arch, MicroSpace, WholeNet};

    fn net(text: &str) -> Net {
        let arch: Arch = text.parse().unwrap();
        let config = NetConfig { layers: 1, channels: 4, ..NetConfig::default() };
        let shape = Shape { channels: 3, height: 8, width: 8 };
        let input = Input::Image { shape, classes: 10 };
        family(arch.space(), &config, input).unwrap().standalone(&arch).unwrap()
    }

    /// A table in which every layer of `net` takes `ns`, and `ns_more` for each further input.
    fn table(net: &Net, ns: u64, ns_more: u64) -> LayerTimes {
        let mut times = LayerTimes::default();
        net.layers.iter().for_each(|layer| times.set(layer, ns, ns_more));
        times
    }

    #[test]
    fn a_net_takes_the_sum_of_its_layers_and_of_their_further_inputs() {
        let net = net("layers=[conv_3x3, avg_pool_3x3(stem), conv_3x3(stem)]");
        let times = table(&net, 1_000_000, 500_000);
        assert_eq!(times.unknown(&net).count(), 0);
        let ran = net.live_layers(false).into_iter().filter(|is_live| *is_live).count();
        assert_eq!(ran + 1, net.layers.len(), "nobody reads layer 0 at its smallest size");
        // The second and the third layer join two tensors each.
        assert_eq!(times.milliseconds(&net), Some(ran as f64 + 2.0 * 0.5));
    }

    #[test]
    fn neither_an_auxiliary_head_nor_drop_path_takes_time() {
        let net = net(MicroSpace::PUBLISHED);
        assert!(net.layers.iter().any(|layer| layer.aux));
        let ran = net.layers.iter().zip(net.live_layers(false)).filter(|(layer, is_live)| {
            *is_live && !matches!(layer.kind, LayerKind::DropPath { .. })
        });
        let found = table(&net, 1_000_000, 0).milliseconds(&net);
        assert_eq!(found, Some(ran.count() as f64));
    }

    #[test]
    fn a_layer_that_is_not_in_the_table_is_reckoned_from_the_nearest_of_its_kind() {
        let known = net("layers=[conv_3x3, conv_3x3, conv_3x3]");
        let times = table(&known, 1_000_000, 500_000);
        let conv = known.layers.iter().find(|l| l.path == "layer0.conv_3x3.1").unwrap();
        let mut wide = conv.clone();
        wide.output.channels *= 3;
        assert_eq!((times.of(conv), times.of(&wide)), (Some(1e6), Some(3e6)));
        let other = net("layers=[max_pool_3x3, conv_3x3, conv_3x3]");
        assert_eq!(times.milliseconds(&other), None, "no pool is known");
        assert_eq!(times.unknown(&other).count(), 1);
    }

    #[test]
    fn a_table_reads_back_as_it_was() {
        let times = table(&net(WholeNet::PUBLISHED), 12_345, 7);
        let text = serde_json::to_string(&times).unwrap();
        assert!(text.contains(r#""conv_3x3":{"3x8x8 to 4x8x8":{"ns":12345,"#), "{text}");
        assert_eq!(serde_json::from_str::<LayerTimes>(&text).unwrap(), times);
        assert!((10..60).contains(&times.len()), "{}", times.len());
    }

    #[test]
    fn no_table_that_can_be_read_makes_a_time_overflow() {
        let known = net("layers=[conv_3x3, avg_pool_3x3(stem), conv_3x3(stem)]");
        let text = serde_json::to_string(&table(&known, u64::MAX, u64::MAX)).unwrap();
        let times: LayerTimes = serde_json::from_str(&text).unwrap();
        // Ten layers or more, of which two join two tensors.
        let found = times.milliseconds(&known).unwrap();
        assert!(found.is_finite() && 10.0 * u64::MAX as f64 / 1e6 < found, "{found}");
        let mut wide = known.layers[0].clone();
        wide.output.channels *= 1000;
        assert!(times.of(&wide).unwrap() > u64::MAX as f64, "one that is reckoned");
    }

    #[test]
    fn a_layer_that_does_nothing_is_refused() {
        let text = r#"{"head":{"8x1x1 to 3x1x1":{"ns":5,"ns_more":0,"work":0}}}"#;
        let error = serde_json::from_str::<LayerTimes>(text).unwrap_err().to_string();
        assert!(error.contains("expected a nonzero u64"), "{error}");
    }
}
