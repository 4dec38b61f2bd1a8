"""Witness of a net like those of ENAS' macro search space: numbers by PyTorch 2, in f64.

    pip install torch && python torch_macro.py > torch_macro.json

Six layers, each a 1x1 convolution, one of the six operations and the join of what is linked
(ENAS, section 2.3); every tensor is halved after the second and the fourth. The layers are written
out with the numbers, so that `witness.rs` runs the same.
"""

import json

import torch
import torch.nn.functional as F

from torch_layers import (Params, avg_pool, conv, digest, factorized_reduction, gather, head,
                          image_fill, max_pool, sep_conv)

CHANNELS, CLASSES = 4, 3
IMAGE = (5, 2, 13, 11)
LABELS = [0, 2, 1, 2, 0]
OPERATIONS = [{"kind": "conv", "kernel": 3, "relu": True},
              {"kind": "sep_conv", "kernel": 3, "stride": 1},
              {"kind": "conv", "kernel": 5, "relu": True},
              {"kind": "sep_conv", "kernel": 5, "stride": 1},
              {"kind": "avg_pool", "stride": 1},
              {"kind": "max_pool", "stride": 1}]
# Which of the stem and the layers before the last one each layer is linked to.
LINKS = [[], [0], [0, 1], [2], [0, 1, 3], [1, 4]]
REDUCED_AFTER = [1, 3]


def layers():
    found = []

    def push(layer, inputs, channels=CHANNELS):
        found.append({"layer": layer, "inputs": inputs, "channels": channels})
        return len(found)

    tensors = [push({"kind": "conv", "kernel": 3, "relu": False}, [0])]
    for number, (operation, links) in enumerate(zip(OPERATIONS, LINKS)):
        narrow = push({"kind": "conv", "kernel": 1, "relu": True}, [tensors[-1]])
        linked = [tensors[link] for link in links]
        tensors.append(push({"kind": "gather"}, linked + [push(operation, [narrow])]))
        if number in REDUCED_AFTER:
            tensors = [push({"kind": "factorized_reduction", "relu": False}, [tensor])
                       for tensor in tensors]
    push({"kind": "head"}, [tensors[-1]], CLASSES)
    return found


def run(layers, image, params, moments):
    tensors = [image]
    for number, described in enumerate(layers):
        layer, c_out, path = described["layer"], described["channels"], f"layer{number}"
        inputs = [tensors[place] for place in described["inputs"]]
        x, kind = inputs[0], layer["kind"]
        if kind == "conv":
            x = conv(x, params, path, c_out, layer["kernel"], layer["relu"], moments)
        elif kind == "sep_conv":
            x = sep_conv(x, params, path, c_out, layer["kernel"], layer["stride"], moments)
        elif kind == "gather":
            names = [f"{path}.from{place}" for place in range(len(inputs))]
            x = gather(inputs, names, params, path, c_out, moments)
        elif kind == "factorized_reduction":
            x = factorized_reduction(x, params, path, c_out, layer["relu"], moments)
        elif kind == "head":
            x = head(x, params, path, c_out)
        else:
            x = {"avg_pool": avg_pool, "max_pool": max_pool}[kind](x, layer["stride"])
        tensors.append(x)
    return tensors[-1]


def witness():
    described, params, moments = layers(), Params(), {}
    logits = run(described, image_fill(IMAGE), params, moments)
    labels = torch.tensor(LABELS)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return {
        "layers": described,
        "loss": loss.item(),
        "correct": (logits.argmax(1) == labels).sum().item(),
        "logits": digest(logits),
        "moments": {name: digest(value) for name, value in sorted(moments.items())
                    if params[name.rsplit(".", 1)[0] + ".scale"].grad is not None},
        "grads": {name: digest(value.grad) for name, value in sorted(params.items())
                  if value.grad is not None},
    }


if __name__ == "__main__":
    print(json.dumps({"torch": torch.__version__, **witness()}, separators=(",", ":")))
