//! The nets of NAS: the filters of every layer, and which earlier layers it reads (Zoph and Le,
//! 2016, sections 3.2 and 3.3).
//!
//! ```text
//! layer i    reads the layers that it is linked to, joined on channels; the image where it is
//!            linked to none
//! filters    1, 3, 5 or 7 rows and as many columns; 24, 36, 48 or 64 of them; where strides are
//!            searched, 1, 2 or 3 from row to row and from column to column
//! head       reads the layers that no other reads, joined on channels
//! ```
//!
//! Planes that differ are filled up with zeros to the largest before they are joined. The script of
//! a layer is *pick* for each of its numbers, then *link*: a layer has an anchor of its own, by which
//! later ones decide whether they read it (the paper's anchor points).
//!
//! Departure from other spaces here: layers that do not read each other might change places, and
//! both spellings are the same net but for the order of its channels; no spelling stands for the
//! other, so each has an id of its own.

mod native;
mod sketch;

use std::ops::RangeInclusive;

use crate::space::config::LAYERS;
use crate::space::fact::row;
use crate::space::{
    Arch, Choice, CnnError, Decision, Fact, Form, Menu, Script, SearchSpace, Size, Sketch, Space,
    SpaceError, Step, Write,
};

/// The numbers of a layer, with the numbers that each may be.
struct Numbers<const N: usize> {
    menu: Menu,
    values: [usize; N],
    /// How an error speaks of a layer's.
    what: &'static str,
}

/// Rows of a filter.
static HEIGHT: Numbers<4> = Numbers {
    menu: Menu { name: "filter_height", options: &["1", "3", "5", "7"] },
    values: [1, 3, 5, 7],
    what: "a filter height of",
};

/// Columns of a filter.
static WIDTH: Numbers<4> = Numbers {
    menu: Menu { name: "filter_width", options: &["1", "3", "5", "7"] },
    values: [1, 3, 5, 7],
    what: "a filter width of",
};

/// From row to row.
static STRIDE_HEIGHT: Numbers<3> = Numbers {
    menu: Menu { name: "stride_height", options: &["1", "2", "3"] },
    values: [1, 2, 3],
    what: "a stride height of",
};

/// From column to column.
static STRIDE_WIDTH: Numbers<3> = Numbers {
    menu: Menu { name: "stride_width", options: &["1", "2", "3"] },
    values: [1, 2, 3],
    what: "a stride width of",
};

/// How many filters.
static FILTERS: Numbers<4> = Numbers {
    menu: Menu { name: "filters", options: &["24", "36", "48", "64"] },
    values: [24, 36, 48, 64],
    what: "a number of filters of",
};

impl<const N: usize> Numbers<N> {
    /// The choice of the number `found` of a layer.
    fn choice(&'static self, layer: usize, found: usize) -> Result<Choice, SpaceError> {
        let place = self.values.iter().position(|value| *value == found);
        let (what, known) = (self.what, self.menu.options);
        let place = place.ok_or(SpaceError::Cnn(CnnError::Option { layer, what, found, known }));
        Ok(place? as Choice)
    }
}

const FORMS: &[Form] = &[Form {
    name: "native",
    example: "layers=[3x5x36, 3x3x48(0), …]",
    recognize: native::looks_like,
    read: native::read,
    write: Write::Always(native::write),
}];

/// The space of NAS's nets with a given number of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NasCnn {
    /// Invariant: within [`NasCnn::LAYER_RANGE`].
    n_layers: usize,
    strides: bool,
}

/// Twelve layers, whose strides are 1.
impl Default for NasCnn {
    fn default() -> Self {
        Self { n_layers: 12, strides: false }
    }
}

/// One layer of a net.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CnnLayer {
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// From row to row, and from column to column.
    pub stride: [usize; 2],
    /// How many filters, as they are published; a net may have fewer or more, in proportion.
    pub filters: usize,
    /// The earlier layers that it reads, in order; the image where there are none.
    pub inputs: Vec<usize>,
}

impl NasCnn {
    /// The net of fifteen layers without strides and pooling that the authors published (figure 7).
    /// With as many filters as they have it has 4.2 million parameters, as they say.
    pub const PUBLISHED: &'static str = "layers=[3x3x36, 3x3x48(0), 3x3x36(0,1), 5x5x36(0,1,2), \
        3x7x48(2,3), 7x7x48(1,2,3,4), 7x7x48(1,2,3,4,5), 7x3x36(0,5,6), 7x1x36(0,4,5,7), \
        7x7x36(0,2,3,4,5,6,7,8), 5x7x36(0,1,4,5,6,7,8,9), 7x7x48(0,1,2,3,5,10), \
        7x5x48(0,2,5,6,7,8,9,10,11), 7x5x48(2,6,11,12), 7x5x48(5,6,10,11,12,13)]";

    /// The fewest and the most layers.
    pub const LAYER_RANGE: RangeInclusive<usize> = LAYERS;

    /// The longest id: of 22 layers whose strides are searched.
    const LONGEST_ID: usize = 96;

    /// The space of nets with `n_layers` layers, 3 to 22, whose strides are searched or 1.
    pub fn new(n_layers: usize, strides: bool) -> Result<Self, SpaceError> {
        if Self::LAYER_RANGE.contains(&n_layers) {
            Ok(Self { n_layers, strides })
        } else {
            Err(SpaceError::Cnn(CnnError::LayerCount { found: n_layers }))
        }
    }

    /// The same space of nets with another number of layers.
    pub fn with_layers(self, n_layers: usize) -> Result<Self, SpaceError> {
        Self::new(n_layers, self.strides)
    }

