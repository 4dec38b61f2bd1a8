//! What a Python file is made of; `tests/export/check.py` looks at what it computes.

use super::*;
use crate::export::sample::{CELLS, Sample};

fn written(arch: &str, norm: Norm) -> String {
    torch_file(&Sample::of(arch, norm).model()).unwrap()
}

/// The class of the net.
fn class(file: &str) -> &str {
    file.split(GAP).find(|part| name(part) == Some("Model")).unwrap()
}

/// Looks for lines in the class of a net.
#[track_caller]
fn check(arch: &str, norm: Norm, lines: &[&str]) {
    let file = written(arch, norm);
    let class = class(&file);
    for line in lines {
        assert!(class.lines().any(|found| found.trim() == *line), "no `{line}` in:\n{class}");
    }
}

#[test]
fn a_net_of_layers_is_a_line_for_each() {
    let layers = "layers=[conv_3x3, sep_conv_5x5(stem), max_pool_3x3(stem+0)]";
    let file = written(layers, Norm::Running);
    let class = class(&file);
    for part in ["Conv(", "SepConv(", "max_pool"] {
        assert!(class.contains(part), "no `{part}` in:\n{class}");
    }
    assert!(!class.contains("statistics of the batch at hand"), "{class}");
}

#[test]
fn a_cell_is_a_line_for_each_operation() {
    check(
        "0 1 1 2 0 3 2 4 1 0 1 1 1 2 2 3",
        Norm::Batch,
        &[
            "self.stem = Conv(2, 9, kernel=3, relu=False)",
            "self.cell0.reduce = FactorizedReduction(9, 6, relu=False)",
            "self.cell0.node2.x.sep_conv_3x3.from1[\"0\"] = SepConv(6, 6, kernel=3, stride=1)",
            "self.cell0.node2.y.sep_conv_5x5.from1[\"1\"] = SepConv(6, 6, kernel=5, stride=1)",
            "self.cell0.out.from3 = nn.Linear(6, 6, bias=False)",
            "It normalizes by the statistics of the batch at hand: give it many images at once.",
        ],
    );
}

#[test]
fn a_file_defines_what_it_calls_and_no_more() {
    for norm in [Norm::Running, Norm::Batch] {
        let file = written(CELLS, norm);
        for part in PARTS.split(GAP) {
            let name = name(part).unwrap();
            let n_defined = file.split(GAP).filter(|found| *found == part.trim_end()).count();
            let rest = file.replace(part.trim_end(), "");
            assert_eq!(n_defined == 1, calls(&rest, name), "{name}, {norm:?}");
        }
        assert_eq!(file.matches("class Norm(").count(), 1);
        assert_eq!(file.contains("\"variance\""), norm == Norm::Running);
        assert!(!file.contains("aux"), "the auxiliary head is left out");
    }
}

#[test]
fn texts_from_outside_are_literals_on_one_line() {
    let mut sample = Sample::of(CELLS, Norm::Running);
    sample.class_names[0] = "x\"]\nimport os  # \u{2028}\r'''\"\"\"\\".to_owned();
    let mut model = sample.model();
    model.id = "\"\nimport os";
    let file = torch_file(&model).unwrap();
    assert!(!file.lines().any(|line| line.starts_with("import os")));
    let line = file.lines().find_map(|line| line.strip_prefix("CLASS_NAMES = ")).unwrap();
    assert_eq!(serde_json::from_str::<Vec<String>>(line).unwrap(), sample.class_names);
}

#[test]
fn a_word_is_called_only_as_a_whole() {
    assert!(calls("x = Conv(1)", "Conv") && calls("(padded(x))", "padded"));
    assert!(!calls("x = SepConv(1)", "Conv") && !calls("Conv.x", "Conv"));
}
