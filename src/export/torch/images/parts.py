def padded(x, kernel, stride, value=0.0):
    """Pads for one window in each `stride` cells; an odd rest of the padding goes to the end."""
    pads = []
    for side in (x.shape[3], x.shape[2]):
        n_windows = -(-side // stride)
        total = max((n_windows - 1) * stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def pointwise(x, weight):
    """A 1×1 convolution; `weight` is (channels out, channels in)."""
    return torch.einsum("oc,nchw->nohw", weight, x)


def avg_pool(x, stride):
    """The average of the cells of each 3×3 window that lie in the plane."""
    share = F.avg_pool2d(padded(torch.ones_like(x[:1, :1]), 3, stride), 3, stride)
    return F.avg_pool2d(padded(x, 3, stride), 3, stride) / share


def max_pool(x, stride):
    """The maximum of each 3×3 window."""
    return F.max_pool2d(padded(x, 3, stride, value=-torch.inf), 3, stride)


def gather(tensors, weights, norm):
    """Joins tensors, each by its own rows of one 1×1 convolution."""
    weight = torch.cat([rows.weight for rows in weights], 1)
    return norm(pointwise(F.relu(torch.cat(tensors, 1)), weight))


class Conv(nn.Module):
    """(ReLU,) convolution, norm."""

    def __init__(self, c_in, c_out, kernel, relu):
        super().__init__()
        self.relu = relu
        self.weight = nn.Parameter(torch.zeros(c_out, c_in, kernel, kernel))
        self.norm = Norm(c_out)

    def forward(self, x):
        x = F.relu(x) if self.relu else x
        return self.norm(F.conv2d(padded(x, self.weight.shape[2], 1), self.weight))


class WindowConv(nn.Module):
    """(ReLU,) convolution of any window, norm."""

    def __init__(self, c_in, c_out, kernel, stride, dilation, relu):
        super().__init__()
        self.stride, self.dilation, self.relu = stride, dilation, relu
        self.weight = nn.Parameter(torch.zeros(c_out, c_in, *kernel))
        self.norm = Norm(c_out)

    def forward(self, x):
        x = F.relu(x) if self.relu else x
        pads = []
        # An odd rest of the padding goes to the end.
        for axis in (3, 2):
            side, stride = x.shape[axis], self.stride[axis - 2]
            reach = (self.weight.shape[axis] - 1) * self.dilation + 1
            total = max((-(-side // stride) - 1) * stride + reach - side, 0)
            pads += [total // 2, total - total // 2]
        x = F.conv2d(F.pad(x, pads), self.weight, stride=self.stride, dilation=self.dilation)
        return self.norm(x)


class SepConv(nn.Module):
    """ReLU, depthwise convolution, pointwise convolution, norm."""

    def __init__(self, c_in, c_out, kernel, stride):
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Parameter(torch.zeros(c_in, kernel, kernel))
        self.pointwise = nn.Parameter(torch.zeros(c_out, c_in))
        self.norm = Norm(c_out)

    def forward(self, x):
        x = padded(F.relu(x), self.depthwise.shape[1], self.stride)
        x = F.conv2d(x, self.depthwise[:, None], stride=self.stride, groups=len(self.depthwise))
        return self.norm(pointwise(x, self.pointwise))


class FactorizedReduction(nn.Module):
    """(ReLU,) 1×1 convolutions of every second cell from the first and the second on, norm."""

    def __init__(self, c_in, c_out, relu):
        super().__init__()
        self.relu = relu
        self.even = nn.Parameter(torch.zeros(c_out // 2, c_in))
        self.odd = nn.Parameter(torch.zeros(c_out - c_out // 2, c_in))
        self.norm = Norm(c_out)

    def forward(self, x):
        x = F.relu(x) if self.relu else x
        shifted = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))[:, :, 1::2, 1::2]
        halves = [pointwise(x[:, :, ::2, ::2], self.even), pointwise(shifted, self.odd)]
        return self.norm(torch.cat(halves, 1))
