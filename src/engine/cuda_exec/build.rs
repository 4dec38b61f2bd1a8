//! How a program is made: memory is planned, and launches are written down, layer by layer forward
//! and then in the opposite order.

use candle_core::{Result, bail};

use crate::engine::cuda_exec::arena::Arena;
use crate::engine::cuda_exec::layout::{Layout, padded};
use crate::engine::cuda_exec::ops::{
    At, Bases, FinishEntry, Planes, REGIONS, Region, RunningEntry, THREADS, TICKETS, Tabled, int,
};
use crate::engine::cuda_exec::program::{Launch, Logits, Mask, Mode, Moments, Program};
use crate::engine::cuda_exec::stage::Stage;
use crate::net::{Layer, LayerKind, Net, Norm, Shape, TensorId};

/// `net` made ready for so many images, with its parameters where `layout` has them.
pub(super) fn program(net: &Net, mode: Mode, images: usize, layout: &Layout) -> Result<Program> {
    if net.reads_words() {
        bail!("the CUDA executor runs nets that read images, and this one reads words");
    }
    let shapes = net.layers.iter().map(|layer| layer.output).chain([net.image]);
    let largest = shapes.map(|shape| shape.plane() * padded(shape.channels)).max().unwrap_or(0);
    if images == 0 || i32::try_from(images * largest).is_err() {
        bail!("a batch of {images} images is none, or more than a launch can tell of");
    }
    Builder::new(net, mode, images, layout).build()
}

/// The raw numbers of a tensor, and the normalization that whoever reads them takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) at: At,
    pub(super) shape: Shape,
    pub(super) norm: Option<NormAt>,
}

/// Where a batch normalization is.
#[derive(Clone, Copy, Debug)]
pub(super) struct NormAt {
    /// Scales, offsets, means and inverse deviations.
    pub(super) at: At,
    pub(super) gamma: At,
    pub(super) dgamma: At,
    pub(super) dbeta: At,
}

impl Value {
    /// Where its normalization is, if it has one.
    pub(super) fn norm(&self) -> At {
        self.norm.map_or(At::NONE, |norm| norm.at)
    }

    /// Channels with their padding.
    pub(super) fn channels(&self) -> usize {
        padded(self.shape.channels)
    }
}

/// The gradient of a tensor: several tensors may have one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) at: At,
    pub(super) floats: usize,
    pub(super) refs: usize,
}

/// A program that is being made.
pub(super) struct Builder<'a> {
    pub(super) net: &'a Net,
    pub(super) mode: Mode,
    pub(super) n: usize,
    pub(super) layout: &'a Layout,
    pub(super) arena: Arena,
    pub(super) given: Arena,
    pub(super) found: Arena,
    pub(super) launches: Vec<Launch>,
    /// What launches touch, to be checked once all lengths are known.
    touched: Vec<(At, usize)>,
    pub(super) values: Vec<Option<Value>>,
    /// What stands for a tensor: drop-path that does nothing writes none of its own.
    pub(super) stands_for: Vec<TensorId>,
    /// Whether a gradient by a tensor is of use.
    pub(super) wants_grad: Vec<bool>,
    pub(super) stages: Vec<Stage>,
    pub(super) labels: At,
    pub(super) masks: Vec<Mask>,
    pub(super) moments: Vec<Moments>,
    pub(super) running: Vec<Moments>,
    pub(super) affines: Vec<RunningEntry>,
    pub(super) logits: Logits,
    /// Contributions to a tensor's gradient that are still to come.
    pub(super) pending: Vec<usize>,
    pub(super) grads: Vec<Option<usize>>,
    pub(super) slots: Vec<Slot>,
    /// What the gradient of a normalized tensor's raw numbers takes.
    pub(super) coefs: Vec<Option<At>>,
    pub(super) finishes: Vec<FinishEntry>,
}

