//! The way back through normalized layers: the gradients of what they read, and of their weights.

use candle_core::{Result, bail};

use crate::engine::cuda_exec::backward::{QUADS, SHARES};
use crate::engine::cuda_exec::build::{Builder, Slot, Value, even_blocks, n_strips};
use crate::engine::cuda_exec::ops::{
    At, Back, Bases, DepthwiseBackward, FinishEntry, ProductBackward, Region, Source, int, long,
};
use crate::engine::cuda_exec::products::{BLOCKS, n_tiles};
use crate::engine::cuda_exec::stage::{How, Product};
use crate::net::TensorId;

/// Strips that a share takes at a time.
const CHUNK: usize = 16;

impl Builder<'_> {
    pub(super) fn product_backward(&mut self, product: &Product, output: TensorId) -> Result<()> {
        let z = self.value(output)?;
        let Some(norm) = z.norm else { bail!("tensor {output} has no normalization") };
        if self.grads[output].is_none() {
            // Nothing comes of it, so its parameters have a gradient of zeros.
            let floats = self.floats(z.shape);
            let at = self.take(floats);
            self.grads[output] = Some(self.slots.len());
            self.slots.push(Slot { at, floats, refs: 1 });
            self.clear(at, floats);
            self.norm_sums(&[output], at)?;
        }
        let (Some(d), Some(coefs)) = (self.grad(output), self.coefs[output]) else {
            bail!("the gradient of tensor {output} was not summed up")
        };
        let channels = z.channels();
        let mut op = ProductBackward {
            bases: Bases::default(),
            d,
            z: z.at,
            norm: norm.at,
            coefs,
            du: At::NONE,
            partials: At::NONE,
            input: self.planes(self.value(product.sources[0].0)?.shape),
            output: self.planes(z.shape),
            window: product.window,
            channels: int(channels),
            n_sources: int(product.sources.len()),
            x_blocks: 0,
            splits: 0,
            strips_of_split: 0,
            rows: 0,
            sources: bytemuck::Zeroable::zeroed(),
        };
        for (slot, (_, source)) in op.sources.iter_mut().zip(&product.sources) {
            *slot = *source;
        }
        let floats = self.floats(z.shape);
        let touched = vec![(d, floats), (z.at, floats)];
        match product.how {
            How::Dense => self.dense_backward(product, op, touched)?,
            How::Separable(side) => self.separable_backward((product, side), op, touched)?,
        }
        self.give(coefs, 3 * channels);
        Ok(())
    }

    fn dense_backward(
        &mut self,
        product: &Product,
        mut op: ProductBackward,
        mut touched: Vec<(At, usize)>,
    ) -> Result<()> {
        let taps = (op.window.rows * op.window.columns) as usize;
        let widest = product.sources.iter().map(|(_, source)| source.channels as usize);
        let side = side_of((op.channels as usize).max(widest.max().unwrap_or(0)));
        let tiles = n_tiles(op.input);
        op.x_blocks = int(even_blocks(tiles, BLOCKS / product.sources.len().min(8)));
        let rows = 2 * op.x_blocks as usize;
        let mut x_grid = 0;
        let mut summed = Vec::new();
        let mut place = 0;
        while let Some(&(id, source)) = product.sources.get(place) {
            let terms = product.sources[place..].iter().take_while(|(other, _)| *other == id);
            let terms = terms.count();
            let value = self.value(id)?;
            let floats = self.floats(value.shape);
            touched.push((value.at, floats));
            if let Some(found) = self.contribute(id)? {
                let back = if found.is_last { self.back_of(id, rows, place)? } else { Back::NONE };
                let slot = &mut op.sources[place];
                (slot.dx, slot.accumulate) = (found.dx, i32::from(found.accumulate));
                (slot.back, slot.terms) = (back, int(terms));
                let channels = source.channels as usize;
                x_grid += op.x_blocks as usize * channels.div_ceil(side);
                touched.push((found.dx, floats));
                touched.push((back.partials, rows * channels));
                summed.push((back.partials, rows * channels));
            }
            place += terms;
        }
        let w_grid = self.shares(product, &mut op, (side, taps));
        let kernel = if side == 32 { "dense_backward_32" } else { "dense_backward_64" };
        touched.push((op.partials, (op.splits * op.rows) as usize));
        self.launch(kernel, [x_grid + w_grid, 1], &op, &touched);
        for (at, floats) in summed {
            self.give(at, floats);
        }
        Ok(())
    }

    /// Plans the shares of the gradients of weights; says how many blocks make them.
    fn shares(
        &mut self,
        product: &Product,
        op: &mut ProductBackward,
        (side, taps): (usize, usize),
    ) -> usize {
        let outs = (op.channels as usize).div_ceil(side);
        let rows_of = |source: &Source| taps * source.channels as usize;
        let sources = || product.sources.iter().map(|(_, source)| source);
        let pairs: usize = sources().map(|source| rows_of(source).div_ceil(side) * outs).sum();
        let strips = n_strips(op.output);
        let splits = (SHARES / pairs).clamp(1, strips.div_ceil(CHUNK));
        let of_split = strips.div_ceil(splits).next_multiple_of(CHUNK);
        op.strips_of_split = int(of_split);
        op.splits = int(strips.div_ceil(of_split));
        let rows: usize = sources().map(|source| rows_of(source) * source.row as usize).sum();
        op.rows = int(rows);
        op.partials = self.take(op.splits as usize * rows);
        let mut first = 0;
        for source in sources() {
            let len = rows_of(source) * source.row as usize;
            self.finishes.push(FinishEntry {
                partials: op.partials.plus(first),
                to: grad_of(source.weight),
                rows: i64::from(op.splits),
                stride: long(rows),
                len: long(len),
            });
            first += len;
        }
        op.splits as usize * pairs
    }

    fn separable_backward(
        &mut self,
        (product, side): (&Product, Option<usize>),
        mut op: ProductBackward,
        mut touched: Vec<(At, usize)>,
    ) -> Result<()> {
        let (id, source) = product.sources[0];
        let value = self.value(id)?;
        let channels = value.channels();
        let du_floats = self.n * (op.output.height * op.output.width) as usize * channels;
        op.du = self.take(du_floats);
        let tile = side_of(channels.max(op.channels as usize));
        let is_narrow = channels.max(op.channels as usize) <= tile;
        let x_grid = if is_narrow {
            0
        } else {
            op.x_blocks = int(even_blocks(n_tiles(op.output), BLOCKS));
            op.x_blocks as usize * channels.div_ceil(tile)
        };
        let w_grid = self.shares(product, &mut op, (tile, 1));
        touched.push((value.at, self.floats(value.shape)));
        touched.push((op.du, du_floats));
        touched.push((op.partials, (op.splits * op.rows) as usize));
        let kernel = separable_kernel(side, (is_narrow, tile));
        self.launch(kernel, [x_grid + w_grid, 1], &op, &touched);
        let window = op.window;
        let op = DepthwiseBackward {
            bases: Bases::default(),
            du: op.du,
            partials: At::NONE,
            input: op.input,
            output: op.output,
            window,
            strips_of_block: 0,
            pad: 0,
            source,
        };
        self.depthwise_backward((id, value, side), op)?;
        self.give(op.du, du_floats);
        Ok(())
    }

    fn depthwise_backward(
        &mut self,
        (id, value, side): (TensorId, Value, Option<usize>),
        mut op: DepthwiseBackward,
    ) -> Result<()> {
        let (channels, floats) = (value.channels(), self.floats(value.shape));
        let across = (channels / 4).div_ceil(QUADS);
        let strips = n_strips(op.input);
        let of_block = strips.div_ceil((SHARES / across).max(1)).max(CHUNK);
        let blocks = strips.div_ceil(of_block);
        op.strips_of_block = int(of_block);
        let taps = (op.window.rows * op.window.columns) as usize * channels;
        op.partials = self.take(blocks * taps);
        self.finishes.push(FinishEntry {
            partials: op.partials,
            to: grad_of(op.source.depthwise),
            rows: long(blocks),
            stride: long(taps),
            len: long(taps),
        });
        let mut summed = (At::NONE, 0);
        if let Some(found) = self.contribute(id)? {
            (op.source.dx, op.source.accumulate) = (found.dx, i32::from(found.accumulate));
            if found.is_last {
                op.source.back = self.back_of(id, 2 * blocks, 0)?;
                summed = (op.source.back.partials, 2 * blocks * channels);
            }
        }
        let du = self.n * (op.output.height * op.output.width) as usize * channels;
        let touched = [
            (op.du, du),
            (value.at, floats),
            (op.source.dx, floats),
            (op.partials, blocks * taps),
            summed,
        ];
        let kernel = match side {
            Some(3) => "separable_3_depthwise",
            Some(5) => "separable_5_depthwise",
            _ => "separable_any_depthwise",
        };
        self.launch(kernel, [blocks, across], &op, &touched);
        self.give(summed.0, summed.1);
        Ok(())
    }
}

