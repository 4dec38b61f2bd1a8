//! A net: the layers of one child in the order in which they run.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::{Layer, LayerKind, ParamSpec, Shape, TensorId, WordCell};

/// Which statistics a batch normalization uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Those of the batch at hand, in training and in evaluation: shared weights meet in ever
    /// other children, so no running statistics fit them (ENAS code, micro search).
    Batch,
    /// Those of the batch in training; running averages of them in evaluation.
    Running,
}

/// A child, compiled: plain data that executors run, the cost counter counts and exporters write.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// The shape of one image; of a word, a channel for each that there is.
    pub image: Shape,
    /// The layers, in the order in which they run.
    pub layers: Vec<Layer>,
    /// The tensor with the logits, one channel per class.
    pub logits: TensorId,
    /// The tensor with the logits of the auxiliary head.
    pub aux_logits: Option<TensorId>,
    /// Weight of the auxiliary head's loss.
    pub aux_weight: f64,
    /// Which statistics its batch normalizations use.
    pub norm: Norm,
}

/// What a net costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Trainable values without the auxiliary head.
    pub params: u64,
    /// Trainable values of the auxiliary head.
    pub aux_params: u64,
    /// Multiply-adds of one image's forward pass, without the auxiliary head and without layers
    /// whose output nobody reads.
    pub multiply_adds: u64,
    /// Bytes of the activations of these layers for one image as f32.
    pub activation_bytes: u64,
}

impl Net {
    /// The same net with its batch normalizations by these statistics.
    #[must_use]
    pub fn normed(&self, norm: Norm) -> Self {
        Self { norm, ..self.clone() }
    }

    /// Whether it reads words, and not images.
    pub fn reads_words(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.kind, LayerKind::Embed { .. }))
    }

    /// The trainable parameters that the net reads.
    pub fn params(&self) -> BTreeMap<String, ParamSpec> {
        self.layers.iter().flat_map(Layer::params).collect()
    }

    /// Parameters, multiply-adds and activations, without building anything.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost { params: 0, aux_params: 0, multiply_adds: 0, activation_bytes: 0 };
        let mut counted = BTreeSet::new();
        for (layer, is_run) in self.layers.iter().zip(self.live_layers(true)) {
            // Two layers may read one tensor.
            let own = layer.params().into_iter().filter(|(name, _)| counted.insert(name.clone()));
            let params: usize = own.map(|(_, spec)| spec.len()).sum();
            if layer.aux {
                cost.aux_params += params as u64;
            } else {
                cost.params += params as u64;
            }
            if is_run && !layer.aux {
                cost.multiply_adds += layer.multiply_adds();
                cost.activation_bytes += (layer.output.n_values() * size_of::<f32>()) as u64;
            }
        }
        cost
    }

    /// The layers that one forward pass has to run: without the auxiliary head where it is not
    /// wanted, and without what no logits depend on.
    pub fn live_layers(&self, with_aux: bool) -> Vec<bool> {
        let mut wanted: BTreeSet<TensorId> = BTreeSet::from([self.logits]);
        if with_aux {
            wanted.extend(self.aux_logits);
        }
        let mut live = vec![false; self.layers.len()];
        for (idx, layer) in self.layers.iter().enumerate().rev() {
            if wanted.contains(&(idx + 1)) {
                live[idx] = true;
                wanted.extend(&layer.inputs);
            }
        }
        live
    }

    /// The layers that a forward pass for the logits alone runs, each with its number, in their
    /// order.
    pub fn evaluated(&self) -> impl Iterator<Item = (usize, &Layer)> {
        let live = self.live_layers(false);
        self.layers.iter().enumerate().filter(move |(idx, _)| live[*idx])
    }

    /// The running statistics that such a pass reads, by name, with how many numbers each has; none
    /// where the net normalizes by the batch at hand.
    pub fn statistics(&self) -> impl Iterator<Item = (String, usize)> {
        let layers = self.evaluated().filter(|_| self.norm == Norm::Running);
        layers.flat_map(|(_, layer)| {
            let names = layer.statistics().into_iter().flatten();
            names.map(|name| (name, layer.output.channels))
        })
    }

    /// The last layer that reads each tensor, so that a pass without gradients needs the memory
    /// of few tensors at a time.
    pub fn last_readers(&self, live: &[bool]) -> Vec<usize> {
        let mut readers = vec![usize::MAX; self.layers.len() + 1];
        for (idx, layer) in self.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            layer.inputs.iter().for_each(|&id| readers[id] = idx);
        }
        readers
    }
}

