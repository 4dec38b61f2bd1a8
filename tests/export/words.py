"""Looks at what onnxruntime and PyTorch make of an exported net of words, for check.py."""

import importlib.util
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from difference import difference

ONE_THREAD = onnxruntime.SessionOptions()
ONE_THREAD.intra_op_num_threads = 1
# Words of the text that a program reads: more than it reads at once.
TEXT_WORDS = 600


def windows(expected: dict):
    """The windows of a case: ids, log-probabilities, the states after them."""
    for number in range(2):
        logits = expected[f"logits{number}"].astype(np.float64)
        largest = logits.max(2, keepdims=True)
        sums = np.log(np.exp(logits - largest).sum(2, keepdims=True))
        yield expected[f"ids{number}"], logits - largest - sums, expected[f"states{number}"]


def faults(case: Path, expected: dict) -> list[str]:
    """What is wrong with the files of a case."""
    return [
        *onnx_faults(case / "model.onnx", expected),
        *torch_faults(case, expected),
        *weights_faults(case / "weights.safetensors", expected),
    ]


def run_faults(name: str, run, expected: dict):
    """What is wrong with `run` of ids and states: window by window, and of both at once."""
    both = list(windows(expected))
    state = np.zeros_like(both[0][2])
    for number, (ids, log_probabilities, states) in enumerate(both):
        found, state = run(ids, state)
        yield from difference(f"{name}, window {number}", found, log_probabilities)
        yield from difference(f"{name}, states after window {number}", state, states)
    ids, log_probabilities = (np.concatenate([window[i] for window in both]) for i in range(2))
    # Rows are texts of their own.
    for row in range(ids.shape[1]):
        found, _ = run(ids[:, row:][:, :1], np.zeros_like(state[:1]))
        yield from difference(f"{name}, row {row}", found, log_probabilities[:, row:][:, :1])


def onnx_run(path: Path):
    session = onnxruntime.InferenceSession(path, ONE_THREAD, providers=["CPUExecutionProvider"])
    return lambda ids, state: session.run(
        ["log_probabilities", "next_state"], {"ids": ids, "state": state}
    )


def onnx_faults(path: Path, expected: dict):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    sizes = {constant.name: math.prod(constant.dims) for constant in model.graph.initializer}
    unread = sizes.keys() - set(read_values(model.graph))
    if unread:
        yield f"{path.name}: nothing reads {unread}"
    weights = load_file(path.parent / "weights.safetensors")
    n_weights = sum(tensor.size for tensor in weights.values())
    if sum(sizes.values()) != n_weights:
        yield f"{path.name}: it holds {sizes}, and there are {n_weights} weights"
    props = {prop.key: prop.value for prop in model.metadata_props}
    yield from metadata_faults(path, props, expected)
    yield from run_faults(path.name, onnx_run(path), expected)


def read_values(graph):
    """The names of what the operators of a graph, and of those within it, read."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from read_values(attribute.g)


def torch_faults(case: Path, expected: dict):
    spec = importlib.util.spec_from_file_location("exported", case / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load(case / "weights.safetensors")
    if module.VOCABULARY != named_words(expected):
        yield f"model.py: the vocabulary is {module.VOCABULARY}"
    states = expected["states0"]
    if not np.array_equal(model.start(len(states)).detach().numpy(), np.zeros_like(states)):
        yield "model.py: a text does not start with zeros"

    def run(ids, state):
        with torch.inference_mode():
            found = model(torch.from_numpy(ids.copy()), torch.from_numpy(state.copy()))
            return [tensor.numpy() for tensor in found]

    yield from run_faults("model.py", run, expected)


def weights_faults(path: Path, expected: dict):
    with safe_open(path, "np") as file:
        yield from metadata_faults(path, file.metadata(), expected)


def named_words(expected: dict) -> list[str]:
    n_words = expected["logits0"].shape[2]
    return ["<eos>", "<unk>", *(f'w"{idx}' for idx in range(2, n_words))]


def metadata_faults(path: Path, metadata: dict, expected: dict):
    if json.loads(metadata["vocabulary"]) != named_words(expected):
        yield f"{path.name}: the vocabulary is {metadata['vocabulary']}"
    if metadata["eos"] != "<eos>":
        yield f"{path.name}: lines end with {metadata['eos']}"
    for key in ("id", "arch", "drawn", "enasd_version"):
        if not metadata.get(key):
            yield f"{path.name}: the metadata has no `{key}`"


def program_faults(case: Path, folder: Path):
    """Has the file itself read a text, with words that it does not know, as the ONNX file does."""
    expected = load_file(case / "expected.safetensors")
    vocabulary = named_words(expected)
    ids = np.random.default_rng(0).integers(0, len(vocabulary), TEXT_WORDS)
    ids[-1] = 0
    spoken = ["\n" if idx == 0 else "unheard-of" if idx == 1 else vocabulary[idx] for idx in ids]
    text = folder / "program.txt"
    text.write_text(" ".join(spoken), encoding="utf-8")
    found, _ = onnx_run(case / "model.onnx")(ids[:, None], np.zeros_like(expected["states0"][:1]))
    perplexity = math.exp(-found[range(len(ids) - 1), 0, ids[1:]].astype(np.float64).mean())
    likeliest = vocabulary[found[-1, 0].argmax()]
    command = [sys.executable, case / "model.py", case / "weights.safetensors", text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"model.py, as a program: {done.stderr}"
        return
    first, second = done.stdout.splitlines()[:2]
    told, n_words = re.fullmatch(r"perplexity ([0-9.]+) of (\d+) words", first).groups()
    # It tells four digits. A state that is not carried from window to window changes the last.
    close = abs(float(told) - perplexity) < 2e-4
    if not close or int(n_words) != len(ids) - 1 or not second.endswith(f"  {likeliest}"):
        yield f"model.py, as a program, says {first!r}, {second!r}, not {perplexity}, {likeliest}"
