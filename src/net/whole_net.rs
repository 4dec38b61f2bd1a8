//! Whole nets (ENAS, section 2.3): a stem, L layers, two reductions, and skip connections.
//!
//! ```text
//! image ─ stem 3×3 to F ─ layer 0 ─ … ─ layer L−1 ─ ReLU ─ mean ─ dropout ─ linear
//! layer i    its operation on layer i−1, then, but for layer 0, joined with the tensors that it
//!            skips from: ReLU, 1×1 convolution to F channels, norm
//! operation  ReLU, 1×1 convolution, norm; then ReLU, convolution k×k, norm; or ReLU, depthwise
//!            k×k, pointwise, norm; or a pool 3×3
//! ```
//!
//! After layers L/3 − 1 and 2·(L/3) − 1 every tensor goes through a factorized reduction of its
//! own. A child with shared weights and the net that stands alone are one function; only, the net
//! that stands alone has twice the channels behind each reduction, and running statistics. Of the
//! join's 1×1 convolution each tensor brings its own rows, as in the micro net.
//!
//! Departures from the authors' code: its search sums the skips, and only its final net joins them;
//! its final net makes separable convolutions dense and has no pools; its shared weights have
//! running statistics in evaluation. The head has the micro net's ReLU.

use std::collections::BTreeMap;

use crate::net::config::{CHANNELS, NetConfig};
use crate::net::family::checked;
use crate::net::graph::Builder;
use crate::net::{Input, LayerKind, Net, NetError, NetFamily, Norm, ParamSpec, Shape, TensorId};
use crate::space::{Arch, LayerOp, NetLayer, Space, WholeNet};

/// A family of whole nets: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WholeNetFamily {
    space: WholeNet,
    config: NetConfig,
    image: Shape,
    classes: usize,
}

/// What becomes of the tensors at a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// They keep their channels, and those that no layer reads any more are left out.
    Shared,
    /// They have twice the channels.
    Standalone,
}

impl WholeNetFamily {
    /// The nets of `space` for `input`.
    pub(super) fn new(space: WholeNet, config: NetConfig, input: Input) -> Result<Self, NetError> {
        let (image, classes) = checked(Space::WholeNet(space), config.channels, input)?;
        // Of one channel, one half of a factorized reduction would write nothing.
        NetError::check_range("channels", config.channels, 2..=*CHANNELS.end())?;
        Ok(Self { space, config, image, classes })
    }

    /// The layers of `arch`.
    fn layers(&self, arch: &Arch) -> Result<Vec<NetLayer>, NetError> {
        let (found, expected) = (arch.space(), Space::WholeNet(self.space));
        let layers = WholeNet::layers(arch).filter(|_| found == expected);
        layers.ok_or(NetError::Space { found, expected })
    }

    fn build(&self, layers: &[NetLayer], form: Form) -> Net {
        let mut frame = Frame::new(self, form);
        for (idx, NetLayer { op, skips }) in layers.iter().enumerate() {
            let input = frame.newest();
            let made = frame.operation(idx, *op, input);
            let output = frame.join(idx, made, skips);
            let later = &layers[idx + 1..];
            let is_read = |tensor: usize| {
                // The newest is the main input of the next layer.
                tensor == idx + 1 || later.iter().any(|layer| layer.skips.contains(&tensor))
            };
            frame.end_layer(idx, output, |tensor| form == Form::Standalone || is_read(tensor));
        }
        frame.finish(match form {
            Form::Shared => Norm::Batch,
            Form::Standalone => Norm::Running,
        })
    }
}

impl NetFamily for WholeNetFamily {
    fn input(&self) -> Input {
        Input::Image { shape: self.image, classes: self.classes }
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        Ok(self.build(&self.layers(arch)?, Form::Shared))
    }

    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        Ok(self.build(&self.layers(arch)?, Form::Standalone))
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        let mut frame = Frame::new(self, Form::Shared);
        for layer in 0..self.space.n_layers() {
            let input = frame.newest();
            let made = LayerOp::ALL.map(|op| frame.operation(layer, op, input));
            let skips: Vec<usize> = (0..layer).collect();
            let output = frame.join(layer, made[0], &skips);
            frame.end_layer(layer, output, |_| true);
        }
        frame.finish(Norm::Batch).params()
    }
}

/// A net under way.
struct Frame<'a> {
    family: &'a WholeNetFamily,
    form: Form,
    builder: Builder,
    /// The stem and the layers so far, each as it is at the present size.
    tensors: Vec<TensorId>,
    /// Channels of every tensor.
    channels: usize,
}

