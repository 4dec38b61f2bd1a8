//! A champion as files, which are of use alone, on a machine without this program.
//!
//! ```text
//! champions/ID/
//!     arch.json             what it is: its texts, the size of the net, what that costs
//!     weights.safetensors   parameters and running statistics, without the auxiliary head
//!     model.onnx            the net with its weights, from pixels 0 to 255 to probabilities
//!     labels.json           the class names, the shape of an image, the normalization
//!     card.json             what was measured, how, on what, and against whom
//!     drawing.svg           its cells or layers
//!     README.md             how it is used in Python and in Rust
//!     B3SUMS                the BLAKE3 of each file
//! ```
//!
//! [`champion_files`] is a pure function: the same champion makes the same bytes.

mod card;
mod files;
mod model;
mod net;
mod parts;
mod readme;
#[cfg(test)]
mod tests;

pub use card::{
    ChampionCard, DataCard, MeasureCard, PairCard, RecipeCard, RivalCard, TestCard, ValidCard,
};
pub use files::{LABELS, ONNX, champion_files};
pub(super) use model::ModelCard;
pub(super) use net::champion_net;
pub use net::{ChampionNet, NetPredictor, champion_card, check_champion, open_champion};
pub use parts::{ChampionParts, Verdicts};
