//! The whole-net space: the operation of every layer, and which earlier tensors each layer takes in
//! by skip connections (ENAS, section 2.3, "macro").
//!
//! ```text
//! stem ─► layer 0 ─► layer 1 ─► … ─► layer L−1 ─► head
//! layer i reads layer i−1, and joins what it makes of it with the tensors it skips from:
//!         the stem and layers 0 to i−2
//! ```
//!
//! After layers L/3 − 1 and 2·(L/3) − 1 every tensor is halved. The script of a layer is *pick,
//! link*. The authors' bit j of layer i stands for the stem (j = 0) or layer j − 1; their
//! controller's anchor j is that of layer j.

mod katib;
mod native;
mod op;
mod rows;

pub use op::LayerOp;

use std::ops::RangeInclusive;

use crate::space::{
    Arch, Choice, Decision, Fact, Form, Link, Menu, Script, SearchSpace, Size, Sketch, Space,
    SpaceError, Step, Vertex, VertexRole, Write, numbers,
};

/// The operations of a layer.
static LAYER: Menu = Menu { name: "layer", options: &LayerOp::NAMES };

const FORMS: &[Form] = &[
    Form {
        name: "native",
        example: "layers=[op, op(stem), op(stem+0), …]",
        recognize: native::looks_like,
        read: native::read,
        write: Write::Always(native::write),
    },
    Form {
        name: "katib",
        example: "[[0], [3, 0], …] {'embedding': …}",
        recognize: katib::looks_like,
        read: katib::read,
        write: Write::Never,
    },
    Form {
        name: Form::NUMBERS,
        example: "0 3 0 0 1 0 …",
        recognize: numbers::looks_like,
        read: rows::read,
        write: Write::Always(rows::write),
    },
    Form {
        name: "rows",
        example: "0⏎3 0⏎0 1 0⏎…",
        recognize: numbers::looks_like,
        read: rows::read,
        write: Write::Always(rows::write_lines),
    },
];

/// The whole-net space of nets with a given number of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WholeNet {
    /// Invariant: within [`WholeNet::LAYER_RANGE`].
    n_layers: usize,
}

/// Twelve layers, as in the authors' search.
impl Default for WholeNet {
    fn default() -> Self {
        Self { n_layers: 12 }
    }
}

/// One layer of a net.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetLayer {
    /// What it does with the layer before, or with the stem.
    pub op: LayerOp,
    /// The tensors that it skips from, in order: 0 is the stem, j + 1 is layer j.
    pub skips: Vec<usize>,
}

impl WholeNet {
    /// The net of 24 layers that the authors published, a line a layer.
    pub const PUBLISHED: &'static str = "0
3 0
0 1 0
2 0 0 1
2 0 0 0 0
3 1 1 0 1 0
2 0 0 0 0 0 1
2 0 1 1 0 1 1 1
1 0 1 1 1 0 1 0 1
0 0 0 0 0 0 0 0 0 0
2 0 0 0 0 0 1 0 0 0 0
0 1 0 0 1 1 0 0 0 0 1 1
2 0 1 0 0 0 0 0 1 0 1 1 0
1 0 0 1 0 0 0 1 1 1 0 1 0 1
0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1
2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1
3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1
0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0";

    /// The fewest and the most layers: every third is to have one.
    pub const LAYER_RANGE: RangeInclusive<usize> = 3..=40;

    /// The space of nets with `n_layers` layers, 3 to 40.
    pub fn new(n_layers: usize) -> Result<Self, SpaceError> {
        if Self::LAYER_RANGE.contains(&n_layers) {
            Ok(Self { n_layers })
        } else {
            Err(SpaceError::LayerCount { found: n_layers })
        }
    }

    /// Layers of a net.
    pub fn n_layers(self) -> usize {
        self.n_layers
    }

    /// The two layers after which every tensor is halved.
    pub fn reductions(self) -> [usize; 2] {
        let distance = self.n_layers / 3;
        [distance - 1, 2 * distance - 1]
    }

