//! `arch.json`: what a net is, as far as it takes to build it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::data::DataKind;
use crate::net::{Input, Net, NetConfig, family};
use crate::search::Task;
use crate::space::Arch;
use crate::store::StoreError;

/// What a net that stands alone is: `arch.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ModelCard {
    /// Version of this file's form: 1.
    pub(in crate::store) format: u32,
    /// The canonical id.
    pub(in crate::store) id: String,
    /// The search space, as in `micro`.
    pub(in crate::store) space: String,
    /// The architecture as it was drawn, in the native text form.
    pub(in crate::store) arch: String,
    /// The same in every text form that spells it, by the form's name.
    pub(in crate::store) texts: BTreeMap<String, String>,
    /// The size of the net.
    pub(in crate::store) net: NetConfig,
    /// Channels, rows and columns of an image; zeros of a net of words.
    pub(in crate::store) image: [usize; 3],
    /// Number of classes, or of different words.
    pub(in crate::store) classes: usize,
    /// Trainable parameters, without the auxiliary head.
    pub(in crate::store) params: u64,
    /// Multiply-adds for one image.
    pub(in crate::store) multiply_adds: u64,
}

impl ModelCard {
    /// The latest form that this program reads.
    pub(in crate::store) const FORMAT: u32 = 1;

    /// The card of `arch` as a net of this size for such data, and the net.
    pub(in crate::store) fn new(
        arch: &Arch,
        net: NetConfig,
        data: DataKind,
    ) -> Result<(Self, Net), StoreError> {
        let (image, classes) = Task::input(data).sides();
        // Those forms that have a text for it.
        let texts = arch.texts().into_iter();
        let texts = texts.filter_map(|(name, text)| Some((name.to_owned(), text.ok()?)));
        let mut card = Self {
            format: Self::FORMAT,
            id: arch.id(),
            space: arch.space().name().to_owned(),
            arch: arch.to_string(),
            texts: texts.collect(),
            net,
            image,
            classes,
            params: 0,
            multiply_adds: 0,
        };
        let net = card.net_of(arch)?;
        let cost = net.cost();
        (card.params, card.multiply_adds) = (cost.params, cost.multiply_adds);
        Ok((card, net))
    }

    /// The size of the net as the metadata of its files has it.
    pub(in crate::store) fn size(&self) -> Value {
        json!({ "size": self.net, "image": self.image, "classes": self.classes })
    }

    /// The net, without its auxiliary head.
    pub(in crate::store) fn net(&self) -> Result<Net, StoreError> {
        self.net_of(&self.arch.parse()?)
    }

    fn net_of(&self, arch: &Arch) -> Result<Net, StoreError> {
        let input = Input::of_sides(self.image, self.classes);
        // The head is of use to training alone.
        let size = NetConfig { aux_weight: 0.0, ..self.net };
        Ok(family(arch.space(), &size, input)?.standalone(arch)?)
    }
}
