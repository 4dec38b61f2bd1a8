"""Draws every result that is kept beside it, as SVG.

    figures.py [FOLDER]      target/trust/figures by default

A study becomes Kendall's τ of each score with its interval, under the ceiling; a confirmation, the
test accuracy of each architecture by group, and every difference with its interval. Needs nothing
but Python.
"""

import gzip
import html
import json
import pathlib
import sys

RESULTS = pathlib.Path(__file__).parent / "results"
WIDTH, LEFT, RIGHT, ROW = 760, 290, 150, 22
STYLE = (
    "text{font:13px sans-serif;fill:#222}.faint{fill:#777}.axis{stroke:#bbb}"
    ".band{stroke:#2a6f97;stroke-width:2}.dot{fill:#2a6f97}.ceiling{fill:#e9f1f6}"
)


class Drawing:
    """Rows of dots and bands over one scale."""

    def __init__(self, title, low, high):
        self.low, self.high, self.parts, self.row = low, high, [], 0
        self.title = title

    def x(self, value):
        share = (value - self.low) / (self.high - self.low)
        return LEFT + max(0.0, min(1.0, share)) * (WIDTH - LEFT - RIGHT)

    @property
    def y(self):
        return 62 + ROW * self.row

    def text(self, x, y, text, rest=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {rest}>{html.escape(text)}</text>')

    def add(self, label, dots, band=None, note=""):
        self.text(LEFT - 10, self.y + 4, label, 'text-anchor="end"')
        if band:
            low, high = (self.x(value) for value in band)
            y = self.y
            self.parts.append(f'<path class="band" d="M{low:.1f} {y}H{high:.1f}"/>')
        for dot in dots:
            self.parts.append(f'<circle class="dot" cx="{self.x(dot):.1f}" cy="{self.y}" r="3.5"/>')
        self.text(WIDTH - RIGHT + 12, self.y + 4, note, 'class="faint"')
        self.row += 1

    def svg(self, marks, ceiling=None):
        height, bottom = self.y + 26, self.y - 8
        under = []
        if ceiling:
            low, high = (self.x(value) for value in ceiling)
            under.append(
                f'<path class="ceiling" d="M{low:.1f} 44H{high:.1f}V{bottom}H{low:.1f}Z"/>'
            )
        for mark in marks:
            x = self.x(mark)
            under.append(f'<path class="axis" d="M{x:.1f} 44V{bottom}"/>')
            self.text(x, bottom + 18, f"{mark:g}", 'text-anchor="middle" class="faint"')
        self.text(10, 22, self.title)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
            f"<style>{STYLE}</style>" + "".join(under + self.parts) + "</svg>\n"
        )


def study(name, found):
    ceiling = found["ceiling"]
    title = f"{name}: Kendall's τ with retrained architectures; shaded: the ceiling"
    drawing = Drawing(title, -0.5, 1.0)
    for one in found["estimates"]:
        tau = one["tau"]
        if tau is not None:
            band = tau["low"], tau["high"]
            drawing.add(one["name"], [tau["mean"]], band, f"{tau['mean']:+.2f}")
    shade = ceiling and (ceiling["low"], ceiling["high"])
    return {"tau": drawing.svg([-0.5, 0, 0.5, 1], shade)}


def accuracy(arch):
    return sum(net["correct"] / net["items"] for net in arch["nets"]) / len(arch["nets"])


def confirmation(name, found):
    groups = {}
    for arch in found["archs"]:
        groups.setdefault(arch["group"], []).append(100 * accuracy(arch))
    all_of = [value for values in groups.values() for value in values]
    low, high = int(min(all_of)), int(max(all_of)) + 1
    title = f"{name}: test accuracy of each architecture, %, mean of {found['seeds']} nets"
    dots = Drawing(title, low, high)
    for group, values in groups.items():
        dots.add(group, values, None, f"mean {sum(values) / len(values):.2f}")
    bands = [one for one in found["differences"] if one["accuracy"]]
    points = [100 * end for one in bands for end in (one["accuracy"]["low"], one["accuracy"]["high"])]
    reach = int(max(map(abs, points))) + 1
    differences = Drawing(f"{name}: difference in points, 95 %", -reach, reach)
    for one in bands:
        mean, low_end, high_end = (100 * one["accuracy"][key] for key in ("mean", "low", "high"))
        how = f", {one['pairs']} pairs" if one["pairs"] else ""
        label = f"{one['group']} − {one['than']}{how}"
        differences.add(label, [mean], (low_end, high_end), f"{mean:+.2f}")
    return {
        "groups": dots.svg(range(low, high + 1, max(1, (high - low) // 6))),
        "differences": differences.svg([-reach, 0, reach]),
    }


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/trust/figures")
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(RESULTS.glob("*.json.gz")):
        name = path.name.removesuffix(".json.gz")
        found = json.loads(gzip.decompress(path.read_bytes()))
        drawings = (study if "estimates" in found else confirmation)(name, found)
        for what, svg in drawings.items():
            (folder / f"{name}-{what}.svg").write_text(svg)
            print(folder / f"{name}-{what}.svg")


main()
