//! The policy's network: one pass of the LSTM through a script, for a few rollouts at once.
//!
//! Pham et al. (2018), sections 2.3 and 2.4, with the details of the authors' controllers:
//!
//! ```text
//! LSTM step     i, f, o, g = [x, h]·W;   c ← σ(i)·tanh(g) + σ(f)·c;   h ← σ(o)·tanh(c)
//! Begin         for each input node: LSTM step on x = start; anchor = 0, key = h·W₁
//! Point         LSTM step; q_j = v·tanh(key_j + h·W₂);     logits = C·tanh(q/τ);       x = anchor_j
//!  near         from all logits d²/6 for a node d nodes back;                    x = anchor_j/(0.1 + d)
//! Pick          LSTM step; q = h·W_m + b_m;   logits = C/r·tanh(q/τ) + fixed;   x = embedding_k
//! Link          LSTM step; q_j as in Point;   logits of dropping and keeping j = ∓C·tanh(q_j/τ);
//!               anchor = h, key = h·W₁;   x = Σ anchors kept / (1 + how many)
//! Place         LSTM step; anchor = h, key = h·W₁;                                     x = start
//! ```
//!
//! The state (c, h) is zero at first and goes on from one part into the next; the anchors start
//! anew at every `Begin`. The first node of a part has nothing to link to: its step is a `Place`.
//! What is fixed or learnt as a bias is in `prior.rs`; how a bound is let go, and how links are held
//! near a rate, in `bounds.rs`.
//!
//! Departure from the authors' controller of recurrent cells: there the anchor and the key of a node
//! come of the step that points for it and not of one of its own, the input node has a key of zeros,
//! and `W_m` is the embeddings.
//!
//! Few vectors are ever fed in as x: the start, an embedding per option, and the anchors of the
//! part. Each goes through its half of W once, which halves the work of most steps.

use crate::engine::kernel::Isa;
use crate::search::SearchError;
use crate::search::bounds::{Bounds, link_share};
use crate::search::dense::{Matrix, add_product, dot, sigmoid, tanh, vectorized};
use crate::search::input::StepInput;
use crate::search::tape::{Decided, Moment, Tape};
use crate::search::theta::Theta;
use crate::space::{Choice, Decision, Menu, Script, Step};

/// θ and what follows from it alone.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub(super) isa: Isa,
    pub(super) theta: &'a Theta,
    pub(super) bounds: Bounds,
    /// What the gates read of each embedding: `(1 + options, 4h)`.
    inputs: &'a [f64],
}

impl<'a> Network<'a> {
    /// What the gates read of each embedding: `(1 + options, 4h)`.
    pub(super) fn inputs(isa: Isa, theta: &Theta) -> Vec<f64> {
        let (hidden, width) = (theta.hidden(), 4 * theta.hidden());
        let embeddings = theta.embeddings();
        let mut inputs = vec![0.0; 4 * embeddings.len()];
        let of_input = &theta.lstm[..hidden * width];
        add_product(isa, &mut inputs, Matrix::of(&embeddings, hidden), of_input, width);
        inputs
    }

    pub(super) fn new(isa: Isa, theta: &'a Theta, bounds: Bounds, inputs: &'a [f64]) -> Self {
        Self { isa, theta, bounds, inputs }
    }

    /// What the step after a decision reads.
    fn answer(self, decision: Decision, choices: &[Choice]) -> StepInput {
        match decision {
            Decision::Pick { menu, .. } => {
                let first = self.theta.embedding_row(self.theta.place_of(menu));
                StepInput::Embedding(first + choices[0] as usize)
            }
            Decision::Point { earlier, locality } if self.bounds.favors_near(locality) => {
                let node = choices[0] as usize;
                StepInput::Near { node, back: earlier - node }
            }
            Decision::Point { .. } => StepInput::Anchor(choices[0] as usize),
            Decision::Link { .. } => {
                let kept = choices.iter().enumerate().filter(|&(_, &choice)| choice == 1);
                StepInput::Linked(kept.map(|(node, _)| node).collect())
            }
        }
    }
}

