//! DARTS' form: `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[2, 3], reduce=[…],
//! reduce_concat=[…])`, two edges for each node.
//!
//! DARTS joins the nodes that `concat` names, the micro space those that no other reads. A
//! genotype is read where both are the same; any other is a cell that this space does not have.

use crate::space::micro::{Cell, CellKind, Edge, N_CELL_INPUTS, Node};
use crate::space::scanner::Scanner;
use crate::space::{Arch, MicroSpace, SpaceError};

/// Whether `text` starts like a genotype rather than like the native form.
pub(super) fn looks_like(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.take("Genotype")
        || (scanner.take("normal") && scanner.take("=") && {
            scanner.take("[");
            scanner.take("(")
        })
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    let called = scanner.take("Genotype");
    if called {
        scanner.word("(", "`(` and `normal=[`")?;
    }
    let normal = cell(&mut scanner, CellKind::Normal, ["normal", "normal_concat"])?;
    scanner.word(",", "`, reduce=[`")?;
    let reduction = cell(&mut scanner, CellKind::Reduction, ["reduce", "reduce_concat"])?;
    if called {
        scanner.word(")", "`)`")?;
    }
    scanner.end()?;
    MicroSpace::arch(&normal, &reduction)
}

fn cell(
    scanner: &mut Scanner<'_>,
    kind: CellKind,
    [edges, concat]: [&'static str; 2],
) -> Result<Cell, SpaceError> {
    scanner.word(edges, edges)?;
    scanner.word("=", "`=[`")?;
    scanner.word("[", "`[` and the edges")?;
    let mut found = vec![edge(scanner)?];
    while scanner.take(",") {
        found.push(edge(scanner)?);
    }
    scanner.word("]", "`,` and another edge, or `]`")?;
    let (pairs, rest) = found.as_chunks();
    if !rest.is_empty() {
        return Err(scanner.unexpected("two edges for each node before this `]`"));
    }
    let cell = Cell::new(pairs.iter().copied().map(Node).collect())?;
    scanner.word(",", "`,` and what the cell's output joins")?;
    scanner.word(concat, concat)?;
    scanner.word("=", "`=[`")?;
    let joined = nodes(scanner)?;
    let loose_ends = cell.loose_ends();
    if joined == loose_ends {
        Ok(cell)
    } else {
        Err(SpaceError::Concat { cell: kind.name(), joined, loose_ends })
    }
}

fn edge(scanner: &mut Scanner<'_>) -> Result<Edge, SpaceError> {
    scanner.word("(", "an edge such as `('sep_conv_3x3', 0)`")?;
    let quote = if scanner.take("\"") { "\"" } else { "'" };
    if quote == "'" {
        scanner.word(quote, "a quoted operation")?;
    }
    let op = scanner.name().parse()?;
    scanner.word(quote, "the closing quote")?;
    scanner.word(",", "`,` and the number of the node read")?;
    let input = scanner.number("the number of the node read")?;
    scanner.word(")", "`)`")?;
    Ok(Edge { input, op })
}

/// `[2, 3]` or `range(2, 4)`, sorted.
fn nodes(scanner: &mut Scanner<'_>) -> Result<Vec<usize>, SpaceError> {
    const NODE: &str = "the number of a node";
    if scanner.take("range") {
        scanner.word("(", "`(`")?;
        let from = scanner.number(NODE)?;
        scanner.word(",", "`,`")?;
        let to = scanner.number(NODE)?;
        scanner.word(")", "`)`")?;
        // No cell has more nodes, whatever the text says.
        let most = Cell::NODE_RANGE.end() + N_CELL_INPUTS + 1;
        return Ok((from..to.min(most)).collect());
    }
    scanner.word("[", "`[` and the nodes that the cell's output joins")?;
    let mut nodes = vec![scanner.number(NODE)?];
    while scanner.take(",") {
        nodes.push(scanner.number(NODE)?);
    }
    scanner.word("]", "`,` and another node, or `]`")?;
    nodes.sort_unstable();
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINED: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), \
                          ('sep_conv_5x5', 0), (\"avg_pool_3x3\", 1)], normal_concat=[3, 2], \
                          reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), \
                          ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(3, 4))";

    #[test]
    fn a_genotype_whose_output_joins_its_loose_ends_is_read() {
        let arch: Arch = JOINED.parse().unwrap();
        assert_eq!(
            arch.to_string(),
            "normal=[sep_conv_3x3(0)+identity(1), sep_conv_5x5(0)+avg_pool_3x3(1)] \
             reduction=[max_pool_3x3(0)+max_pool_3x3(1), identity(2)+max_pool_3x3(1)]"
        );
        // Without the name around it.
        let inner = JOINED.strip_prefix("Genotype(").unwrap().strip_suffix(')').unwrap();
        assert_eq!(inner.parse::<Arch>().unwrap(), arch);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_genotype_that_this_space_lacks_is_refused_with_the_reason() {
        check(
            &JOINED.replace("range(3, 4)", "range(2, 4)"),
            "the output of the reduction cell joins nodes 2, 3; in the micro space it joins the \
             nodes that no other reads, which are 3 here, so this cell is none of its",
        );
        check(
            &JOINED.replace("max_pool_3x3", "dil_conv_3x3"),
            "unknown operation `dil_conv_3x3`; the operations are sep_conv_3x3, sep_conv_5x5, \
             avg_pool_3x3, max_pool_3x3, identity",
        );
        check(
            "Genotype(normal=[('identity', 0)], normal_concat=[2])",
            "at character 34: expected two edges for each node before this `]`, found \
             `, normal_con`",
        );
    }
}