impl<'a> Builder<'a> {
    fn new(net: &'a Net, mode: Mode, n: usize, layout: &'a Layout) -> Self {
        let n_tensors = net.layers.len() + 1;
        let (mut arena, mut given, mut found) =
            (Arena::default(), Arena::default(), Arena::default());
        arena.take(TICKETS);
        given.take(n * net.image.n_values());
        let labels = At::new(Region::Given, given.take(n));
        if mode.is_training() {
            found.take(layout.len());
        }
        Self {
            net,
            mode,
            n,
            layout,
            arena,
            given,
            found,
            launches: Vec::new(),
            touched: Vec::new(),
            values: vec![None; n_tensors],
            stands_for: (0..n_tensors).collect(),
            wants_grad: vec![false; n_tensors],
            stages: Vec::new(),
            labels,
            masks: Vec::new(),
            moments: Vec::new(),
            running: Vec::new(),
            affines: Vec::new(),
            logits: Logits::default(),
            pending: vec![0; n_tensors],
            grads: vec![None; n_tensors],
            slots: Vec::new(),
            coefs: vec![None; n_tensors],
            finishes: Vec::new(),
        }
    }

    fn build(mut self) -> Result<Program> {
        let training = self.mode.is_training();
        let live = self.net.live_layers(training);
        let last_readers = self.last_readers(&live);
        let mut table: Vec<u64> = Vec::new();
        self.images();
        let affines = self.launches.len();
        let net = self.net;
        for (idx, layer) in net.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            self.forward(idx + 1, layer)?;
            if !training {
                for &id in &layer.inputs {
                    if last_readers[self.stands_for[id]] == idx {
                        self.free_value(id);
                    }
                }
            }
        }
        self.finish_affines(&mut table, affines);
        if training {
            self.way_back(&mut table)?;
        }
        let mut lens = [0; REGIONS];
        lens[Region::Arena as usize] = self.arena.len();
        lens[Region::Weights as usize] = self.layout.len();
        lens[Region::Found as usize] = self.found.len();
        lens[Region::Given as usize] = self.given.len();
        lens[Region::Table as usize] = 2 * table.len();
        self.check(lens)?;
        let grads = live_params(net, &live).filter(|_| training).collect();
        let Some((_, labels)) = self.labels.place() else { bail!("the labels are nowhere") };
        Ok(Program {
            net: net.clone(),
            mode: self.mode,
            images: self.n,
            launches: self.launches,
            lens,
            table,
            labels,
            masks: self.masks,
            found: self.moments,
            running: self.running,
            logits: self.logits,
            grads,
        })
    }

    /// Has scales and offsets by running statistics made before whatever reads them.
    fn finish_affines(&mut self, table: &mut Vec<u64>, place: usize) {
        let entries = std::mem::take(&mut self.affines);
        if entries.is_empty() {
            return;
        }
        let last = self.launches.len();
        self.tabled("running", table, &entries, 1);
        let launch = self.launches.remove(last);
        self.launches.insert(place, launch);
    }

    /// From the logits to the gradient of every parameter.
    fn way_back(&mut self, table: &mut Vec<u64>) -> Result<()> {
        let stages = std::mem::take(&mut self.stages);
        self.count_contributions(&stages);
        for stage in stages.iter().rev() {
            self.backward(stage)?;
        }
        let entries = std::mem::take(&mut self.finishes);
        let longest = entries.iter().map(|entry| entry.len as usize).max().unwrap_or(1);
        self.tabled("finish", table, &entries, longest.div_ceil(THREADS).min(64));
        Ok(())
    }

    /// The last layer that reads each tensor, by itself or by what it stands for.
    fn last_readers(&self, live: &[bool]) -> Vec<usize> {
        let mut stands_for: Vec<TensorId> = (0..=self.net.layers.len()).collect();
        let mut last = vec![usize::MAX; stands_for.len()];
        for (idx, layer) in self.net.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            if self.skips(layer) {
                stands_for[idx + 1] = stands_for[layer.inputs[0]];
            } else {
                layer.inputs.iter().for_each(|&id| last[stands_for[id]] = idx);
            }
        }
        last
    }

    /// Whether the layer does nothing in this mode.
    pub(super) fn skips(&self, layer: &Layer) -> bool {
        matches!(layer.kind, LayerKind::DropPath { .. }) && self.mode != Mode::TrainDropping
    }

    /// Refuses a program that would touch what is not there.
    fn check(&self, lens: [usize; REGIONS]) -> Result<()> {
        for &(at, floats) in &self.touched {
            let Some((region, offset)) = at.place() else { continue };
            if lens[region] < offset + floats {
                bail!("a launch would touch {floats} numbers from {offset} on of {}", lens[region]);
            }
        }
        Ok(())
    }

    /// Has `kernel` run on a grid of blocks; it reads and writes so many floats from there on.
    pub(super) fn launch<T: bytemuck::Pod>(
        &mut self,
        kernel: &'static str,
        grid: [usize; 2],
        op: &T,
        touched: &[(At, usize)],
    ) {
        let there = touched.iter().filter(|(at, _)| at.place().is_some());
        #[cfg(test)]
        let traffic = there.clone().map(|(_, floats)| 4 * *floats as u64).sum();
        self.touched.extend(there);
        let op = bytemuck::pod_collect_to_vec(bytemuck::bytes_of(op));
        let grid = grid.map(|blocks| blocks.max(1) as u32);
        self.launches.push(Launch {
            kernel,
            grid,
            op,
            #[cfg(test)]
            traffic,
        });
    }

    fn tabled<T: bytemuck::Pod>(
        &mut self,
        kernel: &'static str,
        table: &mut Vec<u64>,
        entries: &[T],
        blocks: usize,
    ) {
        let at = At::new(Region::Table, 2 * table.len());
        table.extend(bytemuck::pod_collect_to_vec::<u8, u64>(bytemuck::cast_slice(entries)));
        let op = Tabled { bases: Bases::default(), table: at };
        self.launch(kernel, [blocks, entries.len()], &op, &[]);
    }

    /// Planes of the batch.
    pub(super) fn planes(&self, shape: Shape) -> Planes {
        Planes { images: int(self.n), height: int(shape.height), width: int(shape.width) }
    }

    /// Floats of a tensor.
    pub(super) fn floats(&self, shape: Shape) -> usize {
        self.n * shape.plane() * padded(shape.channels)
    }

    /// A place in the arena.
    pub(super) fn take(&mut self, floats: usize) -> At {
        At::new(Region::Arena, self.arena.take(floats))
    }

    /// Gives back a place of the arena; others are nobody else's.
    pub(super) fn give(&mut self, at: At, floats: usize) {
        if let Some((region, offset)) = at.place()
            && region == Region::Arena as usize
        {
            self.arena.give(offset, floats);
        }
    }

    /// The counter with this number.
    pub(super) fn ticket(number: usize) -> At {
        At::new(Region::Arena, number)
    }

    pub(super) fn value(&self, id: TensorId) -> Result<Value> {
        match self.values[self.stands_for[id]] {
            Some(value) => Ok(value),
            None => bail!("tensor {id} was not computed"),
        }
    }

    /// Lets go of a tensor's numbers.
    pub(super) fn free_value(&mut self, id: TensorId) {
        let id = self.stands_for[id];
        if let Some(value) = self.values[id].take() {
            self.give(value.at, self.floats(value.shape));
            if let Some(norm) = value.norm {
                self.give(norm.at, 4 * value.channels());
            }
        }
    }

    /// Whether normalizations go by running statistics.
    pub(super) fn is_running(&self) -> bool {
        self.net.norm == Norm::Running && self.mode == Mode::Score
    }
}

/// The parameters of the layers that run.
fn live_params<'a>(
    net: &'a Net,
    live: &'a [bool],
) -> impl Iterator<Item = (String, Vec<usize>)> + use<'a> {
    let layers = net.layers.iter().zip(live).filter(|(_, live)| **live);
    layers.flat_map(|(layer, _)| layer.params()).map(|(name, spec)| (name, spec.dims))
}

/// How many blocks share so many pieces of work evenly, at most `most`.
pub(super) fn even_blocks(pieces: usize, most: usize) -> usize {
    let rounds = pieces.div_ceil(most.max(1)).max(1);
    pieces.div_ceil(rounds).max(1)
}

/// Strips of four pixels of a row.
pub(super) fn n_strips(planes: Planes) -> usize {
    planes.images as usize * planes.height as usize * (planes.width as usize).div_ceil(4)
}
