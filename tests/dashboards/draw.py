"""Draws the dashboard's panels from real query results, as a picture for the README.

    draw.py PROMETHEUS_URL END SECONDS SUBTITLE OUT.png

END is the Unix time up to which Prometheus is asked. Needs matplotlib, which the checks do not.
"""

import io
import json
import math
import re
import sys
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter
from PIL import Image

import files as shipped

LABEL = "drawn from real query results; not a Grafana screenshot"
# One cell of Grafana's grid, in inches, and the space between panels.
CELL_WIDTH, CELL_HEIGHT, GAP = 0.58, 0.30, 0.12
HEAD = 2.0
BACK, PANEL, TEXT, DIM = "#111217", "#181b1f", "#d8d9da", "#8e8e8e"
COLORS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#37872d", "#8ab8ff"]
NAMED = {"green": "#56a64b", "orange": "#e0752d", "red": "#c4162a", "blue": "#3d71d9"}


class Prometheus:
    def __init__(self, url: str, end: float, seconds: float):
        self.url, self.end, self.seconds = url, end, seconds

    def ask(self, expr: str, over_time: bool) -> list:
        for name, value in {
            "$job": "enasd",
            "$instance": ".+",
            "$__rate_interval": "20s",
            "$__range": f"{int(self.seconds)}s",
        }.items():
            expr = expr.replace(name, value)
        if over_time:
            path, step = "query_range", max(self.seconds / 300, 1)
            span = {"start": self.end - self.seconds, "end": self.end, "step": step}
        else:
            path, span = "query", {"time": self.end}
        query = urllib.parse.urlencode({"query": expr, **span})
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}") as reply:
            return json.load(reply)["data"]["result"]


def shown(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{100 * value:.1f} %"
    if unit == "s":
        scale = [(3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")]
        size, name = next((one for one in scale if one[0] <= abs(value)), scale[-1])
        return f"{value / size:.3g} {name}" if value else "0"
    if unit == "bytes":
        power = min(int(math.log2(value) / 10), 4) if 1 <= value else 0
        return f"{value / 1024**power:.3g} {['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}"
    if unit == "bool_yes_no":
        return "Yes" if value else "No"
    for size, name in [(1e6, " M"), (1e3, " K")]:
        if size <= abs(value) and unit in ("short", "cps", "reqps"):
            return f"{value / size:.3g}{name}"
    return f"{value:.4g}"


def legend(target: dict, labels: dict) -> str:
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match.group(1), ""), target["legendFormat"])
    return text.replace(labels.get("instance", "\0"), "").strip()


def draw_stat(axes, panel: dict, prometheus: Prometheus):
    axes.axis("off")
    found = prometheus.ask(panel["targets"][0]["expr"], False)
    if not found:
        axes.text(0.5, 0.45, "No data", color=DIM, ha="center", va="center", transform=axes.transAxes)
        return
    value = float(found[0]["value"][1])
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults["thresholds"]["steps"]
    color = [step["color"] for step in steps if step["value"] is None or step["value"] <= value][-1]
    name = panel["options"]["textMode"] == "name"
    text = legend(panel["targets"][0], found[0]["metric"]) if name else shown(value, defaults["unit"])
    axes.text(0.5, 0.45, text, color=NAMED[color], fontsize=15 if len(text) < 12 else 11,
              weight="bold", ha="center", va="center", transform=axes.transAxes)


def draw_graph(axes, panel: dict, prometheus: Prometheus, marks: list):
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    lines = []
    for target in panel["targets"]:
        for found in prometheus.ask(target["expr"], True):
            minutes = [(time - prometheus.end + prometheus.seconds) / 60 for time, _ in found["values"]]
            lines.append((legend(target, found["metric"]), minutes, [float(y) for _, y in found["values"]]))
    if "stacking" in custom:
        most = max((line[1] for line in lines), key=len)
        axes.stackplot(most, [[math.nan] * (len(most) - len(ys)) + ys for _, _, ys in lines],
                       labels=[line[0] for line in lines], colors=COLORS, alpha=0.7)
    else:
        step = "steps-post" if custom["lineInterpolation"] == "stepAfter" else "default"
        for idx, (label, minutes, ys) in enumerate(lines):
            dash = "--" if re.match("low|high", label) else "-"
            axes.plot(minutes, ys, dash, label=label, color=COLORS[idx % len(COLORS)], lw=0.9, drawstyle=step)
    if "scaleDistribution" in custom:
        axes.set_yscale("log")
    if "thresholds" in defaults:
        axes.axhline(0, color=NAMED["red"], lw=0.8, ls=":")
    for minute in marks:
        axes.axvline(minute, color=NAMED["green"], lw=0.6, ls="--")
    axes.set_xlim(0, prometheus.seconds / 60)
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: shown(y, defaults["unit"])))
    axes.yaxis.set_minor_formatter("")
    axes.tick_params(colors=DIM, labelsize=6, length=2)
    axes.grid(color="#2c3235", lw=0.4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(lines) <= 12:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.10), ncols=5, fontsize=6, frameon=False,
                    labelcolor=TEXT, handlelength=1, columnspacing=1)


def new_bests(prometheus: Prometheus, dashboard: dict) -> list:
    """When the annotation begins, in minutes."""
    (note,) = [one for one in dashboard["annotations"]["list"] if one["name"] == "New bests"]
    times = sorted(time for one in prometheus.ask(note["expr"], True) for time, _ in one["values"])
    starts = [time for idx, time in enumerate(times) if idx == 0 or 30 < time - times[idx - 1]]
    return [(time - prometheus.end + prometheus.seconds) / 60 for time in starts]


def main(url: str, end: str, seconds: str, subtitle: str, out: str):
    prometheus = Prometheus(url, float(end), float(seconds))
    dashboard = shipped.read().dashboard
    rows = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in dashboard["panels"])
    width, height = 24 * CELL_WIDTH, (rows + HEAD) * CELL_HEIGHT
    figure = pyplot.figure(figsize=(width, height), facecolor=BACK)
    figure.text(0.01, 1 - 0.22 / height, f"enasd: {LABEL}", color=TEXT, fontsize=13, weight="bold", va="center")
    figure.text(0.01, 1 - 0.46 / height, subtitle, color=DIM, fontsize=9, va="center")
    marks = new_bests(prometheus, dashboard)
    for panel in dashboard["panels"]:
        pos = panel["gridPos"]
        left, top = pos["x"] * CELL_WIDTH, (pos["y"] + HEAD) * CELL_HEIGHT
        if panel["type"] == "row":
            figure.text(0.01, 1 - (top + 0.17) / height, panel["title"], color=TEXT, fontsize=11, va="center")
            continue
        wide, high = pos["w"] * CELL_WIDTH - GAP, pos["h"] * CELL_HEIGHT - GAP
        box = [left / width, 1 - (top + high) / height, wide / width, high / height]
        figure.add_artist(pyplot.Rectangle(box[:2], *box[2:], color=PANEL, zorder=-1,
                                           transform=figure.transFigure))
        figure.text(box[0] + 0.08 / width, 1 - (top + 0.13) / height, panel["title"], color=TEXT, fontsize=7.5,
                    weight="bold", va="center")
        if panel["type"] == "stat":
            draw_stat(figure.add_axes(box), panel, prometheus)
        else:
            inner = [box[0] + 0.55 / width, box[1] + 0.45 / height, (wide - 0.7) / width, (high - 0.75) / height]
            draw_graph(figure.add_axes(inner, facecolor=PANEL), panel, prometheus, marks)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100, facecolor=BACK)
    # Few colours keep the file small enough for a repository.
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