    /// The net of these layers. Inputs may stand in any order. Where strides are not searched, those
    /// of `layers` say nothing.
    pub fn arch(layers: &[CnnLayer], strides: bool) -> Result<Arch, SpaceError> {
        let space = Self::new(layers.len(), strides)?;
        let mut choices = Vec::new();
        for (layer, CnnLayer { kernel, stride, filters, inputs }) in layers.iter().enumerate() {
            if let Some(&from) = inputs.iter().find(|&&from| layer <= from) {
                return Err(SpaceError::Cnn(CnnError::Forward { layer, from }));
            }
            choices.push(HEIGHT.choice(layer, kernel[0])?);
            choices.push(WIDTH.choice(layer, kernel[1])?);
            if strides {
                choices.push(STRIDE_HEIGHT.choice(layer, stride[0])?);
                choices.push(STRIDE_WIDTH.choice(layer, stride[1])?);
            }
            choices.push(FILTERS.choice(layer, *filters)?);
            choices.extend((0..layer).map(|from| Choice::from(inputs.contains(&from))));
        }
        Ok(Arch::checked(Space::NasCnn(space), choices))
    }

    /// The layers of a net of this space, of any number of layers; nothing of another architecture.
    pub fn layers(arch: &Arch) -> Option<Vec<CnnLayer>> {
        match arch.space() {
            Space::NasCnn(space) => Some(space.spelled(arch.choices())),
            _ => None,
        }
    }

    /// The layers that no other of `layers` reads, in order.
    pub fn unread(layers: &[CnnLayer]) -> Vec<usize> {
        let is_unread = |at: &usize| layers.iter().all(|layer| !layer.inputs.contains(at));
        (0..layers.len()).filter(is_unread).collect()
    }

    /// The layers that `choices` spell.
    fn spelled(self, choices: &[Choice]) -> Vec<CnnLayer> {
        let mut choices = choices.iter().map(|&choice| choice as usize);
        let mut next = || choices.next().expect("an architecture answers the whole script");
        let mut layers = Vec::new();
        for layer in 0..self.n_layers {
            let kernel = [HEIGHT.values[next()], WIDTH.values[next()]];
            let mut stride = [1, 1];
            if self.strides {
                stride = [STRIDE_HEIGHT.values[next()], STRIDE_WIDTH.values[next()]];
            }
            let filters = FILTERS.values[next()];
            let inputs = (0..layer).filter(|_| next() == 1).collect();
            layers.push(CnnLayer { kernel, stride, filters, inputs });
        }
        layers
    }
}

impl SearchSpace for NasCnn {
    fn name(&self) -> &'static str {
        "nas_cnn"
    }

    fn about(&self) -> &'static str {
        "Every layer of a convolutional net: the sides and the number of its filters, and the earlier \
         layers that it reads (Zoph and Le, 2016, section 3)"
    }

    fn size(&self) -> String {
        let strides = if self.strides { " and strides" } else { "" };
        format!("{} layers{strides}", self.n_layers)
    }

    fn depth(&self) -> Option<usize> {
        Some(self.n_layers)
    }

    fn published(&self) -> Result<Arch, SpaceError> {
        let net = native::layers(Self::PUBLISHED)?;
        let cut = net.get(..self.n_layers).ok_or(SpaceError::Unpublished {
            of: "a net",
            parts: "layers",
            asked: self.n_layers,
            most: net.len(),
        })?;
        Self::arch(cut, self.strides)
    }

    fn tag(&self) -> String {
        format!("{}{}", if self.strides { 's' } else { 'c' }, self.n_layers)
    }

    fn longest_id(&self) -> usize {
        Self::LONGEST_ID
    }

    fn parts(&self) -> &'static [&'static str] {
        &["layers"]
    }

    fn script(&self) -> Script {
        let strides = [&STRIDE_HEIGHT.menu, &STRIDE_WIDTH.menu];
        let strides = &strides[..if self.strides { strides.len() } else { 0 }];
        let menus = [&[&HEIGHT.menu, &WIDTH.menu], strides, &[&FILTERS.menu]].concat();
        let mut steps = vec![Step::Begin { part: 0, inputs: 0 }];
        for earlier in 0..self.n_layers {
            let picks = menus.iter().map(|menu| Step::Ask(Decision::Pick { part: 0, menu }));
            steps.extend(picks);
            steps.push(Step::Ask(Decision::Link { part: 0, earlier }));
        }
        Script(steps)
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let layers = self.spelled(choices);
        let links: usize = layers.iter().map(|layer| layer.inputs.len()).sum();
        let most = layers.len() * (layers.len() - 1) / 2;
        let of_image = (0..layers.len()).filter(|&layer| layers[layer].inputs.is_empty());
        vec![
            Fact::new("layers", layers.len()),
            Fact::new("filters", layers.iter().map(|layer| layer.filters).sum::<usize>()),
            Fact::new("links", format!("{links} of {most}")),
            Fact::new("layers of the image", row(&of_image.collect::<Vec<_>>())),
            Fact::new("layers that no other reads", row(&Self::unread(&layers))),
        ]
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        vec![sketch::sketch(&self.spelled(choices))]
    }

    fn sizes(&self) -> Vec<Size> {
        let of = if self.strides {
            "architectures, 576^L·2^(L(L−1)/2)"
        } else {
            "architectures, 64^L·2^(L(L−1)/2)"
        };
        vec![Size::product(of, self.script().options())]
    }
}

#[cfg(test)]
mod tests;
