"""Has onnxruntime and PyTorch compute exported nets, and compares them with the daemon's engine.

    check.py CASES            every case of a folder that tests/export.rs wrote
    check.py CASES --plant    plants faults in copies of cases; each must be found

Beside the logits it looks at what the files tell: class names, normalization, id. Nets of words
are in words.py, and how much may differ in difference.py.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

import words
from difference import WORST, difference

OPSET = 17
# The nets are small: more threads would wait for each other.
torch.set_num_threads(1)
ONE_THREAD = onnxruntime.SessionOptions()
ONE_THREAD.intra_op_num_threads = 1
# Those whose program is run on a file too: one with grey images, one with colored ones, and text.
PROGRAMS = (
    "micro-1x28x28-running-0",
    "whole_net-3x32x32-running-0",
    "recurrent-published8-standalone-0",
    "nas_rnn-published8-standalone-1",
)


def faults(case: Path) -> list[str]:
    """What is wrong with the files of a case."""
    expected = load_file(case / "expected.safetensors")
    try:
        opset = opset_faults(case / "model.onnx")
        if "ids0" in expected:
            return [*opset, *words.faults(case, expected)]
        return [
            *opset,
            *onnx_faults(case / "model.onnx", expected, np.uint8),
            *onnx_faults(case / "model_f32.onnx", expected, np.float32),
            *torch_faults(case, expected),
            *weights_faults(case / "weights.safetensors", expected),
        ]
    except Exception as error:  # Whatever a program says of a file that it does not take.
        return [f"{type(error).__name__}: {error}"]


def opset_faults(path: Path):
    model = onnx.load(path)
    if [(opset.domain, opset.version) for opset in model.opset_import] != [("", OPSET)]:
        yield f"{path.name}: the opset is not {OPSET}"


def onnx_faults(path: Path, expected: dict, pixels: type):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    names = {constant.name for constant in model.graph.initializer}
    if any(name.startswith("aux.") for name in names):
        yield f"{path.name}: it holds the auxiliary head"
    read = {name for node in model.graph.node for name in node.input}
    if names - read:
        yield f"{path.name}: nothing reads {names - read}"
    props = {prop.key: prop.value for prop in model.metadata_props}
    yield from metadata_faults(path, props, expected)
    session = onnxruntime.InferenceSession(path, ONE_THREAD, providers=["CPUExecutionProvider"])
    images = expected["images"].astype(pixels)
    for name, batch in [("logits", images), ("first", images[:1])]:
        logits, probabilities = session.run(["logits", "probabilities"], {"images": batch})
        yield from difference(f"{path.name}, {name}", logits, expected[name])
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        softmax = shifted / shifted.sum(1, keepdims=True)
        if not np.allclose(probabilities, softmax, atol=1e-6):
            yield f"{path.name}: the probabilities are not the softmax of the logits"


def torch_faults(case: Path, expected: dict):
    spec = importlib.util.spec_from_file_location("exported", case / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load(case / "weights.safetensors")
    if len(module.CLASS_NAMES) != expected["logits"].shape[1]:
        yield "model.py: the class names are not those of the logits"
    images = torch.from_numpy(expected["images"])
    with torch.inference_mode():
        for name, batch in [("logits", images), ("first", images[:1]), ("logits", images.float())]:
            yield from difference(f"model.py, {name}", model(batch).numpy(), expected[name])


def weights_faults(path: Path, expected: dict):
    with safe_open(path, "np") as file:
        yield from metadata_faults(path, file.metadata(), expected)


def metadata_faults(path: Path, metadata: dict, expected: dict):
    channels = expected["images"].shape[1]
    names = json.loads(metadata["class_names"])
    normalization = json.loads(metadata["normalization"])
    if names != [f'class "{idx}"' for idx in range(expected["logits"].shape[1])]:
        yield f"{path.name}: the class names are {names}"
    if [len(normalization[key]) for key in ("mean", "std")] != [channels, channels]:
        yield f"{path.name}: the normalization is {normalization}"
    for key in ("id", "arch", "drawn", "enasd_version"):
        if not metadata.get(key):
            yield f"{path.name}: the metadata has no `{key}`"


def program_faults(case: Path, folder: Path):
    """Has the file itself classify an image file, and where that is grey, one of 16 bits too."""
    expected = load_file(case / "expected.safetensors")
    pixels = np.moveaxis(expected["images"][0], 0, 2).squeeze()
    images = [pixels]
    if pixels.ndim == 2:
        with safe_open(case / "weights.safetensors", "np") as file:
            low, high = json.loads(file.metadata()["deep"])
        images.append((low + pixels * ((high - low) / 255)).round().astype(np.uint16))
    # `first` is of this image.
    name = f'class "{expected["first"][0].argmax()}"'
    for image in images:
        Image.fromarray(image).save(folder / "image.png")
        command = [case / "model.py", case / "weights.safetensors", folder / "image.png"]
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            yield f"model.py, as a program: {done.stderr}"
        elif not done.stdout.splitlines()[0].endswith(name):
            says = done.stdout.splitlines()[0]
            yield f"model.py, as a program, says {says!r} of {image.dtype}, not {name}"


def main(folder: Path, plant: bool):
    cases = sorted(path.parent for path in folder.glob("*/expected.safetensors"))
    if not cases:
        sys.exit(f"{folder} has no cases: run `cargo test --test export` with "
                 "ENASD_EXPORT_CASES set to it")
    if plant:
        import planted

        sys.exit(planted.find(cases, faults))
    wrong = 0
    for case in cases:
        found = faults(case)
        if case.name in PROGRAMS:
            reads_words = case.name.startswith(("recurrent", "nas_rnn"))
            look = words.program_faults if reads_words else program_faults
            found += look(case, folder)
        for fault in found:
            print(f"{case.name}: {fault}", file=sys.stderr)
        wrong += bool(found)
    missing = set(PROGRAMS) - {case.name for case in cases}
    if wrong or missing:
        sys.exit(f"{wrong} of {len(cases)} cases are at fault; not there: {missing or 'none'}")
    worst = ", ".join(f"{name} {value:.1e}" for name, value in sorted(WORST.items()))
    print(f"{len(cases)} cases agree with the engine; the largest differences: {worst}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plant", action="store_true")
    main(**vars(parser.parse_args()))
