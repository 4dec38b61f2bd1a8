//! The native text form: `layers=[conv_3x3, sep_conv_3x3(stem), conv_5x5(stem+0), …]`, the
//! operation of each layer and the tensors it skips from.

use crate::space::scanner::Scanner;
use crate::space::whole_net::{NetLayer, layers, tensor_name};
use crate::space::{Arch, SpaceError, WholeNet, numbers};

pub(super) fn write(arch: &Arch) -> String {
    let layers = layers(arch).into_iter().map(|NetLayer { op, skips }| {
        let skips: Vec<String> = skips.into_iter().map(tensor_name).collect();
        if skips.is_empty() { op.to_string() } else { format!("{op}({})", skips.join("+")) }
    });
    format!("layers=[{}]", layers.collect::<Vec<_>>().join(", "))
}

pub(super) fn looks_like(text: &str) -> bool {
    text.starts_with("layers") && !numbers::begins_with_sides(text)
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
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
    WholeNet::arch(&layers)
}

fn layer(scanner: &mut Scanner<'_>) -> Result<NetLayer, SpaceError> {
    let name = scanner.name();
    if name.is_empty() {
        return Err(scanner.unexpected("an operation such as `conv_3x3` or `conv_3x3(stem+0)`"));
    }
    let op = name.parse()?;
    let mut skips = Vec::new();
    if scanner.take("(") {
        skips.push(tensor(scanner)?);
        while scanner.take("+") {
            skips.push(tensor(scanner)?);
        }
        scanner.word(")", "`+` and another tensor, or `)`")?;
    }
    Ok(NetLayer { op, skips })
}

/// The stem is tensor 0, layer j is tensor j + 1.
fn tensor(scanner: &mut Scanner<'_>) -> Result<usize, SpaceError> {
    if scanner.take("stem") {
        return Ok(0);
    }
    Ok(scanner.number("`stem` or the number of a layer")?.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_text_that_is_no_net_is_told_where_it_breaks() {
        check(
            "layers=[conv_3x3, conv_7x7, conv_3x3]",
            "unknown operation `conv_7x7`; the operations are conv_3x3, sep_conv_3x3, conv_5x5, \
             sep_conv_5x5, avg_pool_3x3, max_pool_3x3",
        );
        check(
            "layers=[conv_3x3(stem), conv_3x3, conv_3x3]",
            "layer 0 skips from `stem`; it may skip from nothing, for it reads the stem alone",
        );
        check(
            "layers=[conv_3x3, conv_3x3, conv_3x3(stem+1)]",
            "layer 2 skips from layer 1; it may skip from `stem` or layer 0",
        );
        check(
            "layers=[conv_3x3, conv_3x3(stem-1)]",
            "at character 32: expected `+` and another tensor, or `)`, found `-1)]`",
        );
        check("layers=[conv_3x3]", "a net has 1 layers; the whole_net space takes 3 to 40");
    }

    #[test]
    fn skips_are_read_in_any_order_and_once() {
        let arch: Arch = "layers=[conv_3x3,conv_3x3,conv_3x3( 0 + stem+0 )]".parse().unwrap();
        assert_eq!(arch.to_string(), "layers=[conv_3x3, conv_3x3, conv_3x3(stem+0)]");
    }
}
