//! Micro nets that stand alone, as the authors' final models: trained from scratch and shipped.
//!
//! Differences from the shared form: one more 1×1 convolution on the second input; in a
//! reduction cell, operations on the two inputs have stride 2 (an identity becomes a factorized
//! reduction); a cell's output joins its loose ends without a convolution; drop-path.

use crate::net::micro::{Frame, MicroNet, SIDES};
use crate::net::{LayerKind, Net, Norm, TensorId};
use crate::space::{Cell, CellKind, N_CELL_INPUTS, Node, Op};

pub(super) fn build(family: &MicroNet, cells: &[Cell; 2]) -> Net {
    let mut frame = Frame::new(family);
    for position in 0..family.n_cells() {
        let kind = family.kind(position);
        let place = Place { position, stride: if kind == CellKind::Reduction { 2 } else { 1 } };
        frame.channels *= place.stride;
        let depth = (position + 1) as f64 / family.n_cells() as f64;
        let output = cell(&mut frame, place, depth, &cells[kind as usize]);
        frame.end_cell(position, output);
    }
    frame.finish(Norm::Running)
}

/// Where a cell stands, and the stride of operations on its inputs.
#[derive(Clone, Copy)]
struct Place {
    position: usize,
    stride: usize,
}

fn cell(frame: &mut Frame<'_>, place: Place, depth: f64, cell: &Cell) -> TensorId {
    let Place { position, .. } = place;
    let mut tensors = frame.standalone_inputs(position).to_vec();
    for (number, Node(edges)) in cell.numbered_nodes() {
        let mut ends = [0; 2];
        for ((end, edge), side) in ends.iter_mut().zip(edges).zip(SIDES) {
            let path = format!("cell{position}.node{number}.{side}.{}", edge.op);
            let stride = if edge.input < N_CELL_INPUTS { place.stride } else { 1 };
            *end = frame.operation(tensors[edge.input], edge.op, stride, path.clone());
            if edge.op != Op::Identity {
                let kind = LayerKind::DropPath { depth };
                *end = frame.builder.push(kind, &[*end], frame.channels, path);
            }
        }
        let path = format!("cell{position}.node{number}");
        tensors.push(frame.builder.push(LayerKind::Add, &ends, frame.channels, path));
    }
    let ends: Vec<TensorId> = cell
        .loose_ends()
        .into_iter()
        .map(|node| {
            let path = format!("cell{position}.out.from{node}");
            if node < N_CELL_INPUTS {
                frame.halve(tensors[node], place.stride, path)
            } else {
                tensors[node]
            }
        })
        .collect();
    let channels = frame.channels * ends.len();
    frame.builder.push(LayerKind::Concat, &ends, channels, format!("cell{position}.out"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Cost, Input, NetConfig, NetFamily, Shape};
    use crate::space::MicroSpace;

    const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                             1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    fn cost(arch: &str, layers: usize, channels: usize) -> (Net, Cost) {
        let config = NetConfig { layers, channels, ..NetConfig::default() };
        let shape = Shape { channels: 3, height: 32, width: 32 };
        let family =
            MicroNet::new(MicroSpace::default(), config, Input::Image { shape, classes: 10 });
        let family = family.unwrap();
        let net = family.standalone(&arch.parse().unwrap()).unwrap();
        let cost = net.cost();
        (net, cost)
    }

    #[test]
    fn the_published_cell_has_the_published_counts() {
        let (net, published) = cost(PUBLISHED, 15, 36);
        assert_eq!(published.params, 3_894_372);
        assert_eq!(published.aux_params, 494_848);
        for (layers, channels, params) in [
            (6, 20, 608_540),
            (6, 36, 1_815_372),
            (15, 20, 1_299_860),
            (3, 8, 78_248),
            (6, 8, 123_416),
        ] {
            assert_eq!(cost(PUBLISHED, layers, channels).1.params, params);
        }
        let per_cell = |position: usize| -> usize {
            let prefix = format!("cell{position}.");
            let params = net.params();
            params.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, s)| s.len()).sum()
        };
        let expected = [
            34200, 36792, 39384, 39384, 39384, 115_488, 120_240, 133_200, 138_384, 138_384,
            138_384, 427_968, 442_656, 494_496, 515_232, 515_232, 515_232,
        ];
        assert_eq!((0..17).map(per_cell).collect::<Vec<_>>(), expected);
    }

    /// Numbers from `micro_fixed` of the independent oracle script, for other cells: all
    /// identities, chains of one operation, and a cell whose inputs are loose in the reduction.
    #[test]
    fn other_cells_agree_with_the_oracle() {
        for (arch, layers, channels, params, aux) in ORACLE {
            let (_, cost) = cost(arch, layers, channels);
            assert_eq!((cost.params, cost.aux_params), (params, aux), "{arch}");
        }
    }

    /// Multiply-adds of a net small enough to count by hand: identities, 1 layer, 2 channels.
    #[test]
    fn multiply_adds_agree_with_a_count_by_hand() {
        let identities = ["0 4 1 4"; 10].join(" ");
        let (_, cost) = cost(&identities, 1, 2);
        // Stem 27·6 on 32×32. Cells 0 and 1 reduce to 4 and 8 channels, cell 2 is normal.
        // Each reduction: two calibrations and the base at full size, then 10 halved edges.
        let stem = 27 * 6 * 1024;
        let cell0 = (6 * 4 + 6 * 4 + 4 * 4) * 1024 + 10 * 4 * 4 * 256;
        // Input 0 is the stem, halved to the plane of cell 0's output of 5·4 channels.
        let cell1 = (6 * 8 + 20 * 8 + 8 * 8) * 256 + 10 * 8 * 8 * 64;
        // Input 0 is cell 0's output, halved; input 1 cell 1's 5·8 channels.
        let cell2 = (20 * 8 + 40 * 8 + 8 * 8) * 64;
        assert_eq!(cost.multiply_adds, stem + cell0 + cell1 + cell2 + 40 * 10);
    }

    #[rustfmt::skip]
    const ORACLE: [(&str, usize, usize, u64, u64); 5] = [
        ("0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4", 3, 8, 35_432, 423_168),
        ("0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 1 0 3 1 2 0 3 1 2 0 3 1 2 0 3 1 2 0 3 1 2", 6, 20, 660_940, 453_888),
        ("0 4 0 2 2 3 2 4 0 4 0 3 2 4 1 1 5 3 4 4 1 3 1 1 1 4 2 0 3 0 1 4 1 2 1 2 4 4 4 3", 6, 20, 239_660, 423_168),
        ("1 4 1 1 1 0 0 1 3 1 2 3 2 3 4 3 4 2 4 4 1 4 0 2 2 0 1 4 1 2 0 1 4 2 2 0 0 3 5 3", 15, 12, 309_324, 414_976),
        ("0 2 0 3 0 0 1 3 3 0 0 4 4 0 3 4 2 4 2 4 1 0 1 0 1 0 1 1 2 2 3 2 2 0 3 2 3 1 4 3", 3, 8, 49_816, 410_880),
    ];
}
