//! DARTS' form, in which people keep NASNet's cells and those of others:
//! `Genotype(normal=[('sep_conv_5x5', 1), …], normal_concat=[2, …], reduce=[…], reduce_concat=[…])`, two
//! edges for each node.
//!
//! A node of a genotype adds, so of this space's cells those are written whose blocks all do. DARTS
//! joins the nodes that `concat` names, this space those that no block reads: a genotype is read
//! where both are the same. Its `skip_connect` is the identity, its `conv_7x1_1x7` (1×7, then 7×1, with
//! neither norm nor ReLU between them) the pair that has both here. Its `dil_conv_3x3` is separable,
//! which this space's is not: such an edge is refused. A reduction cell with an input that no node
//! reads DARTS does not have, for there the output would join the input as it is.

use crate::space::literal::{self, Literal};
use crate::space::nasnet::{Block, BlockCell, BlockCombine, BlockEdge, NasnetOp, cells};
use crate::space::{Arch, BlockError, CellKind, N_CELL_INPUTS, Nasnet, SpaceError, genotype};

pub(super) fn looks_like(text: &str) -> bool {
    genotype::is_of_cells(text)
}

pub(super) fn write(arch: &Arch) -> Result<String, SpaceError> {
    let cells = CellKind::ALL.into_iter().zip(cells(arch)).zip(["normal", "reduce"]);
    let fields = cells.map(|((kind, cell), name)| {
        let lacks = |node, what| {
            SpaceError::Blocks(BlockError::NoGenotype { cell: kind.name(), node, what })
        };
        let mut edges = Vec::new();
        for (node, Block { edges: pair, combine }) in cell.numbered() {
            if combine != BlockCombine::Add {
                return Err(lacks(node, "joins its two sides"));
            }
            for BlockEdge { input, op } in pair {
                let name = op.darts_name();
                let name = name.ok_or_else(|| lacks(node, "has a dilated convolution"))?;
                edges.push(format!("('{name}', {input})"));
            }
        }
        let ends = cell.loose_ends();
        if kind == CellKind::Reduction && ends[0] < N_CELL_INPUTS {
            return Err(lacks(ends[0], "is an input that no block reads"));
        }
        Ok(format!("{name}=[{}], {name}_concat={ends:?}", edges.join(", ")))
    });
    Ok(format!("Genotype({})", fields.collect::<Result<Vec<_>, SpaceError>>()?.join(", ")))
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let text = literal::read(source)?;
    let [normal, reduction] = genotype::of_cells(&text)?;
    let normal = cell(CellKind::Normal, normal)?;
    Nasnet::arch(&normal, &cell(CellKind::Reduction, reduction)?)
}

fn cell(kind: CellKind, [edges, concat]: [&Literal<'_>; 2]) -> Result<BlockCell, SpaceError> {
    let pairs = genotype::pairs(edges)?.into_iter().zip(N_CELL_INPUTS..);
    let blocks = pairs.map(|([a, b], node)| {
        let edge = |found| edge(found, kind, node);
        Ok(Block { edges: [edge(a)?, edge(b)?], combine: BlockCombine::Add })
    });
    let cell = BlockCell::new(blocks.collect::<Result<_, SpaceError>>()?)?;
    let most = BlockCell::RANGE.end() + N_CELL_INPUTS;
    let (joined, loose_ends) = (genotype::joined(concat, most)?, cell.loose_ends());
    if joined == loose_ends {
        Ok(cell)
    } else {
        Err(SpaceError::Blocks(BlockError::Joined { cell: kind.name(), joined, loose_ends }))
    }
}

fn edge(found: &Literal<'_>, kind: CellKind, node: usize) -> Result<BlockEdge, SpaceError> {
    let (op, input) = genotype::edge(found)?;
    let named = NasnetOp::ALL.into_iter().find(|known| known.darts_name() == Some(op.word));
    let unknown = BlockError::Op {
        position: op.position(),
        cell: kind.name(),
        node,
        op: op.word.to_owned(),
        known: &NasnetOp::DARTS_NAMES,
    };
    Ok(BlockEdge { input, op: named.ok_or(SpaceError::Blocks(unknown))? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    fn read(text: &str) -> Result<Arch, SpaceError> {
        Arch::parse(Space::Nasnet(Nasnet::default()), text)
    }

    #[test]
    fn nasnet_a_is_read_and_written() {
        let arch = read(Nasnet::PUBLISHED).unwrap();
        assert_eq!(
            arch.to_string(),
            "nasnet normal=[sep_conv_5x5(1)+sep_conv_3x3(0), sep_conv_5x5(0)+sep_conv_3x3(0), \
             avg_pool_3x3(1)+identity(0), avg_pool_3x3(0)+avg_pool_3x3(0), \
             sep_conv_3x3(1)+identity(1)] reduction=[sep_conv_5x5(1)+sep_conv_7x7(0), \
             max_pool_3x3(1)+sep_conv_7x7(0), avg_pool_3x3(1)+sep_conv_5x5(0), \
             identity(3)+avg_pool_3x3(2), sep_conv_3x3(2)+max_pool_3x3(1)]"
        );
        assert_eq!(arch.text("genotype").as_deref(), Ok(Nasnet::PUBLISHED));
        let cells = Nasnet::cells(&arch).unwrap();
        assert_eq!(cells.map(|cell| cell.loose_ends()), [vec![2, 3, 4, 5, 6], vec![4, 5, 6]]);
    }

    #[test]
    fn what_only_one_of_the_two_has_is_told() {
        for (text, expected) in [
            (
                Nasnet::PUBLISHED.replace("[4, 5, 6]", "[3, 4, 5, 6]"),
                "the output of the reduction cell joins nodes 3, 4, 5, 6; in the nasnet space it \
                 joins the hidden states that no block reads, which are 4, 5, 6 here, so this cell \
                 is none of its",
            ),
            (
                Nasnet::PUBLISHED.replacen("sep_conv_5x5", "dil_conv_3x3", 1),
                "at character 20: node 2 of the normal cell applies `dil_conv_3x3`, which the nasnet \
                 space does not have; of DARTS' operations it has skip_connect, conv_3x1_1x3, \
                 conv_7x1_1x7, avg_pool_3x3, max_pool_3x3, max_pool_5x5, max_pool_7x7, conv_1x1, \
                 conv_3x3, sep_conv_3x3, sep_conv_5x5, sep_conv_7x7",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err().to_string(), expected);
        }
        let native = read(Nasnet::PUBLISHED).unwrap().to_string();
        for (from, to, expected) in [
            ("(1)+", "(1)|", "state 2 of the normal cell joins its two sides"),
            ("avg_pool", "dil_conv", "state 4 of the normal cell has a dilated convolution"),
        ] {
            let found = read(&native.replacen(from, to, 1)).unwrap().text("genotype");
            let expected = format!("{expected}, which no genotype of DARTS says");
            assert_eq!(found.unwrap_err().to_string(), expected);
        }
    }
}
