//! An architecture: the choices that answer a space's script.

use std::fmt;
use std::str::FromStr;

use crate::space::{
    Cell, CellKind, Choice, MicroSpace, Script, SpaceError, canonical, flat, native, text,
};

/// A search space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Two cells, stacked (ENAS, section 2.4).
    Micro(MicroSpace),
}

impl Space {
    /// The name used in configs and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micro(_) => "micro",
        }
    }

    /// What a policy is asked to spell one architecture.
    pub fn script(self) -> Script {
        match self {
            Self::Micro(space) => space.script(),
        }
    }

    /// The architecture that `choices` spell, in the script's order.
    pub fn arch(self, choices: &[Choice]) -> Result<Arch, SpaceError> {
        self.script().check(choices)?;
        Ok(Arch { space: self, choices: choices.to_vec() })
    }
}

/// A complete description of a child, valid by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arch {
    space: Space,
    /// Invariant: answers the space's script, every choice within its options.
    choices: Vec<Choice>,
}

impl Arch {
    /// The architecture made of two cells of the same size.
    pub fn from_cells(normal: &Cell, reduction: &Cell) -> Result<Self, SpaceError> {
        let (n, r) = (normal.nodes().len(), reduction.nodes().len());
        if n != r {
            return Err(SpaceError::UnequalCells { normal: n, reduction: r });
        }
        let space = MicroSpace::new(n)?;
        let mut choices = MicroSpace::choices(normal);
        choices.extend(MicroSpace::choices(reduction));
        Ok(Self { space: Space::Micro(space), choices })
    }

    /// The space it belongs to.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The answers, in the script's order.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// One of the two searched cells.
    pub fn cell(&self, kind: CellKind) -> Cell {
        let Space::Micro(space) = self.space;
        space.cell(&self.choices, kind)
    }

    /// A name that is the same for isomorphic architectures (edges of a node swapped, nodes
    /// renumbered) and different for all others: `m5-` and base-32 digits. It can be read back
    /// as an architecture.
    pub fn id(&self) -> String {
        canonical::id(self)
    }

    /// The authors' `fixed_arc` string: `input op input op` per node, the normal cell and then
    /// the reduction cell, separated by blanks.
    pub fn to_flat(&self) -> String {
        flat::write(self)
    }
}

/// Writes the native text form: `normal=[op(input)+op(input), …] reduction=[…]`.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        native::write(self, f)
    }
}

/// Reads any known text form: native, the authors' numbers, DARTS' genotype, or an id.
impl FromStr for Arch {
    type Err = SpaceError;

    fn from_str(source: &str) -> Result<Self, SpaceError> {
        text::read(source)
    }
}
