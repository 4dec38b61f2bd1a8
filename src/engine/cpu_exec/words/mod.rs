//! Nets of words on the CPU: each step of the cell is a product with packed weights and one pass over
//! what it made, the gradients of weights are one product over all steps, and the softmax is worked on
//! block by block.
//!
//! No result depends on the number of threads: a band of rows depends on no other, and sums over bands
//! and steps have one order.

mod bands;
mod highway;
mod packed;
mod softmax;
mod sums;
mod tree;
mod unroll;
mod values;
mod window;
mod workspace;

use candle_core::Result;

use crate::engine::cpu_exec::CpuExec;
use crate::engine::cpu_exec::found::Dims;
use crate::engine::cpu_exec::weights::Weights;
use crate::engine::cpu_exec::words::bands::by_bands;
use crate::engine::cpu_exec::words::softmax::{Softmax, Target};
use crate::engine::cpu_exec::words::sums::WeightGrads;
use crate::engine::cpu_exec::words::unroll::Unroll;
use crate::engine::cpu_exec::words::workspace::{Logits, Size, Window, Workspace};
use crate::engine::executor::Gradients;
use crate::engine::words::Words;
use crate::engine::{Measured, Noise, Params, Snapshot, floats};
use crate::net::Net;

pub(super) use crate::engine::cpu_exec::words::workspace::Workspaces;

impl CpuExec {
    /// What a training pass over a window finds.
    pub(super) fn train_words(
        &self,
        net: &Net,
        params: &Params,
        words: Words<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let mut workspace = self.workspaces.take(net)?;
        let size = Size::of(&workspace.net, &words)?;
        workspace.masks.draw(&workspace.net, words.rows, noise.rng);
        workspace.masks.fill_up(size.bands() * size.state());
        let mut found = self.spares.take(&workspace.grads, &Dims::new())?;
        let weights = Weights::Params(params);
        super::on_a_worker(|| {
            self.forward(&mut workspace, (weights, true), &words, size)?;
            let measured = self.backward(&mut workspace, &words, size, &mut found)?;
            found.loss = measured.nll / measured.items as f64;
            found.correct = measured.correct as usize;
            Ok::<(), candle_core::Error>(())
        })?;
        workspace.window.carry(size, words.carried);
        self.workspaces.give(workspace);
        Ok(found)
    }

    /// Has `read` read the softmax of a window, without dropout.
    pub(super) fn read_words<T: Send>(
        &self,
        net: &Net,
        weights: &Snapshot,
        words: Words<'_>,
        read: impl FnOnce(Softmax<'_>, &mut Logits) -> T + Send,
    ) -> Result<T> {
        let mut workspace = self.workspaces.take(net)?;
        let size = Size::of(&workspace.net, &words)?;
        workspace.masks.clear();
        let found = super::on_a_worker(|| {
            self.forward(&mut workspace, (Weights::Snapshot(weights), false), &words, size)?;
            let Workspace { packed, window, logits, .. } = &mut workspace;
            let softmax = Softmax {
                isa: self.isa,
                size,
                packed: &packed.embedding,
                read: &window.outputs,
                next: words.next,
            };
            Ok::<T, candle_core::Error>(read(softmax, logits))
        })?;
        workspace.window.carry(size, words.carried);
        self.workspaces.give(workspace);
        Ok(found)
    }

    /// Packs the weights and runs the cell.
    fn forward(
        &self,
        workspace: &mut Workspace,
        (weights, with_grads): (Weights<'_>, bool),
        words: &Words<'_>,
        size: Size,
    ) -> Result<()> {
        let Workspace { net, masks, packed, window, scratch, .. } = workspace;
        packed.fill(net, weights, (masks, with_grads), scratch)?;
        window.fit(size);
        window.start(size, words.carried);
        weights.read(&net.embedding, |embedding| window.embed(size, words, embedding, masks))?;
        let unroll = Unroll { isa: self.isa, size, net, masks, packed };
        by_bands(window, size, |bands| unroll.forward(bands));
        if !masks.output.is_empty() {
            window.drop_outputs(size, &masks.output);
        }
        Ok(())
    }

    /// Measures the window and writes all gradients.
    fn backward(
        &self,
        workspace: &mut Workspace,
        words: &Words<'_>,
        size: Size,
        found: &mut Gradients,
    ) -> Result<Measured> {
        let Workspace { net, masks, packed, window, logits, scratch, .. } = workspace;
        let embedding = &found.grads[&net.embedding];
        floats::write(embedding, |grad| grad.fill(0.0))?;
        let Window { outputs, dropped, grads, .. } = &mut *window;
        let read = if masks.output.is_empty() { &*outputs } else { &*dropped };
        let softmax =
            Softmax { isa: self.isa, size, packed: &packed.embedding, read, next: words.next };
        let measured = softmax.measure(logits, Some(Target { grads, embedding, scratch }))?;
        window.add_penalties(size, net, &masks.output);
        let unroll = Unroll { isa: self.isa, size, net, masks, packed };
        by_bands(window, size, |bands| unroll.backward(bands));
        for (place, name) in net.weights.iter().enumerate() {
            WeightGrads { unroll, window, scratch }.write(place, &found.grads[name])?;
        }
        window.add_embedded(size, words, (embedding, masks))?;
        Ok(measured)
    }
}
