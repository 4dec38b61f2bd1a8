//! What is asked of the nets of an architecture, and the files that are the replies.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::export::PixelType;

/// Which net of an architecture: how far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetStage {
    /// The first of the next three that there is.
    #[default]
    Furthest,
    /// That of the champion: trained from scratch, chosen, and measured on the test split where
    /// there is one.
    Champion,
    /// The best by validation of those that were trained from scratch.
    Retrained,
    /// Its part of the shared weights: that which its score among the best was measured with, or
    /// the present one of any other.
    Shared,
    /// Its part of the present shared weights.
    Present,
}

/// What the pixels are that an ONNX file reads; their range is 0 to 255 in either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pixels {
    /// Bytes, as image files have them.
    #[default]
    U8,
    /// Floats of 32 bits.
    F32,
}

impl From<Pixels> for PixelType {
    fn from(pixels: Pixels) -> Self {
        match pixels {
            Pixels::U8 => Self::U8,
            Pixels::F32 => Self::F32,
        }
    }
}

/// The query of `GET /v1/archs/{id}.py`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct NetQuery {
    /// How far the net has come.
    pub stage: NetStage,
}

/// The query of `GET /v1/archs/{id}.onnx`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct OnnxQuery {
    /// How far the net has come.
    pub stage: NetStage,
    /// What the pixels are that it reads.
    pub pixels: Pixels,
}

/// Which shared weights of an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Those that its score among the best was measured with.
    Kept,
    /// Its part of the present shared weights.
    Present,
}

/// The query of `GET /v1/archs/{id}.safetensors`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WeightsQuery {
    /// How far the net has come whose weights these are; if it is not said, `weights` decides.
    pub stage: Option<NetStage>,
    /// Which shared weights, as the search keeps them; if it is not said, the kept ones of one of
    /// the best, and the present ones of any other.
    pub weights: Option<Weights>,
}

/// The reply of `GET /v1/archs/{id}.safetensors`: a file, not JSON.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct WeightsFile(pub Vec<u8>);

/// The reply of `GET /v1/archs/{id}.onnx`: a file, not JSON.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct OnnxFile(pub Vec<u8>);
