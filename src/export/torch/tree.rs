//! The lines of a Python file that run a tree cell.

use crate::export::torch::script::Script;
use crate::net::{CellFunction, Join, TreeCell};

/// The lines that make the state after `word` of the one before, and the variable with the h of it;
/// the module of the leaves, at `path`, goes to `script`.
pub(super) fn steps(tree: &TreeCell, path: &str, script: &mut Script) -> (Vec<String>, String) {
    let leaves = script.module(path, &format!("Leaves({})", tree.n_leaves()));
    let mut lines =
        vec!["h, c = state.chunk(2, 1)".to_owned(), format!("xs, hs = {leaves}(word, h)")];
    for (number, node) in tree.nodes.iter().enumerate() {
        let read = match tree.reads(number) {
            None => ["xs", "hs"].map(|list| format!("{list}[{number}]")),
            Some(reads) => reads.map(|from| format!("node{from}")),
        };
        let mut before = join(*node, &read);
        if number == tree.memory {
            lines.push(format!("memory = {before}"));
            "memory".clone_into(&mut before);
        }
        lines.push(format!("node{number} = {}", call(node.function, &before)));
        if number == tree.injected {
            let with_c = join(tree.inject, &[format!("node{number}"), "c".to_owned()]);
            lines.push(format!("node{number} = {}", call(tree.inject.function, &with_c)));
        }
    }
    let root = format!("node{}", tree.nodes.len() - 1);
    lines.push(format!("state = torch.cat([{root}, memory], 1)"));
    (lines.into_iter().map(|line| format!("            {line}")).collect(), root)
}

fn join(join: Join, [left, right]: &[String; 2]) -> String {
    format!("{left} {} {right}", if join.is_product { '*' } else { '+' })
}

fn call(function: CellFunction, xs: &str) -> String {
    match function {
        CellFunction::Tanh => format!("torch.tanh({xs})"),
        CellFunction::Relu => format!("torch.relu({xs})"),
        CellFunction::Sigmoid => format!("torch.sigmoid({xs})"),
        CellFunction::Identity => xs.to_owned(),
    }
}
