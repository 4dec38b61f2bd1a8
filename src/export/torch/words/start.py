"""A language model, as plain PyTorch; enasd searched for its cell and wrote this file.

    python FILE.py WEIGHTS.safetensors TEXT

tells the perplexity of a text file, and the words that may follow it. In a program:

    model = load("WEIGHTS.safetensors")
    state = model.start(rows)  # Before a text; `rows` texts are read side by side.
    log_probabilities, state = model(ids, state)  # `ids`: (steps, rows), places in VOCABULARY

and so on with the state after the words before, from window to window. It needs torch and
safetensors.
"""

import math
import sys

import torch
from safetensors.torch import load_file
from torch import nn