    /// The net of these layers. Skips may stand in any order.
    pub fn arch(layers: &[NetLayer]) -> Result<Arch, SpaceError> {
        let space = Self::new(layers.len())?;
        let mut choices = Vec::new();
        for (layer, NetLayer { op, skips }) in layers.iter().enumerate() {
            if let Some(&tensor) = skips.iter().find(|&&tensor| layer <= tensor) {
                let from = match tensor {
                    0 => "`stem`".to_owned(),
                    _ => format!("layer {}", tensor - 1),
                };
                return Err(SpaceError::ForwardSkip { layer, from });
            }
            choices.push(op.idx() as Choice);
            choices.extend((0..layer).map(|tensor| Choice::from(skips.contains(&tensor))));
        }
        Ok(Arch::checked(Space::WholeNet(space), choices))
    }

    /// The layers of a net of a whole-net space; nothing of another architecture.
    pub fn layers(arch: &Arch) -> Option<Vec<NetLayer>> {
        matches!(arch.space(), Space::WholeNet(_)).then(|| spelled(arch.choices()))
    }
}

/// The layers that `choices` spell.
fn spelled(choices: &[Choice]) -> Vec<NetLayer> {
    let (mut layers, mut rest) = (Vec::new(), choices);
    while let Some((&op, after)) = rest.split_first() {
        let (bits, after) = after.split_at(layers.len());
        let kept = bits.iter().enumerate().filter(|&(_, &bit)| bit == 1);
        let skips = kept.map(|(tensor, _)| tensor).collect();
        layers.push(NetLayer { op: LayerOp::ALL[op as usize], skips });
        rest = after;
    }
    layers
}

/// The layers of an architecture that one of this space's forms writes.
fn layers(arch: &Arch) -> Vec<NetLayer> {
    WholeNet::layers(arch).expect("a form writes architectures of its own space")
}

/// A tensor as texts name it: `stem`, or the number of a layer.
fn tensor_name(tensor: usize) -> String {
    if tensor == 0 { "stem".to_owned() } else { (tensor - 1).to_string() }
}

impl SearchSpace for WholeNet {
    fn name(&self) -> &'static str {
        "whole_net"
    }

    fn about(&self) -> &'static str {
        "Every layer of the net: its operation, and the earlier tensors that it takes in by skip \
         connections (ENAS, section 2.3, \"macro\")"
    }

    fn size(&self) -> String {
        format!("{} layers", self.n_layers)
    }

    fn depth(&self) -> Option<usize> {
        Some(self.n_layers)
    }

    fn published(&self) -> Result<Arch, SpaceError> {
        let (asked, most) = (self.n_layers, Self::PUBLISHED.lines().count());
        if most < asked {
            return Err(SpaceError::Unpublished { of: "a net", parts: "layers", asked, most });
        }
        let lines: Vec<&str> = Self::PUBLISHED.lines().take(asked).collect();
        rows::read(&lines.join("\n"))
    }

    fn tag(&self) -> String {
        format!("w{}", self.n_layers)
    }

    fn parts(&self) -> &'static [&'static str] {
        &["layers"]
    }

    fn script(&self) -> Script {
        let mut steps = vec![Step::Begin { part: 0, inputs: 0 }];
        for earlier in 0..self.n_layers {
            steps.push(Step::Ask(Decision::Pick { part: 0, menu: &LAYER }));
            steps.push(Step::Ask(Decision::Link { part: 0, earlier }));
        }
        Script(steps)
    }

    fn forms(&self) -> &'static [Form] {
        FORMS
    }

    fn facts(&self, choices: &[Choice]) -> Vec<Fact> {
        let layers = spelled(choices);
        let mut facts = vec![Fact::new("layers", layers.len())];
        for op in LayerOp::ALL {
            facts.push(Fact::new(op.name(), layers.iter().filter(|l| l.op == op).count()));
        }
        let skips: usize = layers.iter().map(|layer| layer.skips.len()).sum();
        let most = layers.len() * (layers.len() - 1) / 2;
        facts.push(Fact::new("skip connections", format!("{skips} of {most}")));
        facts
    }

    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch> {
        vec![sketch(&spelled(choices), self.reductions())]
    }

    fn sizes(&self) -> Vec<Size> {
        vec![Size::product("architectures, 6^L·2^(L(L−1)/2)", self.script().options())]
    }
}

