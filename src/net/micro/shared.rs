//! Micro nets with shared weights: a child's, and the whole of which children read parts.

use crate::net::config::{SharedForm, WeightsOf};
use crate::net::micro::{Frame, SIDES};
use crate::net::{LayerKind, TensorId};
use crate::space::{Cell, CellKind, Edge, N_CELL_INPUTS, Node, Op};

impl Frame<'_> {
    /// The inputs of a cell: halved before it where it reduces, or whole.
    pub(super) fn begin_shared_cell(&mut self, position: usize) -> [TensorId; 2] {
        if self.family.kind(position) == CellKind::Reduction {
            self.channels *= 2;
        }
        if self.family.config.shared_form == SharedForm::StandAlone {
            return self.standalone_inputs(position);
        }
        if self.family.kind(position) == CellKind::Reduction {
            let kind = LayerKind::FactorizedReduction { relu: false };
            let path = format!("cell{position}.reduce");
            let reduced = self.builder.push(kind, &[self.running[1]], self.channels, path);
            self.running = [self.running[1], reduced];
        }
        self.calibrate(position)
    }

    pub(super) fn shared_cell(
        &mut self,
        position: usize,
        inputs: [TensorId; 2],
        cell: &Cell,
    ) -> TensorId {
        let mut tensors = inputs.to_vec();
        for (number, Node(edges)) in cell.numbered_nodes() {
            let mut ends = [0; 2];
            for ((end, edge), side) in ends.iter_mut().zip(edges).zip(SIDES) {
                let place = format!("cell{position}.node{number}.{side}");
                *end = self.shared_edge(position, &tensors, edge, &place);
            }
            let path = format!("cell{position}.node{number}");
            tensors.push(self.builder.push(LayerKind::Add, &ends, self.channels, path));
        }
        self.output(position, &tensors, &cell.loose_ends())
    }

    /// The stride at which a cell at `position` reads a node.
    fn shared_stride(&self, position: usize, node: usize) -> usize {
        let is_halved = self.family.config.shared_form == SharedForm::StandAlone
            && self.family.kind(position) == CellKind::Reduction
            && node < N_CELL_INPUTS;
        if is_halved { 2 } else { 1 }
    }

    fn shared_edge(
        &mut self,
        position: usize,
        tensors: &[TensorId],
        edge: Edge,
        place: &str,
    ) -> TensorId {
        let stride = self.shared_stride(position, edge.input);
        let place = format!("{place}.{}", edge.op);
        let has_weights = match edge.op {
            Op::Identity => stride == 2,
            Op::AvgPool3x3 | Op::MaxPool3x3 => false,
            Op::SepConv3x3 | Op::SepConv5x5 => true,
        };
        let place = match self.family.config.weights_of {
            WeightsOf::Edge if has_weights => format!("{place}.from{}", edge.input),
            WeightsOf::Edge | WeightsOf::Operation => place,
        };
        self.operation(tensors[edge.input], edge.op, stride, place)
    }

    fn output(&mut self, position: usize, tensors: &[TensorId], loose: &[usize]) -> TensorId {
        match self.family.config.shared_form {
            SharedForm::Shared => self.gather(position, tensors, loose),
            SharedForm::StandAlone => self.join(position, tensors, loose),
        }
    }

    fn gather(&mut self, position: usize, tensors: &[TensorId], loose: &[usize]) -> TensorId {
        let path = format!("cell{position}.out");
        let ends: Vec<TensorId> = loose.iter().map(|&node| tensors[node]).collect();
        let rows = loose.iter().map(|node| format!("{path}.from{node}")).collect();
        let output = self.builder.push(LayerKind::Gather, &ends, self.channels, path);
        self.builder.name_rows(rows);
        output
    }

    /// All nodes joined, zeros in the place of those that are no loose ends: so whoever reads the
    /// cell has weights for every node, and a child reads those of its loose ends.
    fn join(&mut self, position: usize, tensors: &[TensorId], loose: &[usize]) -> TensorId {
        let last = tensors[tensors.len() - 1];
        let mut zeros = None;
        let mut ends = Vec::with_capacity(tensors.len());
        for (node, &tensor) in tensors.iter().enumerate() {
            ends.push(if loose.contains(&node) {
                let path = format!("cell{position}.out.from{node}");
                self.halve(tensor, self.shared_stride(position, node), path)
            } else {
                let path = format!("cell{position}.zeros");
                let push = || self.builder.push(LayerKind::Zeros, &[last], self.channels, path);
                *zeros.get_or_insert_with(push)
            });
        }
        let channels = self.channels * ends.len();
        self.builder.push(LayerKind::Concat, &ends, channels, format!("cell{position}.out"))
    }

    /// A cell with every operation on every edge; for its parameters only.
    pub(super) fn whole_cell(
        &mut self,
        position: usize,
        inputs: [TensorId; 2],
        n_nodes: usize,
    ) -> TensorId {
        let mut tensors = inputs.to_vec();
        for number in N_CELL_INPUTS..N_CELL_INPUTS + n_nodes {
            let mut ends = Vec::new();
            for side in SIDES {
                let place = format!("cell{position}.node{number}.{side}");
                for (input, op) in (0..number).flat_map(|i| Op::ALL.map(|op| (i, op))) {
                    ends.push(self.shared_edge(position, &tensors, Edge { input, op }, &place));
                }
            }
            let path = format!("cell{position}.node{number}");
            tensors.push(self.builder.push(LayerKind::Add, &ends[..2], self.channels, path));
        }
        let all: Vec<usize> = (0..tensors.len()).collect();
        self.output(position, &tensors, &all)
    }
}
