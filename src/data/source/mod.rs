//! Where images come from: one file for each source, all giving the same [`Splits`].
//!
//! | Source | Looks for | Classes |
//! |---|---|---|
//! | `fashion-mnist` | nothing, it is embedded | ten, named |
//! | `idx` | `train-images-idx3-ubyte[.gz]` and so on | 0 to the largest label, or as set |
//! | `cifar-10`, `cifar-100` | `data_batch_1.bin`, `train.bin` and so on | 10 or 100 |
//! | `folder` | `train/CLASS/*` and so on | the class folders |
//!
//! Text has sources of its own, see [`Corpus`](crate::data::Corpus).

mod cifar;
mod fashion_mnist;
mod folder;
mod idx;
mod image_file;
mod jpeg;
mod kind;
mod listing;
mod raw_file;

use std::fs;
use std::io;
use std::path::Path;

use crate::data::{DataConfig, DataError, DataNote, DataSource, ImageSet, Scratch};
pub(super) use image_file::fit_image;
pub(super) use raw_file::RawFile;

/// What a source brings.
#[derive(Debug)]
pub(super) struct Splits {
    pub(super) class_names: Vec<String>,
    pub(super) train: ImageSet,
    /// `None` where the validation images are to be split off `train`.
    pub(super) valid: Option<ImageSet>,
    /// `None` where there are no test images.
    pub(super) test: Option<ImageSet>,
    /// What a person should know.
    pub(super) notes: Vec<DataNote>,
}

/// Reads everything that `config` names.
pub(super) fn load(config: &DataConfig, scratch: &Scratch) -> Result<Splits, DataError> {
    match config.source {
        DataSource::FashionMnist => match &config.path {
            None => fashion_mnist::load(scratch),
            Some(path) => Err(path_not_used(config.source, path)),
        },
        DataSource::Idx => {
            let folder = folder(config, "a folder with train-images-idx3-ubyte[.gz]")?;
            idx::load(folder, config.classes, scratch)
        }
        DataSource::Cifar10 => cifar::load(
            &cifar::CIFAR_10,
            folder(config, "the folder with data_batch_1.bin")?,
            scratch,
        ),
        DataSource::Cifar100 => {
            cifar::load(&cifar::CIFAR_100, folder(config, "the folder with train.bin")?, scratch)
        }
        DataSource::Folder => {
            folder::load(folder(config, "a folder with train/CLASS/*")?, config.side, scratch)
        }
        DataSource::Austen | DataSource::Text => Err(DataError::NoImages),
    }
}

/// The error of a folder for an embedded source.
pub(super) fn path_not_used(source: DataSource, path: &Path) -> DataError {
    DataError::PathNotUsed { origin: source.name(), path: path.to_owned() }
}

/// The folder that `config` names, which holds what is `expected`.
pub(super) fn folder<'a>(
    config: &'a DataConfig,
    expected: &'static str,
) -> Result<&'a Path, DataError> {
    let origin = config.source.name();
    let path = config.path.as_deref().ok_or(DataError::PathNotSet { origin, expected })?;
    check_folder(path, expected).map(|()| path)
}

/// Refuses a `path` that is not a folder with what is `expected`.
pub(super) fn check_folder(path: &Path, expected: &'static str) -> Result<(), DataError> {
    let path = path.to_owned();
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataError::NotAFolder { path, expected }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(DataError::NotAFolder { path, expected })
        }
        Err(source) => Err(DataError::Io { action: "look at", path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(source: DataSource, path: Option<&str>, text: &str) {
        let path = path.map(PathBuf::from);
        let found =
            load(&DataConfig { source, path, ..DataConfig::default() }, &Scratch::default());
        let found = found.unwrap_err().to_string();
        assert!(found.contains(text), "{found}");
    }

    #[test]
    fn a_folder_is_needed_unless_the_source_is_embedded() {
        for source in
            [DataSource::Idx, DataSource::Cifar10, DataSource::Cifar100, DataSource::Folder]
        {
            check(source, None, &format!("source `{}` reads a folder; set it to", source.name()));
            check(source, Some("/no/such"), "`/no/such` is not a folder; expected");
        }
        check(DataSource::FashionMnist, Some("/data"), "remove `data.path`, or set `data.source`");
    }
}
