//! The policy's network: one pass of the LSTM through a script, for a few rollouts at once.
//!
//! Pham et al. (2018), section 2.4, with the details of the authors' micro controller:
//!
//! ```text
//! LSTM step     i, f, o, g = [x, h]·W;   c ← σ(i)·tanh(g) + σ(f)·c;   h ← σ(o)·tanh(c)
//! Begin         for each input node: LSTM step on x = start; anchor = 0, key = h·W₁
//! Point         LSTM step; q_j = v·tanh(key_j + h·W₂);     logits = C·tanh(q/τ);       x = anchor_j
//! Pick          LSTM step; q = h·W_op + b_op;   logits = C/r·tanh(q/τ) + fixed;   x = embedding_op
//! Place         LSTM step; anchor = h, key = h·W₁;                                     x = start
//! ```
//!
//! The state (c, h) is zero at first and goes on from the normal cell into the reduction cell; the
//! anchors start anew at every `Begin`. The fixed operation bias favors separable convolutions in
//! the normal cell; it is added after the tanh and is not learnt.
//!
//! Few vectors are ever fed in as x: the start, an embedding per operation, and the anchors of
//! the cell. Each goes through its half of W once, which halves the work of most steps.

use crate::engine::kernel::Isa;
use crate::search::SearchError;
use crate::search::dense::{Matrix, add_product, dot, sigmoid, tanh, vectorized};
use crate::search::tape::{Decision, Moment, Tape};
use crate::search::theta::{OPS, Theta};
use crate::space::{CellKind, Choice, Script, Step};

/// Added to the operation logits of the normal cell, in the order of [`Op::ALL`].
///
/// [`Op::ALL`]: crate::space::Op::ALL
pub(super) const FIXED_OP_BIAS: [f64; OPS] = [0.25, 0.25, -0.25, -0.25, -0.25];

/// How the logits are bounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Logits are divided by it first, τ.
    pub(super) temperature: f64,
    /// The largest logit of a node, C.
    pub(super) point: f64,
    /// The largest logit of an operation before the fixed bias, C/r.
    pub(super) pick: f64,
}

impl Bounds {
    /// The bound of a decision's logits.
    pub(super) fn of(self, step: Step) -> f64 {
        match step {
            Step::Pick { .. } => self.pick,
            Step::Begin { .. } | Step::Point { .. } | Step::Place => self.point,
        }
    }
}

/// What an LSTM step reads beside its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The start embedding.
    Start,
    /// The embedding of an operation.
    Op(usize),
    /// The anchor of a node of the cell.
    Anchor(usize),
}

/// θ and what follows from it alone.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub(super) isa: Isa,
    pub(super) theta: &'a Theta,
    pub(super) bounds: Bounds,
    /// What the gates read of the start, then of each operation: `(1 + ops, 4h)`.
    inputs: &'a [f64],
}

impl<'a> Network<'a> {
    /// What the gates read of the start, then of each operation: `(1 + ops, 4h)`.
    pub(super) fn inputs(isa: Isa, theta: &Theta) -> Vec<f64> {
        let (hidden, width) = (theta.hidden, 4 * theta.hidden);
        let embeddings = [&theta.start[..], &theta.op_embedding].concat();
        let mut inputs = vec![0.0; (1 + OPS) * width];
        let of_input = &theta.lstm[..hidden * width];
        add_product(isa, &mut inputs, Matrix::of(&embeddings, hidden), of_input, width);
        inputs
    }

    pub(super) fn new(isa: Isa, theta: &'a Theta, bounds: Bounds, inputs: &'a [f64]) -> Self {
        Self { isa, theta, bounds, inputs }
    }
}

/// What a pass ends with, for one rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// log π of all choices together.
    pub(super) log_prob: f64,
    /// The entropies of all decisions' distributions together, in nats.
    pub(super) entropy: f64,
}

/// Answers a decision for one rollout of the pass, given the log probabilities of the options.
pub(super) type Choose<'a> = &'a mut dyn FnMut(Step, usize, &[f64]) -> Result<Choice, SearchError>;