/// What a pass ends with, for one rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct WalkOutcome {
    /// log π of all choices together.
    pub(super) log_prob: f64,
    /// The entropies of all decisions' distributions together, in nats.
    pub(super) entropy: f64,
    /// The divergence of the links from their rate, in nats; 0 where there are none.
    pub(super) link_kl: f64,
}

impl WalkOutcome {
    /// Each of them times `factor`.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let Self { log_prob, entropy, link_kl } = self;
        Self { log_prob: factor * log_prob, entropy: factor * entropy, link_kl: factor * link_kl }
    }
}

/// Answers a decision for one rollout of the pass, given the log probabilities of the options; for
/// links one after the other.
pub(super) type Choose<'a> =
    &'a mut dyn FnMut(Decision, usize, &[f64]) -> Result<Choice, SearchError>;

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
) -> Result<Vec<WalkOutcome>, SearchError> {
    let mut walk = Walk::new(network, script, n, tape);
    let steps = script.steps();
    for (step, next) in steps.iter().zip(steps[1..].iter().map(Some).chain([None])) {
        let is_last = matches!(next, None | Some(Step::Begin { .. }));
        match *step {
            Step::Begin { inputs, .. } => walk.begin(inputs),
            // Nobody can point at the last node of a part, and after that of the last part the
            // state is read by nobody either.
            Step::Place | Step::Ask(Decision::Link { earlier: 0, .. }) if next.is_none() => {}
            Step::Place | Step::Ask(Decision::Link { earlier: 0, .. }) if is_last => walk.pass_on(),
            Step::Place | Step::Ask(Decision::Link { earlier: 0, .. }) => walk.place(true),
            Step::Ask(decision) => {
                walk.decide(decision, choose)?;
                if matches!(decision, Decision::Link { .. }) && !is_last {
                    walk.append(true);
                }
            }
        }
    }
    Ok(walk.outcomes)
}

/// Where a pass is.
struct Walk<'a> {
    network: Network<'a>,
    n: usize,
    /// Inputs of the next LSTM step, one per rollout.
    inputs: Vec<StepInput>,
    /// The gates i, f, o, g of the last step, `(n, 4h)`.
    gates: Vec<f64>,
    /// The LSTM's memory, `(n, h)`.
    c: Vec<f64>,
    /// Its tanh, `(n, h)`.
    squashed: Vec<f64>,
    /// The LSTM's output, `(n, h)`.
    h: Vec<f64>,
    /// What the gates read of each node of the part, `(nodes, n, 4h)`.
    anchors: Vec<f64>,
    /// What each node of the part is recognized by, `(nodes, n, h)`.
    keys: Vec<f64>,
    /// The share of a node with links in their divergence.
    link_share: f64,
    outcomes: Vec<WalkOutcome>,
    tape: Option<&'a mut Tape>,
}

impl<'a> Walk<'a> {
    fn new(network: Network<'a>, script: &Script, n: usize, tape: Option<&'a mut Tape>) -> Self {
        let zeros = |width: usize| vec![0.0; n * width * network.theta.hidden()];
        let link_share = link_share(script);
        let tape = tape.map(|tape| tape.with(link_share));
        Self {
            network,
            n,
            inputs: vec![StepInput::START; n],
            gates: zeros(4),
            c: zeros(1),
            squashed: zeros(1),
            h: zeros(1),
            anchors: Vec::new(),
            keys: Vec::new(),
            link_share,
            outcomes: vec![WalkOutcome::default(); n],
            tape,
        }
    }

