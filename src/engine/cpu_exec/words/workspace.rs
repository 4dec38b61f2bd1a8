//! Memory that outlives a pass over a window of text.
//!
//! Rows are worked on in bands of 8, of which every list has a part, one band after the other:
//!
//! ```text
//! inputs, befores, outputs, …     [band][step][row][H]
//! gates                           [band][node][step][row][2H]
//! states                          [band][node][step][row][H]
//! ```
//!
//! Of a tree, whose nodes nobody keeps, the gates are the products of its leaves, and the states its c:
//!
//! ```text
//! gates                           [band][with words, with states][step][row][leaves·H]
//! states                          [band][step][row][H]
//! ```
//!
//! So bands are worked on by any number of threads, and sums over rows have one order. Rows that fill
//! up the last band are computed like others, from zeros; they have no gradients.

use std::sync::{Mutex, PoisonError};

use candle_core::Result;

use crate::engine::cpu_exec::found::Dims;
use crate::engine::kernel::BAND;
use crate::engine::words::{Masks, WordNet};
use crate::net::Net;

/// Workspaces that wait for their next pass: as many as children are read at once.
const WAITING: usize = 16;

/// Rows whose logits are in memory at once.
pub(super) const LOGIT_ROWS: usize = 256;

/// What a window measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) steps: usize,
    pub(super) rows: usize,
    /// H.
    pub(super) hidden: usize,
    /// Lists of states that are kept: one for each node, that of the input included; of a tree one.
    pub(super) nodes: usize,
    /// How many times H gates a word has.
    pub(super) gates: usize,
    /// How many states go from word to word: h, and the c of a tree.
    pub(super) carried: usize,
    pub(super) vocabulary: usize,
}

impl Size {
    pub(super) fn bands(self) -> usize {
        self.rows.div_ceil(BAND)
    }

    /// Words, with those of the rows that fill up the last band.
    pub(super) fn words(self) -> usize {
        self.bands() * BAND * self.steps
    }

    /// Values of a band of states of one step.
    pub(super) fn state(self) -> usize {
        BAND * self.hidden
    }

    /// Values of a band of the states of all steps.
    pub(super) fn band(self) -> usize {
        self.steps * self.state()
    }
}

/// The lists of a pass; what they hold outside of one is of no use.
#[derive(Debug)]
pub(super) struct Workspace {
    of: Net,
    pub(super) net: WordNet,
    /// The names and sides of its gradients.
    pub(super) grads: Dims,
    pub(super) masks: Masks,
    pub(super) packed: PackedWeights,
    pub(super) window: Window,
    pub(super) logits: Logits,
    /// Of [`matmul_sums`](crate::engine::kernel::matmul_sums).
    pub(super) scratch: Vec<f32>,
}

/// Panels of the weights: for products with states, and with gradients.
#[derive(Debug, Default)]
pub(super) struct PackedWeights {
    /// The halves of node 0's, which read words and states; then those of the other nodes.
    pub(super) cell: Vec<[Vec<f32>; 2]>,
    pub(super) embedding: [Vec<f32>; 2],
}

/// What is kept of a window for its gradients.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// What node 0 reads of words.
    pub(super) inputs: Vec<f32>,
    /// What node 0 reads of states.
    pub(super) befores: Vec<f32>,
    pub(super) gates: Vec<f32>,
    pub(super) states: Vec<f32>,
    /// h.
    pub(super) outputs: Vec<f32>,
    /// What the softmax reads.
    pub(super) dropped: Vec<f32>,
    /// Gradients of the outputs, then of the inputs.
    pub(super) grads: Vec<f32>,
    /// What a node reads.
    pub(super) masked: Vec<f32>,
    /// The states before the window, `[band][h, c][row][H]`, where c is of trees alone.
    pub(super) first: Vec<f32>,
    /// Gradients of a step's states, `[band][node][row][H]`.
    pub(super) step_grads: Vec<f32>,
    /// Gradients of the states before a step, `[band][row][H]`, and room for as many.
    pub(super) before_grads: [Vec<f32>; 2],
}

/// A block of logits, and what they have right.
#[derive(Debug, Default)]
pub(in crate::engine::cpu_exec) struct Logits {
    pub(super) values: Vec<f32>,
    pub(super) nll: Vec<f64>,
    pub(super) right: Vec<bool>,
}

impl Workspace {
    fn new(net: &Net) -> Result<Self> {
        Ok(Self {
            of: net.clone(),
            net: WordNet::of(net)?,
            grads: net.params().into_iter().map(|(name, spec)| (name, spec.dims)).collect(),
            masks: Masks::default(),
            packed: PackedWeights::default(),
            window: Window::default(),
            logits: Logits::default(),
            scratch: Vec::new(),
        })
    }
}

impl Window {
    /// Makes room for a window.
    pub(super) fn fit(&mut self, size: Size) {
        let (all, bands) = (size.bands() * size.band(), size.bands() * size.state());
        let Self { inputs, befores, outputs, dropped, grads, masked, .. } = self;
        for list in [inputs, befores, outputs, dropped, grads, masked] {
            list.resize(all, 0.0);
        }
        self.gates.resize(size.gates * all, 0.0);
        self.states.resize(size.nodes * all, 0.0);
        self.first.resize(size.carried * bands, 0.0);
        self.step_grads.resize(size.nodes * bands, 0.0);
        self.before_grads.iter_mut().for_each(|list| list.resize(bands, 0.0));
    }
}

/// Workspaces that nobody uses.
#[derive(Debug, Default)]
pub(in crate::engine::cpu_exec) struct Workspaces(Mutex<Vec<Workspace>>);

impl Workspaces {
    /// A workspace for `net`: the one that had it last, where there is one; else with the memory of
    /// another.
    pub(super) fn take(&self, net: &Net) -> Result<Workspace> {
        let used = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = waiting.iter().position(|one| one.of == *net);
            known.or(waiting.len().checked_sub(1)).map(|place| waiting.remove(place))
        };
        match used {
            Some(used) if used.of == *net => Ok(used),
            Some(Workspace { masks, packed, window, logits, scratch, .. }) => {
                Ok(Workspace { masks, packed, window, logits, scratch, ..Workspace::new(net)? })
            }
            None => Workspace::new(net),
        }
    }

    /// Keeps a workspace for the next pass.
    pub(super) fn give(&self, used: Workspace) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.push(used);
        }
    }
}
