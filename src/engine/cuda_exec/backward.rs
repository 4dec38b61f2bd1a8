//! The way back of a program: from the logits to the gradient of every parameter.

use candle_core::Result;

use crate::engine::cuda_exec::build::{Builder, Slot};
use crate::engine::cuda_exec::ops::{self, At, Back, Bases, NormSums, THREADS, int, long};
use crate::engine::cuda_exec::stage::{Part, Stage, Work};
use crate::net::{Shape, TensorId};

/// Shares of a gradient that are summed in the end: enough blocks for any device.
pub(super) const SHARES: usize = 264;

/// Quads of channels of a block.
pub(super) const QUADS: usize = 8;

/// What a tensor's gradient gets.
pub(super) struct Contribution {
    pub(super) dx: At,
    pub(super) accumulate: bool,
    /// Whether nothing else is to come.
    pub(super) is_last: bool,
}

impl Builder<'_> {
    /// Counts how often each tensor's gradient is contributed to.
    pub(super) fn count_contributions(&mut self, stages: &[Stage]) {
        for id in stages.iter().flat_map(Stage::contributes_to) {
            self.pending[id] += usize::from(self.wants_grad[id]);
        }
    }

    pub(super) fn backward(&mut self, stage: &Stage) -> Result<()> {
        let output = stage.output;
        match &stage.work {
            Work::Head { op, of, weight } => self.head_backward(**op, *of, weight)?,
            Work::Product(product) => self.product_backward(product, output)?,
            work => match self.grad(output) {
                Some(d) => self.passed_on(work, d, output)?,
                None => self.withhold(stage)?,
            },
        }
        if let Some(slot) = self.grads[output].take() {
            self.release(slot);
        }
        self.free_value(output);
        Ok(())
    }

    /// What has no weights of its own.
    fn passed_on(&mut self, work: &Work, d: At, output: TensorId) -> Result<()> {
        match work {
            Work::Pool { is_max, op, of } => self.pool_backward((*is_max, *op), *of, d),
            Work::Parts(parts) => {
                let whole = self.value(output)?.shape;
                parts.iter().try_for_each(|part| self.take_part(part, (d, whole)))
            }
            Work::Add(both) => self.add_backward(*both, output),
            _ => Ok(()),
        }
    }

    pub(super) fn grad(&self, id: TensorId) -> Option<At> {
        self.grads[id].map(|slot| self.slots[slot].at)
    }

    fn release(&mut self, slot: usize) {
        self.slots[slot].refs -= 1;
        let Slot { at, floats, refs } = self.slots[slot];
        if refs == 0 {
            self.give(at, floats);
        }
    }

    /// Takes a tensor that gets nothing from a stage from what is waited for.
    fn withhold(&mut self, stage: &Stage) -> Result<()> {
        for id in stage.contributes_to() {
            if self.wants_grad[id] {
                self.pending[id] -= 1;
                self.after(id, self.pending[id] == 0 && self.grads[id].is_some())?;
            }
        }
        Ok(())
    }

    /// Where a contribution to the gradient of a tensor goes; nothing where it is of no use.
    pub(super) fn contribute(&mut self, id: TensorId) -> Result<Option<Contribution>> {
        if !self.wants_grad[id] {
            return Ok(None);
        }
        self.pending[id] -= 1;
        let is_last = self.pending[id] == 0;
        if let Some(dx) = self.grad(id) {
            return Ok(Some(Contribution { dx, accumulate: true, is_last }));
        }
        let floats = self.floats(self.value(id)?.shape);
        let at = self.take(floats);
        self.grads[id] = Some(self.slots.len());
        self.slots.push(Slot { at, floats, refs: 1 });
        Ok(Some(Contribution { dx: at, accumulate: false, is_last }))
    }

    /// What a kernel that contributes last sums up for the normalization of a tensor: `rows` shares.
    pub(super) fn back_of(&mut self, id: TensorId, rows: usize, ticket: usize) -> Result<Back> {
        let value = self.value(id)?;
        let Some(norm) = value.norm else { return Ok(Back::NONE) };
        let channels = value.channels();
        let coefs = self.take(3 * channels);
        self.coefs[id] = Some(coefs);
        Ok(Back {
            partials: self.take(rows * channels),
            ticket: Self::ticket(ticket),
            gamma: norm.gamma,
            norm: norm.at,
            dgamma: norm.dgamma,
            dbeta: norm.dbeta,
            coefs,
            n: (self.n * value.shape.plane()) as f64,
        })
    }

    /// After a contribution by a kernel that sums nothing up.
    fn after(&mut self, id: TensorId, is_last: bool) -> Result<()> {
        match self.grad(id) {
            Some(d) if is_last && self.value(id)?.norm.is_some() => self.norm_sums(&[id], d),
            _ => Ok(()),
        }
    }

    /// The sums for normalizations whose outputs all have the gradient `d`.
    pub(super) fn norm_sums(&mut self, ids: &[TensorId], d: At) -> Result<()> {
        let Some(&id) = ids.first() else { return Ok(()) };
        let value = self.value(id)?;
        let (channels, floats) = (value.channels(), self.floats(value.shape));
        let pixels = self.n * value.shape.plane();
        let across = (channels / 4).div_ceil(QUADS);
        let pixels_of_block = pixels.div_ceil((SHARES / across).max(1)).max(32);
        let blocks = pixels.div_ceil(pixels_of_block);
        let mut op = NormSums {
            bases: Bases::default(),
            d,
            z: [value.at; 2],
            backs: [Back::NONE; 2],
            pixels: long(pixels),
            channels: int(channels),
            n: int(ids.len()),
            pixels_of_block: int(pixels_of_block),
            pad: 0,
        };
        let mut touched = vec![(d, floats)];
        for (place, &id) in ids.iter().enumerate() {
            op.z[place] = self.value(id)?.at;
            op.backs[place] = self.back_of(id, 3 * blocks, 0)?;
            touched.push((op.z[place], floats));
            touched.push((op.backs[place].partials, 3 * blocks * channels));
        }
        self.launch("norm_sums", [blocks, across], &op, &touched);
        for place in 0..ids.len() {
            self.give(op.backs[place].partials, 3 * blocks * channels);
        }
        Ok(())
    }

    /// The inputs of a sum have its gradient: it is theirs where nobody else reads them.
    fn add_backward(&mut self, both: [TensorId; 2], output: TensorId) -> Result<()> {
        let Some(slot) = self.grads[output] else { return Ok(()) };
        let (d, whole) = (self.slots[slot].at, self.value(output)?.shape);
        let mut normed = Vec::new();
        for id in both {
            if !self.wants_grad[id] {
                continue;
            }
            if self.pending[id] == 1 && self.grads[id].is_none() {
                self.pending[id] = 0;
                self.grads[id] = Some(slot);
                self.slots[slot].refs += 1;
                if self.value(id)?.norm.is_some() {
                    normed.push(id);
                }
            } else {
                self.take_part(&Part { of: id, first: [0; 3], factors: At::NONE }, (d, whole))?;
            }
        }
        self.norm_sums(&normed, d)
    }

    fn take_part(&mut self, part: &Part, large: (At, Shape)) -> Result<()> {
        let Some(found) = self.contribute(part.of)? else { return Ok(()) };
        let value = self.value(part.of)?;
        let mut op = self.move_of(part, value, large);
        (op.small, op.norm, op.accumulate) = (found.dx, At::NONE, i32::from(found.accumulate));
        let (floats, numbers) =
            (self.floats(value.shape), self.n * value.shape.plane() * value.shape.channels);
        if !found.accumulate && !value.shape.channels.is_multiple_of(4) {
            // What is taken has no padding.
            self.clear(found.dx, floats);
        }
        let both = floats.min(self.floats(large.1));
        self.launch(
            "take",
            [numbers.div_ceil(THREADS), 1],
            &op,
            &[(large.0, both), (found.dx, floats)],
        );
        self.after(part.of, found.is_last)
    }

    fn pool_backward(
        &mut self,
        (is_max, mut op): (bool, ops::Pool),
        of: TensorId,
        d: At,
    ) -> Result<()> {
        if let Some(found) = self.contribute(of)? {
            (op.d, op.dx, op.accumulate) = (d, found.dx, i32::from(found.accumulate));
            let floats = self.floats(self.value(of)?.shape);
            let pooled =
                (op.output.images * op.output.height * op.output.width * op.channels) as usize;
            let kernel = if is_max { "max_pool_backward" } else { "average_pool_backward" };
            let x = if op.relu == 0 { At::NONE } else { op.x };
            let touched = [(d, pooled), (op.taps, pooled / 4), (found.dx, floats), (x, floats)];
            self.launch(kernel, [(floats / 4).div_ceil(THREADS), 1], &op, &touched);
            self.after(of, found.is_last)?;
        }
        if let Some(floats) = op.taps.place().map(|_| op.output) {
            let len = (floats.images * floats.height * floats.width * op.channels) as usize / 4;
            self.give(op.taps, len);
        }
        Ok(())
    }

    fn head_backward(&mut self, mut op: ops::Head, of: TensorId, weight: &str) -> Result<()> {
        op.dweight = self.layout.grad(weight)?;
        let found = self.contribute(of)?;
        if let Some(found) = &found {
            (op.dx, op.accumulate) = (found.dx, i32::from(found.accumulate));
        }
        let floats = self.floats(self.value(of)?.shape);
        let (numbers, channels) = (self.n * op.classes as usize, op.channels as usize);
        let touched = [
            (op.dlogits, numbers),
            (op.features, self.n * channels),
            (op.x, floats),
            (op.dx, floats),
            (op.dweight, channels * op.row as usize),
        ];
        self.launch("head_backward", [self.n + op.row as usize, 1], &op, &touched);
        self.after(of, found.is_some_and(|found| found.is_last))
    }
}
