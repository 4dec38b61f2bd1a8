//! NASNet's nets (Zoph et al., 2018, section 3): normal cells and two reduction cells, stacked.
//!
//! ```text
//! image ─ stem 3×3 to 3F ─ N normal ─ reduction ─ N normal ─ reduction ─ N normal ─ ReLU ─ mean ─
//! dropout ─ linear
//! ```
//!
//! A cell brings its two inputs to F channels and to the plane of the second, each by ReLU, 1×1
//! convolution and norm, the first by a factorized reduction where it is larger, and not at all where
//! it fits; a reduction cell has twice the channels, and its operations on the inputs have stride 2.
//! Its output joins its loose ends; one that is a whole input there is halved by a factorized
//! reduction. A block that joins its sides has a 1×1 convolution behind it, so that each hidden state
//! has F channels (the paper: such convolutions stand wherever shapes need them).
//!
//! A child with shared weights is that net, but for this: a 1×1 convolution gathers a cell's loose
//! ends to F channels, for which each state brings its own rows; batch normalization is by the batch
//! at hand, nothing drops paths, and each operation has weights of its own for each block, side and
//! state read, as ENAS has it. The paper shares nothing.
//!
//! The auxiliary head is the micro net's. N is a third of `net.layers`; what a rest leaves is put as in
//! the micro net.

mod operations;
mod tests;

use std::collections::BTreeMap;

use crate::net::config::{LAYERS, NetConfig};
use crate::net::family::checked;
use crate::net::graph::Builder;
use crate::net::{Input, LayerKind, Net, NetError, NetFamily, Norm, ParamSpec, Shape, TensorId};
use crate::space::{
    Arch, Block, BlockCell, BlockCombine, BlockEdge, CellKind, N_CELL_INPUTS, Nasnet, NasnetOp,
    Space,
};

/// The two sides of a block, as they stand in parameter names.
const SIDES: [&str; 2] = ["x", "y"];

/// A family of NASNet's nets: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NasnetFamily {
    space: Nasnet,
    config: NetConfig,
    image: Shape,
    classes: usize,
}

/// What becomes of a cell's loose ends, whose weights its operations have, and whether they drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Shared,
    Standalone,
}

impl NasnetFamily {
    /// The nets of `space` for `input`.
    pub(super) fn new(space: Nasnet, config: NetConfig, input: Input) -> Result<Self, NetError> {
        NetError::check_range("layers", config.layers, LAYERS)?;
        let (image, classes) = checked(Space::Nasnet(space), config.channels, input)?;
        Ok(Self { space, config, image, classes })
    }

    /// Cells of the net: the configured layers and two reductions.
    fn n_cells(&self) -> usize {
        self.config.layers + 2
    }

    fn reductions(&self) -> [usize; 2] {
        let distance = self.config.layers / 3;
        [distance, 2 * distance + 1]
    }

    fn kind(&self, position: usize) -> CellKind {
        if self.reductions().contains(&position) { CellKind::Reduction } else { CellKind::Normal }
    }

    /// The normal and the reduction cell of `arch`.
    fn cells(&self, arch: &Arch) -> Result<[BlockCell; 2], NetError> {
        let (found, expected) = (arch.space(), Space::Nasnet(self.space));
        let cells = Nasnet::cells(arch).filter(|_| found == expected);
        cells.ok_or(NetError::Space { found, expected })
    }

    fn net(&self, arch: &Arch, form: Form) -> Result<Net, NetError> {
        let cells = self.cells(arch)?;
        Ok(self.build(form, |frame, place| frame.cell(place, &cells[place.kind as usize])))
    }

    fn build(&self, form: Form, mut cell: impl FnMut(&mut Frame<'_>, Place) -> TensorId) -> Net {
        let mut frame = Frame::new(self, form);
        for position in 0..self.n_cells() {
            let kind = self.kind(position);
            let stride = if kind == CellKind::Reduction { 2 } else { 1 };
            frame.channels *= stride;
            let output = cell(&mut frame, Place { position, kind, stride });
            frame.end_cell(position, output);
        }
        frame.finish(match form {
            Form::Shared => Norm::Batch,
            Form::Standalone => Norm::Running,
        })
    }
}

impl NetFamily for NasnetFamily {
    fn input(&self) -> Input {
        Input::Image { shape: self.image, classes: self.classes }
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        self.net(arch, Form::Shared)
    }

    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        self.net(arch, Form::Standalone)
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        let n_blocks = self.space.n_blocks();
        self.build(Form::Shared, |frame, place| frame.whole_cell(place, n_blocks)).params()
    }
}

/// Where a cell stands, and the stride of operations on its inputs.
#[derive(Clone, Copy)]
struct Place {
    position: usize,
    kind: CellKind,
    stride: usize,
}

impl Place {
    /// The stride of an operation on a state.
    fn stride_of(self, state: usize) -> usize {
        if state < N_CELL_INPUTS { self.stride } else { 1 }
    }
}

/// A net under way.
struct Frame<'a> {
    family: &'a NasnetFamily,
    form: Form,
    builder: Builder,
    /// Outputs of the two cells before.
    running: [TensorId; 2],
    /// Channels of the cell under way, F.
    channels: usize,
    aux_logits: Option<TensorId>,
}

impl<'a> Frame<'a> {
    fn new(family: &'a NasnetFamily, form: Form) -> Self {
        let mut builder = Builder::new(family.image);
        let channels = family.config.channels;
        let stem = builder.push(LayerKind::conv(3, false), &[0], 3 * channels, "stem".to_owned());
        Self { family, form, builder, running: [stem; 2], channels, aux_logits: None }
    }

