//! The native text form: `cell=[tanh(0), relu(1), …]`, the activation of each node and the node
//! that it reads; 0 is the input node.

use crate::space::recurrent::{RecurrentNode, nodes};
use crate::space::scanner::Scanner;
use crate::space::{Arch, Recurrent, SpaceError};

pub(super) fn write(arch: &Arch) -> String {
    let nodes = nodes(arch).into_iter();
    let nodes = nodes.map(|RecurrentNode { from, activation }| format!("{activation}({from})"));
    format!("cell=[{}]", nodes.collect::<Vec<_>>().join(", "))
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with("cell")
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    scanner.word("cell", "`cell=[`")?;
    scanner.word("=", "`cell=[`")?;
    scanner.word("[", "`cell=[`")?;
    let mut nodes = vec![node(&mut scanner)?];
    while scanner.take(",") {
        nodes.push(node(&mut scanner)?);
    }
    scanner.word("]", "`,` and another node, or `]`")?;
    scanner.end()?;
    Recurrent::arch(&nodes)
}

fn node(scanner: &mut Scanner<'_>) -> Result<RecurrentNode, SpaceError> {
    let name = scanner.name();
    if name.is_empty() {
        return Err(scanner.unexpected("an activation such as `tanh(0)`"));
    }
    let activation = name.parse()?;
    scanner.word("(", "`(` and the number of the node read")?;
    let from = scanner.number("the number of the node read")?;
    scanner.word(")", "`)`")?;
    Ok(RecurrentNode { from, activation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_text_that_is_no_cell_is_told_where_it_breaks() {
        check(
            "cell=[tanh(0), swish(1)]",
            "unknown operation `swish`; the operations are tanh, relu, sigmoid, identity",
        );
        check(
            "cell=[tanh(0), relu 1]",
            "at character 21: expected `(` and the number of the node read, found `1]`",
        );
        check(
            "cell=[tanh(0), relu(2)]",
            "node 2 reads node 2, which does not precede it; it may read 0 to 1",
        );
        check(
            &format!("cell=[{}]", ["tanh(0)"; 25].join(", ")),
            "a cell has 25 nodes behind its input node; the recurrent space takes 1 to 24",
        );
    }

    #[test]
    fn blanks_and_capitals_say_nothing() {
        let arch: Arch = "cell = [ tanh( 0 ),ReLU(1) ]".parse().unwrap();
        assert_eq!(arch.to_string(), "cell=[tanh(0), relu(1)]");
    }
}
