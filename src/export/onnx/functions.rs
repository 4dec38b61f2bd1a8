//! The operators of ONNX for what the nodes of a cell do.

use crate::net::CellFunction;

pub(super) const fn operator(function: CellFunction) -> &'static str {
    match function {
        CellFunction::Tanh => "Tanh",
        CellFunction::Relu => "Relu",
        CellFunction::Sigmoid => "Sigmoid",
        CellFunction::Identity => "Identity",
    }
}
