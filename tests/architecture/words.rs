//! The words that a search space keeps at home: code elsewhere that says one knows that space.

use crate::source::paths;

/// The layers that know every space.
const HOMES: &[&str] = &["space", "net", "export"];

/// What belongs to one space alone.
const WORDS: &[&str] = &[
    "MicroSpace",
    "CellKind",
    "WholeNet",
    "LayerOp",
    "NetLayer",
    "RecurrentNode",
    "NasnetOp",
    "BlockCell",
    "BlockCombine",
    "BlockEdge",
    "EdgeOp",
    "NasCnn",
    "NasRnn",
    "TreeNode",
    "CnnLayer",
];

/// The same, where they are names of `space`: others have such words too.
const NAMES: &[&str] =
    &["Cell", "Op", "Recurrent", "Activation", "Combine", "Tree", "Nasnet", "Block", "Nasbench201"];

/// The words of one space that a statement of `layer` says.
pub(crate) fn word_faults(layer: &str, statement: &str) -> Vec<String> {
    if HOMES.contains(&layer) {
        return Vec::new();
    }
    let words = statement.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut said: Vec<String> =
        words.filter(|word| WORDS.contains(word)).map(str::to_owned).collect();
    for path in paths(statement) {
        let mut names = path.split("::").skip_while(|name| *name != "space").skip(1);
        said.extend(names.next().filter(|n| NAMES.contains(n) || *n == "*").map(str::to_owned));
    }
    said.dedup();
    let fault = |word| format!("`{word}` is a word of one search space: ask `SearchSpace` instead");
    said.into_iter().map(fault).collect()
}
