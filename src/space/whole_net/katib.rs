//! Katib's form: what its ENAS suggestions give their trials, a list that grows by a number from
//! layer to layer, and what the numbers of operations stand for. It is read only.
//!
//! ```text
//! architecture: [[3], [0, 1], [2, 0, 1], …]
//! nn_config:    {'num_layers': 12, 'input_sizes': …, 'output_sizes': …, 'embedding': {
//!                   '3': {'opt_id': 3, 'opt_type': 'convolution',
//!                         'opt_params': {'filter_size': '3', 'num_filter': '64',
//!                                        'stride': '1'}}, …}}
//! ```
//!
//! The bits behind an operation are the authors': bit j of a layer is 1 where it takes in the stem
//! (j = 0) or layer j − 1 (Katib's `all_layers[j]`), and the layer before it always does. An
//! operation's number has the meaning that `embedding` gives it; without `nn_config` it is taken
//! for the authors', 0 to 5. One that has two meanings is refused.
//!
//! ```text
//! conv_3x3, conv_5x5          convolution            filter_size 3, 5
//! sep_conv_3x3, sep_conv_5x5  separable_convolution  filter_size 3, 5, depth_multiplier 1
//! avg_pool_3x3, max_pool_3x3  reduction              reduction_type avg_pooling, max_pooling,
//!                                                    pool_size 3
//! ```
//!
//! All with `stride` 1, since only two fixed layers halve a net here; what is not said has Katib's
//! default, which for the stride of a pooling is its size. `num_filter` is not read: widths are the
//! net's here. Any other operation is refused by its name. What remains of the difference: Katib's
//! nets have no stem, and join skips before the operation where the authors' join them behind it.

use crate::space::literal::{self, Literal};
use crate::space::whole_net::{LayerOp, rows};
use crate::space::{Arch, SpaceError, WholeNet, numbers};

/// Where the meaning of operations stands.
const EMBEDDING: &str = "embedding";

pub(super) fn looks_like(text: &str) -> bool {
    text.contains("nn_config") || text.contains(EMBEDDING) || numbers::is_ragged(text)
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    const ROWS: &str = "the list of layers, such as `[[3], [0, 1], [2, 0, 1]]`";
    const NUMBER: &str = "a number of this layer's list";
    let text = literal::read(source)?;
    let list = text.only(is_rows)?.ok_or_else(|| text.unexpected(ROWS))?;
    let config = text.only(|found| found.get(EMBEDDING).is_some())?;
    let embedding = config.and_then(|config| config.get(EMBEDDING));
    let (mut layers, mut at) = (Vec::new(), 0);
    for (layer, row) in list.items().iter().enumerate() {
        let row = row.items().iter().map(|number| number.number(NUMBER));
        let mut row: Vec<usize> = row.collect::<Result<_, _>>()?;
        if row.len() != layer + 1 {
            return Err(SpaceError::LayerLine { line: layer + 1, found: row.len() });
        }
        row[0] = op(layer, row[0], embedding)?.idx();
        layers.push(rows::read_layer(layer, &row, at)?);
        at += row.len();
    }
    WholeNet::arch(&layers)
}

/// Whether it has lists of numbers.
fn is_rows(found: &Literal<'_>) -> bool {
    let is_number = |item: &Literal<'_>| item.key.is_empty() && item.number("").is_ok();
    found.items().first().is_some_and(|row| row.items().first().is_some_and(is_number))
}

