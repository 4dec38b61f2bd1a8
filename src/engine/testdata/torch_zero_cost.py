"""Witness of the zero-cost measures (Abdelfattah et al., 2021) by PyTorch 2, in f64.

    pip install torch && python torch_zero_cost.py > torch_zero_cost.json

Of the nets that stand alone of `torch_net.py`, written from the papers: gradients by autograd,
correlations and eigenvalues by PyTorch's linear algebra.
"""

import json

import torch
import torch.nn.functional as F

import torch_layers
from torch_layers import Params, image_fill, param_fill
from torch_net import ARCHS, IMAGE, LABELS, Child

# k of Mellor et al. (2020).
RIDGE = 1e-5


class Magnitudes(Params):
    """|w| for w."""

    def take(self, name, *shape):
        if name not in self:
            self[name] = param_fill(name, shape).abs().requires_grad_()
        return self[name]


def no_norm(x, params, path, moments=None):
    """A normalization that changes nothing, before its scale and its offset."""
    scale = params.take(f"{path}.norm.scale", x.shape[1])
    offset = params.take(f"{path}.norm.offset", x.shape[1])
    return x * scale[:, None, None] + offset[:, None, None]


def grads(params):
    """Of the auxiliary head there are none."""
    return {name: value.grad for name, value in params.items() if value.grad is not None}


def grad_norm(arch):
    child = Child(arch, True)
    logits, _ = child.logits(image_fill(IMAGE))
    F.cross_entropy(logits, torch.tensor(LABELS)).backward()
    return sum(grad.norm().item() for grad in grads(child.params).values())


def log_synflow(arch):
    child = Child(arch, True)
    child.params = Magnitudes()
    normed, torch_layers.norm = torch_layers.norm, no_norm
    logits, _ = child.logits(torch.ones(1, *IMAGE[1:]))
    torch_layers.norm = normed
    logits.sum().backward()
    flow = [(child.params[name] * grad).abs().sum() for name, grad in grads(child.params).items()]
    return torch.stack(flow).sum().log().item()


def jacobian_covariance(arch):
    images = image_fill(IMAGE).requires_grad_()
    logits, _ = Child(arch, True).logits(images)
    logits.sum().backward()
    eigenvalues = torch.linalg.eigvalsh(torch.corrcoef(images.grad.flatten(1)))
    return -(torch.log(eigenvalues + RIDGE) + 1 / (eigenvalues + RIDGE)).sum().item()


if __name__ == "__main__":
    nets = [{"arch": arch, "grad_norm": grad_norm(arch), "log_synflow": log_synflow(arch),
             "jacobian_covariance": jacobian_covariance(arch)} for arch in ARCHS]
    print(json.dumps({"torch": torch.__version__, "nets": nets}, indent=1))
