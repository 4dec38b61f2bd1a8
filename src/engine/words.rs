//! A batch of text, and a net of words as executors see it.

use candle_core::{Result, bail};
use rand_chacha::ChaCha8Rng;

use crate::engine::pass::mask;
use crate::net::{Layer, LayerKind, Net, TreeCell, WordCell};

/// A window of text, on the host: word `t` of row `r` is number `t * rows + r`.
#[derive(Debug)]
pub struct Words<'a> {
    /// What is read, by the numbers of words.
    pub ids: &'a [u32],
    /// The word that follows each.
    pub next: &'a [u32],
    /// Rows that are read side by side.
    pub rows: usize,
    /// The states before the window, `(rows, H)`, of a tree cell h and c, `(rows, 2H)`, or nothing at
    /// the start of a text; the states after it, once the window is read.
    pub carried: &'a mut Vec<f32>,
}

impl Words<'_> {
    /// The words of each row, once they fit each other and the net.
    pub(super) fn steps(&self, net: &WordNet) -> Result<usize> {
        let (n, rows) = (self.ids.len(), self.rows);
        if n == 0 || rows == 0 || !n.is_multiple_of(rows) || self.next.len() != n {
            bail!("{n} words and {} next ones are no window of {rows} rows", self.next.len());
        }
        if let Some(id) =
            self.ids.iter().chain(self.next).find(|&&id| net.vocabulary <= id as usize)
        {
            bail!("there is no word {id}: the vocabulary has {}", net.vocabulary);
        }
        let carried = self.carried.len();
        if carried != 0 && carried != rows * net.carried() {
            bail!("{carried} numbers are no states of {rows} rows of {}", net.carried());
        }
        Ok(n / rows)
    }
}

/// Shares that training drops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drops {
    words: f64,
    embedding: f64,
    input: f64,
    state: f64,
    weights: f64,
    output: f64,
}

/// The parts of a net of words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WordNet {
    pub(super) vocabulary: usize,
    /// H.
    pub(super) hidden: usize,
    pub(super) cell: WordCell,
    /// The name of E, `(vocabulary, H)`.
    pub(super) embedding: String,
    /// The names of the cell's weights: of node 0, `(2H, 2H)`, then of each other node, `(H, 2H)`; or of
    /// all leaves, `(2H, leaves·H)`. Of the first the rows that read words come before those that read
    /// states.
    pub(super) weights: Vec<String>,
    drops: Drops,
    /// α.
    pub(super) activation_weight: f64,
    /// β.
    pub(super) slowness_weight: f64,
}

impl WordNet {
    /// The parts of `net`, or that it reads no words.
    pub(super) fn of(net: &Net) -> Result<Self> {
        let [embed, recurrent, softmax] = &net.layers[..] else { bail!("the net reads no words") };
        let kinds = (embed.kind, recurrent.kind, softmax.kind);
        let (
            LayerKind::Embed { drop_words, drop: embedding },
            LayerKind::Recurrent {
                drop_input,
                drop_state,
                drop_weights,
                activation_weight,
                slowness_weight,
            },
            LayerKind::TiedSoftmax { drop: output },
            Some(cell),
        ) = (kinds.0, kinds.1, kinds.2, &recurrent.cell)
        else {
            bail!("the net reads no words")
        };
        if let WordCell::Tree(tree) = cell {
            check(tree)?;
        }
        let names = |layer: &Layer| layer.params().into_iter().map(|(name, _)| name);
        Ok(Self {
            vocabulary: net.image.channels,
            hidden: embed.output.channels,
            cell: cell.clone(),
            embedding: names(embed).collect(),
            weights: names(recurrent).collect(),
            drops: Drops {
                words: drop_words,
                embedding,
                input: drop_input,
                state: drop_state,
                weights: drop_weights,
                output,
            },
            activation_weight,
            slowness_weight,
        })
    }

    /// The sides of the cell's weights number `place`.
    pub(super) fn sides(&self, place: usize) -> [usize; 2] {
        match place {
            0 => [2 * self.hidden, self.width()],
            _ => [self.hidden, 2 * self.hidden],
        }
    }

