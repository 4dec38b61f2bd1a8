"""Witness of whole nets: loss, logits, moments and gradients by PyTorch 2, in f64.

    pip install torch && python torch_net.py > torch_net.json

Written from the description of ENAS, section 2.4 and its code, not from the layers of the
project: the cells are interpreted straight from the architecture's numbers.
"""

import json

import torch
import torch.nn.functional as F

from torch_layers import (Params, aux_pool, avg_pool, conv, digest, factorized_reduction, gather,
                          head, image_fill, max_pool, sep_conv)

LAYERS, CHANNELS, CLASSES, AUX_WEIGHT = 1, 2, 3, 0.4
IMAGE = (4, 1, 9, 7)
LABELS = [0, 2, 1, 2]
OPS = ["sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "identity"]


class Child:
    def __init__(self, arch, standalone):
        numbers = [int(number) for number in arch.split()]
        half = len(numbers) // 2
        self.cells = {"normal": numbers[:half], "reduction": numbers[half:]}
        self.standalone = standalone
        self.params, self.moments = Params(), {}

    def conv(self, x, path, c_out, kernel, relu):
        return conv(x, self.params, path, c_out, kernel, relu, self.moments)

    def halve(self, x, path, c_out, relu):
        return factorized_reduction(x, self.params, path, c_out, relu, self.moments)

    def twice_separable(self, x, path, kernel, stride):
        for layer in range(2):
            x = sep_conv(x, self.params, f"{path}.{layer}", x.shape[1], kernel,
                         stride if layer == 0 else 1, self.moments)
        return x

    def operation(self, x, op, path, stride, source):
        name = OPS[op]
        path = f"{path}.{name}"
        if name.startswith("sep_conv"):
            path = path if self.standalone else f"{path}.from{source}"
            return self.twice_separable(x, path, int(name[-1]), stride)
        if name == "avg_pool_3x3":
            return avg_pool(x, stride)
        if name == "max_pool_3x3":
            return max_pool(x, stride)
        return x if stride == 1 else self.halve(x, path, x.shape[1], False)

    def calibrate(self, running, position, channels):
        first, second = running
        if first.shape[2:] != second.shape[2:]:
            first = self.halve(first, f"cell{position}.calibrate0", channels, True)
        elif first.shape[1] != channels:
            first = self.conv(first, f"cell{position}.calibrate0", channels, 1, True)
        if second.shape[1] != channels:
            second = self.conv(second, f"cell{position}.calibrate1", channels, 1, True)
        return first, second

    def cell(self, inputs, position, kind, channels):
        numbers = self.cells[kind]
        nodes = [numbers[i:i + 4] for i in range(0, len(numbers), 4)]
        stride = 2 if self.standalone and kind == "reduction" else 1
        tensors = list(inputs)
        if self.standalone:
            tensors[1] = self.conv(tensors[1], f"cell{position}.base", channels, 1, True)
        read = set()
        for number, (a, op_a, b, op_b) in enumerate(nodes, start=2):
            ends = [self.operation(tensors[source], op, f"cell{position}.node{number}.{side}",
                                   stride if source < 2 else 1, source)
                    for side, source, op in (("x", a, op_a), ("y", b, op_b))]
            read |= {a, b}
            tensors.append(ends[0] + ends[1])
        loose = [node for node in range(len(tensors)) if node not in read]
        names = [f"cell{position}.out.from{node}" for node in loose]
        if not self.standalone:
            parts = [tensors[node] for node in loose]
            return gather(parts, names, self.params, f"cell{position}.out", channels, self.moments)
        parts = [self.halve(tensors[node], name, channels, False)
                 if node < 2 and stride == 2 else tensors[node]
                 for node, name in zip(loose, names)]
        return torch.cat(parts, 1)

    def aux_logits(self, x):
        x = self.conv(aux_pool(x), "aux.conv0", 128, 1, False)
        x = self.conv(x, "aux.conv1", 768, min(2, x.shape[2], x.shape[3]), True)
        return head(x, self.params, "aux.head", CLASSES)

    def logits(self, image):
        distance = LAYERS // 3
        reductions = [distance, 2 * distance + 1]
        channels = CHANNELS
        stem = self.conv(image, "stem", 3 * channels, 3, False)
        running = [stem, stem]
        for position in range(LAYERS + 2):
            kind = "reduction" if position in reductions else "normal"
            if kind == "reduction":
                channels *= 2
                if not self.standalone:
                    reduced = self.halve(running[1], f"cell{position}.reduce", channels, False)
                    running = [running[1], reduced]
            inputs = self.calibrate(running, position, channels)
            running = [running[1], self.cell(inputs, position, kind, channels)]
            if position == reductions[1] + 1:
                aux = self.aux_logits(running[1])
        return head(running[1], self.params, "head", CLASSES), aux


def witness(arch, standalone):
    child = Child(arch, standalone)
    image = image_fill(IMAGE)
    logits, aux = child.logits(image)
    labels = torch.tensor(LABELS)
    loss = F.cross_entropy(logits, labels)
    (loss + AUX_WEIGHT * F.cross_entropy(aux, labels)).backward()
    return {
        "arch": arch,
        "standalone": standalone,
        "loss": loss.item(),
        "correct": (logits.argmax(1) == labels).sum().item(),
        "logits": digest(logits),
        "moments": {name: digest(value) for name, value in sorted(child.moments.items())},
        "grads": {name: digest(value.grad) for name, value in sorted(child.params.items())},
    }


# Every operation in both kinds of cell, chains, and inputs that are loose.
ARCHS = ["0 0 1 2 2 1 0 3 1 1 0 4 1 3 1 2", "1 4 1 1 1 0 2 2 0 4 0 3 0 0 0 1"]

if __name__ == "__main__":
    nets = [witness(arch, standalone) for arch in ARCHS for standalone in (False, True)]
    print(json.dumps({"torch": torch.__version__, "nets": nets}, separators=(",", ":")))
