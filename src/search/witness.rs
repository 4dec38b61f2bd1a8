//! The policy's network in candle tensors and candle autograd: the witness for the hand-written
//! one, whose equations it has from `walk.rs`.

#![cfg(test)]

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::sigmoid;

use crate::engine::{Params, Snapshot};
use crate::search::PolicyConfig;
use crate::search::walk::{Bounds, FIXED_OP_BIAS};
use crate::space::{CellKind, Choice, Script, Step};

/// A policy whose numbers candle computes.
pub(super) struct Witness {
    /// θ.
    pub(super) params: Params,
    bounds: Bounds,
}

impl Witness {
    pub(super) fn new(config: &PolicyConfig, theta: &Snapshot) -> Self {
        let PolicyConfig { temperature, tanh_constant: point, op_tanh_reduction, .. } = *config;
        let bounds = Bounds { temperature, point, pick: point / op_tanh_reduction };
        Self { params: Params::from_tensors(theta, &Device::Cpu).unwrap(), bounds }
    }

    /// log π and the entropy in nats of n rollouts, each `(n)` and differentiable with respect
    /// to θ.
    pub(super) fn log_prob_and_entropy(
        &self,
        script: &Script,
        choices: &[&[Choice]],
    ) -> (Tensor, Tensor) {
        let theta = Theta::new(&self.params).unwrap();
        walk(&theta, self.bounds, script, choices).unwrap()
    }
}

/// θ, shaped for the walk; h is the number of hidden units.
struct Theta {
    /// `(2h, 4h)`
    lstm: Tensor,
    /// `(1, h)`
    start: Tensor,
    /// `(ops, h)`
    op_embedding: Tensor,
    /// `(h, ops)`
    op_weight: Tensor,
    /// `(ops)`
    op_bias: Tensor,
    /// `(h, h)`
    w1: Tensor,
    /// `(h, h)`
    w2: Tensor,
    /// `(h, 1)`
    v: Tensor,
}

impl Theta {
    fn new(params: &Params) -> Result<Self> {
        let get = |name| Ok::<_, candle_core::Error>(params.get(name)?.as_tensor().clone());
        Ok(Self {
            lstm: get("lstm.weight")?,
            start: get("start.embedding")?.unsqueeze(0)?,
            op_embedding: get("op.embedding")?,
            op_weight: get("op.weight")?,
            op_bias: get("op.bias")?,
            w1: get("attention.w1")?,
            w2: get("attention.w2")?,
            v: get("attention.v")?.unsqueeze(1)?,
        })
    }
}

fn squash(bounds: Bounds, logits: &Tensor, bound: f64) -> Result<Tensor> {
    (logits / bounds.temperature)?.tanh()? * bound
}

/// Goes through `script` with n rollouts at once, whose choices are given.
fn walk(
    theta: &Theta,
    bounds: Bounds,
    script: &Script,
    choices: &[&[Choice]],
) -> Result<(Tensor, Tensor)> {
    let n = choices.len();
    let mut state = State::new(theta, n)?;
    let (mut log_probs, mut entropies) = (Vec::new(), Vec::new());
    for &step in script.steps() {
        let Some(logits) = state.advance(step, bounds)? else { continue };
        let all = log_softmax(&logits)?;
        let chosen: Vec<Choice> = choices.iter().map(|choices| choices[log_probs.len()]).collect();
        let chosen = Tensor::from_vec(chosen, (n, 1), &Device::Cpu)?;
        log_probs.push(all.gather(&chosen, 1)?);
        entropies.push((all.exp()? * &all)?.sum_keepdim(1)?.neg()?);
        state.answer(step, &chosen.flatten_all()?)?;
    }
    let total = |terms: &[Tensor]| Tensor::cat(terms, 1)?.sum(1);
    Ok((total(&log_probs)?, total(&entropies)?))
}

/// `candle_nn`'s `softmax_last_dim` would cut the gradient on the CPU.
fn log_softmax(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let normalizer = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&normalizer)
}