    fn begin(&mut self, n_inputs: usize) {
        self.anchors.clear();
        self.keys.clear();
        self.inputs.fill(StepInput::START);
        for _ in 0..n_inputs {
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
        let (units, width) = (theta.hidden(), 4 * theta.hidden());
        for (rollout, (gates, input)) in
            self.gates.chunks_exact_mut(width).zip(&self.inputs).enumerate()
        {
            let anchor = |node: usize| {
                let row = node * self.n + rollout;
                &self.anchors[row * width..(row + 1) * width]
            };
            input.read(gates, inputs, anchor);
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

    /// A step that places a node, with an anchor or without.
    fn place(&mut self, anchored: bool) {
        self.lstm();
        let node = self.append(anchored);
        self.inputs.fill(StepInput::START);
        if let Some(tape) = &mut self.tape {
            tape.moments.push(Moment::Place { node, anchored });
        }
    }

    /// Appends a node whose key, and anchor where it has one, come from the LSTM's output; its
    /// place among the part's nodes.
    fn append(&mut self, anchored: bool) -> usize {
        let Network { isa, theta, .. } = self.network;
        let (units, width) = (theta.hidden(), 4 * theta.hidden());
        let h = Matrix::of(&self.h, units);
        let [key, anchor] = [self.keys.len(), self.anchors.len()];
        self.keys.resize(key + self.n * units, 0.0);
        add_product(isa, &mut self.keys[key..], h, &theta.w1, units);
        self.anchors.resize(anchor + self.n * width, 0.0);
        if anchored {
            let of_input = &theta.lstm[..units * width];
            add_product(isa, &mut self.anchors[anchor..], h, of_input, width);
        }
        key / (self.n * units)
    }

    fn decide(&mut self, decision: Decision, choose: Choose<'_>) -> Result<(), SearchError> {
        self.lstm();
        let bounds = self.network.bounds;
        let mut mixed = Vec::new();
        let scores = match decision {
            Decision::Pick { menu, .. } => self.option_scores(menu),
            Decision::Point { .. } | Decision::Link { .. } => self.node_scores(&mut mixed),
        };
        let logits = scores.iter().map(|&score| bounds.logit(decision, score));
        let mut log_probs: Vec<f64> = match decision {
            Decision::Link { .. } => logits.flat_map(|kept| [-kept, kept]).collect(),
            Decision::Pick { .. } | Decision::Point { .. } => logits.collect(),
        };
        let answers = decision.answers().count();
        let options = log_probs.len() / (self.n * answers);
        let fixed = bounds.fixed(decision);
        let mut choices = Vec::with_capacity(self.n * answers);
        for (at, logits) in log_probs.chunks_exact_mut(options).enumerate() {
            logits.iter_mut().zip(&fixed).for_each(|(logit, fixed)| *logit += fixed);
            log_softmax(logits);
            let rollout = at / answers;
            let choice = choose(decision, rollout, logits)?;
            let outcome = &mut self.outcomes[rollout];
            outcome.log_prob += logits[choice as usize];
            outcome.entropy -= logits.iter().map(|log_prob| log_prob.exp() * log_prob).sum::<f64>();
            if let Decision::Link { .. } = decision {
                outcome.link_kl += self.link_share * bounds.link_divergence(logits);
            }
            choices.push(choice);
        }
        for (input, choices) in self.inputs.iter_mut().zip(choices.chunks_exact(answers)) {
            *input = self.network.answer(decision, choices);
        }
        if let Some(tape) = &mut self.tape {
            let decided = Decided { decision, choices, scores, log_probs, mixed };
            tape.moments.push(Moment::Decide(decided));
        }
        Ok(())
    }

    /// `h·W_m + b_m`, `(n, options)`.
    fn option_scores(&self, menu: &Menu) -> Vec<f64> {
        let Network { isa, theta, .. } = self.network;
        let pick = &theta.picks[theta.place_of(menu)];
        let options = menu.options.len();
        let mut scores = pick.bias.repeat(self.n);
        scores.resize(self.n * options, 0.0);
        let h = Matrix::of(&self.h, theta.hidden());
        add_product(isa, &mut scores, h, &pick.weight, options);
        scores
    }

    /// v·tanh(key + h·W₂), `(n, nodes)`; `mixed` becomes the tanh, `(nodes, n, h)`.
    fn node_scores(&self, mixed: &mut Vec<f64>) -> Vec<f64> {
        let Network { isa, theta, .. } = self.network;
        let units = theta.hidden();
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
mod checks;
#[cfg(test)]
mod links;
#[cfg(test)]
mod near;
#[cfg(test)]
mod tests;
