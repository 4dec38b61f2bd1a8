//! The native text form, as the paper writes what its example computes:
//!
//! ```text
//! tree=[tanh(x+h), relu(x*h), sigmoid(0*1)] inject=relu(0+c) c=1
//! ```
//!
//! A leaf reads x, times its W, and h, times its U; a node above reads two nodes by their numbers. The
//! node that is injected and the node that c[t] is of come last. `*` is the product feature by feature.

use crate::space::TreeError;
use crate::space::nas_rnn::{Combine, NasRnn, Tree, TreeNode};
use crate::space::scanner::Scanner;
use crate::space::{Arch, SpaceError};

/// What a leaf reads, as it is told.
const INPUTS: &str = "x and h";

pub(super) fn write(arch: &Arch) -> String {
    let Tree { nodes, inject, injected, memory } =
        NasRnn::tree(arch).expect("a form writes architectures of its own space");
    let n_leaves = nodes.len().div_ceil(2);
    let space = NasRnn { n_leaves };
    let nodes = nodes.iter().enumerate().map(|(number, node)| match space.reads(number) {
        None => term(*node, "x", "h"),
        Some([left, right]) => term(*node, &left.to_string(), &right.to_string()),
    });
    let nodes = nodes.collect::<Vec<_>>().join(", ");
    format!("tree=[{nodes}] inject={} c={memory}", term(inject, &injected.to_string(), "c"))
}

/// `tanh(0*1)`
pub(super) fn term(TreeNode { combine, activation }: TreeNode, left: &str, right: &str) -> String {
    format!("{activation}({left}{}{right})", combine.sign())
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with("tree")
}

/// The nodes that a node reads, none where it reads the inputs.
type Reads = Option<[usize; 2]>;

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    for word in ["tree", "=", "["] {
        scanner.word(word, "`tree=[`")?;
    }
    let mut found = vec![node(&mut scanner)?];
    while scanner.take(",") {
        found.push(node(&mut scanner)?);
    }
    scanner.word("]", "`,` and another node, or `]`")?;
    for word in ["inject", "="] {
        scanner.word(word, "`inject=`")?;
    }
    let (inject, injected) = injection(&mut scanner)?;
    for word in ["c", "="] {
        scanner.word(word, "`c=`")?;
    }
    let memory = scanner.number("the number of the node that c[t] is of")?;
    scanner.end()?;
    let (nodes, reads): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let arch = NasRnn::arch(&Tree { nodes, inject, injected, memory })?;
    check(&reads).map_err(SpaceError::Tree)?;
    Ok(arch)
}

/// Refuses a tree of another shape than here.
fn check(reads: &[Reads]) -> Result<(), TreeError> {
    let leaves = reads.len().div_ceil(2);
    let space = NasRnn { n_leaves: leaves };
    let told = |reads: Reads| {
        reads.map_or_else(|| INPUTS.to_owned(), |[left, right]| format!("{left} and {right}"))
    };
    for (node, &found) in reads.iter().enumerate() {
        let expected = space.reads(node);
        if found != expected {
            let (found, expected) = (told(found), told(expected));
            return Err(TreeError::Reads { node, found, leaves, expected });
        }
    }
    Ok(())
}

/// `tanh(x+h)` or `tanh(0+1)`
fn node(scanner: &mut Scanner<'_>) -> Result<(TreeNode, Reads), SpaceError> {
    let activation = activation(scanner, "a node such as `tanh(x+h)`")?;
    if scanner.take("x") {
        let combine = combine(scanner)?;
        scanner.word("h", "`h`")?;
        scanner.word(")", "`)`")?;
        return Ok((TreeNode { combine, activation }, None));
    }
    let left = scanner.number("`x`, or the number of a node")?;
    let combine = combine(scanner)?;
    let right = scanner.number("the number of a node")?;
    scanner.word(")", "`)`")?;
    Ok((TreeNode { combine, activation }, Some([left, right])))
}

/// `relu(0+c)`
fn injection(scanner: &mut Scanner<'_>) -> Result<(TreeNode, usize), SpaceError> {
    let activation = activation(scanner, "an injection such as `relu(0+c)`")?;
    let injected = scanner.number("the number of the node that c[t-1] is injected into")?;
    let combine = combine(scanner)?;
    scanner.word("c", "`c`")?;
    scanner.word(")", "`)`")?;
    Ok((TreeNode { combine, activation }, injected))
}

/// `tanh(`
fn activation(
    scanner: &mut Scanner<'_>,
    expected: &'static str,
) -> Result<crate::space::Activation, SpaceError> {
    let name = scanner.name();
    if name.is_empty() {
        return Err(scanner.unexpected(expected));
    }
    let activation = name.parse()?;
    scanner.word("(", "`(`")?;
    Ok(activation)
}

fn combine(scanner: &mut Scanner<'_>) -> Result<Combine, SpaceError> {
    if scanner.take("+") {
        return Ok(Combine::Add);
    }
    scanner.word("*", "`+` or `*`")?;
    Ok(Combine::Multiply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: [&str; 2], expected: &str) {
        let text = NasRnn::EXAMPLE.replace(change[0], change[1]);
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_text_that_is_no_tree_is_told_where_it_breaks() {
        check(
            ["relu(x", "swish(x"],
            "unknown operation `swish`; the operations are tanh, relu, sigmoid, identity",
        );
        check(["x*h", "x-h"], "at character 24: expected `+` or `*`, found `-h), sigmoid`");
        check(["x*h", "x*c"], "at character 25: expected `h`, found `c), sigmoid(`");
        check([" inject=relu(0+c)", ""], "at character 43: expected `inject=`, found `c=1`");
        check(["0+c", "0+h"], "at character 57: expected `c`, found `h) c=1`");
        check(["c=1", "c=1 1"], "at character 64: expected the end, found `1`");
    }

    #[test]
    fn a_tree_of_another_shape_is_told() {
        check(["0*1", "1*0"], "node 2 reads 1 and 0; in a tree of 2 leaves it reads 0 and 1");
        check(["0*1", "x*h"], "node 2 reads x and h; in a tree of 2 leaves it reads 0 and 1");
        check(["x*h", "0*0"], "node 1 reads 0 and 0; in a tree of 2 leaves it reads x and h");
        check(["c=1", "c=3"], "`c` is node 3; the tree has nodes 0 to 2");
        check(["(0+c", "(7+c"], "`inject` is node 7; the tree has nodes 0 to 2");
        check(
            [", sigmoid(0*1)", ""],
            "a tree has 2 nodes; one of n leaves has 2n − 1: give the leaves, and a node for each \
             two nodes before it",
        );
        let one = "tree=[tanh(x+h)] inject=relu(0+c) c=0";
        check([NasRnn::EXAMPLE, one], "a tree has 1 leaves; the nas_rnn space takes 2 to 16");
    }

    #[test]
    fn blanks_and_capitals_say_nothing() {
        let text = "tree = [ Tanh( x + h ),ReLU(x*h), sigmoid(0 * 1)]\n inject=relu(0+c)\nc = 1";
        assert_eq!(text.parse::<Arch>().unwrap().to_string(), NasRnn::EXAMPLE);
    }
}
