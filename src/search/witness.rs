//! The policy's network in candle tensors and candle autograd: the witness for the hand-written
//! one, whose equations it has from `walk.rs`.

#![cfg(test)]

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::sigmoid;

use crate::engine::{Params, Snapshot};
use crate::search::PolicyConfig;
use crate::search::prior::prior;
use crate::space::{Choice, Decision, Locality, Menu, Script, Step};

/// A policy whose numbers candle computes.
pub(super) struct Witness {
    /// θ.
    pub(super) params: Params,
    config: PolicyConfig,
    /// How much of the bounds is let go, 0 to 1.
    let_go: f64,
}

/// Of n rollouts, each `(n)` and differentiable with respect to θ.
pub(super) struct Witnessed {
    /// log π.
    pub(super) log_prob: Tensor,
    /// The entropy in nats.
    pub(super) entropy: Tensor,
    /// The divergence of the links from their rate; zeros where there are none.
    pub(super) link_kl: Tensor,
}

impl Witness {
    pub(super) fn new(config: &PolicyConfig, theta: &Snapshot, let_go: f64) -> Self {
        let params = Params::from_tensors(theta, &Device::Cpu).unwrap();
        Self { params, config: *config, let_go }
    }

    /// What n rollouts with these choices are given.
    pub(super) fn look(&self, script: &Script, choices: &[&[Choice]]) -> Witnessed {
        let theta = Theta::new(&self.params, script).unwrap();
        walk(&theta, (&self.config, self.let_go), script, choices).unwrap()
    }
}

/// θ, shaped for the walk; h is the number of hidden units.
struct Theta {
    /// `(2h, 4h)`
    lstm: Tensor,
    /// `(1, h)`
    start: Tensor,
    /// Of each menu: embedding `(options, h)`, weight `(h, options)`, and bias `(options)` where it
    /// has one.
    picks: Vec<(&'static Menu, Tensor, Tensor, Option<Tensor>)>,
    /// `(h, h)`
    w1: Tensor,
    /// `(h, h)`
    w2: Tensor,
    /// `(h, 1)`
    v: Tensor,
}

impl Theta {
    fn new(params: &Params, script: &Script) -> Result<Self> {
        let get = |name: &str| Ok::<_, candle_core::Error>(params.get(name)?.as_tensor().clone());
        let pick = |menu: &'static Menu| {
            let part = |part: &str| get(&format!("{}.{part}", menu.name));
            Ok((menu, part("embedding")?, part("weight")?, part("bias").ok()))
        };
        Ok(Self {
            lstm: get("lstm.weight")?,
            start: get("start.embedding")?.unsqueeze(0)?,
            picks: script.menus().into_iter().map(pick).collect::<Result<_>>()?,
            w1: get("attention.w1")?,
            w2: get("attention.w2")?,
            v: get("attention.v")?.unsqueeze(1)?,
        })
    }

    fn pick(&self, wanted: &Menu) -> &(&'static Menu, Tensor, Tensor, Option<Tensor>) {
        self.picks.iter().find(|(menu, ..)| *menu == wanted).unwrap()
    }
}

