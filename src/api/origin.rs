//! Where the running configuration came from: on the wire, since a program that compares it with
//! the file has to know which file, and what of it counts for nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The layers of a configuration; a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OriginLayer {
    /// Built in.
    Default,
    /// The state folder, whose search began with it.
    State,
    /// The file.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The value; null where it is unset.
    #[schema(value_type = serde_json::Value)]
    pub value: serde_json::Value,
    /// The layer that set it.
    pub layer: OriginLayer,
    /// The place as a person would look for it: `/etc/enasd/enasd.toml:12`.
    pub place: String,
}

/// The reply of `GET /v1/config/origins`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigOrigins {
    /// The file that was read, where there is one.
    pub file: Option<String>,
    /// The state folder in use.
    pub state: String,
    /// The socket in use.
    pub socket: String,
    /// Every key.
    pub keys: BTreeMap<String, Origin>,
}
