"""Witness of a net of words: numbers by PyTorch 2, in f64.

    pip install torch && python torch_words.py > torch_words.json

A cell with every activation, a node that two others read and three ends, read from a state that is
not zero, with both penalties; nothing is dropped, for the masks are random. `words/tests/published.rs`
has the cell, too.
"""

import json

import torch
import torch.nn.functional as F

from torch_layers import Params, digest, image_fill

VOCABULARY, HIDDEN, ROWS, STEPS = 7, 3, 4, 5
ALPHA, BETA = 0.7, 1.3
FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid,
             "identity": lambda x: x}
# The node that each reads, and what it does.
NODES = [[0, "relu"], [1, "tanh"], [1, "sigmoid"], [0, "identity"], [3, "relu"]]
ENDS = [2, 4, 5]


def highway(gates, function, before):
    h, t = gates.chunk(2, -1)
    return before + torch.sigmoid(t) * (FUNCTIONS[function](h) - before)


def witness():
    params = Params()
    embedding = params.take("embedding.weight", VOCABULARY, HIDDEN)
    words = torch.tensor([k * 5 % VOCABULARY for k in range(ROWS * STEPS)]).reshape(STEPS, ROWS)
    labels = torch.tensor([k * 3 % VOCABULARY for k in range(ROWS * STEPS)])
    state = image_fill((ROWS, HIDDEN))
    states = []
    for read in embedding[words]:
        weight = params.take("cell.input.weight", 2 * HIDDEN, 2 * HIDDEN)
        nodes = [highway(torch.cat([read, state], 1) @ weight, "tanh", state)]
        for number, (before, function) in enumerate(NODES, 1):
            weight = params.take(f"cell.node{number}.weight", HIDDEN, 2 * HIDDEN)
            nodes.append(highway(nodes[before] @ weight, function, nodes[before]))
        state = torch.stack([nodes[end] for end in ENDS]).mean(0)
        states.append(state)
    states = torch.stack(states)
    logits = states.reshape(-1, HIDDEN) @ embedding.T
    loss = F.cross_entropy(logits, labels)
    whole = loss + ALPHA * (states**2).mean() + BETA * ((states[1:] - states[:-1]) ** 2).mean()
    whole.backward()
    return {
        "loss": loss.item(),
        "correct": (logits.argmax(1) == labels).sum().item(),
        "logits": digest(logits),
        "carried": digest(state),
        "grads": {name: digest(value.grad) for name, value in sorted(params.items())},
    }


if __name__ == "__main__":
    print(json.dumps({"torch": torch.__version__, **witness()}, separators=(",", ":")))
