//! The gradient of the policy's network, from the tape of a pass.
//!
//! A decision that took option k with probabilities p has, with respect to its logits,
//!
//! ```text
//! ∇log π = 1ₖ − p        ∇H = −p·(log p + H)
//! ```
//!
//! What a matrix is learnt from is gathered over all steps and taken in one product, so that the
//! matrix's gradient is read and written once; what the gates read of an input is gathered by
//! input, as each went through W once.

use crate::engine::kernel::Isa;
use crate::search::bounds::Bounds;
use crate::search::dense::{Matrix, add_product, transpose, vectorized};
use crate::search::input::StepInput;
use crate::search::prior::near_share;
use crate::search::tape::{Decided, Moment, Tape};
use crate::search::theta::Theta;
use crate::search::walk::{Network, WalkOutcome};
use crate::space::{Decision, Menu};

/// The transposes that the gradient reads.
pub(super) struct Transposed {
    /// Of the part of W for x, `(4h, h)`.
    input: Vec<f64>,
    /// Of the part of W for h, `(4h, h)`.
    state: Vec<f64>,
    w1: Vec<f64>,
    w2: Vec<f64>,
}

impl Transposed {
    pub(super) fn new(theta: &Theta) -> Self {
        let units = theta.hidden();
        let (input, state) = theta.lstm.split_at(4 * units * units);
        Self {
            input: transpose(input, 4 * units),
            state: transpose(state, 4 * units),
            w1: transpose(&theta.w1, units),
            w2: transpose(&theta.w2, units),
        }
    }
}

/// Adds to `grad` the gradient of `Σ weight.log_prob·log π + weight.entropy·H + weight.link_kl·KL`
/// over the rollouts of the pass on `tape`.
pub(super) fn backward(
    network: Network<'_>,
    transposed: &Transposed,
    tape: &Tape,
    weights: &[WalkOutcome],
    grad: &mut Theta,
) {
    let mut backward = Backward::new(network, transposed, tape.link_share, weights, grad);
    let wide = 4 * backward.units * weights.len();
    let mut gates = vec![0.0; tape.gates.len()];
    for step in (0..tape.moments.len()).rev() {
        backward.moment(tape, step);
        backward.lstm(tape, step, &mut gates[step * wide..(step + 1) * wide]);
    }
    backward.finish(tape, &gates);
}

/// Where the way back is.
struct Backward<'a> {
    isa: Isa,
    theta: &'a Theta,
    bounds: Bounds,
    transposed: &'a Transposed,
    weights: &'a [WalkOutcome],
    grad: &'a mut Theta,
    units: usize,
    /// By the LSTM's output, `(n, h)`.
    h: Vec<f64>,
    /// By its memory, `(n, h)`.
    c: Vec<f64>,
    /// The share of a node with links in their divergence.
    link_share: f64,
    /// By what the gates read of each embedding, `(1 + options, 4h)`.
    inputs: Vec<f64>,
    /// By what they read of each node of the part, `(nodes, n, 4h)`.
    anchors: Vec<f64>,
    /// By the key of each node of the part, `(nodes, n, h)`.
    keys: Vec<f64>,
    /// What went through each [`Layer`].
    gathered: [Gathered; 3],
}

/// Rows that went through a matrix, and the gradients by what came out.
#[derive(Default)]
struct Gathered {
    /// `(rows, h)`
    h: Vec<f64>,
    /// `(rows, width)`
    by: Vec<f64>,
}

impl<'a> Backward<'a> {
    fn new(
        network: Network<'a>,
        transposed: &'a Transposed,
        link_share: f64,
        weights: &'a [WalkOutcome],
        grad: &'a mut Theta,
    ) -> Self {
        let Network { isa, theta, bounds, .. } = network;
        let units = theta.hidden();
        let state = vec![0.0; weights.len() * units];
        let inputs = vec![0.0; 4 * theta.embeddings().len()];
        Self {
            isa,
            theta,
            bounds,
            transposed,
            weights,
            grad,
            units,
            h: state.clone(),
            c: state,
            link_share,
            inputs,
            anchors: Vec::new(),
            keys: Vec::new(),
            gathered: Default::default(),
        }
    }

    /// Adds to the gradient by the output of `step` what was made of it.
    fn moment(&mut self, tape: &Tape, step: usize) {
        let wide = self.h.len();
        let h = &tape.h[step * wide..(step + 1) * wide];
        match &tape.moments[step] {
            &Moment::Place { node, anchored } => self.place(h, node, anchored),
            Moment::PassOn => {}
            Moment::Decide(decided) => {
                let scores = self.scores(decided);
                match decided.decision {
                    Decision::Pick { menu, .. } => self.pick(h, menu, &scores),
                    Decision::Point { .. } => self.point(h, decided, &scores),
                    Decision::Link { earlier, .. } => {
                        self.place(h, earlier, true);
                        self.point(h, decided, &scores);
                    }
                }
            }
        }
    }