/// ```text
/// vertices  0             the stem
///           1 … L         the layers; layer i is vertex i + 1
///           L+1           the head
/// ```
fn sketch(layers: &[NetLayer], reductions: [usize; 2]) -> Sketch {
    let mut vertices = vec![Vertex::new("stem", "stem", VertexRole::Input)];
    let mut links = Vec::new();
    for (layer, NetLayer { op, skips }) in layers.iter().enumerate() {
        let number = layer.to_string();
        let mut caption = vec![LayerOp::SHORT_NAMES[op.idx()].to_owned()];
        if !skips.is_empty() {
            caption.push("with".to_owned());
            caption.extend(skips.iter().map(|&tensor| tensor_name(tensor)));
        }
        vertices.push(Vertex {
            op: Some(op.idx() as Choice),
            join: if skips.is_empty() { "" } else { "concat" },
            note: if reductions.contains(&layer) { "halves all" } else { "" },
            caption,
            ..Vertex::new(&number, &number, VertexRole::Node)
        });
        // A layer's main input comes last, as in the net.
        let reads = skips.iter().copied().chain([layer]);
        links.extend(reads.map(|from| Link { from, to: layer + 1, op: None }));
    }
    let head = vertices.len();
    vertices.push(Vertex::new("out", "head", VertexRole::Output));
    links.push(Link { from: head - 1, to: head, op: None });
    let ops = &LayerOp::SHORT_NAMES;
    Sketch { title: format!("net of {} layers", layers.len()), ops, vertices, links }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = WholeNet::PUBLISHED;

    fn sizes(n_layers: usize) -> String {
        WholeNet::new(n_layers).unwrap().sizes()[0].count.clone()
    }

    // enas-spec, section 9.2.
    #[test]
    fn the_space_has_the_published_size() {
        assert_eq!(sizes(12), "160618186625454535808756219904");
        let largest = sizes(24);
        assert_eq!((&largest[..6], largest.len()), ("575319", 102));
    }

    // enas-spec, section 9.3.
    #[test]
    fn the_uniform_policy_has_the_published_negative_log_probability() {
        let script = WholeNet::default().script();
        let nll: f64 = script.options().map(|options| (options as f64).ln()).sum();
        assert!((nll - 67.248_828).abs() < 1e-6, "{nll}");
    }

    #[test]
    fn the_published_net_is_told_as_the_authors_wrote_it() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        let facts: Vec<_> =
            arch.facts().into_iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
        assert_eq!(
            facts,
            [
                "layers: 24",
                "conv_3x3: 8",
                "sep_conv_3x3: 2",
                "conv_5x5: 9",
                "sep_conv_5x5: 5",
                "avg_pool_3x3: 0",
                "max_pool_3x3: 0",
                "skip connections: 98 of 276",
            ]
        );
        let native = "layers=[conv_3x3, sep_conv_5x5, conv_3x3(stem), conv_5x5(1), conv_5x5, \
                      sep_conv_5x5(stem+0+2), ";
        assert!(arch.to_string().starts_with(native), "{arch}");
    }

    #[test]
    fn reductions_are_the_authors() {
        let reductions = |n| WholeNet::new(n).unwrap().reductions();
        assert_eq!([reductions(12), reductions(24), reductions(3)], [[3, 7], [7, 15], [0, 1]]);
    }

    /// A long id is a hash; short ones are exact. The text is a promise to every state folder.
    #[test]
    fn ids_are_exact_up_to_twenty_two_layers() {
        let of = |n_layers: usize| {
            let space = WholeNet::new(n_layers).unwrap();
            let choices: Vec<_> = space.script().options().map(|n| n as Choice - 1).collect();
            Space::WholeNet(space).arch(&choices).unwrap()
        };
        for n_layers in [3, 12, 22] {
            let arch = of(n_layers);
            assert_eq!(arch.id().parse::<Arch>().as_ref(), Ok(&arch));
        }
        assert_eq!(of(3).id(), "w3-1nz");
        let id = of(24).id();
        assert!(id.starts_with("w24h-") && id.len() == 31, "{id}");
        let err = id.parse::<Arch>().unwrap_err();
        assert_eq!(err, SpaceError::HashedId { id: id.clone() });
        let words = "at most 22 layers; give the text of the architecture";
        assert!(err.to_string().contains(words), "{err}");
        assert_ne!(PUBLISHED.parse::<Arch>().unwrap().id(), id);
    }
}
