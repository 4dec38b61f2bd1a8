"""A classifier of images, as plain PyTorch; enasd searched for it and wrote this file.

    python FILE.py WEIGHTS.safetensors IMAGE

tells what an image file shows. In a program:

    model = load("WEIGHTS.safetensors")
    probabilities = model(images).softmax(1)  # `images`: (N, channels, rows, columns), 0 to 255

It needs torch and safetensors, and Pillow to read an image file.
"""

import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
