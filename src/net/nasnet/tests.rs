//! Sizes of NASNet's nets, held against a count by another program, and what shares what.

#![cfg(test)]

use super::*;
use crate::net::Cost;
use crate::random::{Owner, generator};
use rand::RngExt;

/// Cells with every operation, inputs that are loose ends, states that join and one that joins a state
/// with itself.
const EVERY: &str = "nasnet normal=[identity(0)|identity(0), conv_1x3_3x1(0)|conv_1x7_7x1(2), \
                     dil_conv_3x3(2)+max_pool_5x5(3), conv_1x1(1)|conv_3x3(4), \
                     sep_conv_7x7(5)+max_pool_7x7(5)] reduction=[conv_1x3_3x1(0)+conv_1x7_7x1(0), \
                     dil_conv_3x3(0)|max_pool_5x5(0), conv_1x1(0)|conv_3x3(2), \
                     identity(0)|sep_conv_7x7(0), max_pool_7x7(0)|identity(0)]";

fn family(n_blocks: usize, layers: usize, channels: usize) -> NasnetFamily {
    let config = NetConfig { layers, channels, ..NetConfig::default() };
    let shape = Shape { channels: 3, height: 32, width: 32 };
    let input = Input::Image { shape, classes: 10 };
    NasnetFamily::new(Nasnet::new(n_blocks).unwrap(), config, input).unwrap()
}

fn cost(text: &str, layers: usize, channels: usize) -> Cost {
    family(5, layers, channels).standalone(&text.parse().unwrap()).unwrap().cost()
}

/// Parameters and multiply-adds by a program that counts each operation by its formula and knows
/// nothing of layers. The paper has 3.3 million for NASNet-A of 18 cells and 32 channels, whose normal
/// cell joins one of its inputs too; DARTS' spelling of it, which is read here, does not.
#[test]
fn nets_that_stand_alone_have_the_counts_of_another_program() {
    for (text, layers, channels, params, multiply_adds) in [
        (Nasnet::PUBLISHED, 18, 32, 3_061_728, 483_842_304),
        (Nasnet::PUBLISHED, 6, 20, 497_740, 83_470_240),
        (Nasnet::PUBLISHED, 1, 4, 19_788, 2_364_192),
        (EVERY, 1, 4, 37_100, 4_051_104),
        (EVERY, 3, 8, 153_896, 22_266_176),
    ] {
        let found = cost(text, layers, channels);
        assert_eq!((found.params, found.multiply_adds), (params, multiply_adds), "{text}");
    }
}

fn shared_total(n_blocks: usize, layers: usize, channels: usize) -> usize {
    let params = family(n_blocks, layers, channels).shared_params();
    let own = params.iter().filter(|(name, _)| !name.starts_with("aux."));
    own.map(|(_, spec)| spec.len()).sum()
}

#[test]
fn shared_parameters_have_the_counts_of_another_program() {
    for (n_blocks, layers, channels, expected) in
        [(5, 1, 4, 1_363_932), (2, 3, 4, 405_956), (5, 6, 20, 48_355_580)]
    {
        assert_eq!(shared_total(n_blocks, layers, channels), expected);
    }
}

fn random(space: Nasnet, rng: &mut impl RngExt) -> Arch {
    let space = Space::Nasnet(space);
    let choices: Vec<u32> =
        space.script().options().map(|n| rng.random_range(0..n as u32)).collect();
    space.arch(&choices).unwrap()
}

#[test]
fn children_together_read_all_shared_parameters_and_no_other() {
    let family = family(2, 1, 2);
    let whole = family.shared_params();
    let mut read = BTreeMap::new();
    let mut rng = generator(1, Owner::Uniform, 0);
    for _ in 0..1200 {
        read.extend(family.shared(&random(family.space, &mut rng)).unwrap().params());
    }
    assert_eq!(read, whole);
}

/// What each layer that is run does, on which plane and with how many channels; without what drops
/// paths, and without what hands a cell on or brings it to F channels, in which the two differ.
fn runs(net: &Net) -> Vec<(LayerKind, Shape)> {
    let alike = net.evaluated().map(|(_, layer)| layer).filter(|layer| {
        let is_between = [".out", ".input0"].iter().any(|end| layer.path.ends_with(end));
        !is_between && !matches!(layer.kind, LayerKind::DropPath { .. })
    });
    alike.map(|layer| (layer.kind, layer.output)).collect()
}

#[test]
fn a_child_has_the_layers_of_the_net_that_stands_alone() {
    let family = family(5, 3, 4);
    let mut rng = generator(2, Owner::Uniform, 0);
    for _ in 0..20 {
        let arch = random(family.space, &mut rng);
        let [shared, alone] = [family.shared(&arch), family.standalone(&arch)].map(Result::unwrap);
        assert_eq!(runs(&shared), runs(&alone), "{arch}");
    }
}

#[test]
fn planes_are_halved_and_channels_doubled_in_reduction_cells() {
    let arch: Arch = Nasnet::PUBLISHED.parse().unwrap();
    let shape = |net: &Net, path: &str| {
        let found = net.layers.iter().find(|layer| layer.path == path).unwrap().output;
        (found.channels, found.height)
    };
    let net = family(5, 3, 4).standalone(&arch).unwrap();
    let places = ["stem", "cell0.out", "cell1.out", "cell2.out", "cell3.out", "cell4.out"];
    assert_eq!(
        places.map(|path| shape(&net, path)),
        [(12, 32), (20, 32), (24, 16), (40, 16), (48, 8), (80, 8)]
    );
    let net = family(5, 3, 4).shared(&arch).unwrap();
    assert_eq!(
        [0, 1, 4].map(|cell| shape(&net, &format!("cell{cell}.out"))),
        [(4, 32), (8, 16), (16, 8)]
    );
}

#[test]
fn a_net_refuses_an_architecture_of_another_size() {
    let arch: Arch = Nasnet::PUBLISHED.parse().unwrap();
    let error = family(4, 1, 4).shared(&arch).unwrap_err();
    let of = |n| Space::Nasnet(Nasnet::new(n).unwrap());
    assert_eq!(error, NetError::Space { found: of(5), expected: of(4) });
}