    /// Both inputs of a cell with its channels and the plane of the second.
    fn inputs(&mut self, position: usize) -> [TensorId; 2] {
        let [first, second] = self.running;
        let (shape, narrow) = (self.builder.shape(first), LayerKind::conv(1, true));
        let kind = if shape.same_plane(self.builder.shape(second)) {
            Some(narrow).filter(|_| shape.channels != self.channels)
        } else {
            Some(LayerKind::FactorizedReduction { relu: true })
        };
        let path = |input| format!("cell{position}.input{input}");
        let first = kind.map_or(first, |kind| self.push(kind, &[first], path(0)));
        [first, self.push(narrow, &[second], path(1))]
    }

    fn cell(&mut self, place: Place, cell: &BlockCell) -> TensorId {
        let mut states = self.inputs(place.position).to_vec();
        for (number, Block { edges, combine }) in cell.numbered() {
            let mut ends = [0; 2];
            for ((end, edge), side) in ends.iter_mut().zip(edges).zip(SIDES) {
                *end = self.edge(place, (number, side), &states, edge);
            }
            states.push(self.combine(place, number, combine, ends));
        }
        self.output(place, &states, &cell.loose_ends())
    }

    /// What one side of a block makes of a state.
    fn edge(
        &mut self,
        place: Place,
        (number, side): (usize, &str),
        states: &[TensorId],
        BlockEdge { input, op }: BlockEdge,
    ) -> TensorId {
        let stride = place.stride_of(input);
        let path = format!("cell{}.block{number}.{side}.{op}", place.position);
        let own =
            if self.form == Form::Shared { format!("{path}.from{input}") } else { path.clone() };
        let end = self.operation(states[input], op, stride, own);
        if self.form == Form::Shared || op == NasnetOp::Identity {
            return end;
        }
        let depth = (place.position + 1) as f64 / self.family.n_cells() as f64;
        self.push(LayerKind::DropPath { depth }, &[end], format!("{path}.drop"))
    }

    fn combine(
        &mut self,
        place: Place,
        number: usize,
        combine: BlockCombine,
        ends: [TensorId; 2],
    ) -> TensorId {
        let path = format!("cell{}.block{number}", place.position);
        match combine {
            BlockCombine::Add => self.push(LayerKind::Add, &ends, format!("{path}.sum")),
            BlockCombine::Concat => {
                let rows = SIDES.map(|side| format!("{path}.joined.{side}"));
                // What is joined with itself says nothing twice.
                let n = if ends[0] == ends[1] { 1 } else { 2 };
                self.gather(&ends[..n], rows[..n].to_vec(), format!("{path}.joined"))
            }
        }
    }

    /// The loose ends, of which those that are whole are halved where the cell reduces.
    fn output(&mut self, place: Place, states: &[TensorId], loose: &[usize]) -> TensorId {
        let path = format!("cell{}.out", place.position);
        let rows: Vec<String> = loose.iter().map(|state| format!("{path}.from{state}")).collect();
        let ends: Vec<TensorId> = loose
            .iter()
            .map(|&state| {
                if place.stride_of(state) == 1 {
                    return states[state];
                }
                let kind = LayerKind::FactorizedReduction { relu: false };
                self.push(kind, &[states[state]], format!("{path}.halved{state}"))
            })
            .collect();
        match self.form {
            Form::Shared => self.gather(&ends, rows, path),
            Form::Standalone => {
                let channels = self.channels * ends.len();
                self.builder.push(LayerKind::Concat, &ends, channels, path)
            }
        }
    }

    fn gather(&mut self, ends: &[TensorId], rows: Vec<String>, path: String) -> TensorId {
        let output = self.push(LayerKind::Gather, ends, path);
        self.builder.name_rows(rows);
        output
    }

    /// A cell with every operation on every state, combined both ways; for its parameters only.
    fn whole_cell(&mut self, place: Place, n_blocks: usize) -> TensorId {
        let mut states = self.inputs(place.position).to_vec();
        for number in N_CELL_INPUTS..N_CELL_INPUTS + n_blocks {
            let ends = SIDES.map(|side| {
                let edges =
                    (0..number).flat_map(|input| NasnetOp::ALL.map(|op| BlockEdge { input, op }));
                let ends: Vec<TensorId> =
                    edges.map(|edge| self.edge(place, (number, side), &states, edge)).collect();
                // That of the convolutions of the first input, which is no tensor of the other side.
                ends[NasnetOp::Conv1x1.idx()]
            });
            states.push(self.combine(place, number, BlockCombine::Concat, ends));
        }
        let all: Vec<usize> = (0..states.len()).collect();
        self.output(place, &states, &all)
    }

    /// Makes `output` the newest cell's, and hangs the auxiliary head on the cell after the last
    /// reduction.
    fn end_cell(&mut self, position: usize, output: TensorId) {
        self.running = [self.running[1], output];
        let [_, last_reduction] = self.family.reductions();
        if position == last_reduction + 1 && 0.0 < self.family.config.aux_weight {
            self.aux_logits = Some(self.builder.aux_head(output, self.family.classes));
        }
    }

    /// Appends a layer that writes F channels.
    fn push(&mut self, kind: LayerKind, inputs: &[TensorId], path: String) -> TensorId {
        self.builder.push(kind, inputs, self.channels, path)
    }

    fn finish(mut self, norm: Norm) -> Net {
        let NetConfig { dropout_keep, aux_weight, .. } = self.family.config;
        let (head, classes) = (LayerKind::Head { dropout_keep }, self.family.classes);
        let logits = self.builder.push(head, &[self.running[1]], classes, "head".to_owned());
        let (image, aux_logits) = (self.family.image, self.aux_logits);
        Net { image, layers: self.builder.layers, logits, aux_logits, aux_weight, norm }
    }
}
