//! All data of a run, of either kind.

use std::sync::Arc;

use crate::data::{
    Corpus, DataConfig, DataError, DataNote, ImageData, ImageShape, LockedTest, LockedText, Scratch,
};

/// All data of a run: images or text. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Dataset {
    /// Images, each of one class.
    Images(Arc<ImageData>),
    /// Text, of which each word is predicted from those before it.
    Words(Arc<Corpus>),
}

/// What the items of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Images of one shape.
    Images {
        /// The shape of every image.
        shape: ImageShape,
        /// Number of classes.
        classes: usize,
    },
    /// Words of one vocabulary.
    Words {
        /// How many different words there are.
        vocabulary: usize,
    },
}

/// How many images or words there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of the training split.
    pub train: usize,
    /// Of the validation split.
    pub valid: usize,
    /// Of the test split; 0 where there is none.
    pub test: usize,
}

impl Dataset {
    /// Reads and checks everything that `config` names; `seed` decides which images are for
    /// validation where the source does not.
    pub fn load(config: &DataConfig, seed: u64) -> Result<Self, DataError> {
        Self::load_into(config, seed, &Scratch::default())
    }

    /// The same; sets of images that are too large for memory lie in `scratch`.
    pub fn load_into(config: &DataConfig, seed: u64, scratch: &Scratch) -> Result<Self, DataError> {
        Ok(if config.source.is_text() {
            Corpus::load(config)?.into()
        } else {
            ImageData::load_into(config, seed, scratch)?.into()
        })
    }

    /// What its items are.
    pub fn kind(&self) -> DataKind {
        match self {
            Self::Images(data) => {
                DataKind::Images { shape: data.shape(), classes: data.n_classes() }
            }
            Self::Words(corpus) => DataKind::Words { vocabulary: corpus.vocabulary().len() },
        }
    }

    /// How many items each split has.
    pub fn sizes(&self) -> Sizes {
        match self {
            Self::Images(data) => Sizes {
                train: data.train().len(),
                valid: data.valid().len(),
                test: data.test().map_or(0, LockedTest::len),
            },
            Self::Words(corpus) => Sizes {
                train: corpus.train().len(),
                valid: corpus.valid().len(),
                test: corpus.test().map_or(0, LockedText::len),
            },
        }
    }

    /// Whether there is a test split.
    pub fn has_test(&self) -> bool {
        0 < self.sizes().test
    }

    /// The images or the rows of text that a validation batch of the configured `size` has.
    pub fn valid_batch_size(&self, size: usize) -> usize {
        match self {
            Self::Images(data) => data.valid_batch_size(size),
            Self::Words(corpus) => corpus.valid_rows(size),
        }
    }

    /// The images; an error of a text, for whoever can do nothing with it.
    pub fn images(&self) -> Result<&Arc<ImageData>, DataError> {
        match self {
            Self::Images(data) => Ok(data),
            Self::Words(_) => Err(DataError::NoImages),
        }
    }

    /// What a person should know about the data.
    pub fn notes(&self) -> &[DataNote] {
        match self {
            Self::Images(data) => data.notes(),
            Self::Words(corpus) => corpus.notes(),
        }
    }
}

impl From<ImageData> for Dataset {
    fn from(data: ImageData) -> Self {
        Self::Images(Arc::new(data))
    }
}

impl From<Corpus> for Dataset {
    fn from(corpus: Corpus) -> Self {
        Self::Words(Arc::new(corpus))
    }
}
