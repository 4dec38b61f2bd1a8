"""Checks that `enasd bench` and `torch_child.py` compute the same: loss and gradients.

    python agree.py --enasd target/release/enasd --space micro --arch '0 2 ...' --channels 20

The gradient of a net with ReLU and max pooling jumps where an input of ReLU crosses zero, or the
two largest cells of a window change places. Among the millions of such inputs of a whole batch
some always lie so close to a jump that the rounding of f32 decides the side; each takes a part of
the order of 1/sqrt(cells of a channel) out of a gradient, in any two programs whose sums have
different orders. So there are two checks:

* smooth: a small plane and batch with few enough inputs, at a seed where in f64 every input of
  every layer is further from its jump than three times the largest rounding error of PyTorch's
  f32 pass in that layer, and where rounding the images alone moves no gradient in f64 by more
  than a tenth of the tolerance: few images can leave a norm so little variance that any rounding
  is magnified. Both are asked of PyTorch only, so that no fault of enasd can pick the seed. There
  every element of every parameter's gradient has to agree with PyTorch in f64: to 1e-3 of its
  largest element.
* whole: the size that is measured, where a kernel meets its real planes, blocks and groups of
  images. The loss has no jumps, and has to agree as above, to 1e-5; all gradients together may
  differ in norm by 5 %, and those of one parameter by 15 %: jumps alone make up to 2 % and 4 %
  of PyTorch in one layout against PyTorch in the other.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from torch_child import CHILDREN, LAYOUTS, Watch, as_pytorch_has_them, losses, same_pads

LOSS_TOLERANCE, SMOOTH_TOLERANCE = 1e-5, 1e-3
TOGETHER_TOLERANCE, ONE_TOLERANCE = 0.05, 0.15
MARGIN, SEEDS, SMOOTH_SEEDS = 3.0, 100, 2
MOVES, F32_ROUNDING = 3, 2.0 ** -24


class Kinks(Watch):
    """Keeps what is compared: inputs of ReLU with zero, the largest cells of windows in pairs."""

    def __init__(self):
        self.distances = []

    def relu(self, x):
        # A copy: the activation may be written over the input.
        self.distances.append(x.detach().clone().double().flatten())

    def max_pool(self, x, pooled, stride):
        left, right, top, bottom = same_pads(x, 3, stride)
        planes = x.detach().double().flatten(0, 1)[:, None]
        planes = F.pad(planes, (left, right, top, bottom), value=-torch.inf)
        largest = F.unfold(planes, 3, stride=stride).topk(2, dim=1).values
        # Equal cells are copies of one by an earlier pool: they are equal in any precision.
        gaps = largest[:, 0] - largest[:, 1]
        self.distances.append(torch.where(gaps == 0, torch.inf, gaps).flatten())


def passes(args, files, layout, dtype, watch=Watch()):
    weights = as_pytorch_has_them(files["weights"], layout, dtype)
    images = files["batch"]["images"].to(dtype).contiguous(memory_format=LAYOUTS[layout])
    child = CHILDREN[args.space](files["arch"], args.net, files["layers"], weights, watch)
    loss, whole = losses(child, images, files["batch"]["labels"], 0.0)
    whole.backward()
    found = {name: weight.grad.reshape(files["weights"][name].shape).double()
             for name, weight in weights.items()}
    return {"loss": loss.detach().double()} | found


def run_enasd(args, folder, arch, layers, batch, side, seed):
    folder = pathlib.Path(folder)
    files = {what: folder / what for what in ("weights", "batch", "grads")}
    command = [args.enasd, "bench", "--steps", "1", "--executor", args.executor, "--device", args.device,
               "--space", args.space, "--arch", arch, "--net", args.net, "--channels", str(args.channels),
               "--layers", str(layers), "--batch", str(batch), "--side", str(side),
               "--seed", str(seed), "--threads", str(args.threads)]
    for what, path in files.items():
        command += [f"--save-{what}", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    loaded = {what: load_file(path) for what, path in files.items()}
    return loaded | {"arch": arch, "layers": layers}


def worst(found, expected, norm):
    """The largest difference of a parameter's gradient, as a share of that gradient."""
    # A gradient that is zero but for rounding (of what a norm follows) has no share of its own.
    expected = {name: grad for name, grad in expected.items() if name != "loss"}
    most = max(norm(grad) for grad in expected.values())
    whole = {name: norm(grad) if 1e-6 * most < norm(grad) else 1e-4 * most
             for name, grad in expected.items()}
    shares = {name: (norm(found[name] - grad) / whole[name]).item()
              for name, grad in expected.items()}
    return max(shares.items(), key=lambda item: item[1])


