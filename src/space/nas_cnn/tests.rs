//! The nets of NAS.

use super::*;
use crate::random::{Owner, generator};
use rand::RngExt;

fn space(n_layers: usize, strides: bool) -> Space {
    Space::NasCnn(NasCnn::new(n_layers, strides).unwrap())
}

#[track_caller]
fn told(text: &str) -> String {
    text.parse::<Arch>().unwrap_err().to_string()
}

#[test]
fn the_published_net_is_told_as_the_authors_drew_it() {
    let arch: Arch = NasCnn::PUBLISHED.parse().unwrap();
    assert_eq!(arch.to_string(), NasCnn::PUBLISHED);
    assert_eq!(arch.space(), space(15, false));
    let facts: Vec<_> =
        arch.facts().into_iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    let expected = [
        "layers: 15",
        "filters: 636",
        "links: 65 of 105",
        "layers of the image: 0",
        "layers that no other reads: 14",
    ];
    assert_eq!(facts, expected);
    let layers = NasCnn::layers(&arch).unwrap();
    assert_eq!((layers[4].kernel, layers[8].kernel), ([3, 7], [7, 1]));
    let cut = NasCnn::new(6, true).unwrap().published().unwrap();
    assert_eq!(NasCnn::layers(&cut).unwrap(), layers[..6]);
    let err = NasCnn::new(16, false).unwrap().published().unwrap_err();
    assert!(matches!(err, SpaceError::Unpublished { asked: 16, most: 15, .. }));
}

/// 4 heights, 4 widths and 4 numbers of filters, or 9 strides more, and any graph.
#[test]
fn the_space_has_as_many_nets_as_the_paper_lets_it_have() {
    let count = |n_layers, strides| space(n_layers, strides).rules().sizes()[0].count.clone();
    assert_eq!(count(3, false), (64_u64.pow(3) * 8).to_string());
    assert_eq!(count(3, true), (576_u64.pow(3) * 8).to_string());
    assert_eq!(count(6, false), (64_u128.pow(6) << 15).to_string());
}

#[test]
fn the_script_asks_in_the_papers_order() {
    let names = |strides| {
        let menus = space(3, strides).script().menus().into_iter();
        menus.map(|menu| menu.name).collect::<Vec<_>>()
    };
    assert_eq!(names(false), ["filter_height", "filter_width", "filters"]);
    assert_eq!(
        names(true),
        ["filter_height", "filter_width", "stride_height", "stride_width", "filters"]
    );
    for menu in [&HEIGHT.menu, &WIDTH.menu, &FILTERS.menu] {
        assert_eq!(menu.options.len(), 4);
    }
    let said = |values: &[usize]| values.iter().map(usize::to_string).collect::<Vec<_>>();
    assert_eq!(said(&HEIGHT.values), HEIGHT.menu.options);
    assert_eq!(said(&WIDTH.values), WIDTH.menu.options);
    assert_eq!(said(&STRIDE_HEIGHT.values), STRIDE_HEIGHT.menu.options);
    assert_eq!(said(&STRIDE_WIDTH.values), STRIDE_WIDTH.menu.options);
    assert_eq!(said(&FILTERS.values), FILTERS.menu.options);
}

/// The paper's searches grow to 22 layers: the history reads each of their nets back.
#[test]
fn ids_are_exact_at_every_depth() {
    let mut rng = generator(1, Owner::Split, 0);
    let mut longest = 0;
    for n_layers in NasCnn::LAYER_RANGE {
        for strides in [false, true] {
            let space = space(n_layers, strides);
            let options: Vec<usize> = space.script().options().collect();
            let any = options.iter().map(|&n| rng.random_range(0..n as Choice)).collect();
            let last = options.iter().map(|&n| n as Choice - 1).collect();
            let choices: [Vec<Choice>; 3] = [any, last, vec![0; options.len()]];
            for choices in choices {
                let arch = space.arch(&choices).unwrap();
                longest = longest.max(arch.id().len());
                assert_eq!(arch.id().parse().as_ref(), Ok(&arch));
                assert_eq!(arch.to_string().parse().as_ref(), Ok(&arch));
            }
        }
    }
    assert_eq!(longest, 91);
    let net: Arch = "layers=[1x1x24, 1x1x24, 1x1x24]".parse().unwrap();
    assert_eq!(net.id(), "c3-00000");
    let net: Arch = "layers=[1x1x24/1x1, 1x1x24, 1x1x24]".parse().unwrap();
    assert_eq!(net.id(), "s3-0000000");
}