/// Where a pass is.
struct State<'a> {
    theta: &'a Theta,
    n: usize,
    /// Input of the next LSTM step, `(n, h)`.
    x: Tensor,
    /// The LSTM's memory, `(n, h)`.
    c: Tensor,
    /// The LSTM's output, `(n, h)`.
    h: Tensor,
    /// What pointing at a node feeds on, `(n, h)` per node of the cell.
    anchors: Vec<Tensor>,
    /// What a node is recognized by, `(n, h)` per node of the cell.
    keys: Vec<Tensor>,
}

impl<'a> State<'a> {
    fn new(theta: &'a Theta, n: usize) -> Result<Self> {
        let x = theta.start.broadcast_as((n, theta.start.dim(1)?))?;
        let zeros = x.zeros_like()?;
        let (anchors, keys) = (Vec::new(), Vec::new());
        Ok(Self { theta, n, x, c: zeros.clone(), h: zeros, anchors, keys })
    }

    /// Takes a step of the script; the logits `(n, options)` where it is a decision.
    fn advance(&mut self, step: Step, bounds: Bounds) -> Result<Option<Tensor>> {
        match step {
            Step::Begin { n_inputs, .. } => self.begin(n_inputs)?,
            Step::Point { .. } => return self.point(bounds).map(Some),
            Step::Pick { cell } => return self.pick(cell, bounds).map(Some),
            Step::Place => {
                self.lstm()?;
                self.place(self.h.clone())?;
            }
        }
        Ok(None)
    }

    /// Feeds the choices `(n)` of a decision back as the next input.
    fn answer(&mut self, step: Step, chosen: &Tensor) -> Result<()> {
        self.x = match step {
            Step::Pick { .. } => self.theta.op_embedding.index_select(chosen, 0)?,
            Step::Begin { .. } | Step::Point { .. } | Step::Place => {
                let rollouts = Tensor::arange(0, self.n as u32, &Device::Cpu)?;
                let rows = ((chosen * self.n as f64)? + rollouts)?;
                Tensor::cat(&self.anchors, 0)?.index_select(&rows, 0)?
            }
        };
        Ok(())
    }

    fn begin(&mut self, n_inputs: usize) -> Result<()> {
        self.anchors.clear();
        self.keys.clear();
        for _ in 0..n_inputs {
            self.start()?;
            self.lstm()?;
            self.place(self.h.zeros_like()?)?;
        }
        Ok(())
    }

    fn point(&mut self, bounds: Bounds) -> Result<Tensor> {
        self.lstm()?;
        let query = self.h.matmul(&self.theta.w2)?;
        let mixed = Tensor::stack(&self.keys, 0)?.broadcast_add(&query)?.tanh()?;
        let logits = mixed.flatten_to(1)?.matmul(&self.theta.v)?;
        let logits = logits.reshape((self.keys.len(), self.n))?.t()?.contiguous()?;
        squash(bounds, &logits, bounds.point)
    }

    fn pick(&mut self, cell: CellKind, bounds: Bounds) -> Result<Tensor> {
        self.lstm()?;
        let logits = self.h.matmul(&self.theta.op_weight)?.broadcast_add(&self.theta.op_bias)?;
        let logits = squash(bounds, &logits, bounds.pick)?;
        match cell {
            CellKind::Normal => logits.broadcast_add(&Tensor::new(&FIXED_OP_BIAS, &Device::Cpu)?),
            CellKind::Reduction => Ok(logits),
        }
    }

    /// Places a node whose key comes from the LSTM's output.
    fn place(&mut self, anchor: Tensor) -> Result<()> {
        self.anchors.push(anchor);
        self.keys.push(self.h.matmul(&self.theta.w1)?);
        self.start()
    }

    fn start(&mut self) -> Result<()> {
        self.x = self.theta.start.broadcast_as(self.h.shape())?;
        Ok(())
    }

    fn lstm(&mut self) -> Result<()> {
        let units = self.h.dim(1)?;
        let gates = Tensor::cat(&[&self.x, &self.h], 1)?.matmul(&self.theta.lstm)?;
        let open = sigmoid(&gates.narrow(1, 0, 3 * units)?)?;
        let gate = |idx: usize| open.narrow(1, idx * units, units);
        let candidate = gates.narrow(1, 3 * units, units)?.tanh()?;
        self.c = ((gate(0)? * candidate)? + (gate(1)? * &self.c)?)?;
        self.h = (gate(2)? * self.c.tanh()?)?;
        Ok(())
    }
}
