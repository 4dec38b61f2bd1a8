//! Micro nets with shared weights (ENAS, section 2.4; semantics of the search).
//!
//! ```text
//! image ─ stem 3×3 to 3F ─ cell 0 ─ … ─ cell L+1 ─ ReLU ─ mean ─ dropout ─ linear
//! ```
//!
//! Cells at positions `L/3` and `2·(L/3) + 1` reduce: the running tensor is halved to twice the
//! channels and the reduction cell runs at stride 1. A cell calibrates its two inputs to F
//! channels and one plane, adds two edges per node, and gathers its loose ends (unread inputs
//! among them) by a 1×1 convolution whose rows belong to the nodes gathered. Every operation of
//! every pair of nodes has weights of its own at each cell; a child reads those on its edges. With
//! `net.weights_of = "operation"`, one has weights of its own whichever node it reads from.
//!
//! With `net.shared_form = "stand-alone"` a child is the net that stands alone, but for drop-path: see
//! `standalone`. Its cells' outputs join all nodes, with zeros for those that are no loose ends, so
//! what reads a cell has columns of weights for every node. One thing stays different: in the net that
//! stands alone a cell whose output has the channels wanted (one loose end, say) is read without a
//! convolution; here it never is.
//!
//! Departures from the authors' code: the auxiliary head is trained; weights start with the true
//! fan-in; evaluation runs without dropout.

mod operations;
mod shared;
mod standalone;

use std::collections::BTreeMap;

use crate::net::config::{LAYERS, NetConfig};
use crate::net::family::checked;
use crate::net::graph::Builder;
use crate::net::{Input, LayerKind, Net, NetError, NetFamily, Norm, ParamSpec, Shape, TensorId};
use crate::space::{Arch, Cell, CellKind, MicroSpace, Space};

/// The two edges of a node, as they stand in parameter names.
pub(super) const SIDES: [&str; 2] = ["x", "y"];

/// A family of micro nets: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MicroNet {
    space: MicroSpace,
    pub(super) config: NetConfig,
    pub(super) image: Shape,
    pub(super) classes: usize,
}

impl MicroNet {
    /// The nets of `space` for `input`.
    pub(super) fn new(
        space: MicroSpace,
        config: NetConfig,
        input: Input,
    ) -> Result<Self, NetError> {
        NetError::check_range("layers", config.layers, LAYERS)?;
        let (image, classes) = checked(Space::Micro(space), config.channels, input)?;
        Ok(Self { space, config, image, classes })
    }

    /// Cells of the net: the configured layers and two reductions.
    pub(super) fn n_cells(&self) -> usize {
        self.config.layers + 2
    }

    /// The kind of the cell at `position`.
    pub(super) fn kind(&self, position: usize) -> CellKind {
        if self.reductions().contains(&position) { CellKind::Reduction } else { CellKind::Normal }
    }

    fn reductions(&self) -> [usize; 2] {
        let distance = self.config.layers / 3;
        [distance, 2 * distance + 1]
    }

    /// The normal and the reduction cell of `arch`.
    fn cells(&self, arch: &Arch) -> Result<[Cell; 2], NetError> {
        let (found, expected) = (arch.space(), Space::Micro(self.space));
        let cells = MicroSpace::cells(arch).filter(|_| found == expected);
        cells.ok_or(NetError::Space { found, expected })
    }
}

impl NetFamily for MicroNet {
    fn input(&self) -> Input {
        Input::Image { shape: self.image, classes: self.classes }
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        let cells = self.cells(arch)?;
        let mut frame = Frame::new(self);
        for position in 0..self.n_cells() {
            let inputs = frame.begin_shared_cell(position);
            let output = frame.shared_cell(position, inputs, &cells[self.kind(position) as usize]);
            frame.end_cell(position, output);
        }
        Ok(frame.finish(Norm::Batch))
    }

    /// Reduction by stride, all loose ends joined, drop-path, running statistics.
    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        Ok(standalone::build(self, &self.cells(arch)?))
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        let mut frame = Frame::new(self);
        for position in 0..self.n_cells() {
            let inputs = frame.begin_shared_cell(position);
            let output = frame.whole_cell(position, inputs, self.space.n_nodes());
            frame.end_cell(position, output);
        }
        frame.finish(Norm::Batch).params()
    }
}