/// Where the gradient of a parameter is, which lies as the parameter does.
fn grad_of(weight: At) -> At {
    match weight.place() {
        Some((_, offset)) => At::new(Region::Found, offset),
        None => At::NONE,
    }
}

/// The side of tiles of weights, and the outputs of tiles on the way back.
const fn side_of(channels: usize) -> usize {
    if channels <= 32 { 32 } else { 64 }
}

fn separable_kernel(side: Option<usize>, (is_narrow, tile): (bool, usize)) -> &'static str {
    match (side, is_narrow, tile) {
        (Some(3), true, 32) => "separable_3_narrow_32",
        (Some(3), true, _) => "separable_3_narrow_64",
        (Some(3), false, _) => "separable_3_backward_64",
        (Some(5), true, 32) => "separable_5_narrow_32",
        (Some(5), true, _) => "separable_5_narrow_64",
        (Some(5), false, _) => "separable_5_backward_64",
        (Some(7), true, 32) => "separable_7_narrow_32",
        (Some(7), true, _) => "separable_7_narrow_64",
        (Some(7), false, _) => "separable_7_backward_64",
        (_, true, 32) => "separable_any_narrow_32",
        (_, true, _) => "separable_any_narrow_64",
        (_, false, _) => "separable_any_backward_64",
    }
}
