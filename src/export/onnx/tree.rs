//! A tree cell as the body of a scan, which makes the states after a word of those before it.
//!
//! ```text
//! before (rows, 2H) ─ h, c      word (rows, H)
//! products of both with the leaves' weights ─ one for each leaf ─ the nodes
//! after (rows, 2H) = the root and the memory node      written (rows, H) = the root
//! ```

use crate::export::onnx::functions::operator;
use crate::export::onnx::graph::{Graph, int};
use crate::net::{Join, TreeCell};

/// Appends to `body` what a tree at `path` makes of the values `before` and `word`, by the values with
/// the weights for words and for states; returns those with h and c after it.
pub(super) fn append(
    body: &mut Graph,
    (tree, path): (&TreeCell, &str),
    [before, word]: [&str; 2],
    weights: [&str; 2],
) -> [String; 2] {
    let halves = ["h", "c"].map(|name| format!("{path}/{name}"));
    let [h, c] = body.several("Split", &[before], halves, vec![int("axis", 1)]);
    let [words, states] = [("of_word", word, weights[0]), ("of_state", &h, weights[1])].map(
        |(name, read, weight)| {
            let products = format!("{path}/{name}");
            let leaf = |leaf| format!("{products}/{leaf}");
            let parts: Vec<String> = (0..tree.n_leaves()).map(leaf).collect();
            let products = body.plain("MatMul", &[read, weight], products);
            body.several("Split", &[&products], parts, vec![int("axis", 1)])
        },
    );
    let (mut values, mut befores): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (number, node) in tree.nodes.iter().enumerate() {
        let path = format!("{path}/node{number}");
        let read = match tree.reads(number) {
            None => [&words[number], &states[number]],
            Some(reads) => reads.map(|from| &values[from]),
        };
        let before = join(body, *node, read.map(String::as_str), format!("{path}/before"));
        let mut value = body.plain(operator(node.function), &[&before], path.clone());
        if number == tree.injected {
            let with_c = join(body, tree.inject, [&value, &c], format!("{path}/with_c"));
            let function = operator(tree.inject.function);
            value = body.plain(function, &[&with_c], format!("{path}/injected"));
        }
        befores.push(before);
        values.push(value);
    }
    [values.swap_remove(tree.nodes.len() - 1), befores.swap_remove(tree.memory)]
}

fn join(body: &mut Graph, join: Join, read: [&str; 2], output: String) -> String {
    body.plain(if join.is_product { "Mul" } else { "Add" }, &read, output)
}