/// The parts that shared and stand-alone nets have in common: stem, the two running tensors,
/// calibration, heads.
pub(super) struct Frame<'a> {
    family: &'a MicroNet,
    pub(super) builder: Builder,
    /// Outputs of the two cells before.
    pub(super) running: [TensorId; 2],
    /// Channels of the cell under way.
    pub(super) channels: usize,
    aux_logits: Option<TensorId>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(family: &'a MicroNet) -> Self {
        let mut builder = Builder::new(family.image);
        let channels = family.config.channels;
        let stem = LayerKind::conv(3, false);
        let stem = builder.push(stem, &[0], 3 * channels, "stem".to_owned());
        Self { family, builder, running: [stem; 2], channels, aux_logits: None }
    }

    /// Brings both inputs of a cell to the cell's channels and to the plane of the second.
    pub(super) fn calibrate(&mut self, position: usize) -> [TensorId; 2] {
        let [first, second] = self.running;
        let plane = self.builder.shape(second);
        let path = |input| format!("cell{position}.calibrate{input}");
        let shape = self.builder.shape(first);
        let first = if shape.same_plane(plane) {
            self.widen(first, path(0))
        } else {
            let kind = LayerKind::FactorizedReduction { relu: true };
            self.builder.push(kind, &[first], self.channels, path(0))
        };
        [first, self.widen(second, path(1))]
    }

    /// The same, and one more convolution of the second: both are whole where the cell reduces.
    pub(super) fn standalone_inputs(&mut self, position: usize) -> [TensorId; 2] {
        let [first, second] = self.calibrate(position);
        let kind = LayerKind::conv(1, true);
        let path = format!("cell{position}.base");
        [first, self.builder.push(kind, &[second], self.channels, path)]
    }

    fn widen(&mut self, tensor: TensorId, path: String) -> TensorId {
        if self.builder.shape(tensor).channels == self.channels {
            return tensor;
        }
        let kind = LayerKind::conv(1, true);
        self.builder.push(kind, &[tensor], self.channels, path)
    }

    /// Makes `output` the newest running tensor, and hangs the auxiliary head on the cell after
    /// the last reduction.
    pub(super) fn end_cell(&mut self, position: usize, output: TensorId) {
        self.running = [self.running[1], output];
        let [_, last_reduction] = self.family.reductions();
        if position == last_reduction + 1 && 0.0 < self.family.config.aux_weight {
            self.aux_logits = Some(self.builder.aux_head(output, self.family.classes));
        }
    }

    pub(super) fn finish(mut self, norm: Norm) -> Net {
        let head = LayerKind::Head { dropout_keep: self.family.config.dropout_keep };
        let classes = self.family.classes;
        let logits = self.builder.push(head, &[self.running[1]], classes, "head".to_owned());
        Net {
            image: self.family.image,
            layers: self.builder.layers,
            logits,
            aux_logits: self.aux_logits,
            aux_weight: self.family.config.aux_weight,
            norm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::SharedForm;
    use crate::random::{Owner, generator};
    use rand::RngExt;

    const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                                                1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    fn family(layers: usize, channels: usize) -> MicroNet {
        family_of(SharedForm::Shared, layers, channels)
    }

    fn family_of(shared_form: SharedForm, layers: usize, channels: usize) -> MicroNet {
        let config = NetConfig { layers, channels, shared_form, ..NetConfig::default() };
        let shape = Shape { channels: 3, height: 32, width: 32 };
        MicroNet::new(MicroSpace::default(), config, Input::Image { shape, classes: 10 }).unwrap()
    }

    fn shared_total(layers: usize, channels: usize, aux: bool) -> usize {
        let params = family(layers, channels).shared_params();
        let wanted = params.iter().filter(|(name, _)| name.starts_with("aux.") == aux);
        wanted.map(|(_, spec)| spec.len()).sum()
    }

    #[test]
    fn shared_parameters_have_the_published_counts() {
        assert_eq!(shared_total(6, 20, false), 5_373_140);
        assert_eq!(shared_total(6, 20, true), 412_928);
        assert_eq!(shared_total(3, 8, false), 757_480);
    }

    #[test]
    fn children_together_read_all_shared_parameters_and_no_other() {
        for form in [SharedForm::Shared, SharedForm::StandAlone] {
            check_children(&family_of(form, 1, 2));
        }
    }

    #[track_caller]
    fn check_children(family: &MicroNet) {
        let whole = family.shared_params();
        let space = Space::Micro(MicroSpace::new(5).unwrap());
        let mut read = BTreeMap::new();
        let mut rng = generator(1, Owner::Uniform, 0);
        for _ in 0..400 {
            let script = space.script();
            let choices: Vec<u32> =
                script.options().map(|n| rng.random_range(0..n as u32)).collect();
            read.extend(family.shared(&space.arch(&choices).unwrap()).unwrap().params());
        }
        for (name, spec) in &read {
            assert_eq!(whole.get(name), Some(spec), "{name}");
        }
        // Input 0 is loose only if ten edges avoid it: rare, but nothing else may be unread.
        let unread: Vec<_> = whole.keys().filter(|name| !read.contains_key(*name)).collect();
        assert!(unread.iter().all(|name| name.contains(".out.from")), "{unread:?}");
    }

    #[test]
    fn a_net_refuses_an_architecture_of_another_size() {
        let arch: Arch = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0".parse().unwrap();
        let error = family(1, 4).shared(&arch).unwrap_err();
        let of = |nodes| Space::Micro(MicroSpace::new(nodes).unwrap());
        assert_eq!(error, NetError::Space { found: of(2), expected: of(5) });
    }

    #[test]
    fn odd_planes_and_one_channel_images_compile() {
        let config = NetConfig { layers: 1, channels: 3, ..NetConfig::default() };
        let shape = Shape { channels: 1, height: 27, width: 13 };
        let net = MicroNet::new(MicroSpace::default(), config, Input::Image { shape, classes: 7 });
        let net = net.unwrap();
        let net = net.shared(&PUBLISHED.parse().unwrap()).unwrap();
        let last = net.layers.last().unwrap();
        assert_eq!(last.input_shapes, [Shape { channels: 12, height: 7, width: 4 }]);
        assert_eq!(last.output.channels, 7);
    }
}
