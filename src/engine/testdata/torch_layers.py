"""Witness of every layer: outputs and gradients by PyTorch 2, in f64.

    pip install torch && python torch_layers.py > torch_layers.json

`witness.rs` runs the same layers on the same numbers. Parameter values are a function of the
parameter's name and place, so neither side needs the other's files.
"""

import json
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def image_fill(shape):
    """Multiples of 1/32 in [-50/32, 50/32], zeros and equal values among them."""
    k = torch.arange(math.prod(shape))
    return ((k * 37 % 101 - 50) / 32.0).double().reshape(shape)


def param_fill(name, shape):
    k = torch.arange(math.prod(shape)).double()
    wave = torch.sin(1.3 * k + sum(name.encode()))
    if name.endswith(".scale"):
        wave = 1 + 0.2 * wave
    elif name.endswith(".offset"):
        wave = 0.2 * wave
    return wave.reshape(shape)


class Params(dict):
    """Parameters by name, filled when they are first asked for."""

    def take(self, name, *shape):
        if name not in self:
            self[name] = param_fill(name, shape).requires_grad_()
        return self[name]


def digest(values):
    flat = values.detach().reshape(-1)
    waves = torch.cos(0.9 * torch.arange(flat.numel()).double())
    return {"sum": flat.sum().item(), "dot": (flat * waves).sum().item(),
            "first": flat[:3].tolist()}


