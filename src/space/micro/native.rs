//! The native form: `normal=[sep_conv_3x3(0)+identity(1), …] reduction=[…]`, one `op(input)` for
//! each edge. DARTS' words `reduce` and `skip_connect` are read too.

use crate::space::micro::{Cell, CellKind, Edge, Node, cells, genotype, nni};
use crate::space::scanner::Scanner;
use crate::space::{Arch, MicroSpace, SpaceError};

pub(super) fn write(arch: &Arch) -> String {
    let cells = CellKind::ALL.into_iter().zip(cells(arch)).map(|(kind, cell)| {
        let nodes: Vec<String> = cell
            .nodes()
            .iter()
            .map(|Node([a, b])| format!("{}({})+{}({})", a.op, a.input, b.op, b.input))
            .collect();
        format!("{kind}=[{}]", nodes.join(", "))
    });
    cells.collect::<Vec<_>>().join(" ")
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with("normal") && !genotype::looks_like(text) && !nni::looks_like(text)
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    let normal = cell(&mut scanner, &["normal"], "`normal=[`")?;
    scanner.take(",");
    let reduction = cell(&mut scanner, &["reduction", "reduce"], "`reduction=[`")?;
    scanner.end()?;
    MicroSpace::arch(&normal, &reduction)
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
