class Leaves(nn.Module):
    """What each leaf makes of words, and of states: their products with its weights."""

    def __init__(self, n_leaves):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * HIDDEN, n_leaves * HIDDEN))

    def forward(self, word, h):
        of_words, of_states = self.weight.chunk(2)
        return (word @ of_words).split(HIDDEN, 1), (h @ of_states).split(HIDDEN, 1)
