//! The native form: `nasnet normal=[sep_conv_3x3(0)+identity(1), max_pool_5x5(0)|conv_1x1(2), …]
//! reduction=[…]`, one `op(state)` for each side of a block; `+` adds them, `|` joins them.

use crate::space::nasnet::{Block, BlockCell, BlockCombine, BlockEdge, cells};
use crate::space::scanner::Scanner;
use crate::space::{Arch, CellKind, Nasnet, SpaceError};

/// The word that it begins with: cells alone may be those of the micro space.
const NAME: &str = "nasnet";

pub(super) fn write(arch: &Arch) -> String {
    let cells = CellKind::ALL.into_iter().zip(cells(arch)).map(|(kind, cell)| {
        let blocks: Vec<String> = cell.blocks().iter().copied().map(written).collect();
        format!(" {kind}=[{}]", blocks.join(", "))
    });
    [NAME.to_owned()].into_iter().chain(cells).collect()
}

fn written(Block { edges, combine }: Block) -> String {
    let [a, b] = edges.map(|BlockEdge { input, op }| format!("{op}({input})"));
    format!("{a}{}{b}", combine.sign())
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with(NAME)
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let mut scanner = Scanner::new(source);
    scanner.word(NAME, "`nasnet`")?;
    let normal = cell(&mut scanner, &["normal"], "`normal=[`")?;
    scanner.take(",");
    let reduction = cell(&mut scanner, &["reduction", "reduce"], "`reduction=[`")?;
    scanner.end()?;
    Nasnet::arch(&normal, &reduction)
}

fn cell(
    scanner: &mut Scanner<'_>,
    names: &[&str],
    expected: &'static str,
) -> Result<BlockCell, SpaceError> {
    if !names.iter().any(|name| scanner.take(name)) {
        return Err(scanner.unexpected(expected));
    }
    scanner.word("=", expected)?;
    scanner.word("[", expected)?;
    let mut blocks = vec![block(scanner)?];
    while scanner.take(",") {
        blocks.push(block(scanner)?);
    }
    scanner.word("]", "`,` and another block, or `]`")?;
    BlockCell::new(blocks)
}

fn block(scanner: &mut Scanner<'_>) -> Result<Block, SpaceError> {
    let first = edge(scanner)?;
    let combine = BlockCombine::ALL.into_iter().find(|combine| scanner.take(combine.sign()));
    let combine = combine.ok_or_else(|| {
        scanner.unexpected("`+` or `|`, which adds or joins, and the block's second side")
    })?;
    Ok(Block { edges: [first, edge(scanner)?], combine })
}

fn edge(scanner: &mut Scanner<'_>) -> Result<BlockEdge, SpaceError> {
    let name = scanner.name();
    if name.is_empty() {
        return Err(scanner.unexpected("an operation such as `identity(0)`"));
    }
    let op = name.parse()?;
    scanner.word("(", "`(` and the number of the hidden state read")?;
    let input = scanner.number("the number of the hidden state read")?;
    scanner.word(")", "`)`")?;
    Ok(BlockEdge { input, op })
}
