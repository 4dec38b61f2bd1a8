//! The parts of a net of words, by which its files name them.

use crate::export::ExportError;
use crate::net::{LayerKind, Net, WordCell};

/// The parts of a net of words.
#[derive(Clone, Debug)]
pub(super) struct WordNet<'a> {
    /// Words of the vocabulary.
    pub(super) vocabulary: usize,
    /// Features of a word and of a state, H.
    pub(super) hidden: usize,
    /// Start of the name of E, `(vocabulary, H)`, which reads words and tells the next.
    pub(super) embedding: &'a str,
    /// Start of the names of the cell.
    pub(super) path: &'a str,
    /// The cell.
    pub(super) cell: &'a WordCell,
}

impl<'a> WordNet<'a> {
    /// The parts of `net`, or that it reads no words.
    pub(super) fn of(net: &'a Net) -> Result<Self, ExportError> {
        let [embed, recurrent, softmax] = &net.layers[..] else {
            return Err(ExportError::ReadsNoWords);
        };
        let (
            LayerKind::Embed { .. },
            LayerKind::Recurrent { .. },
            LayerKind::TiedSoftmax { .. },
            Some(cell),
        ) = (embed.kind, recurrent.kind, softmax.kind, &recurrent.cell)
        else {
            return Err(ExportError::ReadsNoWords);
        };
        Ok(Self {
            vocabulary: softmax.output.channels,
            hidden: embed.output.channels,
            embedding: &embed.path,
            path: &recurrent.path,
            cell,
        })
    }

    /// Start of the name of the weights of the input node, `(2H, 2H)`, or of leaves, `(2H, leaves·H)`.
    pub(super) fn input(&self) -> String {
        format!("{}.{}", self.path, self.cell.input())
    }

    /// Features that go from word to word.
    pub(super) fn carried(&self) -> usize {
        self.cell.n_states() * self.hidden
    }
}
