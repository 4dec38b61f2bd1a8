"""Witness of nets of words with tree cells: numbers by PyTorch 2, in f64.

    pip install torch && python torch_tree.py > torch_tree.json

Two cells as texts, which are read here by what their formulas say: one with every activation and both
combinations, whose c is of the node that is injected and above it, and the LSTM of five leaves. Both are
read from states that are not zero, with both penalties; nothing is dropped, for the masks are random.
"""

import json
import re

import torch
import torch.nn.functional as F

from torch_layers import Params, digest, image_fill
from torch_words import ALPHA, BETA, FUNCTIONS, HIDDEN, ROWS, STEPS, VOCABULARY

TREES = [
    "tree=[tanh(x+h), relu(x*h), sigmoid(x+h), identity(0*1), tanh(2+3)] "
    "inject=sigmoid(3+c) c=4",
    "tree=[sigmoid(x+h), tanh(x+h), identity(x+h), identity(x+h), sigmoid(x+h), identity(0*1), "
    "sigmoid(2+3), tanh(4+5), identity(6*7)] inject=identity(4*c) c=7",
]
TERM = re.compile(r"(\w+)\((\w+)([+*])(\w+)\)")


def join(sign, left, right):
    return left + right if sign == "+" else left * right


def step(arch, words, states, c):
    """h and c after a word, of the products of each leaf."""
    nodes, rest = arch.removeprefix("tree=[").split("] inject=")
    inject, memory = rest.split(" c=")
    function, injected, sign, _ = TERM.fullmatch(inject).groups()
    values, befores = [], []
    for number, node in enumerate(nodes.split(", ")):
        own, left, combine, right = TERM.fullmatch(node).groups()
        leaf = words[number], states[number]
        read = leaf if left == "x" else [values[int(place)] for place in (left, right)]
        befores.append(join(combine, *read))
        value = FUNCTIONS[own](befores[-1])
        if number == int(injected):
            value = FUNCTIONS[function](join(sign, value, c))
        values.append(value)
    return values[-1], befores[int(memory)]


def witness(arch):
    params = Params()
    embedding = params.take("embedding.weight", VOCABULARY, HIDDEN)
    words = torch.tensor([k * 5 % VOCABULARY for k in range(ROWS * STEPS)]).reshape(STEPS, ROWS)
    labels = torch.tensor([k * 3 % VOCABULARY for k in range(ROWS * STEPS)])
    h, c = image_fill((ROWS, 2 * HIDDEN)).chunk(2, 1)
    weight = params.take("cell.leaves.weight", 2 * HIDDEN, arch.count("x") * HIDDEN)
    states = []
    for read in embedding[words]:
        products = [read @ weight[:HIDDEN], h @ weight[HIDDEN:]]
        h, c = step(arch, *(product.split(HIDDEN, 1) for product in products), c)
        states.append(h)
    states = torch.stack(states)
    logits = states.reshape(-1, HIDDEN) @ embedding.T
    loss = F.cross_entropy(logits, labels)
    whole = loss + ALPHA * (states**2).mean() + BETA * ((states[1:] - states[:-1]) ** 2).mean()
    whole.backward()
    return {
        "arch": arch,
        "loss": loss.item(),
        "correct": (logits.argmax(1) == labels).sum().item(),
        "logits": digest(logits),
        "carried": digest(torch.cat([h, c], 1)),
        "grads": {name: digest(value.grad) for name, value in sorted(params.items())},
    }


if __name__ == "__main__":
    trees = [witness(arch) for arch in TREES]
    print(json.dumps({"torch": torch.__version__, "trees": trees}, separators=(",", ":")))
