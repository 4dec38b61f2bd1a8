//! The cell of NAS-Bench-201.

use std::collections::BTreeSet;

use super::*;

const TEXT: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+\
                    |skip_connect~0|nor_conv_3x3~1|skip_connect~2|";

#[test]
fn a_text_of_the_benchmark_is_read_and_written_as_it_is() {
    for text in [TEXT, Nasbench201::PUBLISHED] {
        let arch: Arch = text.parse().unwrap();
        assert_eq!(arch.to_string(), text);
        assert_eq!(arch.to_flat(), text);
        assert_eq!(arch.id().parse(), Ok(arch));
    }
    let ops = Nasbench201::ops(&TEXT.parse().unwrap()).unwrap();
    let numbers: Vec<usize> = ops.into_iter().map(EdgeOp::idx).collect();
    assert_eq!(numbers, [3, 3, 4, 1, 3, 1]);
}

/// Every architecture of the benchmark, in its text and by its id, is one of its own.
#[test]
fn the_space_has_the_published_size() {
    let space = Space::Nasbench201(Nasbench201);
    assert_eq!(Nasbench201.sizes()[0].count, "15625");
    let (mut texts, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..5_u32.pow(6) {
        let choices: Vec<_> = (0..6).map(|edge| number / 5_u32.pow(edge) % 5).collect();
        let arch = space.arch(&choices).unwrap();
        assert_eq!(arch.id().parse().as_ref(), Ok(&arch));
        ids.insert(arch.id());
        texts.insert(arch.to_string());
    }
    assert_eq!((texts.len(), ids.len()), (15_625, 15_625));
    assert_eq!(ids.first().map(String::as_str), Some("b4-000"));
}

#[test]
fn a_text_that_is_no_cell_is_told_where_it_breaks() {
    for (text, expected) in [
        (
            "|nor_conv_5x5~0|",
            "unknown operation `nor_conv_5x5`; the operations are none, skip_connect, \
             nor_conv_1x1, nor_conv_3x3, avg_pool_3x3",
        ),
        (
            "|nor_conv_3x3~0|",
            "at character 17: expected `+` and the edges of the next node, found the end",
        ),
        (
            "|nor_conv_3x3~0|+|none~1|none~0|",
            "at character 23: expected `~0|`, which ends the edge from node 0, found `~1|none~0|`",
        ),
        ("|~0|", "at character 2: expected an operation such as `nor_conv_3x3`, found `~0|`"),
        (&format!("{TEXT}+|none~0|"), "at character 96: expected the end, found `+|none~0|`"),
    ] {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }
}

#[test]
fn ids_of_another_number_of_nodes_are_none() {
    assert!(matches!("b5-000".parse::<Arch>(), Err(SpaceError::UnknownForm { .. })));
    assert!(matches!("b4-zzz".parse::<Arch>(), Err(SpaceError::Id { digits: 3, .. })));
}

#[test]
fn every_node_reads_all_before_it() {
    let sketch = TEXT.parse::<Arch>().unwrap().sketch().remove(0);
    let reads: Vec<_> = (0..=4).map(|vertex| sketch.reads(vertex)).collect();
    assert_eq!(reads, [vec![], vec![0], vec![0, 1], vec![0, 1, 2], vec![3]]);
    assert_eq!(sketch.vertices[2].caption, ["conv 3×3(0)", "+ avg 3×3(1)"]);
    assert!(!sketch.is_layered());
}