    /// By the q of a decision, `(n, options)`, or `(n, earlier)` for links.
    fn scores(&self, decided: &Decided) -> Vec<f64> {
        let Decided { decision, choices, scores, log_probs, .. } = decided;
        let answers = choices.len() / self.weights.len();
        let options = log_probs.len() / choices.len();
        let mut by_scores = Vec::with_capacity(scores.len());
        let mut by_score = |logit: f64| {
            let slope = self.bounds.slope(*decision, scores[by_scores.len()]);
            by_scores.push(logit * slope);
        };
        for (at, (log_probs, &choice)) in log_probs.chunks_exact(options).zip(choices).enumerate() {
            let weight = self.weights[at / answers];
            let entropy: f64 = -log_probs.iter().map(|l| l.exp() * l).sum::<f64>();
            let logit = |option: usize| {
                let (log_prob, prob) = (log_probs[option], log_probs[option].exp());
                let hit = if option == choice as usize { 1.0 } else { 0.0 };
                weight.log_prob * (hit - prob) - weight.entropy * prob * (log_prob + entropy)
            };
            if let Decision::Link { .. } = decision {
                let by_kl = self.bounds.link_gradient(log_probs);
                let share = weight.link_kl * self.link_share;
                let by = |option: usize| logit(option) + share * by_kl[option];
                by_score(by(1) - by(0));
            } else {
                (0..options).for_each(|option| by_score(logit(option)));
            }
        }
        by_scores
    }

    fn pick(&mut self, h: &[f64], menu: &Menu, scores: &[f64]) {
        let (place, options) = (self.theta.place_of(menu), menu.options.len());
        let grad = &mut self.grad.picks[place];
        for scores in scores.chunks_exact(options) {
            add(&mut grad.bias, scores);
        }
        let by_unit = Matrix::transposed(h, self.units);
        add_product(self.isa, &mut grad.weight, by_unit, scores, options);
        let rows = self.theta.picks[place].weight.chunks_exact(options);
        for (h, scores) in self.h.chunks_exact_mut(self.units).zip(scores.chunks_exact(options)) {
            for (h, row) in h.iter_mut().zip(rows.clone()) {
                *h += row.iter().zip(scores).map(|(w, score)| w * score).sum::<f64>();
            }
        }
    }

    fn point(&mut self, h: &[f64], decided: &Decided, scores: &[f64]) {
        let (n, units) = (self.weights.len(), self.units);
        let nodes = scores.len() / n;
        grow(&mut self.keys, nodes * n * units);
        let mut query = vec![0.0; n * units];
        for (at, (mixed, key)) in
            decided.mixed.chunks_exact(units).zip(self.keys.chunks_exact_mut(units)).enumerate()
        {
            let (node, rollout) = (at / n, at % n);
            let score = scores[rollout * nodes + node];
            let query = &mut query[rollout * units..(rollout + 1) * units];
            let (v, v_grad) = (&self.theta.v[..], &mut self.grad.v[..]);
            vectorized(self.isa, || {
                for ((((mixed, key), query), v), v_grad) in
                    mixed.iter().zip(key).zip(query).zip(v).zip(v_grad)
                {
                    let sum = score * v * (1.0 - mixed * mixed);
                    *v_grad += score * mixed;
                    *key += sum;
                    *query += sum;
                }
            });
        }
        self.through(h, &query, Layer::W2);
    }

    fn place(&mut self, h: &[f64], node: usize, anchored: bool) {
        let wide = self.h.len();
        // A node that nobody could point at has no gradient.
        if self.keys.len() == (node + 1) * wide {
            let key = self.keys.split_off(node * wide);
            self.through(h, &key, Layer::W1);
        }
        if self.anchors.len() == (node + 1) * 4 * wide {
            let anchor = self.anchors.split_off(node * 4 * wide);
            if anchored {
                self.through(h, &anchor, Layer::Input);
            }
        }
    }

    /// Back through a product of h, whose result has the gradient `by`.
    fn through(&mut self, h: &[f64], by: &[f64], layer: Layer) {
        let units = self.units;
        let transposed = match layer {
            Layer::Input => &self.transposed.input,
            Layer::W1 => &self.transposed.w1,
            Layer::W2 => &self.transposed.w2,
        };
        let width = transposed.len() / units;
        add_product(self.isa, &mut self.h, Matrix::of(by, width), transposed, units);
        let gathered = &mut self.gathered[layer as usize];
        gathered.h.extend_from_slice(h);
        gathered.by.extend_from_slice(by);
    }