/// The operation that the number `id` of a layer stands for.
fn op(layer: usize, id: usize, embedding: Option<&Literal<'_>>) -> Result<LayerOp, SpaceError> {
    let unsaid = || SpaceError::NoEmbedding { layer, id };
    let Some(embedding) = embedding else {
        return LayerOp::ALL.get(id).copied().ok_or_else(unsaid);
    };
    let mut meant = embedding.items().iter().filter(|item| item.key.parse() == Ok(id));
    let meant = match (meant.next(), meant.next()) {
        (None, _) => return Err(unsaid()),
        (Some(meant), None) => meant,
        (Some(_), Some(_)) => return Err(SpaceError::TwoEmbeddings { layer, id }),
    };
    let kind = meant.get("opt_type").map_or("", |kind| kind.word);
    let params = meant.get("opt_params").map_or(&[][..], Literal::items);
    let param = |name: &str| params.iter().find(|param| param.key == name).map(|param| param.word);
    let is = |name, default, value| param(name).unwrap_or(default) == value;
    let is_plain = is("stride", "1", "1") && is("depth_multiplier", "1", "1");
    // A pooling without a stride has its size for one.
    let pools = is("pool_size", "2", "3") && is("stride", "3", "1");
    let kernel = param("filter_size").unwrap_or("3");
    let pooling = param("reduction_type").unwrap_or("max_pooling");
    let found = match (kind, kernel, pooling) {
        ("convolution", "3", _) if is_plain => Some(LayerOp::Conv3x3),
        ("convolution", "5", _) if is_plain => Some(LayerOp::Conv5x5),
        ("separable_convolution", "3", _) if is_plain => Some(LayerOp::SepConv3x3),
        ("separable_convolution", "5", _) if is_plain => Some(LayerOp::SepConv5x5),
        ("reduction", _, "avg_pooling") if pools => Some(LayerOp::AvgPool3x3),
        ("reduction", _, "max_pooling") if pools => Some(LayerOp::MaxPool3x3),
        _ => None,
    };
    found.ok_or_else(|| {
        let params = params.iter().map(|param| format!("{}={}", param.key, param.word));
        let op = format!("{kind}({})", params.collect::<Vec<_>>().join(", "));
        SpaceError::NetOp { layer, id, op }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;
    use proptest::prelude::*;

    /// How Katib says an operation, with a width and with `stride` where it is not the default.
    fn said(op: LayerOp, width: usize) -> (&'static str, String) {
        let filter = |kind, size| {
            let params = format!("'filter_size': '{size}', 'num_filter': '{width}', 'stride': '1'");
            (kind, params)
        };
        let pool = |kind| {
            let params = format!("'reduction_type': '{kind}', 'pool_size': 3, 'stride': '1'");
            ("reduction", params)
        };
        match op {
            LayerOp::Conv3x3 => filter("convolution", 3),
            LayerOp::SepConv3x3 => filter("separable_convolution", 3),
            LayerOp::Conv5x5 => filter("convolution", 5),
            LayerOp::SepConv5x5 => filter("separable_convolution", 5),
            LayerOp::AvgPool3x3 => pool("avg_pooling"),
            LayerOp::MaxPool3x3 => pool("max_pooling"),
        }
    }

    /// The list and the configuration of `arch` with `ids` for its operations.
    fn written(arch: &Arch, ids: &[usize], width: usize) -> [String; 2] {
        let layers = WholeNet::layers(arch).unwrap();
        let list = layers.iter().enumerate().map(|(layer, found)| {
            let bits = (0..layer).map(|tensor| usize::from(found.skips.contains(&tensor)));
            [ids[found.op.idx()]].into_iter().chain(bits).collect::<Vec<_>>()
        });
        let list: Vec<_> = list.collect();
        let embedding = LayerOp::ALL.map(|op| {
            let (kind, params) = said(op, width);
            let id = ids[op.idx()];
            format!("'{id}': {{'opt_id': {id}, 'opt_type': '{kind}', 'opt_params': {{{params}}}}}")
        });
        let config = format!(
            "{{'num_layers': {}, 'input_sizes': [32, 32, 3], 'output_sizes': [10], 'embedding': \
             {{{}}}}}",
            layers.len(),
            embedding.join(", ")
        );
        [format!("{list:?}"), config]
    }

    fn arch() -> impl Strategy<Value = Arch> {
        (3_usize..=24).prop_flat_map(|n| {
            let space = Space::WholeNet(WholeNet::new(n).unwrap());
            let choices: Vec<_> = space.script().options().map(|n| 0..n as u32).collect();
            choices.prop_map(move |choices| space.arch(&choices).unwrap())
        })
    }

    proptest! {
        #[test]
        fn suggestions_are_read_as_people_paste_them(
            arch in arch(),
            ids in Just((7_usize..40).collect::<Vec<_>>()).prop_shuffle(),
            width in 1_usize..99,
        ) {
            let [list, config] = written(&arch, &ids, width);
            let pretty = config.replace('\'', "\"").replace(", ", ",\n  ");
            for text in [
                format!("--architecture=\"{list}\" --nn_config=\"{config}\""),
                format!("{{\"architecture\": \"{list}\", \"nn_config\": \"{config}\"}}"),
                format!("{{\n\"nn_config\": {pretty},\n\"architecture\": {list}\n}}"),
                format!(
                    "- name: architecture\n  value: '{list}'\n- name: nn_config\n  value: '{}'\n",
                    config.replace('\'', "''")
                ),
                format!("{list}\n{pretty}"),
            ] {
                for space in Space::each() {
                    prop_assert_eq!(Arch::parse(space, &text), Ok(arch.clone()), "{}", text);
                }
            }
            let [list, _] = written(&arch, &[0, 1, 2, 3, 4, 5], width);
            prop_assert_eq!(list.parse::<Arch>(), Ok(arch));
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    const LIST: &str = "[[7], [9, 0], [9, 0, 1]]";

    #[test]
    fn an_operation_that_the_space_lacks_is_named() {
        let op = |kind: &str, params: &str| {
            let nine = "'opt_type': 'reduction', 'opt_params': {'pool_size': 3, 'stride': 1}";
            format!(
                "{LIST} {{'embedding': {{'9': {{{nine}}}, '7': {{'opt_type': '{kind}', \
                 'opt_params': {{{params}}}}}}}}}"
            )
        };
        let arch: Arch = op("convolution", "").parse().unwrap();
        assert_eq!(arch.to_string(), "layers=[conv_3x3, max_pool_3x3, max_pool_3x3(0)]");
        let has = "which the whole_net space does not have: its layers convolve by 3 or 5, plainly \
                   or separably, or pool by 3, with stride 1";
        for (kind, params, said) in [
            ("convolution", "'filter_size': '7'", "convolution(filter_size=7)"),
            ("convolution", "'stride': 2", "convolution(stride=2)"),
            (
                "separable_convolution",
                "'depth_multiplier': 2",
                "separable_convolution(depth_multiplier=2)",
            ),
            ("depthwise_convolution", "", "depthwise_convolution()"),
            ("reduction", "'pool_size': 3", "reduction(pool_size=3)"),
            ("reduction", "'stride': 1", "reduction(stride=1)"),
        ] {
            check(&op(kind, params), &format!("layer 0 applies operation 7, `{said}`, {has}"));
        }
    }

    #[test]
    fn a_number_without_a_meaning_is_told() {
        let unsaid = "and nothing says which that is; give `nn_config` with its `embedding` too, \
                      or the authors' numbers 0 to 5";
        check(LIST, &format!("layer 0 applies operation 7, {unsaid}"));
        let config = "{'embedding': {'7': {'opt_type': 'convolution'}}}";
        check(&format!("{LIST} {config}"), &format!("layer 1 applies operation 9, {unsaid}"));
        check(
            config,
            "at character 1: expected the list of layers, such as `[[3], [0, 1], [2, 0, 1]]`, found \
             `{'embedding'`",
        );
    }

    #[test]
    fn a_number_with_two_meanings_is_named() {
        let config = "{'embedding': {'7': {'opt_type': 'convolution'}, '9': {'opt_type': \
                      'convolution'}, '09': {'opt_type': 'separable_convolution'}}}";
        check(
            &format!("{LIST} {config}"),
            "layer 1 applies operation 9, which `embedding` in `nn_config` explains twice; keep \
             the one that was meant",
        );
    }

    #[test]
    fn a_list_that_is_no_net_is_told_by_its_place() {
        check(
            "[[0], [1, 0], [1, 0]]",
            "line 3 has 2 numbers, but layer 2 takes 3: its operation and a 0 or 1 for each \
             earlier tensor",
        );
        check("[[0], [1, 2], [1, 0, 1]]", "number 3 is 2; a skip connection of layer 1 is 0 or 1");
        check("[[0], [1, 0]]", "a net has 2 layers; the whole_net space takes 3 to 40");
        check(
            "[[0], [1, x], [1, 0, 1]]",
            "at character 11: expected a number of this layer's list, found `x], [1, 0, 1`",
        );
    }
}
