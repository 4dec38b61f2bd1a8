"""How far what a program computes is from what the engine does.

A number may differ by TOLERANCE of the largest of its case; the largest of every row must be at
the same place.
"""

import numpy as np

TOLERANCE = 1e-4

# The largest difference of each file's numbers.
WORST: dict[str, float] = {}


def difference(what: str, found: np.ndarray, expected: np.ndarray):
    """What is wrong with `found`; `what` says of which file it is, before a comma, and what."""
    if found.shape != expected.shape:
        yield f"{what}: the shape is {found.shape}, not {expected.shape}"
        return
    largest = np.abs(found - expected).max() / np.abs(expected).max()
    WORST[what.split(",")[0]] = max(WORST.get(what.split(",")[0], 0), float(largest))
    if not largest <= TOLERANCE:
        yield f"{what}: a number differs by {largest:.1e} of the largest"
    differ = found.argmax(-1) != expected.argmax(-1)
    if differ.any():
        yield f"{what}: {differ.sum()} of {differ.size} rows have the largest at another place"
