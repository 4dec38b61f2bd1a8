//! The native text form: `layers=[3x5x36, 3x3x48(0), 1x7x24/2x1(0,1), …]`, rows, columns and number
//! of the filters of each layer, its strides where these are searched, and the layers that it reads.

use crate::space::nas_cnn::{CnnLayer, NasCnn};
use crate::space::scanner::Scanner;
use crate::space::{Arch, Space, SpaceError, numbers};

pub(super) fn write(arch: &Arch) -> String {
    let strides = matches!(arch.space(), Space::NasCnn(space) if space.strides);
    let layers = NasCnn::layers(arch).expect("a form writes architectures of its own space");
    let layers = layers.into_iter().map(|layer| {
        let CnnLayer { kernel: [height, width], stride, filters, inputs } = layer;
        let [rows, columns] = stride;
        let stride = if strides { format!("/{rows}x{columns}") } else { String::new() };
        let inputs: Vec<String> = inputs.iter().map(usize::to_string).collect();
        let inputs = inputs.join(",");
        let inputs = if inputs.is_empty() { inputs } else { format!("({inputs})") };
        format!("{height}x{width}x{filters}{stride}{inputs}")
    });
    format!("layers=[{}]", layers.collect::<Vec<_>>().join(", "))
}

pub(super) fn looks_like(text: &str) -> bool {
    numbers::begins_with_sides(text)
}

/// Strides are searched where any layer says its own.
pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    NasCnn::arch(&layers(source)?, source.contains('/'))
}

/// The layers that `source` spells, without regard to what the space has.
pub(super) fn layers(source: &str) -> Result<Vec<CnnLayer>, SpaceError> {
    let mut scanner = Scanner::new(source);
    scanner.word("layers", "`layers=[`")?;
    scanner.word("=", "`layers=[`")?;
    scanner.word("[", "`layers=[`")?;
    let mut layers = vec![layer(&mut scanner)?];
    while scanner.take(",") {
        layers.push(layer(&mut scanner)?);
    }
    scanner.word("]", "`,` and another layer, or `]`")?;
    scanner.end()?;
    Ok(layers)
}

fn layer(scanner: &mut Scanner<'_>) -> Result<CnnLayer, SpaceError> {
    let height = scanner.number("a layer such as `3x5x36` or `3x5x36(0,1)`")?;
    scanner.word("x", "`x` and the columns of the filters")?;
    let width = scanner.number("the columns of the filters")?;
    scanner.word("x", "`x` and the number of filters")?;
    let filters = scanner.number("the number of filters")?;
    let mut stride = [1, 1];
    if scanner.take("/") {
        let rows = scanner.number("the strides, such as `2x1`")?;
        scanner.word("x", "`x` and the stride from column to column")?;
        stride = [rows, scanner.number("the stride from column to column")?];
    }
    let mut inputs = Vec::new();
    if scanner.take("(") {
        inputs.push(scanner.number("the number of a layer")?);
        while scanner.take(",") {
            inputs.push(scanner.number("the number of a layer")?);
        }
        scanner.word(")", "`,` and another layer that is read, or `)`")?;
    }
    Ok(CnnLayer { kernel: [height, width], stride, filters, inputs })
}