    /// Goes back through the LSTM step; the gradient by what its gates were before they were
    /// squashed goes to `gates`, and to what they read.
    fn lstm(&mut self, tape: &Tape, step: usize, gates: &mut [f64]) {
        let (n, units, wide) = (self.weights.len(), self.units, self.h.len());
        let squashed = &tape.squashed[step * wide..(step + 1) * wide];
        let open = &tape.gates[step * 4 * wide..(step + 1) * 4 * wide];
        let zeros;
        let before = if step == 0 {
            zeros = vec![0.0; wide];
            &zeros
        } else {
            &tape.c[(step - 1) * wide..step * wide]
        };
        for rollout in 0..n {
            let row = rollout * units..(rollout + 1) * units;
            let wide_row = 4 * row.start..4 * row.end;
            let unit = Unit {
                h: &self.h[row.clone()],
                before: &before[row.clone()],
                squashed: &squashed[row.clone()],
                open: &open[wide_row.clone()],
            };
            vectorized(self.isa, || unit.back(&mut self.c[row], &mut gates[wide_row]));
        }
        self.h.fill(0.0);
        let by = Matrix::of(gates, 4 * units);
        add_product(self.isa, &mut self.h, by, &self.transposed.state, units);
        for (rollout, gates) in gates.chunks_exact(4 * units).enumerate() {
            match &tape.inputs[step * n + rollout] {
                StepInput::Embedding(row) => {
                    add(&mut self.inputs[row * 4 * units..(row + 1) * 4 * units], gates);
                }
                StepInput::Anchor(node) => add(self.anchor(*node, rollout), gates),
                StepInput::Near { node, back } => {
                    add(self.anchor(*node, rollout), &scaled(gates, near_share(*back)));
                }
                StepInput::Linked(nodes) => {
                    let gates = scaled(gates, 1.0 / (1.0 + nodes.len() as f64));
                    for &node in nodes {
                        add(self.anchor(node, rollout), &gates);
                    }
                }
            }
        }
    }

    /// The gradient by what the gates read of a node, `(4h)`.
    fn anchor(&mut self, node: usize, rollout: usize) -> &mut [f64] {
        let (n, wide) = (self.weights.len(), 4 * self.units);
        grow(&mut self.anchors, (node + 1) * n * wide);
        let row = node * n + rollout;
        &mut self.anchors[row * wide..(row + 1) * wide]
    }

    /// What was gathered over all steps.
    fn finish(self, tape: &Tape, gates: &[f64]) {
        let Self { isa, theta, units, inputs, h, grad, gathered, .. } = self;
        let (of_input, of_state) = grad.lstm.split_at_mut(4 * units * units);
        let layers = [&mut *of_input, &mut grad.w1[..], &mut grad.w2[..]];
        let used = layers.into_iter().zip(&gathered).filter(|(_, rows)| !rows.h.is_empty());
        for (grad, Gathered { h, by }) in used {
            let width = grad.len() / units;
            add_product(isa, grad, Matrix::transposed(h, units), by, width);
        }
        // The first step has a state of zeros.
        let later = gates.get(4 * h.len()..).unwrap_or_default();
        let states = Matrix::transposed(&tape.h, units);
        add_product(isa, of_state, states, later, 4 * units);
        let embeddings = theta.embeddings();
        let by_unit = Matrix::transposed(&embeddings, units);
        add_product(isa, of_input, by_unit, &inputs, 4 * units);
        let picks = grad.picks.iter_mut().map(|pick| &mut pick.embedding);
        let mut rest = &inputs[..];
        for grad in [&mut grad.start].into_iter().chain(picks) {
            let (by, after) = rest.split_at(4 * grad.len());
            add_product(isa, grad, Matrix::of(by, 4 * units), &self.transposed.input, units);
            rest = after;
        }
    }
}

/// The products that the output of an LSTM step goes through, in the order of
/// [`Backward::gathered`].
#[derive(Clone, Copy)]
enum Layer {
    Input,
    W1,
    W2,
}

/// An LSTM step of one rollout: `(h)`, and `(4h)` for the gates.
struct Unit<'a> {
    /// The gradient by the output.
    h: &'a [f64],
    /// The memory before the step.
    before: &'a [f64],
    /// The tanh of the memory after it.
    squashed: &'a [f64],
    /// The gates i, f, o, g.
    open: &'a [f64],
}

impl Unit<'_> {
    /// `memory` is the gradient by the memory after the step, and becomes that before it.
    #[inline]
    fn back(&self, memory: &mut [f64], gates: &mut [f64]) {
        let units = memory.len();
        let (out, before) = (&self.h[..units], &self.before[..units]);
        let squashed = &self.squashed[..units];
        let [i, f, o, g] = [0, 1, 2, 3].map(|gate| &self.open[gate * units..(gate + 1) * units]);
        let (by_i, rest) = gates.split_at_mut(units);
        let (by_f, rest) = rest.split_at_mut(units);
        let (by_o, by_g) = rest.split_at_mut(units);
        let by_g = &mut by_g[..units];
        for (at, memory) in memory.iter_mut().enumerate() {
            let by_c = *memory + out[at] * o[at] * (1.0 - squashed[at] * squashed[at]);
            by_i[at] = by_c * g[at] * i[at] * (1.0 - i[at]);
            by_f[at] = by_c * before[at] * f[at] * (1.0 - f[at]);
            by_o[at] = out[at] * squashed[at] * o[at] * (1.0 - o[at]);
            by_g[at] = by_c * i[at] * (1.0 - g[at] * g[at]);
            *memory = by_c * f[at];
        }
    }
}

fn add(to: &mut [f64], values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| factor * value).collect()
}

/// Appends zeros up to this length.
fn grow(values: &mut Vec<f64>, len: usize) {
    values.resize(values.len().max(len), 0.0);
}
