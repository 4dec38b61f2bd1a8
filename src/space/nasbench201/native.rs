//! The benchmark's own text, `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|`: the edges of
//! nodes 1, 2 and 3, each with its operation and the node that it leads from.

use crate::space::nasbench201::{EdgeOp, N_EDGES, Nasbench201, edges};
use crate::space::scanner::Scanner;
use crate::space::{Arch, SpaceError};

/// What stands behind an edge from each node, and how an error asks for it.
const ENDS: [(&str, &str); 3] = [
    ("~0|", "`~0|`, which ends the edge from node 0"),
    ("~1|", "`~1|`, which ends the edge from node 1"),
    ("~2|", "`~2|`, which ends the edge from node 2"),
];

pub(super) fn write(arch: &Arch) -> String {
    let ops = Nasbench201::ops(arch).expect("a form writes architectures of its own space");
    let edges = edges().zip(ops).map(|((from, to), op)| {
        let (end, _) = ENDS[from];
        let begin = match (from, to) {
            (0, 1) => "|",
            (0, _) => "+|",
            _ => "",
        };
        format!("{begin}{op}{end}")
    });
    edges.collect()
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with('|')
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    let mut ops = [EdgeOp::None; N_EDGES];
    for ((from, to), op) in edges().zip(&mut ops) {
        if from == 0 && 1 < to {
            scanner.word("+", "`+` and the edges of the next node")?;
        }
        if from == 0 {
            scanner.word("|", "`|` and the first edge of a node")?;
        }
        let name = scanner.name();
        if name.is_empty() {
            return Err(scanner.unexpected("an operation such as `nor_conv_3x3`"));
        }
        *op = name.parse()?;
        let (end, expected) = ENDS[from];
        scanner.word(end, expected)?;
    }
    scanner.end()?;
    Ok(Nasbench201::arch(ops))
}
