//! The nets of NAS (Zoph and Le, 2016, sections 3.2, 3.3 and 4.1): layers of filters, and which
//! earlier ones each reads.
//!
//! ```text
//! layer i    of the image: convolution, norm; of others: joined on channels, ReLU, convolution, norm
//! head       the layers that no other reads, joined on channels: ReLU, mean, dropout, linear
//! ```
//!
//! A layer is a convolution, batch normalization and a ReLU in this order (the paper names them and
//! not the order); the ReLU stands before whatever reads the layer, where it computes the same: of
//! what is joined, and of the zeros around a plane, each value goes through it by itself. Planes that
//! differ are filled up with zeros on all sides to the rows and the columns of the largest before
//! they are joined, and convolutions pad, so that a layer of stride 1 has the plane that it reads.
//!
//! `net.channels` says what 36 filters become, and the other numbers in proportion: n filters become
//! n·channels/36, rounded, and 1 at least. With 36 the nets are as published. Nets share no weights.
//!
//! The paper does not say what the classifier does with planes: here their means go into it.

use std::collections::BTreeMap;

use crate::net::config::NetConfig;
use crate::net::family::checked;
use crate::net::graph::Builder;
use crate::net::{
    Input, LayerKind, Net, NetError, NetFamily, Norm, ParamSpec, Shape, TensorId, Window,
};
use crate::space::{Arch, CnnLayer, NasCnn, SearchSpace, Space};

/// The filters that `net.channels` is the number of.
const UNIT: usize = 36;

/// A family of NAS's nets: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NasCnnFamily {
    space: NasCnn,
    config: NetConfig,
    image: Shape,
    classes: usize,
}

impl NasCnnFamily {
    /// The nets of `space` for `input`.
    pub(super) fn new(space: NasCnn, config: NetConfig, input: Input) -> Result<Self, NetError> {
        let (image, classes) = checked(Space::NasCnn(space), config.channels, input)?;
        Ok(Self { space, config, image, classes })
    }

    /// What so many published filters become.
    fn filters(&self, published: usize) -> usize {
        ((2 * published * self.config.channels + UNIT) / (2 * UNIT)).max(1)
    }

    fn build(&self, layers: &[CnnLayer]) -> Net {
        let mut frame = Frame::new(self.image);
        for (number, layer) in layers.iter().enumerate() {
            let path = format!("layer{number}");
            let input = frame.joined(&layer.inputs, &format!("{path}.in"));
            let window = Window::of(layer.kernel, layer.stride, 1);
            let kind = LayerKind::Conv { window, relu: !layer.inputs.is_empty() };
            let output = frame.builder.push(kind, &[input], self.filters(layer.filters), path);
            frame.outputs.push(output);
        }
        let features = frame.joined(&NasCnn::unread(layers), "out");
        let head = LayerKind::Head { dropout_keep: self.config.dropout_keep };
        let logits = frame.builder.push(head, &[features], self.classes, "head".to_owned());
        Net {
            image: self.image,
            layers: frame.builder.layers,
            logits,
            aux_logits: None,
            aux_weight: 0.0,
            norm: Norm::Running,
        }
    }
}

impl NetFamily for NasCnnFamily {
    fn input(&self) -> Input {
        Input::Image { shape: self.image, classes: self.classes }
    }

    fn shared(&self, _: &Arch) -> Result<Net, NetError> {
        Err(NetError::NotShared { space: self.space.name() })
    }

    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        let (found, expected) = (arch.space(), Space::NasCnn(self.space));
        // A net has the layers of its architecture: in a search they may grow.
        let is_known = |layers: &Vec<_>| expected.with_layers(layers.len()) == Ok(found);
        let layers = NasCnn::layers(arch).filter(is_known);
        Ok(self.build(&layers.ok_or(NetError::Space { found, expected })?))
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        BTreeMap::new()
    }
}

/// A net under way.
struct Frame {
    builder: Builder,
    /// What each layer so far writes.
    outputs: Vec<TensorId>,
    /// Those of them that are filled up, by layer, rows and columns: once for all that read them.
    filled: BTreeMap<(usize, [usize; 2]), TensorId>,
}

impl Frame {
    fn new(image: Shape) -> Self {
        let builder = Builder::new(image);
        Self { builder, outputs: Vec::new(), filled: BTreeMap::new() }
    }

    /// The outputs of `layers` on channels, of the largest plane; the image where there are none.
    fn joined(&mut self, layers: &[usize], path: &str) -> TensorId {
        let shapes = layers.iter().map(|&layer| self.builder.shape(self.outputs[layer]));
        let shapes: Vec<Shape> = shapes.collect();
        let height = shapes.iter().map(|shape| shape.height).max().unwrap_or(0);
        let width = shapes.iter().map(|shape| shape.width).max().unwrap_or(0);
        let ends = layers.iter().map(|&layer| self.filled(layer, [height, width]));
        let ends: Vec<TensorId> = ends.collect();
        match ends[..] {
            [] => 0,
            [end] => end,
            _ => {
                let channels = shapes.iter().map(|shape| shape.channels).sum();
                self.builder.push(LayerKind::Concat, &ends, channels, path.to_owned())
            }
        }
    }

