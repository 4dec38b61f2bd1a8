//! What `POST /v1/predict` asks and replies.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::search::{ClassProbability, Prediction};

/// The most images of one request: with a large net they take about a minute on two cores.
pub const MAX_IMAGES: usize = 1000;

/// The most classes of each image: a thousand images are then answered with ten megabytes at most.
pub const MAX_TOP: usize = 100;

/// The longest body of a request with images: a photograph of fifty megapixels has less.
pub const MAX_IMAGES_BYTES: usize = 32 << 20;

/// The query of `POST /v1/predict`.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PredictQuery {
    /// The id, or another text form, of a champion that is kept; if it is not said, the present
    /// one.
    pub arch: Option<String>,
    /// How many classes of each image are told, 1 to 100, the likeliest first.
    #[param(minimum = 1, maximum = 100)]
    pub top: usize,
}

impl Default for PredictQuery {
    fn default() -> Self {
        Self { arch: None, top: 3 }
    }
}

/// The body of `POST /v1/predict`: an image file, or a tar of image files.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct ImageFile(pub Vec<u8>);

/// The reply of `POST /v1/predict`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictResult {
    /// The id of the champion whose net was asked.
    pub id: String,
    /// Whether it was measured on the test split.
    pub certified: bool,
    /// What was found of each image, in the order of the request.
    pub images: Vec<PredictedImage>,
}

/// What was found of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictedImage {
    /// Its name in the tar; `image` for one that came alone.
    pub file: String,
    /// The likeliest classes, the likeliest first; empty where there is an error.
    pub classes: Vec<PredictedClass>,
    /// Why it was not classified, where it was not; goes on after the name, as in `is text, …`.
    pub error: Option<String>,
}

/// A class, and how likely it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictedClass {
    /// Its name.
    pub class: String,
    /// Its share of 1, over all classes.
    pub probability: f64,
}

impl PredictedImage {
    /// What was found of `file`.
    pub fn new(file: String, found: Prediction) -> Self {
        match found {
            Ok(classes) => {
                let classes = classes.into_iter().map(PredictedClass::from).collect();
                Self { file, classes, error: None }
            }
            Err(fault) => Self::failed(file, fault.to_string()),
        }
    }

    /// That `file` was not classified; `fault` goes on after its name.
    pub fn failed(file: String, fault: String) -> Self {
        Self { file, classes: Vec::new(), error: Some(fault) }
    }
}

impl From<ClassProbability> for PredictedClass {
    fn from(found: ClassProbability) -> Self {
        let ClassProbability { class, probability } = found;
        Self { class, probability }
    }
}
