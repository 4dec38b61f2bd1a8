class Node(nn.Module):
    """s + σ(t)·(f(h) − s) of a state s; [h | t] is the product of what it reads and its weights."""

    def __init__(self, n_inputs, function):
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.zeros(n_inputs, 2 * HIDDEN))

    def forward(self, state, word=None):
        read = state if word is None else torch.cat([word, state], 1)
        h, t = (read @ self.weight).chunk(2, 1)
        return state + t.sigmoid() * (self.function(h) - state)
