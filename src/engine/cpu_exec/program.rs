//! A net made ready for passes of one mode: what runs, where its parameters are, and how long each
//! tensor is needed. It is made once per net and kept for its next pass.

use std::sync::{Mutex, PoisonError};

use candle_core::Result;

use crate::engine::Snapshot;
use crate::engine::cpu_exec::found::{self, Dims};
use crate::engine::cpu_exec::grads::Grads;
use crate::engine::cpu_exec::groups::PerInput;
use crate::engine::cpu_exec::head::Head;
use crate::engine::cpu_exec::joins::ImageFactors;
use crate::engine::cpu_exec::norm::{KnownNorm, Moments};
use crate::engine::cpu_exec::plan::Plan;
use crate::engine::cpu_exec::planes::Value;
use crate::engine::cpu_exec::pools::Pool;
use crate::net::{Layer, LayerKind, Net, Shape, TensorId};

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Logits alone.
    Score,
    /// Gradients; drop-path does nothing.
    Train,
    /// Gradients, with drop-path.
    TrainDropping,
}

/// A net made ready.
#[derive(Debug)]
pub(super) struct Program {
    net: Net,
    mode: Mode,
    /// The layers that do something, in the order in which they run.
    pub(super) stages: Vec<Stage>,
    /// The gradients that a training pass finds.
    pub(super) grads: Dims,
    /// The means and variances that it finds.
    pub(super) moments: Dims,
    /// Empty between passes, but not without memory.
    pub(super) state: State,
}

/// A layer.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) work: Work,
    pub(super) inputs: PerInput<TensorId>,
    pub(super) input_shapes: PerInput<Shape>,
    pub(super) output: TensorId,
    pub(super) shape: Shape,
    /// Tensors that nobody needs after its forward pass.
    pub(super) last_use_of: Vec<TensorId>,
}

/// What a layer does.
#[derive(Debug)]
pub(super) enum Work {
    Product(Box<Plan>),
    Pool(Pool),
    /// Rows above and columns left of the input.
    Pad([usize; 2]),
    Add,
    Concat,
    Zeros,
    DropPath {
        depth: f64,
    },
    Head {
        weight: String,
        dropout_keep: f64,
    },
}

/// What a pass has computed so far.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By tensor.
    pub(super) values: Vec<Option<Value>>,
    /// By stage.
    pub(super) kept: Vec<Option<Kept>>,
    pub(super) grads: Grads,
}

/// What a stage keeps for its gradient, besides tensors.
#[derive(Debug)]
pub(super) enum Kept {
    Norm(KnownNorm),
    Factors(ImageFactors),
    Head(Head),
}

impl Program {
    fn new(net: &Net, mode: Mode) -> Self {
        let (training, dropping) = (mode != Mode::Score, mode == Mode::TrainDropping);
        let live = net.live_layers(training);
        // What stands for a tensor: drop-path that does nothing writes none of its own.
        let mut sources: Vec<TensorId> = (0..=net.layers.len()).collect();
        let (mut grads, mut moments) = (Dims::new(), Dims::new());
        let mut stages = Vec::new();
        for (idx, layer) in net.layers.iter().enumerate().filter(|(idx, _)| live[*idx]) {
            if matches!(layer.kind, LayerKind::DropPath { .. }) && !dropping {
                sources[idx + 1] = sources[layer.inputs[0]];
                continue;
            }
            let stage = Stage::new(layer, idx + 1, &sources);
            grads.extend(layer.params().into_iter().map(|(name, spec)| (name, spec.dims)));
            if let Work::Product(plan) = &stage.work {
                moments.extend(plan.moments.iter().map(|name| (name.clone(), vec![plan.outs()])));
            }
            stages.push(stage);
        }
        plan_ends(&mut stages, net.layers.len() + 1, training);
        Self { net: net.clone(), mode, stages, grads, moments, state: State::default() }
    }

    /// Room for the tensors of a pass.
    pub(super) fn reset(&mut self) {
        let State { values, kept, grads } = &mut self.state;
        let n_tensors = self.net.layers.len() + 1;
        values.clear();
        values.resize_with(n_tensors, || None);
        kept.clear();
        kept.resize_with(self.stages.len(), || None);
        grads.reset(n_tensors);
    }