def verdict(who, found, expected, smooth):
    found = {name: value.double() for name, value in found.items()}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    found, expected = dict(found), dict(expected)
    loss, expected_loss = found.pop("loss"), expected.pop("loss")
    off = ((loss - expected_loss).abs() / expected_loss.abs()).item()
    name, share = worst(found, expected, largest if smooth else torch.linalg.vector_norm)
    together = torch.cat([(found[name] - grad).flatten() for name, grad in expected.items()])
    whole = torch.cat([grad.flatten() for grad in expected.values()])
    together = (together.norm() / whole.norm()).item()
    right = off <= LOSS_TOLERANCE and (share <= SMOOTH_TOLERANCE if smooth else
                                       share <= ONE_TOLERANCE and together <= TOGETHER_TOLERANCE)
    print(f"  {'' if right else 'WRONG '}{who}: loss off by {off:.1e}, all gradients by "
          f"{together:.1e}, one by {share:.1e} ({name})", flush=True)
    return right


def largest(values):
    return values.abs().max()


def is_steady(args, files, expected):
    """Whether gradients in f64 stay where they are when the images are rounded otherwise."""
    draws, images = torch.Generator().manual_seed(0), files["batch"]["images"].double()
    for _ in range(MOVES):
        noise = torch.randn(images.shape, dtype=torch.float64, generator=draws)
        batch = files["batch"] | {"images": images * (1 + F32_ROUNDING * noise)}
        found = passes(args, files | {"batch": batch}, "default", torch.float64)
        if worst(found, expected, largest)[1] > SMOOTH_TOLERANCE / 10:
            return False
    return True


def is_smooth(args, files):
    """Whether rounding to f32 changes no side and no gradient much, and the gradients in f64."""
    exact, rounded = Kinks(), Kinks()
    expected = passes(args, files, "default", torch.float64, exact)
    passes(args, files, "default", torch.float32, rounded)
    def is_far(distances, other):
        error = (distances - other)[distances.isfinite() & other.isfinite()].abs().max()
        return distances.abs().min() > MARGIN * error

    far = all(map(is_far, exact.distances, rounded.distances))
    return far and is_steady(args, files, expected), expected


def small(args):
    """A net that is small enough: its architecture and layers."""
    if args.space == "micro":
        return args.arch, 3
    # The first layers of a whole net are one.
    layers = min(args.layers, 6)
    return " ".join(args.arch.split()[:layers * (layers + 1) // 2]), layers


def smooth(args):
    """At least some seeds are smooth, and all programs are right there."""
    right, n_smooth = True, 0
    arch, layers = small(args)
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as folder:
            files = run_enasd(args, folder, arch, layers, batch=4, side=8, seed=seed)
        is_one, expected = is_smooth(args, files)
        if not is_one:
            continue
        print(f"{args.net}, {layers} layers, 4 images of 8x8, seed {seed}, against f64:")
        n_smooth += 1
        found = {f"enasd {args.executor}": files["grads"]}
        found |= {layout: passes(args, files, layout, torch.float32) for layout in LAYOUTS}
        for who, grads in found.items():
            right &= verdict(who, grads, expected, True)
        if n_smooth == SMOOTH_SEEDS:
            return right
    print(f"WRONG: only {n_smooth} of {SEEDS} seeds are smooth")
    return False


def whole(args):
    with tempfile.TemporaryDirectory() as folder:
        files = run_enasd(args, folder, args.arch, args.layers, args.batch, args.side, seed=0)
    print(f"{args.net}, {args.layers} layers, {args.batch} images of {args.side}x{args.side}:")
    expected = passes(args, files, "default", torch.float32)
    found = {f"enasd {args.executor}": files["grads"],
             "channels_last": passes(args, files, "channels_last", torch.float32)}
    return all([verdict(who, grads, expected, False) for who, grads in found.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enasd", required=True)
    parser.add_argument("--executor", default="fast")
    parser.add_argument("--device", default="cpu", help="of enasd; PyTorch is on the CPU")
    parser.add_argument("--space", choices=CHILDREN, default="micro")
    parser.add_argument("--arch", required=True)
    parser.add_argument("--net", choices=["shared", "standalone"], default="shared")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sys.exit(0 if smooth(args) and whole(args) else 1)


if __name__ == "__main__":
    main()
