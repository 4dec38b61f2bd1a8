//! The recipe of a net that is trained from scratch, as files have it: settings that are younger than
//! the file are as they were before there were such.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::search::FinalConfig;

/// Settings that older programs did not have, with what these did.
const BEFORE: [(&str, bool); 1] = [("smooth", false)];

/// Reads a recipe of this program or of an older one.
pub(super) fn recipe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FinalConfig, D::Error> {
    let mut fields = serde_json::Map::deserialize(deserializer)?;
    for (key, before) in BEFORE {
        fields.entry(key).or_insert(before.into());
    }
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_of_an_older_program_trains_as_it_did() {
        let mut fields = serde_json::to_value(FinalConfig::default()).unwrap();
        assert_eq!(recipe(&fields).unwrap(), FinalConfig::default());
        fields.as_object_mut().unwrap().remove("smooth");
        let old = recipe(fields).unwrap();
        assert_eq!(old, FinalConfig { smooth: false, ..FinalConfig::default() });
    }
}