impl<'a> Frame<'a> {
    fn new(family: &'a WholeNetFamily, form: Form) -> Self {
        let mut builder = Builder::new(family.image);
        let channels = family.config.channels;
        let stem = LayerKind::conv(3, false);
        let stem = builder.push(stem, &[0], channels, "stem".to_owned());
        Self { family, form, builder, tensors: vec![stem], channels }
    }

    /// The main input of the next layer.
    fn newest(&self) -> TensorId {
        *self.tensors.last().expect("the stem is always there")
    }

    fn operation(&mut self, layer: usize, op: LayerOp, input: TensorId) -> TensorId {
        let path = format!("layer{layer}.{op}");
        let narrow = LayerKind::conv(1, true);
        let narrowed = self.builder.push(narrow, &[input], self.channels, format!("{path}.0"));
        let kind = match op {
            LayerOp::Conv3x3 => LayerKind::conv(3, true),
            LayerOp::SepConv3x3 => LayerKind::SepConv { kernel: 3, stride: 1 },
            LayerOp::Conv5x5 => LayerKind::conv(5, true),
            LayerOp::SepConv5x5 => LayerKind::SepConv { kernel: 5, stride: 1 },
            LayerOp::AvgPool3x3 => LayerKind::AvgPool { stride: 1 },
            LayerOp::MaxPool3x3 => LayerKind::MaxPool { stride: 1 },
        };
        self.builder.push(kind, &[narrowed], self.channels, format!("{path}.1"))
    }

    /// Joins what layer `layer` has `made` with the tensors that it skips from.
    fn join(&mut self, layer: usize, made: TensorId, skips: &[usize]) -> TensorId {
        if layer == 0 {
            return made;
        }
        let path = format!("layer{layer}.join");
        let mut rows: Vec<String> = skips.iter().map(|tensor| row(&path, *tensor)).collect();
        rows.push(format!("{path}.own"));
        let skipped = skips.iter().map(|&tensor| self.tensors[tensor]);
        let ends: Vec<TensorId> = skipped.chain([made]).collect();
        let output = self.builder.push(LayerKind::Gather, &ends, self.channels, path);
        self.builder.name_rows(rows);
        output
    }

    /// Makes `output` the newest tensor, and halves all that `wanted` names behind a layer that
    /// reduces.
    fn end_layer(&mut self, layer: usize, output: TensorId, wanted: impl Fn(usize) -> bool) {
        self.tensors.push(output);
        if !self.family.space.reductions().contains(&layer) {
            return;
        }
        if self.form == Form::Standalone {
            self.channels *= 2;
        }
        for tensor in (0..self.tensors.len()).filter(|&tensor| wanted(tensor)) {
            let kind = LayerKind::FactorizedReduction { relu: false };
            let path = row(&format!("reduce{layer}"), tensor);
            let whole = self.tensors[tensor];
            self.tensors[tensor] = self.builder.push(kind, &[whole], self.channels, path);
        }
    }

    fn finish(mut self, norm: Norm) -> Net {
        let head = LayerKind::Head { dropout_keep: self.family.config.dropout_keep };
        let newest = self.newest();
        let logits = self.builder.push(head, &[newest], self.family.classes, "head".to_owned());
        Net {
            image: self.family.image,
            layers: self.builder.layers,
            logits,
            aux_logits: None,
            aux_weight: 0.0,
            norm,
        }
    }
}

