//! How a result leaves and looks: drawings of an architecture's parts for the web (SVG), for
//! Graphviz (DOT) and for a terminal, the files of a net with its weights: ONNX, safetensors
//! and a Python file for PyTorch, and a page that reports on a search.
//!
//! All are pure functions. Of an architecture, which is valid by construction, a drawing cannot
//! fail; a [`Model`] whose parts do not fit is refused with an [`ExportError`].

mod color;
mod dot;
mod error;
mod ladder;
mod layout;
mod model;
mod onnx;
mod pen;
mod report;
#[cfg(test)]
mod sample;
mod svg;
mod terminal;
mod torch;
mod weights;
mod word_net;

pub use dot::draw_dot;
pub use error::ExportError;
pub use model::{Model, Reads};
pub use onnx::{PixelType, onnx_file};
pub use report::{
    Agreement, CurvePoint, Curves, DrawnBy, Moments, RegretLine, Report, ReportChampion,
    ReportVerdict, RetrainedArch, RewardUnit, StudyReport, StudyRow, pareto_front, regret_svg,
    report_page, study_page,
};
pub use svg::draw_svg;
pub use terminal::{draw_part_text, draw_text};
pub use torch::torch_file;
pub use weights::safetensors_file;
