//! A pass over a window of text with candle tensors.
//!
//! ```text
//! loss = mean −ln p(next word) + α·mean h_t² + β·mean (h_t − h_{t−1})²
//! ```

use candle_core::{D, DType, Device, Result, Tensor};

use crate::engine::layers;
use crate::engine::words::{Masks, WordNet, Words};
use crate::engine::{Noise, Snapshot};
use crate::net::{CellFunction, Join, RecurrentCell, TreeCell, WordCell};

/// A pass under way.
pub(super) struct WordPass<'a> {
    net: WordNet,
    weights: &'a Snapshot,
    rows: usize,
    masks: Masks,
    dtype: DType,
}

/// What a pass computes.
pub(super) struct WordLosses {
    /// Cross-entropy, averaged over the words.
    pub(super) main: Tensor,
    /// The penalties included.
    pub(super) whole: Tensor,
    /// `(words, vocabulary)`
    pub(super) logits: Tensor,
    /// The last states, `(rows, H)`, of a tree `(rows, 2H)`.
    pub(super) carried: Tensor,
}

/// What goes from word to word, `(rows, H)` each.
struct State {
    h: Tensor,
    /// Of a tree.
    c: Option<Tensor>,
}

impl<'a> WordPass<'a> {
    /// For windows of `rows` rows; what it drops is drawn where there is noise.
    pub(super) fn new(
        (net, weights): (WordNet, &'a Snapshot),
        rows: usize,
        noise: Option<Noise<'_>>,
        dtype: DType,
    ) -> Self {
        let mut masks = Masks::default();
        if let Some(noise) = noise {
            masks.draw(&net, rows, noise.rng);
        }
        Self { net, weights, rows, masks, dtype }
    }

    /// Reads a window.
    pub(super) fn run(&self, words: &Words<'_>) -> Result<WordLosses> {
        let steps = words.steps(&self.net)?;
        let (rows, hidden) = (self.rows, self.net.hidden);
        let embedding = self.weight(&self.net.embedding)?;
        let seen = self.masked(&embedding, &self.masks.words, (self.net.vocabulary, 1))?;
        let device = embedding.device();
        let inputs = seen.index_select(&Tensor::new(words.ids, device)?, 0)?;
        let mut state = self.first_state(words, device)?;
        let weights = self.cell_weights()?;
        let mut states = Vec::with_capacity(steps);
        for step in 0..steps {
            let input = inputs.narrow(0, step * rows, rows)?;
            let input = self.masked(&input, &self.masks.input, (rows, hidden))?;
            state = match &self.net.cell {
                WordCell::Highway(cell) => self.step((cell, &weights), &input, &state.h)?,
                WordCell::Tree(cell) => self.tree_step((cell, &weights[0]), &input, &state)?,
            };
            states.push(state.h.clone());
        }
        let output = states.iter().map(|h| self.masked(h, &self.masks.output, (rows, hidden)));
        let output = Tensor::cat(&output.collect::<Result<Vec<_>>>()?, 0)?;
        let logits = layers::linear(&output, &embedding)?;
        let next = Tensor::new(words.next, device)?;
        let main = layers::cross_entropy(&logits, &next)?;
        let penalty = (Tensor::cat(&states, 0)?.sqr()?.mean_all()? * self.net.activation_weight)?;
        let whole = ((&main + penalty)? + self.slowness(&states)?)?;
        Ok(WordLosses { main, whole, logits, carried: state.carried()? })
    }

    /// The states before the window.
    fn first_state(&self, words: &Words<'_>, device: &Device) -> Result<State> {
        let sides = (self.rows, self.net.carried());
        let carried = if words.carried.is_empty() {
            Tensor::zeros(sides, self.dtype, device)?
        } else {
            Tensor::from_slice(words.carried, sides, device)?.to_dtype(self.dtype)?
        };
        State::of(&carried, self.net.hidden)
    }

    /// What nodes see of states.
    fn seen(&self, state: &Tensor) -> Result<Tensor> {
        self.masked(state, &self.masks.state, state.dims2()?)
    }

    /// The states after a word.
    fn step(
        &self,
        (cell, weights): (&RecurrentCell, &[Tensor]),
        input: &Tensor,
        before: &Tensor,
    ) -> Result<State> {
        let read = Tensor::cat(&[input, &self.seen(before)?], 1)?;
        let mut nodes = vec![node(CellFunction::Tanh, &read.matmul(&weights[0])?, before)?];
        for (node_of, weight) in cell.nodes.iter().zip(&weights[1..]) {
            let from = &nodes[node_of.from];
            let gates = self.seen(from)?.matmul(weight)?;
            nodes.push(node(node_of.function, &gates, from)?);
        }
        let ends = &cell.ends;
        let sum =
            ends[1..].iter().try_fold(nodes[ends[0]].clone(), |sum, &end| sum + &nodes[end])?;
        Ok(State { h: (sum * (1.0 / ends.len() as f64))?, c: None })
    }

    /// The same of a tree, all of whose leaves read by `weight`.
    fn tree_step(
        &self,
        (cell, weight): (&TreeCell, &Tensor),
        input: &Tensor,
        State { h, c }: &State,
    ) -> Result<State> {
        let hidden = self.net.hidden;
        let [words, states] = [(0, input), (hidden, &self.seen(h)?)]
            .map(|(first, read)| read.matmul(&weight.narrow(0, first, hidden)?));
        let (words, states) = (words?, states?);
        let mut values: Vec<Tensor> = Vec::with_capacity(cell.nodes.len());
        let mut memory = None;
        for (number, node) in cell.nodes.iter().enumerate() {
            let before = if let Some([left, right]) = cell.reads(number) {
                joined(*node, &values[left], &values[right])?
            } else {
                let of_leaf = |products: &Tensor| products.narrow(1, number * hidden, hidden);
                joined(*node, &of_leaf(&words)?, &of_leaf(&states)?)?
            };
            let mut value = apply(node.function, &before)?;
            if let Some(c) = c.as_ref().filter(|_| number == cell.injected) {
                value = apply(cell.inject.function, &joined(cell.inject, &value, c)?)?;
            }
            if number == cell.memory {
                memory = Some(before);
            }
            values.push(value);
        }
        match values.pop() {
            Some(h) => Ok(State { h, c: memory }),
            None => candle_core::bail!("a tree has a root"),
        }
    }

    /// β times the mean square of the difference of two states in a row.
    fn slowness(&self, states: &[Tensor]) -> Result<Tensor> {
        let n = states.len();
        if n < 2 {
            return Tensor::zeros((), self.dtype, states[0].device());
        }
        let [later, earlier] = [&states[1..], &states[..n - 1]].map(|part| Tensor::cat(part, 0));
        (later? - earlier?)?.sqr()?.mean_all()? * self.net.slowness_weight
    }

    /// The cell's weights, as far as they are not dropped.
    fn cell_weights(&self) -> Result<Vec<Tensor>> {
        let weights = self.net.weights.iter().enumerate().map(|(place, name)| {
            let [ins, outs] = self.net.sides(place);
            let mask = self.masks.weights.get(place).map_or(&[][..], |mask| mask);
            self.masked(&self.weight(name)?, mask, (ins, outs))
        });
        weights.collect()
    }

    fn weight(&self, name: &str) -> Result<Tensor> {
        match self.weights.get(name) {
            Some(weight) => Ok(weight.clone()),
            None => candle_core::bail!("there is no parameter `{name}`"),
        }
    }

    /// `xs` times a mask of these sides, where there is one.
    fn masked(&self, xs: &Tensor, mask: &[f32], sides: (usize, usize)) -> Result<Tensor> {
        if mask.is_empty() {
            return Ok(xs.clone());
        }
        xs.broadcast_mul(&Tensor::from_slice(mask, sides, xs.device())?.to_dtype(self.dtype)?)
    }
}

/// What a node makes of its gates `(rows, 2H)`, beside the state that it reads.
fn node(function: CellFunction, gates: &Tensor, from: &Tensor) -> Result<Tensor> {
    let [h, t] =
        [0, 1].map(|half| gates.chunk(2, D::Minus1).map(|mut halves| halves.swap_remove(half)));
    let h = apply(function, &h?)?;
    from + (candle_nn::ops::sigmoid(&t?)? * (h - from)?)?
}

fn apply(function: CellFunction, xs: &Tensor) -> Result<Tensor> {
    match function {
        CellFunction::Tanh => xs.tanh(),
        CellFunction::Relu => layers::relu(xs),
        CellFunction::Sigmoid => candle_nn::ops::sigmoid(xs),
        CellFunction::Identity => Ok(xs.clone()),
    }
}

fn joined(join: Join, left: &Tensor, right: &Tensor) -> Result<Tensor> {
    if join.is_product { left * right } else { left + right }
}

impl State {
    /// What `carried`, `(rows, H)` or `(rows, 2H)`, holds.
    fn of(carried: &Tensor, hidden: usize) -> Result<Self> {
        let c = (hidden < carried.dim(1)?).then(|| carried.narrow(1, hidden, hidden));
        Ok(Self { h: carried.narrow(1, 0, hidden)?, c: c.transpose()? })
    }

    /// The other way round.
    fn carried(&self) -> Result<Tensor> {
        match &self.c {
            Some(c) => Tensor::cat(&[&self.h, c], 1),
            None => Ok(self.h.clone()),
        }
    }
}
