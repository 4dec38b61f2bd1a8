"""One net of words in PyTorch: the work of `enasd bench --space recurrent`, written as fast as
PyTorch's user can: the words' part of the input node in one product for the whole window, then one
fused product a node and step, `lerp` for the highway, one product for all logits.

Reads the weights and the batch that `enasd bench --save-weights W --save-batch B` wrote, and prints
the fields of `enasd bench --output json`; with --grads G it compares loss and gradients without
dropout with those that `--save-grads G` wrote, and exits with 1 where they differ.

    python torch_words.py --arch '0 2 ...' --weights W --batch B
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from torch_child import peak_rss_bytes

ACTIVATIONS = ["tanh", "relu", "sigmoid", "identity"]
FUNCTIONS = [torch.tanh, torch.relu, torch.sigmoid, lambda x: x]
# What the search of enas_lm drops, and its penalty.
DROP_WORDS, DROP_EMBEDDING, DROP_INPUT, DROP_STATE, DROP_OUTPUT = 0.1, 0.2, 0.75, 0.25, 0.75
SLOWNESS = 1.0
LR, MOMENTUM, WEIGHT_DECAY, CLIP_NORM = 0.05, 0.9, 1e-4, 5.0
LOSS_TOLERANCE, GRAD_TOLERANCE = 1e-5, 1e-3


def mask(drop, *sides):
    return torch.empty(*sides).bernoulli_(1 - drop).div_(1 - drop)


class Net:
    def __init__(self, arch, net, weights):
        numbers = [int(number) for number in arch.split()]
        self.nodes = list(zip(numbers[::2], numbers[1::2]))
        self.ends = [node for node in range(1, len(self.nodes) + 1)
                     if all(before != node for before, _ in self.nodes)]
        self.params = {name: value.requires_grad_() for name, value in weights.items()}
        self.embedding = self.params["embedding.weight"]
        self.input = self.params["cell.input.weight"]
        names = [f"cell.node{number}" for number in range(1, len(self.nodes) + 1)]
        if net == "shared":
            names = [f"{name}.{ACTIVATIONS[function]}.from{before}"
                     for name, (before, function) in zip(names, self.nodes)]
        self.weights = [self.params[f"{name}.weight"] for name in names]

    def losses(self, words, following, dropping):
        """Cross-entropy, and with the penalty."""
        steps, rows = words.shape
        hidden = self.embedding.shape[1]
        xs = F.embedding(words, self.embedding)
        keep = None
        if dropping:
            xs = xs * F.embedding(words, mask(DROP_WORDS, len(self.embedding), 1))
            xs = xs * (mask(DROP_EMBEDDING, rows, hidden) * mask(DROP_INPUT, rows, hidden))
            keep = mask(DROP_STATE, rows, hidden)
        read = (xs.reshape(-1, hidden) @ self.input[:hidden]).reshape(steps, rows, -1)
        of_states = self.input[hidden:]
        state, states = torch.zeros(rows, hidden), []
        for of_words in read.unbind():
            seen = state if keep is None else state * keep
            h, t = torch.addmm(of_words, seen, of_states).chunk(2, 1)
            nodes = [torch.lerp(state, torch.tanh(h), torch.sigmoid(t))]
            for (before, function), weight in zip(self.nodes, self.weights):
                before = nodes[before]
                seen = before if keep is None else before * keep
                h, t = (seen @ weight).chunk(2, 1)
                nodes.append(torch.lerp(before, FUNCTIONS[function](h), torch.sigmoid(t)))
            state = sum(nodes[end] for end in self.ends) / len(self.ends)
            states.append(state)
        states = torch.stack(states)
        output = states * mask(DROP_OUTPUT, rows, hidden) if dropping else states
        logits = output.reshape(-1, hidden) @ self.embedding.t()
        loss = F.cross_entropy(logits, following.reshape(-1))
        return loss, loss + SLOWNESS * (states[1:] - states[:-1]).square().mean()


def agrees(net, batch, grads):
    """Whether loss and gradients without dropout are those that enasd has."""
    loss, whole = net.losses(*batch, dropping=False)
    whole.backward()
    bad = []
    expected = grads.pop("loss").item()
    if not abs(loss.item() - expected) <= LOSS_TOLERANCE * expected:
        bad.append(f"loss {expected}, PyTorch's is {loss.item()}")
    for name, expected in grads.items():
        found = net.params[name].grad
        off = (found - expected).norm() / found.norm()
        if not off <= GRAD_TOLERANCE:
            bad.append(f"the gradient of {name} is off by {off:.1e} of its norm")
    if set(grads) != {name for name, value in net.params.items() if value.grad is not None}:
        bad.append("other parameters have gradients")
    print("\n".join(bad) or "loss and gradients agree")
    return not bad


def timed(work, times):
    work()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def pace(times, items, flop):
    median = statistics.median(times)
    return {"median_ms": median * 1e3, "min_ms": min(times) * 1e3, "max_ms": max(times) * 1e3,
            "items_per_second": items / median, "gflops": flop / median * 1e-9}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", required=True)
    parser.add_argument("--net", default="shared", choices=["shared", "standalone"])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--batch", required=True)
    parser.add_argument("--grads")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net, batch = Net(args.arch, args.net, load_file(args.weights)), load_file(args.batch)
    batch = batch["words"], batch["next"]
    if args.grads:
        sys.exit(not agrees(net, batch, load_file(args.grads)))
    params = list(net.params.values())
    optimizer = torch.optim.SGD(params, LR, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True,
                                foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        net.losses(*batch, dropping=True)[1].backward()
        torch.nn.utils.clip_grad_norm_(params, CLIP_NORM, foreach=True)
        optimizer.step()

    @torch.no_grad()
    def forward():
        return net.losses(*batch, dropping=False)

    items = batch[0].numel()
    steps, forwards = timed(step, args.steps), timed(forward, args.steps)
    # Before the counting, which keeps tensors.
    rss = peak_rss_bytes()
    with FlopCounterMode(display=False) as counter:
        forward()
    flop = counter.get_total_flops()
    print(json.dumps({
        "executor": f"PyTorch {torch.__version__}", "threads": args.threads, "arch": args.arch,
        "net": args.net, "hidden": net.embedding.shape[1], "vocabulary": len(net.embedding),
        "window": len(batch[0]), "batch": batch[0].shape[1], "steps": args.steps,
        "params": sum(value.numel() for value in params), "multiply_adds": flop // 2 // items,
        "step": pace(steps, items, 3 * flop), "forward": pace(forwards, items, flop),
        "peak_rss_bytes": rss,
    }, indent=2))


if __name__ == "__main__":
    main()