    /// The logits of the main head, `(batch, classes)`, after a forward pass.
    pub(super) fn logits(&self) -> Result<&[f32]> {
        let mut stages = self.stages.iter().zip(&self.state.kept);
        match stages.find(|(stage, _)| stage.output == self.net.logits) {
            Some((_, Some(Kept::Head(head)))) => Ok(head.logits()),
            _ => candle_core::bail!("tensor {} is not written by a head", self.net.logits),
        }
    }

    /// After a forward pass: puts mean and variance of each batch under their names.
    pub(super) fn keep_moments(&self, moments: &Snapshot) -> Result<()> {
        for (stage, kept) in self.stages.iter().zip(&self.state.kept) {
            let (Work::Product(plan), Some(Kept::Norm(norm))) = (&stage.work, kept) else {
                continue;
            };
            let Moments { mean, variance } = &norm.moments;
            for (name, values) in plan.moments.iter().zip([mean, variance]) {
                found::write(moments, name, |out| {
                    out.iter_mut().zip(values.iter()).for_each(|(out, value)| *out = *value as f32);
                })?;
            }
        }
        Ok(())
    }

    /// Lets go of all tensors.
    fn clear(&mut self) {
        self.state.values.clear();
        self.state.kept.clear();
        self.state.grads.reset(0);
    }
}

impl Stage {
    fn new(layer: &Layer, output: TensorId, sources: &[TensorId]) -> Self {
        let work = if let Some(plan) = Plan::of(layer) {
            Work::Product(Box::new(plan))
        } else if let Some(pool) = Pool::of(layer) {
            Work::Pool(pool)
        } else {
            match layer.kind {
                LayerKind::Pad { .. } => Work::Pad(layer.pads_before()),
                LayerKind::Add => Work::Add,
                LayerKind::Concat => Work::Concat,
                LayerKind::Zeros => Work::Zeros,
                LayerKind::DropPath { depth } => Work::DropPath { depth },
                LayerKind::Head { dropout_keep } => {
                    Work::Head { weight: layer.params().swap_remove(0).0, dropout_keep }
                }
                kind => unreachable!("{kind:?} is a product or a pool"),
            }
        };
        Self {
            work,
            inputs: layer.inputs.iter().map(|&id| sources[id]).collect(),
            input_shapes: layer.input_shapes.iter().copied().collect(),
            output,
            shape: layer.output,
            last_use_of: Vec::new(),
        }
    }

    /// Whether the gradient depends on the values of inputs, and on that of the output.
    fn needs(&self) -> [bool; 2] {
        match &self.work {
            Work::Product(_) => [true, true],
            Work::Pool(pool) => [pool.needs_input(), false],
            Work::Head { .. } => [true, false],
            Work::Pad(_) | Work::Add | Work::Concat | Work::Zeros | Work::DropPath { .. } => {
                [false, false]
            }
        }
    }
}

/// Finds for each tensor that no gradient needs the last stage that reads it.
fn plan_ends(stages: &mut [Stage], n_tensors: usize, training: bool) {
    let mut ends: Vec<Option<usize>> = vec![None; n_tensors];
    let mut kept = vec![false; n_tensors];
    for (place, stage) in stages.iter().enumerate() {
        let [input, output] = stage.needs();
        for &id in &stage.inputs {
            ends[id] = Some(place);
            kept[id] |= training && input;
        }
        kept[stage.output] |= training && output;
    }
    for (id, end) in ends.into_iter().enumerate().filter(|(id, _)| !kept[*id]) {
        if let Some(place) = end {
            stages[place].last_use_of.push(id);
        }
    }
}

/// Programs of this many nets are kept: those that a θ phase scores at once and some that it
/// scores again.
const PROGRAMS: usize = 16;

/// Programs of the nets that were run last.
#[derive(Debug, Default)]
pub(super) struct Programs(Mutex<Vec<Program>>);

impl Programs {
    /// A program that nobody else uses.
    pub(super) fn take(&self, net: &Net, mode: Mode) -> Program {
        let kept = {
            let mut programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = programs.iter().position(|kept| kept.mode == mode && kept.net == *net);
            place.map(|place| programs.remove(place))
        };
        kept.unwrap_or_else(|| Program::new(net, mode))
    }

    /// Keeps a program for the next pass; the one that was not used for longest gives way.
    pub(super) fn give(&self, mut program: Program) {
        program.clear();
        let mut programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if programs.len() == PROGRAMS {
            programs.remove(0);
        }
        programs.push(program);
    }
}
