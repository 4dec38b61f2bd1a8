//! The way forward through normalized layers, as matrix products.

use candle_core::{Result, bail};

use crate::engine::cuda_exec::build::{Builder, NormAt, even_blocks, n_strips};
use crate::engine::cuda_exec::forward::window_of;
use crate::engine::cuda_exec::layout::padded;
use crate::engine::cuda_exec::ops::{
    At, Back, Bases, MAX_SOURCES, Planes, ProductForward, Region, RunningEntry, Source, Stats,
    Window, int, long,
};
use crate::engine::cuda_exec::program::Moments;
use crate::engine::cuda_exec::stage::{How, Product, Work};
use crate::net::{Layer, LayerKind, TensorId};

/// Blocks of a launch at most, where each has more than one piece of work: enough for any device. A
/// number of ours, so that sums have the same order on all.
pub(super) const BLOCKS: usize = 512;

/// Strips of a tile of a product.
const STRIPS: usize = 32;

impl Builder<'_> {
    /// A normalized layer.
    pub(super) fn product(
        &mut self,
        output: TensorId,
        layer: &Layer,
        inputs: &[TensorId],
    ) -> Result<Work> {
        let product = self.product_of(layer, inputs)?;
        let n_sources = product.sources.len();
        if MAX_SOURCES < n_sources {
            bail!("the layer `{}` reads {n_sources} tensors, at most {MAX_SOURCES}", layer.path);
        }
        let mut z = self.plain(layer.output);
        let planes = self.planes(layer.output);
        let channels = z.channels();
        let tile = tile_of(channels);
        let across = channels.div_ceil(tile);
        let blocks = even_blocks(n_strips(planes).div_ceil(STRIPS), BLOCKS / across.min(8));
        let (norm, stats) = self.normalization(layer, blocks)?;
        z.norm = Some(norm);
        let mut op = ProductForward {
            bases: Bases::default(),
            z: z.at,
            stats,
            input: self.planes(layer.input_shapes[0]),
            output: planes,
            window: product.window,
            channels: int(channels),
            n_sources: int(n_sources),
            sources: bytemuck::Zeroable::zeroed(),
        };
        let mut touched = vec![
            (z.at, self.floats(z.shape)),
            (stats.partials, 2 * blocks * channels),
            (norm.at, 4 * channels),
        ];
        for (slot, ((id, source), name)) in
            op.sources.iter_mut().zip(product.sources.iter().zip(&product.weights))
        {
            *slot = *source;
            let value = self.value(*id)?;
            touched.push((value.at, self.floats(value.shape)));
            touched.push((source.weight, self.layout.packing(name)?.len()));
        }
        self.launch(forward_kernel(product.how, tile), [blocks, across], &op, &touched);
        self.give(stats.partials, 2 * blocks * channels);
        self.values[output] = Some(z);
        Ok(Work::Product(Box::new(product)))
    }

    /// Where the normalization of the layer's output is, and how it comes about.
    fn normalization(&mut self, layer: &Layer, blocks: usize) -> Result<(NormAt, Stats)> {
        let (Some(path), Some(names)) = (layer.norm_path(), layer.statistics()) else {
            bail!("{} has no normalization", layer.path)
        };
        let channels = padded(layer.output.channels);
        let [gamma, beta] = ["scale", "offset"].map(|name| format!("{path}.{name}"));
        // Those by running statistics are all made before the first layer, and nothing else is there.
        let at = if self.is_running() {
            At::new(Region::Found, self.found.take(4 * channels))
        } else {
            self.take(4 * channels)
        };
        let training = self.mode.is_training();
        let grad = |name: &str| if training { self.layout.grad(name) } else { Ok(At::NONE) };
        let norm = NormAt {
            at,
            gamma: self.layout.weight(&gamma)?,
            dgamma: grad(&gamma)?,
            dbeta: grad(&beta)?,
        };
        let beta = self.layout.weight(&beta)?;
        let n = (self.n * layer.output.plane()) as f64;
        let none = At::NONE;
        let mut stats = Stats {
            partials: none,
            ticket: none,
            gamma: norm.gamma,
            beta,
            norm: at,
            found: none,
            n,
        };
        if self.is_running() {
            self.run_by(names, (norm, beta), channels);
            return Ok((norm, stats));
        }
        stats.partials = self.take(2 * blocks * channels);
        stats.ticket = Self::ticket(0);
        if self.mode.finds_moments() {
            let offset = self.found.take(2 * channels);
            stats.found = At::new(Region::Found, offset);
            self.moments.push(Moments { names, offset, channels });
        }
        Ok((norm, stats))
    }

    /// Has a normalization go by running statistics of these names.
    fn run_by(&mut self, names: [String; 2], (norm, beta): (NormAt, At), channels: usize) {
        let offset = self.given.take(2 * channels);
        let mean = At::new(Region::Given, offset);
        let variance = mean.plus(channels);
        let (gamma, norm) = (norm.gamma, norm.at);
        let entry = RunningEntry { gamma, beta, mean, variance, norm, channels: long(channels) };
        self.affines.push(entry);
        self.running.push(Moments { names, offset, channels });
    }

    /// What the layer reads, and how.
    fn product_of(&self, layer: &Layer, inputs: &[TensorId]) -> Result<Product> {
        let params = layer.params();
        let names: Vec<&String> = params.iter().map(|(name, _)| name).collect();
        let (how, window, relu) = match (layer.kind, layer.window()) {
            (LayerKind::Conv { window, relu }, _) => {
                (How::Dense, window_of(window, layer.input_shapes[0]), relu)
            }
            (LayerKind::SepConv { kernel, stride }, Some(window)) => {
                let side = (stride == 1 && matches!(kernel, 3 | 5 | 7)).then_some(kernel);
                (How::Separable(side), window_of(window, layer.input_shapes[0]), true)
            }
            (LayerKind::FactorizedReduction { relu }, _) => {
                (How::Dense, Window { down: 2, across: 2, ..POINT }, relu)
            }
            (LayerKind::Gather, _) => (How::Dense, POINT, true),
            (kind, _) => bail!("{kind:?} is no layer of a net of images"),
        };
        let is_separable = matches!(how, How::Separable(_));
        let is_halved = matches!(layer.kind, LayerKind::FactorizedReduction { .. });
        let weights: Vec<String> = names[usize::from(is_separable)..names.len() - 2]
            .iter()
            .map(|name| (*name).clone())
            .collect();
        let depthwise = is_separable.then(|| names[0].clone());
        let depthwise = match &depthwise {
            Some(name) => self.layout.weight(name)?,
            None => At::NONE,
        };
        let read = (inputs, &weights[..]);
        let sources = self.sources(layer, read, (is_halved, relu, depthwise))?;
        Ok(Product { how, window, sources, weights })
    }

    /// What a product reads, with the weights of these names.
    fn sources(
        &self,
        layer: &Layer,
        (inputs, weights): (&[TensorId], &[String]),
        (is_halved, relu, depthwise): (bool, bool, At),
    ) -> Result<Vec<(TensorId, Source)>> {
        let channels = padded(layer.output.channels);
        let mut sources = Vec::new();
        let mut first = 0;
        for (place, name) in weights.iter().enumerate() {
            let id = if is_halved { inputs[0] } else { inputs[place] };
            let value = self.value(id)?;
            // The halves of a reduction write channels of their own.
            let outputs = if is_halved {
                let even = layer.output.channels / 2;
                if place == 0 { even } else { layer.output.channels - even }
            } else {
                channels
            };
            let shift = i32::from(is_halved && place == 1);
            let source = Source {
                x: value.at,
                norm: value.norm(),
                weight: self.layout.weight(name)?,
                depthwise,
                dx: At::NONE,
                back: Back::NONE,
                channels: int(value.channels()),
                relu: i32::from(relu),
                accumulate: 0,
                terms: 1,
                row: int(padded(outputs)),
                first: int(first),
                outputs: int(outputs),
                down: shift,
                right: shift,
                pad: 0,
            };
            if is_halved {
                first += outputs;
            }
            sources.push((id, source));
        }
        Ok(sources)
    }
}
/// A window of one tap that goes cell by cell.
const POINT: Window = Window {
    rows: 1,
    columns: 1,
    down: 1,
    across: 1,
    row_gap: 1,
    column_gap: 1,
    above: 0,
    left: 0,
};

/// Outputs of a tile of a product.
pub(super) fn tile_of(channels: usize) -> usize {
    match channels {
        0..=16 => 16,
        17..=32 => 32,
        _ => 64,
    }
}

fn forward_kernel(how: How, tile: usize) -> &'static str {
    let of = |names: [&'static str; 3]| match tile {
        16 => names[0],
        32 => names[1],
        _ => names[2],
    };
    match how {
        How::Dense => of(["dense_forward_16", "dense_forward_32", "dense_forward_64"]),
        How::Separable(Some(3)) => {
            of(["separable_3_forward_16", "separable_3_forward_32", "separable_3_forward_64"])
        }
        How::Separable(Some(5)) => {
            of(["separable_5_forward_16", "separable_5_forward_32", "separable_5_forward_64"])
        }
        How::Separable(Some(7)) => {
            of(["separable_7_forward_16", "separable_7_forward_32", "separable_7_forward_64"])
        }
        How::Separable(_) => {
            of(["separable_any_forward_16", "separable_any_forward_32", "separable_any_forward_64"])
        }
    }
}

/// Strips of the planes, as tiles.
pub(super) fn n_tiles(planes: Planes) -> usize {
    n_strips(planes).div_ceil(STRIPS)
}
