//! The arguments of `export`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

/// The arguments of `export`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExportArgs {
    /// An id, or any other text form.
    #[arg(value_name = "ID")]
    pub(crate) arch: String,
    /// The form of the file.
    #[arg(long, value_enum)]
    pub(crate) to: ExportForm,
    /// The file [default: in this folder, under a name that says the stage and the weights]. With
    /// `torch` there are two, ending with .py and .safetensors.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How far the net has come.
    #[arg(long, value_enum, default_value_t = ExportStage::Furthest)]
    pub(crate) stage: ExportStage,
    /// Of onnx: what the pixels are that it reads, from 0 to 255 in either [default: u8].
    #[arg(long, value_enum)]
    pub(crate) pixels: Option<ExportPixels>,
    /// Replaces a file with another content.
    #[arg(long)]
    pub(crate) force: bool,
}

/// The form of a net's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// For any program that runs ONNX: pixels to probabilities.
    Onnx,
    /// The weights, with what they belong to.
    Safetensors,
    /// A Python file with a PyTorch module, and the weights beside it.
    Torch,
}

/// How far a net has come.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportStage {
    /// The first of the next three that there is.
    Furthest,
    /// The champion's: trained from scratch, chosen, and measured.
    Champion,
    /// Trained from scratch: the best by validation.
    Retrained,
    /// With its part of the shared weights, for one of the best that of its score.
    Shared,
    /// With its part of the shared weights as they are.
    Present,
}

impl ExportStage {
    /// As the API names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Furthest => "furthest",
            Self::Champion => "champion",
            Self::Retrained => "retrained",
            Self::Shared => "shared",
            Self::Present => "present",
        }
    }
}

/// What the pixels of an ONNX file are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportPixels {
    /// Bytes, as image files have them.
    U8,
    /// Floats of 32 bits.
    F32,
}

impl ExportPixels {
    /// As the API names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::F32 => "f32",
        }
    }
}
