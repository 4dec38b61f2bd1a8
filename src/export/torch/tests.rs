//! What a Python file is made of; `tests/export/check.py` looks at what it computes.

use super::images::PARTS;
use super::*;
use crate::export::color::tests::LAYERS;
use crate::export::sample::{CELLS, Sample};
use crate::net::Norm;

fn written(arch: &str, norm: Norm) -> String {
    torch_file(&Sample::of(arch, norm).model()).unwrap()
}

/// The lines under the heading `section` of a net's class, those that make it and those that run it.
fn section(file: &str, section: &str) -> String {
    let class = file.split(GAP).find(|part| name(part) == Some("Model")).unwrap();
    let heading = format!("        # {section}\n");
    let parts = class.split(&heading).skip(1).map(|part| part.split("\n\n").next().unwrap());
    parts.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_layer_of_a_net_has_the_names_of_the_engine() {
    let file = written(LAYERS, Norm::Running);
    insta::assert_snapshot!(section(&file, "layer5"), @r#"
    self.layer5 = nn.ModuleDict()
    self.layer5.avg_pool_3x3 = nn.ModuleDict()
    self.layer5.avg_pool_3x3["0"] = Conv(12, 12, kernel=1, relu=True)
    self.layer5.join = nn.ModuleDict()
    self.layer5.join.stem = nn.Linear(12, 12, bias=False)
    self.layer5.join.from1 = nn.Linear(12, 12, bias=False)
    self.layer5.join.from3 = nn.Linear(12, 12, bias=False)
    self.layer5.join.own = nn.Linear(12, 12, bias=False)
    self.layer5.join.norm = Norm(12)

    layer5_avg_pool_3x3_0 = self.layer5.avg_pool_3x3["0"](layer4_join)
    layer5_avg_pool_3x3_1 = avg_pool(layer5_avg_pool_3x3_0, stride=1)
    layer5_join = gather(
        [reduce3_stem, reduce3_from1, reduce3_from3, layer5_avg_pool_3x3_1],
        [self.layer5.join.stem, self.layer5.join.from1, self.layer5.join.from3, self.layer5.join.own],
        self.layer5.join.norm,
    )
    "#);
}

#[test]
fn a_cell_halves_adds_and_joins() {
    let file = written(CELLS, Norm::Running);
    insta::assert_snapshot!(section(&file, "cell1"), @r#"
    self.cell1 = nn.ModuleDict()
    self.cell1.calibrate0 = FactorizedReduction(9, 12, relu=True)
    self.cell1.base = Conv(12, 12, kernel=1, relu=True)
    self.cell1.node2 = nn.ModuleDict()
    self.cell1.node2.x = nn.ModuleDict()
    self.cell1.node2.x.sep_conv_3x3 = nn.ModuleDict()
    self.cell1.node2.x.sep_conv_3x3["0"] = SepConv(12, 12, kernel=3, stride=2)
    self.cell1.node2.x.sep_conv_3x3["1"] = SepConv(12, 12, kernel=3, stride=1)
    self.cell1.node2.y = nn.ModuleDict()
    self.cell1.node2.y.sep_conv_5x5 = nn.ModuleDict()
    self.cell1.node2.y.sep_conv_5x5["0"] = SepConv(12, 12, kernel=5, stride=2)
    self.cell1.node2.y.sep_conv_5x5["1"] = SepConv(12, 12, kernel=5, stride=1)
    self.cell1.out = nn.ModuleDict()
    self.cell1.out.from0 = FactorizedReduction(12, 12, relu=False)

    cell1_calibrate0 = self.cell1.calibrate0(stem)
    cell1_base = self.cell1.base(cell0_out)
    cell1_node2_x_sep_conv_3x3_0 = self.cell1.node2.x.sep_conv_3x3["0"](cell1_base)
    cell1_node2_x_sep_conv_3x3_1 = self.cell1.node2.x.sep_conv_3x3["1"](cell1_node2_x_sep_conv_3x3_0)
    cell1_node2_y_sep_conv_5x5_0 = self.cell1.node2.y.sep_conv_5x5["0"](cell1_base)
    cell1_node2_y_sep_conv_5x5_1 = self.cell1.node2.y.sep_conv_5x5["1"](cell1_node2_y_sep_conv_5x5_0)
    cell1_node2 = cell1_node2_x_sep_conv_3x3_1 + cell1_node2_y_sep_conv_5x5_1
    cell1_node3_x_avg_pool_3x3 = avg_pool(cell1_base, stride=2)
    cell1_node3_y_max_pool_3x3 = max_pool(cell1_node2, stride=1)
    cell1_node3 = cell1_node3_x_avg_pool_3x3 + cell1_node3_y_max_pool_3x3
    cell1_out_from0 = self.cell1.out.from0(cell1_calibrate0)
    cell1_out = torch.cat([cell1_out_from0, cell1_node3], 1)
    "#);
}

#[test]
fn a_net_of_words_runs_its_cell_for_each_word() {
    let file = torch_file(&Sample::of_words(Norm::Running).model()).unwrap();
    let class = file.split(GAP).find(|part| name(part) == Some("Model")).unwrap();
    let start = class.find("    def __init__").unwrap();
    insta::assert_snapshot!(&class[start..], @r#"
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), HIDDEN)
        self.cell = nn.ModuleDict()
        self.cell.input = Node(2 * HIDDEN, nn.Tanh())
        self.cell.node1 = Node(HIDDEN, nn.Tanh())
        self.cell.node2 = Node(HIDDEN, nn.ReLU())
        self.cell.node3 = Node(HIDDEN, nn.Sigmoid())
        self.cell.node4 = Node(HIDDEN, nn.Identity())
        self.cell.node5 = Node(HIDDEN, nn.Tanh())

    def start(self, rows):
        """The states before texts."""
        return self.embedding.weight.new_zeros(rows, HIDDEN)

    def forward(self, ids, state):
        states = []
        for word in self.embedding(ids):
            node0 = self.cell.input(state, word)
            node1 = self.cell.node1(node0)
            node2 = self.cell.node2(node1)
            node3 = self.cell.node3(node0)
            node4 = self.cell.node4(node1)
            node5 = self.cell.node5(node4)
            state = (node2 + node3 + node5) / 3
            states.append(state)
        logits = torch.stack(states) @ self.embedding.weight.T
        return logits.log_softmax(2), state
    "#);
}

#[test]
fn a_tree_runs_leaf_by_leaf_and_hands_both_states_on() {
    let file = torch_file(&Sample::of_tree().model()).unwrap();
    let class = file.split(GAP).find(|part| name(part) == Some("Model")).unwrap();
    let start = class.find("    def __init__").unwrap();
    insta::assert_snapshot!(&class[start..], @r#"
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), HIDDEN)
        self.cell = nn.ModuleDict()
        self.cell.leaves = Leaves(3)

    def start(self, rows):
        """The states before texts."""
        return self.embedding.weight.new_zeros(rows, 2 * HIDDEN)

    def forward(self, ids, state):
        states = []
        for word in self.embedding(ids):
            h, c = state.chunk(2, 1)
            xs, hs = self.cell.leaves(word, h)
            node0 = torch.tanh(xs[0] + hs[0])
            node1 = torch.relu(xs[1] * hs[1])
            node2 = xs[2] + hs[2]
            node3 = torch.sigmoid(node0 * node1)
            node3 = torch.relu(node3 * c)
            memory = node2 + node3
            node4 = torch.tanh(memory)
            state = torch.cat([node4, memory], 1)
            states.append(node4)
        logits = torch.stack(states) @ self.embedding.weight.T
        return logits.log_softmax(2), state
    "#);
    assert!(file.contains("\nclass Leaves(") && !file.contains("class Node("), "{file}");
}

#[test]
fn a_shared_child_has_the_names_of_its_part_of_the_weights() {
    let file = torch_file(&Sample::of_words(Norm::Batch).model()).unwrap();
    let line = "        self.cell.node2.relu.from1 = Node(HIDDEN, nn.ReLU())\n";
    assert!(file.contains(line), "{file}");
}

#[test]
fn a_vocabulary_is_a_literal_on_one_line() {
    let file = torch_file(&Sample::of_words(Norm::Running).model()).unwrap();
    let line = file.lines().find_map(|line| line.strip_prefix("VOCABULARY = ")).unwrap();
    assert_eq!(line, r#"["\"; \\ é","<eos>","a","the"]"#);
    assert!(file.contains("\nEOS = \"<eos>\"\n") && file.contains("\nHIDDEN = 3\n"));
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
fn a_file_knows_how_values_of_16_bits_become_pixels() {
    let file = written(CELLS, Norm::Running);
    assert!(file.contains("\nDEEP = (1000, 2020)\n"), "{file}");
}

#[test]
fn a_word_is_called_only_as_a_whole() {
    assert!(calls("x = Conv(1)", "Conv") && calls("(padded(x))", "padded"));
    assert!(!calls("x = SepConv(1)", "Conv") && !calls("Conv.x", "Conv"));
}
