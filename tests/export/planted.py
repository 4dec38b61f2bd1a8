"""Plants faults in copies of exported cases, to show that check.py finds each of them."""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors import safe_open
from safetensors.numpy import save_file


def graph(edit):
    """A fault in the ONNX file; `edit` says whether its graph has a place for it."""

    def plant(case: Path) -> bool:
        model = onnx.load(case / "model.onnx")
        has_place = edit(model.graph)
        onnx.save(model, case / "model.onnx")
        return has_place

    return "model.onnx", plant


def text(old: str, new: str):
    """A fault in the Python file."""

    def plant(case: Path) -> bool:
        source = (case / "model.py").read_text()
        (case / "model.py").write_text(source.replace(old, new))
        return old in source

    return "model.py", plant


def attributes(nodes, name: str):
    return [(node, a) for node in nodes for a in node.attribute if a.name == name]


def pads_on_the_other_side(graph) -> bool:
    uneven = [pads for _, pads in attributes(graph.node, "pads") if pads.ints[:2] != pads.ints[2:]]
    for pads in uneven:
        pads.ints[:] = [*pads.ints[2:], *pads.ints[:2]]
    return bool(uneven)


def averages_of_padding(graph) -> bool:
    found = attributes(graph.node, "count_include_pad")
    for _, include in found:
        include.i = 1
    return bool(found)


def another_epsilon(graph) -> bool:
    found = attributes(graph.node, "epsilon")
    for _, epsilon in found:
        epsilon.f = 1e-3
    return bool(found)


def constant(name: str, change):
    """A change of the values of a constant."""

    def edit(graph) -> bool:
        found = [tensor for tensor in graph.initializer if tensor.name.endswith(name)]
        for tensor in found:
            values = change(numpy_helper.to_array(tensor).copy())
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return bool(found)

    return edit


def no_relu(graph) -> bool:
    """One ReLU less: the head's."""
    for node in graph.node:
        if node.name == "head/relu":
            node.op_type = "Identity"
            return True
    return False


def one_value(values: np.ndarray) -> np.ndarray:
    values.flat[0] += 0.1
    return values


def another_weight(name: str):
    """A fault in the weights that PyTorch loads."""

    def plant(case: Path) -> bool:
        path = case / "weights.safetensors"
        with safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata()
        if name not in tensors:
            return False
        tensors[name] = one_value(tensors[name])
        save_file(tensors, path, metadata)
        return True

    return "model.py", plant


def embedding_twice(graph) -> bool:
    """The softmax has an embedding of its own."""
    found = [node for node in graph.node if node.op_type == "Transpose"]
    for node in found:
        own = next(tensor for tensor in graph.initializer if tensor.name == node.input[0])
        graph.initializer.add().CopyFrom(own)
        graph.initializer[-1].name = node.input[0] = "own"
    return bool(found)


def body(edit):
    """A fault in what a net of words does at each step."""

    def plant(outer) -> bool:
        bodies = [edit(body.g) for _, body in attributes(outer.node, "body")]
        return any(bodies)

    return graph(plant)


def renamed(name: str, op: str):
    """Another operator where the name is that."""

    def edit(graph) -> bool:
        found = [node for node in graph.node if node.name == name and node.op_type != op]
        for node in found:
            node.op_type = op
        return bool(found)

    return edit


def halves_swapped(graph) -> bool:
    found = [node for node in graph.node if node.op_type == "Split"]
    for node in found:
        node.output[:] = [node.output[1], node.output[0]]
    return bool(found)


def one_end_less(graph) -> bool:
    found = [node for node in graph.node if node.op_type == "Mean" and 1 < len(node.input)]
    for node in found:
        del node.input[-1]
    return bool(found)


def state_before(graph) -> bool:
    """What is written is the state before the word."""
    [node] = [node for node in graph.node if node.op_type == "Identity" and "written" in node.name]
    node.input[0] = graph.input[0].name
    return True


def another_name(old: bytes, new: bytes):
    """A fault in the names of classes, which are as long as they were."""

    def plant(case: Path) -> bool:
        path = case / "weights.safetensors"
        content = path.read_bytes()
        path.write_bytes(content.replace(old, new))
        return old in content

    return "weights.safetensors", plant


# Each fault with the file that must be found wrong, and how it is planted.
FAULTS = {
    "pads on the other side": graph(pads_on_the_other_side),
    "averages that count padding": graph(averages_of_padding),
    "another epsilon": graph(another_epsilon),
    "a weight changed": graph(constant("stem.weight", one_value)),
    "a shift too short": graph(constant("shifted/starts", np.zeros_like)),
    "another mean": graph(constant("images/mean", lambda values: values + 0.01)),
    "pixels scaled by 256": graph(constant("images/largest", lambda values: values + 1)),
    "no ReLU before the head": graph(no_relu),
    "Python: pads on the other side": text("total // 2, total - total", "total - total // 2, total"),
    "Python: maximum with zeros": text("value=-torch.inf", "value=0.0"),
    "Python: a shift too short": text("1::2, 1::2", "::2, ::2"),
    "Python: another mean": text("- self.pixel_mean", "+ self.pixel_mean"),
    "Python: another weight": another_weight("stem.weight"),
    "another class name": another_name(b'class \\\\\\"3', b'class \\\\\\"4'),
    "words: the embedding changed": graph(constant("embedding.weight", one_value)),
    "words: the embedding twice": graph(embedding_twice),
    "words: a weight of the cell changed": graph(constant("cell.input.weight", one_value)),
    "words: no logarithm": graph(renamed("log_probabilities", "Softmax")),
    "words: halves swapped": body(halves_swapped),
    "words: the input node bends otherwise": body(renamed("cell.input/function", "Relu")),
    "words: the gate is open otherwise": body(renamed("cell.input/gate", "Tanh")),
    "words: one loose end less": body(one_end_less),
    "words: a step too late": body(state_before),
    "words, Python: halves swapped": text("h, t = (read", "t, h = (read"),
    "words, Python: no way around a node": text("(self.function(h) - state)", "self.function(h)"),
    "words, Python: features swapped": text("[word, state]", "[state, word]"),
    "words, Python: no state is carried": text("log_softmax(2), state", "log_softmax(2), word"),
    "words, Python: a start with ones": text("new_zeros", "new_ones"),
    "words, Python: another weight": another_weight("cell.input.weight"),
    "another word": another_name(b'w\\\\\\"3', b'w\\\\\\"4'),
}


def find(cases: list[Path], faults) -> str | None:
    """Why check.py proves nothing; nothing where it finds every fault."""
    for name, (file, plant) in FAULTS.items():
        found = first_found(cases, plant, lambda case, file=file: [
            fault for fault in faults(case) if fault.startswith(file)
        ])
        if found is None:
            return f"not found although planted: {name}"
        print(f"{name}: {found}", file=sys.stderr)
    print(f"all {len(FAULTS)} planted faults were found")
    return None


def first_found(cases: list[Path], plant, faults) -> str | None:
    """The first fault that is found, of all the cases that have a place for it."""
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(case, Path(folder) / case.name))
            if plant(copy) and (found := faults(copy)):
                return f"{case.name}: {found[0]}"
    return None