def window_pad(x, kernel, stride, dilation):
    """TensorFlow's "SAME" for rows and columns with a kernel, stride and dilation of their own."""
    pads = []
    for axis in (1, 0):
        side, reach = x.shape[2 + axis], (kernel[axis] - 1) * dilation + 1
        total = max((-(-side // stride[axis]) - 1) * stride[axis] + reach - side, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def same_pad(x, kernel, stride, value=0.0):
    """TensorFlow's "SAME": an odd rest of the padding goes to the end."""
    pads = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def norm(x, params, path, moments=None):
    scale = params.take(f"{path}.norm.scale", x.shape[1])
    offset = params.take(f"{path}.norm.offset", x.shape[1])
    if moments is not None:
        moments[f"{path}.norm.mean"] = x.mean(dim=(0, 2, 3)).detach()
        moments[f"{path}.norm.variance"] = x.var(dim=(0, 2, 3), unbiased=False).detach()
    return F.batch_norm(x, None, None, scale, offset, training=True, eps=1e-5)


def conv(x, params, path, c_out, kernel, relu, moments=None):
    weight = params.take(f"{path}.weight", c_out, x.shape[1], kernel, kernel)
    x = torch.relu(x) if relu else x
    return norm(F.conv2d(same_pad(x, kernel, 1), weight), params, path, moments)


def window_conv(x, params, path, c_out, kind):
    kernel, stride, dilation = kind["kernel"], kind["stride"], kind["dilation"]
    weight = params.take(f"{path}.weight", c_out, x.shape[1], *kernel)
    x = window_pad(torch.relu(x), kernel, stride, dilation)
    return norm(F.conv2d(x, weight, stride=stride, dilation=dilation), params, path)


def pad(x, sides):
    """Zeros around the plane; an odd row or column of them goes to the end."""
    down, across = sides[0] - x.shape[2], sides[1] - x.shape[3]
    return F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))


def sep_conv(x, params, path, c_out, kernel, stride, moments=None):
    c_in = x.shape[1]
    depthwise = params.take(f"{path}.depthwise", c_in, kernel, kernel)
    pointwise = params.take(f"{path}.pointwise", c_out, c_in)
    x = same_pad(torch.relu(x), kernel, stride)
    x = F.conv2d(x, depthwise[:, None], stride=stride, groups=c_in)
    return norm(F.conv2d(x, pointwise[:, :, None, None]), params, path, moments)


def avg_pool(x, stride):
    if stride == 1:
        return F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
    total = F.avg_pool2d(same_pad(x, 3, stride), 3, stride, divisor_override=1)
    count = F.avg_pool2d(same_pad(torch.ones_like(x), 3, stride), 3, stride, divisor_override=1)
    return total / count


def max_pool(x, stride):
    if stride == 1:
        return F.max_pool2d(x, 3, 1, padding=1)
    return F.max_pool2d(same_pad(x, 3, stride, value=-math.inf), 3, stride)


def factorized_reduction(x, params, path, c_out, relu, moments=None):
    c_in = x.shape[1]
    even = params.take(f"{path}.even", c_out // 2, c_in)
    odd = params.take(f"{path}.odd", c_out - c_out // 2, c_in)
    x = torch.relu(x) if relu else x
    shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
    halves = [F.conv2d(part[:, :, ::2, ::2], weight[:, :, None, None])
              for part, weight in ((x, even), (shifted, odd))]
    return norm(torch.cat(halves, 1), params, path, moments)


def gather(parts, names, params, path, c_out, moments=None):
    weights = [params.take(f"{name}.weight", c_out, part.shape[1])
               for name, part in zip(names, parts)]
    x = F.conv2d(torch.relu(torch.cat(parts, 1)), torch.cat(weights, 1)[:, :, None, None])
    return norm(x, params, path, moments)


def aux_pool(x):
    return F.avg_pool2d(torch.relu(x), min(5, x.shape[2], x.shape[3]), 3)


def head(x, params, path, classes):
    weight = params.take(f"{path}.weight", classes, x.shape[1])
    return F.linear(torch.relu(x).mean(dim=(2, 3)), weight)


def run_case(kind, inputs, image, c_out, params):
    """The layer on the image itself, or on the image and a 1x1 convolution of it."""
    name = kind["kind"]
    if inputs == 2:
        parts = [image, conv(image, params, "layer0", image.shape[1], 1, False)]
        if name == "add":
            return parts[0] + parts[1]
        if name == "concat":
            return torch.cat(parts, 1)
        return gather(parts, ["layer1.from0", "layer1.from1"], params, "layer1", c_out)
    if name == "conv":
        return conv(image, params, "layer0", c_out, kind["kernel"], kind["relu"])
    if name == "window_conv":
        return window_conv(image, params, "layer0", c_out, kind)
    if name == "pad":
        return pad(image, kind["sides"])
    if name == "sep_conv":
        return sep_conv(image, params, "layer0", c_out, kind["kernel"], kind["stride"])
    if name == "factorized_reduction":
        return factorized_reduction(image, params, "layer0", c_out, kind["relu"])
    if name == "head":
        return head(image, params, "layer0", c_out)
    pools = {"avg_pool": avg_pool, "max_pool": max_pool}
    return aux_pool(image) if name == "aux_pool" else pools[name](image, kind["stride"])


CASES = (
    [({"kind": "conv", "kernel": k, "relu": r}, 1, (2, 3, 5, 7), 4)
     for k in (1, 2, 3, 5) for r in (False, True)]
    + [({"kind": "sep_conv", "kernel": k, "stride": s}, 1, shape, c_out)
       for k in (3, 5) for s in (1, 2)
       for shape, c_out in (((2, 3, 7, 6), 3), ((3, 1, 5, 9), 2))]
    + [({"kind": pool, "stride": s}, 1, shape, shape[1])
       for pool in ("avg_pool", "max_pool") for s in (1, 2)
       for shape in ((2, 3, 7, 6), (1, 1, 4, 5))]
    + [({"kind": "factorized_reduction", "relu": r}, 1, shape, 4)
       for r in (False, True) for shape in ((2, 3, 7, 6), (2, 2, 4, 5))]
    + [({"kind": kind}, 2, (2, 3, 5, 4), {"concat": 6}.get(kind, 3))
       for kind in ("add", "gather", "concat")]
    + [({"kind": "aux_pool"}, 1, shape, shape[1]) for shape in ((2, 3, 9, 8), (2, 2, 4, 3))]
    + [({"kind": "head"}, 1, (3, 4, 3, 5), 5)]
    + [({"kind": "window_conv", "kernel": kernel, "stride": stride, "dilation": dilation},
        1, (2, 3, 8, 7), 4)
       for kernel, stride, dilation in (
           ((1, 7), (1, 1), 1), ((7, 1), (2, 1), 1), ((1, 1), (2, 2), 1), ((3, 3), (2, 2), 1),
           ((3, 3), (1, 1), 2), ((3, 3), (2, 2), 2), ((3, 5), (3, 2), 1))]
    + [({"kind": "sep_conv", "kernel": 7, "stride": s}, 1, (2, 3, 8, 7), 4) for s in (1, 2)]
    + [({"kind": "pad", "sides": sides}, 1, (2, 3, 4, 5), 3) for sides in ((5, 5), (7, 9))]
)


def witness(kind, inputs, shape, c_out, constant):
    image = torch.full(shape, 0.75) if constant else image_fill(shape)
    image.requires_grad_()
    params = Params()
    output = run_case(kind, inputs, image, c_out, params)
    waves = torch.cos(0.31 * torch.arange(output.numel()).double()).reshape(output.shape)
    (output * waves).sum().backward()
    grads = {name: digest(value.grad) for name, value in params.items()}
    return {"layer": kind, "inputs": inputs, "image": list(shape), "channels": c_out,
            "constant": constant, "output": digest(output), "image_grad": digest(image.grad),
            "grads": grads}


if __name__ == "__main__":
    cases = [witness(*case, constant=False) for case in CASES]
    # On a constant plane every window is a tie.
    cases += [witness({"kind": "max_pool", "stride": s}, 1, (1, 2, 5, 4), 2, constant=True)
              for s in (1, 2)]
    print(json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")))
