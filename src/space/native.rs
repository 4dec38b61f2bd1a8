//! The native form: `normal=[sep_conv_3x3(0)+identity(1), …] reduction=[…]`, one `op(input)` for
//! each edge. DARTS' words `reduce` and `skip_connect` are read too.

use std::fmt;

use crate::space::scanner::Scanner;
use crate::space::{Arch, Cell, CellKind, Edge, Node, SpaceError};

pub(super) fn write(arch: &Arch, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (idx, kind) in CellKind::ALL.into_iter().enumerate() {
        let nodes: Vec<String> = arch
            .cell(kind)
            .nodes()
            .iter()
            .map(|Node([a, b])| format!("{}({})+{}({})", a.op, a.input, b.op, b.input))
            .collect();
        let blank = if idx == 0 { "" } else { " " };
        write!(f, "{blank}{kind}=[{}]", nodes.join(", "))?;
    }
    Ok(())
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    let normal = cell(&mut scanner, &["normal"], "`normal=[`")?;
    scanner.take(",");
    let reduction = cell(&mut scanner, &["reduction", "reduce"], "`reduction=[`")?;
    scanner.end()?;
    Arch::from_cells(&normal, &reduction)
}

fn cell(
    scanner: &mut Scanner<'_>,
    names: &[&str],
    expected: &'static str,
) -> Result<Cell, SpaceError> {
    if !names.iter().any(|name| scanner.take(name)) {
        return Err(scanner.unexpected(expected));
    }
    scanner.word("=", expected)?;
    scanner.word("[", expected)?;
    let mut nodes = vec![node(scanner)?];
    while scanner.take(",") {
        nodes.push(node(scanner)?);
    }
    scanner.word("]", "`,` and another node, or `]`")?;
    Cell::new(nodes)
}

fn node(scanner: &mut Scanner<'_>) -> Result<Node, SpaceError> {
    let first = edge(scanner)?;
    scanner.word("+", "`+` and the node's second edge")?;
    Ok(Node([first, edge(scanner)?]))
}

fn edge(scanner: &mut Scanner<'_>) -> Result<Edge, SpaceError> {
    let name = scanner.name();
    if name.is_empty() {
        return Err(scanner.unexpected("an operation such as `identity(0)`"));
    }
    let op = name.parse()?;
    scanner.word("(", "`(` and the number of the node read")?;
    let input = scanner.number("the number of the node read")?;
    scanner.word(")", "`)`")?;
    Ok(Edge { input, op })
}
