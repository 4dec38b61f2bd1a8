//! What the files of a champion are made of.

use serde::{Deserialize, Serialize};

use crate::search::{Champion, PairReport, TrialState, TrialTask};

/// What the files of a champion are made of.
#[derive(Clone, Copy, Debug)]
pub struct ChampionParts<'a> {
    /// The champion.
    pub champion: &'a Champion,
    /// What its nets were trained and measured on.
    pub task: &'a TrialTask,
    /// The net that is handed out: that of [`Champion::plan`], its last epoch finished.
    pub state: &'a TrialState,
    /// The BLAKE3 of the settings that the search depends on, in hexadecimal digits.
    pub config_hash: &'a str,
    /// Both arms over all promotions so far, this one included.
    pub pairs: PairReport,
    /// What the search says of itself.
    pub verdicts: &'a Verdicts,
}

/// What a search says of itself: two sentences that never mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Which arm scores higher with the shared weights.
    pub shared: String,
    /// Which arm is better once retrained, how sure that is, and of how many pairs it is known.
    pub retrained: String,
}