/// Goes through `script` with `n` rollouts at once, asking `choose` at every decision, for each
/// rollout in turn. What [`backward`] needs goes onto `tape`.
///
/// [`backward`]: crate::search::backward::backward
pub(super) fn walk(
    network: Network<'_>,
    script: &Script,
    n: usize,
    choose: Choose<'_>,
    tape: Option<&mut Tape>,
) -> Result<Vec<Outcome>, SearchError> {
    let mut walk = Walk::new(network, n, tape);
    let steps = script.steps();
    for (step, next) in steps.iter().zip(steps[1..].iter().map(Some).chain([None])) {
        match (*step, next) {
            (Step::Begin { n_inputs, .. }, _) => walk.begin(n_inputs),
            // Nobody can point at the last node of a cell, and after that of the last cell the
            // state is read by nobody either.
            (Step::Place, None) => {}
            (Step::Place, Some(Step::Begin { .. })) => walk.pass_on(),
            (Step::Place, Some(_)) => {
                walk.lstm();
                walk.place(true);
            }
            (Step::Point { .. } | Step::Pick { .. }, _) => walk.decide(*step, choose)?,
        }
    }
    Ok(walk.outcomes)
}

/// Where a pass is.
struct Walk<'a> {
    network: Network<'a>,
    n: usize,
    /// Inputs of the next LSTM step, one per rollout.
    inputs: Vec<Input>,
    /// The gates i, f, o, g of the last step, `(n, 4h)`.
    gates: Vec<f64>,
    /// The LSTM's memory, `(n, h)`.
    c: Vec<f64>,
    /// Its tanh, `(n, h)`.
    squashed: Vec<f64>,
    /// The LSTM's output, `(n, h)`.
    h: Vec<f64>,
    /// What the gates read of each node of the cell, `(nodes, n, 4h)`.
    anchors: Vec<f64>,
    /// What each node of the cell is recognized by, `(nodes, n, h)`.
    keys: Vec<f64>,
    outcomes: Vec<Outcome>,
    tape: Option<&'a mut Tape>,
}

impl<'a> Walk<'a> {
    fn new(network: Network<'a>, n: usize, tape: Option<&'a mut Tape>) -> Self {
        let zeros = |width: usize| vec![0.0; n * width * network.theta.hidden];
        Self {
            network,
            n,
            inputs: vec![Input::Start; n],
            gates: zeros(4),
            c: zeros(1),
            squashed: zeros(1),
            h: zeros(1),
            anchors: Vec::new(),
            keys: Vec::new(),
            outcomes: vec![Outcome::default(); n],
            tape,
        }
    }

    fn begin(&mut self, n_inputs: usize) {
        self.anchors.clear();
        self.keys.clear();
        self.inputs.fill(Input::Start);
        for _ in 0..n_inputs {
            self.lstm();
            self.place(false);
        }
    }

    /// A step that only the state remembers.
    fn pass_on(&mut self) {
        self.lstm();
        if let Some(tape) = &mut self.tape {
            tape.moments.push(Moment::PassOn);
        }
    }

    fn lstm(&mut self) {
        let Network { isa, theta, inputs, .. } = self.network;
        let (units, width) = (theta.hidden, 4 * theta.hidden);
        for (rollout, (gates, input)) in
            self.gates.chunks_exact_mut(width).zip(&self.inputs).enumerate()
        {
            let (from, row) = match *input {
                Input::Start => (inputs, 0),
                Input::Op(op) => (inputs, 1 + op),
                Input::Anchor(node) => (&self.anchors[..], node * self.n + rollout),
            };
            gates.copy_from_slice(&from[row * width..(row + 1) * width]);
        }
        let of_state = &theta.lstm[units * width..];
        add_product(isa, &mut self.gates, Matrix::of(&self.h, units), of_state, width);
        for (gates, c) in self.gates.chunks_exact_mut(width).zip(self.c.chunks_exact_mut(units)) {
            let (open, candidate) = gates.split_at_mut(3 * units);
            sigmoid(isa, open);
            tanh(isa, candidate);
            for (unit, c) in c.iter_mut().enumerate() {
                *c = open[unit] * candidate[unit] + open[units + unit] * *c;
            }
        }
        self.squashed.copy_from_slice(&self.c);
        tanh(isa, &mut self.squashed);
        let squashed = self.squashed.chunks_exact(units);
        for ((h, gates), squashed) in
            self.h.chunks_exact_mut(units).zip(self.gates.chunks_exact(width)).zip(squashed)
        {
            for ((h, o), squashed) in h.iter_mut().zip(&gates[2 * units..]).zip(squashed) {
                *h = o * squashed;
            }
        }
        if let Some(tape) = &mut self.tape {
            tape.push_step(&self.inputs, &self.gates, [&self.c, &self.squashed, &self.h]);
        }
    }

