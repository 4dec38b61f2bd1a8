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


def another_weight(case: Path) -> bool:
    path = case / "weights.safetensors"
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    tensors["stem.weight"] = one_value(tensors["stem.weight"])
    save_file(tensors, path, metadata)
    return True


def another_name(case: Path) -> bool:
    path = case / "weights.safetensors"
    path.write_bytes(path.read_bytes().replace(b"class \\\\\\\"3", b"class \\\\\\\"4"))
    return True


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
    "Python: another weight": ("model.py", another_weight),
    "another class name": ("weights.safetensors", another_name),
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
