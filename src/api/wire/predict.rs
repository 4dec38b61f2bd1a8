//! What `POST /v1/predict` asks and replies.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::search::{ClassProbability, Prediction, Score, TextPrediction, WordProbability};

/// The most images of one request: with a large net they take about a minute on two cores.
pub const MAX_IMAGES: usize = 1000;

/// The most classes of each image: a thousand images are then answered with ten megabytes at most.
pub const MAX_TOP: usize = 100;

/// The longest body of a request with images: a photograph of fifty megapixels has less.
pub const MAX_IMAGES_BYTES: usize = 32 << 20;

/// The longest body of a request with a text: twenty letters a word.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The most words of a text, the `<eos>` of every line counted: with a large net they take some
/// minutes on two cores.
pub const MAX_TEXT_WORDS: usize = 50_000;

/// The most words that are told to follow a text: as many as anybody looks through.
pub const MAX_NEXT_WORDS: usize = 1000;

/// The query of `POST /v1/predict`.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PredictQuery {
    /// The id, or another text form, of a champion that is kept; if it is not said, the present
    /// one.
    pub arch: Option<String>,
    /// Of images: how many classes of each are told, 1 to 100, the likeliest first.
    #[param(minimum = 1, maximum = 100)]
    pub top: usize,
    /// Of a text: how many words are told that may follow it, 1 to 1000, the likeliest first; if it
    /// is not said, none.
    #[param(minimum = 1, maximum = 1000)]
    pub words: Option<usize>,
}

impl Default for PredictQuery {
    fn default() -> Self {
        Self { arch: None, top: 3, words: None }
    }
}

/// The body of `POST /v1/predict`: an image file, or a tar of image files.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct ImageFile(pub Vec<u8>);

/// The body of `POST /v1/predict` for a net that reads words.
#[derive(Debug, ToSchema)]
#[schema(value_type = String)]
pub struct TextFile(pub Vec<u8>);

/// The reply of `POST /v1/predict`: to images, or to a text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Predicted {
    /// To images.
    Images(PredictResult),
    /// To a text.
    Text(TextResult),
}

/// The reply of `POST /v1/predict` to images.
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

/// The reply of `POST /v1/predict` to a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextResult {
    /// The id of the champion whose net was asked.
    pub id: String,
    /// Whether it was measured on the test split.
    pub certified: bool,
    /// Words that were predicted: all of the text but its first, the `<eos>` of every line counted.
    pub words: u64,
    /// The perplexity of the whole text; none where no word was predicted.
    pub perplexity: Option<f64>,
    /// Words of the text that the net does not know: they were read as `<unk>`, which is easier to
    /// foretell.
    pub unknown: u64,
    /// What was found of each line, in their order.
    pub lines: Vec<PredictedLine>,
    /// The likeliest words to follow the text, the likeliest first: as many as were asked for.
    pub next: Vec<PredictedWord>,
}

/// What was found of one line of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictedLine {
    /// Its number, counted from 1.
    pub line: u64,
    /// Words of it that were predicted, with the `<eos>` that its line feed stands for.
    pub words: u64,
    /// Their perplexity, each predicted from all of the text before it; none where none was
    /// predicted.
    pub perplexity: Option<f64>,
}

/// A word, and how likely it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictedWord {
    /// The word; `<eos>` is the end of a line.
    pub word: String,
    /// Its share of 1, over all words of the net.
    pub probability: f64,
}

impl TextResult {
    /// What the net of the champion `id` makes of a text.
    pub fn new(id: String, certified: bool, found: TextPrediction) -> Self {
        let whole = found.whole();
        let lines = (1..).zip(found.lines).map(|(line, score)| PredictedLine {
            line,
            words: score.items,
            perplexity: perplexity(score),
        });
        Self {
            id,
            certified,
            words: whole.items,
            perplexity: perplexity(whole),
            unknown: found.unknown,
            lines: lines.collect(),
            next: found.next.into_iter().map(PredictedWord::from).collect(),
        }
    }
}

/// None of no words, and where it is beyond all numbers.
fn perplexity(score: Score) -> Option<f64> {
    Some(score.perplexity()).filter(|perplexity| perplexity.is_finite())
}

impl From<WordProbability> for PredictedWord {
    fn from(found: WordProbability) -> Self {
        let WordProbability { word, probability } = found;
        Self { word, probability }
    }
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
