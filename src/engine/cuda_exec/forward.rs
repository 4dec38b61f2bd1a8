//! The way forward of a program: a launch or two for every layer.

use candle_core::{Result, bail};

use crate::engine::cuda_exec::build::{Builder, Value};
use crate::engine::cuda_exec::layout::padded;
use crate::engine::cuda_exec::ops::{self, At, Bases, Region, THREADS, Window, int, long};
use crate::engine::cuda_exec::program::{Drops, Logits, Mask};
use crate::engine::cuda_exec::stage::{Part, Stage, Work};
use crate::net::{self, Layer, LayerKind, Shape, TensorId};

impl Builder<'_> {
    /// Brings the images into the form of activations.
    pub(super) fn images(&mut self) {
        let shape = self.net.image;
        let (from, floats) = (At::new(Region::Given, 0), self.n * shape.n_values());
        let to = self.take(self.floats(shape));
        let op = ops::Images {
            bases: Bases::default(),
            from,
            to,
            planes: self.planes(shape),
            channels: int(shape.channels),
            padded: int(padded(shape.channels)),
            pad: 0,
        };
        let pixels = self.n * shape.plane();
        let touched = [(from, floats), (to, self.floats(shape))];
        self.launch("images", [pixels.div_ceil(THREADS), 1], &op, &touched);
        self.values[0] = Some(Value { at: to, shape, norm: None });
    }

    /// Runs the layer that writes `output`.
    pub(super) fn forward(&mut self, output: TensorId, layer: &Layer) -> Result<()> {
        let wants = layer.inputs.iter().any(|&id| self.wants_grad[self.stands_for[id]]);
        self.wants_grad[output] = wants || !layer.params().is_empty();
        let inputs: Vec<TensorId> = layer.inputs.iter().map(|&id| self.stands_for[id]).collect();
        if self.skips(layer) {
            self.stands_for[output] = inputs[0];
            return Ok(());
        }
        let work = self.work(output, layer, &inputs)?;
        if self.mode.is_training() {
            self.stages.push(Stage { work, output });
        }
        Ok(())
    }

    fn work(&mut self, output: TensorId, layer: &Layer, inputs: &[TensorId]) -> Result<Work> {
        match layer.kind {
            LayerKind::DropPath { depth } => {
                let (floats, drops) = (self.n, Drops::Paths(depth));
                let factors = self.mask(drops, floats);
                self.parts(
                    output,
                    layer.output,
                    vec![Part { of: inputs[0], first: [0; 3], factors }],
                )
            }
            LayerKind::Pad { .. } => {
                let [row, column] = layer.pads_before();
                let part = Part { of: inputs[0], first: [row, column, 0], factors: At::NONE };
                self.parts(output, layer.output, vec![part])
            }
            LayerKind::Concat => {
                let mut channel = 0;
                let parts = inputs.iter().zip(&layer.input_shapes).map(|(&of, shape)| {
                    let part = Part { of, first: [0, 0, channel], factors: At::NONE };
                    channel += shape.channels;
                    part
                });
                let parts = parts.collect();
                self.parts(output, layer.output, parts)
            }
            LayerKind::Zeros => {
                let value = self.plain(layer.output);
                self.clear(value.at, self.floats(value.shape));
                self.values[output] = Some(value);
                Ok(Work::Zeros)
            }
            LayerKind::Add => self.add(output, [inputs[0], inputs[1]]),
            LayerKind::AvgPool { .. } | LayerKind::AuxPool | LayerKind::MaxPool { .. } => {
                self.pool(output, layer, inputs[0])
            }
            LayerKind::Head { dropout_keep } => self.head(output, layer, (inputs[0], dropout_keep)),
            _ => self.product(output, layer, inputs),
        }
    }

    pub(super) fn plain(&mut self, shape: Shape) -> Value {
        let at = self.take(self.floats(shape));
        Value { at, shape, norm: None }
    }

    fn mask(&mut self, drops: Drops, len: usize) -> At {
        let offset = self.given.take(len);
        self.masks.push(Mask { drops, offset, len });
        At::new(Region::Given, offset)
    }

    pub(super) fn clear(&mut self, to: At, floats: usize) {
        let quads = floats / 4;
        let op = ops::Clear { bases: Bases::default(), to, quads: long(quads) };
        self.launch("clear", [quads.div_ceil(THREADS), 1], &op, &[(to, floats)]);
    }

    /// Puts parts of a tensor together, with zeros where there is none.
    fn parts(&mut self, output: TensorId, shape: Shape, parts: Vec<Part>) -> Result<Work> {
        let whole = self.plain(shape);
        let floats = self.floats(shape);
        let inner = |part: &Part| Ok::<_, candle_core::Error>(self.value(part.of)?.shape);
        let joined: Vec<Shape> = parts.iter().map(inner).collect::<Result<_>>()?;
        let covered: usize = joined.iter().map(|shape| shape.n_values()).sum();
        if covered < shape.n_values() || !shape.channels.is_multiple_of(4) {
            self.clear(whole.at, floats);
        }
        for part in &parts {
            let value = self.value(part.of)?;
            let op = self.move_of(part, value, (whole.at, shape));
            let pixels = self.n * value.shape.plane() * value.shape.channels;
            let own = self.floats(value.shape);
            let touched = [(value.at, own), (whole.at, own.min(floats))];
            self.launch("put", [pixels.div_ceil(THREADS), 1], &op, &touched);
        }
        self.values[output] = Some(whole);
        Ok(Work::Parts(parts))
    }

    /// What moves a part of `large` and `small`.
    pub(super) fn move_of(
        &self,
        part: &Part,
        small: Value,
        (large, shape): (At, Shape),
    ) -> ops::Move {
        let [row, column, channel] = part.first.map(int);
        ops::Move {
            bases: Bases::default(),
            small: small.at,
            norm: small.norm(),
            large,
            factors: part.factors,
            inner: self.planes(small.shape),
            outer: self.planes(shape),
            real: int(small.shape.channels),
            padded: int(small.channels()),
            outer_padded: int(padded(shape.channels)),
            row,
            column,
            channel,
            accumulate: 0,
            pad: 0,
        }
    }

    fn add(&mut self, output: TensorId, [a, b]: [TensorId; 2]) -> Result<Work> {
        let values = [self.value(a)?, self.value(b)?];
        let sum = self.plain(values[0].shape);
        let floats = self.floats(sum.shape);
        let op = ops::Add {
            bases: Bases::default(),
            a: values[0].at,
            a_norm: values[0].norm(),
            b: values[1].at,
            b_norm: values[1].norm(),
            y: sum.at,
            quads: long(floats / 4),
            channels: int(sum.channels()),
            pad: 0,
        };
        let touched = [values[0].at, values[1].at, sum.at].map(|at| (at, floats));
        self.launch("add", [(floats / 4).div_ceil(THREADS), 1], &op, &touched);
        self.values[output] = Some(sum);
        Ok(Work::Add([a, b]))
    }

    fn pool(&mut self, output: TensorId, layer: &Layer, of: TensorId) -> Result<Work> {
        let Some(window) = layer.window() else { bail!("{:?} has no window", layer.kind) };
        let is_max = matches!(layer.kind, LayerKind::MaxPool { .. });
        let value = self.value(of)?;
        let pooled = self.plain(layer.output);
        let floats = self.floats(pooled.shape);
        let taps = if is_max && self.mode.is_training() { self.take(floats / 4) } else { At::NONE };
        let op = ops::Pool {
            bases: Bases::default(),
            x: value.at,
            norm: value.norm(),
            y: pooled.at,
            taps,
            d: At::NONE,
            dx: At::NONE,
            input: self.planes(value.shape),
            output: self.planes(pooled.shape),
            window: window_of(window, value.shape),
            channels: int(value.channels()),
            relu: i32::from(layer.kind == LayerKind::AuxPool),
            accumulate: 0,
            pad: 0,
        };
        let kernel = if is_max { "max_pool" } else { "average_pool" };
        let touched =
            [(value.at, self.floats(value.shape)), (pooled.at, floats), (taps, floats / 4)];
        self.launch(kernel, [(floats / 4).div_ceil(THREADS), 1], &op, &touched);
        self.values[output] = Some(pooled);
        Ok(Work::Pool { is_max, op, of })
    }

    /// Where the logits of a head go, of which those of the main one are found.
    fn logits_of(&mut self, is_main: bool, classes: usize) -> At {
        let numbers = self.n * classes;
        if !is_main {
            return self.take(numbers);
        }
        let offset = self.found.take(numbers);
        self.logits = Logits { offset, classes };
        At::new(Region::Found, offset)
    }

    fn head(
        &mut self,
        output: TensorId,
        layer: &Layer,
        (of, keep): (TensorId, f64),
    ) -> Result<Work> {
        let value = self.value(of)?;
        let (channels, classes) = (value.channels(), layer.output.channels);
        let training = self.mode.is_training();
        let mask = if training && keep < 1.0 {
            self.mask(Drops::Features(keep), self.n * value.shape.channels)
        } else {
            At::NONE
        };
        let numbers = self.n * classes;
        let is_main = output == self.net.logits;
        let logits = self.logits_of(is_main, classes);
        let features = self.take(self.n * channels);
        let dlogits = if training { self.take(numbers) } else { At::NONE };
        let weight = layer.params().swap_remove(0).0;
        let op = ops::Head {
            bases: Bases::default(),
            x: value.at,
            norm: value.norm(),
            weight: self.layout.weight(&weight)?,
            mask,
            features,
            logits,
            labels: self.labels,
            dlogits,
            dx: At::NONE,
            dweight: At::NONE,
            input: self.planes(value.shape),
            channels: int(channels),
            real: int(value.shape.channels),
            classes: int(classes),
            row: int(padded(classes)),
            accumulate: 0,
            pad: [0; 2],
            share: if is_main { 1.0 } else { self.net.aux_weight },
        };
        let touched = [
            (value.at, self.floats(value.shape)),
            (op.weight, channels * padded(classes)),
            (features, self.n * channels),
            (logits, numbers),
            (dlogits, numbers),
            (self.labels, self.n),
        ];
        self.launch("head_forward", [self.n, 1], &op, &touched);
        Ok(Work::Head { op: Box::new(op), of, weight })
    }
}

/// A window as kernels are told of it.
pub(super) fn window_of(window: net::Window, over: Shape) -> Window {
    let (net::Window { rows, columns }, [above, left]) = (window, window.pads_before(over));
    let [kernels, strides, gaps, pads] = [
        [rows.kernel, columns.kernel],
        [rows.stride, columns.stride],
        [rows.dilation, columns.dilation],
        [above, left],
    ]
    .map(|sides| sides.map(int));
    Window {
        rows: kernels[0],
        columns: kernels[1],
        down: strides[0],
        across: strides[1],
        row_gap: gaps[0],
        column_gap: gaps[1],
        above: pads[0],
        left: pads[1],
    }
}
