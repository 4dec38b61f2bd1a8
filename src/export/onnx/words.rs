//! A net of words as a graph: what the engine computes without noise.
//!
//! ```text
//! ids (steps, rows) ─ Gather of E ─┐                  ┌─ (steps, rows, H) ─ · Eᵀ ─ LogSoftmax
//!                                  Scan over the steps                      log_probabilities
//! state (rows, H) ─────────────────┘                  └─ next_state (rows, H)
//! ```
//!
//! Of a tree cell the state is h and c, `(rows, 2H)`.
//!
//! The weights stand in the outer graph, where the scan's body sees them.

use std::collections::BTreeMap;

use crate::export::model::Numbers;
use crate::export::onnx::functions::operator;
use crate::export::onnx::graph::{Graph, any, int, list, side, subgraph, value};
use crate::export::onnx::proto::{FLOAT, GraphProto, INT64};
use crate::export::onnx::tree;
use crate::export::word_net::WordNet;
use crate::net::{CellFunction, RecurrentCell, TreeCell, WordCell};

/// The names of the graph's inputs and outputs.
const IDS: &str = "ids";
const STATE: &str = "state";
const LOG_PROBABILITIES: &str = "log_probabilities";
const NEXT_STATE: &str = "next_state";

/// Axes that are as long as whoever runs the graph likes.
const STEPS: &str = "steps";
const ROWS: &str = "rows";

/// What whoever opens the file is to know.
pub(super) const DOC: &str = "Tells the next word of a text. It reads the ids of words, which are \
     their places in the vocabulary that the metadata has under `vocabulary`: one text in each \
     column, from step to step. Each line of a text ends with the word that the metadata has under \
     `eos`. The state before a text is zeros; give the next state to go on with the text.";

/// The graph `id` of `net`.
pub(super) fn graph(
    net: &WordNet<'_>,
    numbers: &BTreeMap<String, Numbers>,
    id: &str,
) -> GraphProto {
    let mut cell = Cell { net, numbers, weights: Graph::default(), body: Graph::default() };
    let body = cell.body();
    let mut graph = cell.weights;
    let embedding = format!("{}.weight", net.embedding);
    let numbers = &numbers[&embedding];
    graph.floats(embedding.clone(), &numbers.dims, &numbers.values);
    let words = graph.plain("Gather", &[&embedding, IDS], format!("{}/words", net.embedding));
    let scanned = vec![subgraph("body", body), int("num_scan_inputs", 1)];
    let outputs = [NEXT_STATE.to_owned(), format!("{}/states", net.path)];
    let [_, states] = graph.several("Scan", &[STATE, &words], outputs, scanned);
    let turned = format!("{}/turned", net.embedding);
    let turned = graph.op("Transpose", &[&embedding], turned, vec![list("perm", vec![1, 0])]);
    let logits = graph.plain("MatMul", &[&states, &turned], format!("{}/logits", net.embedding));
    graph.op("LogSoftmax", &[&logits], LOG_PROBABILITIES.to_owned(), vec![int("axis", -1)]);
    let steps = || [any(STEPS), any(ROWS)];
    let told = [any(STEPS), any(ROWS), side(net.vocabulary)];
    let state = || [any(ROWS), side(net.carried())];
    GraphProto {
        node: graph.nodes,
        name: id.to_owned(),
        initializer: graph.constants,
        input: vec![
            value(IDS, INT64, steps(), "Places of words in the vocabulary, by step and text."),
            value(STATE, FLOAT, state(), "Of each text; zeros before it."),
        ],
        output: vec![
            value(LOG_PROBABILITIES, FLOAT, told, "Of each word to be the next, in nats."),
            value(NEXT_STATE, FLOAT, state(), "Of each text, after the last of the words."),
        ],
    }
}

/// The cell of a net under way.
struct Cell<'a> {
    net: &'a WordNet<'a>,
    numbers: &'a BTreeMap<String, Numbers>,
    /// The constants that the body reads.
    weights: Graph,
    /// What is run for each step.
    body: Graph,
}

