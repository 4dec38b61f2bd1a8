//! A net of words as a graph: what the engine computes without noise.
//!
//! ```text
//! ids (steps, rows) ─ Gather of E ─┐                  ┌─ (steps, rows, H) ─ · Eᵀ ─ LogSoftmax
//!                                  Scan over the steps                      log_probabilities
//! state (rows, H) ─────────────────┘                  └─ next_state (rows, H)
//! ```
//!
//! The weights stand in the outer graph, where the scan's body sees them.

use std::collections::BTreeMap;

use crate::export::model::Numbers;
use crate::export::onnx::graph::{Graph, any, int, list, side, subgraph, value};
use crate::export::onnx::proto::{FLOAT, GraphProto, INT64};
use crate::export::word_net::WordNet;
use crate::net::CellFunction;

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
    let state = || [any(ROWS), side(net.hidden)];
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
    /// The graph that makes the states after a word `(rows, H)` of those before it.
    fn body(&mut self) -> GraphProto {
        let path = self.net.path;
        let [before, word] = ["before", "word"].map(|name| format!("{path}/{name}"));
        let input = self.net.input();
        let read = format!("{input}/read");
        let read = self.body.op("Concat", &[&word, &before], read, vec![int("axis", 1)]);
        let mut nodes = vec![self.node(&input, CellFunction::Tanh, [&read, &before])];
        for node in &self.net.cell.nodes {
            let from = nodes[node.from].clone();
            nodes.push(self.node(&node.path, node.function, [&from, &from]));
        }
        let ends: Vec<&str> = self.net.cell.ends.iter().map(|&end| nodes[end].as_str()).collect();
        let after = self.body.plain("Mean", &ends, format!("{path}/after"));
        // A scan hands on its state by another name than the row that it writes.
        let written = self.body.plain("Identity", &[&after], format!("{path}/written"));
        let state = |name: &str| value(name, FLOAT, [any(ROWS), side(self.net.hidden)], "");
        GraphProto {
            node: std::mem::take(&mut self.body.nodes),
            name: path.to_owned(),
            initializer: Vec::new(),
            input: vec![state(&before), state(&word)],
            output: vec![state(&after), state(&written)],
        }
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

const fn operator(function: CellFunction) -> &'static str {
    match function {
        CellFunction::Tanh => "Tanh",
        CellFunction::Relu => "Relu",
        CellFunction::Sigmoid => "Sigmoid",
        CellFunction::Identity => "Identity",
    }
}
