"""One child in PyTorch: the work of `enasd bench`, written as fast as PyTorch's user can.

Reads the weights and the batch that `enasd bench --save-weights W --save-batch B` wrote, builds
the net from the architecture's numbers, and prints the fields of `enasd bench --output json`.

    python torch_child.py --space micro --arch '0 2 ...' --net shared --weights W --batch B
"""

import argparse
import json
import math
import os
import statistics
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

OPS = ["sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "identity"]
LAYER_OPS = ["conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"]
LAYOUTS = {"default": torch.contiguous_format, "channels_last": torch.channels_last}
AUX_WEIGHT, DROPOUT = 0.4, 0.1
LR, MOMENTUM, WEIGHT_DECAY, CLIP_NORM = 0.05, 0.9, 1e-4, 5.0


def same_pads(x, kernel, stride):
    """TensorFlow's "SAME": an odd rest of the padding goes to the end."""
    pads = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return pads


def padded(x, kernel, stride):
    """`x` and the padding for the operation itself, which takes the same one on both ends."""
    left, right, top, bottom = pads = same_pads(x, kernel, stride)
    if left == right and top == bottom:
        return x, (top, left)
    return F.pad(x, pads), (0, 0)


class Watch:
    """Sees every number at which the gradient has a kink: inputs of ReLU and of max pooling."""

    def relu(self, x):
        pass

    def max_pool(self, x, pooled, stride):
        pass


class Child:
    """The net of one architecture; called with images, it gives logits and auxiliary logits."""

    def __init__(self, arch, net, layers, weights, watch=Watch()):
        self.numbers = [int(number) for number in arch.split()]
        self.standalone = net == "standalone"
        self.layers, self.weights, self.watch = layers, weights, watch
        self.moments = {}
        self.running = None

    def relu(self, x, inplace=False):
        self.watch.relu(x)
        return F.relu(x, inplace=inplace)

    def norm(self, x, path):
        path = f"{path}.norm"
        scale, offset = self.weights[f"{path}.scale"], self.weights[f"{path}.offset"]
        if self.running is not None:
            mean, variance = self.running[path]
            return F.batch_norm(x, mean, variance, scale, offset, training=False, eps=1e-5)
        if self.moments is not None:
            variance, mean = torch.var_mean(x.detach(), dim=(0, 2, 3), correction=0)
            self.moments[path] = mean, variance
        return F.batch_norm(x, None, None, scale, offset, training=True, eps=1e-5)

    def conv(self, x, path, relu):
        weight = self.weights[f"{path}.weight"]
        x = self.relu(x) if relu else x
        x, padding = padded(x, weight.shape[2], 1)
        return self.norm(F.conv2d(x, weight, padding=padding), path)

    def halve(self, x, path, relu):
        x = self.relu(x) if relu else x
        # Beyond an odd side the shifted cells are zero.
        odd_sides = (0, x.shape[3] % 2, 0, x.shape[2] % 2)
        shifted = F.pad(x, odd_sides) if any(odd_sides) else x
        even = F.conv2d(x[:, :, ::2, ::2], self.weights[f"{path}.even"])
        odd = F.conv2d(shifted[:, :, 1::2, 1::2], self.weights[f"{path}.odd"])
        return self.norm(torch.cat([even, odd], 1), path)

    def separable(self, activated, path, kernel, stride):
        """Of an input that went through ReLU already."""
        x, padding = padded(activated, kernel, stride)
        depthwise = self.weights[f"{path}.depthwise"]
        x = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
        return self.norm(F.conv2d(x, self.weights[f"{path}.pointwise"]), path)

    def gathered(self, tensors, names, path):
        """A 1×1 convolution of as many tensors as there are rows of weights."""
        weight = torch.cat([self.weights[f"{name}.weight"] for name in names], 1)
        joined = self.relu(torch.cat(tensors, 1), inplace=True)
        return self.norm(F.conv2d(joined, weight), path)

    def avg_pool(self, x, stride):
        left, right, top, bottom = same_pads(x, 3, stride)
        return F.avg_pool2d(x, 3, stride, (top, left), ceil_mode=stride == 2,
                            count_include_pad=False)

    def max_pool(self, x, stride):
        left, right, top, bottom = same_pads(x, 3, stride)
        pooled = F.max_pool2d(x, 3, stride, (top, left), ceil_mode=stride == 2)
        self.watch.max_pool(x, pooled, stride)
        return pooled

    def head(self, x, path, dropout):
        features = self.relu(x).mean(dim=(2, 3))
        return F.linear(F.dropout(features, dropout, dropout > 0), self.weights[f"{path}.weight"])


class MicroChild(Child):
    """A net of cells; its architecture is the numbers of a normal and of a reduction cell."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        half = len(self.numbers) // 2
        self.cells = {"normal": self.numbers[:half], "reduction": self.numbers[half:]}

    def calibrate(self, running, position, channels):
        first, second = running
        if first.shape[2:] != second.shape[2:]:
            first = self.halve(first, f"cell{position}.calibrate0", True)
        elif first.shape[1] != channels:
            first = self.conv(first, f"cell{position}.calibrate0", True)
        if second.shape[1] != channels:
            second = self.conv(second, f"cell{position}.calibrate1", True)
        return [first, second]

    def cell(self, tensors, position, kind, channels):
        numbers = self.cells[kind]
        nodes = [numbers[i:i + 4] for i in range(0, len(numbers), 4)]
        stride = 2 if self.standalone and kind == "reduction" else 1
        if self.standalone:
            tensors[1] = self.conv(tensors[1], f"cell{position}.base", True)
        activated = {}

        def edge(source, op, place):
            x, step = tensors[source], stride if source < 2 else 1
            path = f"{place}.{OPS[op]}"
            if op in (0, 1):
                if source not in activated:
                    activated[source] = self.relu(x)
                path = path if self.standalone else f"{path}.from{source}"
                kernel = (3, 5)[op]
                between = self.separable(activated[source], f"{path}.0", kernel, step)
                # Nobody else reads the first layer's output.
                return self.separable(self.relu(between, inplace=True), f"{path}.1", kernel, 1)
            if op == 2:
                return self.avg_pool(x, step)
            if op == 3:
                return self.max_pool(x, step)
            return x if step == 1 else self.halve(x, path, False)

        read = set()
        for number, (a, op_a, b, op_b) in enumerate(nodes, start=2):
            place = f"cell{position}.node{number}"
            tensors.append(edge(a, op_a, f"{place}.x") + edge(b, op_b, f"{place}.y"))
            read |= {a, b}
        loose = [node for node in range(len(tensors)) if node not in read]
        names = [f"cell{position}.out.from{node}" for node in loose]
        if self.standalone:
            return torch.cat([self.halve(tensors[node], name, False)
                              if node < 2 and stride == 2 else tensors[node]
                              for node, name in zip(loose, names)], 1)
        return self.gathered([tensors[node] for node in loose], names, f"cell{position}.out")

    def aux_logits(self, x):
        x = F.avg_pool2d(self.relu(x), min(5, x.shape[2], x.shape[3]), 3)
        x = self.conv(self.conv(x, "aux.conv0", False), "aux.conv1", True)
        return self.head(x, "aux.head", 0.0)

    def __call__(self, images, dropout=0.0, with_aux=False):
        distance = self.layers // 3
        reductions = [distance, 2 * distance + 1]
        stem, aux = self.conv(images, "stem", False), None
        channels = stem.shape[1] // 3
        running = [stem, stem]
        for position in range(self.layers + 2):
            kind = "reduction" if position in reductions else "normal"
            if kind == "reduction":
                channels *= 2
                if not self.standalone:
                    running = [running[1], self.halve(running[1], f"cell{position}.reduce", False)]
            inputs = self.calibrate(running, position, channels)
            running = [running[1], self.cell(inputs, position, kind, channels)]
            if position == reductions[1] + 1 and with_aux:
                aux = self.aux_logits(running[1])
        return self.head(running[1], "head", dropout), aux


class WholeNetChild(Child):
    """A net of layers; its architecture is for each an operation and a bit for each tensor that
    it may skip from."""

    def layer(self, x, number, op):
        path = f"layer{number}.{LAYER_OPS[op]}"
        x, path = self.conv(x, f"{path}.0", True), f"{path}.1"
        if op == 4:
            return self.avg_pool(x, 1)
        if op == 5:
            return self.max_pool(x, 1)
        # Nobody else reads it.
        x = self.relu(x, inplace=True)
        return self.conv(x, path, False) if op in (0, 2) else self.separable(x, path, op + 2, 1)

    def __call__(self, images, dropout=0.0, with_aux=False):
        distance, rest, rows = self.layers // 3, self.numbers, []
        for number in range(self.layers):
            rows.append((rest[0], [tensor for tensor in range(number) if rest[1 + tensor]]))
            rest = rest[1 + number:]
        names = ["stem"] + [f"from{number}" for number in range(self.layers)]
        tensors = [self.conv(images, "stem", False)]
        for number, (op, skips) in enumerate(rows):
            made = self.layer(tensors[-1], number, op)
            if number:
                path = f"layer{number}.join"
                own = [f"{path}.{names[tensor]}" for tensor in skips] + [f"{path}.own"]
                made = self.gathered([tensors[tensor] for tensor in skips] + [made], own, path)
            tensors.append(made)
            if number in (distance - 1, 2 * distance - 1):
                read = {number + 1} | {tensor for _, later in rows[number + 1:] for tensor in later}
                for tensor in read & set(range(number + 2)):
                    path = f"reduce{number}.{names[tensor]}"
                    tensors[tensor] = self.halve(tensors[tensor], path, False)
        return self.head(tensors[-1], "head", dropout), None


CHILDREN = {"micro": MicroChild, "whole_net": WholeNetChild}


def as_pytorch_has_them(weights, layout, dtype=torch.float32, device="cpu"):
    """Weights of convolutions as 4-dimensional leaves in the layout."""
    def leaf(name, weight):
        kind = name.rsplit(".", 1)[1]
        if kind == "depthwise":
            weight = weight[:, None]
        elif weight.dim() == 2 and not name.endswith("head.weight"):
            weight = weight[:, :, None, None]
        weight = weight.detach().to(device, dtype)
        if weight.dim() == 4:
            weight = weight.contiguous(memory_format=LAYOUTS[layout])
        return weight.requires_grad_()
    return {name: leaf(name, weight) for name, weight in weights.items()}


def losses(child, images, labels, dropout):
    """The main head's loss, and what is minimized."""
    logits, aux = child(images, dropout, with_aux=True)
    loss = F.cross_entropy(logits, labels)
    return loss, loss if aux is None else loss + AUX_WEIGHT * F.cross_entropy(aux, labels)


def pace(times, images, flop):
    median = statistics.median(times)
    return {"median_ms": median * 1e3, "min_ms": min(times) * 1e3, "max_ms": max(times) * 1e3,
            "items_per_second": images / median, "gflops": flop / median * 1e-9}


def timed(work):
    start = time.perf_counter()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_rss_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def how(args):
    """What is not as it is by default."""
    return [args.layout, *[args.device] * (args.device != "cpu"), *["TF32"] * args.tf32,
            *["compiled"] * args.compile]


def measure(args):
    weights = as_pytorch_has_them(load_file(args.weights), args.layout, device=args.device)
    batch = load_file(args.batch)
    images = batch["images"].to(args.device).contiguous(memory_format=LAYOUTS[args.layout])
    labels = batch["labels"].to(args.device)
    child = CHILDREN[args.space](args.arch, args.net, args.layers, weights)
    if args.compile:
        of = type(child)
        child.__class__ = type("Compiled", (of,), {"__call__": torch.compile(of.__call__)})
    params = list(weights.values())
    optimizer = torch.optim.SGD(params, lr=LR, momentum=MOMENTUM, nesterov=True,
                                weight_decay=WEIGHT_DECAY, foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss, whole = losses(child, images, labels, DROPOUT)
        whole.backward()
        torch.nn.utils.clip_grad_norm_(params, CLIP_NORM, foreach=True)
        optimizer.step()
        assert math.isfinite(loss.item()), "the loss is not a number"

    @torch.no_grad()
    def forward():
        return (child(images)[0].argmax(1) == labels).sum().item()

    first_step = timed(step)
    moments, child.moments = child.moments, None
    step_times = [timed(step) for _ in range(args.steps)]
    child.running = moments if child.standalone else None
    forward()
    forward_times = [timed(forward) for _ in range(args.steps)]
    rss = peak_rss_bytes()
    with FlopCounterMode(display=False) as flops:
        forward()
    n_images, image = len(labels), list(images.shape[1:])
    flop = flops.get_total_flops()
    aux = sum(param.numel() for name, param in weights.items() if name.startswith("aux."))
    return {
        "executor": " ".join(["PyTorch", torch.__version__, *how(args)]),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "arch": args.arch, "net": args.net, "layers": args.layers,
        "channels": weights["stem.weight"].shape[0] // (3 if args.space == "micro" else 1),
        "image": image, "batch": n_images, "steps": args.steps,
        "params": sum(param.numel() for param in params) - aux,
        "multiply_adds": flop // 2 // n_images,
        "first_step_ms": first_step * 1e3,
        "step": pace(step_times, n_images, 3 * flop),
        "forward": pace(forward_times, n_images, flop),
        "peak_rss_bytes": rss,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", choices=CHILDREN, default="micro")
    parser.add_argument("--arch", required=True)
    parser.add_argument("--net", choices=["shared", "standalone"], required=True)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--batch", required=True)
    parser.add_argument("--layout", choices=list(LAYOUTS), default="default")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    parser.add_argument("--tf32", action="store_true", help="convolutions and products in TF32")
    parser.add_argument("--compile", action="store_true", help="compile this child")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.tf32
    print(json.dumps(measure(args)))


if __name__ == "__main__":
    main()
