//! The search spaces: a closed set, and what each of them says about itself.

use std::fmt;

use crate::space::{
    Arch, Choice, Fact, Form, MicroSpace, NasCnn, NasRnn, Nasbench201, Nasnet, Recurrent, Script,
    Size, Sketch, SpaceConfig, SpaceError, SpaceKind, WholeNet,
};

/// A search space of a given size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Two cells, stacked (ENAS, section 2.4).
    Micro(MicroSpace),
    /// All layers of the net and their skip connections (ENAS, section 2.3).
    WholeNet(WholeNet),
    /// The recurrent cell of a net that reads words (ENAS, section 2.1).
    Recurrent(Recurrent),
    /// The filters of every layer, and the layers that it reads (Zoph and Le, 2016).
    NasCnn(NasCnn),
    /// The recurrent cell of a net that reads words as a tree (Zoph & Le, section 3.4).
    NasRnn(NasRnn),
    /// Two cells of blocks, stacked (Zoph et al., 2018).
    Nasnet(Nasnet),
    /// The cell of NAS-Bench-201, for tables (Dong and Yang, 2020).
    Nasbench201(Nasbench201),
}

impl Space {
    /// The space that `config` says.
    pub fn new(config: &SpaceConfig) -> Result<Self, SpaceError> {
        match config.kind {
            SpaceKind::Micro => MicroSpace::new(config.nodes).map(Self::Micro),
            SpaceKind::WholeNet => WholeNet::new(config.layers).map(Self::WholeNet),
            SpaceKind::Recurrent => Recurrent::new(config.recurrent_nodes).map(Self::Recurrent),
            SpaceKind::NasCnn => NasCnn::new(config.layers, config.strides).map(Self::NasCnn),
            SpaceKind::NasRnn => NasRnn::new(config.leaves).map(Self::NasRnn),
            SpaceKind::Nasnet => Nasnet::new(config.blocks).map(Self::Nasnet),
            SpaceKind::Nasbench201 => Ok(Self::Nasbench201(Nasbench201)),
        }
    }

    /// One space of each kind, of the size that is the default.
    pub fn each() -> [Self; SpaceKind::ALL.len()] {
        [
            Self::Micro(MicroSpace::default()),
            Self::WholeNet(WholeNet::default()),
            Self::Recurrent(Recurrent::default()),
            Self::NasCnn(NasCnn::default()),
            Self::NasRnn(NasRnn::default()),
            Self::Nasnet(Nasnet::default()),
            Self::Nasbench201(Nasbench201),
        ]
    }

    /// What the space says about itself.
    pub fn rules(&self) -> &dyn SearchSpace {
        match self {
            Self::Micro(space) => space,
            Self::WholeNet(space) => space,
            Self::Recurrent(space) => space,
            Self::NasCnn(space) => space,
            Self::NasRnn(space) => space,
            Self::Nasnet(space) => space,
            Self::Nasbench201(space) => space,
        }
    }

    /// The name used in configs and on the wire.
    pub fn name(&self) -> &'static str {
        self.rules().name()
    }

    /// The space of the same kind whose architectures have so many layers; itself where their
    /// number is the net's.
    pub fn with_layers(self, layers: usize) -> Result<Self, SpaceError> {
        match self {
            Self::Micro(_)
            | Self::Recurrent(_)
            | Self::NasRnn(_)
            | Self::Nasnet(_)
            | Self::Nasbench201(_) => Ok(self),
            Self::WholeNet(_) => WholeNet::new(layers).map(Self::WholeNet),
            Self::NasCnn(space) => space.with_layers(layers).map(Self::NasCnn),
        }
    }

    /// What a policy is asked to spell one architecture.
    pub fn script(&self) -> Script {
        self.rules().script()
    }

    /// The architecture that `choices` spell, in the script's order.
    pub fn arch(self, choices: &[Choice]) -> Result<Arch, SpaceError> {
        self.script().check(choices)?;
        Ok(Arch::checked(self, choices.to_vec()))
    }

    /// The architecture of which every choice is the first, where any will do.
    pub fn first_arch(self) -> Arch {
        Arch::checked(self, vec![0; self.script().options().count()])
    }

    /// The space whose ids begin with `tag`, or why there is none of that size; nothing where no
    /// ids begin so.
    pub(super) fn tagged(tag: &str) -> Option<Result<Self, SpaceError>> {
        let (kind, size) = tag.split_at_checked(1)?;
        let size = Some(size).filter(|size| size.bytes().all(|c| c.is_ascii_digit()));
        let size = size?.parse().ok()?;
        match kind {
            "m" => Some(MicroSpace::new(size).map(Self::Micro)),
            "w" => Some(WholeNet::new(size).map(Self::WholeNet)),
            "n" => Some(Nasnet::new(size).map(Self::Nasnet)),
            "r" => Some(Recurrent::new(size).map(Self::Recurrent)),
            "c" => Some(NasCnn::new(size, false).map(Self::NasCnn)),
            "s" => Some(NasCnn::new(size, true).map(Self::NasCnn)),
            "b" => Some(Ok(Self::Nasbench201(Nasbench201::of_nodes(size)?))),
            "t" => Some(NasRnn::new(size).map(Self::NasRnn)),
            _ => None,
        }
    }
}

/// `micro with 5 nodes`
impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.name(), self.rules().size())
    }
}

/// What a search space says about itself: one file of this folder for each.
pub trait SearchSpace {
    /// The name used in configs and on the wire.
    fn name(&self) -> &'static str;

    /// What it is, in a sentence.
    fn about(&self) -> &'static str;

    /// Its size, as in `5 nodes`.
    fn size(&self) -> String;

    /// How many layers an architecture spells; nothing where their number is the net's.
    fn depth(&self) -> Option<usize> {
        None
    }

    /// The architecture that the authors published. One of layers is cut to those of this space.
    fn published(&self) -> Result<Arch, SpaceError>;

    /// How ids begin: a letter of its own and its size, as in `m5`.
    fn tag(&self) -> String;

    /// The longest exact id, in characters; what is longer becomes a hash.
    fn longest_id(&self) -> usize {
        64
    }

    /// The parts of an architecture, in the order in which the policy spells them.
    fn parts(&self) -> &'static [&'static str];

    /// What a policy is asked to spell one architecture.
    fn script(&self) -> Script;

    /// The choices that stand for all that spell the same architecture as `choices`.
    fn canonical(&self, choices: &[Choice]) -> Vec<Choice> {
        choices.to_vec()
    }

    /// The choices of the script in the order in which an id counts them, the most significant
    /// first.
    fn id_order(&self) -> Vec<usize> {
        (0..self.script().options().count()).collect()
    }

    /// Its text forms, the native one first.
    fn forms(&self) -> &'static [Form];

    /// What is worth telling of an architecture beside its texts.
    fn facts(&self, choices: &[Choice]) -> Vec<Fact>;

    /// An architecture as drawings see it, a graph for each part.
    fn sketch(&self, choices: &[Choice]) -> Vec<Sketch>;

    /// How many architectures it has, by each way to count.
    fn sizes(&self) -> Vec<Size>;
}
