"""The list that `enasd confirm` takes, from searches of one cycle that have ended.

    claims.py FOLDER SEED...

FOLDER/SEED is the state folder of a search, FOLDER/random.json what `enasctl sample --random` drew.
For each search: the policy's choice, the control arm's, and the champion, the better of both by
validation; then uniform draws, and the published architecture where the space has that one.
"""

import json
import math
import pathlib
import sqlite3
import sys

# Pham et al. (2018), as the authors write it.
PUBLISHED = (
    "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
)

# Of each architecture that was trained to the end: its arm, and the mean reward of its nets on the
# validation split.
CHOSEN = """
    SELECT arm, arch, avg(-ln(nll / items)) AS reward FROM trials
    WHERE cause = 'cycle' AND cycle = 0
      AND epochs = (SELECT max(epochs) FROM trials WHERE cause = 'cycle' AND cycle = 0)
    GROUP BY arm, arch ORDER BY reward DESC
"""


def chosen(state):
    """By arm: the architecture with the best mean reward, and that reward."""
    history = sqlite3.connect(f"file:{state / 'history.sqlite'}?mode=ro", uri=True)
    history.create_function("ln", 1, math.log)
    best = {}
    for arm, arch, reward in history.execute(CHOSEN):
        best.setdefault(arm, (arch, reward))
    return best


def main():
    folder, seeds = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for seed in seeds:
        best = chosen(folder / seed)
        print("policy", seed, best["derive"][0])
        print("control", seed, best["random"][0])
        print("champion", seed, max(best.values(), key=lambda found: found[1])[0])
    drawn = json.loads((folder / "random.json").read_text())["archs"]
    for arch in drawn:
        print("random", "-", arch["id"])
    if drawn[0]["id"].startswith("m5-"):
        print("published", "-", PUBLISHED)


main()