    /// Values that the weights which read words make of one.
    pub(super) fn width(&self) -> usize {
        self.cell.width() * self.hidden
    }

    /// Values that a row carries from word to word.
    pub(super) fn carried(&self) -> usize {
        self.cell.n_states() * self.hidden
    }
}

/// Refuses a tree that reads nodes before they are there, or any but the root not just once.
fn check(tree: &TreeCell) -> Result<()> {
    let (n_nodes, n_leaves) = (tree.nodes.len(), tree.n_leaves());
    let is_ordered =
        (n_leaves..).zip(&tree.reads).all(|(node, reads)| reads.iter().all(|&from| from < node));
    let mut read: Vec<usize> = tree.reads.iter().flatten().copied().collect();
    read.sort_unstable();
    let is_tree = is_ordered && read.into_iter().eq(0..n_nodes.saturating_sub(1));
    let is_whole = [tree.injected, tree.memory].iter().all(|&node| node < n_nodes);
    if TreeCell::MAX_NODES < n_nodes || !(is_tree && is_whole) {
        bail!("the cell of {n_nodes} nodes is no tree");
    }
    Ok(())
}

/// What a training pass multiplies by; nothing where nothing is dropped.
#[derive(Debug, Default)]
pub(super) struct Masks {
    /// Of words, `(vocabulary)`.
    pub(super) words: Vec<f32>,
    /// Of what node 0, or a leaf, reads of words, `(rows, H)`.
    pub(super) input: Vec<f32>,
    /// Of what nodes read of states, `(rows, H)`.
    pub(super) state: Vec<f32>,
    /// Of what the softmax reads, `(rows, H)`.
    pub(super) output: Vec<f32>,
    /// Of each of the cell's weights; those that read words are never dropped.
    pub(super) weights: Vec<Vec<f32>>,
}

impl Masks {
    /// Draws all of them, for `rows` rows.
    pub(super) fn draw(&mut self, net: &WordNet, rows: usize, rng: &mut ChaCha8Rng) {
        let Drops { words, embedding, input, state, weights, output } = net.drops;
        let features = rows * net.hidden;
        self.clear();
        extend(&mut self.words, words, net.vocabulary, rng);
        extend(&mut self.input, embedding, features, rng);
        if 0.0 < input {
            self.input.resize(features, 1.0);
            let factors = mask(rng, 1.0 - input, features);
            self.input.iter_mut().zip(factors).for_each(|(all, one)| *all *= one as f32);
        }
        extend(&mut self.state, state, features, rng);
        extend(&mut self.output, output, features, rng);
        self.weights.resize_with(net.weights.len(), Vec::new);
        for (place, mask) in self.weights.iter_mut().enumerate().filter(|_| 0.0 < weights) {
            let [ins, outs] = net.sides(place);
            // Of node 0 the rows that read words come first.
            mask.resize((ins - net.hidden) * outs, 1.0);
            extend(mask, weights, net.hidden * outs, rng);
        }
    }

    /// Zeros for rows that fill up the batch, to `n` factors.
    pub(super) fn fill_up(&mut self, n: usize) {
        let of_rows = [&mut self.input, &mut self.state, &mut self.output];
        of_rows.into_iter().filter(|mask| !mask.is_empty()).for_each(|mask| mask.resize(n, 0.0));
    }

    /// Drops nothing.
    pub(super) fn clear(&mut self) {
        let Self { words, input, state, output, weights } = self;
        [words, input, state, output].into_iter().chain(weights).for_each(Vec::clear);
    }
}

/// Appends `n` factors that drop the share `drop`, if any.
fn extend(factors: &mut Vec<f32>, drop: f64, n: usize, rng: &mut ChaCha8Rng) {
    if 0.0 < drop {
        factors.extend(mask(rng, 1.0 - drop, n).map(|factor| factor as f32));
    }
}

#[cfg(test)]
pub(super) mod tests;