    /// Places a node whose key, and anchor where it has one, come from the LSTM's output.
    fn place(&mut self, anchored: bool) {
        let Network { isa, theta, .. } = self.network;
        let (units, width) = (theta.hidden, 4 * theta.hidden);
        let h = Matrix::of(&self.h, units);
        let [key, anchor] = [self.keys.len(), self.anchors.len()];
        self.keys.resize(key + self.n * units, 0.0);
        add_product(isa, &mut self.keys[key..], h, &theta.w1, units);
        self.anchors.resize(anchor + self.n * width, 0.0);
        if anchored {
            let of_input = &theta.lstm[..units * width];
            add_product(isa, &mut self.anchors[anchor..], h, of_input, width);
        }
        self.inputs.fill(Input::Start);
        if let Some(tape) = &mut self.tape {
            tape.moments.push(Moment::Place { node: key / (self.n * units), anchored });
        }
    }

    fn decide(&mut self, step: Step, choose: Choose<'_>) -> Result<(), SearchError> {
        self.lstm();
        let mut mixed = Vec::new();
        let mut squashed = match step {
            Step::Pick { .. } => self.op_scores(),
            Step::Begin { .. } | Step::Point { .. } | Step::Place => self.node_scores(&mut mixed),
        };
        let options = squashed.len() / self.n;
        for q in &mut squashed {
            *q = (*q / self.network.bounds.temperature).tanh();
        }
        let mut log_probs: Vec<f64> =
            squashed.iter().map(|u| u * self.network.bounds.of(step)).collect();
        for (rollout, logits) in log_probs.chunks_exact_mut(options).enumerate() {
            if let Step::Pick { cell: CellKind::Normal } = step {
                logits.iter_mut().zip(FIXED_OP_BIAS).for_each(|(logit, fixed)| *logit += fixed);
            }
            log_softmax(logits);
            let choice = choose(step, rollout, logits)? as usize;
            let outcome = &mut self.outcomes[rollout];
            outcome.log_prob += logits[choice];
            outcome.entropy -= logits.iter().map(|log_prob| log_prob.exp() * log_prob).sum::<f64>();
            self.inputs[rollout] = match step {
                Step::Pick { .. } => Input::Op(choice),
                Step::Begin { .. } | Step::Point { .. } | Step::Place => Input::Anchor(choice),
            };
        }
        if let Some(tape) = &mut self.tape {
            let choices = self.inputs.clone();
            let decision = Decision { step, choices, squashed, log_probs, mixed };
            tape.moments.push(Moment::Decide(decision));
        }
        Ok(())
    }

    /// `h·W_op + b_op`, `(n, ops)`.
    fn op_scores(&self) -> Vec<f64> {
        let Network { isa, theta, .. } = self.network;
        let mut scores = theta.op_bias.repeat(self.n);
        let h = Matrix::of(&self.h, theta.hidden);
        add_product(isa, &mut scores, h, &theta.op_weight, OPS);
        scores
    }

    /// v·tanh(key + h·W₂), `(n, nodes)`; `mixed` becomes the tanh, `(nodes, n, h)`.
    fn node_scores(&self, mixed: &mut Vec<f64>) -> Vec<f64> {
        let Network { isa, theta, .. } = self.network;
        let units = theta.hidden;
        let mut query = vec![0.0; self.n * units];
        add_product(isa, &mut query, Matrix::of(&self.h, units), &theta.w2, units);
        mixed.clone_from(&self.keys);
        vectorized(isa, || {
            for mixed in mixed.chunks_exact_mut(self.n * units) {
                mixed.iter_mut().zip(&query).for_each(|(mixed, query)| *mixed += query);
            }
        });
        tanh(isa, mixed);
        let nodes = mixed.len() / (self.n * units);
        let mut scores = vec![0.0; self.n * nodes];
        for (at, mixed) in mixed.chunks_exact(units).enumerate() {
            let (node, rollout) = (at / self.n, at % self.n);
            scores[rollout * nodes + node] = dot(&theta.v, mixed);
        }
        scores
    }
}

/// Logits become log probabilities.
fn log_softmax(logits: &mut [f64]) {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - max).exp()).sum();
    let normalizer = max + sum.ln();
    for logit in logits {
        *logit -= normalizer;
    }
}

#[cfg(test)]
mod tests;