impl Cell<'_> {
    /// The graph that makes the states after a word of those before it.
    fn body(&mut self) -> GraphProto {
        let (path, net) = (self.net.path, self.net);
        let [before, word] = ["before", "word"].map(|name| format!("{path}/{name}"));
        let read = [before.as_str(), word.as_str()];
        let [after, written] = match net.cell {
            WordCell::Highway(cell) => self.highway(cell, read),
            WordCell::Tree(cell) => self.tree(cell, read),
        };
        let value = |name: &str, features| value(name, FLOAT, [any(ROWS), side(features)], "");
        let state = |name: &str| value(name, net.carried());
        GraphProto {
            node: std::mem::take(&mut self.body.nodes),
            name: path.to_owned(),
            initializer: Vec::new(),
            input: vec![state(&before), value(&word, net.hidden)],
            output: vec![state(&after), value(&written, net.hidden)],
        }
    }

    /// What is handed on, and what is written, `(rows, H)`, of the state `before` and of `word`.
    fn highway(&mut self, cell: &RecurrentCell, [before, word]: [&str; 2]) -> [String; 2] {
        let (path, input) = (self.net.path, self.net.input());
        let read = format!("{input}/read");
        let read = self.body.op("Concat", &[word, before], read, vec![int("axis", 1)]);
        let mut nodes = vec![self.node(&input, CellFunction::Tanh, [&read, before])];
        for node in &cell.nodes {
            let from = nodes[node.from].clone();
            nodes.push(self.node(&node.path, node.function, [&from, &from]));
        }
        let ends: Vec<&str> = cell.ends.iter().map(|&end| nodes[end].as_str()).collect();
        let after = self.body.plain("Mean", &ends, format!("{path}/after"));
        // A scan hands on its state by another name than the row that it writes.
        let written = self.body.plain("Identity", &[&after], format!("{path}/written"));
        [after, written]
    }

    /// The same of a tree, whose states `(rows, 2H)` are h and c.
    fn tree(&mut self, cell: &TreeCell, read: [&str; 2]) -> [String; 2] {
        let (path, input) = (self.net.path, self.net.input());
        let weight = format!("{input}.weight");
        let numbers = &self.numbers[&weight];
        let weight = self.weights.floats(weight, &numbers.dims, &numbers.values);
        let halves = ["words", "states"].map(|of| format!("{input}/of_{of}"));
        let halves = self.weights.several("Split", &[&weight], halves, vec![int("axis", 0)]);
        let weights = halves.each_ref().map(String::as_str);
        let [h, c] = tree::append(&mut self.body, (cell, path), read, weights);
        let after = format!("{path}/after");
        let after = self.body.op("Concat", &[&h, &c], after, vec![int("axis", 1)]);
        [after, self.body.plain("Identity", &[&h], format!("{path}/written"))]
    }

    /// `s + σ(t)·(f(h) − s)` with the state s, where `[h | t]` is the product of what is read and
    /// the weights at `path`.
    fn node(&mut self, path: &str, function: CellFunction, [read, state]: [&str; 2]) -> String {
        let weight = format!("{path}.weight");
        let numbers = &self.numbers[&weight];
        let weight = self.weights.floats(weight, &numbers.dims, &numbers.values);
        let name = |name: &str| format!("{path}/{name}");
        let graph = &mut self.body;
        let product = graph.plain("MatMul", &[read, &weight], name("product"));
        let halves = [name("h"), name("t")];
        let [h, t] = graph.several("Split", &[&product], halves, vec![int("axis", 1)]);
        let h = graph.plain(operator(function), &[&h], name("function"));
        let gate = graph.plain("Sigmoid", &[&t], name("gate"));
        let change = graph.plain("Sub", &[&h, state], name("change"));
        let part = graph.plain("Mul", &[&gate, &change], name("part"));
        graph.plain("Add", &[state, &part], path.to_owned())
    }
}
