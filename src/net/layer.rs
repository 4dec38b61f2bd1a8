//! The layers a child is made of, coarse enough that an executor can fuse each of them.

use crate::net::{Shape, Window, WordCell};

/// Number of a tensor: 0 is the image batch, layer `i` writes tensor `i + 1`.
pub type TensorId = usize;

/// What a layer computes. `norm` stands for batch normalization with scale and offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerKind {
    /// (ReLU,) dense convolution without bias, norm. What is a ReLU behind the norm elsewhere is
    /// the one of whatever reads it here.
    Conv {
        /// Its taps; "SAME" padding.
        window: Window,
        /// Whether a ReLU comes first.
        relu: bool,
    },
    /// ReLU, depthwise convolution, pointwise convolution, norm.
    SepConv {
        /// Side of the depthwise kernel; "SAME" padding.
        kernel: usize,
        /// Stride of the depthwise convolution.
        stride: usize,
    },
    /// Average over the valid cells of each 3×3 window.
    AvgPool {
        /// Stride of the windows.
        stride: usize,
    },
    /// Maximum of each 3×3 window.
    MaxPool {
        /// Stride of the windows.
        stride: usize,
    },
    /// (ReLU,) two 1×1 convolutions of every second cell, the other one shifted by one cell
    /// down and right, joined on channels, norm. Halves the plane.
    FactorizedReduction {
        /// Whether a ReLU comes first.
        relu: bool,
    },
    /// Zeros around a plane, as many before it as behind it; an odd one more goes to the end.
    Pad {
        /// Rows and columns of what it writes, at least those that it reads.
        sides: [usize; 2],
    },
    /// The sum of two tensors.
    Add,
    /// Join on channels, ReLU, 1×1 convolution to the channels of one input, norm. Each input
    /// brings its own rows of the convolution's weights, and none comes twice.
    Gather,
    /// Join on channels.
    Concat,
    /// As many zeros as its input has values: what stands for a node that a child does not join.
    Zeros,
    /// In training, drops the whole tensor of an image and scales the others up.
    DropPath {
        /// Share of the depth of the net at this cell, in (0, 1].
        depth: f64,
    },
    /// ReLU, average over all windows of 5×5 (or the whole plane where it is smaller), stride 3.
    AuxPool,
    /// ReLU, average of the plane, dropout, linear without bias.
    Head {
        /// Share of features that the dropout keeps.
        dropout_keep: f64,
    },
    /// The features of a word.
    Embed {
        /// Share of the words that training drops.
        drop_words: f64,
        /// Share of the features that it drops.
        drop: f64,
    },
    /// A cell, [`Layer::cell`], unrolled over the words.
    Recurrent {
        /// Share of the features that node 0, or a leaf, does not see of a word, in training.
        drop_input: f64,
        /// Share of the features that nodes do not see of states.
        drop_state: f64,
        /// Share of the weights, but for those that read words, that it does without.
        drop_weights: f64,
        /// Weight, in the loss, of the mean square of the states.
        activation_weight: f64,
        /// Weight of the mean square of the difference of two states in a row.
        slowness_weight: f64,
    },
    /// Dropout, and the product with the embedding's features of each word.
    TiedSoftmax {
        /// Share of the features that training drops.
        drop: f64,
    },
}

impl LayerKind {
    /// (ReLU,) dense convolution of a square kernel at stride 1, norm.
    pub const fn conv(kernel: usize, relu: bool) -> Self {
        Self::Conv { window: Window::same(kernel, 1), relu }
    }
}

/// One layer of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What it computes.
    pub kind: LayerKind,
    /// The tensors it reads.
    pub inputs: Vec<TensorId>,
    /// Their shapes.
    pub input_shapes: Vec<Shape>,
    /// The shape it writes.
    pub output: Shape,
    /// Start of its parameters' names.
    pub path: String,
    /// For [`LayerKind::Gather`]: start of the names of each input's weights, in the same order.
    pub rows: Vec<String>,
    /// For [`LayerKind::Recurrent`]: the cell.
    pub cell: Option<WordCell>,
    /// Whether it belongs to the auxiliary head, which only training runs.
    pub aux: bool,
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Normal with variance `2 / fan_in`, truncated at two standard deviations (He et al.).
    HeNormal {
        /// Products summed to one output value.
        fan_in: usize,
    },
    /// Uniform from -0.04 to 0.04 (`enas_lm`).
    Uniform,
    /// All ones.
    Ones,
    /// All zeros.
    Zeros,
}

/// A parameter's shape and how it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Sides of the tensor.
    pub dims: Vec<usize>,
    /// How it starts.
    pub init: Init,
}

impl ParamSpec {
    fn weight(dims: &[usize], fan_in: usize) -> Self {
        Self { dims: dims.to_vec(), init: Init::HeNormal { fan_in } }
    }

    /// Values of the tensor.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether the tensor has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Layer {
    /// The window that the layer slides over its input, where it has one.
    pub fn window(&self) -> Option<Window> {
        match self.kind {
            LayerKind::Conv { window, .. } => Some(window),
            LayerKind::SepConv { kernel, stride } => Some(Window::same(kernel, stride)),
            LayerKind::AvgPool { stride } | LayerKind::MaxPool { stride } => {
                Some(Window::same(3, stride))
            }
            LayerKind::AuxPool => Some(aux_window(self.input_shapes[0])),
            _ => None,
        }
    }