#[test]
fn the_same_space_is_to_be_had_of_another_depth() {
    for strides in [false, true] {
        assert_eq!(space(6, strides).with_layers(8), Ok(space(8, strides)));
    }
    assert_eq!(space(8, true).rules().depth(), Some(8));
    let err = space(8, true).with_layers(23).unwrap_err();
    assert_eq!(err.to_string(), "a net has 23 layers; the nas_cnn space takes 3 to 22");
}

#[test]
fn strides_are_searched_where_a_layer_says_its_own() {
    let arch: Arch = "layers=[3x5x36/2x1, 1x7x64 (0), 3x3x24/1x3(1, 0)]".parse().unwrap();
    assert_eq!(arch.space(), space(3, true));
    assert_eq!(arch.to_string(), "layers=[3x5x36/2x1, 1x7x64/1x1(0), 3x3x24/1x3(0,1)]");
}

#[test]
fn a_text_that_is_no_net_is_told_where_it_breaks() {
    for (text, expected) in [
        (
            "layers=[3x3x36, 4x3x36, 3x3x36]",
            "layer 1 has a filter height of 4; the nas_cnn space has 1, 3, 5, 7",
        ),
        (
            "layers=[3x3x36, 3x3x36/4x1, 3x3x36]",
            "layer 1 has a stride height of 4; the nas_cnn space has 1, 2, 3",
        ),
        (
            "layers=[3x3x32, 3x3x36, 3x3x36]",
            "layer 0 has a number of filters of 32; the nas_cnn space has 24, 36, 48, 64",
        ),
        (
            "layers=[3x3x36, 3x3x36(1), 3x3x36]",
            "layer 1 reads layer 1, which does not precede it; it may read layer 0, or the image \
             where it reads no layer",
        ),
        (
            "layers=[3x3x36(0), 3x3x36(1), 3x3x36]",
            "layer 0 reads layer 0, which does not precede it; it may read the image alone",
        ),
        (
            "layers=[3x3x36, 3x3x36(0+1), 3x3x36]",
            "at character 25: expected `,` and another layer that is read, or `)`, found \
             `+1), 3x3x36]`",
        ),
        (
            "layers=[3x3x36, 3x36]",
            "at character 21: expected `x` and the number of filters, found `]`",
        ),
        ("layers=[3x3x36]", "a net has 1 layers; the nas_cnn space takes 3 to 22"),
    ] {
        assert_eq!(told(text), expected);
    }
}

#[test]
fn a_layer_reads_what_it_is_linked_to_or_the_image_and_the_head_what_nobody_reads() {
    let text = "layers=[1x3x36, 3x5x24, 7x7x48(0)]";
    let net = text.parse::<Arch>().unwrap().sketch().remove(0);
    let reads: Vec<_> = (0..net.vertices.len()).map(|vertex| net.reads(vertex)).collect();
    assert_eq!(reads, [vec![], vec![0], vec![0], vec![1], vec![2, 3]]);
    assert!(net.is_layered());
    assert_eq!(net.vertices[2].caption, ["3×5, 24 filters", "of", "image"]);
    assert_eq!(net.vertices[3].label, "2  7×7");
    assert_eq!(net.vertices[3].op.map(|op| net.ops[op as usize]), Some("48 filters"));
}