#[cfg(test)]
impl Net {
    /// A net of the given layers, `(kind, inputs, channels written)`; the last one's tensor
    /// stands for the logits, and layer `i` has the path `layer{i}`. For tests of single layers.
    pub(crate) fn of_layers(image: Shape, layers: &[(LayerKind, &[TensorId], usize)]) -> Self {
        let mut builder = Builder::new(image);
        for (idx, &(kind, inputs, channels)) in layers.iter().enumerate() {
            let path = format!("layer{idx}");
            let rows = (0..inputs.len()).map(|input| format!("{path}.from{input}")).collect();
            builder.push(kind, inputs, channels, path);
            if kind == LayerKind::Gather {
                builder.name_rows(rows);
            }
        }
        let logits = layers.len();
        let layers = builder.layers;
        Self { image, layers, logits, aux_logits: None, aux_weight: 0.0, norm: Norm::Batch }
    }
}

/// Appends layers, keeping shapes.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) layers: Vec<Layer>,
    pub(super) shapes: Vec<Shape>,
    aux: bool,
}

impl Builder {
    pub(super) fn new(image: Shape) -> Self {
        Self { layers: Vec::new(), shapes: vec![image], aux: false }
    }

    pub(super) fn shape(&self, tensor: TensorId) -> Shape {
        self.shapes[tensor]
    }

    /// Appends a layer that writes `channels` channels; its plane follows from its kind.
    pub(super) fn push(
        &mut self,
        kind: LayerKind,
        inputs: &[TensorId],
        channels: usize,
        path: String,
    ) -> TensorId {
        let input_shapes: Vec<Shape> = inputs.iter().map(|&input| self.shapes[input]).collect();
        let mut layer = Layer {
            kind,
            inputs: inputs.to_vec(),
            output: input_shapes[0].with_channels(channels),
            input_shapes,
            path,
            rows: Vec::new(),
            cell: None,
            aux: self.aux,
        };
        if let Some(window) = layer.window() {
            layer.output = window.over(layer.input_shapes[0]).with_channels(channels);
        }
        match kind {
            LayerKind::FactorizedReduction { .. } => {
                layer.output = layer.input_shapes[0].halved(channels);
            }
            LayerKind::Pad { sides: [height, width] } => {
                layer.output = Shape { channels, height, width };
            }
            LayerKind::Head { .. } => layer.output = Shape { channels, height: 1, width: 1 },
            _ => {}
        }
        self.shapes.push(layer.output);
        self.layers.push(layer);
        self.layers.len()
    }

    /// Names the rows of the [`LayerKind::Gather`] just appended.
    pub(super) fn name_rows(&mut self, rows: Vec<String>) {
        if let Some(layer) = self.layers.last_mut() {
            layer.rows = rows;
        }
    }

    /// Gives the [`LayerKind::Recurrent`] just appended its cell.
    pub(super) fn set_cell(&mut self, cell: WordCell) {
        if let Some(layer) = self.layers.last_mut() {
            layer.cell = Some(cell);
        }
    }

    /// The authors' auxiliary head: pool, 1×1 to 128, 2×2 to 768, mean, linear.
    pub(super) fn aux_head(&mut self, input: TensorId, classes: usize) -> TensorId {
        self.aux = true;
        let channels = self.shape(input).channels;
        let pooled = self.push(LayerKind::AuxPool, &[input], channels, "aux.pool".to_owned());
        let narrow = LayerKind::conv(1, false);
        let narrowed = self.push(narrow, &[pooled], 128, "aux.conv0".to_owned());
        let side = self.shape(narrowed).height.min(self.shape(narrowed).width);
        let wide = LayerKind::conv(side.min(2), true);
        let widened = self.push(wide, &[narrowed], 768, "aux.conv1".to_owned());
        let head = LayerKind::Head { dropout_keep: 1.0 };
        let logits = self.push(head, &[widened], classes, "aux.head".to_owned());
        self.aux = false;
        logits
    }
}