    /// For [`LayerKind::Pad`]: rows above and columns left of its input.
    pub fn pads_before(&self) -> [usize; 2] {
        let Shape { height, width, .. } = self.input_shapes[0];
        [(self.output.height - height) / 2, (self.output.width - width) / 2]
    }

    /// Start of the names of the scale, of the offset, and of the running mean and variance of the
    /// layer's batch normalization, where it has one.
    pub fn norm_path(&self) -> Option<String> {
        match self.kind {
            LayerKind::Conv { .. }
            | LayerKind::SepConv { .. }
            | LayerKind::FactorizedReduction { .. }
            | LayerKind::Gather => Some(format!("{}.norm", self.path)),
            _ => None,
        }
    }

    /// The names of the mean and of the variance of its batch normalization, where it has one; each
    /// has a number for every output channel.
    pub fn statistics(&self) -> Option<[String; 2]> {
        let norm = self.norm_path()?;
        Some(["mean", "variance"].map(|name| format!("{norm}.{name}")))
    }

    /// The trainable parameters that the layer reads, in a fixed order.
    pub fn params(&self) -> Vec<(String, ParamSpec)> {
        let (c_in, c_out) = (self.input_shapes[0].channels, self.output.channels);
        let named = |name: &str, dims: &[usize], fan_in| {
            (format!("{}.{name}", self.path), ParamSpec::weight(dims, fan_in))
        };
        let mut params = match self.kind {
            LayerKind::Conv { window, .. } => {
                let dims = [c_out, c_in, window.rows.kernel, window.columns.kernel];
                vec![named("weight", &dims, c_in * window.area())]
            }
            LayerKind::SepConv { kernel, .. } => vec![
                named("depthwise", &[c_in, kernel, kernel], kernel * kernel),
                named("pointwise", &[c_out, c_in], c_in),
            ],
            LayerKind::FactorizedReduction { .. } => vec![
                named("even", &[c_out / 2, c_in], c_in),
                named("odd", &[c_out - c_out / 2, c_in], c_in),
            ],
            LayerKind::Gather => {
                // The fan-in of one input: how many are gathered differs from child to child.
                let spec = ParamSpec::weight(&[c_out, c_in], c_in);
                self.rows.iter().map(|path| (format!("{path}.weight"), spec.clone())).collect()
            }
            LayerKind::Head { .. } => vec![named("weight", &[c_out, c_in], c_in)],
            LayerKind::Embed { .. } => vec![uniform(&self.path, [c_in, c_out])],
            LayerKind::TiedSoftmax { .. } => vec![uniform(&self.path, [c_out, c_in])],
            LayerKind::Recurrent { .. } => {
                let input = self.cell.iter().map(|cell| {
                    let path = format!("{}.{}", self.path, cell.input());
                    uniform(&path, [2 * c_in, cell.width() * c_in])
                });
                let nodes = self.cell.iter().flat_map(WordCell::nodes);
                input.chain(nodes.map(|node| uniform(&node.path, [c_in, 2 * c_in]))).collect()
            }
            _ => Vec::new(),
        };
        if let Some(norm) = self.norm_path() {
            let spec = |init| ParamSpec { dims: vec![c_out], init };
            params.push((format!("{norm}.scale"), spec(Init::Ones)));
            params.push((format!("{norm}.offset"), spec(Init::Zeros)));
        }
        params
    }

    /// Multiplications that are added up, for one image or word. Norms, sums, pools and gates count
    /// none.
    pub fn multiply_adds(&self) -> u64 {
        let plane = self.output.plane() as u64;
        let (c_in, c_out) = (self.input_shapes[0].channels as u64, self.output.channels as u64);
        match self.kind {
            LayerKind::Conv { window, .. } => plane * c_in * c_out * window.area() as u64,
            LayerKind::SepConv { kernel, .. } => {
                plane * (c_in * (kernel * kernel) as u64 + c_in * c_out)
            }
            LayerKind::FactorizedReduction { .. } => plane * c_in * c_out,
            LayerKind::Gather => plane * c_in * c_out * self.inputs.len() as u64,
            LayerKind::Head { .. } | LayerKind::TiedSoftmax { .. } => c_in * c_out,
            LayerKind::Recurrent { .. } => {
                let of = |cell: &WordCell| 2 * (cell.width() + cell.nodes().len()) as u64;
                self.cell.as_ref().map_or(0, of) * c_in * c_in
            }
            _ => 0,
        }
    }
}

/// Weights of a net of words.
fn uniform(path: &str, dims: [usize; 2]) -> (String, ParamSpec) {
    (format!("{path}.weight"), ParamSpec { dims: dims.to_vec(), init: Init::Uniform })
}

/// The 5×5 window of the auxiliary head, shrunk to the plane where that is smaller.
pub(super) fn aux_window(shape: Shape) -> Window {
    let kernel = 5.min(shape.height).min(shape.width);
    Window::valid(kernel, 3)
}