    /// The output of `layer` with zeros around it, so that it has these rows and columns.
    fn filled(&mut self, layer: usize, sides: [usize; 2]) -> TensorId {
        let output = self.outputs[layer];
        let shape = self.builder.shape(output);
        let [height, width] = sides;
        if [shape.height, shape.width] == sides {
            return output;
        }
        let builder = &mut self.builder;
        *self.filled.entry((layer, sides)).or_insert_with(|| {
            let path = format!("layer{layer}.to{height}x{width}");
            builder.push(LayerKind::Pad { sides }, &[output], shape.channels, path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(space: NasCnn, channels: usize, shape: Shape) -> NasCnnFamily {
        let config = NetConfig { channels, ..NetConfig::default() };
        NasCnnFamily::new(space, config, Input::Image { shape, classes: 10 }).unwrap()
    }

    fn net(text: &str, channels: usize, shape: Shape) -> Net {
        let arch: Arch = text.parse().unwrap();
        let Space::NasCnn(space) = arch.space() else { panic!("{text} is of another space") };
        family(space, channels, shape).standalone(&arch).unwrap()
    }

    const CIFAR: Shape = Shape { channels: 3, height: 32, width: 32 };

    /// The paper's table 1: "NAS v1, no stride or pooling, 15 layers, 4.2 M". The sum by hand: of
    /// each layer rows·columns·filters·channels read, and a scale and an offset a filter; 480 of the
    /// classifier.
    #[test]
    fn the_published_net_has_the_published_number_of_parameters() {
        let cost = net(NasCnn::PUBLISHED, 36, CIFAR).cost();
        assert_eq!((cost.params, cost.aux_params), (4_201_620, 0));
        // At stride 1 each weight of a filter takes part once a cell.
        let (norms, head) = (2 * 636, 480);
        assert_eq!(cost.multiply_adds, (4_201_620 - norms - head) * 1024 + head);
    }

    #[test]
    fn filters_are_in_proportion_to_the_channels() {
        for (channels, expected) in [
            (36, [24, 36, 48, 64]),
            (72, [48, 72, 96, 128]),
            (9, [6, 9, 12, 16]),
            (6, [4, 6, 8, 11]),
            (1, [1, 1, 1, 2]),
        ] {
            let family = family(NasCnn::default(), channels, CIFAR);
            assert_eq!([24, 36, 48, 64].map(|filters| family.filters(filters)), expected);
        }
    }

    /// Each layer with what it reads and the shape that it writes.
    fn told(net: &Net) -> Vec<String> {
        let name = |id: usize| match id {
            0 => "image",
            _ => net.layers[id - 1].path.as_str(),
        };
        let layers = net.layers.iter().map(|layer| {
            let inputs: Vec<&str> = layer.inputs.iter().map(|&id| name(id)).collect();
            let Shape { channels, height, width } = layer.output;
            format!("{} = {} {channels}x{height}x{width}", layer.path, inputs.join("+"))
        });
        layers.collect()
    }

    /// Strides of 2 and 1, of 1 and 3 and of 3 on a plane of 9 and 8, and what is filled up to join.
    #[test]
    fn planes_that_differ_are_filled_up_and_loose_layers_go_into_the_head() {
        let text =
            "layers=[3x3x24/2x1, 1x7x36/1x3, 5x1x48/1x1(0,1), 7x7x64/3x3(0), 3x1x24/1x1(0,1)]";
        let found = net(text, 9, Shape { channels: 1, height: 9, width: 8 });
        assert_eq!(
            told(&found),
            [
                "layer0 = image 6x5x8",
                "layer1 = image 9x9x3",
                "layer0.to9x8 = layer0 6x9x8",
                "layer1.to9x8 = layer1 9x9x8",
                "layer2.in = layer0.to9x8+layer1.to9x8 15x9x8",
                "layer2 = layer2.in 12x9x8",
                "layer3 = layer0 16x2x3",
                "layer4.in = layer0.to9x8+layer1.to9x8 15x9x8",
                "layer4 = layer4.in 6x9x8",
                "layer3.to9x8 = layer3 16x9x8",
                "out = layer2+layer3.to9x8+layer4 34x9x8",
                "head = out 10x1x1",
            ]
        );
        let relu = |path: &str| {
            let layer = found.layers.iter().find(|layer| layer.path == path).unwrap();
            matches!(layer.kind, LayerKind::Conv { relu: true, .. })
        };
        assert_eq!(["layer0", "layer1", "layer2", "layer3"].map(relu), [false, false, true, true]);
    }

    #[test]
    fn nets_share_no_weights_and_are_of_their_space() {
        let family = family(NasCnn::new(3, false).unwrap(), 4, CIFAR);
        let arch: Arch = "layers=[3x3x36, 3x3x36, 3x3x36]".parse().unwrap();
        assert_eq!(family.shared(&arch), Err(NetError::NotShared { space: "nas_cnn" }));
        assert_eq!(family.shared_params().len(), 0);
        let arch: Arch = "layers=[3x3x36, 3x3x36, 3x3x36/1x1]".parse().unwrap();
        let (found, expected) = (arch.space(), Space::NasCnn(family.space));
        assert_eq!(family.standalone(&arch), Err(NetError::Space { found, expected }));
        // Nets of other depths are of a search in which they grow.
        let published = NasCnn::PUBLISHED.parse().unwrap();
        let deep = self::family(NasCnn::new(15, false).unwrap(), 4, CIFAR);
        assert_eq!(family.standalone(&published), deep.standalone(&published));
    }
}