/// Goes through `script` with n rollouts at once, whose choices are given.
fn walk(
    theta: &Theta,
    (config, let_go): (&PolicyConfig, f64),
    script: &Script,
    choices: &[&[Choice]],
) -> Result<Witnessed> {
    let n = choices.len();
    let mut state = State::new(theta, n, let_go)?;
    let (mut log_probs, mut entropies, mut divergences) = (Vec::new(), Vec::new(), Vec::new());
    let rates = Tensor::new(&[(1.0 - config.skip_rate).ln(), config.skip_rate.ln()], &Device::Cpu)?;
    for &step in script.steps() {
        let Some(logits) = state.advance(step, config)? else { continue };
        let is_link = matches!(step, Step::Ask(Decision::Link { .. }));
        let first = log_probs.len();
        for logits in &logits {
            let all = log_softmax(logits)?;
            let chosen = choices.iter().map(|choices| choices[log_probs.len()]).collect();
            let chosen = Tensor::from_vec::<_, u32>(chosen, (n, 1), &Device::Cpu)?;
            log_probs.push(all.gather(&chosen, 1)?);
            entropies.push((all.exp()? * &all)?.sum_keepdim(1)?.neg()?);
            if is_link {
                divergences.push((all.exp()? * all.broadcast_sub(&rates)?)?.sum_keepdim(1)?);
            }
        }
        let answers: Vec<&[Choice]> =
            choices.iter().map(|choices| &choices[first..log_probs.len()]).collect();
        state.answer(step, &answers, config)?;
    }
    let total = |terms: &[Tensor]| Tensor::cat(terms, 1)?.sum(1);
    let linked = script.decisions().filter(|d| matches!(d, Decision::Link { earlier: 1.., .. }));
    let (log_prob, entropy) = (total(&log_probs)?, total(&entropies)?);
    let link_kl = match linked.count() {
        0 => log_prob.zeros_like()?,
        nodes => (total(&divergences)? / nodes as f64)?,
    };
    Ok(Witnessed { log_prob, entropy, link_kl })
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
    let_go: f64,
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
    fn new(theta: &'a Theta, n: usize, let_go: f64) -> Result<Self> {
        let x = theta.start.broadcast_as((n, theta.start.dim(1)?))?;
        let zeros = x.zeros_like()?;
        let (anchors, keys) = (Vec::new(), Vec::new());
        Ok(Self { theta, n, let_go, x, c: zeros.clone(), h: zeros, anchors, keys })
    }

    /// Takes a step of the script; the logits `(n, options)` of each choice of a decision.
    fn advance(&mut self, step: Step, config: &PolicyConfig) -> Result<Option<Vec<Tensor>>> {
        let bound = config.tanh_constant;
        match step {
            Step::Begin { inputs, .. } => self.begin(inputs)?,
            Step::Ask(Decision::Point { earlier, locality }) => {
                let scores = self.scores(config)?;
                let logits = self.logits(scores, bound)?;
                if locality == Locality::Even || !config.prior {
                    return Ok(Some(vec![logits]));
                }
                let earlier = earlier as f64;
                let back = (Tensor::arange(0.0, earlier, &Device::Cpu)? - earlier)?;
                let taken_off = (back.sqr()? / 6.0)?;
                return Ok(Some(vec![logits.broadcast_sub(&taken_off)?]));
            }
            Step::Ask(Decision::Pick { part, menu }) => {
                return self.pick(part, menu, config).map(|logits| Some(vec![logits]));
            }
            Step::Ask(Decision::Link { earlier: 1.., .. }) => {
                let scores = self.scores(config)?;
                let kept = self.logits(scores, bound)?;
                let (anchor, key) = (self.h.clone(), self.h.matmul(&self.theta.w1)?);
                let logits = (0..self.keys.len()).map(|node| {
                    let kept = kept.narrow(1, node, 1)?;
                    Tensor::cat(&[&kept.neg()?, &kept], 1)
                });
                let logits = logits.collect::<Result<Vec<_>>>()?;
                self.anchors.push(anchor);
                self.keys.push(key);
                return Ok(Some(logits));
            }
            Step::Ask(Decision::Link { earlier: 0, .. }) | Step::Place => {
                self.lstm()?;
                self.place(self.h.clone())?;
            }
        }
        Ok(None)
    }

    /// Feeds the choices of a decision back as the next input.
    fn answer(&mut self, step: Step, chosen: &[&[Choice]], config: &PolicyConfig) -> Result<()> {
        let first: Vec<Choice> = chosen.iter().map(|chosen| chosen[0]).collect();
        let first = Tensor::from_vec(first, self.n, &Device::Cpu)?;
        match step {
            Step::Ask(Decision::Pick { menu, .. }) => {
                self.x = self.theta.pick(menu).1.index_select(&first, 0)?;
            }
            Step::Ask(Decision::Link { .. }) => {
                let rows = chosen.iter().enumerate().map(|(rollout, kept)| {
                    let mut sum = self.c.narrow(0, rollout, 1)?.zeros_like()?;
                    let mut count = 1.0;
                    for (node, &kept) in kept.iter().enumerate() {
                        if kept == 1 {
                            sum = (sum + self.anchors[node].narrow(0, rollout, 1)?)?;
                            count += 1.0;
                        }
                    }
                    sum / count
                });
                self.x = Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)?;
            }
            Step::Begin { .. } | Step::Ask(Decision::Point { .. }) | Step::Place => {
                let rollouts = Tensor::arange(0, self.n as u32, &Device::Cpu)?;
                let rows = ((first * self.n as f64)? + rollouts)?;
                self.x = Tensor::cat(&self.anchors, 0)?.index_select(&rows, 0)?;
            }
        }
        if let Step::Ask(Decision::Point { earlier, locality: Locality::Near }) = step
            && config.prior
        {
            let back = chosen.iter().map(|chosen| earlier as f64 - f64::from(chosen[0]) + 0.1);
            let back = Tensor::from_vec(back.collect(), (self.n, 1), &Device::Cpu)?;
            self.x = self.x.broadcast_div(&back)?;
        }
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

    /// `(1 − a)·c·tanh(q/τ) + a·q/τ` of scores q/τ with the bound c.
    fn logits(&self, scores: Tensor, bound: f64) -> Result<Tensor> {
        ((scores.tanh()? * (bound * (1.0 - self.let_go)))? + (scores * self.let_go)?)?.contiguous()
    }

    /// q/τ of every node, `(n, nodes)`.
    fn scores(&mut self, config: &PolicyConfig) -> Result<Tensor> {
        self.lstm()?;
        let query = self.h.matmul(&self.theta.w2)?;
        let mixed = Tensor::stack(&self.keys, 0)?.broadcast_add(&query)?.tanh()?;
        let scores = mixed.flatten_to(1)?.matmul(&self.theta.v)?;
        let scores = scores.reshape((self.keys.len(), self.n))?.t()?.contiguous()?;
        scores / config.temperature
    }

    fn pick(&mut self, part: usize, menu: &Menu, config: &PolicyConfig) -> Result<Tensor> {
        self.lstm()?;
        let (_, _, weight, bias) = self.theta.pick(menu);
        let scores = self.h.matmul(weight)?;
        let scores = match bias {
            Some(bias) => scores.broadcast_add(bias)?,
            None => scores,
        };
        let bound = config.tanh_constant / config.op_tanh_reduction;
        let logits = self.logits((scores / config.temperature)?, bound)?;
        match prior(menu).fixed.get(part) {
            Some(&fixed) => logits.broadcast_add(&Tensor::new(fixed, &Device::Cpu)?),
            None => Ok(logits),
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
