//! The parts of a Python file of a net of words.

use crate::export::model::{EOS, json};
use crate::export::torch::Parts;
use crate::export::torch::script::Script;
use crate::export::torch::tree;
use crate::export::word_net::WordNet;
use crate::net::{CellFunction, RecurrentCell, WordCell};

const START: &str = include_str!("words/start.py");
const PARTS: &str = include_str!("words/parts.py");
const LEAVES: &str = include_str!("words/leaves.py");
const END: &str = include_str!("words/end.py");

/// Words that the file's program reads at once.
const WINDOW: usize = 256;

/// What the file of `net` is put together from; `words` are its classes.
pub(super) fn parts(net: &WordNet<'_>, words: &[String]) -> Parts {
    let mut script = Script::default();
    let embedding = script.module(net.embedding, "nn.Embedding(len(VOCABULARY), HIDDEN)");
    let (steps, read) = match net.cell {
        WordCell::Highway(cell) => (steps((cell, &net.input()), &mut script), "state".to_owned()),
        WordCell::Tree(cell) => tree::steps(cell, &net.input(), &mut script),
    };
    let state = match net.cell.n_states() {
        1 => "HIDDEN".to_owned(),
        n => format!("{n} * HIDDEN"),
    };
    let class = format!(
        "class Model(nn.Module):\n\
         \x20   \"\"\"Words of texts to what follows them.\n\n\
         \x20   Takes ids, (steps, rows), and the states before them, (rows, {state}); gives the log-\n\
         \x20   probability of each word to be the next, (steps, rows, words), and the states after.\n\
         \x20   \"\"\"\n\n\
         \x20   def __init__(self):\n\
         \x20       super().__init__()\n{}\n\n\
         \x20   def start(self, rows):\n\
         \x20       \"\"\"The states before texts.\"\"\"\n\
         \x20       return {embedding}.weight.new_zeros(rows, {state})\n\n\
         \x20   def forward(self, ids, state):\n\
         \x20       states = []\n\
         \x20       for word in {embedding}(ids):\n{}\n\
         \x20           states.append({read})\n\
         \x20       logits = torch.stack(states) @ {embedding}.weight.T\n\
         \x20       return logits.log_softmax(2), state",
        script.init.join("\n"),
        steps.join("\n"),
    );
    let constants = vec![
        "# Words, by their ids.".to_owned(),
        format!("VOCABULARY = {}", json(words)),
        "# The word that ends every line.".to_owned(),
        format!("EOS = {}", json(EOS)),
        "# Features of a word and of a state.".to_owned(),
        format!("HIDDEN = {}", net.hidden),
        "# Words that the program reads at once.".to_owned(),
        format!("WINDOW = {WINDOW}"),
    ];
    Parts { start: START, constants, library: vec![PARTS, LEAVES], class, end: END }
}

/// The lines that make the state after `word` of the one before, by a cell whose input node is at
/// `path`; its modules go to `script`.
fn steps((cell, path): (&RecurrentCell, &str), script: &mut Script) -> Vec<String> {
    let node = |inputs: &str, function| format!("Node({inputs}, nn.{}())", class(function));
    let input = script.module(path, &node("2 * HIDDEN", CellFunction::Tanh));
    let mut lines = vec![format!("            node0 = {input}(state, word)")];
    for (number, own) in (1..).zip(&cell.nodes) {
        let module = script.module(&own.path, &node("HIDDEN", own.function));
        lines.push(format!("            node{number} = {module}(node{})", own.from));
    }
    let ends: Vec<String> = cell.ends.iter().map(|end| format!("node{end}")).collect();
    lines.push(match &ends[..] {
        [only] => format!("            state = {only}"),
        ends => format!("            state = ({}) / {}", ends.join(" + "), ends.len()),
    });
    lines
}

/// PyTorch's class with this function.
const fn class(function: CellFunction) -> &'static str {
    match function {
        CellFunction::Tanh => "Tanh",
        CellFunction::Relu => "ReLU",
        CellFunction::Sigmoid => "Sigmoid",
        CellFunction::Identity => "Identity",
    }
}
