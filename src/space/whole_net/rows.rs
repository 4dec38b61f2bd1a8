//! The authors' numbers: for each layer its operation and a 0 or 1 for each tensor that it may
//! skip from, on a line of its own or all in a row.

use crate::space::whole_net::{LayerOp, NetLayer, layers};
use crate::space::{Arch, SpaceError, WholeNet, numbers};

/// All in a row.
pub(super) fn write(arch: &Arch) -> String {
    rows(arch).join(" ")
}

/// A line a layer.
pub(super) fn write_lines(arch: &Arch) -> String {
    rows(arch).join("\n")
}

fn rows(arch: &Arch) -> Vec<String> {
    let layers = layers(arch).into_iter().enumerate();
    layers
        .map(|(layer, NetLayer { op, skips })| {
            let bits = (0..layer).map(|tensor| usize::from(skips.contains(&tensor)));
            let row: Vec<String> =
                [op.idx()].into_iter().chain(bits).map(|n| n.to_string()).collect();
            row.join(" ")
        })
        .collect()
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let lines = numbers::lines(source)?;
    let numbers = lines.concat();
    // As many as 1 + 2 + … + n, which a shorter list is told by the line where it goes wrong.
    let fits = |n: &usize| numbers.len() <= n * (n + 1) / 2;
    let n_layers = (1..=numbers.len()).find(fits).unwrap_or(0);
    let is_torn = lines.len() == n_layers && lines.iter().zip(1..).any(|(line, n)| line.len() != n);
    if is_torn || numbers.len() != n_layers * (n_layers + 1) / 2 {
        return Err(wrong_length(&lines, numbers.len()));
    }
    let mut layers = Vec::new();
    let mut at = 0;
    for layer in 0..n_layers {
        let row = &numbers[at..=at + layer];
        layers.push(read_layer(layer, row, at)?);
        at += row.len();
    }
    WholeNet::arch(&layers)
}

/// The layer that `row` spells, which begins behind `at` other numbers.
pub(super) fn read_layer(layer: usize, row: &[usize], at: usize) -> Result<NetLayer, SpaceError> {
    let found = row[0];
    let options = LayerOp::ALL.len();
    let op = LayerOp::ALL.get(found).copied();
    let op = op.ok_or(SpaceError::OpIdx { position: at + 1, found, options })?;
    let mut skips = Vec::new();
    for (tensor, &found) in row[1..].iter().enumerate() {
        match found {
            0 => {}
            1 => skips.push(tensor),
            _ => return Err(SpaceError::SkipBit { position: at + 2 + tensor, layer, found }),
        }
    }
    Ok(NetLayer { op, skips })
}

/// Why so many numbers are no net: by the first line that is wrong, where there is one a layer.
fn wrong_length(lines: &[Vec<usize>], found: usize) -> SpaceError {
    let wrong = lines.iter().zip(1..).find(|(line, n)| line.len() != *n);
    match wrong {
        Some((line, n)) if 2 < lines.len() => SpaceError::LayerLine { line: n, found: line.len() },
        _ => SpaceError::LayerNumbers { found },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    const PUBLISHED: &str = WholeNet::PUBLISHED;

    #[test]
    fn numbers_are_read_as_people_paste_them() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.text("rows").as_deref(), Ok(PUBLISHED));
        let row = PUBLISHED.replace('\n', " ");
        assert_eq!(arch.to_flat(), row);
        let script: String = format!(
            "fixed_arc=\"$fixed_arc {}\"",
            PUBLISHED.replace('\n', "\"\nfixed_arc=\"$fixed_arc ")
        );
        for text in [
            row.replace(' ', ","),
            row.replace(' ', "\n"),
            format!("[{row}]"),
            format!("--controller_fixed_arc=\"{row}\" \\"),
            format!("[[{}]]", PUBLISHED.replace(' ', ", ").replace('\n', "], [")),
            format!("[{}]\r\n", PUBLISHED.replace('\n', "]\r\n[")),
            format!("[{}]\nval_acc=0.8125\n--------", PUBLISHED.replace('\n', "]\n[")),
            script,
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let space = Space::WholeNet(WholeNet::default());
        assert_eq!(Arch::parse(space, text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_no_net_is_told_by_its_place() {
        check("0\n0 0\n6 0 1", "number 4 is operation 6; the operations are 0 to 5");
        check("0\n0 0\n5 0 2", "number 6 is 2; a skip connection of layer 2 is 0 or 1");
        check(
            "0\n0 0\n5 0\n1 1 1 1",
            "line 3 has 2 numbers, but layer 2 takes 3: its operation and a 0 or 1 for each \
             earlier tensor",
        );
        check(
            "0 0 5 1",
            "4 numbers do not spell the layers of a net; layer i takes i + 1 of them, its \
             operation and a 0 or 1 for each earlier tensor: 78 for 12 layers",
        );
        check(
            "[0, 0], [0], [5, 0, 1]",
            "line 1 has 2 numbers, but layer 0 takes 1: its operation and a 0 or 1 for each \
             earlier tensor",
        );
        check("5 0 0", "a net has 2 layers; the whole_net space takes 3 to 40");
    }
}