/// Where the parameters that `path` has for a tensor begin.
fn row(path: &str, tensor: usize) -> String {
    if tensor == 0 { format!("{path}.stem") } else { format!("{path}.from{}", tensor - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use rand::RngExt;

    fn family(n_layers: usize, channels: usize) -> WholeNetFamily {
        let config = NetConfig { channels, ..NetConfig::default() };
        let shape = Shape { channels: 3, height: 32, width: 32 };
        let input = Input::Image { shape, classes: 10 };
        WholeNetFamily::new(WholeNet::new(n_layers).unwrap(), config, input).unwrap()
    }

    fn total(params: &BTreeMap<String, ParamSpec>) -> usize {
        params.values().map(ParamSpec::len).sum()
    }

    #[test]
    fn one_channel_is_refused_for_no_half_of_a_reduction_may_be_nothing() {
        let config = NetConfig { channels: 1, ..NetConfig::default() };
        let input =
            Input::Image { shape: Shape { channels: 1, height: 28, width: 28 }, classes: 10 };
        let err = WholeNetFamily::new(WholeNet::new(6).unwrap(), config, input).unwrap_err();
        assert!(err.to_string().contains("channels"), "{err}");
        assert!(err.to_string().contains("2 to 2048"), "{err}");
    }

    // enas-spec, section 9.1: with separable convolutions that are.
    #[test]
    fn the_published_net_has_the_published_counts() {
        let arch: Arch = WholeNet::PUBLISHED.parse().unwrap();
        for (channels, params) in
            [(96, 30_947_424), (48, 7_759_920), (36, 4_373_604), (64, 13_774_912)]
        {
            let net = family(24, channels).standalone(&arch).unwrap();
            let cost = net.cost();
            assert_eq!((cost.params, cost.aux_params), (params, 0), "{channels} channels");
        }
    }

    /// Beyond the authors', who sum the skips: each layer but the first joins its own output and
    /// as many tensors as its number says by rows of F·F.
    #[test]
    fn shared_parameters_are_the_authors_and_the_rows_of_the_joins() {
        for (n_layers, channels, authors) in
            [(12, 36, 697_860), (12, 24, 316_056), (14, 36, 810_756)]
        {
            let rows = (1..n_layers).map(|layer| layer + 1).sum::<usize>();
            let expected = authors + rows * channels * channels;
            assert_eq!(total(&family(n_layers, channels).shared_params()), expected);
        }
    }

    fn random(space: Space, seed: u64) -> Arch {
        let mut rng = generator(seed, Owner::Uniform, 0);
        let choices: Vec<_> =
            space.script().options().map(|n| rng.random_range(0..n as u32)).collect();
        space.arch(&choices).unwrap()
    }

    #[test]
    fn children_together_read_all_shared_parameters_and_no_other() {
        let family = family(6, 2);
        let whole = family.shared_params();
        let mut read = BTreeMap::new();
        for seed in 0..200 {
            read.extend(
                family.shared(&random(Space::WholeNet(family.space), seed)).unwrap().params(),
            );
        }
        assert_eq!(read, whole);
    }

    /// What one layer that is run does, and with what: kind, path, inputs, rows and columns.
    type Run = (LayerKind, String, Vec<String>, [usize; 2]);

    fn runs(net: &Net) -> Vec<Run> {
        let path = |id: usize| {
            if id == 0 { "image".to_owned() } else { net.layers[id - 1].path.clone() }
        };
        let live = net.live_layers(true);
        let layers = net.layers.iter().zip(&live).filter(|(_, live)| **live);
        layers
            .map(|(layer, _)| {
                let inputs = layer.inputs.iter().map(|&id| path(id)).collect();
                let plane = [layer.output.height, layer.output.width];
                (layer.kind, layer.path.clone(), inputs, plane)
            })
            .collect()
    }

    /// The same layers on the same tensors: what the shared weights rank is what is trained in the
    /// end, but for the channels.
    #[test]
    fn a_child_and_the_net_that_stands_alone_are_one_function() {
        let family = family(12, 4);
        for seed in 0..20 {
            let arch = random(Space::WholeNet(family.space), seed);
            let (shared, alone) =
                (family.shared(&arch).unwrap(), family.standalone(&arch).unwrap());
            assert_eq!(shared.layers.len(), runs(&shared).len(), "a child has no layer in vain");
            assert_eq!(runs(&shared), runs(&alone));
        }
    }

    #[test]
    fn planes_are_halved_and_channels_doubled_where_the_authors_do_it() {
        let arch = random(Space::WholeNet(WholeNet::default()), 1);
        let shape = |net: &Net, path: &str| {
            let found = net.layers.iter().find(|layer| layer.path == path).unwrap().output;
            (found.channels, found.height)
        };
        let net = family(12, 6).standalone(&arch).unwrap();
        let places = ["stem", "layer3.join", "reduce3.from3", "reduce7.from7", "layer11.join"];
        assert_eq!(
            places.map(|path| shape(&net, path)),
            [(6, 32), (6, 32), (12, 16), (24, 8), (24, 8)]
        );
        let net = family(12, 6).shared(&arch).unwrap();
        assert_eq!(shape(&net, "layer11.join"), (6, 8));
    }

    #[test]
    fn a_net_refuses_an_architecture_of_another_size_or_space() {
        let expected = Space::WholeNet(WholeNet::default());
        let micro = "0 4 1 4 ".repeat(4);
        for text in ["layers=[conv_3x3, conv_3x3, conv_3x3]", micro.trim()] {
            let arch: Arch = text.parse().unwrap();
            let found = arch.space();
            let error = family(12, 4).shared(&arch).unwrap_err();
            assert_eq!(error, NetError::Space { found, expected });
        }
    }
}
