"""Whether a longer training ranks architectures as a shorter one does.

    longer.py SHORTER.json LONGER.json

Both are `study.json` of `enasd study`, perhaps compressed, with the same architectures. Prints
Kendall's τ of the mean −ln nll of both, with an interval from 2,000 resamples of the architectures.
"""

import gzip
import itertools
import json
import math
import random
import sys


def truths(path):
    """The mean −ln nll of each architecture's nets."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt") as file:
        found = json.load(file)
    return {one["id"]: -sum(math.log(net["nll"] / net["items"]) for net in one["nets"])
            / len(one["nets"]) for one in found["archs"]}


def tau(pairs):
    """Kendall's τ-b."""
    agree = differ = others = 0
    for (a, b), (c, d) in itertools.combinations(pairs, 2):
        first, second = (a > c) - (a < c), (b > d) - (b < d)
        agree += first * second
        differ += first != 0
        others += second != 0
    scale = (differ * others) ** 0.5
    return agree / scale if scale else 0.0


def main():
    shorter, longer = (truths(path) for path in sys.argv[1:])
    pairs = [(shorter[arch], longer[arch]) for arch in shorter if arch in longer]
    if len(pairs) < 10:
        sys.exit(f"longer.py: the studies have {len(pairs)} architectures in common")
    draws = random.Random(1)
    resampled = sorted(tau(draws.choices(pairs, k=len(pairs))) for _ in range(2_000))
    low, high = resampled[49], resampled[1_949]
    print(f"τ {tau(pairs):+.2f} (95 % {low:+.2f} to {high:+.2f}) over {len(pairs)} architectures")
    for name, found in (("shorter", shorter), ("longer", longer)):
        best = sorted(found, key=found.get)[-len(found) // 5:]
        print(f"best fifth by the {name}: {sum(longer[arch] for arch in best) / len(best):.4f} "
              f"by the longer, of a mean of {sum(longer.values()) / len(longer):.4f}")


if __name__ == "__main__":
    main()
